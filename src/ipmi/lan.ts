/**
 * The UDP side of IPMI over LAN: one socket on one address of one BMC. Replies leave from the socket that the
 * request came to, so from the address that was asked.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Logger } from '../lib/log.ts';
import type { LanContext } from './commands/command.ts';
import type { LanCounters } from './lan-counters.ts';
import { LanFace, type LanFaceOptions } from './lan-face.ts';
import type { DatagramLink } from './session/link.ts';
import type { Session } from './session/session.ts';

export interface IpmiLanOptions extends LanFaceOptions {
  /** An IPv4 or IPv6 address of this host, or 0.0.0.0 or :: for all. */
  readonly address: string;
  /** 623 as a rule; 0 takes any free one. */
  readonly port: number;
}

/** Room for a burst of a few thousand requests; the kernel gives what its limits allow. */
const receiveBufferBytes = 4 * 1024 * 1024;

export class IpmiLan {
  readonly #options: IpmiLanOptions;
  #face: LanFace;
  readonly #log: Logger;
  #socket: Socket | undefined;
  #bound: { address: string; port: number } | undefined;

  constructor(options: IpmiLanOptions) {
    this.#options = options;
    this.#face = new LanFace(options);
    this.#log = options.bmc.log;
  }

  /** Address and port in use; the configured ones before `start`. */
  get address(): { readonly address: string; readonly port: number } {
    return this.#bound ?? { address: this.#options.address, port: this.#options.port };
  }

  get counters(): LanCounters {
    return this.#face.counters;
  }

  /** What commands of other channels see of this one. */
  get context(): LanContext {
    return this.#face.context(this.address.port);
  }

  /** Live sessions by rising handle. */
  sessions(): readonly Session[] {
    return this.#face.sessions();
  }

  /** @throws {Error} saying what to do when the port cannot be had */
  async start(): Promise<void> {
    const { address } = this.#options;
    const { port } = this.address;
    const family = isIPv6(address) ? 6 : 4;
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      // Addresses are numbers here: what dgram would look up for each reply is known.
      lookup: (host, _options, done) => done(null, host, family),
    });
    await new Promise<void>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => {
        socket.close();
        reject(bindError(error, address, port));
      };
      socket.once('error', failed);
      socket.bind({ address, port }, () => {
        socket.off('error', failed);
        resolve();
      });
    });
    this.#socket = socket;
    const bound = socket.address();
    this.#bound = { address: bound.address, port: bound.port };
    try {
      socket.setRecvBufferSize(receiveBufferBytes);
    } catch (error) {
      this.#log.debug({ err: error }, 'receive buffer stays at its default size');
    }
    const link: DatagramLink = {
      localPort: bound.port,
      send: (datagram, remote) => {
        try {
          this.#socket?.send(datagram, remote.port, remote.address);
        } catch (error) {
          this.#log.debug({ err: error, to: remote.address }, 'datagram not sent');
        }
      },
    };
    // A reply that the network refuses comes back as an error of the socket; the socket stays good.
    socket.on('error', (error) => this.#log.warn({ err: error }, 'IPMI socket'));
    socket.on('message', (datagram, remote) => this.#face.receive(datagram, remote, link));
    this.#log.info({ address: bound.address, port: bound.port }, 'IPMI over LAN listens');
  }

  /** Starts anew on the same port, as after a reset: without any session. */
  async restart(): Promise<void> {
    await this.stop();
    this.#face = new LanFace(this.#options);
    await this.start();
  }

  /** Closes the sessions, then the socket. */
  async stop(): Promise<void> {
    this.#face.stop();
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket) await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}

function bindError(error: NodeJS.ErrnoException, address: string, port: number): Error {
  const where = `IPMI cannot listen on UDP ${address} port ${port}`;
  const why = {
    EADDRINUSE: 'another program has that port; stop it, or set IPMI_PORT to a free one',
    EADDRNOTAVAIL: 'this host has no such address; set BMC_ADDR to one it has',
    EACCES:
      'ports below 1024 need a privilege: run as root, or once `sysctl net.ipv4.ip_unprivileged_port_start=623`, ' +
      'or set IPMI_PORT to a port above 1023',
  }[error.code ?? ''];
  return new Error(`${where}: ${why ?? error.message}`, { cause: error });
}
