/**
 * Which addresses images may be fetched from. A BMC sits where clients do not: what it fetches for them must not be
 * what only the BMC can reach, such as itself, its host's services or a cloud's metadata. RFC 6890.
 */
import { BlockList, isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type Cidr, parseCidr } from '../lib/cidr.ts';

export interface AddressPolicyOptions {
  /** Permitted whatever else says no. */
  readonly allow: readonly Cidr[];
  /** Refused beside what is refused anyway. */
  readonly deny: readonly Cidr[];
  /** The host's own addresses, asked each time. Default: those of its interfaces. */
  readonly ownAddresses?: () => readonly string[];
}

const refusedNetworks: readonly (readonly [cidr: Cidr, what: string])[] = [
  ['0.0.0.0/8', 'unspecified'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['192.0.0.0/24', 'reserved'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved or broadcast'],
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
];
/** Where an IPv4 address hides: mapped, compatible, NAT64, 6to4. */
const embeddings: readonly (readonly [cidr: Cidr, firstGroup: number])[] = [
  ['::ffff:0:0/96', 6],
  ['64:ff9b::/96', 6],
  ['64:ff9b:1::/48', 6],
  ['2002::/16', 1],
  ['::/96', 6],
];

export class AddressPolicy {
  readonly #allow: BlockList;
  readonly #deny: BlockList;
  readonly #ownAddresses: () => readonly string[];

  /** @throws {RangeError} for what is no network */
  constructor({ allow, deny, ownAddresses }: AddressPolicyOptions) {
    this.#allow = listOf(allow);
    this.#deny = listOf(deny);
    this.#ownAddresses = ownAddresses ?? interfaceAddresses;
  }

  /** @returns why this address is refused; undefined for one that is permitted */
  refusal(address: string): string | undefined {
    const plain = withoutZone(address);
    if (isIP(plain) === 0) return 'not an address';
    const hidden = embedded(plain);
    if (hidden !== undefined) return this.refusal(hidden);
    if (contains(this.#allow, plain)) return undefined;
    if (contains(this.#deny, plain)) return 'refused by the configuration';
    const network = refusedNetworks.find(([cidr]) => contains(listOf([cidr]), plain));
    if (network) return network[1];
    const own = listOf(this.#ownAddresses().map(withoutZone));
    return contains(own, plain) ? 'our own' : undefined;
  }
}

/** A zone names an interface of ours, and is of no use in a URL. */
function withoutZone(address: string): string {
  return address.replace(/%.*$/s, '');
}

/** @returns the IPv4 address inside; undefined for any other address */
function embedded(address: string): string | undefined {
  if (!isIPv6(address)) return undefined;
  const groups = groupsOf(address);
  // These two are their own, not compatible forms of 0.0.0.0 and 0.0.0.1.
  if (groups.every((group, at) => group <= (at === 7 ? 1 : 0))) return undefined;
  const found = embeddings.find(([cidr]) => listOf([cidr]).check(address, 'ipv6'));
  if (!found) return undefined;
  const [a = 0, b = 0] = groups.slice(found[1], found[1] + 2);
  return [a >> 8, a & 0xff, b >> 8, b & 0xff].join('.');
}

/** Eight numbers. */
function groupsOf(address: string): number[] {
  // The URL parser knows all ways of writing one, and writes it in the one with hexadecimal groups alone.
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = text.split('::');
  const parse = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  if (tail === undefined) return parse(head);
  const before = parse(head);
  const after = parse(tail);
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function listOf(cidrs: readonly Cidr[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const network = parseCidr(cidr);
    if (!network) throw new RangeError(`not a network: ${cidr}`);
    list.addSubnet(network.address, network.prefix, network.family);
  }
  return list;
}

function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
}
