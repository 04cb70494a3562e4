/**
 * What the core needs of a machine. `machine/qemu` and `machine/fake` implement it; nobody else knows them.
 *
 * A machine is either off (nothing of it runs) or on. Commands resolve when they have been carried out, not
 * when the guest has obeyed; what the machine does by itself comes as events. Events are emitted in the order
 * in which things happened, and a command's own effects come as events too.
 */
import type { Duplex } from 'node:stream';
import type { Firmware, MachineBootOverride } from './boot.ts';
import type { FirmwareSlot, MachineFirmware } from './firmware-update.ts';
import type { FruFields } from './fru.ts';
import type { FirmwareBootEntry, MachineBootDevice, MachineInventory } from './inventory.ts';
import type { KeyName } from './keyboard.ts';
import type { MediaSlot } from './media-images.ts';
import type { MachineSecureBoot } from './secure-boot.ts';

export type MachineEvent =
  /** The machine's processors run. `adopted`: it was running before we came. */
  | { readonly kind: 'started'; readonly adopted: boolean }
  /** A system reset, reported once although firmware may reset several times in a row. */
  | { readonly kind: 'reset'; readonly by: MachineReset }
  /** The guest's kernel reported a panic; the machine goes on. */
  | { readonly kind: 'panic' }
  | { readonly kind: 'watchdog'; readonly action: string }
  /** A network card's link: its wire was plugged in or out, or its other end went on or off. */
  | { readonly kind: 'link'; readonly nic: string; readonly up: boolean }
  /** Something happened to a network card's way out. */
  | { readonly kind: 'nic'; readonly change: NicChange; readonly text: string }
  /** The TPM works no more; the machine goes on without it until it is made anew. */
  | { readonly kind: 'tpm-failed'; readonly detail: string }
  /** What it consists of is told otherwise than before. */
  | { readonly kind: 'parts' }
  /** The guest opened the drive of a medium. */
  | { readonly kind: 'medium-ejected'; readonly slot: MediaSlot }
  /** Its processors stand still, and nothing is lost. `why`: what stopped it, where nobody asked for it. */
  | { readonly kind: 'paused'; readonly why?: string }
  | { readonly kind: 'resumed' }
  /** Nothing of the machine runs any more. */
  | { readonly kind: 'stopped'; readonly why: MachineStop; readonly detail?: string };

/** By whom. */
export type MachineReset = 'guest' | 'bmc' | 'watchdog';

/** `guest`: shut down by itself; `forced`: by `forceOff`; `crashed`: without being asked, by nobody we know. */
export type MachineStop = 'guest' | 'forced' | 'crashed';

/**
 * `missing`: a card, or its wire, that was asked for or promised is not there. `fallback`: it is attached otherwise
 * than was tried first. `wire-lost`, `wire-returned`: while the machine runs. `late`: a wire came that the machine can
 * use only after a power cycle.
 */
export type NicChange = 'missing' | 'fallback' | 'wire-lost' | 'wire-returned' | 'late';

/** A network card of the running machine. */
export interface MachineNic {
  readonly id: string;
  readonly mac: string;
  /** What the card tells the guest; undefined where it tells nothing. */
  readonly mtu: number | undefined;
  readonly queues: number;
  /** How it is attached, in the driver's word; `none` for a card that the machine has to do without. */
  readonly backend: string;
  /** The host's interface; undefined for a card that needs none. */
  readonly wire: string | undefined;
  readonly linkUp: boolean;
  /** What is not as was wished, and why. */
  readonly note: string | undefined;
}

/** What has gone through a network card since it was attached, as its guest would count it. */
export interface NicCounters {
  readonly receivedBytes: number;
  readonly receivedFrames: number;
  readonly receivedErrors: number;
  readonly receivedDrops: number;
  readonly sentBytes: number;
  readonly sentFrames: number;
  readonly sentErrors: number;
  readonly sentDrops: number;
}

