/**
 * Handshakes on their way: a bounded table in which a flood cannot push out those who get on.
 *
 * One source holds few entries, and its own oldest goes first. When the table is full, the oldest that never
 * answered a challenge goes first: a sender of forged addresses sees no challenge to answer.
 */
import type { HandshakeState } from './handshake.ts';
import type { RemoteAddress } from './link.ts';

export const halfOpenCapacity = 4096;
export const halfOpenPerSource = 64;
export const halfOpenLifetimeMs = 8000;

export interface HalfOpen {
  state: HandshakeState;
  readonly remote: RemoteAddress;
  /** When its console last said something. */
  heardAt: number;
  readonly openRequest: Uint8Array;
  readonly openResponse: Uint8Array;
  /** The last RAKP message that moved it, and the answer, for when it comes again. */
  last:
    | { readonly payloadType: number; readonly request: Uint8Array; readonly reply: Uint8Array | undefined }
    | undefined;
}

export class HalfOpenTable {
  readonly #capacity: number;
  readonly #perSource: number;
  /** Both in the order in which they were last heard of. */
  readonly #waiting = new Map<number, HalfOpen>();
  readonly #advanced = new Map<number, HalfOpen>();
  readonly #bySource = new Map<string, Set<HalfOpen>>();

  constructor(capacity = halfOpenCapacity, perSource = halfOpenPerSource) {
    this.#capacity = capacity;
    this.#perSource = perSource;
  }

  get size(): number {
    return this.#waiting.size + this.#advanced.size;
  }

  get(id: number): HalfOpen | undefined {
    return this.#waiting.get(id) ?? this.#advanced.get(id);
  }

  /** The handshake that this very request, from this very address and port, has begun. */
  findRetransmitted(openRequest: Uint8Array, remote: RemoteAddress): HalfOpen | undefined {
    for (const entry of this.#bySource.get(remote.address) ?? []) {
      const pending = entry.state.phase === 'opened' || entry.state.phase === 'challenged';
      if (
        pending &&
        entry.remote.port === remote.port &&
        Buffer.compare(entry.openRequest, openRequest) === 0
      ) {
        return entry;
      }
    }
    return undefined;
  }

  /** @returns how many others had to go */
  add(entry: HalfOpen): number {
    let evicted = 0;
    const own = this.#bySource.get(entry.remote.address);
    if (own && own.size >= this.#perSource) evicted += this.#evict(own.values());
    if (this.size >= this.#capacity) {
      evicted += this.#evict(this.#waiting.size > 0 ? this.#waiting.values() : this.#advanced.values());
    }
    const id = entry.state.managedSystemSessionId;
    this.#waiting.set(id, entry);
    const source = this.#bySource.get(entry.remote.address) ?? new Set();
    source.add(entry);
    this.#bySource.set(entry.remote.address, source);
    return evicted;
  }

  /** The entry got as far as its challenge. */
  advance(entry: HalfOpen): void {
    const id = entry.state.managedSystemSessionId;
    if (this.#waiting.delete(id)) this.#advanced.set(id, entry);
  }

  /** The console said something: on a lossy link a login may take longer than a lifetime. */
  heard(entry: HalfOpen, now: number): void {
    const id = entry.state.managedSystemSessionId;
    entry.heardAt = now;
    for (const entries of [this.#waiting, this.#advanced]) {
      if (entries.delete(id)) entries.set(id, entry);
    }
  }

  delete(entry: HalfOpen): void {
    const id = entry.state.managedSystemSessionId;
    this.#waiting.delete(id);
    this.#advanced.delete(id);
    const source = this.#bySource.get(entry.remote.address);
    source?.delete(entry);
    if (source?.size === 0) this.#bySource.delete(entry.remote.address);
  }

  /** Drops what is older than its lifetime. */
  reap(now: number): void {
    for (const entries of [this.#waiting, this.#advanced]) {
      for (const entry of entries.values()) {
        if (now - entry.heardAt < halfOpenLifetimeMs) break;
        this.delete(entry);
      }
    }
  }

  clear(): void {
    this.#waiting.clear();
    this.#advanced.clear();
    this.#bySource.clear();
  }

  #evict(oldestFirst: Iterable<HalfOpen>): number {
    for (const entry of oldestFirst) {
      this.delete(entry);
      return 1;
    }
    return 0;
  }
}
