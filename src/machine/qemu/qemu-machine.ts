/**
 * The machine as a QEMU process: "off" means that there is none.
 *
 *     off ── powerOn ──▶ starting ──▶ on ── guest, forceOff, crash ──▶ off
 *     off ── open, QEMU found alive ─▶ on
 *     on  ── QMP lost, process alive ─▶ on, reconnecting
 *
 * Whether the machine runs is decided by its process alone (number and start time); QMP tells why it ended. A
 * QEMU that no longer answers is a machine that runs.
 */
import { resolve } from 'node:path';
import type { BootOverride } from '../../bmc/boot.ts';
import { BmcError } from '../../bmc/errors.ts';
import type {
  HostConsole,
  Machine,
  MachineEvent,
  MachineHardware,
  MachineTelemetry,
} from '../../bmc/machine.ts';
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
import type { QemuMachineConfig } from './config.ts';
import { serialChardevId } from './devices/serial.ts';
import { type AcceleratorChoice, chooseAccelerator } from './kvm-probe.ts';
import { processUsage } from './process.ts';
import type { MachineParts, QemuRun } from './qemu-run.ts';
import { RunDir } from './run-dir.ts';
import { SerialConsole } from './serial-console.ts';
import { startQemu } from './start-qemu.ts';

export interface QemuMachineOptions {
  readonly config: QemuMachineConfig;
  /** For sockets and what belongs to one run; private to this machine. */
  readonly runDir: string;
  /** For what must survive a power cycle: the UEFI variables. */
  readonly stateDir: string;
  /** Starts the launcher with the same run directory. */
  readonly supervisor: Supervisor;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Another probe, for tests. */
  readonly chooseAccelerator?: typeof chooseAccelerator;
}

export class QemuMachine implements Machine {
  readonly #config: QemuMachineConfig;
  readonly #runDir: RunDir;
  readonly #stateDir: string;
  readonly #supervisor: Supervisor;
  readonly #log: Logger;
  readonly #chooseAccelerator: typeof chooseAccelerator;
  readonly #events = new Emitter<MachineEvent>();
  readonly #console: SerialConsole;
  readonly #boot: BootSettler;
  readonly #parts: MachineParts;
  #run: QemuRun | undefined;
  #starting: Promise<void> | undefined;
  /** Ends a start that has been overtaken by `forceOff` or `close`. */
  #startAborted = new AbortController();
  #acceleratorChoice: Promise<AcceleratorChoice> | undefined;

  /** @throws {RangeError} when the run directory's path is too long for unix sockets */
  constructor(options: QemuMachineOptions) {
    const clock = options.clock ?? systemClock;
    this.#config = options.config;
    this.#runDir = new RunDir(options.runDir);
    this.#stateDir = resolve(options.stateDir);
    this.#supervisor = options.supervisor;
    this.#log = options.log;
    this.#chooseAccelerator = options.chooseAccelerator ?? chooseAccelerator;
    this.#console = new SerialConsole(this.#runDir.serialLog, () => this.#sendBreak());
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
      clock,
      log: this.#log,
      report: (event) => this.#report(event),
    };
  }

  get running(): boolean {
    return this.#run?.isOn ?? false;
  }

  get console(): HostConsole {
    return this.#console;
  }

  get hardware(): MachineHardware {
    const { cpus, memoryMb } = this.#config;
    return { cpus, memoryMb };
  }

  /** How the machine that runs computes, and why so. */
  get accelerator(): AcceleratorChoice | undefined {
    return this.#run?.accelerator;
  }

  /** QEMU's process, while the machine runs. */
  get processId(): number | undefined {
    return this.#run?.process.pid;
  }

  /** Where VNC is served when no TCP port was asked for. */
  get vncSocket(): string | undefined {
    return this.#config.vncPort === undefined ? this.#runDir.vncSocket : undefined;
  }

  on(listener: (event: MachineEvent) => void): () => void {
    return this.#events.on(listener);
  }

  async open(): Promise<void> {
    if (this.#run) return;
    this.#runDir.create();
    const process = this.#runDir.livingProcess();
    if (process) {
      const run = await adoptQemu(this.#parts, process);
      if (!run) return this.open();
      this.#adopted(run);
      return;
    }
    // A demand that this host cannot meet is better said at once than at the first power-on.
    if (this.#config.acceleratorMode === 'true') await this.#accelerator();
    const record = this.#runDir.readRecord();
    this.#runDir.forget();
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
    this.#startAborted.abort();
    await this.#starting?.catch(() => undefined);
    const run = this.#run;
    this.#run = undefined;
    run?.leave();
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
    const run = this.#requireRun();
    await this.#asBmcError(() => this.#boot.flush());
    await this.#command('system_reset');
    // A machine that its watchdog or a disk error had paused runs again after the reset button.
    const { running } = await this.#command('query-status');
    if (!running && this.#run === run) await this.#command('cont');
  }

  async diagnosticInterrupt(): Promise<void> {
    await this.#command('inject-nmi');
  }

  setBootOverride(override: BootOverride | undefined): void {
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
      this.#adopted(await adoptOrRefuse(this.#parts, living));
      return;
    }
    const accelerator = await this.#accelerator();
    const probedAt = performance.now();
    const run = await startQemu(this.#parts, {
      supervisor: this.#supervisor,
      stateDir: this.#stateDir,
      accelerator,
      aborted,
    });
    this.#boot.started();
    this.#announce(run, false);
    this.#log.info(
      {
        pid: run.process.pid,
        accelerator: accelerator.accelerator,
        acceleratorReason: accelerator.reason,
        boot: this.#boot.applied?.target,
        probeMs: Math.round(probedAt - startedAt),
        ms: Math.round(performance.now() - startedAt),
      },
      'machine on',
    );
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
    this.#report({ kind: 'started', adopted });
  }

  #report(event: MachineEvent): void {
    if (event.kind === 'stopped') this.#run = undefined;
    this.#events.emit(event);
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

  async #command<C extends 'system_powerdown' | 'system_reset' | 'query-status' | 'cont' | 'inject-nmi'>(
    command: C,
  ): Promise<QmpCommands[C]['return']> {
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

  #sendBreak(): void {
    this.#run?.qmp?.execute('chardev-send-break', { id: serialChardevId }).catch((error: unknown) => {
      this.#log.debug({ err: error }, 'break not sent');
    });
  }

  async #applyBootOverride(override: BootOverride | undefined): Promise<void> {
    const run = this.#requireRun();
    const { qmp } = run;
    if (!qmp) throw new BmcError('timed-out', 'QEMU does not answer');
    const indices = bootIndices(run.bootDevices, this.#config.bootOrder, override?.target);
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
