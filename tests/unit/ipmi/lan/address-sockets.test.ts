import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import { AddressSockets } from '../../../../src/ipmi/lan/address-sockets.ts';
import { type LocalAddress, localAddresses } from '../../../../src/ipmi/lan/local-addresses.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { until } from '../../../support/processes.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';

type Interfaces = ReturnType<typeof networkInterfaces>;

const v4 = (address: string, netmask: string, cidr: string, internal = false) =>
  ({ address, netmask, cidr, internal, family: 'IPv4', mac: '52:54:00:00:00:01' }) as const;
const v6 = (address: string, scopeid: number, internal = false) =>
  ({
    address,
    netmask: 'ffff:ffff:ffff:ffff::',
    cidr: `${address}/64`,
    internal,
    family: 'IPv6',
    mac: '52:54:00:00:00:01',
    scopeid,
  }) as const;

const interfaces: Interfaces = {
  lo: [v4('127.0.0.1', '255.0.0.0', '127.0.0.1/8', true), { ...v6('::1', 0, true), cidr: '::1/128' }],
  eth0: [
    v4('192.0.2.10', '255.255.255.0', '192.0.2.10/24'),
    v4('198.51.100.66', '255.255.255.192', '198.51.100.66/26'),
    v6('2001:db8::10', 0),
    v6('fe80::1', 2),
  ],
  tun0: [v4('203.0.113.5', '255.255.255.255', '203.0.113.5/32')],
};

describe('the addresses of a host', () => {
  test('are all of them for ::, the link-local ones with their interface, and those of IPv4 for 0.0.0.0', () => {
    const names = (ipv6: boolean) => localAddresses(ipv6, interfaces).own.map(({ address }) => address);
    expect(names(true)).toEqual([
      '127.0.0.1',
      '::1',
      '192.0.2.10',
      '198.51.100.66',
      '2001:db8::10',
      'fe80::1%eth0',
      '203.0.113.5',
    ]);
    expect(names(false)).toEqual(['127.0.0.1', '192.0.2.10', '198.51.100.66', '203.0.113.5']);
  });

  test('come with those of groups: broadcast by subnet and link, and all IPv6 hosts', () => {
    expect(localAddresses(true, interfaces).groups).toEqual([
      '192.0.2.255',
      '255.255.255.255',
      '198.51.100.127',
      'ff02::1%eth0',
    ]);
    expect(localAddresses(false, interfaces).groups).not.toContain('ff02::1%eth0');
  });

  test.each([
    ['192.0.2.77', '192.0.2.10'],
    ['198.51.100.70', '198.51.100.66'],
    ['198.51.100.1', undefined],
    ['2001:db8::77', '2001:db8::10'],
    ['2001:db8:1::77', undefined],
    ['fe80::77%eth0', 'fe80::1%eth0'],
    ['fe80::77%eth1', undefined],
    ['::ffff:192.0.2.77', undefined],
  ])('know %s as a neighbour of %s', (remote, expected) => {
    const { own } = localAddresses(true, interfaces);
    expect(own.find((local) => local.neighbours(remote))?.address).toBe(expected);
  });
});

const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const sockets of open.splice(0)) await sockets.stop();
});

/** On loopback addresses, of which every host has 16 million. */
function local(address: string, key = address): LocalAddress {
  return { address, key, neighbours: (remote) => remote.split('.')[2] === address.split('.')[2] };
}

