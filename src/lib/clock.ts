/** Time as a dependency, so that tests can script it. */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds from an arbitrary start; never jumps with the wall clock. */
  now(): number;
  /** Wall time in milliseconds since 1970-01-01T00:00Z. */
  wallTime(): number;
  /** Runs `run` once after `delayMs`. A pending timer does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
  /** Runs `run` each `intervalMs` until it is cancelled: one timer, where a new one each time would be one to collect. */
  every(intervalMs: number, run: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  every(intervalMs, run) {
    const handle = setInterval(run, intervalMs);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
};

export function delay(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(delayMs, resolve));
}
