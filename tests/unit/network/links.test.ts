import { describe, expect, test } from 'vitest';
import { ethNumber, isInSubnet, parseLinks } from '../../../src/network/links.ts';

/** As `ip -j -d address show` of iproute2 6.1 prints it, shortened. */
const printed = JSON.stringify([
  {
    ifindex: 1,
    ifname: 'lo',
    flags: ['LOOPBACK', 'UP', 'LOWER_UP'],
    mtu: 65536,
    address: '00:00:00:00:00:00',
    addr_info: [{ family: 'inet', local: '127.0.0.1', prefixlen: 8, scope: 'host', label: 'lo' }],
  },
  {
    ifindex: 3,
    link: 'v1',
    ifname: 'eth2',
    flags: ['NO-CARRIER', 'BROADCAST', 'MULTICAST', 'UP', 'M-DOWN'],
    mtu: 9500,
    operstate: 'LOWERLAYERDOWN',
    address: 'AA:C1:AB:00:00:01',
    linkinfo: { info_kind: 'veth' },
    addr_info: [
      { family: 'inet', local: '10.1.1.1', prefixlen: 24, broadcast: '10.1.1.255', scope: 'global' },
      { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
    ],
  },
  {
    ifindex: 4,
    link: 'eth2',
    ifname: 'qbm-eth2',
    flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
    mtu: 9500,
    address: 'aa:c1:ab:00:00:01',
    linkinfo: { info_kind: 'macvtap', info_data: { mode: 'passthru' } },
    ifalias: 'qemu-bmc /run/x y',
    addr_info: [],
  },
  // What a namespace may not look at comes as an empty object.
  {},
]);

describe('the table of links', () => {
  const [lo, eth2, own, ...more] = parseLinks(printed);

  test('has every link with its address in lower case, its kind and its mark', () => {
    expect(more).toEqual([]);
    expect(lo).toMatchObject({ name: 'lo', kind: undefined, up: true, carrier: true });
    expect(eth2).toMatchObject({ index: 3, mac: 'aa:c1:ab:00:00:01', mtu: 9500, kind: 'veth', alias: '' });
    expect(own).toMatchObject({ kind: 'macvtap', parent: 'eth2', alias: 'qemu-bmc /run/x y' });
    expect(eth2?.addresses).toEqual([
      { family: 'inet', address: '10.1.1.1', prefixLength: 24, broadcast: '10.1.1.255', scope: 'global' },
      { family: 'inet6', address: 'fe80::1', prefixLength: 64, scope: 'link' },
    ]);
  });

  test('a link that is on, but whose far end is off, is up without carrier', () => {
    expect(eth2).toMatchObject({ up: true, carrier: false });
  });

  test('is empty where nothing is printed, and no JSON is an error', () => {
    expect(parseLinks('')).toEqual([]);
    expect(() => parseLinks('Cannot open netlink socket')).toThrow(SyntaxError);
  });
});

test.each([
  ['eth0', 0],
  ['eth2', 2],
  ['eth10', 10],
  ['eth02', undefined],
  ['eth', undefined],
  ['eth2.5', undefined],
  ['veth2', undefined],
])('the number of %s is %s', (name, number) => {
  expect(ethNumber(name)).toBe(number);
});

test.each([
  ['inet', '10.1.1.7', '10.1.1.0/24', true],
  ['inet', '10.1.2.7', '10.1.1.0/24', false],
  ['inet', '10.1.1.7', '10.1.1.7/32', true],
  ['inet6', '2001:db8::7', '2001:db8::/64', true],
  ['inet6', '2001:db8:1::7', '2001:db8::/64', false],
  ['inet6', '2001:db8::7', '10.1.1.0/24', false],
] as const)('%s %s in %s: %s', (family, address, subnet, expected) => {
  expect(isInSubnet({ family, address, prefixLength: 24, scope: 'global' }, subnet)).toBe(expected);
});
