/**
 * Reservations of the SEL or the SDR Repository: while one is in force, nothing has changed that its holder counts
 * on. IPMI 2.0 §31.4, §33.11.
 */
import { CompletionCode, CompletionError } from './message/completion-code.ts';

export class Reservations {
  readonly #most: number;
  readonly #inForce = new Set<number>();
  #last = 0;

  /** @param most how many are in force at a time: beyond that the oldest ends */
  constructor(most: number) {
    this.#most = most;
  }

  /** @returns a new reservation ID, 1 to FFFFh */
  reserve(): number {
    this.#last = (this.#last % 0xffff) + 1;
    this.#inForce.add(this.#last);
    if (this.#inForce.size > this.#most) {
      const [oldest] = this.#inForce;
      if (oldest !== undefined) this.#inForce.delete(oldest);
    }
    return this.#last;
  }

  /** @throws {CompletionError} C5h when this reservation is not, or no longer, in force */
  check(id: number): void {
    if (this.#inForce.has(id)) return;
    throw new CompletionError(CompletionCode.reservationCancelled, `reservation ${id} is not in force`);
  }

  cancelAll(): void {
    this.#inForce.clear();
  }
}
