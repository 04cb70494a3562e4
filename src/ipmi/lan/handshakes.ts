/**
 * Logins by RMCP+ on their way: finds the handshake that a payload belongs to, answers what comes again, takes the
 * step (session/handshake.ts, a pure function) and makes a session of a login that succeeds.
 */
import { createHmac } from 'node:crypto';
import { lowerOf, type PrivilegeLevel } from '../../bmc/actor.ts';
import type { Bmc } from '../../bmc/bmc.ts';
import type { User } from '../../bmc/user.ts';
import { latin1Text } from '../../lib/bytes.ts';
import type { Timer } from '../../lib/clock.ts';
import { sameSecret } from '../../lib/same-secret.ts';
import type { CipherSuite } from '../crypto/cipher-suites.ts';
import { encodeGuid } from '../message/guid.ts';
import { PayloadType } from '../payload.ts';
import { ChallengeBudget } from '../session/challenge-budget.ts';
import type { HalfOpen, HalfOpenTable } from '../session/half-open.ts';
import {
  type HandshakeRules,
  type HandshakeState,
  type HandshakeStep,
  openSession,
  openSessionResponse,
  step,
} from '../session/handshake.ts';
import type { DatagramLink, RemoteAddress } from '../session/link.ts';
import type { RmcpPlusPacket } from '../session/packet.ts';
import {
  decodeOpenSessionRequest,
  decodeRakp1,
  decodeRakp3,
  encodeRefusal,
  type Rakp1,
  type Rakp3,
  RmcpStatus,
} from '../session/rakp.ts';
import { RmcpPlusSession } from '../session/rmcp-plus-session.ts';
import type { Logins } from './logins.ts';
import type { Tally } from './tally.ts';

export interface HandshakesOptions {
  readonly bmc: Bmc;
  readonly tally: Tally;
  readonly logins: Logins;
  readonly halfOpen: HalfOpenTable;
  /** In order of preference; the LAN settings may take some of them off the list. */
  readonly cipherSuites: readonly CipherSuite[];
  readonly hideUserNames: boolean;
  /** Sees to it that the handshakes are looked at before long. */
  readonly armSweep: () => void;
}

/** How often those are looked at who wait for a challenge. */
const waitingMs = 100;
/** Who may wait at once: of one source, and in all. */
const mostWaitingOfSource = 64;
const mostWaiting = 1024;

type RakpPacket = Pick<RmcpPlusPacket, 'payloadType' | 'payload'>;

/** A RAKP 1 that could not be answered yet. */
interface Waiting {
  readonly entry: HalfOpen;
  readonly packet: RakpPacket;
  readonly remote: RemoteAddress;
  readonly link: DatagramLink;
  readonly reply: (payload: Uint8Array) => void;
}

export class Handshakes {
  readonly #bmc: Bmc;
  readonly #tally: Tally;
  readonly #logins: Logins;
  readonly #halfOpen: HalfOpenTable;
  readonly #rules: HandshakeRules;
  readonly #armSweep: () => void;
  readonly #challenges: ChallengeBudget;
  /** By the handshake's ID, in the order of coming. */
  readonly #waiting = new Map<number, Waiting>();
  #timer: Timer | undefined;

  constructor(options: HandshakesOptions) {
    this.#bmc = options.bmc;
    this.#tally = options.tally;
    this.#logins = options.logins;
    this.#halfOpen = options.halfOpen;
    this.#rules = new Rules(options);
    this.#armSweep = options.armSweep;
    this.#challenges = new ChallengeBudget(options.bmc.clock);
  }

