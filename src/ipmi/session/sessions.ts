/** The live sessions of one LAN channel, by ID and by handle. */
import type { Session } from './session.ts';

/** As many as Get Session Info can express. */
export const defaultMaxSessions = 63;
const maxHandle = 254;
/** Of a session that its ID alone names. */
export const noHandle = 0;
/** How long a session that its console has closed is remembered, and how many of them. */
const farewellMs = 10_000;
const mostFarewells = 64;

export class Sessions {
  readonly max: number;
  /** By ID as a signed number, which V8 holds without an object of its own. */
  readonly #byId = new Map<number, Session>();
  readonly #byHandle = new Map<number, Session>();
  /** Those that their consoles have closed, latest last: the answer to that may have got lost. */
  readonly #farewells = new Map<number, { readonly session: Session; readonly at: number }>();
  readonly #now: () => number;
  #lastHandle = 0;

  constructor(now: () => number, max = defaultMaxSessions) {
    this.#now = now;
    this.max = max;
  }

  get size(): number {
    return this.#byId.size;
  }

  get hasRoom(): boolean {
    return this.#byId.size < this.max;
  }

  get(id: number): Session | undefined {
    return this.#byId.get(id | 0);
  }

  /** No session is meant by the handle of those that have none. */
  byHandle(handle: number): Session | undefined {
    return this.#byHandle.get(handle);
  }

  /** How many a user has. */
  countOf(userId: number): number {
    let count = 0;
    for (const session of this.#byId.values()) if (session.userId === userId) count++;
    return count;
  }

  /** One that its console has closed a moment ago. */
  justClosed(id: number): Session | undefined {
    return this.#farewells.get(id | 0)?.session;
  }

  /** Whether {@link check} has anything to look at. */
  get isIdle(): boolean {
    return this.#byId.size === 0 && this.#farewells.size === 0;
  }

  add(session: Session): void {
    const id = session.id | 0;
    this.#byId.set(id, session);
    if (session.handle !== noHandle) this.#byHandle.set(session.handle, session);
    session.onClose(() => {
      this.#byId.delete(id);
      this.#byHandle.delete(session.handle);
      if (session.closeReason !== 'closed by the console') return;
      this.#farewells.set(id, { session, at: this.#now() });
      const [oldest] = this.#farewells.keys();
      if (oldest !== undefined && this.#farewells.size > mostFarewells) this.#farewells.delete(oldest);
    });
  }

  /** By rising handle, those without one last. */
  list(): readonly Session[] {
    const order = ({ handle }: Session) => (handle === noHandle ? maxHandle + 1 : handle);
    return [...this.#byId.values()].sort((a, b) => order(a) - order(b));
  }

  /**
   * A handle that no live session has; one that was just given back is not reused at once.
   * @returns {@link noHandle} when there are more sessions than handles
   */
  freeHandle(): number {
    for (let tries = 0; tries < maxHandle; tries++) {
      this.#lastHandle = (this.#lastHandle % maxHandle) + 1;
      if (!this.#byHandle.has(this.#lastHandle)) return this.#lastHandle;
    }
    return noHandle;
  }

  /** Ends those that have outlived their time or their user, and forgets those that ended a while ago. */
  check(now: number): void {
    for (const [id, { at }] of this.#farewells) {
      if (now - at < farewellMs) break;
      this.#farewells.delete(id);
    }
    for (const session of this.#byId.values()) session.check(now);
  }
}
