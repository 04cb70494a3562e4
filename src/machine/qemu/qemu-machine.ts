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
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BootOverride } from '../../bmc/boot.ts';
import { BmcError } from '../../bmc/errors.ts';
import type {
  HostConsole,
  Machine,
  MachineEvent,
  MachineHardware,
  MachineStop,
  MachineTelemetry,
} from '../../bmc/machine.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { Emitter } from '../../lib/emitter.ts';
import type { Logger } from '../../lib/log.ts';
import { launcherLockedExitCode } from '../../supervise/launcher.ts';
import type { Supervisor } from '../../supervise/supervisor.ts';
import { QmpClient, QmpCommandError } from '../qmp/client.ts';
import type { QmpCommand, QmpCommands, QmpEvent, QmpEvents } from '../qmp/commands.ts';
import { type BootDevice, bootIndexSteps, bootIndices } from './boot-order.ts';
import { BootSettler } from './boot-settler.ts';
import { commandLine, cpuModelFor } from './command-line.ts';
import type { QemuMachineConfig } from './config.ts';
import { serialChardevId } from './devices/serial.ts';
import { checkDisk } from './disk-image.ts';
import { type AcceleratorChoice, chooseAccelerator } from './kvm-probe.ts';
import { isAlive, killProcess, type ProcessRef, processEnds, processUsage } from './process.ts';
import { ResetFilter } from './reset-filter.ts';
import { RunDir, type RunRecord } from './run-dir.ts';
import { SerialConsole } from './serial-console.ts';
import { firmwareMenus, SetupKeys } from './setup-keys.ts';

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

const startTimeoutMs = 10_000;
const pollMs = 5;
/** How often a start that shows no process asks the supervisor whether there is still hope. */
const supervisorPollMs = 100;
/** For a QEMU that may be served by somebody else, or hang. */
const adoptTimeoutMs = 2000;
const quitTimeoutMs = 1000;
const killTimeoutMs = 5000;
/** Between the end of QEMU's sockets and the end of its process. */
const endTimeoutMs = 250;
const maxReconnectDelayMs = 2000;
/** A reset this soon after the watchdog's event is the watchdog's. */
const watchdogResetMs = 1000;

/** One QEMU process, from its start or adoption to its end. */
interface Run {
  readonly process: ProcessRef;
  readonly bootDevices: readonly BootDevice[];
  readonly accelerator: AcceleratorChoice | undefined;
  readonly resets: ResetFilter;
  qmp: QmpClient | undefined;
  shutdown: QmpEvents['SHUTDOWN'] | undefined;
  forced: boolean;
  watchdogAt: number;
  /** Events are reported from here on. */
  announced: boolean;
}

export class QemuMachine implements Machine {
  readonly #config: QemuMachineConfig;
  readonly #runDir: RunDir;
  readonly #stateDir: string;
  readonly #supervisor: Supervisor;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #chooseAccelerator: typeof chooseAccelerator;
  readonly #events = new Emitter<MachineEvent>();
  readonly #console: SerialConsole;
  readonly #boot: BootSettler;
  #run: Run | undefined;
  #starting: Promise<void> | undefined;
  /** Ends a start that has been overtaken by `forceOff` or `close`. */
  #startAborted = new AbortController();
  #acceleratorChoice: Promise<AcceleratorChoice> | undefined;
  #setupKeys: SetupKeys | undefined;
  #ended: (() => void)[] = [];

