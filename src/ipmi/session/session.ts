/**
 * An RMCP+ session that has been logged into: its keys, sequence numbers, level and payloads. It knows nothing of
 * how it came about (handshake.ts), what commands mean, or sockets.
 */
import { type Actor, atLeast, lowerOf, type PrivilegeLevel } from '../../bmc/actor.ts';
import type { User } from '../../bmc/users.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import { type Confidentiality, confidentialityOf } from '../crypto/confidentiality.ts';
import { type Integrity, integrityOf } from '../crypto/integrity.ts';
import { sameSecret } from '../crypto/keys.ts';
import type { PayloadProtection, PayloadSession, PayloadType } from '../payload.ts';
import { PayloadType as Payload } from '../payload.ts';
import type { ActiveHandshake } from './handshake.ts';
import type { DatagramLink, RemoteAddress } from './link.ts';
import { encodePacket, type RmcpPlusPacket, verifyPacket } from './packet.ts';
import { RequestCache } from './request-cache.ts';
import { nextSequence, SequenceWindow } from './window.ts';

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
  | 'idle'
  | 'user changed'
  | 'BMC stopped';

/** Why a packet was dropped. */
export type PacketFault = 'badAuthCode' | 'notProtected' | 'replayed' | 'undecryptable' | 'foreignSource';

export interface SessionOptions {
  readonly login: ActiveHandshake;
  /** 1 to 254. */
  readonly handle: number;
  readonly channel: number;
  readonly channelLimit: PrivilegeLevel;
  readonly link: DatagramLink;
  readonly remote: RemoteAddress;
  readonly clock: Clock;
  readonly random: Random;
  /** The user's present state. */
  readonly findUser: (id: number) => User | undefined;
}

export class Session implements PayloadSession {
  readonly id: number;
  /** Small number by which Get Session Info and Close Session know the session too. */
  readonly handle: number;
  readonly channel: number;
  readonly userId: number;
  readonly actor: Actor;
  /** Wall time of the login, in milliseconds since 1970. */
  readonly establishedAt: number;
  readonly cipherSuiteId: number;
  readonly requests = new RequestCache();
  readonly #options: SessionOptions;
  readonly #remoteConsoleSessionId: number;
  readonly #integrity: Integrity | undefined;
  readonly #confidentiality: Confidentiality | undefined;
  readonly #authenticated = new SequenceWindow();
  readonly #unauthenticated = new SequenceWindow();
  readonly #payloads = new Map<number, (payload: Uint8Array) => void>();
  readonly #closeListeners: (() => void)[] = [];
  #remote: RemoteAddress;
  #link: DatagramLink;
  #sent = 0;
  #lastHeard: number;
  #level: PrivilegeLevel;
  #closed: CloseReason | undefined;
  #closing = false;

  constructor(options: SessionOptions) {
    const { login, remote, clock, random } = options;
    this.#options = options;
    this.id = login.managedSystemSessionId;
    this.handle = options.handle;
    this.channel = options.channel;
    this.userId = login.user.id;
    this.actor = { name: login.user.name, face: 'ipmi', from: `${remote.address}:${remote.port}` };
    this.establishedAt = clock.wallTime();
    this.cipherSuiteId = login.suite.id;
    this.#remoteConsoleSessionId = login.remoteConsoleSessionId;
    this.#integrity = integrityOf(login.suite, { k1: login.k1, password: login.user.password });
    this.#confidentiality = confidentialityOf(login.suite, login.k2, random);
    this.#remote = remote;
    this.#link = options.link;
    this.#lastHeard = clock.now();
    this.#level = lowerOf('user', this.limit);
  }

  get remote(): RemoteAddress {
    return this.#remote;
  }

  get localPort(): number {
    return this.#link.localPort;
  }

  get canEncrypt(): boolean {
    return this.#confidentiality !== undefined;
  }

