/**
 * The machine as a QEMU process: "off" means that there is none.
 *
 *     off ── powerOn ──▶ starting ──▶ on ── guest, forceOff, crash ──▶ off
 *     off ── open, QEMU found alive ─▶ on
 *     on  ── QMP lost, process alive ─▶ on, reconnecting
 *     on  ── reset that needs other hardware ─▶ on, another QEMU in the place of the first: one reset to all others
 *
 * Whether the machine runs is decided by its process alone (number and start time); QMP tells why it ended. A
 * QEMU that no longer answers is a machine that runs.
 */
import { resolve } from 'node:path';
import { type BootOverride, isUefiTarget, type MachineBootOverride } from '../../bmc/boot.ts';
import { BmcError } from '../../bmc/errors.ts';
import type { RunningFirmware } from '../../bmc/firmware-update.ts';
import type { FirmwareBootEntry, MachineBootDevice, MachineInventory, NicPart } from '../../bmc/inventory.ts';
import {
  type HostConsole,
  type HostScreen,
  type Machine,
  type MachineEvent,
  type MachineHardware,
  type MachineMedium,
  type MachineNic,
  type MachineReset,
  type MachineSetup,
  type MachineTelemetry,
  type NicCounters,
  sameHardware,
} from '../../bmc/machine.ts';
import type { MediaSlot } from '../../bmc/media-images.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { Emitter } from '../../lib/emitter.ts';
import type { Logger } from '../../lib/log.ts';
import type { Supervisor } from '../../supervise/supervisor.ts';
import { QmpCommandError } from '../qmp/client.ts';
import type { QmpCommand, QmpCommands } from '../qmp/commands.ts';
import { adoptOrRefuse, adoptQemu } from './adopt-qemu.ts';
import { bootIndexSteps, bootIndices, inBootOrder } from './boot-order.ts';
import { BootSettler } from './boot-settler.ts';
import { bootDevicesOf, cpuModelFor, deviceParts } from './command-line.ts';
import { hardwareOf, type QemuMachineConfig } from './config.ts';
import type { CpuQuota } from './cpu-quota.ts';
import { serialChardevId } from './devices/serial.ts';
import {
  driveParts,
  memoryParts,
  pciParts,
  processorParts,
  readSeenParts,
  type SeenParts,
  writeSeenParts,
} from './inventory.ts';
import { type AcceleratorChoice, chooseAccelerator } from './kvm-probe.ts';
import { QemuFirmware, slotOf } from './machine-firmware.ts';
import type { NicProvider } from './nic-provider.ts';
import { processUsage } from './process.ts';
import type { MachineParts, QemuRun } from './qemu-run.ts';
import { RunDir } from './run-dir.ts';
import { QemuScreen } from './screen.ts';
import { QemuSecureBoot } from './secure-boot.ts';
import { SerialConsole } from './serial-console.ts';
import { startError, startQemu } from './start-qemu.ts';
import { UefiBootEntries } from './uefi-boot-entries.ts';
import { hasSecureFirmware, isSecure, requireUefi } from './uefi-variables.ts';
import { changeMedium } from './virtual-media.ts';

export interface QemuMachineOptions {
  readonly config: QemuMachineConfig;
  /** For sockets and what belongs to one run; private to this machine. */
  readonly runDir: string;
  /** For what must survive a power cycle: the UEFI variables. */
  readonly stateDir: string;
  /** Starts the launcher with the same run directory. */
  readonly supervisor: Supervisor;
  readonly nics: NicProvider;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Without it processor time cannot be held down. */
  readonly cpuQuota?: CpuQuota | undefined;
  /** Another probe, for tests. */
  readonly chooseAccelerator?: typeof chooseAccelerator;
}

