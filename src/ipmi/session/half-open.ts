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
import { LinkedList, type ListNode } from '../../lib/linked-list.ts';
import type { HandshakeState } from './handshake.ts';
import type { RemoteAddress } from './link.ts';

/** At 20,000 a second, forged ones push out a login that has not got on for 0.8 s. */
export const halfOpenCapacity = 16_384;
export const halfOpenPerSocket = 64;
export const halfOpenLifetimeMs = 8000;
/** A socket that fills its share in less begins too many: no program waits for its answers then. */
const hurryMs = 10;

export interface HalfOpen {
  /** {@link HalfOpenTable.move} changes it. */
  state: HandshakeState;
  readonly remote: RemoteAddress;
  readonly begunAt: number;
  readonly openRequest: Uint8Array;
  /** The last RAKP message that moved it, and the answer, for when it comes again. */
  last:
    | { readonly payloadType: number; readonly request: Uint8Array; readonly reply: Uint8Array | undefined }
    | undefined;
}

export class HalfOpenTable {
  readonly #capacity: number;
  readonly #perSocket: number;
  readonly #perAddress: number;
  /** By ID as a signed number, which V8 holds without an object of its own. */
  readonly #byId = new Map<number, Held>();
  /** Without a challenge yet, and with one: both in the order in which they were last heard of. */
  readonly #waiting = new LinkedList<Held>();
  readonly #advanced = new LinkedList<Held>();
  /** By address. */
  readonly #senders = new Map<string, Sender>();

  constructor(capacity = halfOpenCapacity, perSocket = halfOpenPerSocket) {
    this.#capacity = capacity;
    this.#perSocket = perSocket;
    this.#perAddress = Math.max(perSocket, capacity >> 1);
  }

  get size(): number {
    return this.#byId.size;
  }

  get(id: number): HalfOpen | undefined {
    return this.#byId.get(id | 0)?.entry;
  }

  /** The handshake that this very request, from this very address and port, has begun. */
  findRetransmitted(openRequest: Uint8Array, remote: RemoteAddress): HalfOpen | undefined {
    const pending = this.#ofSocket(remote)?.pending;
    return pending?.find(({ entry }) => areEqual(entry.openRequest, openRequest))?.entry;
  }

  /** Whether this socket begins so many that one more is not worth an answer. */
  isHurried(remote: RemoteAddress, now: number): boolean {
    const gone = this.#leavingOf(this.#ofSocket(remote));
    return gone !== undefined && !gone.isOver && now - gone.entry.begunAt < hurryMs;
  }

