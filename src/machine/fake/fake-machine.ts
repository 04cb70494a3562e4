/**
 * A machine in memory: for tests of everything above the driver, and for `npm run dev`. Its guest boots in no
 * time, shows a login prompt on the serial port and obeys the power button. It can be slow, stuck or crash on
 * request; see {@link FakeFaults}.
 */
import type { Firmware, MachineBootOverride } from '../../bmc/boot.ts';
import { BmcError } from '../../bmc/errors.ts';
import type { RunningFirmware } from '../../bmc/firmware-update.ts';
import type {
  FirmwareBootEntry,
  ImageLayer,
  MachineBootDevice,
  MachineInventory,
} from '../../bmc/inventory.ts';
import type {
  HostConsole,
  Machine,
  MachineEvent,
  MachineHardware,
  MachineMedium,
  MachineNic,
  MachineSetup,
  MachineStop,
  MachineTelemetry,
  NicChange,
  NicCounters,
} from '../../bmc/machine.ts';
import type { MediaSlot } from '../../bmc/media-images.ts';
import { type Clock, delay } from '../../lib/clock.ts';
import { Emitter } from '../../lib/emitter.ts';
import { FakeConsole } from './fake-console.ts';
import { FakeFirmware, slotOf } from './fake-firmware.ts';
import { FakeScreen } from './fake-screen.ts';
import { FakeSecureBoot } from './fake-secure-boot.ts';

/** What goes wrong, changeable at any time. */
export interface FakeFaults {
  /** Power-on takes this long. */
  startMs: number;
  /** Power-on fails with this message. */
  startFails: string | undefined;
  /** `forceOff` takes this long. */
  stopMs: number;
  /** `forceOff` does not succeed. */
  stuck: boolean;
  /** It hangs: nothing that needs an answer is answered before its end. */
  hangs: boolean;
  ignoresPowerButton: boolean;
  /** From the power button to the guest's end. */
  shutdownMs: number;
  /** The guest reads nothing from its serial port. */
  consoleStalled: boolean;
  /** A change of media fails with this message. */
  mediumFails: string | undefined;
}

export interface FakeMachineOptions {
  readonly clock: Clock;
  readonly faults?: Partial<FakeFaults>;
  /** It is running already when opened, as after a restart of the BMC. */
  readonly running?: boolean;
  /** One processor, 512 MB and legacy firmware unless given. */
  readonly hardware?: Partial<MachineHardware>;
  /** Without it its processor time cannot be held down. */
  readonly limitable?: boolean;
}

/** What the guest does with its hardware, changeable at any time. */
export interface FakeLoad {
  /** Mean share of all processors that the guest would use, 0 to 1; it gets no more than its limit. */
  cpu: number;
  /** Share of memory in use, 0 to 1; undefined: not told. */
  memory: number | undefined;
  /** Measuring fails with this message. */
  fails: string | undefined;
  /** The limit of processor time holds nothing down. */
  unlimited: boolean;
}

