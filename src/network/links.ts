/** The host's network interfaces ("links"), as `ip -j -d address show` tells them. */
import { BlockList, isIPv4 } from 'node:net';

export interface Link {
  /** Never used again after the link's end, so that a link that returns is told from one that stayed. */
  readonly index: number;
  readonly name: string;
  /** How software made it: `veth`, `macvtap`, `tun`, `bridge`, …; undefined for hardware. */
  readonly kind: string | undefined;
  /** Lower case. */
  readonly mac: string;
  readonly mtu: number;
  /** Switched on by its administrator (IFF_UP). */
  readonly up: boolean;
  /** The wire is plugged in and its other end is on. */
  readonly carrier: boolean;
  /** Free text that we mark our own links with. */
  readonly alias: string;
  /** Name of the link below, of a macvtap for one. */
  readonly parent: string | undefined;
  readonly addresses: readonly LinkAddress[];
}

export interface LinkAddress {
  readonly family: 'inet' | 'inet6';
  readonly address: string;
  readonly prefixLength: number;
  readonly broadcast?: string;
  /** `link` for link-local ones. */
  readonly scope: string;
}

interface Told {
  readonly ifindex?: number;
  readonly ifname?: string;
  readonly link?: string;
  readonly flags?: readonly string[];
  readonly mtu?: number;
  readonly address?: string;
  readonly ifalias?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info?: readonly {
    readonly family?: string;
    readonly local?: string;
    readonly prefixlen?: number;
    readonly broadcast?: string;
    readonly scope?: string;
  }[];
}

/** @throws {SyntaxError} for something else than JSON */
export function parseLinks(json: string): Link[] {
  // Without any link `ip -j` prints nothing, and for a filtered one an empty object.
  const told = (json.trim() === '' ? [] : JSON.parse(json)) as readonly Told[];
  return told.flatMap((link): Link[] => {
    const { ifindex, ifname, mtu, flags = [] } = link;
    if (ifindex === undefined || ifname === undefined || mtu === undefined) return [];
    return [
      {
        index: ifindex,
        name: ifname,
        kind: link.linkinfo?.info_kind,
        mac: (link.address ?? '').toLowerCase(),
        mtu,
        up: flags.includes('UP'),
        carrier: flags.includes('UP') && flags.includes('LOWER_UP'),
        alias: link.ifalias ?? '',
        parent: link.link,
        addresses: (link.addr_info ?? []).flatMap((each): LinkAddress[] => {
          const { family, local, prefixlen, broadcast, scope = 'global' } = each;
          if ((family !== 'inet' && family !== 'inet6') || local === undefined || prefixlen === undefined)
            return [];
          return [
            {
              family,
              address: local,
              prefixLength: prefixlen,
              scope,
              ...(broadcast !== undefined && { broadcast }),
            },
          ];
        }),
      },
    ];
  });
}

/** The number of `ethN`; undefined for other names. */
export function ethNumber(name: string): number | undefined {
  const digits = /^eth(0|[1-9][0-9]{0,5})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** @param subnet `ADDRESS/PREFIX`, checked before */
export function isInSubnet({ family, address }: LinkAddress, subnet: string): boolean {
  const [network = '', prefix = ''] = subnet.split('/');
  const kind = isIPv4(network) ? 'ipv4' : 'ipv6';
  if ((kind === 'ipv4') !== (family === 'inet')) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), kind);
  return list.check(address, kind);
}
