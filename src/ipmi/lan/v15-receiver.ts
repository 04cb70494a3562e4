/**
 * Packets with an IPMI 1.5 session header: outside a session, with the temporary ID of a login, in a session.
 * How a login is judged is told in session/v15-login.ts, what packets of a session are worth in session/v15-session.ts.
 */
import type { Bmc } from '../../bmc/bmc.ts';
import type { V15Exchange } from '../commands/command.ts';
import type { CommandRegistry } from '../commands/registry.ts';
import { v15AuthCode } from '../crypto/v15-auth-code.ts';
import { decodeMessage, encodeResponse } from '../message/message.ts';
import { PayloadType } from '../payload.ts';
import type { DatagramLink, RemoteAddress } from '../session/link.ts';
import type { Sessions } from '../session/sessions.ts';
import type { V15Activated, V15Login } from '../session/v15-login.ts';
import { AuthType, decodeV15Packet, encodeV15Packet, type V15Packet } from '../session/v15-packet.ts';
import { V15Session } from '../session/v15-session.ts';
import { type Logins, randomNumber } from './logins.ts';
import { beforeActivation, isForUs, type RequestRunner, whenDone } from './request-runner.ts';
import type { Tally } from './tally.ts';

export interface V15ReceiverOptions {
  readonly bmc: Bmc;
  readonly commands: CommandRegistry;
  readonly tally: Tally;
  readonly sessions: Sessions;
  readonly logins: Logins;
  /** Undefined where IPMI 1.5 sessions are off. */
  readonly v15Login: V15Login | undefined;
  readonly requests: RequestRunner;
}

export class V15Receiver {
  readonly #bmc: Bmc;
  readonly #commands: CommandRegistry;
  readonly #tally: Tally;
  readonly #sessions: Sessions;
  readonly #logins: Logins;
  readonly #v15Login: V15Login | undefined;
  readonly #requests: RequestRunner;

  constructor(options: V15ReceiverOptions) {
    this.#bmc = options.bmc;
    this.#commands = options.commands;
    this.#tally = options.tally;
    this.#sessions = options.sessions;
    this.#logins = options.logins;
    this.#v15Login = options.v15Login;
    this.#requests = options.requests;
  }

  /**
   * @param body what follows the RMCP header
   * @throws {DecodeError}
   */
  receive(body: Uint8Array, remote: RemoteAddress, link: DatagramLink): void {
    const packet = decodeV15Packet(body);
    if (packet.sessionId !== 0) {
      const session = this.#sessions.get(packet.sessionId);
      if (!session) this.#activate(packet, remote, link);
      else if (session instanceof V15Session && session.check(this.#bmc.clock.now())) {
        this.#receiveInSession(session, packet, remote, link);
      } else this.#tally.drop('unknownSession', remote);
      return;
    }
    if (packet.authType !== AuthType.none || packet.sequence !== 0) {
      this.#tally.drop('unknownSession', remote);
      return;
    }
    this.#requests.runSessionless(packet.payload, remote, link, (payload) =>
      encodeV15Packet({ ...packet, payload }),
    );
  }

  #receiveInSession(session: V15Session, packet: V15Packet, remote: RemoteAddress, link: DatagramLink): void {
    const now = this.#bmc.clock.now();
    // Its first reply got lost: the request is known and is answered again.
    if (session.isActivation(packet)) {
      if (session.verify(packet)) this.#requests.runInSession(session, packet.payload, link, remote, now);
      else this.#tally.drop('badAuthCode', remote);
      return;
    }
    const payload = session.unseal(packet, remote, link, now);
    if (typeof payload === 'string') this.#tally.drop(payload, remote);
    else this.#requests.runInSession(session, payload, link, remote, now);
  }

  /** A packet with an ID that is no session's: all it may be is an Activate Session. */
  #activate(packet: V15Packet, remote: RemoteAddress, link: DatagramLink): void {
    const login = this.#v15Login;
    const request = login && decodeMessage(packet.payload);
    const found = request && isForUs(request) ? login.authenticate(packet, request, remote) : undefined;
    if (!login || !request || !found) {
      this.#tally.drop('unknownSession', remote);
      return;
    }
    const { user, right } = found;
    if (right === 'not looked at') {
      this.#tally.counters.loginsThrottled++;
      return;
    }
    // Silence is the specification's answer to a wrong code, and clients take it for a wrong password.
    if (!right) {
      this.#logins.wrongPassword(remote, user.name);
      return;
    }
    let session: V15Session | undefined;
    const v15: V15Exchange = {
      ...beforeActivation(login, remote),
      activate: (asked) => {
        const activated = login.activate(asked, user, packet.sessionId);
        session = this.#begin(activated, packet, remote, link);
        return { ...activated, firstInbound: session.firstInbound };
      },
    };
    this.#tally.counters.requests++;
    const context = { ...this.#requests.sessionlessContext(remote, link), v15 };
    const send = (bytes: Uint8Array): void => {
      const payload = encodeResponse(request, bytes);
      if (session) {
        const ticket = session.requests.add(request, this.#bmc.clock.now());
        session.requests.answered(ticket, payload);
        session.sendProtected(PayloadType.ipmi, payload);
        return;
      }
      const { sessionId } = packet;
      const authCode = v15AuthCode(user.password, { sessionId, sequence: 0, payload });
      link.send(encodeV15Packet({ ...packet, authCode, payload }), remote);
    };
    whenDone(this.#commands.dispatch(request, context, undefined), send);
  }

  #begin(
    { user, sessionId, level, firstOutbound }: V15Activated,
    packet: V15Packet,
    remote: RemoteAddress,
    link: DatagramLink,
  ): V15Session {
    this.#logins.succeeded(remote, user);
    const session = new V15Session({
      ...this.#logins.sessionOptions(sessionId, user, level, remote, link),
      firstOutbound,
      firstInbound: randomNumber(this.#bmc.random),
      activation: packet.payload.slice(),
      acceptsUnauthenticated: (payload) => this.#acceptsUnauthenticated(payload),
    });
    this.#logins.begin(session, { protocol: 'IPMI 1.5' });
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
}
