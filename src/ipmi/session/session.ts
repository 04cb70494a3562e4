/**
 * A session that has been logged into, whatever protocol carries it: who it is, its level, its time limits and its
 * payloads. What packets look like is its subclasses' business: rmcp-plus-session.ts and v15-session.ts. It knows
 * nothing of how it came about, what commands mean, or sockets.
 */
import { type Actor, atLeast, lowerOf, type PrivilegeLevel } from '../../bmc/actor.ts';
import { canLogIn, effectiveLimit, type User } from '../../bmc/user.ts';
import type { Clock } from '../../lib/clock.ts';
import { sameSecret } from '../../lib/same-secret.ts';
import type { CommandContext } from '../commands/command.ts';
import type {
  PayloadArrival,
  PayloadHandler,
  PayloadProtection,
  PayloadSession,
  PayloadType,
} from '../payload.ts';
import type { DatagramLink, RemoteAddress } from './link.ts';
import { RequestCache } from './request-cache.ts';

/** IPMI 2.0 §6.12.15: 60 s ± 3 s. */
export const idleTimeoutMs = 60_000;
/**
 * A session that carries another payload counts as active for longer than that, yet not for ever: all known
 * consoles send something every 15 to 30 s, and a dead one must not keep the host's serial port.
 */
export const payloadIdleTimeoutMs = 180_000;

export type CloseReason =
  | 'closed by the console'
  | 'closed by another session'
  | 'ended over another face'
  | 'idle'
  | 'user changed'
  | 'BMC stopped';

/** Why a packet was dropped. */
export type PacketFault = 'badAuthCode' | 'notProtected' | 'replayed' | 'undecryptable' | 'foreignSource';

export interface SessionOptions {
  /** The managed system's session ID. */
  readonly id: number;
  /** 1 to 254; 0 when all of these are taken. */
  readonly handle: number;
  readonly channel: number;
  /** The user at the time of the login. */
  readonly user: User;
  /** The highest level that the login asked for. */
  readonly level: PrivilegeLevel;
  /** The highest level of the channel now. */
  readonly channelLimit: () => PrivilegeLevel;
  readonly link: DatagramLink;
  readonly remote: RemoteAddress;
  readonly clock: Clock;
  /** The user's present state. */
  readonly findUser: (id: number) => User | undefined;
}

export abstract class Session implements PayloadSession {
  abstract readonly protocol: 'v15' | 'v20';
  abstract readonly canEncrypt: boolean;
  abstract readonly canAuthenticate: boolean;
  readonly id: number;
  /** Small number by which Get Session Info and Close Session know the session too. */
  readonly handle: number;
  readonly channel: number;
  readonly userId: number;
  readonly actor: Actor;
  /** Wall time of the login, in milliseconds since 1970. */
  readonly establishedAt: number;
  readonly requests = new RequestCache();
  /** What its commands see of it: made for the first of them by who runs them. */
  commandContext: CommandContext | undefined;
  /** Of the options, which it does not keep: a request then finds less of its session in other places of the memory. */
  readonly #highest: PrivilegeLevel;
  readonly #channelLimit: SessionOptions['channelLimit'];
  readonly #findUser: SessionOptions['findUser'];
  readonly #payloads = new Map<number, { readonly handler: PayloadHandler; readonly keepAlive: boolean }>();
  readonly #closeListeners: (() => void)[] = [];
  /** The account as this session knows it. */
  #user: User;
  #remote: RemoteAddress;
  #link: DatagramLink;
  #lastHeard: number;
  #level: PrivilegeLevel;
  #closed: CloseReason | undefined;
  #closing = false;

  constructor(options: SessionOptions) {
    const { user, remote, clock } = options;
    this.#highest = options.level;
    this.#channelLimit = options.channelLimit;
    this.#findUser = options.findUser;
    this.id = options.id;
    this.handle = options.handle;
    this.channel = options.channel;
    this.userId = user.id;
    this.actor = { name: user.name, face: 'ipmi', from: `${remote.address}:${remote.port}` };
    this.establishedAt = clock.wallTime();
    this.#user = user;
    this.#remote = remote;
    this.#link = options.link;
    this.#lastHeard = clock.now();
    this.#level = lowerOf('user', this.limit);
  }

  /** Sends one payload of the session, with the protection that the session has for it. */
  abstract sendPayload(type: PayloadType, payload: Uint8Array, protection: PayloadProtection): void;

