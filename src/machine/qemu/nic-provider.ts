/**
 * Where a QEMU machine gets its network cards from: the seam between the driver and the host's network. The driver
 * asks at each power-on, since wires come and go, and says when QEMU has let go of them.
 */
import type { NicPart } from '../../bmc/inventory.ts';
import type { MachineNic, NicChange, NicCounters } from '../../bmc/machine.ts';
import type { NicConfig } from './config.ts';

export type NicEvent =
  /** The wire of a card was plugged in or out, or its other end went on or off. */
  | { readonly kind: 'link'; readonly id: string; readonly up: boolean }
  | { readonly kind: 'change'; readonly change: NicChange; readonly text: string };

export interface NicStart {
  readonly cpus: number;
  readonly aborted: AbortSignal;
}

export interface NicProvider {
  /** The cards of the QEMU that runs or starts; empty while the machine is off. */
  readonly nics: readonly MachineNic[];
  /** What a start would have made of the wires as they were at the latest `plan`. */
  readonly planned: readonly NicPart[];

  /** What has gone through a card; undefined where nobody counts. */
  counters(id: string): NicCounters | undefined;
  on(listener: (event: NicEvent) => void): () => void;
  /**
   * Before a start: waits for the wires and makes what the cards are attached to. A wire that does not come or cannot
   * be attached is told by an event, and the machine starts without it.
   * @param start.cpus the processors that a card's queues are for
   * @throws {Error} when `aborted`, or when the host's network cannot be looked at at all
   */
  prepare(start: NicStart): Promise<readonly NicConfig[]>;
  /** Looks which cards a start would make, and touches nothing. @throws {Error} when the host cannot be looked at */
  plan(): Promise<void>;
  /** Takes up again what a QEMU that runs was started with by an earlier life of ours. */
  adopt(): Promise<void>;
  /** QEMU has ended, or has not come about: removes what `prepare` made. Failures are logged. */
  release(): Promise<void>;
  /** Ends watching. Gives the wires back unless QEMU still runs. */
  close(): Promise<void>;
}
