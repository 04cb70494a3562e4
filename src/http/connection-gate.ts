/**
 * Admits connections up to a number in all and a number from one address; the rest is cut off before a byte of theirs
 * is read, TLS included. When all places are taken, a source that has few gets one from the source that has most: a
 * few addresses that hold everything they can get do not keep the others out. Knows all connections that are open, so
 * that they can be ended. Several servers may share a gate.
 */
import type { Server, Socket } from 'node:net';

export interface GateLimits {
  readonly connections: number;
  readonly connectionsPerSource: number;
}

export class ConnectionGate {
  readonly #limits: GateLimits;
  /** Oldest connection of each source first. */
  readonly #bySource = new Map<string, Set<Socket>>();
  #open = 0;
  #refused = 0;

  constructor(limits: GateLimits) {
    this.#limits = limits;
  }

  get open(): number {
    return this.#open;
  }

  /** How many were cut off, to begin with or for the sake of others. */
  get refused(): number {
    return this.#refused;
  }

  /** Puts the gate between the server's port and whoever serves its connections so far. */
  guard(server: Server): void {
    const serve = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      if (!this.#admit(socket)) return;
      for (const listener of serve) listener.call(server, socket);
    });
  }

  /** Ends all connections at once. */
  closeAll(): void {
    for (const sockets of this.#bySource.values()) for (const socket of sockets) socket.destroy();
  }

  #admit(socket: Socket): boolean {
    const source = sourceOf(socket);
    const { connections, connectionsPerSource } = this.#limits;
    const own = this.#bySource.get(source)?.size ?? 0;
    const hasRoom = own < connectionsPerSource && (this.#open < connections || this.#makeRoom(own + 1));
    if (!hasRoom) {
      this.#refused++;
      socket.destroy();
      return false;
    }
    const sockets = this.#bySource.get(source) ?? new Set();
    this.#bySource.set(source, sockets.add(socket));
    this.#open++;
    socket.once('close', () => this.#forget(source, socket));
    return true;
  }

  /** Ends the oldest connection of the source that has most, if it has more than `own`. */
  #makeRoom(own: number): boolean {
    let [greediest, most]: readonly [string, ReadonlySet<Socket>] = ['', new Set()];
    for (const [source, sockets] of this.#bySource) {
      if (sockets.size > most.size) [greediest, most] = [source, sockets];
    }
    const [oldest] = most;
    if (most.size <= own || !oldest) return false;
    this.#refused++;
    this.#forget(greediest, oldest);
    oldest.destroy();
    return true;
  }

  #forget(source: string, socket: Socket): void {
    const sockets = this.#bySource.get(source);
    if (!sockets?.delete(socket)) return;
    this.#open--;
    if (sockets.size === 0) this.#bySource.delete(source);
  }
}

/** The client's address; an IPv4 client that came through an IPv6 socket keeps its IPv4 address. */
export function sourceOf({ remoteAddress }: Socket): string {
  // A connection that has ended already has no address any more.
  if (remoteAddress === undefined) return 'gone';
  return remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '');
}
