/** A session of IPMI 2.0: its keys, its sequence numbers and its packets. */
import type { Random } from '../../lib/random.ts';
import { type Confidentiality, confidentialityOf } from '../crypto/confidentiality.ts';
import { type Integrity, integrityOf } from '../crypto/integrity.ts';
import { type PayloadProtection, PayloadType } from '../payload.ts';
import type { ActiveHandshake } from './handshake.ts';
import type { DatagramLink, RemoteAddress } from './link.ts';
import { encodePacket, type RmcpPlusPacket, verifyPacket } from './packet.ts';
import { type PacketFault, Session, type SessionOptions } from './session.ts';
import { nextSequence, SequenceWindow } from './window.ts';

export class RmcpPlusSession extends Session {
  readonly protocol = 'v20';
  readonly cipherSuiteId: number;
  readonly #remoteConsoleSessionId: number;
  readonly #integrity: Integrity | undefined;
  readonly #confidentiality: Confidentiality | undefined;
  readonly #authenticated = new SequenceWindow();
  readonly #unauthenticated = new SequenceWindow();
  #sent = 0;

  /** @param login what `options` are of */
  constructor(options: SessionOptions, { opened, user, k1, k2 }: ActiveHandshake, random: Random) {
    super(options);
    const { suite, remoteConsoleSessionId } = opened;
    this.cipherSuiteId = suite.id;
    this.#remoteConsoleSessionId = remoteConsoleSessionId;
    this.#integrity = integrityOf(suite, { k1, password: user.password });
    this.#confidentiality = confidentialityOf(suite, k2, random);
  }

  get canEncrypt(): boolean {
    return this.#confidentiality !== undefined;
  }

  get canAuthenticate(): boolean {
    return this.#integrity !== undefined;
  }

  /**
   * Verifies and decrypts a packet that bears this session's ID.
   * @param datagram the bytes that `packet` was decoded from
   * @returns the payload in clear, or why the packet is to be dropped
   */
  unseal(
    datagram: Uint8Array,
    packet: RmcpPlusPacket,
    remote: RemoteAddress,
    link: DatagramLink,
    now: number,
  ): Uint8Array | PacketFault {
    if (this.#integrity) {
      if (!packet.authenticated) return 'notProtected';
      if (!verifyPacket(datagram, packet, this.#integrity)) return 'badAuthCode';
    } else {
      if (packet.authenticated) return 'badAuthCode';
      // Nothing but the address speaks for the sender then.
      if (!this.isFrom(remote)) return 'foreignSource';
    }
    // Other payloads may come unencrypted if their receiver, who is told, accepts that (Activate Payload).
    if (this.#confidentiality && !packet.encrypted && packet.payloadType === PayloadType.ipmi) {
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
    this.heard(remote, link, window.highest === packet.sequence, now);
    return payload;
  }

  sendPayload(type: PayloadType, payload: Uint8Array, protection: PayloadProtection): void {
    if (this.open) this.#seal(type, payload, protection);
  }

  /** After its end: the answer to the request that ended it, once more. */
  repeatFarewell(reply: Uint8Array): void {
    this.#seal(PayloadType.ipmi, reply, { encrypted: true, authenticated: true });
  }

  #seal(type: PayloadType, payload: Uint8Array, protection: PayloadProtection): void {
    this.#sent = nextSequence(this.#sent);
    const datagram = encodePacket(
      { payloadType: type, sessionId: this.#remoteConsoleSessionId, sequence: this.#sent, payload },
      protection.authenticated ? this.#integrity : undefined,
      protection.encrypted ? this.#confidentiality : undefined,
    );
    this.send(datagram);
  }
}
