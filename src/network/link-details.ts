/** What `ip -j -d address show` tells of an interface beyond links.ts: where its IPv6 addresses are from, its VLAN. */
import type { PresentIpv6Address, Vlan } from '../bmc/management-network.ts';
import type { NetworkHost } from './host-commands.ts';

export interface LinkDetails {
  readonly ifname: string;
  /** The interface below, of a VLAN for one. */
  readonly link?: string;
  readonly ifalias?: string;
  /** The MAC address. */
  readonly address?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: {
      readonly id?: number;
      readonly egress_qos?: readonly { readonly from: number; readonly to: number }[];
    };
  };
  readonly addr_info?: readonly AddressDetails[];
}

export interface AddressDetails {
  readonly family: 'inet' | 'inet6';
  readonly local: string;
  readonly prefixlen: number;
  readonly scope: string;
  readonly secondary?: boolean;
  /** With a lifetime. */
  readonly dynamic?: boolean;
  readonly tentative?: boolean;
  readonly dadfailed?: boolean;
  readonly deprecated?: boolean;
  /** `kernel_ra`, `kernel_ll`; kernels before 5.18 do not tell. */
  readonly protocol?: string;
}

/** @param name all interfaces if absent @throws {NetworkError} */
export async function linkDetails(host: NetworkHost, name?: string): Promise<readonly LinkDetails[]> {
  const device = name === undefined ? [] : ['dev', name];
  const told = await host.run('ip', ['-j', '-d', 'address', 'show', ...device]);
  // Without any link `ip -j` prints nothing, and for a filtered one an empty object.
  const links = (told.trim() === '' ? [] : JSON.parse(told)) as readonly Partial<LinkDetails>[];
  return links.filter((link): link is LinkDetails => link.ifname !== undefined);
}

export function presentIpv6Addresses(link: LinkDetails | undefined): PresentIpv6Address[] {
  const addresses = (link?.addr_info ?? []).filter(({ family }) => family === 'inet6');
  return addresses.map((entry) => ({
    address: entry.local,
    prefixLength: entry.prefixlen,
    source: sourceOf(entry, link?.address ?? ''),
    status: entry.dadfailed
      ? 'failed'
      : entry.tentative
        ? 'pending'
        : entry.deprecated
          ? 'deprecated'
          : 'active',
  }));
}

/** DHCPv6 gives single addresses (/128), routers give prefixes; both give them for a time. */
function sourceOf(
  { local, prefixlen, scope, dynamic, protocol }: AddressDetails,
  mac: string,
): PresentIpv6Address['source'] {
  if (protocol === 'kernel_ra' || protocol === 'kernel_ll') return 'slaac';
  if (dynamic) return prefixlen === 128 ? 'dhcp' : 'slaac';
  return scope === 'link' && local === linkLocalOf(mac) ? 'slaac' : 'static';
}

/** The link-local address that the kernel makes of a MAC address. RFC 4291, appendix A. */
function linkLocalOf(mac: string): string | undefined {
  const bytes = mac.split(':').map((digits) => Number.parseInt(digits, 16));
  const [first = 0] = bytes;
  if (bytes.length !== 6) return undefined;
  const raw = Buffer.from([first ^ 2, ...bytes.slice(1, 3), 0xff, 0xfe, ...bytes.slice(3)]).toString('hex');
  return new URL(`http://[fe80::${raw.replace(/(....)(?!$)/g, '$1:')}]/`).hostname.slice(1, -1);
}

/** @returns undefined for an interface without a tag */
export function vlanOf({ linkinfo }: LinkDetails): Vlan | undefined {
  const id = linkinfo?.info_kind === 'vlan' ? linkinfo.info_data?.id : undefined;
  if (id === undefined) return undefined;
  const ordinary = linkinfo?.info_data?.egress_qos?.find(({ from }) => from === 0);
  return { id, enabled: true, priority: ordinary?.to ?? 0 };
}
