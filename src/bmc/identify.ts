/**
 * The identify light: how a person in front of the rack finds this server. One state for every face; it goes out
 * by itself after the time asked for. It is not kept over a restart of the BMC, like a light without power.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';

export const identifyStates = ['off', 'timed', 'on'] as const;
export type IdentifyState = (typeof identifyStates)[number];

export class Identify {
  readonly #clock: Clock;
  readonly #changed = new Emitter<IdentifyState>();
  #state: IdentifyState = 'off';
  #end: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get state(): IdentifyState {
    return this.#state;
  }

  onChange(listener: (state: IdentifyState) => void): () => void {
    return this.#changed.on(listener);
  }

  on(): void {
    this.#set('on');
  }

  off(): void {
    this.#set('off');
  }

  /** On for so long, counted anew from now. */
  onFor(durationMs: number): void {
    this.#set('timed');
    this.#end = this.#clock.after(durationMs, () => this.#set('off'));
  }

  #set(state: IdentifyState): void {
    this.#end?.cancel();
    this.#end = undefined;
    if (state === this.#state) return;
    this.#state = state;
    this.#changed.emit(state);
  }
}