  get canAuthenticate(): boolean {
    return this.#integrity !== undefined;
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
    const { login, channelLimit, findUser } = this.#options;
    const user = findUser(this.userId) ?? login.user;
    return lowerOf(login.level, lowerOf(channelLimit, user.limit));
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

  /**
   * Verifies and decrypts a packet that bears this session's ID.
   * @param body the bytes that `packet` was decoded from
   * @returns the payload in clear, or why the packet is to be dropped
   */
  unseal(
    body: Uint8Array,
    packet: RmcpPlusPacket,
    remote: RemoteAddress,
    link: DatagramLink,
  ): Uint8Array | PacketFault {
    if (this.#integrity) {
      if (!packet.authenticated) return 'notProtected';
      if (!verifyPacket(body, packet, this.#integrity)) return 'badAuthCode';
    } else {
      if (packet.authenticated) return 'badAuthCode';
      // Nothing but the address speaks for the sender then.
      if (remote.address !== this.#remote.address || remote.port !== this.#remote.port)
        return 'foreignSource';
    }
    // A console may have its serial payload unencrypted, by what it said in Activate Payload.
    if (this.#confidentiality && !packet.encrypted && packet.payloadType === Payload.ipmi) {
      return 'notProtected';
    }
    if (packet.encrypted && !this.#confidentiality) return 'undecryptable';
    const window = packet.authenticated ? this.#authenticated : this.#unauthenticated;
    if (!window.accept(packet.sequence)) return 'replayed';
    let payload = packet.payload;
    if (packet.encrypted && this.#confidentiality) {
      const opened = this.#confidentiality.open(payload);
      if (!opened) return 'undecryptable';
      payload = opened;
    }
    this.#lastHeard = this.#options.clock.now();
    // A console behind an address translator may come from elsewhere now; its newest packet says where it is.
    if (window.highest === packet.sequence) {
      this.#link = link;
      if (remote.address !== this.#remote.address || remote.port !== this.#remote.port) {
        this.#remote = { address: remote.address, port: remote.port };
      }
    }
    return payload;
  }

  sendPayload(type: PayloadType, payload: Uint8Array, protection: PayloadProtection): void {
    if (!this.open) return;
    const encrypted = protection.encrypted && this.#confidentiality !== undefined;
    this.#sent = nextSequence(this.#sent);
    const datagram = encodePacket(
      {
        payloadType: type,
        encrypted,
        sessionId: this.#remoteConsoleSessionId,
        sequence: this.#sent,
        payload: encrypted && this.#confidentiality ? this.#confidentiality.seal(payload) : payload,
      },
      protection.authenticated ? this.#integrity : undefined,
    );
    this.#link.send(datagram, this.#remote);
  }

  /** Sends with all the protection that the cipher suite has. */
  sendProtected(type: PayloadType, payload: Uint8Array): void {
    this.sendPayload(type, payload, { encrypted: true, authenticated: true });
  }

  onPayload(type: PayloadType, handler: ((payload: Uint8Array) => void) | undefined): void {
    if (handler) this.#payloads.set(type, handler);
    else this.#payloads.delete(type);
  }

  /** @returns false when nobody receives payloads of this type */
  deliver(type: number, payload: Uint8Array): boolean {
    const handler = this.#payloads.get(type);
    handler?.(payload);
    return handler !== undefined;
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

  /** Closes the session when it has outlived its user's account or the idle limit. @returns whether it is open */
  check(): boolean {
    if (!this.open) return false;
    if (!this.#userStands()) this.close('user changed');
    const limit = this.#payloads.size > 0 ? payloadIdleTimeoutMs : idleTimeoutMs;
    if (this.#options.clock.now() - this.#lastHeard >= limit) this.close('idle');
    return this.open;
  }

  /** Whether the user who logged in is still the same, enabled, and with the same password. */
  #userStands(): boolean {
    const { login, findUser } = this.#options;
    const user = findUser(this.userId);
    if (user === login.user) return user.enabled;
    return (
      user?.enabled === true &&
      user.name === login.user.name &&
      sameSecret(user.password, login.user.password)
    );
  }
}
