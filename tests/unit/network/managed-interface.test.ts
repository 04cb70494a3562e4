import { describe, expect, test } from 'vitest';
import type { NetworkSettings } from '../../../src/bmc/management-network.ts';
import { ManagedInterface } from '../../../src/network/managed-interface.ts';
import { ScriptedInterfaces } from '../../support/scripted-interfaces.ts';

async function setUp() {
  const host = new ScriptedInterfaces();
  const eth0 = host.add('eth0', ['192.0.2.10/24', '192.0.2.99/24', '2001:db8::10/64']);
  eth0.routes.push({ family: 4, gateway: '192.0.2.1', protocol: 'static' });
  eth0.routes.push({ family: 6, gateway: 'fe80::fe', protocol: 'ra' });
  const managed = await ManagedInterface.open({ name: 'eth0', ipv6: true, host });
  const before = await managed.settings();
  const apply = (change: Partial<NetworkSettings>) => managed.apply({ ...before, ...change });
  return { host, managed, before, apply, eth0 };
}

describe('an interface', () => {
  test('is refused without the capability, with the cure', async () => {
    const host = new ScriptedInterfaces();
    host.add('eth0');
    host.capabilities = '00000000a80425fb';
    await expect(ManagedInterface.open({ name: 'eth0', ipv6: false, host })).rejects.toThrow(
      'bmc.managedInterface eth0: changing an interface needs the capability CAP_NET_ADMIN (in a container: --cap-add',
    );
  });

  test('is refused when it is not there, with those that are', async () => {
    const host = new ScriptedInterfaces();
    host.add('lo');
    host.add('ens3');
    await expect(ManagedInterface.open({ name: 'eth0', ipv6: false, host })).rejects.toThrow(
      'there is no interface eth0; there are lo, ens3',
    );
  });

  test('is read as it is', async () => {
    const { before, managed, host } = await setUp();
    expect(before).toEqual({
      source: 'static',
      address: '192.0.2.10',
      mask: '255.255.255.0',
      gateway: '192.0.2.1',
      vlan: { id: 0, enabled: false, priority: 0 },
      static6: [{ address: '2001:db8::10', prefixLength: 64 }, null, null, null],
      router6: '::',
    });
    expect([managed.dhcp, managed.carrier, host.changes]).toEqual([false, { name: 'eth0', dhcp: false }, []]);
  });

  test('that is as wanted is left alone', async () => {
    const { host, apply } = await setUp();
    await apply({});
    expect(host.changes).toEqual(['link set dev eth0 up']);
  });
});

describe('a new address', () => {
  test('replaces the old one; others and the gateway stay', async () => {
    const { managed, apply, eth0 } = await setUp();
    await apply({ address: '192.0.2.20', mask: '255.255.0.0' });
    expect(new Set(eth0.addresses)).toEqual(new Set(['192.0.2.20/16', '192.0.2.99/24', '2001:db8::10/64']));
    expect(eth0.routes.filter(({ family }) => family === 4)).toMatchObject([{ gateway: '192.0.2.1' }]);
    expect(await managed.settings()).toMatchObject({ address: '192.0.2.20', mask: '255.255.0.0' });
    expect(managed.carrier).toEqual({ name: 'eth0', dhcp: false, address: '192.0.2.20' });
  });

  test('that the kernel refuses leaves everything as it was', async () => {
    const { host, managed, before, apply, eth0 } = await setUp();
    host.refused = /^address add 192\.0\.2\.20/;
    await expect(apply({ address: '192.0.2.20' })).rejects.toThrow('ip address add 192.0.2.20/24');
    expect(new Set(eth0.addresses)).toEqual(new Set(['192.0.2.10/24', '192.0.2.99/24', '2001:db8::10/64']));
    expect(await managed.settings()).toEqual(before);
  });

  test('says so when not even the old one comes back', async () => {
    const { host, apply } = await setUp();
    host.refused = /^address add/;
    await expect(apply({ address: '192.0.2.20' })).rejects.toThrow(
      /refused; going back failed, too: .*refused/,
    );
  });
});