  /** Nobody is answered any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#waiting.clear();
    this.#halfOpen.clear();
  }

  /**
   * @returns the Open Session Response; undefined for a sender that begins too many handshakes to be worth one
   * @throws {DecodeError}
   */
  open(payload: Uint8Array, remote: RemoteAddress): Uint8Array | undefined {
    const request = decodeOpenSessionRequest(payload);
    const now = this.#bmc.clock.now();
    const before = this.#halfOpen.findRetransmitted(payload, remote);
    if (before) {
      this.#tally.counters.retransmittedHandshakes++;
      this.#halfOpen.heard(before, now);
      return openSessionResponse(request.tag, before.state.opened);
    }
    if (this.#halfOpen.isHurried(remote, now)) {
      this.#tally.counters.halfOpenRefused++;
      return undefined;
    }
    if (!this.#logins.hasRoom()) {
      const { tag, remoteConsoleSessionId } = request;
      this.#logins.refused('no session is free', remote, undefined);
      return encodeRefusal({ tag, status: RmcpStatus.insufficientResources, remoteConsoleSessionId });
    }
    const { next, send } = openSession(request, this.#logins.freshSessionId(), this.#rules);
    if (!next) {
      this.#logins.refused(`Open Session, status ${send[1]}`, remote, undefined);
      return send;
    }
    this.#tally.counters.halfOpenEvicted += this.#halfOpen.add({
      state: next,
      remote: { address: remote.address, port: remote.port },
      begunAt: now,
      // A copy: the datagram is not kept.
      openRequest: new Uint8Array(payload),
      last: undefined,
    });
    this.#armSweep();
    return send;
  }

  /**
   * @param packet RAKP 1 or RAKP 3
   * @param reply sends the payload of RAKP 2 or RAKP 4, if there is one: at once, or when it may be given out
   * @throws {DecodeError}
   */
  continue(
    packet: RakpPacket,
    remote: RemoteAddress,
    link: DatagramLink,
    reply: (payload: Uint8Array) => void,
  ): void {
    const { payload, payloadType } = packet;
    const rakp = decodeRakp(packet);
    const { tag, managedSystemSessionId } = rakp.message;
    const entry = this.#halfOpen.get(managedSystemSessionId);
    if (entry?.remote.address !== remote.address || entry.remote.port !== remote.port) {
      this.#tally.drop('unknownSession', remote);
      if (rakp.kind === 'rakp3' && rakp.message.status !== RmcpStatus.ok) return;
      reply(encodeRefusal({ tag, status: RmcpStatus.invalidSessionId, remoteConsoleSessionId: 0 }));
      return;
    }
    this.#halfOpen.heard(entry, this.#bmc.clock.now());
    const { last } = entry;
    if (last?.payloadType === payloadType && sameSecret(last.request, payload)) {
      this.#tally.counters.retransmittedHandshakes++;
      if (last.reply) reply(last.reply);
      return;
    }
    this.#take({ entry, packet, remote, link, reply }, rakp);
  }

  #take(asked: Waiting, rakp: Rakp): void {
    const { entry, packet, remote, link, reply } = asked;
    const { state } = entry;
    const { tag } = rakp.message;
    const { managedSystemSessionId: id, remoteConsoleSessionId } = state.opened;
    const name = nameOf(rakp, state);
    if (this.#logins.waitMs(remote, name) > 0) {
      this.#tally.counters.loginsThrottled++;
      reply(encodeRefusal({ tag, status: RmcpStatus.insufficientResources, remoteConsoleSessionId }));
      return;
    }
    if (rakp.kind === 'rakp1' && !this.#challenges.take(remote.address)) {
      this.#wait(id, asked);
      return;
    }
    this.#waiting.delete(id);
    const user = state.phase === 'challenged' ? state.secrets.user : undefined;
    const event =
      rakp.kind === 'rakp1'
        ? { kind: rakp.kind, message: rakp.message, rc: this.#bmc.random.bytes(16) }
        : { kind: rakp.kind, message: rakp.message, hasRoom: this.#logins.hasRoom(user) };
    const outcome = step(state, event, this.#rules);
    const challenged = rakp.kind === 'rakp1' && outcome.next !== state && outcome.next.phase === 'challenged';
    if (rakp.kind === 'rakp1' && !challenged) this.#challenges.giveBack(remote.address);
    if (outcome.next !== state) {
      const { payload, payloadType } = packet;
      entry.last = { payloadType, request: new Uint8Array(payload), reply: outcome.send };
      this.#moved(entry, outcome, name, remote, link);
    }
    if (outcome.send) reply(outcome.send);
  }

  /** Too many challenges of this source were not met: the next ones come when there is room again. */
  #wait(id: number, asked: Waiting): void {
    this.#tally.counters.challengesDelayed++;
    const { packet, remote } = asked;
    const { payloadType, payload } = packet;
    if (!this.#waiting.has(id)) {
      const own = [...this.#waiting.values()].filter((other) => other.remote.address === remote.address);
      if (this.#waiting.size >= mostWaiting || own.length >= mostWaitingOfSource) return;
    }
    this.#waiting.set(id, { ...asked, packet: { payloadType, payload: new Uint8Array(payload) } });
    this.#armWaiting();
  }

  #armWaiting(): void {
    this.#timer ??= this.#bmc.clock.after(waitingMs, () => {
      this.#timer = undefined;
      this.#serveWaiting();
      if (this.#waiting.size > 0) this.#armWaiting();
    });
  }

  /** @param source only those of this address */
  #serveWaiting(source?: string): void {
    const refused = new Set<string>();
    for (const [id, asked] of [...this.#waiting]) {
      const { address } = asked.remote;
      if (refused.has(address) || (source !== undefined && source !== address)) continue;
      if (this.#halfOpen.get(id) === asked.entry) this.#take(asked, decodeRakp(asked.packet));
      else this.#waiting.delete(id);
      // Still waiting, and so will the others of its source.
      if (this.#waiting.has(id)) refused.add(address);
    }
  }

  #moved(
    entry: HalfOpen,
    { next, send }: HandshakeStep,
    name: string,
    remote: RemoteAddress,
    link: DatagramLink,
  ): void {
    const { opened } = next;
    // What stays behind of a login only answers a RAKP 3 that comes again: it needs no keys.
    this.#halfOpen.move(
      entry,
      next.phase === 'active' ? { phase: 'closed', opened, why: 'logged-in' } : next,
    );
    if (next.phase === 'active') {
      this.#logins.succeeded(remote, next.user);
      this.#challenges.giveBack(remote.address);
      const { user, level } = next;
      const options = this.#logins.sessionOptions(opened.managedSystemSessionId, user, level, remote, link);
      const session = new RmcpPlusSession(options, next, this.#bmc.random);
      this.#logins.begin(session, { cipherSuite: opened.suite.id });
      if (this.#waiting.size > 0) this.#serveWaiting(remote.address);
    } else if (next.phase === 'closed' && next.why === 'wrong-code') {
      this.#logins.wrongPassword(remote, name);
    } else if (next.phase === 'closed' && next.why !== 'given-up') {
      this.#logins.refused(`status ${send?.[1]}`, remote, name);
    }
  }
}

type Rakp =
  | { readonly kind: 'rakp1'; readonly message: Rakp1 }
  | { readonly kind: 'rakp3'; readonly message: Rakp3 };

/** @throws {DecodeError} */
function decodeRakp({ payload, payloadType }: RakpPacket): Rakp {
  return payloadType === PayloadType.rakp1
    ? { kind: 'rakp1', message: decodeRakp1(payload) }
    : { kind: 'rakp3', message: decodeRakp3(payload) };
}

/** The name that a message is about: as it says itself, or as the handshake has it. */
function nameOf(rakp: Rakp, state: HandshakeState): string {
  if (rakp.kind === 'rakp1') return latin1Text(rakp.message.userName);
  return state.phase === 'challenged' ? latin1Text(state.transcript.userName) : '';
}

/** The settings as they are at each step. */
class Rules implements HandshakeRules {
  readonly guid: Uint8Array;
  readonly decoyPassword: HandshakeRules['decoyPassword'];
  readonly #bmc: Bmc;
  readonly #logins: Logins;
  readonly #cipherSuites: readonly CipherSuite[];

  constructor({ bmc, logins, cipherSuites, hideUserNames }: HandshakesOptions) {
    // Drawn in any case: recorded handshakes are replayed with random bytes in order.
    const decoySecret = bmc.random.bytes(32);
    this.guid = encodeGuid(bmc.identity.uuid);
    this.decoyPassword = hideUserNames
      ? (name) => createHmac('sha256', decoySecret).update(name).digest().subarray(0, 20)
      : undefined;
    this.#bmc = bmc;
    this.#logins = logins;
    this.#cipherSuites = cipherSuites;
  }

  get suites(): readonly CipherSuite[] {
    return this.#cipherSuites.filter(({ id }) => this.#bmc.lan.suiteLimit(id) !== 'no-access');
  }

  limitOf({ id }: CipherSuite): PrivilegeLevel | undefined {
    const { access } = this.#bmc.lan;
    const limit = this.#bmc.lan.suiteLimit(id);
    return access.mode === 'disabled' || limit === 'no-access' ? undefined : lowerOf(limit, access.limit);
  }

  get kg(): Uint8Array | undefined {
    return this.#bmc.lan.kg;
  }

  findUser(name: string): User | undefined {
    const user = this.#bmc.users.findByName(name);
    return user && !this.#logins.isLockedOut(user) ? user : undefined;
  }
}
