import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { defaultRoutes4, defaultRoutes6, hostNetwork } from '../../../src/network/host-network.ts';

describe('default routes', () => {
  test('of IPv4 are those to 0.0.0.0 with a gateway, the cheapest first', () => {
    const table = [
      'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
      'eth1\t00000000\tFE0200C0\t0003\t0\t0\t200\t00000000\t0\t0\t0',
      'eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0',
      'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
      '',
    ].join('\n');
    expect(defaultRoutes4(table)).toEqual([
      { name: 'eth0', gateway: '192.0.2.1' },
      { name: 'eth1', gateway: '192.0.2.254' },
    ]);
    expect(defaultRoutes4('')).toEqual([]);
  });

  test('of IPv6 are those to ::/0 with a next hop', () => {
    const zeros = '0'.repeat(32);
    const table = [
      `${zeros} 00 ${zeros} 00 fe8000000000000000000000000000fe 00000400 00000001 00000000 00000003 eth0`,
      `${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200 lo`,
      `20010db8000000000000000000000000 40 ${zeros} 00 ${zeros} 00000100 00000001 00000000 00000001 eth0`,
      '',
    ].join('\n');
    expect(defaultRoutes6(table)).toEqual([{ name: 'eth0', gateway: 'fe80::fe' }]);
  });
});

test('the loopback address is on the loopback interface', async () => {
  const state = await hostNetwork('127.0.0.1')();
  expect(state).toMatchObject({
    v4: { address: '127.0.0.1', mask: '255.0.0.0', source: 'static' },
    v6: [],
    mac: '00:00:00:00:00:00',
    hopLimit4: Number(readFileSync('/proc/sys/net/ipv4/ip_default_ttl', 'utf8')),
  });
  expect(state.gateway4).toBeUndefined();
  expect((await hostNetwork('127.1.2.3')()).v4).toMatchObject({ address: '127.1.2.3', mask: '255.0.0.0' });
});

test('every IPv4 address of this host is shown with its own mask and MAC', async () => {
  for (const entry of Object.values(networkInterfaces()).flat()) {
    if (entry?.family !== 'IPv4') continue;
    const state = await hostNetwork(entry.address)();
    expect(state).toMatchObject({ v4: { address: entry.address, mask: entry.netmask }, mac: entry.mac });
  }
});

test('an address that no interface has shows nothing', async () => {
  expect(await hostNetwork('203.0.113.99')()).toMatchObject({ v6: [], mac: '00:00:00:00:00:00' });
});