export class QemuMachine implements Machine {
  readonly #config: QemuMachineConfig;
  readonly #runDir: RunDir;
  readonly #stateDir: string;
  readonly #supervisor: Supervisor;
  readonly #nics: NicProvider;
  readonly #log: Logger;
  readonly #chooseAccelerator: typeof chooseAccelerator;
  readonly #events = new Emitter<MachineEvent>();
  readonly #console: SerialConsole;
  readonly #screen: QemuScreen;
  readonly #boot: BootSettler;
  readonly #parts: MachineParts;
  readonly firmware: QemuFirmware;
  readonly #bootEntries: UefiBootEntries;
  #unwatchBootEntries: (() => void) | undefined;
  readonly secureBoot?: QemuSecureBoot;
  readonly limitCpu?: (share: number | undefined) => Promise<void>;
  readonly #cpuQuota: CpuQuota | undefined;
  /** Of all processors; undefined: no limit. */
  #cpuShare: number | undefined;
  #setup: () => MachineSetup = () => ({ labels: undefined, hardware: {} });
  #seen: SeenParts | undefined;
  #run: QemuRun | undefined;
  /** The latest change of media: the next one waits for it. */
  #changingMedia: Promise<void> = Promise.resolve();
  #starting: Promise<void> | undefined;
  /** One QEMU takes the place of another: the machine is on all the time. */
  #exchanging = false;
  /** Ends a start that has been overtaken by `forceOff` or `close`. */
  #startAborted = new AbortController();
  #acceleratorChoice: Promise<AcceleratorChoice> | undefined;

