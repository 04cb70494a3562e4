/**
 * Slows down guessing, on every face together: after five wrong passwords from one source for one user name, each
 * further try has to wait, 1 s at first, twice as long each time, 60 s at most. Nobody is locked out: other sources do
 * not notice.
 */
import type { Clock } from '../lib/clock.ts';

const freeTries = 5;
const firstDelayMs = 1000;
const longestDelayMs = 60_000;
/** Quiet time after which wrong tries are forgotten. */
const memoryMs = 10 * 60_000;
const capacity = 4096;
/** Longer names than users have are told apart no further: they come from outside and are kept. */
const keptLength = 32;

interface Record {
  readonly name: string;
  readonly failures: number;
  readonly lastFailure: number;
}

export class GuessThrottle {
  readonly #clock: Clock;
  /** Oldest failure first. */
  readonly #records = new Map<string, Record>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long a try by `source`, an address, for `name` has to wait yet; 0 when it may go on. */
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
    this.#records.set(k, {
      name: name.slice(0, keptLength),
      failures: Math.min(failures, 32),
      lastFailure: now,
    });
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

  /** The user of this name has changed: what was wrong before says nothing about what is right now. */
  forget(name: string): void {
    for (const [k, record] of this.#records) if (record.name === name) this.#records.delete(k);
  }
}

/** An IPv4 client that came through an IPv6 socket is the same source. */
function key(source: string, name: string): string {
  return `${source.replace(/^::ffff:(?=\d+\.)/i, '')} ${name.slice(0, keptLength)}`;
}
