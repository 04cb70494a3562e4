/**
 * The sockets of a BMC on `0.0.0.0` or `::`: one for each address of the host, so that a reply leaves from the address
 * that was asked. One socket for all addresses could not do that: Node tells neither where a datagram was sent to nor
 * lets the sender choose the source. `::` means IPv6 and IPv4, by sockets of their own.
 *
 * Addresses come and go. We look at the list each second: that takes 0.2 ms, needs no other program (`ip monitor` would
 * be one), and sees what the kernel has now whatever events were missed. An address that is not ready yet, as an IPv6
 * one is while duplicates are looked for, is tried again by the next look.
 *
 * What is sent to all hosts of a link (discovery by presence pings) comes to sockets on the broadcast addresses and on
 * ff02::1. It is answered from the address on the asker's subnet, and not at all where there is none.
 */
import type { Socket } from 'node:dgram';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { DatagramLink, RemoteAddress } from '../session/link.ts';
import { type LocalAddress, type LocalAddresses, localAddresses } from './local-addresses.ts';
import { BindError, closeUdpSocket, openUdpSocket } from './udp-socket.ts';

export type Receive = (datagram: Uint8Array, remote: RemoteAddress, link: DatagramLink) => void;

export interface AddressSocketsOptions {
  readonly ipv6: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly receive: Receive;
  /** What the host has now; the host's own list unless given. */
  readonly look?: () => LocalAddresses;
}

const lookEveryMs = 1000;
/** How often to look for a port that is free on all addresses, where any will do. */
const portTries = 20;

interface Own {
  readonly local: LocalAddress;
  readonly socket: Socket;
}

export class AddressSockets {
  readonly #options: AddressSocketsOptions;
  /** By key. */
  readonly #own = new Map<string, Own>();
  readonly #groups = new Map<string, Socket>();
  /** Addresses of which the log knows that they cannot be had. */
  readonly #told = new Set<string>();
  #port = 0;
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #stopped = false;

  constructor(options: AddressSocketsOptions) {
    this.#options = options;
  }

  /** Those in use, as they are bound. */
  get addresses(): readonly string[] {
    return [...this.#own.values()].map(({ local }) => local.address);
  }

  /**
   * @param port 0 takes one that is free on all addresses
   * @returns the port
   * @throws {BindError} when one of the host's addresses cannot be had
   */
  async start(port: number): Promise<number> {
    for (let left = portTries; ; left--) {
      this.#port = port;
      try {
        await this.#follow({ strict: true });
        break;
      } catch (error) {
        await this.#closeAll();
        const taken = error instanceof BindError && error.code === 'EADDRINUSE';
        if (port !== 0 || !taken || left === 0) throw error;
      }
    }
    this.#lookAgain();
    return this.#port;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#looking;
    await this.#closeAll();
  }

  #lookAgain(): void {
    this.#timer = this.#options.clock.after(lookEveryMs, () => {
      this.#looking = this.#follow({ strict: false }).finally(() => {
        if (!this.#stopped) this.#lookAgain();
      });
    });
  }

  /** Makes the sockets what the host's addresses are. @throws {BindError} if `strict` */
  async #follow({ strict }: { readonly strict: boolean }): Promise<void> {
    const { log, ipv6, look = () => localAddresses(ipv6) } = this.#options;
    const { own, groups } = look();
    const keys = new Set(own.map(({ key }) => key));
    for (const [key, { local, socket }] of this.#own) {
      if (keys.has(key)) continue;
      this.#own.delete(key);
      await closeUdpSocket(socket);
      log.info({ address: local.address }, 'address gone, IPMI with it');
    }
    for (const [group, socket] of this.#groups) {
      if (groups.includes(group)) continue;
      this.#groups.delete(group);
      await closeUdpSocket(socket);
    }
    for (const local of own) {
      if (this.#own.has(local.key)) continue;
      const link = this.#link((datagram, remote) => this.#send(local.key, datagram, remote));
      const socket = await this.#open(local.address, link, strict);
      if (!socket) continue;
      this.#own.set(local.key, { local, socket });
      this.#port = socket.address().port;
      if (!strict)
        log.info({ address: local.address, port: this.#port }, 'new address, IPMI listens there too');
    }
    for (const group of groups) {
      if (this.#groups.has(group)) continue;
      const link = this.#link((datagram, remote) => {
        const from = [...this.#own.values()].find(({ local }) => local.neighbours(remote.address));
        if (from) this.#send(from.local.key, datagram, remote);
        else log.debug({ to: remote.address, group }, 'not answered: asked from no subnet of ours');
      });
      const socket = await this.#open(group, link, false);
      if (socket) this.#groups.set(group, socket);
    }
  }

  /** @returns undefined when the address cannot be had for now */
  async #open(address: string, link: DatagramLink, strict: boolean): Promise<Socket | undefined> {
    const { log, receive } = this.#options;
    try {
      const socket = await openUdpSocket({
        address,
        port: this.#port,
        log,
        received: (datagram, remote) => receive(datagram, remote, link),
      });
      this.#told.delete(address);
      return socket;
    } catch (error) {
      const notReady = error instanceof BindError && error.code === 'EADDRNOTAVAIL';
      if (strict && !notReady) throw error;
      if (!notReady && !this.#told.has(address)) log.warn({ err: error }, 'IPMI does not listen everywhere');
      this.#told.add(address);
      return undefined;
    }
  }

  #link(send: DatagramLink['send']): DatagramLink {
    const port = () => this.#port;
    return {
      get localPort() {
        return port();
      },
      send,
    };
  }

  #send(key: string, datagram: Uint8Array, remote: RemoteAddress): void {
    try {
      // A session may outlive the address that it was opened on, and be asked from another one later.
      this.#own.get(key)?.socket.send(datagram, remote.port, remote.address);
    } catch (error) {
      this.#options.log.debug({ err: error, to: remote.address }, 'datagram not sent');
    }
  }

  async #closeAll(): Promise<void> {
    const sockets = [...[...this.#own.values()].map(({ socket }) => socket), ...this.#groups.values()];
    this.#own.clear();
    this.#groups.clear();
    await Promise.all(sockets.map(closeUdpSocket));
  }
}
