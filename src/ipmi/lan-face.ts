/**
 * The IPMI LAN channel of one BMC, from datagram to reply, without sockets: RMCP, session-less messages, handshakes,
 * sessions. lan.ts puts a UDP socket to it, tests put nothing.
 *
 *   receive ─▶ RMCP header ─▶ ASF ping ─▶ pong
 *                   └─▶ session header ─▶ v1.5, no session ──────┐
 *                             └─▶ RMCP+ ─▶ no session, payload 0 ┴▶ three commands ─▶ registry
 *                                   ├─▶ no session, 10h 12h 14h ──▶ handshake ─▶ session
 *                                   └─▶ session ─▶ verify, decrypt ─▶ IPMI message ─▶ registry
 *                                                        └──────────▶ other payloads ─▶ who asked for them
 */
import { createHmac } from 'node:crypto';
import type { PrivilegeLevel } from '../bmc/actor.ts';
import type { Bmc } from '../bmc/bmc.ts';
import { DecodeError } from '../lib/bytes.ts';
import type { Timer } from '../lib/clock.ts';
import { Channel, type CommandContext, type LanContext } from './commands/command.ts';
import type { CommandRegistry } from './commands/registry.ts';
import { cipherSuite, defaultCipherSuites } from './crypto/cipher-suites.ts';
import type { IpmiState } from './ipmi-state.ts';
import { type LanCounterName, type LanCounters, newLanCounters } from './lan-counters.ts';
import { encodeGuid } from './message/guid.ts';
import { bmcAddress, decodeMessage, encodeResponse, type IpmiRequest } from './message/message.ts';
import { PayloadType } from './payload.ts';
import { AsfType, decodeAsf, encodePong } from './rmcp/asf-presence.ts';
import { decodeRmcpHeader, RmcpClass, rmcpHeaderLength } from './rmcp/header.ts';
import { type HalfOpen, HalfOpenTable } from './session/half-open.ts';
import { type HandshakeRules, type HandshakeStep, openSession, step } from './session/handshake.ts';
import type { DatagramLink, RemoteAddress } from './session/link.ts';
import { decodePacket, encodePacket, type RmcpPlusPacket } from './session/packet.ts';
import {
  decodeOpenSessionRequest,
  decodeRakp1,
  decodeRakp3,
  encodeRefusal,
  RmcpStatus,
} from './session/rakp.ts';
import { Session } from './session/session.ts';
import { defaultMaxSessions, Sessions } from './session/sessions.ts';
import { LoginThrottle } from './session/throttle.ts';
import { AuthType, decodeV15Packet, encodeV15Packet } from './session/v15-packet.ts';
import type { SolService } from './sol/sol-service.ts';

export interface LanFaceOptions {
  readonly bmc: Bmc;
  readonly state: IpmiState;
  readonly commands: CommandRegistry;
  readonly sol: SolService;
  /** IDs in order of preference. */
  readonly cipherSuites?: readonly number[];
  /** Turns two-key login on: the BMC key, up to 20 bytes. */
  readonly kg?: Uint8Array;
  /** Answers unknown names with a challenge that nobody can meet, so that names cannot be found out. */
  readonly hideUserNames?: boolean;
  readonly channelLimit?: PrivilegeLevel;
  readonly maxSessions?: number;
  readonly halfOpenCapacity?: number;
  readonly halfOpenPerSource?: number;
}

/** How often sessions are looked at: bounds how long a disabled user's session lives on. */
const sweepMs = 500;
/** Refused logins that are worth a line in the log, per sweep; the rest is only counted. */
const warningsPerSweep = 10;
/** No message of IPMI over LAN comes near. */
const longestDatagram = 1500;

