import { describe, expect, test } from 'vitest';
import { EventLog } from '../../../src/bmc/event-log.ts';
import {
  ManagementNetwork,
  type NetworkControl,
  type NetworkSettings,
  type NetworkState,
  prefixLengthOf,
} from '../../../src/bmc/management-network.ts';
import { SetInProgress } from '../../../src/bmc/set-in-progress.ts';
import { memoryStore, type Store } from '../../../src/bmc/store.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { tester } from '../../support/actors.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const admin = { name: 'admin', face: 'ipmi' } as const;
const present: NetworkSettings = {
  source: 'static',
  address: '192.0.2.10',
  mask: '255.255.255.0',
  gateway: '192.0.2.1',
  vlan: { id: 0, enabled: false, priority: 0 },
  static6: [null, null, null, null],
  router6: '::',
};

/** An interface that does what it is told, unless told to fail. */
class ScriptedControl implements NetworkControl {
  dhcp = false;
  ipv6 = true;
  now: NetworkSettings = present;
  failure: string | undefined;
  /** What it was told, in order. */
  readonly told: NetworkSettings[] = [];
  stopped = false;

  async settings(): Promise<NetworkSettings> {
    return this.now;
  }

  async apply(settings: NetworkSettings): Promise<void> {
    this.told.push(settings);
    if (this.failure !== undefined) throw new Error(this.failure);
    this.now = settings;
  }

  async stop(): Promise<void> {
    this.stopped = true;
  }
}

function setUp({ store = memoryStore(), managed = true }: { store?: Store; managed?: boolean } = {}) {
  const clock = new ScriptedClock();
  const control = new ScriptedControl();
  const events = new EventLog(clock, memoryStore(), silentLogger);
  const setInProgress = new SetInProgress('LAN settings');
  let looks = 0;
  const look = async (): Promise<NetworkState> => {
    looks++;
    const { address, mask, source, gateway } = control.now;
    return {
      v4: { address, mask, source },
      v6: [],
      mac: '52:54:00:00:00:01',
      gateway4: { address: gateway, mac: '52:54:00:00:00:02' },
      hopLimit4: 64,
      hopLimit6: 64,
    };
  };
  const network = new ManagementNetwork({
    look,
    control: managed ? control : undefined,
    setInProgress,
    store,
    events,
    clock,
  });
  return {
    clock,
    control,
    network,
    setInProgress,
    store,
    looks: () => looks,
    texts: () => events.list().map(({ text }) => text),
    set: (wish: Partial<NetworkSettings>) => network.change(() => wish, admin),
  };
}

describe('the network', () => {
  test('is looked at once a second at most', async () => {
    const { network, clock, looks } = setUp();
    await network.state();
    await network.state();
    expect(looks()).toBe(1);
    clock.advance(1000);
    await network.state();
    expect(looks()).toBe(2);
  });

  test('is not changed unless the configuration says so', async () => {
    const { network, set, control } = setUp({ managed: false });
    expect(network.changeable).toEqual({ v4: false, v6: false });
    await expect(set({ address: '192.0.2.20' })).rejects.toMatchObject({ kind: 'not-permitted' });
    expect(control.told).toEqual([]);
  });
});

describe('a reset to defaults', () => {
  test('leaves the interface as it is and forgets what was wanted for the next start', async () => {
    const { network, set, control, clock, store } = setUp();
    await set({ address: '192.0.2.20' });
    await clock.advance(1000);
    await set({ address: '192.0.2.30' });
    network.resetToDefaults(tester);
    await clock.advance(5000);
    expect(control.told.map(({ address }) => address)).toEqual(['192.0.2.20']);
    const again = setUp({ store });
    await again.network.start();
    expect(again.control.told).toEqual([]);
    // A wish after the reset begins with what the interface is then.
    await set({ gateway: '192.0.2.254' });
    await clock.advance(1000);
    expect(control.told.at(-1)).toMatchObject({ address: '192.0.2.20', gateway: '192.0.2.254' });
  });
});