  /** @throws {RangeError} when the run directory's path is too long for unix sockets */
  constructor(options: QemuMachineOptions) {
    this.#config = options.config;
    this.#runDir = new RunDir(options.runDir);
    this.#stateDir = resolve(options.stateDir);
    this.#supervisor = options.supervisor;
    this.#log = options.log;
    this.#clock = options.clock ?? systemClock;
    this.#chooseAccelerator = options.chooseAccelerator ?? chooseAccelerator;
    this.#console = new SerialConsole(this.#runDir.serialLog, () => this.#sendBreak());
    this.#console.tap((bytes) => this.#setupKeys?.output(bytes));
    this.#boot = new BootSettler(
      this.#clock,
      (override) => this.#applyBootOverride(override),
      (error) => this.#log.warn({ err: error }, 'boot order not changed, will try again'),
    );
  }

  get running(): boolean {
    return this.#run?.announced ?? false;
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
      await this.#adopt(process);
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
    this.#detach(run);
    for (const wake of this.#ended.splice(0)) wake();
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
    const run = this.#run;
    if (!run) return;
    run.forced = true;
    const gone = new Promise<void>((wake) => this.#ended.push(wake));
    await run.qmp?.execute('quit', {}, { timeoutMs: quitTimeoutMs }).catch((error: unknown) => {
      this.#log.debug({ err: error }, 'QEMU did not take quit');
    });
    // SIGTERM in between would change nothing: the launcher has it blocked.
    if (!(await processEnds(run.process, quitTimeoutMs))) {
      this.#log.warn({ pid: run.process.pid }, 'QEMU did not quit, killing it');
      killProcess(run.process);
      if (!(await processEnds(run.process, killTimeoutMs))) {
        throw new BmcError('timed-out', `QEMU (pid ${run.process.pid}) does not end even by SIGKILL`);
      }
    }
    if (this.#run === run) this.#runEnded(run);
    await gone;
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
    if (!run?.announced) return undefined;
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
      await this.#adoptOrRefuse(living);
      return;
    }
    const { accelerator, reason } = await this.#accelerator();
    const probedAt = performance.now();
    for (const disk of this.#config.disks) checkDisk(disk);
    const override = this.#boot.starting();
    const { argv, bootDevices } = this.#commandLine(accelerator, override);
    this.#runDir.clear();
    this.#runDir.writeArgs(argv);
    this.#runDir.writeRecord({
      name: this.#config.name,
      accelerator,
      acceleratorReason: reason,
      poweredOnAt: this.#clock.wallTime(),
      bootDevices,
      bootOverride: override ?? null,
    });

    let run: Run | undefined;
    try {
      const deadline = performance.now() + startTimeoutMs;
      await this.#supervisor.start();
      const process = await this.#launched(deadline, aborted);
      run = this.#newRun(process, bootDevices, { accelerator, reason });
      const qmp = await this.#firstQmp(process, deadline, aborted);
      this.#useQmp(run, qmp);
      await this.#console.attach(this.#runDir.serialSocket, { adopting: false });
      if (override?.target === 'bios-setup') this.#pressSetupKeys();
      run.resets.started();
      await qmp.execute('cont');
      if (!isAlive(process)) throw this.#startFailure('QEMU ended at once');
    } catch (cause) {
      const error = startError(cause);
      this.#log.error({ err: error }, 'machine does not start');
      // Whatever was started must not be left behind unowned.
      const process =
        run?.process ?? (error instanceof LockedError ? undefined : this.#runDir.livingProcess());
      run?.qmp?.close();
      this.#endConsole();
      if (process) {
        killProcess(process);
        await processEnds(process, killTimeoutMs);
      }
      // Another QEMU's files are not ours to remove.
      if (!this.#runDir.livingProcess()) this.#runDir.forget();
      throw error;
    }
    this.#announce(run, false);
    this.#log.info(
      {
        pid: run.process.pid,
        accelerator,
        acceleratorReason: reason,
        boot: override?.target,
        probeMs: Math.round(probedAt - startedAt),
        ms: Math.round(performance.now() - startedAt),
      },
      'machine on',
    );
  }

  #commandLine(accelerator: 'kvm' | 'tcg', bootOverride: BootOverride | undefined) {
    try {
      return commandLine({
        config: this.#config,
        run: this.#runDir,
        accelerator,
        bootOverride,
        uefiVariables: this.#uefiVariables(),
      });
    } catch (cause) {
      if (cause instanceof BmcError) throw cause;
      throw new BmcError('wrong-state', `configuration: ${(cause as Error).message}`, { cause });
    }
  }

  /** The machine's own variable store, made from the template when it is first needed. */
  #uefiVariables(): string {
    const path = join(this.#stateDir, 'ovmf-vars.fd');
    if (this.#config.bootMode !== 'uefi') return path;
    const { ovmfCode, ovmfVarsTemplate } = this.#config.firmware;
    for (const file of [ovmfCode, ovmfVarsTemplate]) {
      if (!existsSync(file)) {
        throw new BmcError(
          'wrong-state',
          `UEFI firmware ${file} is missing: install the Debian package ovmf`,
        );
      }
    }
    if (!existsSync(path)) {
      mkdirSync(this.#stateDir, { recursive: true, mode: 0o700 });
      copyFileSync(ovmfVarsTemplate, `${path}.new`);
      renameSync(`${path}.new`, path);
    }
    return path;
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

  /** Waits for the launcher to say which process it became. */
  async #launched(deadline: number, aborted: AbortSignal): Promise<ProcessRef> {
    let askAt = performance.now() + supervisorPollMs;
    for (;;) {
      const process = this.#runDir.readProcess();
      if (process) return process;
      if (aborted.aborted) throw new BmcError('wrong-state', 'power-on was interrupted');
      const now = performance.now();
      if (now >= deadline)
        throw this.#startFailure(`no QEMU process within ${startTimeoutMs} ms`, 'timed-out');
      if (now >= askAt) {
        askAt = now + supervisorPollMs;
        const { state, exitCode } = await this.#supervisor.status();
        // Looked for once more: it may have come and gone since.
        if (state === 'stopped' && !this.#runDir.readProcess()) {
          if (exitCode === launcherLockedExitCode) throw new LockedError();
          throw this.#startFailure(`the launcher ended with code ${exitCode ?? 'unknown'}`);
        }
      }
      await sleep(pollMs);
    }
  }

  async #firstQmp(process: ProcessRef, deadline: number, aborted: AbortSignal): Promise<QmpClient> {
    for (;;) {
      if (!isAlive(process)) throw this.#startFailure('QEMU ended at once');
      if (aborted.aborted) throw new BmcError('wrong-state', 'power-on was interrupted');
      const left = deadline - performance.now();
      if (left <= 0) throw this.#startFailure(`no QMP within ${startTimeoutMs} ms`, 'timed-out');
      try {
        return await QmpClient.connect(this.#runDir.qmpSocket, { timeoutMs: left });
      } catch {
        await sleep(pollMs);
      }
    }
  }

  #startFailure(reason: string, kind: 'wrong-state' | 'timed-out' = 'wrong-state'): BmcError {
    const said = this.#runDir.lastErrors();
    return new BmcError(kind, said ? `${reason}: ${said}` : reason);
  }

  /** Takes over a QEMU that runs; one that does not answer is taken over as a machine that hangs. */
  async #adopt(process: ProcessRef): Promise<void> {
    const record = this.#runDir.readRecord();
    let qmp: QmpClient | undefined;
    try {
      qmp = await QmpClient.connect(this.#runDir.qmpSocket, { timeoutMs: adoptTimeoutMs });
    } catch (error) {
      if (!isAlive(process)) return this.open();
      this.#log.warn({ err: error, pid: process.pid }, 'QEMU runs but does not answer');
    }
    await this.#takeOver(process, record, qmp);
  }

  /** Before a start: a QEMU that runs here is either taken over, or nobody may start a second. */
  async #adoptOrRefuse(process: ProcessRef): Promise<void> {
    let qmp: QmpClient;
    try {
      qmp = await QmpClient.connect(this.#runDir.qmpSocket, { timeoutMs: adoptTimeoutMs });
    } catch (cause) {
      throw new BmcError(
        'wrong-state',
        `QEMU (pid ${process.pid}) already runs this machine and cannot be taken over: ${(cause as Error).message}`,
        { cause },
      );
    }
    await this.#takeOver(process, this.#runDir.readRecord(), qmp);
  }

  async #takeOver(
    process: ProcessRef,
    record: RunRecord | undefined,
    qmp: QmpClient | undefined,
  ): Promise<void> {
    const run = this.#newRun(
      process,
      record?.bootDevices ?? [],
      record && { accelerator: record.accelerator, reason: record.acceleratorReason },
    );
    if (qmp) {
      this.#useQmp(run, qmp);
      try {
        const { name } = await qmp.execute('query-name');
        if (name !== this.#config.name) {
          throw new BmcError(
            'wrong-state',
            `QEMU (pid ${process.pid}) in ${this.#runDir.path} calls itself ${name}, not ${this.#config.name}`,
          );
        }
        await this.#console.attach(this.#runDir.serialSocket, { adopting: true });
        await this.#continueFromStart(qmp);
      } catch (error) {
        if (error instanceof BmcError || !isAlive(process)) {
          qmp.close();
          this.#endConsole();
          throw error instanceof BmcError ? error : startError(error);
        }
        this.#log.warn({ err: error, pid: process.pid }, 'QEMU taken over in part');
      }
    }
    this.#boot.adopted(record?.bootOverride ?? undefined);
    this.#announce(run, true);
    this.#log.info({ pid: process.pid, accelerator: record?.accelerator }, 'running machine taken over');
  }

  #newRun(
    process: ProcessRef,
    bootDevices: readonly BootDevice[],
    accelerator: AcceleratorChoice | undefined,
  ): Run {
    return {
      process,
      bootDevices,
      accelerator,
      resets: new ResetFilter(this.#clock),
      qmp: undefined,
      shutdown: undefined,
      forced: false,
      watchdogAt: Number.NEGATIVE_INFINITY,
      announced: false,
    };
  }

  #announce(run: Run, adopted: boolean): void {
    this.#run = run;
    run.announced = true;
    if (!adopted) this.#boot.started();
    this.#events.emit({ kind: 'started', adopted });
    // The connection may have ended before there was anybody to tell, or never have come about.
    if (!run.qmp) void this.#qmpClosed(run);
  }

  // --- While it runs ---

  #useQmp(run: Run, qmp: QmpClient): void {
    run.qmp = qmp;
    qmp.on((event) => this.#qmpEvent(run, event));
    qmp.onClose(() => {
      if (run.qmp === qmp) run.qmp = undefined;
      if (run.announced) void this.#qmpClosed(run);
    });
  }

  #qmpEvent(run: Run, event: QmpEvent): void {
    switch (event.event) {
      case 'SHUTDOWN':
        run.shutdown = event.data;
        break;
      case 'RESET':
        this.#guestReset(run, event.data);
        break;
      case 'WATCHDOG':
        run.watchdogAt = this.#clock.now();
        this.#emit(run, { kind: 'watchdog', action: event.data.action });
        break;
      case 'GUEST_PANICKED':
        this.#emit(run, { kind: 'panic' });
        break;
      case 'BLOCK_IO_ERROR':
        this.#log.error(event.data, 'disk error');
        break;
      default:
        this.#log.trace({ event: event.event }, 'QMP event');
    }
  }

  #guestReset(run: Run, { reason }: QmpEvents['RESET']): void {
    const commanded = reason === 'host-qmp-system-reset';
    this.#boot.disturbed();
    if (!run.resets.isReset(commanded)) return;
    const byWatchdog = !commanded && this.#clock.now() - run.watchdogAt < watchdogResetMs;
    if (this.#boot.applied?.target === 'bios-setup') this.#pressSetupKeys();
    else this.#setupKeys?.stop();
    this.#emit(run, { kind: 'reset', by: commanded ? 'bmc' : byWatchdog ? 'watchdog' : 'guest' });
  }

  #emit(run: Run, event: MachineEvent): void {
    if (run.announced && this.#run === run) this.#events.emit(event);
  }

  /** Either QEMU ended, or only our connection to it. */
  async #qmpClosed(run: Run): Promise<void> {
    if (await processEnds(run.process, endTimeoutMs)) {
      this.#runEnded(run);
      return;
    }
    if (this.#run !== run) return;
    this.#log.warn({ pid: run.process.pid }, 'QMP lost, QEMU still runs');
    await this.#reconnect(run);
  }

  async #reconnect(run: Run): Promise<void> {
    for (let delayMs = 100; this.#run === run; delayMs = Math.min(delayMs * 2, maxReconnectDelayMs)) {
      if (await processEnds(run.process, delayMs)) {
        this.#runEnded(run);
        return;
      }
      if (this.#run !== run) return;
      let qmp: QmpClient;
      try {
        qmp = await QmpClient.connect(this.#runDir.qmpSocket, { timeoutMs: adoptTimeoutMs });
      } catch {
        continue;
      }
      if (this.#run !== run) {
        qmp.close();
        return;
      }
      this.#useQmp(run, qmp);
      try {
        if (!this.#console.connected) {
          await this.#console.attach(this.#runDir.serialSocket, { adopting: true });
        }
        await this.#continueFromStart(qmp);
        this.#log.info({ pid: run.process.pid }, 'QMP connected again');
        return;
      } catch (error) {
        this.#log.warn({ err: error, pid: run.process.pid }, 'QEMU answers in part');
        // Its closing begins all this anew.
        if (qmp.isOpen) qmp.close();
        return;
      }
    }
  }

  /** Our earlier life may have ended between QEMU's start and its first instruction. */
  async #continueFromStart(qmp: QmpClient): Promise<void> {
    const { status } = await qmp.execute('query-status');
    if (status === 'prelaunch') await qmp.execute('cont');
  }

  #runEnded(run: Run): void {
    if (this.#run !== run) return;
    this.#run = undefined;
    this.#detach(run);
    const { why, detail } = this.#whyEnded(run);
    this.#runDir.forget();
    this.#log.info({ pid: run.process.pid, why, detail }, 'machine off');
    this.#events.emit({ kind: 'stopped', why, ...(detail !== undefined && { detail }) });
    for (const wake of this.#ended.splice(0)) wake();
  }

  #whyEnded({ shutdown, forced }: Run): { why: MachineStop; detail?: string } {
    switch (shutdown?.reason) {
      case 'guest-shutdown':
      case 'guest-panic':
        return { why: 'guest' };
      case 'host-qmp-quit':
        return forced
          ? { why: 'forced' }
          : { why: 'crashed', detail: 'QEMU was told to quit by somebody else' };
      default: {
        if (forced) return { why: 'forced' };
        const said = this.#runDir.lastErrors();
        return { why: 'crashed', detail: said || `QEMU ended: ${shutdown?.reason ?? 'no reason given'}` };
      }
    }
  }

  /** Leaves a QEMU alone: closes what we hold of it. */
  #detach(run: Run | undefined): void {
    this.#boot.stopped();
    this.#endConsole();
    if (!run) return;
    const qmp = run.qmp;
    run.qmp = undefined;
    qmp?.close();
  }

  #endConsole(): void {
    this.#setupKeys?.stop();
    this.#console.detach();
  }

  // --- Commands ---

  #requireRun(): Run {
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

  #pressSetupKeys(): void {
    this.#setupKeys?.stop();
    const keys = new SetupKeys(
      this.#clock,
      firmwareMenus[this.#config.bootMode],
      () => this.#pressEscape(),
      (shown) => {
        if (this.#setupKeys === keys) this.#setupKeys = undefined;
        this.#log.debug({ shown }, 'firmware menu');
      },
    );
    this.#setupKeys = keys;
  }

  #pressEscape(): void {
    this.#run?.qmp
      ?.execute('send-key', { keys: [{ type: 'qcode', data: 'esc' }] })
      .catch((error: unknown) => {
        this.#log.debug({ err: error }, 'key not sent');
      });
  }
}

/** Somebody else's QEMU runs in our run directory: it is not ours to end. */
class LockedError extends BmcError {
  constructor() {
    super('wrong-state', 'another QEMU holds the lock of this machine');
  }
}

function startError(cause: unknown): BmcError {
  if (cause instanceof BmcError) return cause;
  return new BmcError('wrong-state', `QEMU cannot be started: ${(cause as Error).message}`, { cause });
}
