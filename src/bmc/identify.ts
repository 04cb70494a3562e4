/**
 * The identify light: how a person in front of the rack finds this server. One state for every face; it goes out
 * by itself after the time asked for. It is not kept over a restart of the BMC, like a light without power.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Actor } from './actor.ts';
import type { EventLog } from './event-log.ts';

export const identifyStates = ['off', 'timed', 'on'] as const;
export type IdentifyState = (typeof identifyStates)[number];

export class Identify {
  readonly #clock: Clock;
  readonly #events: EventLog;
  readonly #changed = new Emitter<IdentifyState>();
  #state: IdentifyState = 'off';
  #end: Timer | undefined;

  constructor({ clock, events }: { clock: Clock; events: EventLog }) {
    this.#clock = clock;
    this.#events = events;
  }

  get state(): IdentifyState {
    return this.#state;
  }

  onChange(listener: (state: IdentifyState) => void): () => void {
    return this.#changed.on(listener);
  }

  on(actor: Actor): void {
    this.#set('on', actor);
  }

  off(actor: Actor): void {
    this.#set('off', actor);
  }

  /** On for so long, counted anew from now. */
  onFor(durationMs: number, actor: Actor): void {
    this.#set('timed', actor);
    this.#end = this.#clock.after(durationMs, () => this.#set('off'));
  }

  /** @param actor absent when the time has run out */
  #set(state: IdentifyState, actor?: Actor): void {
    this.#end?.cancel();
    this.#end = undefined;
    if (state === this.#state) return;
    if (actor) this.#events.changed(actor, 'identify light', this.#state, state);
    this.#state = state;
    this.#changed.emit(state);
  }
}
