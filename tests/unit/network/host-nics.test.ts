import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../src/lib/log.ts';
import type { NicEvent } from '../../../src/machine/qemu/nic-provider.ts';
import type { CardChoice, WireChoice } from '../../../src/network/card-plan.ts';
import { HostNics, type HostNicsOptions, type UserCard } from '../../../src/network/host-nics.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';
import { ScriptedNetwork } from '../../support/scripted-network.ts';

const user: UserCard = { backend: { kind: 'user', restrict: false } };
const all: WireChoice<UserCard> = { kind: 'wire', backend: 'auto', select: undefined, otherwise: user };
const named = (name: string, backend: WireChoice<UserCard>['backend'] = 'auto'): WireChoice<UserCard> => ({
  kind: 'wire',
  backend,
  select: { interface: name },
  otherwise: backend === 'auto' ? user : undefined,
});

let folder: string;
let network: ScriptedNetwork;
let clock: ScriptedClock;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-nics-'));
  network = new ScriptedNetwork();
  clock = new ScriptedClock();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** One life of the BMC. */
function life(choices: readonly CardChoice<UserCard>[], options: Partial<HostNicsOptions> = {}) {
  const nics = new HostNics({
    choices,
    promised: undefined,
    waitMs: 60_000,
    defaultMac: (place) => `52:54:00:00:00:0${place}`,
    owner: '/run/x',
    recordFile: join(folder, 'nics.json'),
    nodeFolders: ['/run/x', '/dev'],
    reserved: () => Promise.resolve(new Map()),
    host: network.host,
    table: network.table,
    clock,
    log: silentLogger,
    ...options,
  });
  const events: NicEvent[] = [];
  nics.on((event) => events.push(event));
  return {
    nics,
    events,
    changes: () =>
      events.flatMap((event) => (event.kind === 'change' ? [`${event.change}: ${event.text}`] : [])),
    async prepare(cpus = 1) {
      const prepared = nics.prepare({ cpus, aborted: new AbortController().signal });
      prepared.catch(() => undefined);
      await clock.advanceAsync(61_000, 500);
      return prepared;
    },
  };
}

