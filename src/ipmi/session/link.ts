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
  const first = firstOctet(address);
  if (first !== undefined) return first > 0 && first < 224;
  const mapped = /^::ffff:(\d+\..*)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isPossibleSource({ address: mapped, port });
  return address !== '::' && !/^ff/i.test(address);
}

/** Of an IPv4 address: digit by digit, since each datagram comes by here. @returns undefined for any other */
function firstOctet(address: string): number | undefined {
  let octet = 0;
  for (let i = 0; i < address.length; i++) {
    const digit = address.charCodeAt(i) - 0x30;
    if (digit === dot) return octet;
    if (digit < 0 || digit > 9) return undefined;
    octet = 10 * octet + digit;
  }
  return undefined;
}

/** Relative to the digit 0, as the digits are. */
const dot = 0x2e - 0x30;
