/** What happens to a server, and the records that the SEL has of it. */
import { describe, expect, test } from 'vitest';
import { Bmc } from '../../../src/bmc/bmc.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
import { feedSel } from '../../../src/ipmi/sel-feed.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { FakeMachine } from '../../../src/machine/fake/fake-machine.ts';
import { tester } from '../../support/actors.ts';
import { benchUuid } from '../../support/lan-bench.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';
import { MemoryImages, ScriptedFetcher } from '../../support/scripted-media.ts';

const actor = { name: 'admin', face: 'ipmi' } as const;

async function setUp(store = memoryStore(), found = false) {
  const clock = new ScriptedClock();
  const machine = new FakeMachine({ clock, running: found });
  const bmc = new Bmc({
    machine,
    identity: {
      uuid: benchUuid,
      serialNumber: 'QB0',
      manufacturer: 'qemu-bmc',
      product: 'bench',
      firmwareVersion: '1.0.0',
    },
    users: [{ name: 'admin', password: 'password', limit: 'administrator' }],
    restorePolicy: 'always-off',
    softOffTimeoutMs: 1000,
    media: { images: new MemoryImages(), fetcher: new ScriptedFetcher() },
    store,
    clock,
    random: systemRandom(),
    log: silentLogger,
  });
  feedSel(bmc);
  await bmc.start({ powerReturned: true, powerOn: false });
  const bench = {
    bmc,
    clock,
    machine,
    async settle() {
      await clock.advanceAsync(2000, 100);
    },
    /** What was recorded since the last call: sensor type, number, offset, a minus for the end of a state, byte 2. */
    records(): string[] {
      const told = bmc.sel.entries.slice(seen).map(({ content }) => {
        if (content.kind !== 'system') return content.kind;
        const { sensorType, sensorNumber, asserted, data } = content;
        const hex = (value: number) => value.toString(16).padStart(2, '0');
        const detail = data[0] >> 4 === 0x0c ? ` ${hex(data[1])}` : '';
        return `${asserted ? '+' : '-'}${hex(sensorType)}#${hex(sensorNumber)}:${data[0] & 0x0f}${detail}`;
      });
      seen = bmc.sel.entries.length;
      return told;
    },
  };
  let seen = 0;
  return bench;
}

async function running() {
  const bench = await setUp();
  bench.bmc.power.request('on', actor);
  await bench.settle();
  bench.records();
  return bench;
}

