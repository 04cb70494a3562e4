/** Networks as people write them. */
import { isIP } from 'node:net';

/** `10.0.0.0/8`, `2001:db8::1`: an address counts as a network of its own. */
export type Cidr = string;

/** @returns undefined for what is no network */
export function parseCidr(
  cidr: Cidr,
): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [, address = '', length] = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(cidr) ?? [];
  const version = isIP(address);
  if (version === 0) return undefined;
  const bits = version === 4 ? 32 : 128;
  const prefix = length === undefined ? bits : Number(length);
  return prefix <= bits ? { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' } : undefined;
}
