/**
 * The machine's network cards on real wires, in namespaces made here: two whole appliances with the demo guest, and a
 * third party with nothing but programs that send and count frames.
 *
 *     a.eth2 ─ macvtap ┐            ┌ tc ─ b.eth2     the guests' own wire
 *     a.eth3 ─ macvtap ┤  the same  ├ p.w3
 *     a.eth4 ─ tc      ┤  for each  ├ p.w4            frames in and out
 *     a.eth5 ─ bridge  ┘            └ p.w5
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NicStatus } from '../../src/config/run-files.ts';
import { readStatus } from '../../src/config/run-files.ts';
import { parseLinks } from '../../src/network/links.ts';
import { isAlive } from '../../src/processes.ts';
import { Appliance } from '../support/appliance.ts';
import { GuestShell } from '../support/guest-shell.ts';
import { until } from '../support/processes.ts';
import { canMakeNamespaces, NetLab, withoutNamespaces } from '../support/wires.ts';

const machine = { ENABLE_KVM: 'false', VM_MEMORY: '256', VM_CDROM: 'none' };

/** Frames that bridges and filters treat differently: destination (IEEE 802.1Q Table 8-1) and type or length. */
const kinds = {
  STP: ['01:80:c2:00:00:00', '0026'],
  PAUSE: ['01:80:c2:00:00:01', '8808'],
  LACP: ['01:80:c2:00:00:02', '8809'],
  '802.1X': ['01:80:c2:00:00:03', '888e'],
  LLDP: ['01:80:c2:00:00:0e', '88cc'],
  broadcast: ['ff:ff:ff:ff:ff:ff', '88b5'],
  'IPv4 multicast': ['01:00:5e:00:00:fb', '88b5'],
  'IPv6 multicast': ['33:33:00:00:00:01', '88b5'],
  'foreign unicast': ['02:00:00:00:00:99', '88b5'],
} as const;

function nics(appliance: Appliance): readonly NicStatus[] {
  return readStatus(appliance.runDir)?.machine?.nics ?? [];
}

