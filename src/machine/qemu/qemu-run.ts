/**
 * One QEMU process, followed from its start or adoption to its end: its QMP events, the loss of the connection,
 * why it ended. How it came to be is not known here.
 *
 *     starting ── watch ──▶ on ── process gone ──▶ over, `stopped` reported
 *     on ── QMP lost, process alive ──▶ on, reconnecting
 *     starting, on ── leave ──▶ over, nothing reported; QEMU may live on
 *     on ── retire ──▶ over, nothing reported; QEMU has ended
 */
import { BmcError } from '../../bmc/errors.ts';
import type {
  MachineEvent,
  MachineHardware,
  MachineMedium,
  MachineReset,
  MachineSetup,
  MachineStop,
} from '../../bmc/machine.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { QmpClient } from '../qmp/client.ts';
import type { QmpEvent, QmpEvents, QmpRunState } from '../qmp/commands.ts';
import type { BootDevice } from './boot-order.ts';
import type { BootSettler } from './boot-settler.ts';
import type { QemuMachineConfig } from './config.ts';
import { nicNetdevId } from './devices/nic.ts';
import { isVirtualCd } from './devices/virtual-media.ts';
import type { AcceleratorChoice } from './kvm-probe.ts';
import type { FirmwareInUse, QemuFirmware } from './machine-firmware.ts';
import type { NicProvider } from './nic-provider.ts';
import { killProcess, type ProcessRef, processEnds } from './process.ts';
import { ResetFilter } from './reset-filter.ts';
import type { RunDir } from './run-dir.ts';
import type { SerialConsole } from './serial-console.ts';
import { firmwareMenus, SetupKeys } from './setup-keys.ts';
import { TpmWatch } from './tpm.ts';

/** For a QEMU that may be served by somebody else, or hang. */
export const adoptTimeoutMs = 2000;
export const killTimeoutMs = 5000;
const quitTimeoutMs = 1000;
/** Between the end of QEMU's sockets and the end of its process. */
const endTimeoutMs = 250;
/** A QEMU that lives on for so long after its TPM's process goes on without it. */
const tpmAloneMs = 2000;
const maxReconnectDelayMs = 2000;
/** A reset this soon after the watchdog's event is the watchdog's. */
const watchdogResetMs = 1000;
/** A machine in these is not paused: it runs, is about to, or its guest has put it to sleep. */
const movingStates: readonly QmpRunState[] = ['running', 'prelaunch', 'suspended'];

/** What a machine has whether it runs or not, and each of its runs works with. */
export interface MachineParts {
  readonly config: QemuMachineConfig;
  readonly runDir: RunDir;
  readonly console: SerialConsole;
  readonly boot: BootSettler;
  readonly nics: NicProvider;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told what happens to a run that is watched; `stopped` comes last. */
  readonly report: (event: MachineEvent) => void;
  /** Asked at each start. */
  readonly setup: () => MachineSetup;
  readonly firmware: QemuFirmware;
  /**
   * The guest was reset.
   * @returns true when another QEMU takes the place of this one; the reset is reported by whoever starts it
   */
  readonly takesOver: (run: QemuRun, by: MachineReset) => boolean;
}

/** How a QEMU was started, as far as it is known. */
export interface RunOrigin {
  readonly process: ProcessRef;
  /** Of its TPM, where it has one. */
  readonly tpm: ProcessRef | undefined;
  readonly bootDevices: readonly BootDevice[];
  readonly accelerator: AcceleratorChoice | undefined;
  readonly hardware: MachineHardware;
  /** What is in its drives for removable media. */
  readonly media: readonly MachineMedium[];
  /** Undefined when that is not known. */
  readonly firmware: FirmwareInUse | undefined;
}

