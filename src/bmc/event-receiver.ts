/**
 * Where all platform events arrive, from our own sensors and from others: into the System Event Log, then to whoever
 * listens (platform event filtering, the event message buffer). IPMI 2.0 §29.
 */
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import type { Actor } from './actor.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { Sel, SelEntry, SystemEvent } from './sel.ts';

export interface ReceivedEvent {
  readonly event: SystemEvent;
  /** Seconds since 1970 by the SEL's clock. */
  readonly time: number;
  /** Its entry in the SEL; undefined when it was not logged. */
  readonly entry: SelEntry | undefined;
}

export class EventReceiver {
  /** Whether events go into the SEL (§22.1), asked for each. When they do not, they still reach the listeners. */
  logs: () => boolean = () => true;
  /** Whether events of our own are wanted at all, §29.1. On at each start. */
  #ownEvents = true;
  readonly #sel: Sel;
  readonly #events: EventLog;
  readonly #log: Logger;
  readonly #received = new Emitter<ReceivedEvent>();

  constructor({ sel, events, log }: { sel: Sel; events: EventLog; log: Logger }) {
    this.#sel = sel;
    this.#events = events;
    this.#log = log;
  }

  get ownEvents(): boolean {
    return this.#ownEvents;
  }

  setOwnEvents(wanted: boolean, actor: Actor): void {
    this.#events.changed(actor, "BMC's own events wanted", this.#ownEvents, wanted);
    this.#ownEvents = wanted;
  }

  /**
   * An event of our own.
   * @param options.last it may take the last place in the SEL, since it says that the SEL is full
   */
  report(event: SystemEvent, options: { readonly last?: boolean } = {}): void {
    if (this.ownEvents) this.receive(event, options);
  }

  /** An event that no disk takes, or for which there is no room in the SEL, is still told to the listeners. */
  receive(event: SystemEvent, { last = false }: { readonly last?: boolean } = {}): ReceivedEvent {
    const entry = this.logs() ? this.#record(event, last) : undefined;
    const received = { event, time: entry?.time ?? this.#sel.time, entry };
    this.#received.emit(received);
    return received;
  }

  /** Told of each event after it has been logged. */
  onRecord(listener: (received: ReceivedEvent) => void): () => void {
    return this.#received.on(listener);
  }

  #record(event: SystemEvent, last: boolean): SelEntry | undefined {
    try {
      return last ? this.#sel.addLast(event) : this.#sel.add(event);
    } catch (error) {
      if (!(error instanceof BmcError)) throw error;
      this.#log.warn({ err: error, event }, 'event not logged');
      return undefined;
    }
  }
}