export class LanFace {
  readonly counters: LanCounters = newLanCounters();
  readonly #bmc: Bmc;
  readonly #state: IpmiState;
  readonly #commands: CommandRegistry;
  readonly #sol: SolService;
  readonly #rules: HandshakeRules;
  readonly #sessions: Sessions;
  readonly #halfOpen: HalfOpenTable;
  readonly #throttle: LoginThrottle;
  readonly #cipherSuites: readonly number[];
  readonly #contexts = new WeakMap<Session, CommandContext>();
  readonly #links = new WeakMap<DatagramLink, DatagramLink>();
  #sweep: Timer | undefined;
  #warnings = 0;
  #stopped = false;

  /** @throws {RangeError} for a cipher suite that does not exist here */
  constructor(options: LanFaceOptions) {
    const { bmc } = options;
    this.#bmc = bmc;
    this.#state = options.state;
    this.#commands = options.commands;
    this.#sol = options.sol;
    this.#cipherSuites = options.cipherSuites ?? defaultCipherSuites;
    this.#sessions = new Sessions(options.maxSessions ?? defaultMaxSessions);
    this.#halfOpen = new HalfOpenTable(options.halfOpenCapacity, options.halfOpenPerSource);
    this.#throttle = new LoginThrottle(bmc.clock);
    const decoySecret = bmc.random.bytes(32);
    this.#rules = {
      suites: this.#cipherSuites.map(cipherSuite),
      channelLimit: options.channelLimit ?? 'administrator',
      guid: encodeGuid(bmc.identity.uuid),
      kg: options.kg,
      findUser: (name) => bmc.users.findByName(name),
      decoyPassword: options.hideUserNames
        ? (name) => createHmac('sha256', decoySecret).update(name).digest().subarray(0, 20)
        : undefined,
    };
  }

  /** Live sessions by rising handle. */
  sessions(): readonly Session[] {
    return this.#sessions.list();
  }

  /** Handshakes that have not ended yet, or lately. */
  get halfOpenCount(): number {
    return this.#halfOpen.size;
  }

  /** Ends all sessions; nothing is received any more. */
  stop(): void {
    this.#stopped = true;
    this.#sweep?.cancel();
    this.#halfOpen.clear();
    for (const session of this.#sessions.list()) session.close('BMC stopped');
  }

  /** Serves one datagram. Never throws. */
  receive(datagram: Uint8Array, remote: RemoteAddress, link: DatagramLink): void {
    if (this.#stopped) return;
    this.counters.received++;
    try {
      this.#receive(datagram, remote, this.#counted(link));
    } catch (error) {
      if (error instanceof DecodeError) this.#drop('malformed', remote, error.message);
      else this.#bmc.log.error({ err: error, from: remote.address }, 'datagram failed');
    }
  }

  #receive(datagram: Uint8Array, remote: RemoteAddress, link: DatagramLink): void {
    if (remote.port === 0) {
      this.#drop('malformed', remote, 'source port 0');
      return;
    }
    if (datagram.length > longestDatagram) {
      this.#drop('malformed', remote, 'too long');
      return;
    }
    const header = decodeRmcpHeader(datagram);
    if (header.ack) {
      this.#drop('acks', remote);
      return;
    }
    const body = datagram.subarray(rmcpHeaderLength);
    if (header.messageClass === RmcpClass.asf) {
      this.#receiveAsf(body, remote, link);
      return;
    }
    if (header.messageClass !== RmcpClass.ipmi) {
      this.#drop('unknownClass', remote);
      return;
    }
    if (body[0] === AuthType.rmcpPlus) this.#receivePacket(body, remote, link);
    else this.#receiveV15(body, remote, link);
  }

  #receiveAsf(body: Uint8Array, remote: RemoteAddress, link: DatagramLink): void {
    const message = decodeAsf(body);
    if (message.type !== AsfType.presencePing) {
      this.#drop('unknownClass', remote);
      return;
    }
    this.counters.pings++;
    link.send(encodePong(message.tag), remote);
  }

  #receiveV15(body: Uint8Array, remote: RemoteAddress, link: DatagramLink): void {
    const packet = decodeV15Packet(body);
    if (packet.authType !== AuthType.none || packet.sessionId !== 0 || packet.sequence !== 0) {
      this.#drop('unknownSession', remote);
      return;
    }
    this.#runSessionless(packet.payload, remote, link, (payload) => encodeV15Packet({ ...packet, payload }));
  }

  #receivePacket(body: Uint8Array, remote: RemoteAddress, link: DatagramLink): void {
    const packet = decodePacket(body);
    if (packet.sessionId !== 0) {
      this.#receiveInSession(body, packet, remote, link);
      return;
    }
    if (packet.encrypted || packet.authenticated || packet.sequence !== 0) {
      this.#drop('unknownSession', remote);
      return;
    }
    const send = (payloadType: number, payload: Uint8Array): void => {
      link.send(plainPacket(payloadType, payload), remote);
    };
    switch (packet.payloadType) {
      case PayloadType.ipmi:
        this.#runSessionless(packet.payload, remote, link, (payload) =>
          plainPacket(PayloadType.ipmi, payload),
        );
        return;
      case PayloadType.openSessionRequest:
        send(PayloadType.openSessionResponse, this.#openSession(packet.payload, remote));
        return;
      case PayloadType.rakp1:
      case PayloadType.rakp3: {
        const reply = this.#continueHandshake(packet, remote, link);
        if (reply) send(packet.payloadType + 1, reply);
        return;
      }
      default:
        this.#drop('unknownPayload', remote);
    }
  }

  #runSessionless(
    payload: Uint8Array,
    remote: RemoteAddress,
    link: DatagramLink,
    wrap: (payload: Uint8Array) => Uint8Array,
  ): void {
    const request = decodeMessage(payload);
    if (!isForUs(request)) {
      this.#drop('malformed', remote, 'not a request to the BMC');
      return;
    }
    if (this.#commands.find(request)?.privilege !== 'none') {
      this.#drop('sessionRequired', remote);
      return;
    }
    this.counters.requests++;
    const context: CommandContext = {
      bmc: this.#bmc,
      state: this.#state,
      actor: { name: '', face: 'ipmi', from: remoteText(remote) },
      channel: Channel.lan,
      session: undefined,
      lan: this.#lanContext(link),
    };
    const reply = this.#commands.dispatch(request, context, undefined);
    const send = (bytes: Uint8Array) => link.send(wrap(encodeResponse(request, bytes)), remote);
    if (reply instanceof Promise) void reply.then(send);
    else send(reply);
  }

  /** @returns the Open Session Response */
  #openSession(payload: Uint8Array, remote: RemoteAddress): Uint8Array {
    const request = decodeOpenSessionRequest(payload);
    const before = this.#halfOpen.findRetransmitted(payload, remote);
    if (before) {
      this.counters.retransmittedHandshakes++;
      this.#halfOpen.heard(before, this.#bmc.clock.now());
      return before.openResponse;
    }
    if (!this.#hasRoom()) {
      const { tag, remoteConsoleSessionId } = request;
      this.#refused('no session is free', remote, undefined);
      return encodeRefusal({ tag, status: RmcpStatus.insufficientResources, remoteConsoleSessionId });
    }
    const { next, send } = openSession(request, this.#freshSessionId(), this.#rules);
    if (!next) {
      this.#refused(`Open Session, status ${send[1]}`, remote, undefined);
      return send;
    }
    this.counters.halfOpenEvicted += this.#halfOpen.add({
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

  /** @returns the payload of RAKP 2 or RAKP 4, if one is to be sent */
  #continueHandshake(
    packet: RmcpPlusPacket,
    remote: RemoteAddress,
    link: DatagramLink,
  ): Uint8Array | undefined {
    const { payload, payloadType } = packet;
    const rakp =
      payloadType === PayloadType.rakp1
        ? ({ kind: 'rakp1', message: decodeRakp1(payload) } as const)
        : ({ kind: 'rakp3', message: decodeRakp3(payload) } as const);
    const { tag, managedSystemSessionId } = rakp.message;
    const entry = this.#halfOpen.get(managedSystemSessionId);
    if (entry?.remote.address !== remote.address || entry.remote.port !== remote.port) {
      this.#drop('unknownSession', remote);
      if (rakp.kind === 'rakp3' && rakp.message.status !== RmcpStatus.ok) return undefined;
      return encodeRefusal({ tag, status: RmcpStatus.invalidSessionId, remoteConsoleSessionId: 0 });
    }
    this.#halfOpen.heard(entry, this.#bmc.clock.now());
    const { last, state } = entry;
    if (last?.payloadType === payloadType && Buffer.compare(last.request, payload) === 0) {
      this.counters.retransmittedHandshakes++;
      return last.reply;
    }
    const name =
      rakp.kind === 'rakp1'
        ? rakp.message.userName
        : state.phase === 'challenged'
          ? state.transcript.userName
          : new Uint8Array();
    const nameText = Buffer.from(name).toString('latin1');
    if (this.#throttle.waitMs(remote.address, nameText) > 0) {
      this.counters.loginsThrottled++;
      const { remoteConsoleSessionId } = state;
      return encodeRefusal({ tag, status: RmcpStatus.insufficientResources, remoteConsoleSessionId });
    }
    const event =
      rakp.kind === 'rakp1'
        ? { ...rakp, rc: this.#bmc.random.bytes(16) }
        : { ...rakp, hasRoom: this.#hasRoom() };
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
      this.#throttle.succeeded(remote.address, name);
      const { suite, remoteConsoleSessionId, managedSystemSessionId, openLevel } = next;
      // What stays behind only answers a RAKP 3 that comes again: it needs no keys.
      const rest = { suite, remoteConsoleSessionId, managedSystemSessionId, openLevel };
      entry.state = { phase: 'closed', why: 'logged-in', ...rest };
      this.#begin(
        new Session({
          login: next,
          handle: this.#sessions.freeHandle(),
          channel: Channel.lan,
          channelLimit: this.#rules.channelLimit,
          link,
          remote: { address: remote.address, port: remote.port },
          clock: this.#bmc.clock,
          random: this.#bmc.random,
          findUser: (id) => this.#bmc.users.get(id),
        }),
      );
    } else if (next.phase === 'closed' && next.why === 'wrong-code') {
      this.#throttle.failed(remote.address, name);
      this.counters.loginsWrong++;
      this.#warn({ user: name, from: remoteText(remote) }, 'login with a wrong password');
    } else if (next.phase === 'closed' && next.why !== 'given-up') {
      this.#refused(`status ${send?.[1]}`, remote, name);
    }
  }

  #begin(session: Session): void {
    this.#sessions.add(session);
    this.counters.sessionsOpened++;
    const { log } = this.#bmc;
    const fields = { sessionId: session.id, user: session.actor.name, from: session.actor.from };
    log.info({ ...fields, cipherSuite: session.cipherSuiteId }, 'session opened');
    session.onClose(() => {
      this.counters.sessionsClosed++;
      log.info({ ...fields, reason: session.closeReason }, 'session closed');
    });
    this.#armSweep();
  }

  #receiveInSession(
    body: Uint8Array,
    packet: RmcpPlusPacket,
    remote: RemoteAddress,
    link: DatagramLink,
  ): void {
    const session = this.#sessions.get(packet.sessionId);
    if (!session?.check()) {
      this.#drop('unknownSession', remote);
      return;
    }
    const payload = session.unseal(body, packet, remote, link);
    if (typeof payload === 'string') {
      this.#drop(payload, remote);
      return;
    }
    if (packet.payloadType === PayloadType.ipmi) {
      this.#runInSession(session, payload, link, remote);
      return;
    }
    if (!session.deliver(packet.payloadType, payload)) this.#drop('unknownPayload', remote);
  }

  #runInSession(session: Session, payload: Uint8Array, link: DatagramLink, remote: RemoteAddress): void {
    const request = decodeMessage(payload);
    if (!isForUs(request)) {
      this.#drop('malformed', remote, 'not a request to the BMC');
      return;
    }
    const now = this.#bmc.clock.now();
    const known = session.requests.find(request, now);
    if (known) {
      this.counters.retransmittedRequests++;
      // While it still runs there is nothing to say: its reply will come.
      if (known.reply) session.sendProtected(PayloadType.ipmi, known.reply);
      return;
    }
    this.counters.requests++;
    const cached = session.requests.add(request, now);
    const send = (bytes: Uint8Array): void => {
      cached.reply = encodeResponse(request, bytes);
      session.sendProtected(PayloadType.ipmi, cached.reply);
      session.replied();
    };
    const reply = this.#commands.dispatch(request, this.#sessionContext(session, link), session.privilege);
    if (reply instanceof Promise) void reply.then(send);
    else send(reply);
  }

  #sessionContext(session: Session, link: DatagramLink): CommandContext {
    const known = this.#contexts.get(session);
    if (known && known.lan.port === link.localPort) return known;
    const context: CommandContext = {
      bmc: this.#bmc,
      state: this.#state,
      actor: session.actor,
      channel: session.channel,
      session,
      lan: this.#lanContext(link),
    };
    this.#contexts.set(session, context);
    return context;
  }

  /** What commands see of this channel; other channels' commands may ask for it too. */
  #lanContext(link: DatagramLink): LanContext {
    return {
      port: link.localPort,
      sol: this.#sol,
      sessions: () => this.#sessions.list(),
      maxSessions: this.#sessions.max,
      cipherSuites: this.#cipherSuites,
      channelLimit: this.#rules.channelLimit,
      twoKeyLogin: this.#rules.kg !== undefined,
    };
  }

  #hasRoom(): boolean {
    if (this.#sessions.hasRoom) return true;
    this.#sessions.check();
    return this.#sessions.hasRoom;
  }

  #freshSessionId(): number {
    for (;;) {
      const raw = this.#bmc.random.bytes(4);
      const id = new DataView(raw.buffer, raw.byteOffset, 4).getUint32(0, true);
      if (id !== 0 && !this.#sessions.get(id) && !this.#halfOpen.get(id)) return id;
    }
  }

  #armSweep(): void {
    this.#sweep ??= this.#bmc.clock.after(sweepMs, () => {
      this.#sweep = undefined;
      this.#warnings = 0;
      this.#halfOpen.reap(this.#bmc.clock.now());
      this.#sessions.check();
      if (this.#halfOpen.size > 0 || this.#sessions.size > 0) this.#armSweep();
    });
  }

  /** The same link with a counter, the same object each time. */
  #counted(link: DatagramLink): DatagramLink {
    const known = this.#links.get(link);
    if (known) return known;
    const counted: DatagramLink = {
      localPort: link.localPort,
      send: (datagram, remote) => {
        this.counters.sent++;
        link.send(datagram, remote);
      },
    };
    this.#links.set(link, counted);
    return counted;
  }

  #refused(why: string, remote: RemoteAddress, user: string | undefined): void {
    this.counters.loginsRefused++;
    this.#warn({ user, why, from: remoteText(remote) }, 'login refused');
  }

  #warn(fields: object, message: string): void {
    if (this.#warnings++ < warningsPerSweep) this.#bmc.log.warn(fields, message);
    this.#armSweep();
  }

  #drop(why: LanCounterName, remote: RemoteAddress, detail?: string): void {
    this.counters[why]++;
    const { log } = this.#bmc;
    if (log.isLevelEnabled('debug')) log.debug({ why, detail, from: remoteText(remote) }, 'datagram dropped');
  }
}

/** An RMCP+ packet outside a session. */
function plainPacket(payloadType: number, payload: Uint8Array): Uint8Array {
  return encodePacket({ payloadType, payload, encrypted: false, sessionId: 0, sequence: 0 });
}

function isForUs(request: IpmiRequest): boolean {
  return request.rsAddr === bmcAddress && request.netFn % 2 === 0;
}

function remoteText({ address, port }: RemoteAddress): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
