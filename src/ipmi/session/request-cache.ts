/**
 * The last requests of a session with their replies: a request that comes again, because its reply was lost, is
 * answered again and not executed again. IPMI 2.0 §6.13.2.
 */
import type { IpmiRequest } from '../message/message.ts';

const size = 8;
/** A sequence number of 6 bits comes round; after this time it counts as a new one. IPMI 2.0 §6.13.2 */
const lifetimeMs = 5_000;

export interface CachedRequest {
  readonly request: IpmiRequest;
  at: number;
  /** Undefined while the command still runs. */
  reply: Uint8Array | undefined;
}

export class RequestCache {
  readonly #entries: CachedRequest[] = [];
  #next = 0;

  /** @returns the request's first coming, which is kept alive by being asked for */
  find(request: IpmiRequest, now: number): CachedRequest | undefined {
    for (const entry of this.#entries) {
      if (entry.request.rqSeq !== request.rqSeq || !same(entry.request, request)) continue;
      if (now - entry.at >= lifetimeMs) return undefined;
      entry.at = now;
      return entry;
    }
    return undefined;
  }

  add(request: IpmiRequest, now: number): CachedRequest {
    const entry = { request, at: now, reply: undefined };
    this.#entries[this.#next] = entry;
    this.#next = (this.#next + 1) % size;
    return entry;
  }
}

function same(a: IpmiRequest, b: IpmiRequest): boolean {
  return (
    a.cmd === b.cmd &&
    a.netFn === b.netFn &&
    a.rsLun === b.rsLun &&
    a.rqAddr === b.rqAddr &&
    a.rqLun === b.rqLun &&
    Buffer.compare(a.data, b.data) === 0
  );
}
