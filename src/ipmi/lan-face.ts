/**
 * The IPMI LAN channel of one BMC, from datagram to reply, without sockets: RMCP, session-less messages, handshakes,
 * sessions. lan.ts puts a UDP socket to it, tests put nothing.
 *
 *   receive ─▶ RMCP header ─▶ ASF ping ─▶ pong
 *                   └─▶ session header ─▶ v1.5 ─▶ temporary ID ──▶ Activate Session ─▶ session
 *                             │             ├─▶ session ─▶ verify ─▶ IPMI message ─▶ registry
 *                             │             └─▶ no session ──────┐
 *                             └─▶ RMCP+ ─▶ no session, payload 0 ┴▶ a few commands ─▶ registry
 *                                   ├─▶ no session, 10h 12h 14h ──▶ handshake ─▶ session
 *                                   └─▶ session ─▶ verify, decrypt ─▶ IPMI message ─▶ registry
 *                                                        └──────────▶ other payloads ─▶ who asked for them
 */
import { createHmac } from 'node:crypto';
import { lowerOf } from '../bmc/actor.ts';
import type { Bmc } from '../bmc/bmc.ts';
import type { User } from '../bmc/users.ts';
import { DecodeError } from '../lib/bytes.ts';
import type { Timer } from '../lib/clock.ts';
import { Channel, type CommandContext, type LanContext, type V15Exchange } from './commands/command.ts';
import type { CommandRegistry } from './commands/registry.ts';
import { type CipherSuite, cipherSuite, defaultCipherSuites } from './crypto/cipher-suites.ts';
import { v15AuthCode } from './crypto/v15-auth-code.ts';
import type { IpmiState } from './ipmi-state.ts';
import {
  type LanCounterName,
  type LanCounters,
  type LanStatistics,
  lanStatistics,
  newLanCounters,
} from './lan-counters.ts';
import { CompletionError } from './message/completion-code.ts';
import { encodeGuid } from './message/guid.ts';
import { bmcAddress, decodeMessage, encodeResponse, type IpmiRequest } from './message/message.ts';
import { PayloadType } from './payload.ts';
import { AsfType, decodeAsf, encodePong } from './rmcp/asf-presence.ts';
import { decodeRmcpHeader, RmcpClass, rmcpHeaderLength } from './rmcp/header.ts';
import { BadPasswords } from './session/bad-passwords.ts';
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
import { RmcpPlusSession } from './session/rmcp-plus-session.ts';
import type { Session } from './session/session.ts';
import { defaultMaxSessions, Sessions } from './session/sessions.ts';
import { LoginThrottle } from './session/throttle.ts';
import { ActivationRefusal, type V15Activated, V15Login } from './session/v15-login.ts';
import { AuthType, decodeV15Packet, encodeV15Packet, type V15Packet } from './session/v15-packet.ts';
import { V15Session } from './session/v15-session.ts';
import type { SolService } from './sol/sol-service.ts';

