/** What a BMC can find wrong with itself and still answer: here, that its memory no longer takes anything. */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Store } from './store.ts';

export interface SelfTestResult {
  /** State can be kept: settings, logs, inventory. */
  readonly storeWorks: boolean;
}

/** Any user may ask, and each test writes to the disk: so not more often than this. */
const validMs = 10_000;

export class SelfTest {
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #log: Logger;
  #last: { readonly at: number; readonly result: SelfTestResult } | undefined;

  constructor(options: { clock: Clock; store: Store; log: Logger }) {
    this.#clock = options.clock;
    this.#store = options.store;
    this.#log = options.log;
  }

  /** Tests, or tells of a test made within the last 10 s. */
  run(): SelfTestResult {
    const now = this.#clock.now();
    if (this.#last === undefined || now - this.#last.at >= validMs) {
      this.#last = { at: now, result: { storeWorks: this.#tryStore() } };
    }
    return this.#last.result;
  }

  #tryStore(): boolean {
    try {
      this.#store.save('self-test', { time: this.#clock.wallTime() });
      return true;
    } catch (error) {
      this.#log.warn({ err: error }, 'self test: state cannot be kept');
      return false;
    }
  }
}