describe('a wish', () => {
  test('is told at once, kept at once and in effect a second after the last one', async () => {
    const { network, set, control, clock, store, texts } = setUp();
    await set({ address: '192.0.2.20' });
    await clock.advanceAsync(900, 100);
    await set({ mask: '255.255.0.0', gateway: '192.0.0.1' });
    expect(await network.state()).toMatchObject({
      v4: { address: '192.0.2.20', mask: '255.255.0.0' },
      gateway4: { address: '192.0.0.1' },
    });
    expect(store.load('lan-network')).toMatchObject({ address: '192.0.2.20', gateway: '192.0.0.1' });
    await clock.advanceAsync(900, 100);
    expect(control.told).toEqual([]);
    await clock.advanceAsync(100, 100);
    expect(control.told).toEqual([
      { ...present, address: '192.0.2.20', mask: '255.255.0.0', gateway: '192.0.0.1' },
    ]);
    expect(texts()).toEqual([
      'LAN interface: address: 192.0.2.10 → 192.0.2.20, by admin',
      'LAN interface: mask: 255.255.255.0 → 255.255.0.0, gateway: 192.0.2.1 → 192.0.0.1, by admin',
      'LAN: address 192.0.2.20/16, gateway 192.0.0.1 set by admin',
    ]);
  });

  test('waits for the end of a series that was announced', async () => {
    const { set, control, clock, setInProgress } = setUp();
    setInProgress.begin({ open: true });
    await set({ address: '192.0.2.20' });
    await clock.advanceAsync(10_000, 500);
    expect(control.told).toEqual([]);
    setInProgress.complete();
    await clock.advanceAsync(1000, 500);
    expect(control.told).toHaveLength(1);
  });

  test('that changes nothing does nothing', async () => {
    const { set, control, clock, store } = setUp();
    await set({ address: present.address });
    await clock.advanceAsync(2000, 500);
    expect([control.told, store.load('lan-network')]).toEqual([[], undefined]);
  });

  test('that fails is taken back, and the event log says why', async () => {
    const { network, set, control, clock, store, texts } = setUp();
    await set({ address: '192.0.2.20' });
    await clock.advanceAsync(1000, 500);
    control.failure = 'ip address add: no';
    await set({ address: '192.0.2.30' });
    await set({ gateway: '192.0.2.2' });
    await clock.advanceAsync(1000, 500);
    expect(texts().at(-1)).toBe(
      'LAN: address 192.0.2.30/24, gateway 192.0.2.2, wanted by admin, could not be set: ip address add: no; ' +
        'it stays address 192.0.2.20/24, gateway 192.0.2.1',
    );
    expect((await network.state())?.v4?.address).toBe('192.0.2.20');
    expect(store.load('lan-network')).toMatchObject({ address: '192.0.2.20', gateway: '192.0.2.1' });
  });

  test('that comes while another takes effect follows it', async () => {
    const { network, set, control, clock } = setUp();
    let release: () => void = () => undefined;
    const apply = control.apply.bind(control);
    control.apply = async (settings) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      await apply(settings);
    };
    await set({ address: '192.0.2.20' });
    await clock.advanceAsync(1000, 500);
    await set({ address: '192.0.2.30' });
    await clock.advanceAsync(3000, 500);
    expect(control.told).toEqual([]);
    release();
    await clock.advanceAsync(1000, 500);
    release();
    await clock.advanceAsync(0, 1);
    expect(control.told.map(({ address }) => address)).toEqual(['192.0.2.20', '192.0.2.30']);
    expect((await network.state())?.v4?.address).toBe('192.0.2.30');
  });

  test.each([
    [{ address: '224.0.0.1' }],
    [{ address: '127.0.0.5' }],
    [{ address: '0.0.0.0' }],
    [{ mask: '255.0.255.0' }],
    [{ mask: '0.0.0.0' }],
    [{ gateway: '255.255.255.255' }],
    [{ vlan: { id: 0, enabled: true, priority: 0 } }],
    [{ vlan: { id: 4095, enabled: true, priority: 0 } }],
    [{ static6: [{ address: 'ff02::1', prefixLength: 64 }, null, null, null] }],
    [{ static6: [{ address: 'fe80::1', prefixLength: 64 }, null, null, null] }],
    [{ static6: [{ address: '2001:db8::1', prefixLength: 129 }, null, null, null] }],
    [{ router6: 'ff02::2' }],
  ] as const)('for %j is refused', async (wish) => {
    const { set, control, clock, store } = setUp();
    await expect(set(wish)).rejects.toMatchObject({ kind: 'bad-argument' });
    await clock.advanceAsync(2000, 500);
    expect([control.told, store.load('lan-network')]).toEqual([[], undefined]);
  });

  test('for DHCP needs a client, and then leaves no address to be set by hand', async () => {
    const { set, control } = setUp();
    await expect(set({ source: 'dhcp' })).rejects.toMatchObject({ kind: 'wrong-state' });
    control.dhcp = true;
    await set({ source: 'dhcp' });
    // The one from before, too: it is not the one in force.
    await expect(set({ address: present.address })).rejects.toMatchObject({ kind: 'wrong-state' });
    await expect(set({ address: '192.0.2.20' })).rejects.toMatchObject({ kind: 'wrong-state' });
    await set({ source: 'static', address: '192.0.2.20' });
  });
});

