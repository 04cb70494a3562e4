/** By which names and addresses clients may reach a server: what a certificate of its own vouches for. */
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { isName } from './certificate.ts';

export interface HostNames {
  readonly hostname: string;
  /** All addresses of the machine. */
  readonly addresses: readonly string[];
}

/**
 * @param listening the addresses the server listens on; `0.0.0.0` and `::` stand for all of their kind
 * @returns the host name first, where it is one that a certificate can name; never empty
 */
export function ownNames(listening: readonly string[], host: HostNames = thisHost()): string[] {
  const addresses = listening.flatMap((address) => {
    if (address === '0.0.0.0') return host.addresses.filter((each) => isIP(each) === 4);
    return address === '::' ? host.addresses : [address];
  });
  // Link-local addresses mean nothing without the interface, which a certificate cannot name.
  const lasting = addresses.filter((address) => !/^fe80:/i.test(address) && isIP(address) !== 0);
  const named = isName(host.hostname) && host.hostname.length <= 64 ? [host.hostname] : [];
  return [...new Set([...named, 'localhost', ...lasting])];
}

function thisHost(): HostNames {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return { hostname: hostname(), addresses: addresses.map(({ address }) => address) };
}
