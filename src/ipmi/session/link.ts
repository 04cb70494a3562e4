/** Where datagrams come from and go to, seen from the sessions: a UDP socket, or a test. */
export interface RemoteAddress {
  readonly address: string;
  readonly port: number;
}

export interface DatagramLink {
  /** UDP port of ours. */
  readonly localPort: number;
  /** Never throws, never waits; a datagram that cannot be sent is lost. */
  send(datagram: Uint8Array, remote: RemoteAddress): void;
}

/** As the log and the event log show it: `192.0.2.1:623`, `[2001:db8::1]:623`. */
export function remoteText({ address, port }: RemoteAddress): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Whether a datagram can have come from there: not from a group, from everybody, or from port 0. */
export function isPossibleSource({ address, port }: RemoteAddress): boolean {
  if (port === 0) return false;
  if (address.includes(':')) {
    const mapped = /^::ffff:(\d+\..*)$/i.exec(address)?.[1];
    if (mapped !== undefined) return isPossibleSource({ address: mapped, port });
    return address !== '::' && !/^ff/i.test(address);
  }
  const first = Number.parseInt(address, 10);
  return first > 0 && first < 224;
}
