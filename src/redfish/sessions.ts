/**
 * Redfish sessions: who has logged in, with which token, until when. DSP0266 §13.3.4.
 *
 * A session ends by logout, after its idle time, and at once when its user is disabled, deleted, renamed, loses
 * Redfish access or gets another password; the user's role is looked up at each use, so that a change of it is
 * effective at once, too. The one session that outlives a new password is the one that set it: that client has just
 * shown the right to do so, and logging it out would only hide from it that the change was made.
 *
 * Sessions survive a restart of the BMC, however it came, unless their idle time or their user's password has passed
 * meanwhile: a browser that shows a console goes on with it. Tokens are kept as hashes only.
 */
import { createHmac, hash } from 'node:crypto';
import { type Actor, actorText } from '../bmc/actor.ts';
import { changesBetween } from '../bmc/changes.ts';
import { BmcError } from '../bmc/errors.ts';
import type { EventLog } from '../bmc/event-log.ts';
import type { Store } from '../bmc/store.ts';
import { canLogInToRedfish, type User } from '../bmc/user.ts';
import type { Users } from '../bmc/users.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Random } from '../lib/random.ts';
import { RedfishError } from './errors.ts';
import { message } from './messages.ts';

export const maxSessions = 64;
export const maxSessionsOfUser = 16;
/** In seconds. */
export const idleTimeout = { least: 30, most: 86_400, usual: 1800 } as const;

/** What stays as it is while a session lives. */
export interface SessionFacts {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly userId: number;
  readonly userName: string;
  /** The client's address, without a port. */
  readonly clientOrigin: string;
  /** By the BMC's clock, milliseconds since 1970. */
  readonly createdTime: number;
}

export interface RedfishSession extends SessionFacts {
  /** As `createdTime`. */
  readonly lastUsedTime: number;
}

export type SessionEnd = 'logout' | 'idle' | 'user-changed';

export interface RedfishSessionsOptions {
  readonly users: Users;
  readonly events: EventLog;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
}

interface KeptSession extends RedfishSession {
  readonly tokenHash: string;
  readonly password: string;
}

interface Kept {
  readonly idleTimeoutS: number;
  /** Base64. */
  readonly passwordKey: string;
  readonly sessions: readonly KeptSession[];
}

interface Entry {
  readonly facts: SessionFacts;
  lastUsedTime: number;
  readonly tokenHash: string;
  /** Of the password the session rests on. */
  password: string;
  /** Monotonic, in milliseconds. */
  lastUsed: number;
  /** Answers on their way that keep the session in use. */
  holds: number;
}

const storeName = 'redfish-sessions';
/** How much of a session's last use a BMC that is killed may forget. */
const keepUsesMs = 60_000;

export class RedfishSessions {
  readonly #options: RedfishSessionsOptions;
  readonly #passwordKey: Uint8Array;
  /** Another password makes another user object. */
  readonly #passwordHashes = new WeakMap<User, string>();
  /** By ID, oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #byToken = new Map<string, Entry>();
  readonly #ended = new Emitter<{ readonly session: RedfishSession; readonly why: SessionEnd }>();
  readonly #changed = new Emitter<void>();
  readonly #unsubscribe: () => void;
  #idleTimeoutS: number;
  #timer: Timer | undefined;
  #keepTimer: Timer | undefined;
  /** What the store has, as JSON. */
  #saved: string;
  /** The session whose request is being carried out on the users. */
  #changing: string | undefined;

  constructor(options: RedfishSessionsOptions) {
    this.#options = options;
    const kept = options.store.load<Partial<Kept>>(storeName);
    this.#saved = JSON.stringify(kept ?? {});
    const { idleTimeoutS, passwordKey, sessions = [] } = kept ?? {};
    this.#passwordKey = passwordKey === undefined ? options.random.bytes(32) : fromBase64(passwordKey);
    this.#idleTimeoutS = isIdleTimeout(idleTimeoutS) ? idleTimeoutS : idleTimeout.usual;
    for (const session of sessions) this.#revive(session);
    this.#reap();
    for (const user of options.users.list()) this.#userChanged(user);
    this.#keep();
    this.#unsubscribe = options.users.onChange((user) => this.#userChanged(user));
  }

  /** After so many seconds without a request a session ends. */
  get idleTimeoutS(): number {
    return this.#idleTimeoutS;
  }

