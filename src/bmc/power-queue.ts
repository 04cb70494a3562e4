/**
 * Requests to the power, carried out one by one. One that waits for an answer of the machine's is given up when the
 * machine is to go off, which needs no answer.
 */
import { type Clock, delay } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { leadsOn, needsAnswer, type PowerAction, type PowerRequest } from './power-actions.ts';

/** How long a forced power-off waits for the answers that others still wait for, all together. */
const lastWordsMs = 1_000;
/** So many may wait: a machine that hangs makes each of them wait for seconds. */
const capacity = 32;

export interface PowerQueueOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Rejects when it did not work. */
  carryOut(request: PowerRequest): Promise<void>;
  failed(request: PowerRequest, error: unknown): void;
  /** Told after each request, whatever became of it. */
  done(): void;
}

export class PowerQueue {
  readonly #options: PowerQueueOptions;
  /** The first is being carried out. */
  readonly #requests: PowerRequest[] = [];
  /** Settles when all have been served; undefined while there are none. */
  #serving: Promise<void> | undefined;
  /** Told to who waits for the machine's answer: it is to go off whatever it says. */
  #hurry: () => void = () => undefined;
  /** By then it has answered, or is not waited for. */
  #lastWordsUntil = 0;
  #closed = false;

  constructor(options: PowerQueueOptions) {
    this.#options = options;
  }

  get idle(): boolean {
    return this.#serving === undefined;
  }

  /** Whether a request that leads to on is still to be served. */
  get leadsOn(): boolean {
    return this.#requests.some(({ action }) => leadsOn(action));
  }

  /** @returns whether the machine will be on when all have been served */
  willBeOn(isOn: boolean): boolean {
    let on = isOn;
    for (const { action } of this.#requests) {
      if (leadsOn(action)) on = true;
      else if (action === 'off') on = false;
    }
    return on;
  }

  /** Whether there is room for it: always for one that is the same as the last, and for a power-off. */
  hasRoomFor(action: PowerAction): boolean {
    return this.#requests.length < capacity || action === 'off' || this.#requests.at(-1)?.action === action;
  }

  /** The same action twice in a row is one. */
  add(request: PowerRequest): void {
    if (this.#requests.at(-1)?.action === request.action) return;
    this.#requests.push(request);
    this.#beginServing();
  }

  /** The machine is to go off: its answers are not waited for any longer than a moment. */
  endConversations(): void {
    this.#lastWordsUntil = this.#options.clock.now() + lastWordsMs;
    this.#hurry();
  }

  /** Nothing more is begun. */
  close(): void {
    this.#closed = true;
    this.#requests.splice(1);
  }

  /** Resolves when nothing is being carried out. */
  async settled(): Promise<void> {
    await this.#serving;
  }

  #beginServing(): void {
    this.#serving ??= this.#serve().finally(() => {
      this.#serving = undefined;
      if (this.#requests.length > 0 && !this.#closed) this.#beginServing();
    });
  }

  async #serve(): Promise<void> {
    for (let next = this.#requests[0]; next && !this.#closed; next = this.#requests[0]) {
      try {
        await this.#carryOutOrGiveUp(next);
      } catch (error) {
        this.#options.failed(next, error);
      }
      this.#requests.shift();
      this.#options.done();
    }
  }

  /** What only waits for an answer of the machine's gives way to a power-off. */
  async #carryOutOrGiveUp(request: PowerRequest): Promise<void> {
    const { clock, log, carryOut } = this.#options;
    if (!needsAnswer(request.action)) return carryOut(request);
    const hurried = new Promise<void>((resolve) => {
      this.#hurry = resolve;
    });
    if (this.#closed || this.#requests.some(({ action }) => action === 'off')) this.#hurry();
    const carriedOut = carryOut(request).then(() => true);
    const givenUp = hurried
      .then(() => delay(clock, Math.max(0, this.#lastWordsUntil - clock.now())))
      .then(() => false);
    if (await Promise.race([carriedOut, givenUp])) return;
    log.warn({ action: request.action }, 'the machine does not answer, and is to go off: given up');
    carriedOut.catch((error) => log.debug({ err: error }, 'power action given up'));
  }
}
