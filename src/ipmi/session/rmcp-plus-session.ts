/** A session of IPMI 2.0: its keys, its sequence numbers and its packets. */
import type { Random } from '../../lib/random.ts';
import { type Confidentiality, confidentialityOf } from '../crypto/confidentiality.ts';
import { type Integrity, integrityOf } from '../crypto/integrity.ts';
import { type PayloadArrival, type PayloadProtection, PayloadType } from '../payload.ts';
import type { ActiveHandshake } from './handshake.ts';
import type { DatagramLink, RemoteAddress } from './link.ts';
import { encodePacket, type RmcpPlusPacket, verifyPacket } from './packet.ts';
import { type PacketFault, Session, type SessionOptions } from './session.ts';
import { nextSequence, SequenceWindow } from './window.ts';

/** A payload sealed ahead: good for as long as nothing else is sent first. */
interface Prepared {
  readonly payload: Uint8Array;
  readonly protection: PayloadProtection;
  readonly sequence: number;
  readonly datagram: Uint8Array;
}

export class RmcpPlusSession extends Session {
  readonly protocol = 'v20';
  readonly cipherSuiteId: number;
  readonly #remoteConsoleSessionId: number;
  readonly #integrity: Integrity | undefined;
  readonly #confidentiality: Confidentiality | undefined;
  readonly #authenticated = new SequenceWindow();
  readonly #unauthenticated = new SequenceWindow();
  #sent = 0;
  #prepared: Prepared | undefined;

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
    const payload =
      packet.encrypted && this.#confidentiality
        ? this.#confidentiality.open(datagram, packet.payloadStart, packet.payloadEnd)
        : packet.payload;
    if (!payload) return 'undecryptable';
    this.heard(remote, link, window.highest === packet.sequence, now);
    return payload;
  }

  /** @param packet one that was unsealed just now */
  arrivalOf({ encrypted, authenticated, sequence }: RmcpPlusPacket): PayloadArrival {
    const { highest } = authenticated ? this.#authenticated : this.#unauthenticated;
    return { encrypted, authenticated, overtakenBy: (highest - sequence) >>> 0 };
  }

  sendPayload(type: PayloadType, payload: Uint8Array, protection: PayloadProtection): void {
    if (this.open) this.#seal(type, payload, protection);
  }

  override preparePayload(type: PayloadType, payload: Uint8Array, protection: PayloadProtection): void {
    const sequence = nextSequence(this.#sent);
    const datagram = this.#sealed(sequence, type, payload, protection);
    this.#prepared = { payload, protection, sequence, datagram };
  }

  /** After its end: the answer to the request that ended it, once more. */
  repeatFarewell(reply: Uint8Array): void {
    this.#seal(PayloadType.ipmi, reply, { encrypted: true, authenticated: true });
  }

  #seal(type: PayloadType, payload: Uint8Array, protection: PayloadProtection): void {
    this.#sent = nextSequence(this.#sent);
    const ready = this.#prepared;
    this.#prepared = undefined;
    const fits =
      ready?.payload === payload && ready.protection === protection && ready.sequence === this.#sent;
    this.send(fits ? ready.datagram : this.#sealed(this.#sent, type, payload, protection));
  }

  #sealed(
    sequence: number,
    type: PayloadType,
    payload: Uint8Array,
    protection: PayloadProtection,
  ): Uint8Array {
    return encodePacket(
      { payloadType: type, sessionId: this.#remoteConsoleSessionId, sequence, payload },
      protection.authenticated ? this.#integrity : undefined,
      protection.encrypted ? this.#confidentiality : undefined,
    );
  }
}
