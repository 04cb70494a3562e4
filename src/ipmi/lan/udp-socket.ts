/** One UDP socket on one address, as the LAN channel uses them: with the reasons in words when it cannot be had. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Logger } from '../../lib/log.ts';

/** Room for a burst of a few thousand requests; the kernel gives what its limits allow. */
const receiveBufferBytes = 4 * 1024 * 1024;

export interface UdpSocketOptions {
  /** IPv4 or IPv6, a link-local one with its interface: `fe80::1%eth0`. */
  readonly address: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly log: Logger;
  readonly received: (datagram: Buffer, remote: RemoteInfo) => void;
}

/** @throws {BindError} */
export async function openUdpSocket({ address, port, log, received }: UdpSocketOptions): Promise<Socket> {
  const family = isIPv6(address) ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // Addresses are numbers here: what dgram would look up for each reply is known.
    lookup: (host, _options, done) => done(null, host, family),
  });
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      socket.close();
      reject(new BindError(error, address, port));
    };
    socket.once('error', failed);
    socket.bind({ address, port }, () => {
      socket.off('error', failed);
      resolve();
    });
  });
  try {
    socket.setRecvBufferSize(receiveBufferBytes);
  } catch (error) {
    log.debug({ err: error }, 'receive buffer stays at its default size');
  }
  // A reply that the network refuses comes back as an error of the socket; the socket stays good.
  socket.on('error', (error) => log.warn({ err: error, address }, 'IPMI socket'));
  socket.on('message', received);
  return socket;
}

export function closeUdpSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}

/** A socket that could not be had; the message says what to do. */
export class BindError extends Error {
  override readonly name = 'BindError';
  /** The system's name for the reason, such as `EADDRINUSE`. */
  readonly code: string | undefined;

  constructor(error: NodeJS.ErrnoException, address: string, port: number) {
    const why = {
      EADDRINUSE: 'another program has that port; stop it, or set IPMI_PORT to a free one',
      EADDRNOTAVAIL: 'this host has no such address; set BMC_ADDR to one it has',
      EACCES:
        'ports below 1024 need a privilege: run as root, or once `sysctl net.ipv4.ip_unprivileged_port_start=623`, ' +
        'or set IPMI_PORT to a port above 1023',
    }[error.code ?? ''];
    super(`IPMI cannot listen on UDP ${address} port ${port}: ${why ?? error.message}`, { cause: error });
    this.code = error.code;
  }
}