function setUp(...addresses: string[]) {
  const clock = new ScriptedClock();
  const now = { own: addresses.map((address) => local(address)), groups: [] as string[] };
  const sockets = new AddressSockets({
    ipv6: false,
    clock,
    log: silentLogger,
    look: () => now,
    receive: (datagram, remote, link) => link.send(Buffer.from(`${datagram} on ${link.localPort}`), remote),
  });
  open.push(sockets);
  return {
    sockets,
    now,
    async look() {
      // Sockets are bound by the system, whose time is not scripted.
      const before = sockets.addresses.join();
      clock.advance(1000);
      for (let i = 0; i < 100 && sockets.addresses.join() === before; i++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

/** A client that hears one address alone, as `connect` has it: an answer from another one never arrives. */
async function ask(address: string, port: number, from = '127.0.0.1'): Promise<string | undefined> {
  const socket: Socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve) => socket.bind(0, from, resolve));
    await new Promise<void>((resolve) => socket.connect(port, address, resolve));
    return await new Promise((resolve) => {
      socket.once('message', (message) => resolve(message.toString()));
      // The kernel says at once that nobody is there; what is not answered otherwise shows after a while.
      socket.once('error', () => resolve(undefined));
      setTimeout(() => resolve(undefined), 1000);
      socket.send('hello');
    });
  } finally {
    socket.close();
  }
}

describe('a BMC on all addresses', () => {
  test('answers from the one that was asked', async () => {
    const { sockets } = setUp('127.0.0.1', '127.0.7.2', '127.0.7.3');
    const port = await sockets.start(0);
    for (const address of ['127.0.7.2', '127.0.7.3', '127.0.0.1']) {
      expect(await ask(address, port)).toBe(`hello on ${port}`);
    }
    expect(await ask('127.0.7.4', port)).toBeUndefined();
  });

  test('follows addresses that come and go', async () => {
    const { sockets, now, look } = setUp('127.0.0.1');
    const port = await sockets.start(0);
    now.own = [local('127.0.0.1'), local('127.0.7.2')];
    await look();
    expect(await ask('127.0.7.2', port)).toBe(`hello on ${port}`);
    now.own = [local('127.0.0.1')];
    await look();
    expect(sockets.addresses).toEqual(['127.0.0.1']);
    expect(await ask('127.0.7.2', port)).toBeUndefined();
    expect(await ask('127.0.0.1', port)).toBe(`hello on ${port}`);
  });

  test('answers what came to a group from the asker’s subnet, and nobody else', async () => {
    const { sockets, now } = setUp('127.0.0.1', '127.0.7.2');
    // Any address may play the group's part.
    now.groups = ['127.0.9.9'];
    const port = await sockets.start(0);
    const socket = createSocket('udp4');
    const heard: string[] = [];
    socket.on('message', (_message, { address }) => heard.push(address));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.7.77', resolve));
    socket.send('ping', port, '127.0.9.9');
    await once(socket, 'message');
    socket.close();
    expect(heard).toEqual(['127.0.7.2']);
    expect(await ask('127.0.9.9', port, '127.0.8.8')).toBeUndefined();
  });

  test('refuses to start where one of them is taken, with the cure, and leaves nothing behind', async () => {
    const other = createSocket('udp4');
    await new Promise<void>((resolve) => other.bind(0, '127.0.7.3', resolve));
    const { port } = other.address();
    const { sockets } = setUp('127.0.7.2', '127.0.7.3');
    await expect(sockets.start(port)).rejects.toThrow(
      `IPMI cannot listen on UDP 127.0.7.3 port ${port}: another program has that port`,
    );
    expect(await ask('127.0.7.2', port)).toBeUndefined();
    other.close();
  });

  test('takes an address later that is taken when it comes', async () => {
    const other = createSocket('udp4');
    const { sockets, now, look } = setUp('127.0.7.2');
    const port = await sockets.start(0);
    await new Promise<void>((resolve) => other.bind(port, '127.0.7.3', resolve));
    now.own = [local('127.0.7.2'), local('127.0.7.3')];
    await look();
    expect(sockets.addresses).toEqual(['127.0.7.2']);
    await new Promise<void>((resolve) => other.close(() => resolve()));
    await look();
    expect(await ask('127.0.7.3', port)).toBe(`hello on ${port}`);
  });

  test('starts without an address that is not ready, as an IPv6 one is at first', async () => {
    const { sockets } = setUp('127.0.0.1', '192.0.2.1');
    await sockets.start(0);
    expect(sockets.addresses).toEqual(['127.0.0.1']);
  });

  test('gives up a group that is gone, and keeps one that stays', async () => {
    const { sockets, now, look } = setUp('127.0.0.1');
    now.groups = ['127.0.9.9', '127.0.9.10'];
    const port = await sockets.start(0);
    const isFree = async (address: string): Promise<boolean> => {
      const socket = createSocket('udp4');
      const bound = new Promise<boolean>((resolve) => {
        socket.once('error', () => resolve(false));
        socket.bind(port, address, () => resolve(true));
      });
      const free = await bound;
      await new Promise<void>((resolve) => socket.close(() => resolve()));
      return free;
    };
    expect([await isFree('127.0.9.9'), await isFree('127.0.9.10')]).toEqual([false, false]);
    now.groups = ['127.0.9.10'];
    await look();
    await until('the address is free', () => isFree('127.0.9.9'));
    expect(await isFree('127.0.9.10')).toBe(false);
    await sockets.stop();
    expect(await isFree('127.0.9.10')).toBe(true);
  });

  test('that may take any port begins anew where that is taken on a further address, and gives up after a while', async () => {
    const { sockets, now } = setUp('127.0.7.2', '127.0.7.3');
    const right = now.own;
    // The same address twice: whatever port the first socket gets, the second one cannot have it.
    const wrong = [local('127.0.7.2'), local('127.0.7.2', 'again')];
    let looks = 0;
    Object.defineProperty(now, 'own', { get: () => (++looks <= 2 ? wrong : right) });
    const port = await sockets.start(0);
    expect([looks, sockets.addresses]).toEqual([3, ['127.0.7.2', '127.0.7.3']]);
    expect(await ask('127.0.7.3', port)).toBe(`hello on ${port}`);
    const hopeless = setUp('127.0.7.4', '127.0.7.4');
    hopeless.now.own = [local('127.0.7.4'), local('127.0.7.4', 'again')];
    await expect(hopeless.sockets.start(0)).rejects.toThrow('another program has that port');
    expect(hopeless.sockets.addresses).toEqual([]);
  });

  test('starts without a group that cannot be had', async () => {
    const { sockets, now } = setUp('127.0.0.1');
    now.groups = ['192.0.2.255'];
    const port = await sockets.start(0);
    expect(await ask('127.0.0.1', port)).toBe(`hello on ${port}`);
  });

  test('looks at the host itself unless it is told what there is', async () => {
    const sockets = new AddressSockets({
      ...{ ipv6: false, clock: new ScriptedClock(), log: silentLogger },
      receive: (datagram, remote, link) => link.send(datagram, remote),
    });
    open.push(sockets);
    const port = await sockets.start(0);
    expect(sockets.addresses).toContain('127.0.0.1');
    expect(await ask('127.0.0.1', port)).toBe('hello');
  });
});
