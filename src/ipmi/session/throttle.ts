/**
 * Slows down guessing: after five wrong passwords from one source for one user name, each further try has to wait,
 * 1 s at first, twice as long each time, 60 s at most. Nobody is locked out: other sources do not notice.
 */
import type { Clock } from '../../lib/clock.ts';

const freeTries = 5;
const firstDelayMs = 1000;
const longestDelayMs = 60_000;
/** Quiet time after which wrong tries are forgotten. */
const memoryMs = 10 * 60_000;
const capacity = 4096;

interface Record {
  failures: number;
  lastFailure: number;
}

export class LoginThrottle {
  readonly #clock: Clock;
  /** Oldest failure first. */
  readonly #records = new Map<string, Record>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long a try by `source` for `name` has to wait yet; 0 when it may go on. */
  waitMs(source: string, name: string): number {
    const record = this.#records.get(key(source, name));
    if (!record) return 0;
    const passed = this.#clock.now() - record.lastFailure;
    if (passed >= memoryMs || record.failures < freeTries) return 0;
    const delay = Math.min(firstDelayMs * 2 ** (record.failures - freeTries), longestDelayMs);
    return Math.max(0, delay - passed);
  }

  failed(source: string, name: string): void {
    const now = this.#clock.now();
    const k = key(source, name);
    const known = this.#records.get(k);
    const failures = known && now - known.lastFailure < memoryMs ? known.failures + 1 : 1;
    this.#records.delete(k);
    this.#records.set(k, { failures: Math.min(failures, 32), lastFailure: now });
    if (this.#records.size > capacity) {
      for (const oldest of this.#records.keys()) {
        this.#records.delete(oldest);
        break;
      }
    }
  }

  succeeded(source: string, name: string): void {
    this.#records.delete(key(source, name));
  }
}

function key(source: string, name: string): string {
  return `${source} ${name}`;
}
