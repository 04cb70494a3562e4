/**
 * How late this process gets to what is due: by how much a timer that runs all the time fires too late. What is told is
 * of the last minute or two, or of the time since somebody asked, where that is longer: the worse of the stretch that
 * lasts and the one before it, so that several readers do not take each other's figures away. Beside that, what it was in
 * the whole life of the process, but for its start.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** All in seconds. */
export interface Lag {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Of the whole life from the start's end on, in seconds. */
export interface LifeLag {
  /** All but one in a thousand were shorter. */
  readonly p999: number;
  readonly max: number;
}

/** How often it is measured; a shorter time costs more wake-ups. */
const resolutionMs = 20;
const stretchMs = 60_000;
const none: Lag = { mean: 0, p50: 0, p90: 0, p99: 0, max: 0 };

export class EventLoopLag {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  readonly #life = monitorEventLoopDelay({ resolution: resolutionMs });
  #since = performance.now();
  #before: Lag = none;

  constructor() {
    this.#histogram.enable();
  }

  read(): Lag {
    const now = this.#measured();
    const before = this.#before;
    if (performance.now() - this.#since >= stretchMs) {
      this.#before = now;
      this.#since = performance.now();
      this.#histogram.reset();
    }
    const worse = (name: keyof Lag) => Math.max(now[name], before[name]);
    return {
      mean: worse('mean'),
      p50: worse('p50'),
      p90: worse('p90'),
      p99: worse('p99'),
      max: worse('max'),
    };
  }

  /** What loads and compiles code is done: from here on somebody waits. */
  started(): void {
    this.#life.enable();
  }

  /** Since {@link started}; undefined as long as nothing was measured. */
  get life(): LifeLag | undefined {
    const life = this.#life;
    return life.count === 0 ? undefined : { p999: late(life.percentile(99.9)), max: late(life.max) };
  }

  stop(): void {
    this.#histogram.disable();
    this.#life.disable();
  }

  #measured(): Lag {
    const histogram = this.#histogram;
    if (histogram.count === 0) return none;
    return {
      mean: late(histogram.mean),
      p50: late(histogram.percentile(50)),
      p90: late(histogram.percentile(90)),
      p99: late(histogram.percentile(99)),
      max: late(histogram.max),
    };
  }
}

/** The histograms have the time from one firing to the next. */
function late(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000);
}
