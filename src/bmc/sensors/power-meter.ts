/** What the power has been lately: a step function of the measurements, for means over a time. */

/** What statistics reach back over at most. */
export const meterWindowMs = 900_000;
/** Smaller changes are none: a machine that idles leaves few steps. */
const leastChangeWatts = 0.5;

export interface PowerStatistics {
  readonly minimum: number;
  readonly maximum: number;
  /** Weighted by time. */
  readonly average: number;
  /** What the statistics really cover: less than asked for after a start. */
  readonly periodMs: number;
}

export class PowerMeter {
  /** Each holds until the next. */
  #steps: { readonly at: number; readonly watts: number }[] = [];

  record(at: number, watts: number): void {
    const last = this.#steps.at(-1);
    if (last && Math.abs(watts - last.watts) < leastChangeWatts) return;
    this.#steps.push({ at, watts });
    const start = at - meterWindowMs;
    const firstInside = this.#steps.findIndex((step) => step.at > start);
    if (firstInside > 1) this.#steps.splice(0, firstInside - 1);
  }

  /** @returns undefined before the first measurement */
  statistics(now: number, windowMs: number): PowerStatistics | undefined {
    const first = this.#steps[0];
    if (!first) return undefined;
    const start = Math.max(now - windowMs, Math.min(first.at, now));
    let minimum = Number.POSITIVE_INFINITY;
    let maximum = 0;
    let wattMs = 0;
    for (const [index, { at, watts }] of this.#steps.entries()) {
      const end = this.#steps[index + 1]?.at ?? now;
      if (end < start || (end === start && now > start)) continue;
      minimum = Math.min(minimum, watts);
      maximum = Math.max(maximum, watts);
      wattMs += watts * (end - Math.max(at, start));
    }
    const periodMs = now - start;
    return { minimum, maximum, average: periodMs > 0 ? wattMs / periodMs : maximum, periodMs };
  }
}
