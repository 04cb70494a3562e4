/**
 * A remote console that follows IPMI 2.0 §15.9 to the letter: one packet outstanding, a new number for new
 * content, partial acknowledgements, duplicates acknowledged again and not shown twice. It complains about
 * anything that a BMC must not do.
 */

import { BmcPacket, ConsolePacket, nextSolSequence } from '../../../../src/ipmi/sol/packet.ts';
import type { Clock, Timer } from '../../../../src/lib/clock.ts';
import { decode, encode } from '../../../../src/lib/codec.ts';

const quiet = {
  nack: false,
  ring: false,
  break: false,
  ctsPause: false,
  dropDcdDsr: false,
  flushInbound: false,
  flushOutbound: false,
};

export class StrictClient {
  readonly shown: number[] = [];
  readonly #send: (packet: Uint8Array) => void;
  readonly #clock: Clock;
  readonly #retryMs: number;
  readonly #maxAccept: () => number;
  readonly #packetBytes: number;
  readonly #resentMayGrow: boolean;
  #toSend: Uint8Array = new Uint8Array();
  #sequence: number;
  #waiting: { sequence: number; data: Uint8Array } | undefined;
  #timer: Timer | undefined;
  #held = false;
  #last: { sequence: number; length: number; accepted: number } | undefined;

  /**
   * @param maxAccept how many characters of the next packet are accepted
   * @param packetBytes as many characters as the BMC takes in one packet
   * @param sequence of the packet that an earlier session has sent last; 0 for none
   * @param resentMayGrow suffer a packet that is sent again with more characters than at first
   */
  constructor(
    send: (packet: Uint8Array) => void,
    clock: Clock,
    options: {
      retryMs?: number;
      maxAccept?: () => number;
      packetBytes?: number;
      sequence?: number;
      resentMayGrow?: boolean;
    } = {},
  ) {
    this.#send = send;
    this.#clock = clock;
    this.#retryMs = options.retryMs ?? 20;
    this.#maxAccept = options.maxAccept ?? (() => 255);
    this.#packetBytes = options.packetBytes ?? 255;
    this.#sequence = options.sequence ?? 0;
    this.#resentMayGrow = options.resentMayGrow ?? false;
  }

  /** Of the packet sent last; 0 for none. */
  get sequence(): number {
    return this.#sequence;
  }

  get done(): boolean {
    return this.#toSend.length === 0 && !this.#waiting;
  }

  type(bytes: Uint8Array): void {
    this.#toSend = Buffer.concat([this.#toSend, bytes]);
    this.#next();
  }

  receive(bytes: Uint8Array): void {
    const packet = decode(BmcPacket, bytes, 'SOL packet');
    if (packet.sequence === 0 && packet.data.length > 0) throw new Error('characters without a number');
    if (packet.data.length > 255) throw new Error('too many characters');
    const waiting = this.#waiting;
    if (waiting && packet.acknowledged === waiting.sequence) {
      const [accepted, sent] = [packet.acceptedCount, waiting.data.length];
      if (accepted > sent) throw new Error(`more accepted than sent: ${accepted} of ${sent}`);
      this.#timer?.cancel();
      this.#waiting = undefined;
      const refused = waiting.data.subarray(packet.acceptedCount);
      if (refused.length > 0) this.#toSend = Buffer.concat([refused, this.#toSend]);
      this.#held = packet.status.nack;
    } else if (packet.acknowledged !== 0 && packet.acknowledged === this.#sequence && !packet.status.nack) {
      this.#held = false;
    }
    if (packet.sequence !== 0) this.#take(packet);
    this.#next();
  }

  #take({ sequence, data }: BmcPacket): void {
    const last = this.#last;
    if (last && sequence === last.sequence) {
      const grown = this.#resentMayGrow && data.length > last.length;
      if (data.length !== last.length && !grown) {
        throw new Error(`a packet sent again has changed its length: from ${last.length} to ${data.length}`);
      }
    } else {
      if (last && (last.sequence - sequence + 15) % 15 <= 7) return;
      const accepted = Math.min(this.#maxAccept(), data.length);
      for (const byte of data.subarray(0, accepted)) this.shown.push(byte);
      this.#last = { sequence, length: data.length, accepted };
    }
    this.#emit(0, sequence, this.#last?.accepted ?? 0, new Uint8Array());
  }

  #next(): void {
    if (this.#waiting || this.#held || this.#toSend.length === 0) return;
    this.#sequence = nextSolSequence(this.#sequence);
    const data = this.#toSend.subarray(0, this.#packetBytes);
    this.#toSend = this.#toSend.subarray(data.length);
    this.#waiting = { sequence: this.#sequence, data };
    this.#transmit();
  }

  #transmit(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#emit(waiting.sequence, 0, 0, waiting.data);
    this.#timer = this.#clock.after(this.#retryMs, () => this.#transmit());
  }

  #emit(sequence: number, acknowledged: number, acceptedCount: number, data: Uint8Array): void {
    this.#send(encode(ConsolePacket, { sequence, acknowledged, acceptedCount, status: quiet, data }));
  }
}
