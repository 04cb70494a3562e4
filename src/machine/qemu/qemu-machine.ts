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
import type { MachineBootOverride } from '../../bmc/boot.ts';
import { BmcError } from '../../bmc/errors.ts';
import type { RunningFirmware } from '../../bmc/firmware-update.ts';
import type { FirmwareBootEntry, MachineBootDevice, MachineInventory } from '../../bmc/inventory.ts';
import type {
  HostConsole,
  HostScreen,
  Machine,
  MachineEvent,
  MachineHardware,
  MachineMedium,
  MachineNic,
  MachineReset,
  MachineSetup,
  MachineTelemetry,
  NicCounters,
} from '../../bmc/machine.ts';
import type { MediaSlot } from '../../bmc/media-images.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { Emitter } from '../../lib/emitter.ts';
import type { Logger } from '../../lib/log.ts';
import type { Supervisor } from '../../supervise/supervisor.ts';
import { QmpCommandError } from '../qmp/client.ts';
import type { QmpCommand, QmpCommands } from '../qmp/commands.ts';
import { adoptOrRefuse, adoptQemu } from './adopt-qemu.ts';
import { bootIndexSteps, bootIndices } from './boot-order.ts';
import { BootSettler } from './boot-settler.ts';
import { cpuModelFor } from './command-line.ts';
import { hardwareOf, type QemuMachineConfig } from './config.ts';
import { CpuLimit } from './cpu-limit.ts';
import type { CpuQuota } from './cpu-quota.ts';
import { serialChardevId } from './devices/serial.ts';
import { type AcceleratorChoice, chooseAccelerator } from './kvm-probe.ts';
import { QemuFirmware, slotOf } from './machine-firmware.ts';
import { QemuInventory } from './machine-inventory.ts';
import { NextStart } from './next-start.ts';
import type { NicProvider } from './nic-provider.ts';
import { processUsage } from './process.ts';
import type { MachineParts, QemuRun } from './qemu-run.ts';
import { RunDir } from './run-dir.ts';
import { QemuScreen } from './screen.ts';
import { QemuSecureBoot } from './secure-boot.ts';
import { SerialConsole } from './serial-console.ts';
import { startError, startQemu } from './start-qemu.ts';
import { hasSecureFirmware, isSecure } from './uefi-variables.ts';
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
  readonly #inventory: QemuInventory;
  readonly #next: NextStart;
  readonly secureBoot?: QemuSecureBoot;
  readonly limitCpu?: (share: number | undefined) => Promise<void>;
  readonly #cpu: CpuLimit | undefined;
  #setup: () => MachineSetup = () => ({ labels: undefined, hardware: {} });
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
    this.firmware = new QemuFirmware({
      paths: this.#config.firmware,
      stateDir: this.#stateDir,
      running: () => this.#runningFirmware,
    });
    if (hasSecureFirmware(this.#config.firmware)) this.secureBoot = this.#secureBoot();
    this.#supervisor = options.supervisor;
    this.#nics = options.nics;
    this.#log = options.log;
    const { cpuQuota } = options;
    if (cpuQuota) {
      const cpu = new CpuLimit(cpuQuota, () => (this.#run?.isOn ? this.#run : undefined), this.#log);
      this.#cpu = cpu;
      this.limitCpu = async (share) => cpu.set(share);
    }
    this.#next = new NextStart({
      config: this.#config,
      setup: () => this.#setup(),
      firmware: this.firmware,
      secureBoot: this.secureBoot,
    });
    this.#inventory = new QemuInventory({
      config: this.#config,
      runDir: this.#runDir,
      stateDir: this.#stateDir,
      nics: this.#nics,
      setup: () => this.#setup(),
      hardware: () => this.hardware,
      run: () => this.#run,
      running: () => this.running,
      changed: () => this.#events.emit({ kind: 'parts' }),
      log: this.#log,
    });
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
    return this.#run?.hardware ?? this.#next.hardware(this.#boot.wanted);
  }

  get configured(): MachineHardware {
    return hardwareOf(this.#config, {}, undefined);
  }

  get inventory(): MachineInventory {
    return this.#inventory.parts;
  }

  get bootDevices(): readonly MachineBootDevice[] {
    return this.#inventory.bootDevices;
  }

  get bootEntries(): readonly FirmwareBootEntry[] {
    return this.#inventory.bootEntries;
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
    this.#inventory.watch();
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
    this.#cpu?.remove();
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
    this.#inventory.close();
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
    if (this.#next.differs(run, this.#boot.wanted)) {
      this.#next.requireFirmware(this.#boot.wanted);
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
      const { cpus } = this.#next.prepare(this.#boot.wanted);
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
    this.#cpu?.holdDown(run);
    void this.#inventory.look(run);
    this.#report({ kind: 'started', adopted });
    if (run.paused) this.#report({ kind: 'paused' });
  }

  #report(event: MachineEvent): void {
    if (event.kind === 'stopped') {
      this.#run = undefined;
      this.#cpu?.remove();
      void this.#nics.release().then(() => this.#events.emit({ kind: 'parts' }));
    }
    this.#events.emit(event);
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

  // --- Resets that need another QEMU ---

  /**
   * The guest has been reset, and its firmware has just begun. It has touched nothing yet: until it looks for
   * something to boot, half a second at least passes, and QEMU ends within milliseconds.
   */
  #takesOver(run: QemuRun, by: MachineReset): boolean {
    const override = this.#boot.applied;
    if (run.ending || !this.#next.differs(run, override)) return false;
    try {
      this.#next.requireFirmware(override);
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
      this.#cpu?.holdDown(next);
      void this.#inventory.look(next);
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