export interface LanFaceOptions {
  readonly bmc: Bmc;
  readonly state: IpmiState;
  readonly commands: CommandRegistry;
  readonly sol: SolService;
  /** IDs in order of preference; the LAN settings may take some of them off the list. */
  readonly cipherSuites?: readonly number[];
  /** Offers IPMI 1.5 sessions too, authenticated by MD5. */
  readonly ipmi15?: boolean;
  /** Answers unknown names with a challenge that nobody can meet, so that names cannot be found out. */
  readonly hideUserNames?: boolean;
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
  readonly #badPasswords: BadPasswords;
  readonly #cipherSuites: readonly CipherSuite[];
  /** Undefined where IPMI 1.5 sessions are off. */
  readonly #v15Login: V15Login | undefined;
  /** What the statistics were when they were cleared. */
  #statisticsBase: LanStatistics = { received: 0, sent: 0, validRmcp: 0 };
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
    this.#cipherSuites = (options.cipherSuites ?? defaultCipherSuites).map(cipherSuite);
    this.#sessions = new Sessions(options.maxSessions ?? defaultMaxSessions);
    this.#halfOpen = new HalfOpenTable(options.halfOpenCapacity, options.halfOpenPerSource);
    this.#throttle = new LoginThrottle(bmc.clock);
    this.#badPasswords = new BadPasswords(bmc);
    const decoySecret = bmc.random.bytes(32);
    const offered = () => this.#offeredSuites();
    this.#rules = {
      get suites() {
        return offered();
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
        return user && !this.#badPasswords.isLockedOut(user) ? user : undefined;
      },
      decoyPassword: options.hideUserNames
        ? (name) => createHmac('sha256', decoySecret).update(name).digest().subarray(0, 20)
        : undefined,
    };
    if (options.ipmi15) {
      this.#v15Login = new V15Login({
        bmc,
        hideUserNames: options.hideUserNames === true,
        isFree: (id) => this.#isFree(id),
        hasRoom: (user) => this.#hasRoom(user),
        isLockedOut: (user) => this.#badPasswords.isLockedOut(user),
        waitMs: (remote, name) => this.#throttle.waitMs(remote.address, name),
      });
    }
  }

  /** What commands see of this channel; other channels' commands may ask for it too. */
  context(localPort: number): LanContext {
    return {
      port: localPort,
      sol: this.#sol,
      sessions: () => this.#sessions.list(),
      maxSessions: this.#sessions.max,
      cipherSuites: this.#cipherSuites.map(({ id }) => id),
      ipmi15: this.#v15Login !== undefined,
      statistics: () => {
        const [now, base] = [lanStatistics(this.counters), this.#statisticsBase];
        return {
          received: now.received - base.received,
          sent: now.sent - base.sent,
          validRmcp: now.validRmcp - base.validRmcp,
        };
      },
      clearStatistics: () => {
        this.#statisticsBase = lanStatistics(this.counters);
      },
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
    if (this.#bmc.faults.current.halfDead) return;
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
    if (packet.sessionId !== 0) {
      const session = this.#sessions.get(packet.sessionId);
      if (!session) this.#activate(packet, remote, link);
      else if (session instanceof V15Session && session.check()) {
        this.#receiveInV15Session(session, packet, remote, link);
      } else this.#drop('unknownSession', remote);
      return;
    }
    if (packet.authType !== AuthType.none || packet.sequence !== 0) {
      this.#drop('unknownSession', remote);
      return;
    }
    this.#runSessionless(packet.payload, remote, link, (payload) => encodeV15Packet({ ...packet, payload }));
  }

  #receiveInV15Session(
    session: V15Session,
    packet: V15Packet,
    remote: RemoteAddress,
    link: DatagramLink,
  ): void {
    // Its first reply got lost: the request is known and is answered again.
    if (session.isActivation(packet)) {
      if (session.verify(packet)) this.#runInSession(session, packet.payload, link, remote);
      else this.#drop('badAuthCode', remote);
      return;
    }
    const payload = session.unseal(packet, remote, link);
    if (typeof payload === 'string') this.#drop(payload, remote);
    else this.#runInSession(session, payload, link, remote);
  }

  /** A packet with an ID that is no session's: all it may be is an Activate Session. */
  #activate(packet: V15Packet, remote: RemoteAddress, link: DatagramLink): void {
    const login = this.#v15Login;
    const request = login && decodeMessage(packet.payload);
    const found = request && isForUs(request) ? login.authenticate(packet, request, remote) : undefined;
    if (!login || !request || !found) {
      this.#drop('unknownSession', remote);
      return;
    }
    const { user, right } = found;
    if (this.#throttle.waitMs(remote.address, user.name) > 0) {
      this.counters.loginsThrottled++;
      return;
    }
    // Silence is the specification's answer to a wrong code, and clients take it for a wrong password.
    if (!right) {
      this.#wrongPassword(remote, user.name);
      return;
    }
    let session: V15Session | undefined;
    const exchange = {
      ...this.#v15Exchange(login, remote),
      activate: (asked: Parameters<V15Exchange['activate']>[0]) => {
        const activated = login.activate(asked, user, packet.sessionId);
        session = this.#beginV15(activated, packet, remote, link);
        return { ...activated, firstInbound: session.firstInbound };
      },
    };
    this.counters.requests++;
    const context = { ...this.#sessionlessContext(remote, link), v15: exchange };
    const send = (bytes: Uint8Array): void => {
      const payload = encodeResponse(request, bytes);
      if (session) {
        session.requests.add(request, this.#bmc.clock.now()).reply = payload;
        session.sendProtected(PayloadType.ipmi, payload);
        return;
      }
      const { sessionId } = packet;
      const authCode = v15AuthCode(user.password, { sessionId, sequence: 0, payload });
      link.send(encodeV15Packet({ ...packet, authCode, payload }), remote);
    };
    const reply = this.#commands.dispatch(request, context, undefined);
    if (reply instanceof Promise) void reply.then(send);
    else send(reply);
  }

  #beginV15(
    { user, sessionId, level, firstOutbound }: V15Activated,
    packet: V15Packet,
    remote: RemoteAddress,
    link: DatagramLink,
  ): V15Session {
    this.#throttle.succeeded(remote.address, user.name);
    this.#badPasswords.succeeded(user);
    const session = new V15Session({
      ...this.#sessionOptions(remote, link),
      id: sessionId,
      user,
      level,
      firstOutbound,
      firstInbound: this.#randomNumber(),
      activation: packet.payload.slice(),
      acceptsUnauthenticated: (payload) => this.#acceptsUnauthenticated(payload),
    });
    this.#begin(session, { protocol: 'IPMI 1.5' });
    return session;
  }

  /** By the channel's access settings. @throws {DecodeError} */
  #acceptsUnauthenticated(payload: Uint8Array): boolean {
    const { perMessageAuthentication, userLevelAuthentication } = this.#bmc.lan.access;
    if (!perMessageAuthentication) return true;
    if (userLevelAuthentication) return false;
    const privilege = this.#commands.find(decodeMessage(payload))?.privilege;
    return privilege === 'none' || privilege === 'callback' || privilege === 'user';
  }

  #v15Exchange(login: V15Login, remote: RemoteAddress): V15Exchange {
    return {
      challenge: (authType, name) => login.challenge(authType, name, remote),
      activate: () => {
        throw new CompletionError(ActivationRefusal.badSessionId, 'no challenge has been given out for this');
      },
    };
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
    const context = this.#sessionlessContext(remote, link);
    const reply = this.#commands.dispatch(request, context, undefined);
    const send = (bytes: Uint8Array) => link.send(wrap(encodeResponse(request, bytes)), remote);
    if (reply instanceof Promise) void reply.then(send);
    else send(reply);
  }

  #sessionlessContext(remote: RemoteAddress, link: DatagramLink): CommandContext {
    return {
      bmc: this.#bmc,
      state: this.#state,
      actor: { name: '', face: 'ipmi', from: remoteText(remote) },
      channel: Channel.lan,
      session: undefined,
      lan: this.context(link.localPort),
      ...(this.#v15Login && { v15: this.#v15Exchange(this.#v15Login, remote) }),
    };
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
        : { ...rakp, hasRoom: this.#hasRoom(state.phase === 'challenged' ? state.secrets.user : undefined) };
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
      this.#badPasswords.succeeded(next.user);
      this.#begin(
        new RmcpPlusSession({
          ...this.#sessionOptions(remote, link),
          login: next,
          random: this.#bmc.random,
        }),
        { cipherSuite: next.suite.id },
      );
    } else if (next.phase === 'closed' && next.why === 'wrong-code') {
      this.#wrongPassword(remote, name);
    } else if (next.phase === 'closed' && next.why !== 'given-up') {
      this.#refused(`status ${send?.[1]}`, remote, name);
    }
  }

  #wrongPassword(remote: RemoteAddress, name: string): void {
    this.#throttle.failed(remote.address, name);
    this.counters.loginsWrong++;
    this.#warn({ user: name, from: remoteText(remote) }, 'login with a wrong password');
    const user = this.#bmc.users.findByName(name);
    if (user) this.#badPasswords.failed(user);
  }

  #sessionOptions(remote: RemoteAddress, link: DatagramLink) {
    return {
      handle: this.#sessions.freeHandle(),
      channel: Channel.lan,
      channelLimit: () => this.#bmc.lan.access.limit,
      link,
      remote: { address: remote.address, port: remote.port },
      clock: this.#bmc.clock,
      findUser: (id: number) => this.#bmc.users.get(id),
    };
  }

  #begin(session: Session, how: object): void {
    this.#sessions.add(session);
    this.counters.sessionsOpened++;
    const { log } = this.#bmc;
    const fields = { sessionId: session.id, user: session.actor.name, from: session.actor.from };
    log.info({ ...fields, ...how }, 'session opened');
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
    if (!(session instanceof RmcpPlusSession) || !session.check()) {
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
    if (!session.deliver(packet.payloadType, payload, packet)) this.#drop('unknownPayload', remote);
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
      lan: this.context(link.localPort),
    };
    this.#contexts.set(session, context);
    return context;
  }

  /** Whether one more session may be; with a user, whether one more of his may be. */
  #hasRoom(user?: User): boolean {
    if (!this.#sessions.hasRoom || (user && !this.#hasRoomFor(user))) this.#sessions.check();
    return this.#sessions.hasRoom && (!user || this.#hasRoomFor(user));
  }

  #hasRoomFor({ id, sessionLimit }: User): boolean {
    if (sessionLimit === 0) return true;
    return this.#sessions.list().filter(({ userId }) => userId === id).length < sessionLimit;
  }

  #offeredSuites(): CipherSuite[] {
    return this.#cipherSuites.filter(({ id }) => this.#bmc.lan.suiteLimit(id) !== 'no-access');
  }

  #freshSessionId(): number {
    for (;;) {
      const id = this.#randomNumber();
      if (this.#isFree(id)) return id;
    }
  }

  #isFree(id: number): boolean {
    return !this.#sessions.get(id) && !this.#halfOpen.get(id);
  }

  /** 32 random bits, not all of them 0. */
  #randomNumber(): number {
    for (;;) {
      const raw = this.#bmc.random.bytes(4);
      const number = new DataView(raw.buffer, raw.byteOffset, 4).getUint32(0, true);
      if (number !== 0) return number;
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
        const { faults, clock, random } = this.#bmc;
        if (faults.loses(random)) return;
        const send = () => {
          this.counters.sent++;
          link.send(datagram, remote);
        };
        const { replyDelayMs } = faults.current;
        if (replyDelayMs > 0) clock.after(replyDelayMs, send);
        else send();
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
