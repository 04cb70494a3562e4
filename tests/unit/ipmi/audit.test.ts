/**
 * Who changes anything by a command is in the audit log. Each command of the table is sent with many bodies, most of them
 * made of the values that its parameters are made of; whenever something has changed thereby (in the store, or of what
 * is kept until the BMC restarts) there must be an entry with the name of whoever sent it.
 */
import { describe, expect, test } from 'vitest';
import type { Actor } from '../../../src/bmc/actor.ts';
import { memoryStore, type Store } from '../../../src/bmc/store.ts';
import { Channel } from '../../../src/ipmi/commands/command.ts';
import { ipmiCommands } from '../../../src/ipmi/commands/commands.ts';
import { SensorNumber } from '../../../src/ipmi/records/sensor-numbers.ts';
import { InBandBench, lanContext } from '../../support/in-band-bench.ts';

const actor: Actor = { name: 'somebody', face: 'ipmi', from: '192.0.2.77:40000' };
const triesPerCommand = 1500;

/** What a command changes without an entry, and why. */
const unaudited: Readonly<Record<string, string>> = {
  'Add SEL Entry':
    'the record is an entry of a log itself, which Clear and Delete, both audited, cannot hide',
  'Partial Add SEL Entry': 'as Add SEL Entry',
  'Platform Event': 'as Add SEL Entry',
  'Re-arm Sensor Events': 'forgets what was reported; what lasts is reported again, into the SEL',
  'Write FRU Data': 'one entry stands for all the pieces that a client writes one after the other',
};

/** Stores that follow from what the BMC does, not from what it is told. */
const notSettings = new Set(['events', 'power-on-time', 'restart', 'self-test', 'users-mark', 'lan-mark']);

/** Remembers what was saved. */
function watched(): { readonly store: Store; readonly saved: string[] } {
  const inner = memoryStore();
  const saved: string[] = [];
  const note = (name: string) => {
    if (!notSettings.has(name)) saved.push(name);
  };
  return {
    saved,
    store: {
      ...inner,
      save(name, value) {
        if (JSON.stringify(inner.load(name)) !== JSON.stringify(value)) note(name);
        inner.save(name, value);
      },
      append(name, record) {
        note(name);
        inner.append(name, record);
      },
      rewrite(name, records) {
        note(name);
        inner.rewrite(name, records);
      },
    },
  };
}

/** What is kept until the BMC restarts. */
function volatileState({ bmc, state }: InBandBench): string {
  const { identify, watchdog, sol, lan, pef, eventReceiver, hostInfo } = bmc;
  return JSON.stringify([
    ...[identify.state, watchdog.settings, watchdog.running, [...watchdog.expired]],
    ...[sol.volatileBitRate, lan.access, lan.destinations, pef.volatileString, pef.volatileStringKey],
    ...[pef.postponedS, eventReceiver.ownEvents, state.hostMessages.enables],
    ...[hostInfo.get('os-name'), hostInfo.get('os-version'), bmc.frontPanel.disabled.size, bmc.boot.override],
    bmc.sensors.list().map((sensor) => sensor.overridden),
  ]);
}

/** With all in the store that is made when it is first asked for. */
async function started(store: Store): Promise<InBandBench> {
  const bench = await InBandBench.started({ store, running: false });
  expect(bench.state.sdr.records.length).toBeGreaterThan(0);
  return bench;
}

/** Numbers that repeat from run to run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What selectors, channels, levels and flags are made of; and the letters that clear a log. */
const usual = [
  0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0e, 0x0f, 0x10, 0x11, 0x14, 0x20, 0x31, 0x40, 0x80, 0xaa, 0xc0,
  0xff,
];
const clearing = [0, 0, 0x43, 0x4c, 0x52, 0xaa];

function randomBody(random: (below: number) => number): number[] {
  const byte = () => (random(8) === 0 ? random(256) : (usual[random(usual.length)] ?? 0));
  const body = Array.from({ length: random(24) }, byte);
  if (random(4) === 0) body.splice(0, 6, ...clearing);
  return body;
}

type Bodies = (bench: InBandBench) => readonly (readonly number[])[];

