/**
 * The last requests of a session with their replies: a request that comes again, because its reply was lost, is
 * answered again and not executed again. IPMI 2.0 §6.13.2.
 *
 * They are kept in one piece of memory that is made with the session. As objects they would live for eight requests, long
 * enough to be carried from one generation of the heap to the next, and with many sessions that takes longer than they do.
 */
import { concatBytes } from '../../lib/bytes.ts';
import type { IpmiRequest } from '../message/message.ts';

const size = 8;
/**
 * A sequence number of 6 bits comes round; after this time it counts as a new one. IPMI 2.0 §6.13.2
 *
 * Not so the latest request of a console that counts its requests up: it has 63 other numbers to use first. ipmitool 1.8.19
 * waits a second longer with each retry, so that on a bad network its next one can come later than this.
 */
const lifetimeMs = 5_000;
const numbers = 64;
/** Of a request's data and its reply behind them. What is longer has memory of its own. */
const placeBytes = 44;
/** Of each slot, side by side: a look at all keys is one at a single place. */
const [keys, times, dataLengths, replyLengths] = [0, size, 2 * size, 3 * size];
const markBytes = 4 * size * Int32Array.BYTES_PER_ELEMENT;

export class RequestCache {
  readonly #marks: Int32Array;
  readonly #places: Uint8Array;
  #long: (Uint8Array | undefined)[] | undefined;
  #added = 0;
  /** Whether the latest request's number followed the one before. */
  #counted = false;

  constructor() {
    const memory = new ArrayBuffer(markBytes + size * placeBytes);
    this.#marks = new Int32Array(memory, 0, 4 * size);
    this.#places = new Uint8Array(memory, markBytes);
  }

  /**
   * Whether a request has come before; to be asked for keeps it alive.
   * @returns the reply that it had, `running` where it has none yet, undefined where the request is new
   */
  find(request: IpmiRequest, now: number): Uint8Array | 'running' | undefined {
    const key = keyOf(request);
    const filled = this.#added < size ? this.#added : size;
    for (let slot = 0; slot < filled; slot++) {
      if (this.#marks[keys + slot] !== key || !this.#isOf(slot, request.data)) continue;
      const isCounted = this.#counted && slot === slotOf(this.#added - 1);
      if (this.#age(slot, now) >= lifetimeMs && !isCounted) return undefined;
      this.#marks[times + slot] = now;
      return this.#replyOf(slot);
    }
    return undefined;
  }

  /** @returns the ticket for {@link answered} */
  add(request: IpmiRequest, now: number): number {
    const ticket = this.#added++;
    const slot = slotOf(ticket);
    this.#counted = ticket > 0 && request.rqSeq === (this.#rqSeqOf(slotOf(ticket - 1)) + 1) % numbers;
    const { data } = request;
    this.#marks[keys + slot] = keyOf(request);
    this.#marks[times + slot] = now;
    this.#marks[dataLengths + slot] = data.length;
    this.#marks[replyLengths + slot] = 0;
    this.#put(slot, 0, data);
    return ticket;
  }

  /** @param ticket of a request that may be forgotten by now */
  answered(ticket: number, reply: Uint8Array): void {
    if (this.#added - ticket > size) return;
    const slot = slotOf(ticket);
    this.#put(slot, this.#mark(dataLengths + slot), reply);
    this.#marks[replyLengths + slot] = reply.length;
  }

  /** Puts bytes behind the first `at` ones of a slot. */
  #put(slot: number, at: number, bytes: Uint8Array): void {
    if (at + bytes.length > placeBytes) {
      this.#long ??= [];
      this.#long[slot] = concatBytes(this.#bytesOf(slot).subarray(0, at), bytes);
      return;
    }
    if (this.#long) this.#long[slot] = undefined;
    const start = slot * placeBytes + at;
    for (let i = 0; i < bytes.length; i++) this.#places[start + i] = bytes[i] as number;
  }

  #bytesOf(slot: number): Uint8Array {
    return this.#long?.[slot] ?? this.#places.subarray(slot * placeBytes, (slot + 1) * placeBytes);
  }

  #isOf(slot: number, data: Uint8Array): boolean {
    const length = this.#mark(dataLengths + slot);
    if (data.length !== length) return false;
    return length === 0 || Buffer.compare(this.#bytesOf(slot).subarray(0, length), data) === 0;
  }

  #replyOf(slot: number): Uint8Array | 'running' {
    const length = this.#mark(replyLengths + slot);
    if (length === 0) return 'running';
    const start = this.#mark(dataLengths + slot);
    return this.#bytesOf(slot).slice(start, start + length);
  }

  /** In milliseconds, of what was put down as 32 bits of a time. */
  #age(slot: number, now: number): number {
    return (now - this.#mark(times + slot)) >>> 0;
  }

  #rqSeqOf(slot: number): number {
    return (this.#mark(keys + slot) >> 2) & (numbers - 1);
  }

  #mark(at: number): number {
    return this.#marks[at] as number;
  }
}

function slotOf(ticket: number): number {
  return ticket & (size - 1);
}

/** All fields but the data and the responder's address, which is ours: 32 bits, as many as they have. */
function keyOf({ netFn, rsLun, rqAddr, rqSeq, rqLun, cmd }: IpmiRequest): number {
  return (rqAddr << 24) | (cmd << 16) | (((netFn << 2) | rsLun) << 8) | (rqSeq << 2) | rqLun;
}
