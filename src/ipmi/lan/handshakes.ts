/**
 * Logins by RMCP+ on their way: finds the handshake that a payload belongs to, answers what comes again, takes the
 * step (session/handshake.ts, a pure function) and makes a session of a login that succeeds.
 */
import { createHmac } from 'node:crypto';
import { lowerOf } from '../../bmc/actor.ts';
import type { Bmc } from '../../bmc/bmc.ts';
import type { CipherSuite } from '../crypto/cipher-suites.ts';
import { encodeGuid } from '../message/guid.ts';
import { PayloadType } from '../payload.ts';
import type { HalfOpen, HalfOpenTable } from '../session/half-open.ts';
import { type HandshakeRules, type HandshakeStep, openSession, step } from '../session/handshake.ts';
import type { DatagramLink, RemoteAddress } from '../session/link.ts';
import type { RmcpPlusPacket } from '../session/packet.ts';
import {
  decodeOpenSessionRequest,
  decodeRakp1,
  decodeRakp3,
  encodeRefusal,
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

export class Handshakes {
  readonly #bmc: Bmc;
  readonly #tally: Tally;
  readonly #logins: Logins;
  readonly #halfOpen: HalfOpenTable;
  readonly #rules: HandshakeRules;
  readonly #armSweep: () => void;

  constructor(options: HandshakesOptions) {
    this.#bmc = options.bmc;
    this.#tally = options.tally;
    this.#logins = options.logins;
    this.#halfOpen = options.halfOpen;
    this.#rules = handshakeRules(options);
    this.#armSweep = options.armSweep;
  }

  /**
   * @returns the Open Session Response
   * @throws {DecodeError}
   */
  open(payload: Uint8Array, remote: RemoteAddress): Uint8Array {
    const request = decodeOpenSessionRequest(payload);
    const before = this.#halfOpen.findRetransmitted(payload, remote);
    if (before) {
      this.#tally.counters.retransmittedHandshakes++;
      this.#halfOpen.heard(before, this.#bmc.clock.now());
      return before.openResponse;
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
      heardAt: this.#bmc.clock.now(),
      openRequest: payload.slice(),
      openResponse: send,
      last: undefined,
    });
    this.#armSweep();
    return send;
  }

  /**
   * @param packet RAKP 1 or RAKP 3
   * @returns the payload of RAKP 2 or RAKP 4, if one is to be sent
   * @throws {DecodeError}
   */
  continue(packet: RmcpPlusPacket, remote: RemoteAddress, link: DatagramLink): Uint8Array | undefined {
    const { payload, payloadType } = packet;
    const rakp =
      payloadType === PayloadType.rakp1
        ? ({ kind: 'rakp1', message: decodeRakp1(payload) } as const)
        : ({ kind: 'rakp3', message: decodeRakp3(payload) } as const);
    const { tag, managedSystemSessionId } = rakp.message;
    const entry = this.#halfOpen.get(managedSystemSessionId);
    if (entry?.remote.address !== remote.address || entry.remote.port !== remote.port) {
      this.#tally.drop('unknownSession', remote);
      if (rakp.kind === 'rakp3' && rakp.message.status !== RmcpStatus.ok) return undefined;
      return encodeRefusal({ tag, status: RmcpStatus.invalidSessionId, remoteConsoleSessionId: 0 });
    }
    this.#halfOpen.heard(entry, this.#bmc.clock.now());
    const { last, state } = entry;
    if (last?.payloadType === payloadType && Buffer.compare(last.request, payload) === 0) {
      this.#tally.counters.retransmittedHandshakes++;
      return last.reply;
    }
    const name =
      rakp.kind === 'rakp1'
        ? rakp.message.userName
        : state.phase === 'challenged'
          ? state.transcript.userName
          : new Uint8Array();
    const nameText = Buffer.from(name).toString('latin1');
    if (this.#logins.waitMs(remote, nameText) > 0) {
      this.#tally.counters.loginsThrottled++;
      const { remoteConsoleSessionId } = state;
      return encodeRefusal({ tag, status: RmcpStatus.insufficientResources, remoteConsoleSessionId });
    }
    const user = state.phase === 'challenged' ? state.secrets.user : undefined;
    const event =
      rakp.kind === 'rakp1'
        ? { ...rakp, rc: this.#bmc.random.bytes(16) }
        : { ...rakp, hasRoom: this.#logins.hasRoom(user) };
    const outcome = step(state, event, this.#rules);
    if (outcome.next !== state) {
      entry.last = { payloadType, request: payload.slice(), reply: outcome.send };
      this.#moved(entry, outcome, nameText, remote, link);
    }
    return outcome.send;
  }

  #moved(
    entry: HalfOpen,
    { next, send }: HandshakeStep,
    name: string,
    remote: RemoteAddress,
    link: DatagramLink,
  ): void {
    entry.state = next;
    if (next.phase === 'challenged') {
      this.#halfOpen.advance(entry);
    } else if (next.phase === 'active') {
      const { suite, remoteConsoleSessionId, managedSystemSessionId, openLevel } = next;
      // What stays behind only answers a RAKP 3 that comes again: it needs no keys.
      const rest = { suite, remoteConsoleSessionId, managedSystemSessionId, openLevel };
      entry.state = { phase: 'closed', why: 'logged-in', ...rest };
      this.#logins.succeeded(remote, next.user);
      const session = new RmcpPlusSession({
        ...this.#logins.sessionOptions(remote, link),
        login: next,
        random: this.#bmc.random,
      });
      this.#logins.begin(session, { cipherSuite: next.suite.id });
    } else if (next.phase === 'closed' && next.why === 'wrong-code') {
      this.#logins.wrongPassword(remote, name);
    } else if (next.phase === 'closed' && next.why !== 'given-up') {
      this.#logins.refused(`status ${send?.[1]}`, remote, name);
    }
  }
}

/** The settings as they are at each step. */
function handshakeRules({ bmc, logins, cipherSuites, hideUserNames }: HandshakesOptions): HandshakeRules {
  const decoySecret = bmc.random.bytes(32);
  return {
    get suites() {
      return cipherSuites.filter(({ id }) => bmc.lan.suiteLimit(id) !== 'no-access');
    },
    limitOf: ({ id }) => {
      const { access } = bmc.lan;
      const limit = bmc.lan.suiteLimit(id);
      return access.mode === 'disabled' || limit === 'no-access' ? undefined : lowerOf(limit, access.limit);
    },
    guid: encodeGuid(bmc.identity.uuid),
    get kg() {
      return bmc.lan.kg;
    },
    findUser: (name) => {
      const user = bmc.users.findByName(name);
      return user && !logins.isLockedOut(user) ? user : undefined;
    },
    decoyPassword: hideUserNames
      ? (name) => createHmac('sha256', decoySecret).update(name).digest().subarray(0, 20)
      : undefined,
  };
}
