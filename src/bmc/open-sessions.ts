/**
 * Sessions that a face holds and the others can show and end: a face says when one begins, how it is ended, and when it
 * is over. The core knows no protocol behind them.
 */
import { Emitter } from '../lib/emitter.ts';
import { type Actor, actorText } from './actor.ts';
import type { EventLog } from './event-log.ts';

export interface OpenSession {
  /** `1` and up, never given twice in the life of the BMC; tells nothing that the protocol keeps for itself. */
  readonly id: string;
  readonly protocol: 'IPMI';
  readonly userId: number;
  readonly userName: string;
  /** The client's address, without a port. */
  readonly from: string;
  /** Milliseconds since 1970, by the BMC's clock. */
  readonly openedAt: number;
}

interface Entry {
  readonly session: OpenSession;
  readonly end: () => void;
}

export class OpenSessions {
  readonly #events: EventLog;
  readonly #entries = new Map<string, Entry>();
  readonly #changed = new Emitter<void>();
  #last = 0;

  constructor(events: EventLog) {
    this.#events = events;
  }

  /**
   * @param end closes the session in its face, which then says so
   * @returns to be called when the session is over, however that came
   */
  opened(session: Omit<OpenSession, 'id'>, end: () => void): () => void {
    const id = String(++this.#last);
    const { protocol, userId, userName, from, openedAt } = session;
    this.#entries.set(id, { session: { id, protocol, userId, userName, from, openedAt }, end });
    this.#changed.emit();
    return () => {
      if (this.#entries.delete(id)) this.#changed.emit();
    };
  }

  /** Oldest first. */
  list(): readonly OpenSession[] {
    return [...this.#entries.values()].map(({ session }) => session);
  }

  get(id: string): OpenSession | undefined {
    return this.#entries.get(id)?.session;
  }

  /** Told when a session has come or gone. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** @returns false when there is no such session, or no longer */
  end(id: string, actor: Actor): boolean {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    const { protocol, userName, from } = entry.session;
    entry.end();
    this.#events.add(
      'session-closed',
      `${protocol} session of ${userName} (${from}): ended by ${actorText(actor)}`,
      actor,
      [],
      { Protocol: protocol, User: `${userName} (${from})`, End: 'ended' },
    );
    return true;
  }
}
