/**
 * The last requests of a session with their replies: a request that comes again, because its reply was lost, is
 * answered again and not executed again. IPMI 2.0 §6.13.2.
 */
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

export interface CachedRequest {
  readonly request: IpmiRequest;
  at: number;
  /** Undefined while the command still runs. */
  reply: Uint8Array | undefined;
}

export class RequestCache {
  /** What tells the requests apart besides their data, side by side: a look at them all is one at a single array. */
  readonly #keys: number[] = [];
  readonly #entries: CachedRequest[] = [];
  #next = 0;
  #latest: CachedRequest | undefined;
  /** Whether the latest request's number followed the one before. */
  #counted = false;

  /** @returns the request's first coming, which is kept alive by being asked for */
  find(request: IpmiRequest, now: number): CachedRequest | undefined {
    const key = keyOf(request);
    for (let slot = 0; slot < this.#keys.length; slot++) {
      if (this.#keys[slot] !== key) continue;
      const entry = this.#entries[slot] as CachedRequest;
      if (Buffer.compare(entry.request.data, request.data) !== 0) continue;
      const isCounted = entry === this.#latest && this.#counted;
      if (now - entry.at >= lifetimeMs && !isCounted) return undefined;
      entry.at = now;
      return entry;
    }
    return undefined;
  }

  add(request: IpmiRequest, now: number): CachedRequest {
    const entry = { request, at: now, reply: undefined };
    this.#keys[this.#next] = keyOf(request);
    const before = this.#latest?.request.rqSeq;
    this.#counted = before !== undefined && request.rqSeq === (before + 1) % numbers;
    this.#latest = entry;
    this.#entries[this.#next] = entry;
    this.#next = (this.#next + 1) % size;
    return entry;
  }
}

/** All fields but the data and the responder's address, which is ours: 32 bits, as many as they have. */
function keyOf({ netFn, rsLun, rqAddr, rqSeq, rqLun, cmd }: IpmiRequest): number {
  return (rqAddr << 24) | (cmd << 16) | (((netFn << 2) | rsLun) << 8) | (rqSeq << 2) | rqLun;
}
