/**
 * A session of IPMI 1.5: packets are authenticated by MD5 with the password and never encrypted. It carries IPMI
 * messages alone. IPMI 2.0 §6.11, §6.12.
 */
import { sameSecret } from '../../lib/same-secret.ts';
import { v15AuthCode } from '../crypto/v15-auth-code.ts';
import { type PayloadProtection, PayloadType } from '../payload.ts';
import type { DatagramLink, RemoteAddress } from './link.ts';
import { type PacketFault, Session, type SessionOptions } from './session.ts';
import { AuthType, encodeV15Packet, type V15Packet } from './v15-packet.ts';
import { nextSequence, SequenceWindow, v15Window } from './window.ts';

export interface V15SessionOptions extends SessionOptions {
  /** The number of the first packet to the console, which the console chose; not 0. */
  readonly firstOutbound: number;
  /** The number of the first packet from the console, which we chose; not 0. */
  readonly firstInbound: number;
  /** The message that activated the session. */
  readonly activation: Uint8Array;
  /** Whether a packet without authentication code is welcome. */
  readonly acceptsUnauthenticated: (payload: Uint8Array) => boolean;
}

export class V15Session extends Session {
  readonly protocol = 'v15';
  readonly canEncrypt = false;
  readonly canAuthenticate = false;
  readonly #options: V15SessionOptions;
  readonly #window: SequenceWindow;
  /** The authentication type of the packet being answered. */
  #authType: number = AuthType.md5;
  #next: number;
  /** As it was at the login: a session that changes it goes on with the old one. */
  readonly #password: Uint8Array;

  constructor(options: V15SessionOptions) {
    super(options);
    this.#options = options;
    this.#password = options.user.password;
    this.#next = options.firstOutbound;
    this.#window = new SequenceWindow(previousSequence(options.firstInbound), v15Window);
  }

  /** The number that the console's first packet has. */
  get firstInbound(): number {
    return this.#options.firstInbound;
  }

  /** Whether this is, once more, the message that activated the session. */
  isActivation({ sequence, authType, payload }: V15Packet): boolean {
    const { activation } = this.#options;
    return sequence === 0 && authType === AuthType.md5 && Buffer.compare(payload, activation) === 0;
  }

  /** Takes an activation that came again for authentic: its reply got lost. */
  verify(packet: V15Packet): boolean {
    return sameSecret(v15AuthCode(this.#password, packet), packet.authCode);
  }

  /** Verifies a packet that bears this session's ID. @returns its IPMI message, or why it is to be dropped */
  unseal(
    packet: V15Packet,
    remote: RemoteAddress,
    link: DatagramLink,
    now: number,
  ): Uint8Array | PacketFault {
    if (packet.authType === AuthType.md5) {
      if (!this.verify(packet)) return 'badAuthCode';
    } else {
      if (packet.authType !== AuthType.none || !this.#options.acceptsUnauthenticated(packet.payload)) {
        return 'notProtected';
      }
      // Nothing but the address speaks for the sender then.
      if (!this.isFrom(remote)) return 'foreignSource';
    }
    if (!this.#window.accept(packet.sequence)) return 'replayed';
    this.#authType = packet.authType;
    this.heard(remote, link, this.#window.highest === packet.sequence, now);
    return packet.payload;
  }

  /** Answers in kind: with an authentication code if the console's last packet had one. */
  sendPayload(type: PayloadType, payload: Uint8Array, _protection: PayloadProtection): void {
    if (!this.open || type !== PayloadType.ipmi) return;
    const header = { sessionId: this.id, sequence: this.#next, payload };
    this.#next = nextSequence(this.#next);
    const authType = this.#authType;
    const authCode = authType === AuthType.none ? new Uint8Array() : v15AuthCode(this.#password, header);
    this.send(encodeV15Packet({ ...header, authType, authCode }));
  }
}

function previousSequence(sequence: number): number {
  return sequence === 1 ? 0xffffffff : sequence - 1;
}
