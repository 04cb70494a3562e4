/**
 * The addresses of this host that a BMC on `0.0.0.0` or `::` is to be reached at, and the ones that reach all hosts of
 * a link at once.
 */
import { BlockList, isIPv4 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

export interface LocalAddress {
  /** As a socket is bound to it: a link-local one with its interface, `fe80::1%eth0`. */
  readonly address: string;
  /** Tells it from the same address on an interface that has been made anew. */
  readonly key: string;
  /** Whether a remote address is on the same subnet. */
  neighbours(remote: string): boolean;
}

export interface LocalAddresses {
  readonly own: readonly LocalAddress[];
  /** Broadcast addresses, and the group of all IPv6 hosts on each link. */
  readonly groups: readonly string[];
}

type Interfaces = ReturnType<typeof networkInterfaces>;

/** @param ipv6 whether IPv6 counts; IPv4 always does */
export function localAddresses(ipv6: boolean, interfaces: Interfaces = networkInterfaces()): LocalAddresses {
  const own: LocalAddress[] = [];
  const groups = new Set<string>();
  for (const [name, entries] of Object.entries(interfaces)) {
    for (const entry of entries ?? []) {
      if (entry.family === 'IPv6' && !ipv6) continue;
      own.push(localAddress(name, entry));
      if (entry.internal) continue;
      if (entry.family === 'IPv6') groups.add(`ff02::1%${name}`);
      else for (const group of broadcastsOf(entry)) groups.add(group);
    }
  }
  return { own, groups: [...groups] };
}

function localAddress(name: string, { address, cidr, family, ...entry }: NetworkInterfaceInfo): LocalAddress {
  const linkLocal = 'scopeid' in entry && entry.scopeid !== undefined && entry.scopeid !== 0;
  const type = family === 'IPv6' ? 'ipv6' : 'ipv4';
  const subnet = new BlockList();
  const prefixLength = cidr?.split('/')[1];
  if (prefixLength !== undefined) subnet.addSubnet(address, Number(prefixLength), type);
  return {
    address: linkLocal ? `${address}%${name}` : address,
    key: linkLocal ? `${address}%${entry.scopeid}` : address,
    neighbours(remote) {
      const [bare = '', scope] = remote.split('%');
      if (isIPv4(bare) !== (type === 'ipv4')) return false;
      // Link-local subnets are all alike: the interface tells them apart.
      if (linkLocal !== (scope !== undefined) || (linkLocal && scope !== name)) return false;
      return subnet.check(bare, type);
    },
  };
}

/** That of the subnet, if it has one, and the one of all IPv4 hosts on the link. */
function broadcastsOf({ address, netmask, cidr }: NetworkInterfaceInfo): string[] {
  const everyone = '255.255.255.255';
  if (Number(cidr?.split('/')[1] ?? 32) > 30) return [everyone];
  const mask = netmask.split('.').map(Number);
  const last = address.split('.').map((byte, i) => (Number(byte) | ~(mask[i] ?? 0xff)) & 0xff);
  return [last.join('.'), everyone];
}