/** What the machine is made of: while it is on, what runs; otherwise what the next power-on would make of it. */
export interface MachineHardware {
  /** Processors as an operating system counts them: all threads of all cores in all sockets. */
  readonly cpus: number;
  readonly sockets: number;
  /** 2: each core is two processors. */
  readonly threadsPerCore: number;
  readonly memoryMb: number;
  readonly firmware: Firmware;
  /** Nothing is booted that is not signed. Of no effect with legacy firmware. */
  readonly secureBoot: boolean;
  /** Legacy firmware shows itself on the serial port and takes keys from it; UEFI firmware always does. */
  readonly serialRedirection: boolean;
  /** Network cards are among what is booted from. */
  readonly networkBoot: boolean;
  /** A TPM 2.0. */
  readonly tpm: boolean;
  /** Devices that are tried first, by id; all others come after them, in the configured order. */
  readonly bootOrder: readonly string[];
}

/** Whether these processors can be put into so many sockets and cores. */
export function fitsTopology({
  cpus,
  sockets,
  threadsPerCore,
}: Pick<MachineHardware, 'cpus' | 'sockets' | 'threadsPerCore'>): boolean {
  return cpus % (sockets * threadsPerCore) === 0;
}

export function sameHardware(a: MachineHardware, b: MachineHardware): boolean {
  return (Object.keys(a) as (keyof MachineHardware)[]).every((name) => String(a[name]) === String(b[name]));
}

/** An image in one of the machine's drives for removable media. */
export interface MachineMedium {
  readonly slot: MediaSlot;
  /** Absolute path. Its bytes are the medium's, whatever they look like. */
  readonly file: string;
  readonly readOnly: boolean;
  /** `file` is a UNIX socket at which they are served by the NBD protocol; another path is another image. */
  readonly nbd?: true;
}

/** What the core has to say about the next start. */
export interface MachineSetup {
  /** What the guest shall read on the machine's parts; undefined when that cannot be told. */
  readonly labels: FruFields | undefined;
  /** What differs from how the machine is configured. */
  readonly hardware: Partial<MachineHardware>;
  /** What is in the drives for removable media; they are empty unless given. */
  readonly media?: readonly MachineMedium[];
  /** Files in place of the firmware that comes with the host. */
  readonly firmware?: Readonly<Partial<Record<FirmwareSlot, string>>>;
  /** Whom its firmware believes over HTTPS, in PEM form; the public authorities when there are none. */
  readonly bootAuthorities?: readonly string[];
}

/** What a running machine has used. */
export interface MachineTelemetry {
  /** Processor time, of all processors together, since its start. */
  readonly cpuSeconds: number;
  /** Memory it holds; undefined when that cannot be told. */
  readonly memoryUsedMb: number | undefined;
}

export interface Machine {
  readonly hardware: MachineHardware;
  /** What it would be made of if the core had no wishes. */
  readonly configured: MachineHardware;
  readonly inventory: MachineInventory;
  /** What the next start can boot from, in the order in which it does so without an override. */
  readonly bootDevices: readonly MachineBootDevice[];
  /** What the UEFI firmware that the next start is made with keeps of booting; none before it first ran. */
  readonly bootEntries: readonly FirmwareBootEntry[];
  /** True while the machine exists as a running machine, however unresponsive. */
  readonly running: boolean;
  readonly console: HostConsole;
  readonly screen: HostScreen;
  /** The network cards, in order, while the machine runs or starts. */
  readonly nics: readonly MachineNic[];
  /** Undefined for a card that is not attached, or whose traffic nobody counts. */
  nicCounters(id: string): NicCounters | undefined;

  on(listener: (event: MachineEvent) => void): () => void;