export class FakeMachine implements Machine {
  readonly faults: FakeFaults;
  readonly load: FakeLoad = { cpu: 0.05, memory: 0.25, fails: undefined, unlimited: false };
  readonly console: HostConsole;
  readonly screen = new FakeScreen(() => this.#running);
  /** Its network cards, changeable at any time: none at first. */
  nics: readonly MachineNic[] = [];
  /** By the card's id. */
  readonly counters = new Map<string, NicCounters>();
  /** Of its disk. */
  layers: readonly ImageLayer[] = [];
  /** What each boot used, the oldest first. */
  readonly boots: (MachineBootOverride | undefined)[] = [];
  /** Calls of {@link Machine.diagnosticInterrupt} and {@link Machine.pressPowerButton}. */
  readonly counts = { diagnosticInterrupts: 0, powerButtonPresses: 0 };
  /** The firmware of each boot. */
  readonly firmwares: Firmware[] = [];
  /** What each power-on was set up with. */
  readonly setups: MachineSetup[] = [];
  /** What was sent of it; programs begin with `FIRMWARE `. */
  readonly firmware = new FakeFirmware(() => this.#firmwareInUse);
  readonly limitCpu?: (share: number | undefined) => Promise<void>;
  /** What is in the drives while the machine runs. */
  readonly media = new Map<MediaSlot, MachineMedium>();
  /** The limit in force, as a share of all processors. */
  cpuShare: number | undefined;
  readonly configured: MachineHardware;
  /** The order of each boot. */
  readonly bootOrders: (readonly string[])[] = [];
  readonly #clock: Clock;
  readonly #events = new Emitter<MachineEvent>();
  readonly #console: FakeConsole;
  #devices: readonly MachineBootDevice[] = [
    { id: 'disk0', kind: 'disk' },
    { id: 'cd0', kind: 'cdrom' },
    { id: 'nic0', kind: 'pxe' },
  ];
  #bootEntries: readonly FirmwareBootEntry[] = [];
  #override: MachineBootOverride | undefined;
  #setup: () => MachineSetup = () => ({ labels: undefined, hardware: {} });
  /** What the machine that runs is made of. */
  #made: MachineHardware | undefined;
  readonly secureBoot = new FakeSecureBoot(
    () => this.#running && this.hardware.firmware === 'uefi' && this.hardware.secureBoot,
  );
  #tpmWorks = true;
  #firmwareInUse: RunningFirmware | undefined;
  #paused = false;
  #running = false;
  #foundRunning: boolean;
  #starting: Promise<void> | undefined;
  /** Counts power-ons, so that what belongs to an earlier one does not touch a later. */
  #generation = 0;
  #cpuSeconds = 0;
  #measuredAt = 0;

  constructor(options: FakeMachineOptions) {
    this.#clock = options.clock;
    this.configured = {
      cpus: 1,
      sockets: 1,
      threadsPerCore: 1,
      memoryMb: 512,
      firmware: 'bios',
      secureBoot: false,
      serialRedirection: true,
      networkBoot: true,
      tpm: false,
      bootOrder: [],
      ...options.hardware,
    };
    if (options.limitable) {
      this.limitCpu = (share) => {
        this.cpuShare = share;
        return Promise.resolve();
      };
    }
    this.#foundRunning = options.running ?? false;
    this.faults = {
      startMs: 0,
      startFails: undefined,
      stopMs: 0,
      stuck: false,
      hangs: false,
      ignoresPowerButton: false,
      shutdownMs: 0,
      consoleStalled: false,
      mediumFails: undefined,
      ...options.faults,
    };
    this.#console = new FakeConsole(options.clock, () => this.faults.consoleStalled);
    this.console = this.#console;
  }

  get running(): boolean {
    return this.#running;
  }

  get hardware(): MachineHardware {
    return this.#made ?? this.#next(this.#override);
  }

  nicCounters(id: string): NicCounters | undefined {
    return this.counters.get(id);
  }

  /** Its parts are as simple as it is: no bus, and a disk that holds nothing. */
  get inventory(): MachineInventory {
    const { cpus, sockets, memoryMb } = this.hardware;
    const threads = cpus / sockets;
    return {
      processors: Array.from({ length: sockets }, (_, index) => ({
        id: `cpu${index}`,
        socket: `CPU ${index}`,
        manufacturer: 'qemu-bmc',
        model: 'Processor in memory',
        architecture: 'x86',
        instructionSet: 'x86-64',
        cores: threads / this.hardware.threadsPerCore,
        threads,
      })),
      memory: [{ id: 'dimm0', locator: 'DIMM 0', manufacturer: 'qemu-bmc', sizeMb: memoryMb }],
      drives: [
        {
          id: 'disk0',
          serialNumber: 'disk-0',
          manufacturer: 'qemu-bmc',
          model: 'Disk in memory',
          capacityBytes: 1_073_741_824,
          readOnly: false,
          layers: this.layers,
        },
      ],
      nics: [{ id: 'nic0', mac: '52:54:00:00:00:01' }],
      tpm: this.hardware.tpm ? { id: 'tpm0', version: '2.0', works: this.#tpmWorks } : undefined,
      pci: [],
    };
  }

  /** What it can boot from, as configured: changeable at any time. */
  get devices(): readonly MachineBootDevice[] {
    return this.#devices;
  }
  set devices(devices: readonly MachineBootDevice[]) {
    this.#devices = devices;
    this.#events.emit({ kind: 'parts' });
  }

  /** What its UEFI firmware keeps: changeable at any time. */
  get bootEntries(): readonly FirmwareBootEntry[] {
    return this.#bootEntries;
  }
  set bootEntries(entries: readonly FirmwareBootEntry[]) {
    this.#bootEntries = entries;
    this.#events.emit({ kind: 'parts' });
  }

  get bootDevices(): readonly MachineBootDevice[] {
    const { networkBoot, bootOrder } = { ...this.configured, ...this.#setup().hardware };
    const place = ({ id }: MachineBootDevice) => {
      const found = bootOrder.indexOf(id);
      return found < 0 ? bootOrder.length : found;
    };
    return this.devices
      .filter(({ kind }) => networkBoot || kind !== 'pxe')
      .sort((a, b) => place(a) - place(b));
  }

  setUpBy(setup: () => MachineSetup): void {
    this.#setup = setup;
  }

  /** Breaks sent to the guest so far. */
  get breaks(): number {
    return this.#console.breaks;
  }

  on(listener: (event: MachineEvent) => void): () => void {
    return this.#events.on(listener);
  }

  open(): Promise<void> {
    if (this.#foundRunning) {
      this.#foundRunning = false;
      this.#running = true;
      this.#made ??= this.#next(this.#override);
      this.#measuredAt = this.#clock.now();
      this.#console.plug();
      this.#events.emit({ kind: 'started', adopted: true });
      if (this.#paused) this.#events.emit({ kind: 'paused' });
    }
    return Promise.resolve();
  }

  /** The machine goes on; a later `open` finds it. */
  close(): Promise<void> {
    this.#foundRunning = this.#running;
    this.#running = false;
    this.#generation++;
    this.#console.unplug();
    this.screen.unplug();
    return Promise.resolve();
  }

  powerOn(): Promise<void> {
    if (this.#running) return Promise.resolve();
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async forceOff(): Promise<void> {
    if (this.#starting) {
      this.#generation++;
      await this.#starting.catch(() => undefined);
    }
    if (!this.#running) return;
    if (this.faults.stopMs > 0) await delay(this.#clock, this.faults.stopMs);
    if (this.faults.stuck) throw new BmcError('timed-out', 'the machine does not end');
    this.#stop('forced');
  }

  pressPowerButton(): Promise<void> {
    return this.#whileRunning(() => {
      this.counts.powerButtonPresses++;
      if (!this.faults.ignoresPowerButton) this.#later(this.faults.shutdownMs, () => this.guestShutdown());
    });
  }

  reset(): Promise<void> {
    return this.#whileRunning(() => this.#reset('bmc'));
  }

  diagnosticInterrupt(): Promise<void> {
    return this.#whileRunning(() => {
      this.counts.diagnosticInterrupts++;
      this.#console.print('\r\nUhhuh. NMI received.\r\n');
    });
  }

  pause(): Promise<void> {
    return this.#whileRunning(() => {
      if (this.#paused) return;
      this.#paused = true;
      this.#events.emit({ kind: 'paused' });
    });
  }

  resume(): Promise<void> {
    return this.#whileRunning(() => this.#goOn());
  }

  changeMedium(slot: MediaSlot, medium: MachineMedium | undefined): Promise<void> {
    if (!this.#running) return Promise.resolve();
    if (this.faults.mediumFails !== undefined) {
      return Promise.reject(new BmcError('wrong-state', this.faults.mediumFails));
    }
    if (medium) this.media.set(slot, medium);
    else this.media.delete(slot);
    return Promise.resolve();
  }

  setBootOverride(override: MachineBootOverride | undefined): void {
    this.#override = override;
  }

  /** Counts the time since it was last asked at the load of now. */
  telemetry(): Promise<MachineTelemetry | undefined> {
    const { cpu, memory, fails, unlimited } = this.load;
    if (!this.#running) return Promise.resolve(undefined);
    if (fails !== undefined) return Promise.reject(new Error(fails));
    const now = this.#clock.now();
    const share = Math.min(this.#paused ? 0 : cpu, unlimited ? 1 : (this.cpuShare ?? 1));
    this.#cpuSeconds += ((now - this.#measuredAt) / 1000) * share * this.hardware.cpus;
    this.#measuredAt = now;
    const memoryUsedMb = memory === undefined ? undefined : memory * this.hardware.memoryMb;
    return Promise.resolve({ cpuSeconds: this.#cpuSeconds, memoryUsedMb });
  }

  // --- What happens to a machine by itself; nothing while it is off ---

  crash(detail = 'the fake machine was told to crash'): void {
    this.#stop('crashed', detail);
  }

  guestShutdown(): void {
    if (!this.#paused) this.#stop('guest');
  }

  guestReboot(): void {
    if (this.#running && !this.#paused) this.#reset('guest');
  }

  failTpm(detail = 'the fake machine was told to lose its TPM'): void {
    if (!this.#running || !this.hardware.tpm) return;
    this.#tpmWorks = false;
    this.#events.emit({ kind: 'tpm-failed', detail });
  }

  panic(): void {
    if (!this.#running) return;
    this.#console.print('\r\nKernel panic - not syncing: on request\r\n');
    this.#events.emit({ kind: 'panic' });
  }

  /** The guest opens a drive. */
  guestEjects(slot: MediaSlot): void {
    if (this.#running) this.#events.emit({ kind: 'medium-ejected', slot });
  }

  /** Something happens to a card's wire. */
  wireChanges(change: NicChange, text: string): void {
    this.#events.emit({ kind: 'nic', change, text });
  }

  watchdogBites(): void {
    if (!this.#running) return;
    this.#events.emit({ kind: 'watchdog', action: 'reset' });
    this.#reset('watchdog');
  }

  /** The guest writes to its serial port. */
  print(text: string | Uint8Array): void {
    this.#console.print(text);
  }

  async #start(): Promise<void> {
    const generation = ++this.#generation;
    if (this.faults.startMs > 0) await delay(this.#clock, this.faults.startMs);
    if (this.#generation !== generation) throw new BmcError('wrong-state', 'power-on was interrupted');
    if (this.faults.startFails !== undefined) throw new BmcError('wrong-state', this.faults.startFails);
    this.#running = true;
    this.#cpuSeconds = 0;
    this.#measuredAt = this.#clock.now();
    this.#console.plug();
    const override = this.#boot();
    this.#events.emit({ kind: 'started', adopted: false });
    this.#console.boot(override?.target);
  }

  #reset(by: 'guest' | 'bmc' | 'watchdog'): void {
    const override = this.#boot();
    this.#events.emit({ kind: 'reset', by });
    this.#console.boot(override?.target);
    this.#goOn();
  }

  /** Makes the machine of what it is to be now, and notes how it boots. */
  #boot(): MachineBootOverride | undefined {
    const override = this.#override;
    this.#tpmWorks = true;
    this.#made = this.#next(override);
    const setup = this.#setup();
    this.setups.push(setup);
    const slot = slotOf(this.#made);
    this.#firmwareInUse = { slot, file: setup.firmware?.[slot] };
    this.media.clear();
    for (const medium of setup.media ?? []) this.media.set(medium.slot, medium);
    this.boots.push(override);
    this.firmwares.push(this.#made.firmware);
    this.bootOrders.push(this.bootDevices.map(({ id }) => id));
    return override;
  }

  #next(override: MachineBootOverride | undefined): MachineHardware {
    const made = { ...this.configured, ...this.#setup().hardware };
    return override?.firmware ? { ...made, firmware: override.firmware } : made;
  }

  #goOn(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#events.emit({ kind: 'resumed' });
  }

  #stop(why: MachineStop, detail?: string): void {
    if (!this.#running) return;
    this.#running = false;
    this.#made = undefined;
    this.#firmwareInUse = undefined;
    this.#paused = false;
    this.#generation++;
    this.#console.unplug();
    this.screen.unplug();
    this.#events.emit({ kind: 'stopped', why, ...(detail !== undefined && { detail }) });
  }

  #later(delayMs: number, run: () => void): void {
    const generation = this.#generation;
    this.#clock.after(delayMs, () => {
      if (this.#generation === generation) run();
    });
  }

  #whileRunning(run: () => void): Promise<void> {
    if (!this.#running) return Promise.reject(new BmcError('wrong-state', 'the machine is off'));
    if (this.faults.hangs) return this.#noAnswer();
    run();
    return Promise.resolve();
  }

  #noAnswer(): Promise<never> {
    return new Promise((_, reject) => {
      const off = this.#events.on(({ kind }) => {
        if (kind !== 'stopped') return;
        off();
        reject(new BmcError('timed-out', 'the machine has not answered'));
      });
    });
  }
}