  /**
   * Of all sessions, living ones too, and for good.
   * @throws {BmcError} `bad-argument` unless 30 to 86,400; `no-space` or `timed-out` when it cannot be saved
   */
  setIdleTimeoutS(seconds: number, actor: Actor): void {
    if (!isIdleTimeout(seconds)) {
      const { least, most } = idleTimeout;
      throw new BmcError(
        'bad-argument',
        `the idle time of sessions is ${least} to ${most} s, not ${seconds}`,
      );
    }
    if (seconds === this.#idleTimeoutS) return;
    this.#save({ idleTimeoutS: seconds });
    const changes = changesBetween({ idleTimeoutS: this.#idleTimeoutS }, { idleTimeoutS: seconds });
    this.#idleTimeoutS = seconds;
    this.#changed.emit();
    this.#options.events.add(
      'configuration',
      `idle time of sessions now ${seconds} s by ${actorText(actor)}`,
      actor,
      changes,
    );
    this.#reap();
  }

  /**
   * @param user who has just logged in
   * @param clientOrigin the client's address, without a port
   * @returns the session and its token: 43 characters, told to the client this once and never logged
   * @throws {RedfishError} 503 when there are too many sessions, in all or of this user
   */
  open(user: User, clientOrigin: string): { readonly session: RedfishSession; readonly token: string } {
    this.#reap();
    const own = [...this.#entries.values()].filter(({ facts }) => facts.userId === user.id).length;
    if (this.#entries.size >= maxSessions || own >= maxSessionsOfUser) {
      throw new RedfishError(message('SessionLimitExceeded'));
    }
    const { clock, random, events } = this.#options;
    const now = clock.wallTime();
    const token = Buffer.from(random.bytes(32)).toString('base64url');
    const entry: Entry = {
      facts: {
        id: Buffer.from(random.bytes(8)).toString('hex'),
        userId: user.id,
        userName: user.name,
        clientOrigin,
        createdTime: now,
      },
      lastUsedTime: now,
      tokenHash: hashOf(token),
      password: this.#passwordHash(user),
      lastUsed: clock.now(),
      holds: 0,
    };
    this.#entries.set(entry.facts.id, entry);
    this.#byToken.set(entry.tokenHash, entry);
    this.#keep();
    this.#changed.emit();
    this.#arm();
    const User = who(entry.facts);
    const facts = { Protocol: 'Redfish', User } as const;
    events.add('session-opened', `Redfish session of ${User}`, actorOf(entry.facts), [], facts);
    return { session: sessionOf(entry), token };
  }

  /**
   * The session of this token, which counts as used now, and its user as it is now.
   * @returns undefined when there is none, or no longer
   */
  use(token: string): { readonly session: SessionFacts; readonly user: User } | undefined {
    const entry = this.#byToken.get(hashOf(token));
    if (!entry) return undefined;
    if (this.#isIdle(entry)) {
      this.#end(entry, 'idle', 'timed out');
      return undefined;
    }
    const user = this.#options.users.get(entry.facts.userId);
    if (!user || !this.#restsOn(entry, user)) {
      this.#end(entry, 'user-changed', 'ended, since its user has changed');
      return undefined;
    }
    this.#touch(entry);
    return { session: entry.facts, user };
  }

  /** Living sessions, oldest first. */
  list(): RedfishSession[] {
    this.#reap();
    return [...this.#entries.values()].map(sessionOf);
  }

  get(id: string): RedfishSession | undefined {
    this.#reap();
    const entry = this.#entries.get(id);
    return entry && sessionOf(entry);
  }

  /** Logs out. @returns false when there is no such session */
  end(id: string, actor: Actor): boolean {
    const entry = this.#entries.get(id);
    if (entry) this.#end(entry, 'logout', `logged out by ${actorText(actor)}`, actor);
    return entry !== undefined;
  }

  /**
   * Keeps a session in use while an answer to it is on its way, such as a stream of events; it can still be ended.
   * @returns a function that says that the answer is over, however often it is called
   */
  hold(id: string): () => void {
    const entry = this.#entries.get(id);
    if (!entry) return () => undefined;
    let held = true;
    entry.holds++;
    return () => {
      if (!held) return;
      held = false;
      entry.holds--;
      this.#touch(entry);
      this.#arm();
    };
  }

  /**
   * Carries out a change of users that a session has asked for: a new password for its own user does not end it.
   * @param id the session; undefined for a request without one
   */
  duringChangeBy<T>(id: string | undefined, change: () => T): T {
    const before = this.#changing;
    this.#changing = id;
    try {
      return change();
    } finally {
      this.#changing = before;
    }
  }

  /** Told when a session has come or gone, and of another idle time. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** Told of each session that has ended, so that what it still does can be ended, too. */
  onEnd(
    listener: (ended: { readonly session: RedfishSession; readonly why: SessionEnd }) => void,
  ): () => void {
    return this.#ended.on(listener);
  }

  /** At the end of the BMC: no session is of use until the next start. */
  stop(): void {
    this.#unsubscribe();
    this.#keep();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#keepTimer?.cancel();
    this.#keepTimer = undefined;
    this.#entries.clear();
    this.#byToken.clear();
  }

  #userChanged(user: User): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.facts.userId !== user.id || this.#restsOn(entry, user)) continue;
      const isOwnPassword = entry.facts.id === this.#changing && this.#mayGoOn(entry, user);
      if (isOwnPassword) {
        entry.password = this.#passwordHash(user);
        this.#keep();
      } else this.#end(entry, 'user-changed', 'ended, since its user has changed');
    }
  }

  #restsOn(entry: Entry, user: User): boolean {
    return this.#mayGoOn(entry, user) && entry.password === this.#passwordHash(user);
  }

  #mayGoOn({ facts }: Entry, user: User): boolean {
    return user.name === facts.userName && canLogInToRedfish(user);
  }

