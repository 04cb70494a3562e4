import { describe, expect, test } from 'vitest';
import { type LinkDetails, presentIpv6Addresses, vlanOf } from '../../../src/network/link-details.ts';

const link = (...addresses: Partial<NonNullable<LinkDetails['addr_info']>[number]>[]): LinkDetails => ({
  ifname: 'eth0',
  address: '52:54:00:12:34:56',
  addr_info: addresses.map((entry) => ({
    family: 'inet6',
    local: '2001:db8::1',
    prefixlen: 64,
    scope: 'global',
    ...entry,
  })),
});

describe('an IPv6 address', () => {
  test.each([
    ['set by hand', {}, 'static'],
    ['advertised, as new kernels tell', { dynamic: true, protocol: 'kernel_ra' }, 'slaac'],
    ['advertised, as old kernels tell', { dynamic: true }, 'slaac'],
    ['leased', { dynamic: true, prefixlen: 128 }, 'dhcp'],
    ['made by the kernel', { scope: 'link', local: 'fe80::1', protocol: 'kernel_ll' }, 'slaac'],
    ['made of the MAC address', { scope: 'link', local: 'fe80::5054:ff:fe12:3456' }, 'slaac'],
    ['on the link, by hand', { scope: 'link', local: 'fe80::1' }, 'static'],
  ] as const)('%s', (_what, entry, source) => {
    expect(presentIpv6Addresses(link(entry))).toMatchObject([{ source, status: 'active' }]);
  });

  test.each([
    [{ tentative: true }, 'pending'],
    [{ tentative: true, dadfailed: true }, 'failed'],
    [{ deprecated: true }, 'deprecated'],
  ] as const)('with %j is %s', (entry, status) => {
    expect(presentIpv6Addresses(link(entry))).toMatchObject([{ status }]);
  });

  test('is none of IPv4', () => {
    expect(presentIpv6Addresses(link({ family: 'inet', local: '192.0.2.1' }))).toEqual([]);
    expect(presentIpv6Addresses(undefined)).toEqual([]);
  });
});

test('a VLAN has an ID and the priority of ordinary packets', () => {
  const vlan = (info_data: NonNullable<LinkDetails['linkinfo']>['info_data'] & object) =>
    vlanOf({ ifname: 'eth0.5', linkinfo: { info_kind: 'vlan', info_data } });
  expect(vlan({ id: 5 })).toEqual({ id: 5, enabled: true, priority: 0 });
  expect(vlan({ id: 5, egress_qos: [{ from: 0, to: 3 }] })).toEqual({ id: 5, enabled: true, priority: 3 });
  expect(vlanOf({ ifname: 'eth0', linkinfo: { info_kind: 'veth' } })).toBeUndefined();
});
