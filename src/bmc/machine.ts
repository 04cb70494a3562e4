/**
 * What the core needs of a machine. `machine/qemu` and `machine/fake` implement it; nobody else knows them.
 *
 * A machine is either off (nothing of it runs) or on. Commands resolve when they have been carried out, not
 * when the guest has obeyed; what the machine does by itself comes as events. Events are emitted in the order
 * in which things happened, and a command's own effects come as events too.
 */
import type { BootOverride } from './boot.ts';

export type MachineEvent =
  /** The machine's processors run. `adopted`: it was running before we came. */
  | { readonly kind: 'started'; readonly adopted: boolean }
  /** A system reset, reported once although firmware may reset several times in a row. */
  | { readonly kind: 'reset'; readonly by: 'guest' | 'bmc' | 'watchdog' }
  /** The guest's kernel reported a panic; the machine goes on. */
  | { readonly kind: 'panic' }
  | { readonly kind: 'watchdog'; readonly action: string }
  /** Nothing of the machine runs any more. */
  | { readonly kind: 'stopped'; readonly why: MachineStop; readonly detail?: string };

/** `guest`: shut down by itself; `forced`: by `forceOff`; `crashed`: without being asked, by nobody we know. */
export type MachineStop = 'guest' | 'forced' | 'crashed';

/** What the machine is made of, on or off. */
export interface MachineHardware {
  readonly cpus: number;
  readonly memoryMb: number;
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
  /** True while the machine exists as a running machine, however unresponsive. */
  readonly running: boolean;
  readonly console: HostConsole;

  on(listener: (event: MachineEvent) => void): () => void;

  /**
   * Looks for a machine left running by an earlier life of ours and takes it over (`started`, adopted).
   * @throws {BmcError} `wrong-state` when the host cannot run the machine as it is configured
   */
  open(): Promise<void>;
  /** Lets go of the machine, which goes on as it is. */
  close(): Promise<void>;

  /** Does nothing when running. @throws {BmcError} `wrong-state` or `timed-out` with the reason when it cannot start */
  powerOn(): Promise<void>;
  /** Ends the machine at once, escalating as needed; does nothing when off. */
  forceOff(): Promise<void>;
  /** Presses the ACPI power button; what the guest makes of it comes as an event, or never. */
  pressPowerButton(): Promise<void>;
  reset(): Promise<void>;
  /** NMI. */
  diagnosticInterrupt(): Promise<void>;

  /** @returns undefined while the machine is off @throws {Error} when a running machine cannot be measured */
  telemetry(): Promise<MachineTelemetry | undefined>;

  /**
   * The override in force from the next boot on, `undefined` for the machine's own order. Callable in any
   * state and at once remembered; a boot in progress keeps what it started with.
   */
  setBootOverride(override: BootOverride | undefined): void;
}

/** The host's serial port as the machine offers it: one byte stream each way. */
export interface HostConsole {
  /** Bytes from the guest. At most one receiver; output without one is dropped. */
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