  /** Where sealing costs something, overridden. */
  preparePayload(_type: PayloadType, _payload: Uint8Array, _protection: PayloadProtection): void {}

  get remote(): RemoteAddress {
    return this.#remote;
  }

  get localPort(): number {
    return this.#link.localPort;
  }

  get open(): boolean {
    return this.#closed === undefined;
  }

  /** Why it ended; undefined while open. */
  get closeReason(): CloseReason | undefined {
    return this.#closed;
  }

  /** The highest level to be had now: of the login's request, the channel and the user, whichever is lowest. */
  get limit(): PrivilegeLevel {
    const user = this.#findUser(this.userId) ?? this.#user;
    return lowerOf(this.#highest, lowerOf(this.#channelLimit(), effectiveLimit(user) ?? 'callback'));
  }

  get privilege(): PrivilegeLevel {
    return lowerOf(this.#level, this.limit);
  }

  /** @returns false when the level is above the limit: nothing changes */
  setPrivilege(level: PrivilegeLevel): boolean {
    if (!atLeast(this.limit, level)) return false;
    this.#level = level;
    return true;
  }

  /** A valid packet has come. @param newest whether no later one has come before it */
  protected heard(remote: RemoteAddress, link: DatagramLink, newest: boolean, now: number): void {
    this.#lastHeard = now;
    // A console behind an address translator may come from elsewhere now; its newest packet says where it is.
    if (!newest) return;
    this.#link = link;
    if (!this.isFrom(remote)) this.#remote = { address: remote.address, port: remote.port };
  }

  protected isFrom(remote: RemoteAddress): boolean {
    return remote.address === this.#remote.address && remote.port === this.#remote.port;
  }

  protected send(datagram: Uint8Array): void {
    this.#link.send(datagram, this.#remote);
  }

  /** Sends with all the protection that the session has. */
  sendProtected(type: PayloadType, payload: Uint8Array): void {
    this.sendPayload(type, payload, { encrypted: true, authenticated: true });
  }

  onPayload(
    type: PayloadType,
    handler: PayloadHandler | undefined,
    { keepAlive = true }: { readonly keepAlive?: boolean } = {},
  ): void {
    if (handler) this.#payloads.set(type, { handler, keepAlive });
    else this.#payloads.delete(type);
  }

  /** @returns false when nobody receives payloads of this type */
  deliver(type: number, payload: Uint8Array, arrival: PayloadArrival): boolean {
    const receiver = this.#payloads.get(type);
    receiver?.handler(payload, arrival);
    return receiver !== undefined;
  }

  /** Told once, when the session ends for whatever reason; at once when it has ended. */
  onClose(listener: () => void): void {
    if (this.open) this.#closeListeners.push(listener);
    else listener();
  }

  close(reason: CloseReason): void {
    if (!this.open) return;
    this.#closed = reason;
    this.#payloads.clear();
    for (const listener of this.#closeListeners.splice(0)) listener();
  }

  /** Lets the reply to the present request out first. */
  closeAfterReply(): void {
    this.#closing = true;
  }

  /** The reply is out: ends the session if {@link closeAfterReply} was called. */
  replied(): void {
    if (this.#closing) this.close('closed by the console');
  }

  /** The session itself has just changed its user's password: it may go on, while the user's others end. */
  passwordChanged(): void {
    const user = this.#findUser(this.userId);
    if (user) this.#user = { ...this.#user, password: user.password };
  }

  /** Closes the session when it has outlived its user's account or the idle limit. @returns whether it is open */
  check(now: number): boolean {
    if (!this.open) return false;
    if (!this.#userStands()) this.close('user changed');
    if (this.#isIdle(now - this.#lastHeard)) this.close('idle');
    return this.open;
  }

  #isIdle(silentMs: number): boolean {
    return silentMs >= idleTimeoutMs && silentMs >= this.#idleLimitMs();
  }

  #idleLimitMs(): number {
    for (const { keepAlive } of this.#payloads.values()) if (keepAlive) return payloadIdleTimeoutMs;
    return idleTimeoutMs;
  }

  /** Whether the user who logged in is still the same, may log in, and has the same password. */
  #userStands(): boolean {
    const user = this.#findUser(this.userId);
    if (!user || !canLogIn(user) || effectiveLimit(user) === undefined) return false;
    return (
      user === this.#user || (user.name === this.#user.name && sameSecret(user.password, this.#user.password))
    );
  }
}
