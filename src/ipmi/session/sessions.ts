/** The live sessions of one LAN channel, by ID and by handle. */
import type { Session } from './session.ts';

/** As many as Get Session Info can express. */
export const defaultMaxSessions = 63;
const maxHandle = 254;
/** Of a session that its ID alone names. */
export const noHandle = 0;

export class Sessions {
  readonly max: number;
  /** By ID as a signed number, which V8 holds without an object of its own. */
  readonly #byId = new Map<number, Session>();
  /** Those that live sessions have. */
  readonly #handles = new Set<number>();
  #lastHandle = 0;

  constructor(max = defaultMaxSessions) {
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

  add(session: Session): void {
    this.#byId.set(session.id | 0, session);
    this.#handles.add(session.handle);
    session.onClose(() => {
      this.#byId.delete(session.id | 0);
      this.#handles.delete(session.handle);
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
      if (!this.#handles.has(this.#lastHandle)) return this.#lastHandle;
    }
    return noHandle;
  }

  /** Ends those that have outlived their time or their user. */
  check(now: number): void {
    for (const session of [...this.#byId.values()]) session.check(now);
  }
}
