/**
 * What clients share while they work on the SEL: the one reservation, and the record that is being added in parts.
 * IPMI 2.0 §31.4, §31.7.
 */
import type { Sel } from '../bmc/sel.ts';
import { Reservations } from './reservations.ts';

export class SelAccess {
  /** The parts of a record so far; undefined when none is being added. */
  partial: Uint8Array | undefined;
  readonly #reservations = new Reservations(1);

  constructor(sel: Sel) {
    sel.onChange((change) => {
      // §31.4.2. A deletion changes no other record's ID, and `ipmitool sel delete` counts on that.
      if (change === 'added' || change === 'cleared') this.cancel();
      else if (change === 'deleted') this.partial = undefined;
    });
  }

  /** @returns a new reservation ID, 1 to FFFFh, in place of whoever's was in force */
  reserve(): number {
    this.cancel();
    return this.#reservations.reserve();
  }

  /** @throws {CompletionError} C5h when this reservation is not, or no longer, in force */
  check(reservationId: number): void {
    this.#reservations.check(reservationId);
  }

  cancel(): void {
    this.#reservations.cancelAll();
    this.partial = undefined;
  }
}
