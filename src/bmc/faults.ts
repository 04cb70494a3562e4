/**
 * What a tester has broken on purpose. Whoever is to fail consults it at one place each; none of it outlives the BMC.
 * False sensor readings are not here: sensors keep them themselves.
 */
import type { Random } from '../lib/random.ts';

export interface FaultSet {
  /** Every change of the power fails, as with a machine that no longer obeys. */
  powerStuck: boolean;
  /** The BMC answers a presence ping and nothing else on the LAN. */
  halfDead: boolean;
  /** Each reply on the LAN leaves this much later. */
  replyDelayMs: number;
  /** This share of the replies on the LAN is lost. */
  replyDropPercent: number;
  /** Commands, by the name of their definition, that are refused with a code of their face's own. */
  refusals: Readonly<Record<string, number>>;
}

const none: FaultSet = {
  powerStuck: false,
  halfDead: false,
  replyDelayMs: 0,
  replyDropPercent: 0,
  refusals: {},
};

export class Faults {
  #current: Readonly<FaultSet> = none;

  get current(): Readonly<FaultSet> {
    return this.#current;
  }

  set(change: Partial<FaultSet>): void {
    this.#current = { ...this.#current, ...change };
  }

  /** Whether this one reply is to be lost. */
  loses(random: Random): boolean {
    const { replyDropPercent } = this.#current;
    if (replyDropPercent === 0) return false;
    const [high = 0, low = 0] = random.bytes(2);
    return ((high << 8) | low) < (replyDropPercent / 100) * 0x10000;
  }

  clear(): void {
    this.#current = none;
  }
}
