/** The management network as the form has it, and as Redfish and ipmitool are told. */
import type { Network } from './schema.ts';

export interface NetworkWish {
  readonly source: 'dhcp' | 'static';
  readonly address: string;
  readonly mask: string;
  readonly gateway: string;
  /** `2001:db8::2/64`; empty: none. */
  readonly address6: string;
  readonly gateway6: string;
  readonly vlan: boolean;
  readonly vlanId: string;
  readonly vlanPriority: string;
}

/** Which property of a PATCH each text of the form becomes, as errors name it. */
export const networkPointers = {
  address: 'IPv4StaticAddresses/0/Address',
  mask: 'IPv4StaticAddresses/0/SubnetMask',
  gateway: 'IPv4StaticAddresses/0/Gateway',
  address6: 'IPv6StaticAddresses/0/Address',
  gateway6: 'IPv6StaticDefaultGateways/0/Address',
} as const satisfies Partial<Record<keyof NetworkWish, string>>;

export function networkWish(nic: Network): NetworkWish {
  const v4 = nic.IPv4StaticAddresses?.[0] ?? nic.IPv4Addresses?.[0];
  const v6 = nic.IPv6StaticAddresses?.find((each) => each !== null);
  const unset = /^(0\.0\.0\.0|::)$/;
  return {
    source: nic.DHCPv4?.DHCPEnabled ? 'dhcp' : 'static',
    address: v4?.Address ?? '',
    mask: v4?.SubnetMask ?? '',
    gateway: v4?.Gateway?.replace(unset, '') ?? '',
    address6: v6?.Address === undefined ? '' : `${v6.Address}/${v6.PrefixLength ?? 64}`,
    gateway6: nic.IPv6DefaultGateway?.replace(unset, '') ?? '',
    vlan: nic.VLAN?.VLANEnable ?? false,
    vlanId: String(nic.VLAN?.VLANId ?? 0),
    vlanPriority: String(nic.VLAN?.VLANPriority ?? 0),
  };
}

/** The body of a PATCH of the interface: what has changed, whole where Redfish wants it whole. */
export function networkBody(
  changes: Partial<NetworkWish>,
  value: NetworkWish,
): Readonly<Record<string, unknown>> {
  const { source, address, mask, gateway, address6, gateway6, vlan, vlanId, vlanPriority } = changes;
  const v4 = address !== undefined || mask !== undefined || gateway !== undefined;
  const [host = '', prefix] = (address6 ?? '').trim().split('/');
  return {
    ...(source !== undefined && { DHCPv4: { DHCPEnabled: source === 'dhcp' } }),
    ...(v4 &&
      value.source === 'static' && {
        IPv4StaticAddresses: [
          {
            ...(address !== undefined && { Address: address.trim() }),
            ...(mask !== undefined && { SubnetMask: mask.trim() }),
            ...(gateway !== undefined && { Gateway: gateway.trim() || '0.0.0.0' }),
          },
        ],
      }),
    ...(address6 !== undefined && {
      IPv6StaticAddresses: [
        host === '' ? null : { Address: host, PrefixLength: prefix === undefined ? 64 : Number(prefix) },
      ],
    }),
    ...(gateway6 !== undefined && {
      IPv6StaticDefaultGateways: [gateway6.trim() === '' ? null : { Address: gateway6.trim() }],
    }),
    ...((vlan !== undefined || vlanId !== undefined || vlanPriority !== undefined) && {
      VLAN: {
        ...(vlan !== undefined && { VLANEnable: vlan }),
        ...(vlanId !== undefined && { VLANId: Number(vlanId) }),
        ...(vlanPriority !== undefined && { VLANPriority: Number(vlanPriority) }),
      },
    }),
  };
}

/** @returns words for ipmitool; undefined where one line of it does not do the same */
export function ipmiNetwork(changes: Partial<NetworkWish>): readonly string[] | undefined {
  const [only, ...others] = Object.entries(changes);
  if (!only || others.length > 0) return undefined;
  const [name, value] = only;
  const set = (...words: readonly string[]) => ['lan', 'set', '1', ...words];
  if (name === 'source') return set('ipsrc', String(value));
  if (name === 'address') return set('ipaddr', String(value));
  if (name === 'mask') return set('netmask', String(value));
  if (name === 'gateway') return set('defgw', 'ipaddr', String(value) || '0.0.0.0');
  if (name === 'vlanPriority') return set('vlan', 'priority', String(value));
  return undefined;
}