function eventsOf(appliance: Appliance): string {
  const file = join(appliance.stateDir, 'events.jsonl');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

describe.skipIf(!canMakeNamespaces)(`network cards on wires${withoutNamespaces}`, () => {
  const lab = new NetLab();
  let a: Appliance;
  let b: Appliance;
  let guestA: GuestShell;
  let guestB: GuestShell;
  /** MAC addresses of a's wires, by name. */
  const macs: Record<string, string> = {};

  async function links(space: string) {
    return parseLinks(await lab.in(space, 'ip', '-j', '-d', 'address', 'show'));
  }

  async function link(space: string, name: string) {
    const found = (await links(space)).find((each) => each.name === name);
    if (!found) throw new Error(`no ${name} in ${space}`);
    return found;
  }

  beforeAll(async () => {
    for (const name of ['a', 'b', 'p']) await lab.space(name);
    await lab.wire('a.eth2', 'b.eth2');
    for (const number of [3, 4, 5]) {
      await lab.wire(`a.eth${number}`, `p.w${number}`);
      // Nothing of the third party's own is to be counted.
      await lab.in('p', 'sysctl', '-qw', `net.ipv6.conf.w${number}.disable_ipv6=1`);
    }
    // As a container engine does, whose address the guest is to have instead.
    await lab.in('a', 'ip', 'address', 'add', '10.3.0.1/24', 'dev', 'eth3');
    for (const { name, mac } of await links('a')) macs[name] = mac;
    const wired = 'auto:eth2,macvtap:10.3.0.0/24,tc:eth4,bridge:eth5';
    [a, b] = await Promise.all([
      Appliance.start({ ...machine, VM_CPUS: '2', VM_NETWORKS: wired }, lab.words('a')),
      Appliance.start({ ...machine, VM_NETWORKS: 'tc' }, lab.words('b')),
    ]);
    [guestA, guestB] = await Promise.all([GuestShell.open(a), GuestShell.open(b)]);
  }, 150_000);

  afterAll(async () => {
    guestA?.kill();
    guestB?.kill();
    await Promise.all([a?.stop(), b?.stop()]);
    a?.clean();
    b?.clean();
    await lab.cleanUp();
  });

  test('come in order, with MAC address, MTU and queues of wire and machine; status and the guest agree', async () => {
    expect(nics(a).map(({ wire, backend, linkUp, note }) => [wire, backend, linkUp, note])).toEqual([
      ['eth2', 'macvtap', true, undefined],
      ['eth3', 'macvtap', true, undefined],
      ['eth4', 'tc', true, undefined],
      ['eth5', 'bridge', true, undefined],
    ]);
    const told = await guestA.run(
      'cd /sys/class/net; for n in eth*; do echo $n $(cat $n/address $n/mtu) $(ls $n/queues) $(basename $(readlink -f $n/device/..)); done',
    );
    const queues = 'rx-0 rx-1 tx-0 tx-1';
    expect(told.split('\n')).toEqual([
      `eth0 ${macs.eth2} 9500 ${queues} 0000:00:10.0`,
      `eth1 ${macs.eth3} 9500 ${queues} 0000:00:11.0`,
      `eth2 ${macs.eth4} 9500 ${queues} 0000:00:12.0`,
      `eth3 ${macs.eth5} 9500 ${queues} 0000:00:13.0`,
    ]);
    expect(await guestB.run('ls /sys/class/net/eth0/queues')).toBe('rx-0  tx-0');
  });

  test('the host’s own stack has no address on them and no IPv6', async () => {
    for (const { name, addresses } of await links('a')) {
      if (name !== 'lo') expect({ name, addresses }).toEqual({ name, addresses: [] });
    }
    for (const name of ['eth2', 'qbm-eth2', 'eth4', 'qbt-eth4', 'eth5', 'qbt-eth5', 'qbb-eth5']) {
      expect(await lab.in('a', 'cat', `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`)).toBe('1\n');
    }
  });

  test('two guests ping each other by IPv4 and IPv6, with 8,972 bytes, and through a VLAN', async () => {
    for (const [guest, n] of [
      [guestA, 1],
      [guestB, 2],
    ] as const) {
      await guest.run(
        `echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6; ip addr add 10.2.0.${n}/24 dev eth0; ip addr add fd02::${n}/64 dev eth0`,
      );
      await guest.run(
        `modprobe 8021q; ip link add link eth0 name eth0.5 type vlan id 5; ip link set eth0.5 up; ip addr add 10.5.0.${n}/24 dev eth0.5`,
      );
    }
    for (const to of ['10.2.0.2', '-s 8972 10.2.0.2', '10.5.0.2', '-6 fd02::2', '-6 -s 8952 fd02::2']) {
      // Duplicate address detection takes a second, and what is sent meanwhile may get lost.
      await until(
        `an answer to ping ${to}`,
        () => guestA.run(`ping -c 1 -W 5 ${to}`).catch(() => undefined),
        15_000,
      );
      expect(await guestA.run(`ping -c 2 -i .2 -W 5 ${to}`)).toContain(
        '2 packets transmitted, 2 packets received',
      );
    }
    for (const guest of [guestA, guestB]) {
      await guest.run(
        'ip link del eth0.5; echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6; ip addr flush dev eth0',
      );
    }
  });

  const wires = [
    { end: 'p.w3', wire: 'eth3', card: 'eth1', backend: 'macvtap', lostIn: ['PAUSE'], lostOut: [] },
    { end: 'p.w4', wire: 'eth4', card: 'eth2', backend: 'tc', lostIn: [], lostOut: [] },
    { end: 'p.w5', wire: 'eth5', card: 'eth3', backend: 'bridge', lostIn: ['PAUSE'], lostOut: ['PAUSE'] },
  ] as const;

  test('frames of all kinds come into the guest', async () => {
    const cards = wires.map(({ card }) => card);
    const received = async () => {
      const files = cards.map((card) => `/sys/class/net/${card}/statistics/rx_packets`).join(' ');
      return (await guestA.run(`cat ${files}`)).split('\n').map(Number);
    };
    for (const card of cards) await guestA.run(`ip link set ${card} promisc on`);
    const from = '020000000001';
    const padding = '00'.repeat(46);
    const sent: readonly (readonly [name: string, to: string | undefined, type: string])[] = [
      ...Object.entries(kinds).map(([name, [to, type]]) => [name, to, type] as const),
      ['own unicast', undefined, '88b5'],
      ['VLAN tagged', undefined, '8100000588b5'],
    ];
    const table: Record<string, number[]> = {};
    for (const [name, destination, type] of sent) {
      const before = await received();
      const times = 5;
      const frames = wires.flatMap(({ end, wire }) => {
        const to = (destination ?? macs[wire] ?? '').replaceAll(':', '');
        const name = end.slice(2);
        return [
          { from: name, frame: `${to}${from}${type}${padding}`, times },
          // Behind the others on the same wire: when it is there, no more will come.
          { from: name, frame: `${'ff'.repeat(6)}${from}88b5${padding}`, times: 1 },
        ];
      });
      await lab.send('p', frames);
      let counts: number[] = [];
      await until(`the frames after ${name}`, async () => {
        const now = await received();
        counts = now.map((value, index) => value - (before[index] ?? 0));
        return wires.every(({ lostIn }, index) => {
          const lost = (lostIn as readonly string[]).includes(name);
          return (counts[index] ?? 0) >= (lost ? 1 : 1 + times);
        });
      });
      table[name] = counts.map((count) => count - 1);
    }
    for (const [index, { lostIn, backend }] of wires.entries()) {
      for (const [name] of sent) {
        const wanted = (lostIn as readonly string[]).includes(name) ? 0 : 5;
        expect({ backend, name, frames: table[name]?.[index] }).toEqual({ backend, name, frames: wanted });
      }
    }
  });

  test('frames of all kinds go out of the guest', async () => {
    const destinations = Object.entries(kinds).map(([name, [mac]], index) => ({ name, mac, index }));
    const macList = destinations.map(({ mac }) => mac).join(' ');
    // Typed once: each character takes a round trip through the console.
    await guestA.run(
      `echo 'i=10; for m in ${macList}; do arp -i $1 -s 10.9.0.$i $m; i=$((i+1)); done' >/tmp/n`,
    );
    await guestA.run(
      `echo 'for i in 0 1 2 3 4 5 6 7 8; do ping -c5 -i.1 -W1 10.9.0.1$i & done; wait' >/tmp/p`,
    );
    for (const { end, card, backend, lostOut } of wires) {
      await guestA.run(`ip addr add 10.9.0.1/24 dev ${card}; sh /tmp/n ${card}`);
      const heard = await lab.listen(end);
      await guestA.run('sh /tmp/p >/dev/null');
      const seen = await heard();
      for (const { name, mac } of destinations) {
        const wanted = (lostOut as readonly string[]).includes(name) ? undefined : 5;
        expect({ backend, name, frames: seen[mac] }).toEqual({ backend, name, frames: wanted });
      }
      await guestA.run(`ip addr flush dev ${card}`);
    }
  });

  test('the guest sees when the far end goes down and comes back', async () => {
    for (const { end, card, wire } of wires) {
      const [, name = ''] = end.split('.');
      const carrier = () => guestA.run(`cat /sys/class/net/${card}/carrier`);
      await lab.in('p', 'ip', 'link', 'set', name, 'down');
      await until('no carrier', async () => (await carrier()) === '0', 10_000);
      const shown = () => nics(a).find((nic) => nic.wire === wire)?.linkUp;
      await until('status shows it', () => shown() === false, 5_000);
      expect(await a.ipmi('sdr', 'get', 'NIC Link')).toMatch(/Heartbeat Lost/i);
      await lab.in('p', 'ip', 'link', 'set', name, 'up');
      await until('carrier', async () => (await carrier()) === '1', 10_000);
      await until('status shows it', () => shown() === true, 5_000);
    }
  });

  test('a restart of the BMC leaves the cards alone, and what happened meanwhile is made up for', async () => {
    const before = (await links('a')).map(({ index, name }) => `${index} ${name}`);
    const { bmc, qemu } = a.status();
    await lab.in('p', 'ip', 'link', 'set', 'w4', 'down');
    await until('no carrier', async () => (await guestA.run('cat /sys/class/net/eth2/carrier')) === '0');
    // The wire comes back in the moment in which nobody looks.
    process.kill(bmc, 'SIGKILL');
    await lab.in('p', 'ip', 'link', 'set', 'w4', 'up');
    await until('the BMC is back', () => a.status().bmc !== bmc && nics(a)[2]?.linkUp === true, 20_000);
    guestA.kill();
    guestA = await GuestShell.open(a);
    expect(await guestA.run('cat /sys/class/net/eth2/carrier')).toBe('1');
    expect(a.status().qemu).toBe(qemu);
    expect(isAlive(qemu ?? 0)).toBe(true);
    expect((await links('a')).map(({ index, name }) => `${index} ${name}`)).toEqual(before);
  });

  test('a wire that vanishes and returns is stitched again by tc and bridge; macvtap says that it takes a power cycle, and does it then', async () => {
    const address = (n: number) => `10.7.${n}.1`;
    // A wire that returns has a new address at its far end, which the guest would learn by itself only after a while.
    const pings = (wire: number) =>
      guestA.run(`ip neigh flush dev eth${wire - 2}; ping -c 1 -W 1 10.7.${wire}.2`);
    for (const { end, card } of wires) {
      const wire = Number(end.slice(-1));
      await guestA.run(`ip addr add ${address(wire)}/24 dev ${card}`);
      await lab.in('p', 'ip', 'address', 'add', `10.7.${wire}.2/24`, 'dev', `w${wire}`);
      await until(`wire ${wire} works`, () => pings(wire), 10_000);
    }
    for (const { end, card, wire } of wires) {
      await lab.cut(end);
      await until('no carrier', async () => (await guestA.run(`cat /sys/class/net/${card}/carrier`)) === '0');
      expect(eventsOf(a)).toContain(`${wire} has gone`);
      await lab.wire(`a.${wire}`, end);
      await lab.in('p', 'ip', 'address', 'add', `10.7.${end.slice(-1)}.2/24`, 'dev', end.slice(2));
    }
    await until('tc is stitched', () => pings(4), 10_000);
    await until('the bridge is stitched', () => pings(5), 10_000);
    expect((await link('a', 'eth4')).addresses).toEqual([]);
    await until('the event of macvtap', () => eventsOf(a).includes('only at the next power cycle'), 10_000);
    expect(await guestA.run('cat /sys/class/net/eth1/carrier')).toBe('0');
    expect(nics(a)[1]).toMatchObject({ linkUp: false, note: expect.stringContaining('next power cycle') });
    const sel = await a.ipmi('sel', 'elist');
    expect(sel.match(/NIC Link.*Heartbeat Lost.*Asserted/gi)).toHaveLength(3);
    expect(sel.match(/NIC Link.*Heartbeat \| Asserted/gi)).toHaveLength(2);

    await guestA.close();
    await a.ipmi('power', 'cycle');
    await until('off and on again', () => nics(a)[1]?.linkUp === true, 60_000);
    guestA = await GuestShell.open(a);
    await guestA.run(`ip addr add ${address(3)}/24 dev eth1`);
    await until('macvtap works again', () => pings(3), 20_000);
  });

  test('the end of the appliance takes everything of its own away and gives the wires back', async () => {
    await guestB.close();
    const before = await links('b');
    expect(before.map(({ name }) => name).sort()).toEqual(['eth2', 'lo', 'qbt-eth2']);
    expect(await b.stop()).toBe(0);
    expect((await links('b')).map(({ name }) => name).sort()).toEqual(['eth2', 'lo']);
    expect(await lab.in('b', 'tc', 'qdisc', 'show', 'dev', 'eth2')).not.toContain('ingress');
    expect(await lab.in('b', 'cat', '/proc/sys/net/ipv6/conf/eth2/disable_ipv6')).toBe('0\n');
    guestA.kill();
    expect(await a.stop()).toBe(0);
    expect((await links('a')).map(({ name }) => name).sort()).toEqual(['eth2', 'eth3', 'eth4', 'eth5', 'lo']);
  });
});
