/**
 * Packets with an RMCP+ session header: outside a session an IPMI message or a login's next step, in a session an
 * IPMI message or what the session's other payloads wait for.
 */
import type { Clock } from '../../lib/clock.ts';
import { PayloadType } from '../payload.ts';
import { rmcpHeaderLength } from '../rmcp/header.ts';
import type { DatagramLink, RemoteAddress } from '../session/link.ts';
import { decodePacket, encodePacket, type RmcpPlusPacket } from '../session/packet.ts';
import { RmcpStatus } from '../session/rakp.ts';
import { RmcpPlusSession } from '../session/rmcp-plus-session.ts';
import type { Sessions } from '../session/sessions.ts';
import { AnswerRepeats } from './answer-repeats.ts';
import type { Handshakes } from './handshakes.ts';
import type { RequestRunner } from './request-runner.ts';
import type { Tally } from './tally.ts';

export interface RmcpPlusReceiverOptions {
  readonly clock: Clock;
  readonly tally: Tally;
  readonly sessions: Sessions;
  readonly handshakes: Handshakes;
  readonly requests: RequestRunner;
}

export class RmcpPlusReceiver {
  readonly #clock: Clock;
  readonly #tally: Tally;
  readonly #sessions: Sessions;
  readonly #handshakes: Handshakes;
  readonly #requests: RequestRunner;
  readonly #repeats: AnswerRepeats;

  constructor({ clock, tally, sessions, handshakes, requests }: RmcpPlusReceiverOptions) {
    this.#clock = clock;
    this.#tally = tally;
    this.#sessions = sessions;
    this.#handshakes = handshakes;
    this.#requests = requests;
    this.#repeats = new AnswerRepeats(clock);
  }

  stop(): void {
    this.#repeats.stop();
  }

  /**
   * @param datagram with its RMCP header
   * @throws {DecodeError}
   */
  receive(datagram: Uint8Array, remote: RemoteAddress, link: DatagramLink): void {
    const packet = decodePacket(datagram, rmcpHeaderLength);
    this.#repeats.heard(remote);
    if (packet.sessionId !== 0) {
      this.#receiveInSession(datagram, packet, remote, link);
      return;
    }
    if (packet.encrypted || packet.authenticated || packet.sequence !== 0) {
      this.#tally.drop('unknownSession', remote);
      return;
    }
    const answer = (payloadType: number, payload: Uint8Array): void => {
      const send = () => link.send(plainPacket(payloadType, payload), remote);
      send();
      if (payload[1] === RmcpStatus.ok) this.#repeats.answered(remote, send);
    };
    switch (packet.payloadType) {
      case PayloadType.ipmi:
        this.#requests.runSessionless(packet.payload, remote, link, (payload) =>
          plainPacket(PayloadType.ipmi, payload),
        );
        return;
      case PayloadType.openSessionRequest: {
        const response = this.#handshakes.open(packet.payload, remote);
        if (response) answer(PayloadType.openSessionResponse, response);
        return;
      }
      case PayloadType.rakp1:
      case PayloadType.rakp3:
        this.#handshakes.continue(packet, remote, link, (reply) => answer(packet.payloadType + 1, reply));
        return;
      default:
        this.#tally.drop('unknownPayload', remote);
    }
  }

  #receiveInSession(
    datagram: Uint8Array,
    packet: RmcpPlusPacket,
    remote: RemoteAddress,
    link: DatagramLink,
  ): void {
    const session = this.#sessions.get(packet.sessionId);
    const now = this.#clock.now();
    if (!(session instanceof RmcpPlusSession) || !session.check(now)) {
      if (!this.#repeatFarewell(datagram, packet, remote, link, now))
        this.#tally.drop('unknownSession', remote);
      return;
    }
    const payload = session.unseal(datagram, packet, remote, link, now);
    if (typeof payload === 'string') {
      this.#tally.drop(payload, remote);
      return;
    }
    if (packet.payloadType === PayloadType.ipmi) {
      this.#requests.runInSession(session, payload, link, remote, now);
      return;
    }
    const arrival = session.arrivalOf(packet);
    if (!session.deliver(packet.payloadType, payload, arrival)) this.#tally.drop('unknownPayload', remote);
  }

  /** Nothing is executed: what comes is the request that has closed the session, or is not served. */
  #repeatFarewell(
    datagram: Uint8Array,
    packet: RmcpPlusPacket,
    remote: RemoteAddress,
    link: DatagramLink,
    now: number,
  ): boolean {
    const closed = this.#sessions.justClosed(packet.sessionId);
    if (!(closed instanceof RmcpPlusSession) || packet.payloadType !== PayloadType.ipmi) return false;
    const payload = closed.unseal(datagram, packet, remote, link, now);
    return typeof payload !== 'string' && this.#requests.repeatFarewell(closed, payload, now);
  }
}

/** An RMCP+ packet outside a session. */
function plainPacket(payloadType: number, payload: Uint8Array): Uint8Array {
  return encodePacket({ payloadType, payload, sessionId: 0, sequence: 0 });
}
