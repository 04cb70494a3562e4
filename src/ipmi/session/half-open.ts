/**
 * Handshakes on their way: a bounded table in which a flood cannot push out those who get on.
 *
 * A socket (an address with a port) holds few entries and an address half of the table at most; of what is too much
 * their own go first, so that a flood does not even harm other programs on the same host. When the table is full, the
 * oldest that never answered a challenge goes first: a sender of forged addresses sees no challenge to answer. Before
 * any of these go those that are over, so that a host may log in as often as it can.
 *
 * A socket whose entries are all on their way, the oldest not for long yet, gets no further ones: it begins faster than
 * anybody logs in, and what it sends is to cost as little as can be. Whoever does log in that fast asks again.
 */
import type { HandshakeState } from './handshake.ts';
import type { RemoteAddress } from './link.ts';

/** At 20,000 a second, forged ones push out a login that has not got on for 0.8 s. */
export const halfOpenCapacity = 16_384;
export const halfOpenPerSocket = 64;
export const halfOpenLifetimeMs = 8000;
/** A socket that fills its share in less begins too many: no program waits for its answers then. */
const hurryMs = 10;

export interface HalfOpen {
  state: HandshakeState;
  /** It got as far as its challenge. */
  advanced: boolean;
  readonly remote: RemoteAddress;
  /** {@link socketOf} it. */
  readonly socket: string;
  readonly begunAt: number;
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
  findRetransmitted(openRequest: Uint8Array, socket: string): HalfOpen | undefined {
    for (const entry of this.#bySocket.get(socket) ?? []) {
      if (isPending(entry) && areEqual(entry.openRequest, openRequest)) return entry;
    }
    return undefined;
  }

  /** Whether this socket begins so many that one more is not worth an answer. */
  isHurried(socket: string, now: number): boolean {
    const gone = this.#leavingOf(this.#bySocket.get(socket));
    return gone !== undefined && isPending(gone) && now - gone.begunAt < hurryMs;
  }

  /** @returns how many others had to go */
  add(entry: HalfOpen): number {
    const { socket, remote } = entry;
    const { address } = remote;
    const before = this.size;
    const leaving = this.#leavingOf(this.#bySocket.get(socket));
    if (leaving) this.delete(leaving);
    this.#makeRoom(this.#byAddress.get(address));
    if (this.size >= this.#capacity) {
      const [waiting] = this.#waiting.values();
      const [advanced] = this.#advanced.values();
      const gone = advanced && !isPending(advanced) ? advanced : (waiting ?? advanced);
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
    remove(this.#bySocket, entry.socket, entry);
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

  /**
   * Which entry of a socket that has all it may have goes for a new one: the oldest that is over, or else the oldest
   * without a challenge, or else the oldest.
   */
  #leavingOf(own: Set<HalfOpen> | undefined): HalfOpen | undefined {
    if (!own || own.size < this.#perSocket) return undefined;
    for (const entry of own) if (!isPending(entry)) return entry;
    return oldestOf(own);
  }

  /** Of those of one address the oldest goes if it is over, or else the oldest without a challenge, or else the oldest. */
  #makeRoom(own: Set<HalfOpen> | undefined): void {
    if (!own || own.size < this.#perAddress) return;
    const [oldest] = own;
    const gone = oldest && !isPending(oldest) ? oldest : oldestOf(own);
    if (gone) this.delete(gone);
  }
}

function oldestOf(own: Set<HalfOpen>): HalfOpen | undefined {
  for (const entry of own) if (!entry.advanced) return entry;
  const [oldest] = own;
  return oldest;
}

/** One that is over only answers what comes again. */
function isPending({ state }: HalfOpen): boolean {
  return state.phase === 'opened' || state.phase === 'challenged';
}

/** Nearly all differ in their first bytes: nothing to call native code for. */
function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** An address with a port, as the table knows it. */
export function socketOf({ address, port }: RemoteAddress): string {
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