describe('at start', () => {
  test('what was set is put into effect again', async () => {
    const first = setUp();
    await first.set({ address: '192.0.2.20' });
    const { network, control } = setUp({ store: first.store });
    await network.start();
    expect(control.now.address).toBe('192.0.2.20');
    await network.stop();
    expect(control.stopped).toBe(true);
  });

  test('nothing is touched where nothing was set, or where the configuration no longer permits it', async () => {
    const first = setUp();
    await first.network.start();
    expect(first.control.told).toEqual([]);
    await first.set({ address: '192.0.2.20' });
    const fixed = setUp({ store: first.store, managed: false });
    await fixed.network.start();
    expect(fixed.control.told).toEqual([]);
    expect((await fixed.network.state())?.v4?.address).toBe('192.0.2.10');
  });

  test('a failure is an event, and the truth is told', async () => {
    const first = setUp();
    await first.set({ address: '192.0.2.20' });
    const { network, control, texts } = setUp({ store: first.store });
    control.failure = 'interface eth0 is gone';
    await network.start();
    const text =
      'LAN: address 192.0.2.20/24, gateway 192.0.2.1 could not be set at start: interface eth0 is gone';
    expect(texts()).toEqual([text, text]);
    expect((await network.state())?.v4?.address).toBe('192.0.2.10');
  });

  test('one IPv6 address has one text, however clients write it', async () => {
    const { network, control, clock, set } = setUp();
    await set({
      static6: [{ address: '2001:DB8:0:0:0:0:0:1', prefixLength: 64 }, null, null, null],
      router6: 'FD00:0000::0001',
    });
    expect(network.static6?.[0]).toEqual({ address: '2001:db8::1', prefixLength: 64 });
    expect((await network.state())?.gateway6).toEqual({ address: 'fd00::1' });
    await clock.advanceAsync(1000);
    expect(control.now.router6).toBe('fd00::1');
  });

  test('an IPv6 address that is taken does not cost the others', async () => {
    const first = setUp();
    await first.set({
      address: '192.0.2.20',
      static6: [{ address: '2001:db8::1', prefixLength: 64 }, null, null, null],
    });
    const { network, control, texts } = setUp({ store: first.store });
    const apply = control.apply.bind(control);
    control.apply = async (settings) => {
      if (settings.static6[0]) throw new Error('another host has it');
      await apply(settings);
    };
    await network.start();
    expect(control.now.address).toBe('192.0.2.20');
    expect(texts()).toEqual([
      expect.stringContaining('2001:db8::1/64 could not be set at start: another host'),
    ]);
  });

  test('settings that make no sense are not used', async () => {
    const store = memoryStore();
    store.save('lan-network', { ...present, address: '999.1.1.1' });
    const { network, control } = setUp({ store });
    await network.start();
    expect(control.told).toEqual([]);
  });
});

test('masks have a length unless they have holes', () => {
  expect(['255.255.255.0', '0.0.0.0', '255.255.255.255', '255.0.255.0'].map(prefixLengthOf)).toEqual([
    24,
    0,
    32,
    undefined,
  ]);
});
