/** A clock that stands still until a test moves it. Timers run in the order of their time, then of their birth. */
import type { Clock, Timer } from '../../src/lib/clock.ts';

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class ScriptedClock implements Clock {
  readonly #pending = new Set<Pending>();
  #now: number;
  #wallOffset: number;
  #order = 0;

  /** @param wallTime wall time at the start, in milliseconds since 1970; the monotonic clock starts at 1,000 */
  constructor(wallTime = Date.UTC(2026, 0, 1)) {
    this.#now = 1000;
    this.#wallOffset = wallTime - this.#now;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now + this.#wallOffset;
  }

  after(delayMs: number, run: () => void): Timer {
    const pending = { at: this.#now + Math.max(0, delayMs), order: this.#order++, run };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  every(intervalMs: number, run: () => void): Timer {
    let timer: Timer;
    const arm = () => {
      timer = this.after(intervalMs, () => {
        // First, as run may cancel it.
        arm();
        run();
      });
    };
    arm();
    return { cancel: () => timer.cancel() };
  }

  /** Somebody sets the wall clock; no time passes. @param ms forward, or back when below 0 */
  jump(ms: number): void {
    this.#wallOffset += ms;
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Moves time forward, running what falls due on the way, also what that sets anew. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#pending.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }

  /** Like {@link advance}, giving promises a chance to settle after every millisecond step of `stepMs`. */
  async advanceAsync(ms: number, stepMs = 10): Promise<void> {
    const end = this.#now + ms;
    while (this.#now < end) {
      this.advance(Math.min(stepMs, end - this.#now));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Makes the wall clock jump; the monotonic one does not notice. */
  jumpWallTime(ms: number): void {
    this.#wallOffset += ms;
  }

  #next(end: number): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.at > end) continue;
      if (
        first === undefined ||
        pending.at < first.at ||
        (pending.at === first.at && pending.order < first.order)
      ) {
        first = pending;
      }
    }
    return first;
  }
}
