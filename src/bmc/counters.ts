/**
 * How long the machine has been on, ever. Kept hourly and whenever the power goes off, so that a BMC that dies
 * loses an hour at most.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Power } from './power.ts';
import type { Store } from './store.ts';

export const savePeriodMs = 3_600_000;

interface PowerOnTimeRecord {
  readonly totalMs: number;
}

export class PowerOnTime {
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #log: Logger;
  readonly #power: Power;
  /** Without the run that lasts. */
  #beforeMs: number;
  /** Start of the uncounted part of the run that lasts, by the monotonic clock. */
  #since: number | undefined;
  #timer: Timer | undefined;

  constructor(options: { clock: Clock; store: Store; log: Logger; power: Power }) {
    this.#clock = options.clock;
    this.#store = options.store;
    this.#log = options.log;
    this.#power = options.power;
    this.#beforeMs = options.store.load<PowerOnTimeRecord>('power-on-time')?.totalMs ?? 0;
    options.power.onChange(() => this.#follow());
    this.#follow();
  }

  get totalMs(): number {
    return this.#beforeMs + (this.#since === undefined ? 0 : this.#clock.now() - this.#since);
  }

  /** Keeps what has been counted; the machine may go on without us. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#since !== undefined) this.#keep();
  }

  #follow(): void {
    const on = this.#power.isOn;
    if (on === (this.#since !== undefined)) return;
    if (on) {
      this.#since = this.#clock.now();
      this.#arm();
      return;
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#keep();
    this.#since = undefined;
  }

  #arm(): void {
    this.#timer = this.#clock.after(savePeriodMs, () => {
      this.#keep();
      this.#arm();
    });
  }

  /** A disk that refuses costs the memory of this time, not the count itself. */
  #keep(): void {
    this.#beforeMs = this.totalMs;
    this.#since = this.#clock.now();
    try {
      this.#store.save('power-on-time', { totalMs: Math.round(this.#beforeMs) } satisfies PowerOnTimeRecord);
    } catch (error) {
      this.#log.error({ err: error }, 'power-on time not kept');
    }
  }
}