/** Until everything that was begun is done. */
async function settled() {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe('planning', () => {
  test('tells the cards that a start would make, with their addresses, and touches no wire', async () => {
    const choices: CardChoice<UserCard>[] = [
      { kind: 'other', other: { ...user, mac: '52:54:00:aa:00:01' } },
      named('eth7', 'tc'),
      { kind: 'other', other: user },
    ];
    const one = life(choices);
    expect(one.nics.planned).toEqual([]);
    await one.nics.plan();
    const planned = one.nics.planned;
    expect([one.nics.nics, one.events]).toEqual([[], []]);
    await one.prepare();
    expect(planned).toEqual(one.nics.nics.map(({ id, mac }) => ({ id, mac })));
    expect(planned.map(({ mac }) => mac)).toContain('52:54:00:aa:00:01');
  });

  test('tells the card in place of wires where none is there', async () => {
    const { nics } = life([all]);
    await nics.plan();
    expect(nics.planned).toEqual([{ id: 'nic0', mac: '52:54:00:00:00:00' }]);
  });
});

describe('preparing', () => {
  test('takes each wire from the host’s stack and makes a macvtap that hears all groups', async () => {
    const wire = network.plug('eth2');
    const configs = await life([all]).prepare(2);
    expect(configs).toEqual([
      {
        id: 'nic0',
        place: 0,
        mac: wire.mac,
        mtu: 9500,
        queues: 2,
        backend: { kind: 'tap-node', path: '/run/x/qbm-eth2' },
      },
    ]);
    expect(network.commands).toEqual([
      'ip address flush dev eth2',
      'ip link set dev eth2 up',
      'ip link add link eth2 name qbm-eth2 type macvtap mode passthru',
      'ip link set dev qbm-eth2 alias qemu-bmc /run/x',
      'ip link set dev qbm-eth2 up allmulticast on',
      'mknod -m 600 /run/x/qbm-eth2 c 246 7',
    ]);
    expect(network.written).toEqual([
      '/proc/sys/net/ipv6/conf/eth2/disable_ipv6 1',
      '/proc/sys/net/ipv6/conf/qbm-eth2/disable_ipv6 1',
    ]);
  });

  test('falls back one by one, removes what it had made, and tells the reasons once', async () => {
    network.plug('eth2');
    network.nodeError = Object.assign(new Error('open'), { code: 'EPERM' });
    const { prepare, nics, changes } = life([all]);
    expect(await prepare()).toMatchObject([{ backend: { kind: 'tap', device: 'qbt-eth2' } }]);
    expect(network.commands).toContain('ip link delete dev qbm-eth2');
    const reason =
      'tc, since macvtap: device 246:7 cannot be used: the container has no device rule for macvtap';
    expect(nics.nics).toMatchObject([{ backend: 'tc', note: reason, linkUp: true }]);
    await nics.release();
    await prepare();
    expect(changes()).toEqual([`fallback: nic0 (eth2): ${reason}`]);
  });

  test('comes down to the user-mode network and gives the wire back where no right is granted', async () => {
    const address = { family: 'inet', address: '10.1.0.5', prefixLength: 24, scope: 'global' } as const;
    const { mac } = network.plug('eth2', { addresses: [address] });
    network.refuses = (command) =>
      /link add|tuntap add/.test(command) ? 'Operation not permitted' : undefined;
    const { prepare, nics, changes } = life([all]);
    expect(await prepare()).toEqual([{ id: 'nic0', place: 0, mac, backend: user.backend }]);
    expect(network.commands.at(-1)).toBe('ip address replace 10.1.0.5/24 dev eth2');
    expect(nics.nics).toMatchObject([{ backend: 'user', wire: 'eth2', linkUp: true }]);
    expect(changes()).toEqual([expect.stringMatching(/^missing: nic0 is not attached to eth2: user, since/)]);
    expect(changes()[0]).toMatch(/macvtap: .*not permitted; tc: .*not permitted; bridge: .*not permitted/);
  });

  test('a back end that was demanded is not replaced by another: the machine starts without the card', async () => {
    network.plug('eth2');
    network.refuses = (command) => (command.includes('macvtap') ? 'Operation not supported' : undefined);
    const { prepare, nics, changes } = life([named('eth2', 'macvtap'), { kind: 'other', other: user }]);
    expect(await prepare()).toMatchObject([{ id: 'nic1', backend: { kind: 'user' } }]);
    expect(nics.nics).toMatchObject([{ id: 'nic0', backend: 'none', linkUp: false }, { id: 'nic1' }]);
    expect(changes()).toEqual([
      expect.stringMatching(/^missing: nic0 is left out: macvtap: .*not supported/),
    ]);
  });

  test('u32 stands in for matchall, and a bridge lets all groups but pause pass', async () => {
    network.plug('eth2');
    network.plug('eth3');
    network.refuses = (command) => (command.includes('matchall') ? 'No such file' : undefined);
    await life([named('eth2', 'tc'), named('eth3', 'bridge')]).prepare();
    const end = 'action mirred egress redirect dev';
    for (const [from, to] of [
      ['qbt-eth2', 'eth2'],
      ['eth2', 'qbt-eth2'],
    ]) {
      expect(network.commands).toContain(
        `tc filter add dev ${from} parent ffff: protocol all prio 1 u32 match u8 0 0 ${end} ${to}`,
      );
    }
    for (const port of ['eth3', 'qbt-eth3']) {
      expect(network.commands).toContain(`ip link set dev ${port} type bridge_slave group_fwd_mask 0xfffd`);
    }
    // The guest bears the wire's address, so the wire gets another.
    expect(network.commands).toContain('ip link set dev eth3 address ae:c1:ab:00:00:03');
  });

  test('removes left-overs of its own, and leaves another appliance’s alone', async () => {
    network.plug('eth2');
    network.plug('eth3');
    network.plug('qbm-eth2', { kind: 'macvtap', parent: 'eth2', alias: 'qemu-bmc /run/x' });
    network.plug('qbm-eth3', { kind: 'macvtap', parent: 'eth3', alias: 'qemu-bmc /run/other' });
    const { prepare, changes } = life([named('eth2', 'macvtap'), named('eth3', 'macvtap')]);
    expect(await prepare()).toMatchObject([{ id: 'nic0' }]);
    expect(network.commands).toContain('ip link delete dev qbm-eth2');
    expect(network.commands).not.toContain('ip link delete dev qbm-eth3');
    expect(changes()).toEqual([expect.stringContaining('eth3 is used by qemu-bmc /run/other')]);
  });

  test('names for long wires fit the kernel and differ', async () => {
    network.plug('enp129s0f1np1a');
    network.plug('enp129s0f1np1b');
    const choices = [named('enp129s0f1np1a', 'tc'), named('enp129s0f1np1b', 'tc')];
    const configs = await life(choices).prepare();
    const devices = configs.map(({ backend }) => (backend.kind === 'tap' ? backend.device : ''));
    expect(new Set(devices).size).toBe(2);
    for (const device of devices) expect(device).toMatch(/^qbt-[0-9a-f]{8}$/);
  });

  test('nothing found and nothing promised is one user-mode card; a broken promise is none, and is told', async () => {
    expect(await life([all]).prepare()).toMatchObject([{ id: 'nic0', backend: { kind: 'user' } }]);
    const promised = life([all], { promised: 2 });
    expect(await promised.prepare()).toEqual([]);
    expect(promised.changes()).toEqual([
      'missing: waited 60 s in vain for 2 of 2 promised links; the machine starts with no wire',
    ]);
  });

  test('waits in vain only once', async () => {
    const { nics, prepare } = life([all], { promised: 1 });
    await prepare();
    await nics.release();
    let done = false;
    void nics.prepare({ cpus: 1, aborted: new AbortController().signal }).then(() => {
      done = true;
    });
    await settled();
    expect(done).toBe(true);
  });

  test('a wire that is named and does not come leaves a card with its cable unplugged', async () => {
    const { nics, prepare, changes, events } = life([named('eth2')]);
    expect(await prepare()).toMatchObject([
      { id: 'nic0', mac: '52:54:00:00:00:00', mtu: 1500, backend: { kind: 'tap', device: 'qbt-eth2' } },
    ]);
    expect(nics.nics).toMatchObject([{ backend: 'tc', linkUp: false, note: 'eth2 is not there' }]);
    network.plug('eth2');
    await settled();
    expect(nics.nics).toMatchObject([{ linkUp: true, note: undefined }]);
    expect(events).toContainEqual({ kind: 'link', id: 'nic0', up: true });
    expect(changes().at(-1)).toBe('wire-returned: nic0: eth2 is there and attached');
  });
});

describe('while the machine runs', () => {
  test('carrier of the wire is the link of the card', async () => {
    network.plug('eth2');
    const { prepare, events, nics } = life([all]);
    await prepare();
    for (const carrier of [false, true, true]) {
      network.change('eth2', { carrier });
      await settled();
    }
    expect(events).toEqual([
      { kind: 'link', id: 'nic0', up: false },
      { kind: 'link', id: 'nic0', up: true },
    ]);
    expect(nics.nics).toMatchObject([{ linkUp: true }]);
  });

  test.each(['tc', 'bridge'] as const)('%s attaches a wire that returns, once it is up', async (backend) => {
    network.plug('eth2');
    const { prepare, changes, nics } = life([named('eth2', backend)]);
    await prepare();
    network.unplug('eth2');
    await settled();
    expect(nics.nics).toMatchObject([{ linkUp: false, note: 'eth2 has gone' }]);
    network.commands.length = 0;
    network.plug('eth2', { up: false, carrier: false });
    await settled();
    expect(network.commands).toEqual([]);
    network.change('eth2', { up: true, carrier: true });
    await settled();
    expect(network.commands).toContain('ip address flush dev eth2');
    expect(network.commands.join('\n')).toMatch(
      backend === 'tc' ? /redirect dev eth2/ : /eth2 master qbb-eth2/,
    );
    expect(nics.nics).toMatchObject([{ linkUp: true, note: undefined }]);
    expect(changes()).toEqual([
      'wire-lost: nic0: eth2 has gone',
      'wire-returned: nic0: eth2 is there and attached',
    ]);
  });

  test('macvtap says that a wire that returns takes a power cycle, and attaches it then', async () => {
    network.plug('eth2');
    const { prepare, changes, nics } = life([named('eth2', 'macvtap')]);
    await prepare();
    network.unplug('eth2');
    await settled();
    network.plug('eth2');
    await settled();
    network.change('eth2', { mtu: 1500 });
    await settled();
    expect(nics.nics).toMatchObject([{ linkUp: false }]);
    expect(changes().at(-1)).toBe(
      'late: nic0: eth2 is back, but macvtap can attach it only at the next power cycle',
    );
    await nics.release();
    await prepare();
    expect(nics.nics).toMatchObject([{ linkUp: true, note: undefined, mtu: 1500 }]);
  });

  test('what happens while the cards are being made is not missed', async () => {
    network.plug('eth2');
    const { prepare, events } = life([named('eth2', 'tc')]);
    network.refuses = (command) => {
      if (command.includes('promisc on')) network.change('eth2', { carrier: false });
      return undefined;
    };
    await prepare();
    await settled();
    expect(events).toContainEqual({ kind: 'link', id: 'nic0', up: false });
  });

  test('a wire that comes after the start is told, once', async () => {
    network.plug('eth2');
    const { prepare, changes } = life([all]);
    await prepare();
    network.plug('eth3');
    await settled();
    network.change('eth3', { carrier: false });
    await settled();
    expect(changes()).toEqual([
      'late: eth3 has come after the machine’s start: a card at the next power cycle',
    ]);
  });
});

describe('another life', () => {
  test('takes up the cards of a QEMU that runs, without making anything, and sees what has changed', async () => {
    network.plug('eth2');
    network.plug('eth3');
    const first = life([all]);
    await first.prepare();
    await first.nics.close();
    network.change('eth2', { carrier: false });
    network.unplug('eth3');
    network.commands.length = 0;
    const second = life([all]);
    await second.nics.adopt();
    expect(network.commands).toEqual([]);
    expect(second.nics.nics).toMatchObject([
      { wire: 'eth2', backend: 'macvtap', linkUp: false },
      { wire: 'eth3', linkUp: false, note: 'eth3 has gone' },
    ]);
    await second.nics.release();
    expect(network.commands).toEqual(['ip link delete dev qbm-eth2', 'ip link delete dev qbm-eth3']);
  });

  test('whose QEMU has ended meanwhile removes everything and gives the wires back at its end', async () => {
    const address = {
      family: 'inet',
      address: '10.1.0.5',
      prefixLength: 24,
      scope: 'global',
      broadcast: '10.1.0.255',
    } as const;
    const { mac } = network.plug('eth2', { addresses: [address] });
    const first = life([named('eth2', 'bridge')]);
    await first.prepare();
    await first.nics.close();
    network.change('eth2', { mac: 'ae:c1:ab:00:00:02', addresses: [] });
    network.commands.length = 0;
    const second = life([named('eth2', 'bridge')]);
    await second.nics.release();
    expect(network.commands).toEqual(['ip link delete dev qbt-eth2', 'ip link delete dev qbb-eth2']);
    await second.nics.close();
    expect(network.commands.slice(2)).toEqual([
      `ip link set dev eth2 address ${mac}`,
      'ip address replace 10.1.0.5/24 broadcast 10.1.0.255 dev eth2',
    ]);
    expect(existsSync(join(folder, 'nics.json'))).toBe(false);
    expect(network.watching).toBe(false);
  });

  test('what a wire was is on the disk before anything of it is changed', async () => {
    network.plug('eth2');
    let kept = '';
    network.refuses = (command) => {
      if (kept === '' && command.startsWith('ip address flush'))
        kept = readFileSync(join(folder, 'nics.json'), 'utf8');
      return undefined;
    };
    await life([all]).prepare();
    expect(JSON.parse(kept)).toMatchObject({ wires: [{ name: 'eth2', ipv6Disabled: '0' }] });
  });
});