  /** @returns how many others had to go */
  add(entry: HalfOpen): number {
    const { address, port } = entry.remote;
    const before = this.size;
    const leaving = this.#leavingOf(this.#ofSocket(entry.remote));
    if (leaving) this.#remove(leaving);
    this.#makeRoom(this.#senders.get(address)?.all);
    if (this.size >= this.#capacity) {
      const waiting = this.#waiting.first;
      const advanced = this.#advanced.first;
      const gone = advanced?.isOver ? advanced : (waiting ?? advanced);
      if (gone) this.#remove(gone);
    }
    const evicted = before - this.size;
    const sender = getOrPut(this.#senders, address, newSender);
    const socket = getOrPut(sender.byPort, port, newSocket);
    this.#byId.set(idOf(entry), new Held(entry, this.#waiting, sender.all, socket));
    return evicted;
  }

  /** The handshake gets on, or is over. */
  move(entry: HalfOpen, state: HandshakeState): void {
    entry.state = state;
    const held = this.#byId.get(idOf(entry));
    if (state.phase === 'challenged') held?.advanceTo(this.#advanced);
    else if (state.phase === 'closed') held?.end();
  }

  /** The console said something: on a lossy link a login may take longer than a lifetime. */
  heard(entry: HalfOpen, now: number): void {
    this.#byId.get(idOf(entry))?.heard(now);
  }

  /** Drops what is older than its lifetime. */
  reap(now: number): void {
    for (const list of [this.#waiting, this.#advanced]) {
      for (let { first } = list; first && now - first.heardAt >= halfOpenLifetimeMs; { first } = list) {
        this.#remove(first);
      }
    }
  }

  clear(): void {
    for (const held of [...this.#byId.values()]) this.#remove(held);
  }

  #ofSocket({ address, port }: RemoteAddress): Socket | undefined {
    return this.#senders.get(address)?.byPort.get(port);
  }

  #remove(held: Held): void {
    const { entry, sender, socket } = held;
    const { address, port } = entry.remote;
    this.#byId.delete(idOf(entry));
    held.leave();
    if (sizeOf(socket) === 0) this.#senders.get(address)?.byPort.delete(port);
    if (sender.size === 0) this.#senders.delete(address);
  }

  /**
   * Which entry of a socket that has all it may have goes for a new one: the oldest that is over, or else the oldest
   * without a challenge, or else the oldest.
   */
  #leavingOf(own: Socket | undefined): Held | undefined {
    if (!own || sizeOf(own) < this.#perSocket) return undefined;
    return own.over.first ?? oldestOf(own.pending);
  }

  /** Of those of one address the oldest goes if it is over, or else the oldest without a challenge, or else the oldest. */
  #makeRoom(own: LinkedList<Held> | undefined): void {
    const oldest = own?.first;
    if (!own || !oldest || own.size < this.#perAddress) return;
    this.#remove(oldest.isOver ? oldest : (oldestOf(own) ?? oldest));
  }
}

/** The entries of one address, oldest first: all of them, and by port. */
interface Sender {
  readonly all: LinkedList<Held>;
  readonly byPort: Map<number, Socket>;
}

/** Those of one port: on their way, oldest first; and those that are over and only answer what comes again. */
interface Socket {
  readonly pending: LinkedList<Held>;
  readonly over: LinkedList<Held>;
}

function newSender(): Sender {
  return { all: new LinkedList(), byPort: new Map() };
}

function newSocket(): Socket {
  return { pending: new LinkedList(), over: new LinkedList() };
}

function sizeOf({ pending, over }: Socket): number {
  return pending.size + over.size;
}

/** An entry in its lists. */
class Held {
  readonly entry: HalfOpen;
  /** Those of its address, oldest first. */
  readonly sender: LinkedList<Held>;
  readonly socket: Socket;
  /** When its console last said something. */
  heardAt: number;
  /** It got as far as its challenge. */
  advanced = false;
  isOver = false;
  /** One of the table's two. */
  #list: LinkedList<Held>;
  #inList: ListNode<Held>;
  readonly #inSender: ListNode<Held>;
  #inSocket: ListNode<Held>;

  constructor(entry: HalfOpen, list: LinkedList<Held>, sender: LinkedList<Held>, socket: Socket) {
    this.entry = entry;
    this.sender = sender;
    this.socket = socket;
    this.heardAt = entry.begunAt;
    this.#list = list;
    this.#inList = list.push(this);
    this.#inSender = sender.push(this);
    this.#inSocket = socket.pending.push(this);
  }

  heard(now: number): void {
    this.heardAt = now;
    this.#list.moveToEnd(this.#inList);
  }

  /** @param list of those with a challenge */
  advanceTo(list: LinkedList<Held>): void {
    if (this.advanced) return;
    this.advanced = true;
    this.#list.remove(this.#inList);
    this.#list = list;
    this.#inList = list.push(this);
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.socket.pending.remove(this.#inSocket);
    this.#inSocket = this.socket.over.push(this);
  }

  leave(): void {
    this.#list.remove(this.#inList);
    this.sender.remove(this.#inSender);
    (this.isOver ? this.socket.over : this.socket.pending).remove(this.#inSocket);
  }
}

function oldestOf(own: LinkedList<Held>): Held | undefined {
  return own.find(({ advanced }) => !advanced) ?? own.first;
}

function idOf({ state }: HalfOpen): number {
  return state.opened.managedSystemSessionId | 0;
}

/** Nearly all differ in their first bytes: nothing to call native code for. */
function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function getOrPut<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known) return known;
  const made = make();
  map.set(key, made);
  return made;
}