  /** @throws {RangeError} when the run directory's path is too long for unix sockets */
  constructor(options: QemuMachineOptions) {
    const clock = options.clock ?? systemClock;
    this.#config = options.config;
    this.#runDir = new RunDir(options.runDir);
    this.#stateDir = resolve(options.stateDir);
    this.#seen = readSeenParts(this.#stateDir);
    this.#bootEntries = new UefiBootEntries(this.#stateDir, options.log);
    this.firmware = new QemuFirmware({
      paths: this.#config.firmware,
      stateDir: this.#stateDir,
      running: () => this.#runningFirmware,
    });
    if (hasSecureFirmware(this.#config.firmware)) this.secureBoot = this.#secureBoot();
    this.#supervisor = options.supervisor;
    this.#nics = options.nics;
    this.#log = options.log;
    this.#cpuQuota = options.cpuQuota;
    if (options.cpuQuota) this.limitCpu = (share) => this.#limitCpu(share);
    this.#chooseAccelerator = options.chooseAccelerator ?? chooseAccelerator;
    this.#console = new SerialConsole(this.#runDir.serialLog, () => this.#sendBreak());
    this.#screen = new QemuScreen(this.#runDir, () => this.#run);
    this.#boot = new BootSettler(
      clock,
      (override) => this.#applyBootOverride(override),
      (error) => this.#log.warn({ err: error }, 'boot order not changed, will try again'),
    );
    this.#parts = {
      config: this.#config,
      runDir: this.#runDir,
      console: this.#console,
      boot: this.#boot,
      nics: this.#nics,
      clock,
      log: this.#log,
      report: (event) => this.#report(event),
      setup: () => this.#setup(),
      firmware: this.firmware,
      takesOver: (run, by) => this.#takesOver(run, by),
    };
    this.#nics.on((event) => {
      if (event.kind === 'link') this.#events.emit({ kind: 'link', nic: event.id, up: event.up });
      else this.#events.emit({ kind: 'nic', change: event.change, text: event.text });
    });
  }

  get running(): boolean {
    return this.#exchanging || (this.#run?.isOn ?? false);
  }

  get console(): HostConsole {
    return this.#console;
  }

  get nics(): readonly MachineNic[] {
    return this.#nics.nics;
  }

  nicCounters(id: string): NicCounters | undefined {
    return this.#nics.counters(id);
  }

  get hardware(): MachineHardware {
    return this.#run?.hardware ?? this.#hardwareWith(this.#boot.wanted);
  }

  get configured(): MachineHardware {
    return hardwareOf(this.#config, {}, undefined);
  }

  get inventory(): MachineInventory {
    const { hardware } = this;
    const { disks } = this.#config;
    const accelerator = this.#run?.accelerator?.accelerator;
    return {
      processors: processorParts(hardware, accelerator && cpuModelFor(this.#config, accelerator)),
      memory: memoryParts(hardware),
      // Looked up when asked for: it reads the images' headers.
      get drives() {
        return driveParts(disks);
      },
      nics: this.#knownNics,
      tpm: hardware.tpm ? { id: 'tpm0', version: '2.0', works: this.#run?.tpmWorks ?? true } : undefined,
      pci: this.#seen?.pci ?? [],
    };
  }

  get bootDevices(): readonly MachineBootDevice[] {
    const config = this.#config;
    const { media = [], hardware: wanted } = this.#setup();
    const hardware = hardwareOf(config, wanted, undefined);
    const { networkBoot, bootOrder } = hardware;
    const drives = bootDevicesOf(deviceParts({ config, run: this.#runDir, media, hardware }, []));
    const missing = this.nics.filter(({ backend }) => backend === 'none').map(({ id }) => id);
    const cards = this.#knownNics
      .filter(({ id }) => !missing.includes(id))
      .map(({ id }) => ({ id, bootClass: 'pxe' as const }));
    return inBootOrder([...drives, ...(networkBoot ? cards : [])], {
      ids: bootOrder,
      classes: config.bootOrder,
    }).map(({ id, bootClass }) => ({ id, kind: bootClass }));
  }

  get bootEntries(): readonly FirmwareBootEntry[] {
    const hardware = hardwareOf(this.#config, this.#setup().hardware, undefined);
    return hardware.firmware === 'uefi' ? this.#bootEntries.of(hardware) : [];
  }

  /** The cards of the machine that runs; those of its latest start; those that the first one will make. */
  get #knownNics(): readonly NicPart[] {
    const { nics, planned } = this.#nics;
    if (this.running && nics.length > 0) return nics.map(({ id, mac }) => ({ id, mac }));
    return this.#seen?.nics ?? planned;
  }

  /** How the machine that runs computes, and why so. */
  get accelerator(): AcceleratorChoice | undefined {
    return this.#run?.accelerator;
  }

  /** QEMU's process, while the machine runs. */
  get processId(): number | undefined {
    return this.#run?.process.pid;
  }

  get screen(): HostScreen {
    return this.#screen;
  }

  on(listener: (event: MachineEvent) => void): () => void {
    return this.#events.on(listener);
  }

  setUpBy(setup: () => MachineSetup): void {
    this.#setup = setup;
  }

  async open(): Promise<void> {
    if (this.#run) return;
    this.#unwatchBootEntries ??= this.#bootEntries.watch(() => this.#events.emit({ kind: 'parts' }));
    this.#runDir.create();
    const process = this.#runDir.livingProcess();
    if (process) {
      await this.#nics.adopt();
      const run = await adoptQemu(this.#parts, process);
      if (!run) return this.open();
      this.#adopted(run);
      return;
    }
    // A demand that this host cannot meet is better said at once than at the first power-on.
    if (this.#config.acceleratorMode === 'true') await this.#accelerator();
    const record = this.#runDir.readRecord();
    this.#runDir.forget();
    this.#removeQuota();
    await this.#nics.release();
    await this.#nics.plan().catch((error: unknown) => {
      this.#log.warn({ err: error }, 'network cards of the next start not looked up');
    });
    if (record) {
      this.#log.warn({ poweredOnAt: record.poweredOnAt }, 'QEMU ended while nobody watched');
      this.#events.emit({
        kind: 'stopped',
        why: 'crashed',
        detail: this.#runDir.lastErrors() || 'ended while nobody watched',
      });
    }
  }

  async close(): Promise<void> {
    // A machine that is on shall go on: an exchange is brought to its end.
    if (!this.#exchanging) this.#startAborted.abort();
    await this.#starting?.catch(() => undefined);
    const run = this.#run;
    this.#run = undefined;
    run?.leave();
    this.#unwatchBootEntries?.();
    this.#unwatchBootEntries = undefined;
    await this.#nics.close();
  }

  powerOn(): Promise<void> {
    if (this.running) return Promise.resolve();
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async forceOff(): Promise<void> {
    this.#startAborted.abort();
    await this.#starting?.catch(() => undefined);
    await this.#run?.forceOff();
  }

  async pressPowerButton(): Promise<void> {
    await this.#command('system_powerdown');
  }

  async reset(): Promise<void> {
    if (this.#starting) await this.#starting.catch(() => undefined);
    const run = this.#requireRun();
    if (run.ending) throw new BmcError('wrong-state', 'the machine is being switched off');
    if (this.#isOutdated(run, this.#boot.wanted)) {
      this.#requireFirmware(this.#boot.wanted);
      return this.#exchange(run, 'bmc');
    }
    await this.#asBmcError(() => this.#boot.flush());
    await this.#command('system_reset');
    // A machine that its watchdog or a disk error had paused runs again after the reset button.
    const { running } = await this.#command('query-status');
    if (!running && this.#run === run) await this.#command('cont');
  }

  async pause(): Promise<void> {
    await this.#command('stop');
  }

  async resume(): Promise<void> {
    await this.#command('cont');
  }

  async diagnosticInterrupt(): Promise<void> {
    await this.#command('inject-nmi');
  }

  changeMedium(slot: MediaSlot, medium: MachineMedium | undefined): Promise<void> {
    const change = this.#changingMedia.then(() => this.#changeMedium(slot, medium));
    this.#changingMedia = change.catch(() => undefined);
    return change;
  }

  setBootOverride(override: MachineBootOverride | undefined): void {
    this.#boot.want(override);
  }

  /**
   * QEMU's own processor time and resident memory, emulation included: what this machine really costs its host. A
   * hung QEMU tells it, too, since nobody asks QEMU.
   */
  async telemetry(): Promise<MachineTelemetry | undefined> {
    const run = this.#run;
    if (!run?.isOn) return undefined;
    const usage = await processUsage(run.process);
    return usage && { cpuSeconds: usage.cpuSeconds, memoryUsedMb: usage.residentMb };
  }

  // --- Starting and adopting ---

  async #start(): Promise<void> {
    const startedAt = performance.now();
    this.#startAborted = new AbortController();
    const aborted = this.#startAborted.signal;
    this.#runDir.create();

    const living = this.#runDir.livingProcess();
    if (living) {
      await this.#nics.adopt();
      this.#adopted(await adoptOrRefuse(this.#parts, living));
      return;
    }
    const accelerator = await this.#accelerator();
    const probedAt = performance.now();
    const run = await this.#startQemu(accelerator, aborted);
    this.#announce(run, false);
    this.#log.info(
      {
        pid: run.process.pid,
        accelerator: accelerator.accelerator,
        acceleratorReason: accelerator.reason,
        boot: this.#boot.applied?.target,
        ...run.hardware,
        probeMs: Math.round(probedAt - startedAt),
        ms: Math.round(performance.now() - startedAt),
      },
      'machine on',
    );
  }

  async #startQemu(accelerator: AcceleratorChoice, aborted: AbortSignal): Promise<QemuRun> {
    try {
      const hardware = this.#hardwareWith(this.#boot.wanted);
      if (isSecure(hardware)) this.secureBoot?.makeWaiting();
      const { cpus } = hardware;
      const nics = await this.#nics.prepare({ cpus, aborted });
      const run = await startQemu(this.#parts, {
        supervisor: this.#supervisor,
        stateDir: this.#stateDir,
        accelerator,
        nics,
        aborted,
      });
      this.#boot.started();
      return run;
    } catch (cause) {
      if (!this.#runDir.livingProcess()) await this.#nics.release();
      throw startError(cause);
    }
  }

  #adopted(run: QemuRun): void {
    this.#announce(run, true);
    this.#log.info(
      { pid: run.process.pid, accelerator: run.accelerator?.accelerator },
      'running machine taken over',
    );
  }

  #announce(run: QemuRun, adopted: boolean): void {
    this.#run = run;
    run.watch();
    this.#holdDown(run);
    void this.#lookAtParts(run);
    this.#report({ kind: 'started', adopted });
    if (run.paused) this.#report({ kind: 'paused' });
  }

  #report(event: MachineEvent): void {
    if (event.kind === 'stopped') {
      this.#run = undefined;
      this.#removeQuota();
      void this.#nics.release().then(() => this.#events.emit({ kind: 'parts' }));
    }
    this.#events.emit(event);
  }

  // --- What is told of it ---

  /** What QEMU has made of the cards and of the bus. Nobody waits for it: a machine runs also when this fails. */
  async #lookAtParts(run: QemuRun): Promise<void> {
    try {
      const buses = await run.qmp?.execute('query-pci');
      if (!buses || this.#run !== run) return;
      const nics = this.#nics.nics.map(({ id, mac }) => ({ id, mac }));
      const seen = { nics, pci: pciParts(buses) };
      if (JSON.stringify(seen) === JSON.stringify(this.#seen)) return;
      // They are there whether a disk keeps them or not.
      this.#seen = seen;
      this.#events.emit({ kind: 'parts' });
      writeSeenParts(this.#stateDir, seen);
    } catch (error) {
      this.#log.warn({ err: error }, 'parts of the machine not seen');
    }
  }

  get #runningFirmware(): RunningFirmware | undefined {
    const run = this.#run;
    if (!run?.isOn || !run.firmware) return undefined;
    return { slot: slotOf(run.hardware), file: run.firmware.file };
  }

  #secureBoot(): QemuSecureBoot {
    const runs = () => this.#run?.isOn === true && isSecure(this.#run.hardware);
    return new QemuSecureBoot({
      ...{ paths: this.#config.firmware, stateDir: this.#stateDir },
      ...{ runs, inUse: () => runs() || this.#starting !== undefined },
    });
  }

  // --- Processor time ---

  async #limitCpu(share: number | undefined): Promise<void> {
    this.#cpuShare = share;
    if (this.#run?.isOn) this.#applyCpuShare(this.#run);
  }

  #applyCpuShare(run: QemuRun): void {
    const processors = this.#cpuShare === undefined ? undefined : this.#cpuShare * run.hardware.cpus;
    this.#cpuQuota?.limit(run.process.pid, processors);
  }

  /** A machine that starts, or was taken over: its limit is the one of now. */
  #holdDown(run: QemuRun): void {
    try {
      this.#applyCpuShare(run);
    } catch (error) {
      this.#log.error({ err: error }, 'processor time not limited');
    }
  }

  #removeQuota(): void {
    this.#cpuQuota?.remove().catch((error: unknown) => {
      // A machine that has been started meanwhile is in it again.
      if (!this.running) this.#log.warn({ err: error }, 'control group not removed');
    });
  }

  // --- Resets that need another QEMU ---

  #hardwareWith(override: BootOverride | undefined): MachineHardware {
    return hardwareOf(this.#config, this.#setup().hardware, override);
  }

  /** The next boot is to find other hardware, firmware or variables of it than this QEMU has. */
  #isOutdated(run: QemuRun, override: BootOverride | undefined): boolean {
    // QEMU holds the variables: they are changed between two of them only.
    if (override && isUefiTarget(override.target)) return true;
    const hardware = this.#hardwareWith(override);
    if (!sameHardware(hardware, run.hardware)) return true;
    if (isSecure(hardware) && this.secureBoot?.hasWaiting) return true;
    if (!run.firmware) return false;
    const next = this.firmware.inUse(hardware, this.#setup().firmware ?? {});
    return next.file !== run.firmware.file || next.variables !== run.firmware.variables;
  }

  #requireFirmware(override: BootOverride | undefined): void {
    const hardware = this.#hardwareWith(override);
    if (hardware.firmware === 'uefi') requireUefi(this.#config.firmware, hardware);
  }

  /**
   * The guest has been reset, and its firmware has just begun. It has touched nothing yet: until it looks for
   * something to boot, half a second at least passes, and QEMU ends within milliseconds.
   */
  #takesOver(run: QemuRun, by: MachineReset): boolean {
    const override = this.#boot.applied;
    if (run.ending || !this.#isOutdated(run, override)) return false;
    try {
      this.#requireFirmware(override);
    } catch (error) {
      this.#log.error({ err: error }, 'the reset keeps the hardware as it is');
      return false;
    }
    this.#exchange(run, by).catch((error: unknown) => {
      this.#log.error({ err: error }, 'machine not made anew at its reset');
      if (run.isOn) this.#report({ kind: 'reset', by });
    });
    return true;
  }

  #exchange(run: QemuRun, by: MachineReset): Promise<void> {
    this.#starting ??= this.#replace(run, by).finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #replace(run: QemuRun, by: MachineReset): Promise<void> {
    const startedAt = performance.now();
    this.#startAborted = new AbortController();
    const aborted = this.#startAborted.signal;
    const accelerator = run.accelerator ?? (await this.#accelerator());
    const wasPaused = run.paused;
    this.#exchanging = true;
    try {
      await run.retire();
      await this.#nics.release();
      const next = await this.#startQemu(accelerator, aborted);
      this.#run = next;
      next.watch();
      this.#holdDown(next);
      void this.#lookAtParts(next);
      this.#log.info(
        { pid: next.process.pid, ...next.hardware, ms: Math.round(performance.now() - startedAt) },
        'machine made anew at its reset',
      );
    } catch (error) {
      this.#exchanging = false;
      if (!run.isOn) {
        const why = aborted.aborted ? 'forced' : 'crashed';
        this.#report({ kind: 'stopped', why, detail: (error as Error).message });
      }
      throw error;
    }
    this.#exchanging = false;
    this.#report({ kind: 'reset', by });
    if (wasPaused) this.#report({ kind: 'resumed' });
  }

  /** Probed once in our life: neither the host nor the CPU model changes. A failed probe is tried again. */
  async #accelerator(): Promise<AcceleratorChoice> {
    this.#acceleratorChoice ??= this.#chooseAccelerator(this.#config.acceleratorMode, {
      qemuBinary: this.#config.qemuBinary,
      cpuModel: cpuModelFor(this.#config, 'kvm'),
    });
    try {
      return await this.#acceleratorChoice;
    } catch (cause) {
      this.#acceleratorChoice = undefined;
      throw new BmcError('wrong-state', (cause as Error).message, { cause });
    }
  }

  // --- Commands ---

  #requireRun(): QemuRun {
    const run = this.#run;
    if (!run) throw new BmcError('wrong-state', 'the machine is off');
    return run;
  }

  async #command<
    C extends 'system_powerdown' | 'system_reset' | 'query-status' | 'stop' | 'cont' | 'inject-nmi',
  >(command: C): Promise<QmpCommands[C]['return']> {
    if (this.#starting) await this.#starting.catch(() => undefined);
    const { qmp } = this.#requireRun();
    if (!qmp) throw new BmcError('timed-out', 'QEMU does not answer');
    return this.#asBmcError(() => qmp.execute<QmpCommand>(command, {}) as Promise<QmpCommands[C]['return']>);
  }

  async #asBmcError<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (cause) {
      if (cause instanceof BmcError) throw cause;
      const kind = cause instanceof QmpCommandError || !this.#run ? 'wrong-state' : 'timed-out';
      throw new BmcError(kind, (cause as Error).message, { cause });
    }
  }

  async #changeMedium(slot: MediaSlot, medium: MachineMedium | undefined): Promise<void> {
    if (this.#starting) await this.#starting.catch(() => undefined);
    const run = this.#run;
    if (!run?.isOn || run.ending) return;
    try {
      await this.#asBmcError(() => changeMedium(run, slot, medium));
    } catch (error) {
      // A machine that has ended meanwhile starts with what it is to have.
      if (run.isOn) throw error;
      return;
    }
    const record = this.#runDir.readRecord();
    const { bootDevices, media } = run;
    if (record) this.#runDir.writeRecord({ ...record, bootDevices, media });
    if (slot === 'usb') this.#boot.devicesChanged();
  }

  #sendBreak(): void {
    this.#run?.qmp?.execute('chardev-send-break', { id: serialChardevId }).catch((error: unknown) => {
      this.#log.debug({ err: error }, 'break not sent');
    });
  }

  async #applyBootOverride(override: MachineBootOverride | undefined): Promise<void> {
    const run = this.#requireRun();
    const { qmp } = run;
    if (!qmp) throw new BmcError('timed-out', 'QEMU does not answer');
    const indices = bootIndices(
      run.bootDevices,
      { ids: run.hardware.bootOrder, classes: this.#config.bootOrder },
      override?.target,
    );
    // Sent at once: QEMU takes them one after the other, with little room for a reset in between.
    await Promise.all(
      bootIndexSteps(indices).map(({ id, index }) =>
        qmp.execute('qom-set', { path: `/machine/peripheral/${id}`, property: 'bootindex', value: index }),
      ),
    );
    const record = this.#runDir.readRecord();
    if (record) this.#runDir.writeRecord({ ...record, bootOverride: override ?? null });
    this.#log.debug({ boot: override?.target ?? 'own order' }, 'boot order changed');
  }
}
