/**
 * The UDP side of IPMI over LAN of one BMC: one socket on one address, or one on each address of the host. Replies leave
 * from the socket that the request came to, so from the address that was asked.
 */
import type { Socket } from 'node:dgram';
import type { Logger } from '../lib/log.ts';
import type { LanContext } from './commands/command.ts';
import type { CompletionCounts } from './completion-counts.ts';
import { AddressSockets } from './lan/address-sockets.ts';
import { closeUdpSocket, openUdpSocket } from './lan/udp-socket.ts';
import type { LanCounters } from './lan-counters.ts';
import { LanFace, type LanFaceOptions } from './lan-face.ts';
import type { DatagramLink, RemoteAddress } from './session/link.ts';
import type { Session } from './session/session.ts';

export interface IpmiLanOptions extends LanFaceOptions {
  /** An IPv4 or IPv6 address of this host; `0.0.0.0` for all of IPv4, `::` for all of both. */
  readonly address: string;
  /** 623 as a rule; 0 takes any free one. */
  readonly port: number;
  /** The BMC's unless given. With one of its own this asks for `bmc` when the first datagram comes, and no earlier. */
  readonly log?: Logger;
}

export class IpmiLan {
  readonly #options: IpmiLanOptions;
  /** Made for the first datagram, or whoever asks first: most BMCs of a large lab are idle. */
  #made: LanFace | undefined;
  readonly #log: Logger;
  #sockets: Pick<AddressSockets, 'stop'> | undefined;
  #port: number;

  constructor(options: IpmiLanOptions) {
    this.#options = options;
    this.#log = options.log ?? options.bmc.log;
    this.#port = options.port;
  }

  /** The configured address, and the port in use; the configured one before `start`. */
  get address(): { readonly address: string; readonly port: number } {
    return { address: this.#options.address, port: this.#port };
  }

  get counters(): LanCounters {
    return this.#face.counters;
  }

  get completions(): CompletionCounts {
    return this.#face.completions;
  }

  /** Handshakes that have not ended yet, or lately. */
  get halfOpenCount(): number {
    return this.#face.halfOpenCount;
  }

  /** What commands of other channels see of this one. */
  get context(): LanContext {
    return this.#face.context(this.#port);
  }

  get #face(): LanFace {
    this.#made ??= new LanFace(this.#options);
    return this.#made;
  }

  /** Live sessions by rising handle. */
  sessions(): readonly Session[] {
    return this.#face.sessions();
  }

  /** @throws {Error} saying what to do when the port cannot be had */
  async start(): Promise<void> {
    const { address } = this.#options;
    if (address !== '0.0.0.0' && address !== '::') {
      await this.#startOn(address);
    } else {
      const sockets = new AddressSockets({
        ipv6: address === '::',
        clock: this.#options.bmc.clock,
        log: this.#log,
        receive: (datagram, remote, link) => this.#face.receive(datagram, remote, link),
      });
      this.#port = await sockets.start(this.#port);
      this.#sockets = sockets;
      this.#log.info({ addresses: sockets.addresses, port: this.#port }, 'IPMI over LAN listens');
    }
  }

  async #startOn(address: string): Promise<void> {
    const link = new SocketLink(this.#log);
    const socket = await openUdpSocket({
      address,
      port: this.#port,
      log: this.#log,
      received: (datagram, remote) => this.#face.receive(datagram, remote, link),
    });
    this.#port = socket.address().port;
    link.open(socket, this.#port);
    this.#sockets = link;
    this.#log.info({ address, port: this.#port }, 'IPMI over LAN listens');
  }

  /** Starts anew on the same port, as after a reset: without any session. */
  async restart(): Promise<void> {
    await this.stop();
    this.#made = undefined;
    await this.start();
  }

  /** Closes the sessions, then the sockets. */
  async stop(): Promise<void> {
    this.#made?.stop();
    const sockets = this.#sockets;
    this.#sockets = undefined;
    await sockets?.stop();
  }
}

/** By one socket. A class, since an object with a getter of its own takes V8 as much memory as the socket. */
class SocketLink implements DatagramLink {
  readonly #log: Logger;
  #socket: Socket | undefined;
  #port = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  get localPort(): number {
    return this.#port;
  }

  open(socket: Socket, port: number): void {
    this.#socket = socket;
    this.#port = port;
  }

  send(datagram: Uint8Array, remote: RemoteAddress): void {
    try {
      this.#socket?.send(datagram, remote.port, remote.address);
    } catch (error) {
      this.#log.debug({ err: error, to: remote.address }, 'datagram not sent');
    }
  }

  async stop(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket) await closeUdpSocket(socket);
  }
}
