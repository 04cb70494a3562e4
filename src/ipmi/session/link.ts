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