/** Where chance would need long: bodies that fit, sent first. */
const fitting: Readonly<Record<string, Bodies>> = {
  'Set User Name': () => [[5, ...Buffer.alloc(16).fill('bob', 0, 3)]],
  'Set LAN Configuration Parameters': () => [[1, 16, ...Buffer.alloc(18).fill('rack7', 0, 5)]],
  'Set Sensor Thresholds': () =>
    Array.from({ length: 100 }, (_, value) => [SensorNumber.cpuTemp, 0x08, 0, 0, 0, value, 0, 0]),
  'Set BMC Global Enables': () => [[0x01]],
  'Clear SEL': (bench) => {
    bench.bmc.sel.add({ kind: 'oem', type: 0xc1, data: [1, 2, 3, 4, 5, 6, 7, 8, 9] });
    return [[...reservation(bench, 0x42), ...Buffer.from('CLR'), 0xaa]];
  },
  'Delete SEL Entry': (bench) => {
    const { id } = bench.bmc.sel.add({ kind: 'oem', type: 0xc1, data: [1, 2, 3, 4, 5, 6, 7, 8, 9] });
    return [[...reservation(bench, 0x42), id, 0]];
  },
  'Delete SDR': (bench) => {
    const id = bench.state.sdr.add(sdr, actor);
    return [[...reservation(bench, 0x22), id & 0xff, id >> 8]];
  },
  'Clear SDR Repository': (bench) => {
    bench.state.sdr.add(sdr, actor);
    return [[...reservation(bench, 0x22), ...Buffer.from('CLR'), 0xaa]];
  },
  'Reset Watchdog Timer': (bench) => {
    const limits = { preTimeoutMs: 0, timeoutMs: 60_000 } as const;
    const what = { use: 'sms-os', action: 'none', interrupt: 'none', dontLog: false } as const;
    bench.bmc.watchdog.set({ ...what, ...limits }, actor);
    return [[]];
  },
};

/** A record of a client's own: an OEM record. */
const sdr = Uint8Array.of(0, 0, 0x51, 0xc0, 4, 1, 2, 3, 4);

/** What Reserve SEL or Reserve SDR Repository gives. */
function reservation({ guest }: InBandBench, cmd: number): readonly number[] {
  const [, ...id] = guest.command(0x0a, cmd);
  return id;
}

/** Commands that changed something in this test, each with an entry. Shorter: something is no longer tried. */
const changing = [
  'Add SDR',
  'Arm PEF Postpone Timer',
  'Chassis Control',
  'Chassis Identify',
  'Clear SDR Repository',
  'Clear SEL',
  'Delete SDR',
  'Delete SEL Entry',
  'Reset Watchdog Timer',
  'Set Asset Tag',
  'Set BMC Global Enables',
  'Set Channel Access',
  'Set Channel Security Keys',
  'Set Chassis Capabilities',
  'Set Event Receiver',
  'Set Front Panel Enables',
  'Set LAN Configuration Parameters',
  'Set Last Processed Event ID',
  'Set Management Controller Identifier String',
  'Set PEF Configuration Parameters',
  'Set Power Cycle Interval',
  'Set Power Restore Policy',
  'Set SDR Repository Time',
  'Set SEL Time',
  'Set SEL Time UTC Offset',
  'Set SOL Configuration Parameters',
  'Set Sensor Event Enable',
  'Set Sensor Hysteresis',
  'Set Sensor Reading And Event Status',
  'Set Sensor Thresholds',
  'Set System Boot Options',
  'Set System Info Parameters',
  'Set User Access',
  'Set User Name',
  'Set User Password',
  'Set User Payload Access',
  'Set Watchdog Timer',
  'Write FRU Data',
];

describe('a change by a command', () => {
  const seen = new Set<string>();

  test.each(ipmiCommands.definitions.map((definition) => [definition.name, definition] as const))(
    '%s is in the audit log with the name of who did it',
    async (name, { netFn, cmd, group, systemInterfaceOnly }) => {
      const channel = systemInterfaceOnly ? Channel.systemInterface : Channel.lan;
      const { store, saved } = watched();
      let bench = await started(store);
      let lan = lanContext(bench.bmc, bench.state);
      const random = numbers(netFn * 256 + cmd);
      const missing: string[] = [];
      const prepared = [...(fitting[name]?.(bench) ?? [])];
      for (let i = 0; i < triesPerCommand; i++) {
        if (i % 300 === 299) {
          await bench.bmc.stop();
          bench = await started(store);
          lan = lanContext(bench.bmc, bench.state);
        }
        const body = [...(prepared.shift() ?? randomBody(random))];
        const data = Uint8Array.from(group === undefined ? body : [group, ...body]);
        const before = volatileState(bench);
        const entries = bench.bmc.events.list().length;
        saved.length = 0;
        const context = { bmc: bench.bmc, actor, channel, session: undefined, state: bench.state, lan };
        await ipmiCommands.dispatch({ netFn, rsLun: 0, cmd, data }, context, 'administrator');
        if (saved.length === 0 && volatileState(bench) === before) continue;
        const entriesOfMine = () =>
          bench.bmc.events
            .list()
            .slice(entries)
            .filter((entry) => entry.actor === actor);
        // Power is told of when it has changed.
        if (entriesOfMine().length === 0) await bench.settle();
        const own = entriesOfMine();
        if (own.length > 0) seen.add(name);
        else if (!(name in unaudited)) missing.push(`${Buffer.from(data).toString('hex')}: ${saved.join()}`);
      }
      expect(missing.slice(0, 5)).toEqual([]);
    },
  );

  test('has been tried with each command that makes one', () => {
    expect([...seen].sort()).toEqual(changing);
  });
});
