/** IPv6 addresses as text. */
import { isIPv6 } from 'node:net';

/**
 * The one text of an address: lower case, the longest run of zeros left out. RFC 5952 §4.
 * @param address in any form; what is no IPv6 address stays as it is, so does one with a zone (`fe80::1%eth0`)
 */
export function shortIpv6(address: string): string {
  if (!isIPv6(address) || address.includes('%')) return address;
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

/** The same of 32 digits without separators. */
export function ipv6FromHex(hex: string): string {
  return shortIpv6(hex.replace(/(....)(?!$)/g, '$1:'));
}
