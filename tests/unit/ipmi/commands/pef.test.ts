/** PEF parameters and timers as clients see them, through the whole LAN face. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BmcError } from '../../../../src/bmc/errors.ts';
import { eventSeverities, pefActions } from '../../../../src/bmc/event-filter.ts';
import { alertRules } from '../../../../src/bmc/pef-settings.ts';
import { memoryStore } from '../../../../src/bmc/store.ts';
import { ipmiCommands } from '../../../../src/ipmi/commands/commands.ts';
import { FilterEntry, PolicyEntry } from '../../../../src/ipmi/records/pef.ts';
import { DecodeError } from '../../../../src/lib/bytes.ts';
import { decode, encode } from '../../../../src/lib/codec.ts';
import { LanBench } from '../../../support/lan-bench.ts';

function setUp(store = memoryStore()) {
  const bench = new LanBench({ commands: ipmiCommands.definitions, store });
  const login = () => {
    const client = bench.loggedIn({}, 4);
    const send = (cmd: number, ...data: number[]): number[] => {
      const reply = client.command(0x04, cmd, data);
      return reply ? [reply.completionCode, ...reply.data] : [];
    };
    return {
      send,
      set: (...data: number[]) => send(0x12, ...data),
      get: (parameter: number, set = 0, block = 0) => send(0x13, parameter, set, block),
    };
  };
  return { bench, login, ...login() };
}

const revision = 0x11;
const filter = [0xc0, 0x23, 0x02, 0x10, 0x20, 0xff, 1, 0x20, 0x81, 0x34, 0x12, 1, 2, 3, 4, 5, 6, 7, 8, 9];

describe('PEF parameters', () => {
  test('tell what PEF can do', () => {
    const { send, get } = setUp();
    expect(send(0x10)).toEqual([0, 0x51, 0x2f, 40]);
    expect(get(5)).toEqual([0, revision, 40]);
    expect(get(8)).toEqual([0, revision, 16]);
    expect(get(11)).toEqual([0, revision, 8]);
    expect(get(14)).toEqual([0, revision, 0]);
    expect(get(0x80 | 6, 1)).toEqual([0, revision]);
  });

  test.each<[string, number[], number, number, number[]]>([
    ['control', [1, 0x0e], 1, 0, [0x0e]],
    ['allowed actions', [2, 0x2f], 2, 0, [0x2f]],
    ['the start-up delay', [3, 200], 3, 0, [200]],
    ['the alert start-up delay', [4, 0], 4, 0, [0]],
    ['a filter', [6, 40, ...filter], 6, 40, [40, ...filter]],
    ['the switch of a filter', [7, 1, 0x40], 7, 1, [1, 0x40]],
    ['a policy', [9, 16, 0x2c, 0x12, 0x83], 9, 16, [16, 0x2c, 0x12, 0x83]],
    ['the GUID of alerts', [10, 1, ...Array(16).fill(7)], 10, 0, [1, ...Array(16).fill(7)]],
    ['what a string belongs to', [12, 8, 3, 4], 12, 8, [8, 3, 4]],
    ['a block of a string', [13, 8, 4, ...Array(16).fill(0x41)], 13, 8, [8, 4, ...Array(16).fill(0x41)]],
  ])('keep %s over a restart', (_what, written, parameter, selector, expected) => {
    const store = memoryStore();
    const first = setUp(store);
    expect(first.set(...written)).toEqual([0]);
    const block = parameter === 13 ? 4 : 0;
    expect(first.get(parameter, selector, block)).toEqual([0, revision, ...expected]);
    expect(setUp(store).get(parameter, selector, block)).toEqual([0, revision, ...expected]);
  });

  test('switch a filter without touching the rest of it', () => {
    const { set, get } = setUp();
    set(6, 3, ...filter);
    expect(set(7, 3, 0x00)).toEqual([0]);
    expect(get(6, 3)).toEqual([0, revision, 3, 0x00, ...filter.slice(1)]);
  });

  test('keep the volatile string and its key until the restart', () => {
    const store = memoryStore();
    const first = setUp(store);
    expect(first.set(13, 0, 1, 0x68, 0x69)).toEqual([0]);
    expect(first.set(12, 0, 5, 6)).toEqual([0]);
    expect(first.get(13, 0, 1).slice(0, 7)).toEqual([0, revision, 0, 1, 0x68, 0x69, 0]);
    expect(first.get(12, 0)).toEqual([0, revision, 0, 5, 6]);
    expect(setUp(store).get(12, 0)).toEqual([0, revision, 0, 0, 0]);
  });

  test.each<[string, number[], number]>([
    ['that is not there', [15, 1, 0], 0x80],
    ['of a vendor', [96, 0], 0x80],
    ['that can only be read', [5, 10], 0x82],
    ['of a filter beyond the last', [6, 41, ...filter], 0xc9],
    ['of filter 0', [7, 0, 0], 0xc9],
    ['of a policy beyond the last', [9, 17, 0, 0, 0], 0xc9],
    ['of a string beyond the last', [13, 9, 1, 0x41], 0xc9],
    ['of a block beyond the last', [13, 1, 5, 0x41], 0xc9],
    ['of a key beyond the last', [12, 9, 0, 0], 0xc9],
    ['with an OEM action', [2, 0x10], 0xcc],
    ['with an OEM action in a filter', [6, 1, 0x80, 0x10, ...filter.slice(2)], 0xcc],
    ['with group control in a filter', [6, 1, 0x80, 0x01, 0x11, ...filter.slice(3)], 0xcc],
    ['with two severities', [6, 1, 0x80, 0x01, 0x01, 0x30, ...filter.slice(4)], 0xcc],
    ['with a reserved rule', [9, 1, 0x1d, 0x11, 0x00], 0xcc],
    ['that is too short', [6, 1, ...filter.slice(0, -1)], 0xc7],
    ['that is too long', [1, 0, 0], 0xc7],
  ])('refuse a value %s', (_what, data, code) => {
    const { set, get, bench } = setUp();
    const before = bench.bmc.pef.settings;
    expect(set(...data)).toEqual([code]);
    expect(bench.bmc.pef.settings).toEqual(before);
    if (code === 0x80) expect(get(data[0] ?? 0)).toEqual([0x80]);
  });

  test('change nothing when the disk is full', () => {
    const { set, get, bench } = setUp();
    bench.bmc.store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    const before = get(1);
    expect(set(1, 0x00)).toEqual([0xc4]);
    expect(get(1)).toEqual(before);
  });

  test('say who is setting them', () => {
    const { set, get, login } = setUp();
    const other = login();
    expect(set(0, 1)).toEqual([0]);
    expect(other.get(0)).toEqual([0, revision, 1]);
    expect(other.set(0, 1)).toEqual([0x81]);
    expect(set(0, 0)).toEqual([0]);
    expect(get(0)).toEqual([0, revision, 0]);
    expect(other.set(0, 1)).toEqual([0]);
  });
});

describe('the postpone timer', () => {
  test('counts down, stops, and can be asked', () => {
    const { send, bench } = setUp();
    expect(send(0x11, 0xff)).toEqual([0, 0]);
    expect(send(0x11, 30)).toEqual([0, 30]);
    bench.clock.advance(10_000);
    expect(send(0x11, 0xff)).toEqual([0, 20]);
    expect(send(0x11, 0xfe)).toEqual([0, 0xfe]);
    expect(send(0x11, 0xff)).toEqual([0, 0xfe]);
    expect(send(0x11, 0)).toEqual([0, 0]);
  });
});

describe('the last processed event', () => {
  test('follows the SEL, and can be set to a record that is there', () => {
    const { send } = setUp();
    expect(send(0x15)).toEqual([0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    send(0x02, 4, 2, 0x60, 1, 0x52, 0xff, 0xff);
    send(0x02, 4, 2, 0x60, 1, 0x52, 0xff, 0xff);
    expect(send(0x15).slice(5)).toEqual([2, 0, 0, 0, 2, 0]);
    expect(send(0x14, 0, 1, 0)).toEqual([0]);
    expect(send(0x14, 1, 1, 0)).toEqual([0]);
    expect(send(0x15).slice(5)).toEqual([2, 0, 1, 0, 1, 0]);
    expect(send(0x14, 1, 9, 0)).toEqual([0xcb]);
  });
});

const byte = fc.nat(255);
const orAny = fc.option(fc.nat(254), { nil: undefined });
const match = fc.record({ mask: byte, exact: byte, value: byte });

test('filters and policies survive the way to bytes and back', () => {
  const aFilter = fc.record({
    enabled: fc.boolean(),
    preconfigured: fc.boolean(),
    actions: fc.subarray([...pefActions]),
    policyNumber: fc.nat(15),
    severity: fc.constantFrom(...eventSeverities),
    generatorAddress: orAny,
    generatorChannel: orAny,
    sensorType: orAny,
    sensorNumber: orAny,
    trigger: orAny,
    offsets: fc.nat(0xffff),
    data: fc.tuple(match, match, match),
  });
  fc.assert(
    fc.property(aFilter, (value) => {
      const read = decode(FilterEntry, encode(FilterEntry, value), 'filter');
      expect({ ...read, actions: new Set(read.actions) }).toEqual({
        ...value,
        actions: new Set(value.actions),
      });
    }),
  );
  const aPolicy = fc.record({
    enabled: fc.boolean(),
    policyNumber: fc.nat(15),
    rule: fc.constantFrom(...alertRules),
    channel: fc.nat(15),
    destination: fc.nat(15),
    eventSpecificString: fc.boolean(),
    stringSelector: fc.nat(127),
  });
  fc.assert(
    fc.property(aPolicy, (value) => {
      expect(decode(PolicyEntry, encode(PolicyEntry, value), 'policy')).toEqual(value);
    }),
  );
});

test('any bytes are a filter or are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 18, maxLength: 22 }), (bytes) => {
      try {
        expect(encode(FilterEntry, decode(FilterEntry, bytes, 'filter'))).toHaveLength(20);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
  );
});
