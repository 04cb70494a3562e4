/** Tells a reset from the firmware's own further resets that follow it. */
import type { Clock } from '../../lib/clock.ts';

/** No operating system comes up and reboots within this time, and firmware resets no later. */
export const resetEchoMs = 1500;

export class ResetFilter {
  readonly #clock: Clock;
  #lastReportedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The machine was started: its firmware may reset as well. */
  started(): void {
    this.#lastReportedAt = this.#clock.now();
  }

  /**
   * Whether a RESET event is to be reported. A guest that resets without end is reported once in a while
   * rather than never, and a reset that we commanded always.
   */
  isReset(commanded: boolean): boolean {
    const now = this.#clock.now();
    if (!commanded && now - this.#lastReportedAt < resetEchoMs) return false;
    this.#lastReportedAt = now;
    return true;
  }
}