  #passwordHash(user: User): string {
    const known = this.#passwordHashes.get(user);
    if (known !== undefined) return known;
    const hash = createHmac('sha256', this.#passwordKey).update(user.password).digest('base64');
    this.#passwordHashes.set(user, hash);
    return hash;
  }

  #touch(entry: Entry): void {
    const { clock } = this.#options;
    entry.lastUsed = clock.now();
    entry.lastUsedTime = clock.wallTime();
  }

  #isIdle({ lastUsed, holds }: Entry): boolean {
    return holds === 0 && this.#options.clock.now() - lastUsed >= this.#idleTimeoutS * 1000;
  }

  #reap(): void {
    for (const entry of [...this.#entries.values()]) {
      if (this.#isIdle(entry)) this.#end(entry, 'idle', 'timed out');
    }
    this.#arm();
  }

  /** Looks again when the first session may have been idle for too long. */
  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const waiting = [...this.#entries.values()].filter(({ holds }) => holds === 0);
    if (waiting.length === 0) return;
    const oldest = Math.min(...waiting.map(({ lastUsed }) => lastUsed));
    const left = oldest + this.#idleTimeoutS * 1000 - this.#options.clock.now();
    this.#timer = this.#options.clock.after(Math.max(1, left), () => this.#reap());
  }

  #revive({ tokenHash, password, lastUsedTime, ...facts }: KeptSession): void {
    const { clock } = this.#options;
    const lastUsed = clock.now() - Math.max(0, clock.wallTime() - lastUsedTime);
    const entry: Entry = { facts, lastUsedTime, tokenHash, password, lastUsed, holds: 0 };
    this.#entries.set(facts.id, entry);
    this.#byToken.set(tokenHash, entry);
  }

  /**
   * Notes how things are, now and every minute while there are sessions. A disk that is full keeps nobody from logging
   * in or out: what could not be noted is tried again.
   */
  #keep(): void {
    try {
      this.#save({});
    } catch (error) {
      if (!(error instanceof BmcError)) throw error;
    }
    this.#keepTimer?.cancel();
    this.#keepTimer = undefined;
    if (this.#entries.size === 0) return;
    this.#keepTimer = this.#options.clock.after(keepUsesMs, () => this.#keep());
  }

  /** @throws {BmcError} `no-space` or `timed-out` */
  #save({ idleTimeoutS = this.#idleTimeoutS }: Partial<Kept>): void {
    const { clock, store } = this.#options;
    const sessions = [...this.#entries.values()].map((entry) => ({
      ...sessionOf(entry),
      ...(entry.holds > 0 && { lastUsedTime: clock.wallTime() }),
      tokenHash: entry.tokenHash,
      password: entry.password,
    }));
    const passwordKey = Buffer.from(this.#passwordKey).toString('base64');
    const kept: Kept = { idleTimeoutS, passwordKey, sessions };
    const json = JSON.stringify(kept);
    if (json === this.#saved) return;
    store.save(storeName, kept);
    this.#saved = json;
  }

  #end(entry: Entry, why: SessionEnd, text: string, actor?: Actor): void {
    this.#entries.delete(entry.facts.id);
    this.#byToken.delete(entry.tokenHash);
    this.#keep();
    this.#changed.emit();
    const User = who(entry.facts);
    const facts = { Protocol: 'Redfish', User, End: why } as const;
    this.#options.events.add('session-closed', `Redfish session of ${User}: ${text}`, actor, [], facts);
    this.#ended.emit({ session: sessionOf(entry), why });
  }
}

function isIdleTimeout(seconds: unknown): seconds is number {
  return (
    typeof seconds === 'number' &&
    Number.isInteger(seconds) &&
    seconds >= idleTimeout.least &&
    seconds <= idleTimeout.most
  );
}

function fromBase64(text: string): Uint8Array {
  return Buffer.from(text, 'base64');
}

function sessionOf({ facts, lastUsedTime }: Entry): RedfishSession {
  return { ...facts, lastUsedTime };
}

function hashOf(token: string): string {
  return hash('sha256', token, 'base64');
}

function actorOf({ userName, clientOrigin }: SessionFacts): Actor {
  return { name: userName, face: 'redfish', from: clientOrigin };
}

function who({ userName, clientOrigin, id }: SessionFacts): string {
  return `${userName} (${clientOrigin}, ${id})`;
}