export class QemuRun {
  readonly process: ProcessRef;
  /** Changes when a stick is plugged in or out. */
  bootDevices: readonly BootDevice[];
  /** What is in its drives for removable media, kept by whoever changes it. */
  media: readonly MachineMedium[];
  /** A tray that moves now is moved by us. */
  changingMedia = false;
  readonly accelerator: AcceleratorChoice | undefined;
  readonly hardware: MachineHardware;
  readonly firmware: FirmwareInUse | undefined;
  readonly #parts: MachineParts;
  readonly #log: Logger;
  readonly #resets: ResetFilter;
  readonly #tpmWatch: TpmWatch | undefined;
  readonly #untap: () => void;
  readonly #ignoreNics: () => void;
  #phase: 'starting' | 'on' | 'over' = 'starting';
  #qmp: QmpClient | undefined;
  #setupKeys: SetupKeys | undefined;
  #shutdown: QmpEvents['SHUTDOWN'] | undefined;
  #forced = false;
  #paused = false;
  /** What is about to stop it. */
  #diskError: string | undefined;
  #tpmWorks = true;
  #watchdogAt = Number.NEGATIVE_INFINITY;
  readonly #untilOver: Promise<void>;
  #tellOver: () => void = () => undefined;

  constructor(parts: MachineParts, origin: RunOrigin) {
    const { process, tpm, bootDevices, accelerator, hardware, media, firmware } = origin;
    this.process = process;
    this.bootDevices = bootDevices;
    this.accelerator = accelerator;
    this.hardware = hardware;
    this.firmware = firmware;
    this.media = media;
    this.#parts = parts;
    this.#log = parts.log;
    this.#resets = new ResetFilter(parts.clock);
    this.#tpmWatch = tpm && new TpmWatch(tpm, parts.clock, () => void this.#tpmEnded());
    this.#untap = parts.console.tap((bytes) => this.#setupKeys?.output(bytes));
    this.#ignoreNics = parts.nics.on((event) => {
      if (event.kind === 'link') this.#setLink(event.id, event.up);
    });
    this.#untilOver = new Promise((resolve) => {
      this.#tellOver = resolve;
    });
  }

  /** The machine is on, and its events are reported. */
  get isOn(): boolean {
    return this.#phase === 'on';
  }

  /** It has been told to end. */
  get ending(): boolean {
    return this.#forced;
  }

  /** Its processors stand still. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Its TPM, if it has one, has not failed. */
  get tpmWorks(): boolean {
    return this.#tpmWorks;
  }

  /** The connection, while there is one. */
  get qmp(): QmpClient | undefined {
    return this.#qmp;
  }

  useQmp(qmp: QmpClient): void {
    this.#qmp = qmp;
    qmp.on((event) => this.#qmpEvent(event));
    qmp.onClose(() => {
      if (this.#qmp === qmp) this.#qmp = undefined;
      if (this.isOn) void this.#qmpClosed();
    });
  }

  /** A QEMU of our own that waits for its first instruction: has it begin. */
  async begin(qmp: QmpClient): Promise<void> {
    const { console, runDir, boot } = this.#parts;
    await console.attach(runDir.serialSocket, { adopting: false });
    if (boot.applied?.target === 'bios-setup') this.#pressSetupKeys();
    this.#resets.started();
    await this.#setLinks(qmp);
    await qmp.execute('cont');
  }

  /** A QEMU that ran without us. */
  async resume(qmp: QmpClient): Promise<void> {
    const { console, runDir } = this.#parts;
    if (!console.connected) await console.attach(runDir.serialSocket, { adopting: true });
    await this.#setLinks(qmp);
    // Our earlier life may have ended between QEMU's start and its first instruction.
    const { status } = await qmp.execute('query-status');
    if (status === 'prelaunch') await qmp.execute('cont');
    this.#setPaused(!movingStates.includes(status));
  }

  /** From here on events are reported, and a lost connection is made anew. */
  watch(): void {
    this.#phase = 'on';
    this.#tpmWatch?.start();
    // The connection may have ended before there was anybody to tell, or never have come about.
    if (!this.#qmp) void this.#qmpClosed();
  }

  /**
   * Ends QEMU, by force where it does not obey. Resolves when the end has been reported.
   * @throws {BmcError} `timed-out` when it outlives even that
   */
  async forceOff(): Promise<void> {
    this.#forced = true;
    await this.#quit();
    this.#ended();
    await this.#untilOver;
  }

  /**
   * Ends QEMU for another one to take its place: nothing is reported, and what the run directory says stays.
   * @throws {BmcError} `timed-out` when it outlives even SIGKILL; then it is followed as before
   */
  async retire(): Promise<void> {
    this.#phase = 'over';
    try {
      await this.#quit();
    } catch (error) {
      this.watch();
      throw error;
    }
    this.leave();
  }

  async #quit(): Promise<void> {
    const taken = await this.#tellToQuit();
    // SIGTERM in between would change nothing: the launcher has it blocked.
    if (!(await processEnds(this.process, taken ? quitTimeoutMs : endTimeoutMs))) {
      this.#log.warn({ pid: this.process.pid }, 'QEMU did not quit, killing it');
      killProcess(this.process);
      if (!(await processEnds(this.process, killTimeoutMs))) {
        throw new BmcError('timed-out', `QEMU (pid ${this.process.pid}) does not end even by SIGKILL`);
      }
    }
  }

  /** @returns whether it has said that it will */
  async #tellToQuit(): Promise<boolean> {
    try {
      await this.#qmp?.execute('quit', {}, { timeoutMs: quitTimeoutMs });
      return this.#qmp !== undefined;
    } catch (error) {
      this.#log.debug({ err: error }, 'QEMU did not take quit');
      return false;
    }
  }

  /** Leaves QEMU alone: closes what we hold of it. */
  leave(): void {
    this.#phase = 'over';
    this.#tpmWatch?.stop();
    this.#parts.boot.stopped();
    this.#setupKeys?.stop();
    this.#untap();
    this.#ignoreNics();
    this.#parts.console.detach();
    const qmp = this.#qmp;
    this.#qmp = undefined;
    qmp?.close();
    this.#tellOver();
  }

  // --- Links of network cards ---

  /** All cards as their wires are now. */
  async #setLinks(qmp: QmpClient): Promise<void> {
    const cards = this.#parts.nics.nics.filter(({ backend }) => backend !== 'none');
    await Promise.all(
      cards.map(({ id, linkUp }) => qmp.execute('set_link', { name: nicNetdevId(id), up: linkUp })),
    );
  }

  /** While QMP is not connected nothing is lost: connecting sets all. */
  #setLink(id: string, up: boolean): void {
    this.#qmp?.execute('set_link', { name: nicNetdevId(id), up }).catch((error: unknown) => {
      this.#log.warn({ err: error, nic: id, up }, 'link not set');
    });
  }

  // --- Events ---

  #qmpEvent(event: QmpEvent): void {
    switch (event.event) {
      case 'SHUTDOWN':
        this.#shutdown = event.data;
        break;
      case 'RESET':
        this.#guestReset(event.data);
        break;
      case 'STOP':
        this.#setPaused(true);
        break;
      case 'RESUME':
        this.#setPaused(false);
        break;
      case 'WATCHDOG':
        this.#watchdogAt = this.#parts.clock.now();
        this.#report({ kind: 'watchdog', action: event.data.action });
        break;
      case 'GUEST_PANICKED':
        this.#report({ kind: 'panic' });
        break;
      case 'DEVICE_TRAY_MOVED':
        if (event.data['tray-open'] && isVirtualCd(event.data.id) && !this.changingMedia) {
          this.#report({ kind: 'medium-ejected', slot: 'cd' });
        }
        break;
      case 'BLOCK_IO_ERROR':
        this.#log.error(event.data, 'disk error');
        if (event.data.action === 'stop') this.#diskError = diskErrorText(event.data);
        break;
      default:
        this.#log.trace({ event: event.event }, 'QMP event');
    }
  }

  #guestReset({ reason }: QmpEvents['RESET']): void {
    const { boot, clock } = this.#parts;
    const commanded = reason === 'host-qmp-system-reset';
    boot.disturbed();
    if (!this.#resets.isReset(commanded)) return;
    const byWatchdog = !commanded && clock.now() - this.#watchdogAt < watchdogResetMs;
    const by = commanded ? 'bmc' : byWatchdog ? 'watchdog' : 'guest';
    if (this.isOn && this.#parts.takesOver(this, by)) return;
    if (boot.applied?.target === 'bios-setup') this.#pressSetupKeys();
    else this.#setupKeys?.stop();
    this.#report({ kind: 'reset', by });
  }

  #setPaused(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    const why = this.#diskError;
    this.#diskError = undefined;
    if (paused) this.#report({ kind: 'paused', ...(why !== undefined && { why }) });
    else this.#report({ kind: 'resumed' });
  }

  #report(event: MachineEvent): void {
    if (this.isOn) this.#parts.report(event);
  }

  #pressSetupKeys(): void {
    this.#setupKeys?.stop();
    const keys = new SetupKeys(
      this.#parts.clock,
      firmwareMenus[this.hardware.firmware],
      () => this.#pressEscape(),
      (shown) => {
        if (this.#setupKeys === keys) this.#setupKeys = undefined;
        this.#log.debug({ shown }, 'firmware menu');
      },
    );
    this.#setupKeys = keys;
  }

  #pressEscape(): void {
    if (!this.isOn) return;
    this.#qmp?.execute('send-key', { keys: [{ type: 'qcode', data: 'esc' }] }).catch((error: unknown) => {
      this.#log.debug({ err: error }, 'key not sent');
    });
  }

  // --- Loss and end ---

  /** Either by itself or together with QEMU, whose end says it all, and which takes the longer to be gone. */
  async #tpmEnded(): Promise<void> {
    if (await processEnds(this.process, tpmAloneMs)) return;
    if (!this.isOn) return;
    this.#tpmWorks = false;
    const said = this.#parts.runDir.lastErrors();
    const detail = `its process has ended${said && `: ${said}`}`;
    this.#log.error({ detail }, 'TPM failed');
    this.#report({ kind: 'tpm-failed', detail });
  }

  /** Either QEMU ended, or only our connection to it. */
  async #qmpClosed(): Promise<void> {
    if (await processEnds(this.process, endTimeoutMs)) {
      this.#ended();
      return;
    }
    if (!this.isOn) return;
    this.#log.warn({ pid: this.process.pid }, 'QMP lost, QEMU still runs');
    await this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    for (let delayMs = 100; this.isOn; delayMs = Math.min(delayMs * 2, maxReconnectDelayMs)) {
      if (await processEnds(this.process, delayMs)) {
        this.#ended();
        return;
      }
      if (!this.isOn) return;
      let qmp: QmpClient;
      try {
        qmp = await QmpClient.connect(this.#parts.runDir.qmpSocket, { timeoutMs: adoptTimeoutMs });
      } catch {
        continue;
      }
      if (!this.isOn) {
        qmp.close();
        return;
      }
      this.useQmp(qmp);
      try {
        await this.resume(qmp);
        this.#log.info({ pid: this.process.pid }, 'QMP connected again');
        return;
      } catch (error) {
        this.#log.warn({ err: error, pid: this.process.pid }, 'QEMU answers in part');
        // Its closing begins all this anew.
        if (qmp.isOpen) qmp.close();
        return;
      }
    }
  }

  #ended(): void {
    if (!this.isOn) return;
    this.leave();
    const { why, detail } = this.#whyEnded();
    this.#parts.runDir.forget();
    this.#log.info({ pid: this.process.pid, why, detail }, 'machine off');
    this.#parts.report({ kind: 'stopped', why, ...(detail !== undefined && { detail }) });
  }

  #whyEnded(): { why: MachineStop; detail?: string } {
    const shutdown = this.#shutdown;
    switch (shutdown?.reason) {
      case 'guest-shutdown':
      case 'guest-panic':
        return { why: 'guest' };
      case 'host-qmp-quit':
        return this.#forced
          ? { why: 'forced' }
          : { why: 'crashed', detail: 'QEMU was told to quit by somebody else' };
      default: {
        if (this.#forced) return { why: 'forced' };
        const said = this.#parts.runDir.lastErrors();
        return { why: 'crashed', detail: said || `QEMU ended: ${shutdown?.reason ?? 'no reason given'}` };
      }
    }
  }
}

/** Nodes of disks are named after them, such as `disk0-format`. */
function diskErrorText({ operation, reason, 'node-name': node }: QmpEvents['BLOCK_IO_ERROR']): string {
  return `${node?.replace(/-(format|file)$/, '') ?? 'a disk'} cannot ${operation} (${reason})`;
}