  /**
   * Looks for a machine left running by an earlier life of ours and takes it over (`started`, adopted).
   * @throws {BmcError} `wrong-state` when the host cannot run the machine as it is configured
   */
  open(): Promise<void>;
  /** @param setup asked at each power-on, and at each reset that has to make the machine anew; never throws */
  setUpBy(setup: () => MachineSetup): void;
  /** Lets go of the machine, which goes on as it is. */
  close(): Promise<void>;

  /** Does nothing when running. @throws {BmcError} `wrong-state` or `timed-out` with the reason when it cannot start */
  powerOn(): Promise<void>;
  /** Ends the machine at once, escalating as needed; does nothing when off. */
  forceOff(): Promise<void>;
  /** Presses the ACPI power button; what the guest makes of it comes as an event, or never. */
  pressPowerButton(): Promise<void>;
  /** A machine whose hardware is to be another one than it runs with is made anew by it. A paused one runs again. */
  reset(): Promise<void>;
  /** Stops its processors; does nothing when they stand still. */
  pause(): Promise<void>;
  /** Lets them go on; does nothing when they do. */
  resume(): Promise<void>;
  /** NMI. */
  diagnosticInterrupt(): Promise<void>;
  /**
   * Where processor time can be held down: lets the machine use no more than this share of all its processors, above
   * 0 up to 1, from now on and in all later starts; undefined: no limit. @throws {Error} when the host refuses
   */
  limitCpu?(share: number | undefined): Promise<void>;

  /** What it starts with, before anything else. */
  readonly firmware: MachineFirmware;
  /** What it has for booting signed systems only; absent where it has nothing. */
  readonly secureBoot?: MachineSecureBoot;

  /** @returns undefined while the machine is off @throws {Error} when a running machine cannot be measured */
  telemetry(): Promise<MachineTelemetry | undefined>;

  /**
   * Changes what is in a drive of the running machine, by force where the guest holds on to it; does nothing when that
   * is in it already. With a machine that is off nothing is to be done: {@link MachineSetup} says what it starts with.
   * @throws {BmcError} `wrong-state` or `timed-out`; the drive is as it was, or empty
   */
  changeMedium(slot: MediaSlot, medium: MachineMedium | undefined): Promise<void>;

  /**
   * The override in force from the next boot on, `undefined` for the machine's own order. Callable in any
   * state and at once remembered; a boot in progress keeps what it started with.
   */
  setBootOverride(override: MachineBootOverride | undefined): void;
}

/** The machine's screen, with its keyboard and mouse. */
export interface HostScreen {
  /**
   * One viewer's conversation with the machine: RFB 3.8 (RFC 6143) without a password, shared with other viewers. It
   * ends with the machine; the viewer ends it by destroying it.
   * @throws {BmcError} `wrong-state` while the machine is off, `timed-out` when it does not answer
   */
  view(): Promise<Duplex>;
  /** What it shows now, as PNG. @throws {BmcError} as {@link view} */
  picture(): Promise<Uint8Array>;
  /** Presses keys in this order, holds them together, releases them. @throws {BmcError} as {@link view} */
  press(keys: readonly KeyName[], holdMs: number): Promise<void>;
}

/** The host's serial port as the machine offers it: one byte stream each way. */
export interface HostConsole {
  /** Bytes from the guest, which stand until the listener returns. At most one receiver; output without one is dropped. */
  receive(listener: (bytes: Uint8Array) => void): void;
  /**
   * Bytes to the guest.
   * @returns how many were taken, from the front; 0 while the guest does not read or the machine is off
   */
  send(bytes: Uint8Array): number;
  /** Called when `send` may take more, after it had taken less than offered. */
  drained(listener: () => void): void;
  /** A serial break. */
  sendBreak(): void;
  /** True while bytes can reach a guest. */
  readonly connected: boolean;
  /** Told of each change of `connected`. */
  connection(listener: (connected: boolean) => void): void;
  /** What the guest said before we came: at most the last `limitBytes`, oldest first; read once after adopting. */
  history(limitBytes: number): Promise<Uint8Array>;
}