describe('the SEL says', () => {
  test('that the BMC came, and went', async () => {
    const bench = await setUp();
    expect(bench.records()).toEqual(['-28#08:2']);
    await bench.bmc.stop();
    expect(bench.records()).toEqual(['+28#08:2']);
  });

  test('that a wire is missing or gone, that it is back, and nothing of a card that is only attached otherwise', async () => {
    const { machine, records, bmc } = await running();
    for (const change of ['missing', 'fallback', 'late', 'wire-lost', 'wire-returned'] as const) {
      machine.wireChanges(change, `text of ${change}`);
    }
    expect(records()).toEqual(['+27#0d:0', '+27#0d:0', '+27#0d:1']);
    expect(bmc.events.list().slice(-5)).toMatchObject([
      { kind: 'nic-missing', text: 'text of missing' },
      { kind: 'nic-fallback' },
      { kind: 'nic-late' },
      { kind: 'wire-lost' },
      { kind: 'wire-returned' },
    ]);
  });

  test('that the power was switched, and why the system starts', async () => {
    const bench = await setUp();
    bench.records();
    bench.bmc.power.request('on', actor);
    await bench.settle();
    expect(bench.records()).toEqual(['+1d#0a:0', '-09#01:0']);
    bench.bmc.power.request('reset', actor);
    await bench.settle();
    expect(bench.records()).toEqual(['+1d#0a:1']);
    bench.bmc.power.request('cycle', actor);
    await bench.settle();
    expect(bench.records()).toEqual(['+09#01:0', '+1d#0a:0', '-09#01:0']);
    bench.bmc.power.request('off', actor);
    await bench.settle();
    expect(bench.records()).toEqual(['+09#01:0']);
  });

  test('that it was started for the network, or for diagnosis', async () => {
    const bench = await setUp();
    for (const [target, offset] of [
      ['pxe', 3],
      ['diagnostic', 4],
    ] as const) {
      bench.bmc.boot.set({ target, persistent: false }, actor);
      bench.bmc.power.request('on', actor);
      await bench.settle();
      expect(bench.records()).toContain(`+1d#0a:${offset}`);
      bench.bmc.power.request('off', actor);
      await bench.settle();
    }
  });

  test.each<[string, (machine: FakeMachine) => void, string[]]>([
    ['restarted itself', (machine) => machine.guestReboot(), ['+1d#0a:5']],
    ['shut down', (machine) => machine.guestShutdown(), ['+20#05:3', '+09#01:0']],
    ['panicked', (machine) => machine.panic(), ['+20#05:1']],
    ['was reset by its own watchdog', (machine) => machine.watchdogBites(), ['+23#02:1 0f', '+1d#0a:7 04']],
    ['died', (machine) => machine.crash(), ['+09#01:6', '+09#01:0']],
  ])('that the guest %s', async (_what, happen, expected) => {
    const bench = await running();
    happen(bench.machine);
    await bench.settle();
    expect(bench.records()).toEqual(expected);
  });

  test('that a guest found running restarted itself, not that it was switched on', async () => {
    const bench = await setUp(memoryStore(), true);
    bench.records();
    bench.machine.guestReboot();
    expect(bench.records()).toEqual(['+1d#0a:5']);
  });

  test('that power could not be had', async () => {
    const bench = await setUp();
    bench.records();
    bench.machine.faults.startFails = 'no memory';
    bench.bmc.power.request('on', actor);
    await bench.settle();
    expect(bench.records()).toEqual(['+09#01:5']);
  });

  test('that the diagnostic interrupt was pressed', async () => {
    const bench = await running();
    bench.bmc.power.request('diag', actor);
    await bench.settle();
    expect(bench.records()).toEqual(['+13#0c:0']);
  });

  test('what the BMC watchdog warned of and did', async () => {
    const bench = await running();
    const settings = {
      use: 'sms-os',
      action: 'reset',
      interrupt: 'messaging',
      preTimeoutMs: 500,
      timeoutMs: 1000,
    } as const;
    bench.bmc.watchdog.set({ ...settings, dontLog: false }, tester);
    bench.bmc.watchdog.restart(tester);
    await bench.settle();
    expect(bench.records()).toEqual(['+23#02:8 34', '+23#02:1 34', '+1d#0a:7 04']);
    bench.bmc.watchdog.set({ ...settings, dontLog: true }, tester);
    bench.bmc.watchdog.restart(tester);
    await bench.settle();
    expect(bench.records()).toEqual(['+1d#0a:7 04']);
  });

  test('that event filtering acted, and what came of it', async () => {
    const bench = await running();
    const { pef, eventReceiver } = bench.bmc;
    const [first, ...others] = pef.settings.filters;
    if (!first) throw new Error('no filters');
    const filter = { ...first, sensorType: 0x02, offsets: 0xffff, actions: ['reset'] } as const;
    pef.update({ logActions: true, allowedActions: ['reset'], filters: [filter, ...others] }, tester);
    eventReceiver.receive({
      kind: 'system',
      generatorId: 0x1081,
      messageRevision: 4,
      sensorType: 0x02,
      sensorNumber: 0x60,
      asserted: true,
      eventType: 0x01,
      data: [2, 0xff, 0xff],
    });
    await bench.settle();
    expect(bench.records()).toEqual(['+02#60:2', '+12#03:4 04', '+1d#0a:7 08']);
  });

  test('that it was cleared, and that it is full', async () => {
    const { bmc, records } = await setUp();
    bmc.sel.clear(tester);
    const one = bmc.sel.entries[0]?.content;
    expect(bmc.sel.entries).toHaveLength(1);
    expect(one).toMatchObject({ sensorType: 0x10, sensorNumber: 0x06, data: [2, 0xff, 0xff] });
    records();
    const heard: unknown[] = [];
    bmc.eventReceiver.onRecord((received) => heard.push(received));
    while (bmc.sel.free > 0 && one) bmc.sel.add(one);
    expect(records().at(-1)).toBe('+10#06:4');
    expect(heard.at(-1)).toMatchObject({
      event: { sensorType: 0x10, data: [4, 0xff, 0xff] },
      entry: { id: 4095 },
    });
    expect(bmc.sel.entries).toHaveLength(bmc.sel.capacity);
  });

  test('that a threshold was crossed, with reading and threshold', async () => {
    const bench = await setUp();
    bench.records();
    bench.bmc.sensors.analog('cpuTemp').override(92);
    const last = bench.bmc.sel.entries.at(-1)?.content;
    expect(last).toMatchObject({
      sensorType: 0x01,
      sensorNumber: 0x20,
      eventType: 0x01,
      asserted: true,
      data: [0x59, 92, 90],
    });
  });

  test('that a medium came and went, which the sensor shows while it is there', async () => {
    const { bmc, records } = await running();
    const { media } = bmc;
    const shown = () => [...(bmc.sensors.discrete('mediaSlot').states ?? [])];
    const request = { url: 'http://images.example/boot.iso', readOnly: true, inserted: true };
    await media?.insert('cd', request, actor).done;
    expect(records()).toEqual(['+21#0e:2']);
    expect(shown()).toEqual(['device-installed']);
    await media?.eject('cd', actor);
    expect(records()).toEqual(['-21#0e:2']);
    expect(shown()).toEqual([]);
  });

  test('that the TPM failed', async () => {
    const { bmc, machine, clock, records } = await running();
    bmc.machineSettings.set({ tpm: true }, actor);
    bmc.power.request('reset', actor);
    await clock.advance(2_000);
    records();
    machine.failTpm();
    expect(records()).toEqual([expect.stringMatching(/^\+12#..:2$/)]);
  });

  test('nothing, when the BMC is not to send events', async () => {
    const bench = await running();
    bench.bmc.eventReceiver.setOwnEvents(false, tester);
    bench.machine.panic();
    expect(bench.records()).toEqual([]);
  });

  test('the same after a restart of the BMC', async () => {
    const store = memoryStore();
    const first = await setUp(store);
    first.machine.panic();
    const before = [...first.bmc.sel.entries];
    const second = await setUp(store);
    expect(second.bmc.sel.entries.slice(0, before.length)).toEqual(before);
  });
});
