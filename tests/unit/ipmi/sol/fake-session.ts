/** A session without keys or network: what is sent lies in a list, and the test plays the client. */
import type { PrivilegeLevel } from '../../../../src/bmc/actor.ts';
import {
  type PayloadArrival,
  type PayloadHandler,
  type PayloadProtection,
  type PayloadSession,
  PayloadType,
} from '../../../../src/ipmi/payload.ts';
import { BmcPacket, ConsolePacket } from '../../../../src/ipmi/sol/packet.ts';
import { decode, encode } from '../../../../src/lib/codec.ts';

type ConsoleStatus = ConsolePacket['status'];

let lastId = 0x1000;

export class FakeSession implements PayloadSession {
  readonly id = ++lastId;
  readonly userId: number;
  readonly actor: { name: string; face: 'ipmi'; from: string };
  privilege: PrivilegeLevel = 'administrator';
  canEncrypt = true;
  canAuthenticate = true;
  readonly localPort = 623;
  open = true;
  /** SOL packets sent, oldest first. */
  packets: BmcPacket[] = [];
  protections: PayloadProtection[] = [];
  messages: Uint8Array[] = [];
  /** Called instead of keeping packets. */
  wire: ((packet: Uint8Array) => void) | undefined;
  readonly #handlers = new Map<PayloadType, PayloadHandler>();
  /** How the client's packets come. */
  inbound: PayloadArrival = { encrypted: true, authenticated: true, overtakenBy: 0 };
  readonly #close: (() => void)[] = [];

  constructor(name = 'admin', userId = 2) {
    this.userId = userId;
    this.actor = { name, face: 'ipmi', from: '127.0.0.1:40000' };
  }

  sendPayload(type: PayloadType, payload: Uint8Array, protection: PayloadProtection): void {
    if (!this.open) return;
    if (type !== PayloadType.sol) {
      this.messages.push(payload);
      return;
    }
    this.protections.push(protection);
    if (this.wire) this.wire(payload);
    else this.packets.push(decode(BmcPacket, payload, 'SOL packet'));
  }

  preparePayload(): void {}

  onPayload(type: PayloadType, handler: PayloadHandler | undefined): void {
    if (handler) this.#handlers.set(type, handler);
    else this.#handlers.delete(type);
  }

  onClose(listener: () => void): void {
    this.#close.push(listener);
  }

  close(): void {
    this.open = false;
    for (const listener of this.#close) listener();
  }

  /** A raw SOL payload from the client. */
  deliver(payload: Uint8Array): void {
    this.#handlers.get(PayloadType.sol)?.(payload, this.inbound);
  }

  /** A packet of the client's, in which everything not said is 0. */
  client(packet: {
    sequence?: number;
    ack?: number;
    count?: number;
    data?: string;
    status?: Partial<ConsoleStatus>;
  }): void {
    const none = { nack: false, ring: false, break: false, ctsPause: false, dropDcdDsr: false };
    this.deliver(
      encode(ConsolePacket, {
        sequence: packet.sequence ?? 0,
        acknowledged: packet.ack ?? 0,
        acceptedCount: packet.count ?? 0,
        status: { ...none, flushInbound: false, flushOutbound: false, ...packet.status },
        data: Buffer.from(packet.data ?? '', 'latin1'),
      }),
    );
  }

  /** The packets sent since the last call. */
  take(): BmcPacket[] {
    return this.packets.splice(0);
  }

  /** Like {@link take}, in short: `number:characters` and what is set besides. */
  brief(): string[] {
    return this.take().map(({ sequence, acknowledged, acceptedCount, status, data }) => {
      const set = Object.entries(status).flatMap(([name, on]) => (on ? [name] : []));
      const answer = acknowledged === 0 ? [] : [`ack ${acknowledged}/${acceptedCount}`];
      return [`${sequence}:${Buffer.from(data).toString('latin1')}`, ...answer, ...set].join(' ');
    });
  }
}
