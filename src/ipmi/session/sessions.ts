/** The live sessions of one LAN channel, by ID and by handle. */
import type { Session } from './session.ts';

/** As many as Get Session Info can express. */
export const defaultMaxSessions = 63;
const maxHandle = 254;

export class Sessions {
  readonly max: number;
  readonly #byId = new Map<number, Session>();
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
    return this.#byId.get(id);
  }

  add(session: Session): void {
    this.#byId.set(session.id, session);
    session.onClose(() => void this.#byId.delete(session.id));
  }

  /** By rising handle. */
  list(): readonly Session[] {
    return [...this.#byId.values()].sort((a, b) => a.handle - b.handle);
  }

  /** A handle that no live session has; one that was just given back is not reused at once. */
  freeHandle(): number {
    const used = new Set([...this.#byId.values()].map((session) => session.handle));
    do {
      this.#lastHandle = (this.#lastHandle % maxHandle) + 1;
    } while (used.has(this.#lastHandle));
    return this.#lastHandle;
  }

  /** Ends those that have outlived their time or their user. */
  check(): void {
    for (const session of [...this.#byId.values()]) session.check();
  }
}