describe('a gateway', () => {
  test('replaces the old one, and goes', async () => {
    const { managed, apply, eth0 } = await setUp();
    await apply({ gateway: '192.0.2.254' });
    expect(eth0.routes.filter(({ family }) => family === 4)).toMatchObject([{ gateway: '192.0.2.254' }]);
    await managed.apply({ ...(await managed.settings()), gateway: '0.0.0.0' });
    expect(eth0.routes.filter(({ family }) => family === 4)).toEqual([]);
  });

  test('of IPv6 stands beside those that routers advertise', async () => {
    const { managed, apply, eth0 } = await setUp();
    await apply({ router6: '2001:db8::1' });
    expect((await managed.settings()).router6).toBe('2001:db8::1');
    await managed.apply({ ...(await managed.settings()), router6: '::' });
    expect(eth0.routes.filter(({ family }) => family === 6)).toMatchObject([{ gateway: 'fe80::fe' }]);
  });
});

describe('a VLAN', () => {
  const vlan = { id: 5, enabled: true, priority: 3 };

  test('takes the addresses along, and gives them back', async () => {
    const { host, managed, before, apply, eth0 } = await setUp();
    await apply({ vlan });
    expect(host.interfaces.get('eth0.5')).toMatchObject({
      vlan: { id: 5, priority: 3 },
      addresses: ['192.0.2.10/24', '2001:db8::10/64'],
      routes: [{ gateway: '192.0.2.1' }],
    });
    expect(eth0.addresses).toEqual(['192.0.2.99/24']);
    expect(managed.carrier.name).toBe('eth0.5');
    expect(await managed.settings()).toEqual({ ...before, vlan });
    await managed.apply(before);
    expect([...host.interfaces.keys()]).toEqual(['eth0']);
    expect(new Set(eth0.addresses)).toEqual(new Set(['192.0.2.10/24', '192.0.2.99/24', '2001:db8::10/64']));
    expect(managed.carrier.name).toBe('eth0');
  });

  test('of another ID replaces it', async () => {
    const { host, managed, apply } = await setUp();
    await apply({ vlan });
    await managed.apply({ ...(await managed.settings()), vlan: { id: 7, enabled: true, priority: 0 } });
    expect([...host.interfaces.keys()]).toEqual(['eth0', 'eth0.7']);
    expect(host.interfaces.get('eth0.7')?.addresses).toContain('192.0.2.10/24');
  });

  test('that somebody else has made is not taken', async () => {
    const { host, before, managed, apply } = await setUp();
    host.add('eth0.5').link = 'eth0';
    await expect(apply({ vlan })).rejects.toThrow(
      "there is an interface eth0.5 already that is not the BMC's",
    );
    expect(await managed.settings()).toEqual(before);
    expect(host.interfaces.has('eth0.5')).toBe(true);
  });

  test('that the kernel cannot make leaves everything as it was', async () => {
    const { host, before, managed, apply } = await setUp();
    host.refused = /^link add/;
    await expect(apply({ vlan })).rejects.toThrow('link add link eth0 name eth0.5 type vlan id 5: refused');
    expect(await managed.settings()).toEqual(before);
  });
});

describe('IPv6 addresses set by hand', () => {
  test('come and go; others stay', async () => {
    const { managed, before, apply, eth0 } = await setUp();
    eth0.addresses.push('2001:db8:5::5/64');
    await apply({ static6: before.static6.with(1, { address: '2001:db8::20', prefixLength: 64 }) });
    expect(eth0.addresses).toContain('2001:db8::20/64');
    await managed.apply({ ...before, static6: [null, null, null, null] });
    expect(eth0.addresses.filter((one) => one.includes(':'))).toEqual([]);
  });
});
