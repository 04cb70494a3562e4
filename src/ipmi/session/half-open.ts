/**
 * Handshakes on their way: a bounded table in which a flood cannot push out those who get on.
 *
 * A socket (an address with a port) holds few entries and an address half of the table at most; of what is too much
 * their own go first, so that a flood does not even harm other programs on the same host. When the table is full, the
 * oldest that never answered a challenge goes first: a sender of forged addresses sees no challenge to answer. Before
 * any of these go those that are over, so that a host may log in as often as it can.
 */
import type { HandshakeState } from './handshake.ts';
import type { RemoteAddress } from './link.ts';

export const halfOpenCapacity = 4096;
export const halfOpenPerSocket = 64;
export const halfOpenLifetimeMs = 8000;

export interface HalfOpen {
  state: HandshakeState;
  /** It got as far as its challenge. */
  advanced: boolean;
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
  readonly #perSocket: number;
  readonly #perAddress: number;
  /** Both in the order in which they were last heard of. */
  readonly #waiting = new Map<number, HalfOpen>();
  readonly #advanced = new Map<number, HalfOpen>();
  /** By address and port, and by address; oldest first. */
  readonly #bySocket = new Map<string, Set<HalfOpen>>();
  readonly #byAddress = new Map<string, Set<HalfOpen>>();

  constructor(capacity = halfOpenCapacity, perSocket = halfOpenPerSocket) {
    this.#capacity = capacity;
    this.#perSocket = perSocket;
    this.#perAddress = Math.max(perSocket, capacity >> 1);
  }

  get size(): number {
    return this.#waiting.size + this.#advanced.size;
  }

  get(id: number): HalfOpen | undefined {
    return this.#waiting.get(id) ?? this.#advanced.get(id);
  }

  /** The handshake that this very request, from this very address and port, has begun. */
  findRetransmitted(openRequest: Uint8Array, remote: RemoteAddress): HalfOpen | undefined {
    for (const entry of this.#bySocket.get(socketOf(remote)) ?? []) {
      const pending = entry.state.phase === 'opened' || entry.state.phase === 'challenged';
      if (pending && Buffer.compare(entry.openRequest, openRequest) === 0) return entry;
    }
    return undefined;
  }

  /** @returns how many others had to go */
  add(entry: HalfOpen): number {
    const { address } = entry.remote;
    const socket = socketOf(entry.remote);
    const before = this.size;
    this.#makeRoom(this.#bySocket.get(socket), this.#perSocket);
    this.#makeRoom(this.#byAddress.get(address), this.#perAddress);
    if (this.size >= this.#capacity) {
      const [waiting] = this.#waiting.values();
      const [advanced] = this.#advanced.values();
      const gone = advanced && isOver(advanced) ? advanced : (waiting ?? advanced);
      if (gone) this.delete(gone);
    }
    const evicted = before - this.size;
    this.#waiting.set(entry.state.managedSystemSessionId, entry);
    put(this.#bySocket, socket, entry);
    put(this.#byAddress, address, entry);
    return evicted;
  }

  /** The entry got as far as its challenge. */
  advance(entry: HalfOpen): void {
    const id = entry.state.managedSystemSessionId;
    entry.advanced = true;
    if (this.#waiting.delete(id)) this.#advanced.set(id, entry);
  }

  /** The console said something: on a lossy link a login may take longer than a lifetime. */
  heard(entry: HalfOpen, now: number): void {
    const id = entry.state.managedSystemSessionId;
    entry.heardAt = now;
    const entries = entry.advanced ? this.#advanced : this.#waiting;
    if (entries.delete(id)) entries.set(id, entry);
  }

  delete(entry: HalfOpen): void {
    const id = entry.state.managedSystemSessionId;
    this.#waiting.delete(id);
    this.#advanced.delete(id);
    remove(this.#bySocket, socketOf(entry.remote), entry);
    remove(this.#byAddress, entry.remote.address, entry);
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
    this.#bySocket.clear();
    this.#byAddress.clear();
  }

  /** Of those of one sender the oldest goes if it is over, or else the oldest without a challenge, or else the oldest. */
  #makeRoom(own: Set<HalfOpen> | undefined, most: number): void {
    if (!own || own.size < most) return;
    const [oldest] = own;
    let gone = oldest;
    if (oldest && !isOver(oldest)) {
      for (const entry of own) {
        if (entry.advanced) continue;
        gone = entry;
        break;
      }
    }
    if (gone) this.delete(gone);
  }
}

/** It only answers what comes again: one that is still on its way is worth more. */
function isOver({ state }: HalfOpen): boolean {
  return state.phase === 'closed';
}

function socketOf({ address, port }: RemoteAddress): string {
  return `${address} ${port}`;
}

function put(entries: Map<string, Set<HalfOpen>>, key: string, entry: HalfOpen): void {
  const own = entries.get(key) ?? new Set();
  own.add(entry);
  entries.set(key, own);
}

function remove(entries: Map<string, Set<HalfOpen>>, key: string, entry: HalfOpen): void {
  const own = entries.get(key);
  own?.delete(entry);
  if (own?.size === 0) entries.delete(key);
}
