/** The SEL as clients see it, through the whole LAN face. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BmcError } from '../../../../src/bmc/errors.ts';
import { ipmiCommands } from '../../../../src/ipmi/commands/commands.ts';
import type { IpmiClient } from '../../../support/ipmi-client.ts';
import { LanBench } from '../../../support/lan-bench.ts';

const le16 = (value: number) => [value & 0xff, value >> 8];
const le32 = (value: number) => [...le16(value & 0xffff), ...le16(value >>> 16)];

function setUp() {
  const bench = new LanBench({ commands: ipmiCommands.definitions });
  const client = bench.loggedIn({}, 4);
  /** Completion code, then data. */
  const sel = (cmd: number, ...data: number[]): number[] => {
    const reply = client.command(0x0a, cmd, data);
    return reply ? [reply.completionCode, ...reply.data] : [];
  };
  const reserve = () => {
    const [, low = 0, high = 0] = sel(0x42);
    return [low, high];
  };
  return { bench, client, sel, reserve };
}

/** A record as a client writes it: ID and time are not its business. */
function record(tag: number, type = 0x02): number[] {
  return [0xaa, 0xaa, type, 1, 2, 3, 4, 0x41, 0x00, 0x04, 0x01, 0x30, 0x01, 0x57, tag, 0xff];
}

const start = Date.UTC(2026, 0, 1) / 1000;
const stored = (id: number, tag: number) => [...le16(id), 0x02, ...le32(start), ...record(tag).slice(7)];

describe('the SEL', () => {
  test('tells its size, times and abilities', () => {
    const { sel, bench } = setUp();
    expect(sel(0x40)).toEqual([
      0,
      0x51,
      0,
      0,
      ...le16(65520),
      ...le32(0xffffffff),
      ...le32(0xffffffff),
      0x0f,
    ]);
    expect(sel(0x41)).toEqual([0, ...le16(4095), ...le16(16), ...le16(4095), ...le16(4095), 1]);
    sel(0x44, ...record(7));
    bench.clock.advance(3000);
    sel(0x47, ...setUpReservation(sel), 0x43, 0x4c, 0x52, 0xaa);
    const times = [...le32(start + 3), ...le32(start + 3)];
    // The clearing is itself in the log.
    expect(sel(0x40)).toEqual([0, 0x51, 1, 0, ...le16(65504), ...times, 0x0f]);
    expect(sel(0x43, 0, 0, 0, 0, 0, 0xff).slice(10)).toEqual([
      0x20, 0, 4, 0x10, 0x06, 0x6f, 0x02, 0xff, 0xff,
    ]);
  });

  test('adds records under its own ID and time, and hands them out one after the other', () => {
    const { sel } = setUp();
    expect(sel(0x43, 0, 0, 0, 0, 0, 0xff)).toEqual([0xcb]);
    for (const tag of [1, 2, 3]) expect(sel(0x44, ...record(tag))).toEqual([0, tag, 0]);
    expect(sel(0x43, 0, 0, 0, 0, 0, 0xff)).toEqual([0, 2, 0, ...stored(1, 1)]);
    expect(sel(0x43, 0, 0, 2, 0, 0, 0xff)).toEqual([0, 3, 0, ...stored(2, 2)]);
    expect(sel(0x43, 0, 0, 0xff, 0xff, 0, 16)).toEqual([0, 0xff, 0xff, ...stored(3, 3)]);
    expect(sel(0x43, 0, 0, 9, 0, 0, 0xff)).toEqual([0xcb]);
  });

  test('keeps OEM records as they are, and refuses other types', () => {
    const { sel } = setUp();
    expect(sel(0x44, ...record(1, 0xc5))).toEqual([0, 1, 0]);
    expect(sel(0x44, ...record(1, 0xe5))).toEqual([0, 2, 0]);
    expect(sel(0x43, 0, 0, 1, 0, 0, 0xff).slice(3)).toEqual([
      1,
      0,
      0xc5,
      ...le32(start),
      ...record(1).slice(7),
    ]);
    expect(sel(0x43, 0, 0, 2, 0, 0, 0xff).slice(3)).toEqual([2, 0, ...record(1, 0xe5).slice(2)]);
    expect(sel(0x44, ...record(1, 0x03))).toEqual([0x80]);
    expect(sel(0x44, ...record(1).slice(1))).toEqual([0xc7]);
  });

  test('gives a part of a record only under a reservation', () => {
    const { sel, reserve } = setUp();
    sel(0x44, ...record(1));
    expect(sel(0x43, 0, 0, 1, 0, 0, 5)).toEqual([0, 0xff, 0xff, ...stored(1, 1).slice(0, 5)]);
    expect(sel(0x43, 0, 0, 1, 0, 5, 3)).toEqual([0xc5]);
    const id = reserve();
    expect(sel(0x43, ...id, 1, 0, 5, 3)).toEqual([0, 0xff, 0xff, ...stored(1, 1).slice(5, 8)]);
    expect(sel(0x43, ...id, 1, 0, 5, 12)).toEqual([0xca]);
    expect(sel(0x43, ...id, 1, 0, 16, 1)).toEqual([0xc9]);
    sel(0x44, ...record(2));
    expect(sel(0x43, ...id, 1, 0, 5, 3)).toEqual([0xc5]);
  });

  test('deletes under a reservation', () => {
    const { sel, reserve } = setUp();
    for (const tag of [1, 2, 3, 4]) sel(0x44, ...record(tag));
    expect(sel(0x46, 0, 0, 2, 0)).toEqual([0xc5]);
    const id = reserve();
    sel(0x44, ...record(5));
    expect(sel(0x46, ...id, 5, 0)).toEqual([0xc5]);
    const next = reserve();
    expect(sel(0x46, ...next, 5, 0)).toEqual([0, 5, 0]);
    expect(sel(0x46, ...next, 2, 0)).toEqual([0, 2, 0]);
    expect(sel(0x46, ...reserve(), 2, 0)).toEqual([0xcb]);
    expect(sel(0x46, ...reserve(), 0xff, 0xff)).toEqual([0, 4, 0]);
    expect(sel(0x46, ...reserve(), 0, 0)).toEqual([0, 1, 0]);
    expect(sel(0x43, 0, 0, 0, 0, 0, 0xff)).toEqual([0, 0xff, 0xff, ...stored(3, 3)]);
  });

  test('is cleared by the letters and a reservation only', () => {
    const { sel, reserve } = setUp();
    sel(0x44, ...record(1));
    expect(sel(0x47, ...reserve(), 0x43, 0x4c, 0x53, 0xaa)).toEqual([0xcc]);
    expect(sel(0x47, ...reserve(), 0x43, 0x4c, 0x52, 0x01)).toEqual([0xcc]);
    expect(sel(0x47, 1, 2, 0x43, 0x4c, 0x52, 0xaa)).toEqual([0xc5]);
    const [, , count] = sel(0x40);
    expect(count).toBe(1);
    expect(sel(0x47, ...reserve(), 0x43, 0x4c, 0x52, 0x00)).toEqual([0, 1]);
    expect(sel(0x43, 0, 0, 0, 0, 0, 0xff)).toEqual([0, 0xff, 0xff, ...stored(1, 1)]);
    expect(sel(0x47, ...reserve(), 0x43, 0x4c, 0x52, 0xaa)).toEqual([0, 1]);
    expect(sel(0x43, 0, 0, 0, 0, 0, 0xff)[16]).toBe(0x02);
  });

  test('takes a record in parts, and adds it with the last', () => {
    const { sel, reserve } = setUp();
    const whole = record(9);
    const part = (id: number[], recordId: number, offset: number, last: number, bytes: number[]) =>
      sel(0x45, ...id, ...le16(recordId), offset, last, ...bytes);
    const id = reserve();
    expect(part(id, 0, 0, 0, whole.slice(0, 6))).toEqual([0, 1, 0]);
    expect(part(id, 1, 7, 0, whole.slice(7, 12))).toEqual([0xc9]);
    expect(part(id, 1, 6, 0, whole.slice(6, 12))).toEqual([0, 1, 0]);
    expect(sel(0x43, 0, 0, 1, 0, 0, 0xff)).toEqual([0xcb]);
    expect(part(id, 1, 12, 1, whole.slice(12))).toEqual([0, 1, 0]);
    expect(sel(0x43, 0, 0, 1, 0, 0, 0xff)).toEqual([0, 0xff, 0xff, ...stored(1, 9)]);
    expect(part(id, 0, 0, 0, whole)).toEqual([0xc5]);
    expect(part(reserve(), 0, 0, 1, whole.slice(0, 15))).toEqual([0x80]);
    expect(part(reserve(), 0, 0, 1, [...whole, 0])).toEqual([0xc9]);
  });

  test('has a clock that can be set, and says so in the log', () => {
    const { sel, bench } = setUp();
    expect(sel(0x48)).toEqual([0, ...le32(start)]);
    expect(sel(0x49, ...le32(1_000_000))).toEqual([0]);
    bench.clock.advance(2000);
    expect(sel(0x48)).toEqual([0, ...le32(1_000_002)]);
    const sync = (id: number, time: number, which: number) => [
      0,
      ...(id === 1 ? [2, 0] : [0xff, 0xff]),
      id,
      0,
      2,
      ...le32(time),
      0x20,
      0,
      4,
      0x12,
      3,
      0x6f,
      0xc5,
      which,
      0xff,
    ];
    expect(sel(0x43, 0, 0, 1, 0, 0, 0xff)).toEqual(sync(1, start, 0));
    expect(sel(0x43, 0, 0, 2, 0, 0, 0xff)).toEqual(sync(2, 1_000_000, 0x80));
    expect(sel(0x5c)).toEqual([0, 0xff, 0x07]);
    expect(sel(0x5d, ...le16(-90 & 0xffff))).toEqual([0]);
    expect(sel(0x5c)).toEqual([0, 0xa6, 0xff]);
    expect(sel(0x5d, ...le16(1441))).toEqual([0xcc]);
  });

  test('answers C4h when the disk is full, and is as it was', () => {
    const { sel, bench, reserve } = setUp();
    sel(0x44, ...record(1));
    const before = [sel(0x40), sel(0x43, 0, 0, 0, 0, 0, 0xff)];
    const refuse = () => {
      throw new BmcError('no-space', 'disk full');
    };
    bench.bmc.store.append = refuse;
    bench.bmc.store.rewrite = refuse;
    expect(sel(0x44, ...record(2))).toEqual([0xc4]);
    expect(sel(0x46, ...reserve(), 1, 0)).toEqual([0xc4]);
    expect(sel(0x47, ...reserve(), 0x43, 0x4c, 0x52, 0xaa)).toEqual([0xc4]);
    expect([sel(0x40), sel(0x43, 0, 0, 0, 0, 0, 0xff)]).toEqual(before);
  });

  test('answers C4h when it is full, and shows that it lost something', () => {
    const { sel, bench } = setUp();
    const { sel: log } = bench.bmc;
    while (log.free > 0) log.add({ kind: 'oem-untimed', type: 0xe0, data: Array(13).fill(0) });
    expect(sel(0x40).at(-1)).toBe(0x0f);
    expect(sel(0x44, ...record(1))).toEqual([0xc4]);
    expect(sel(0x40)).toEqual([0, 0x51, ...le16(4095), 0, 0, ...le32(start), ...le32(0xffffffff), 0x8f]);
    // The last place says that the log is full.
    expect(sel(0x43, 0, 0, 0xff, 0xff, 0, 0xff).slice(10)).toEqual([
      0x20, 0, 4, 0x10, 6, 0x6f, 0x04, 0xff, 0xff,
    ]);
  });

  test('agrees with a model of reservations under any order of commands', () => {
    const step = fc.constantFrom('reserve', 'add', 'delete', 'clear', 'read');
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 30 }), (steps) => {
        const { sel, reserve } = setUp();
        let [held, valid, count] = [[1, 0], false, 0];
        for (const [what, fresh] of steps) {
          if (what === 'reserve' || fresh) {
            held = reserve();
            valid = true;
          }
          const expected = valid ? (count === 0 ? 0xcb : 0) : 0xc5;
          if (what === 'add') {
            expect(sel(0x44, ...record(1))[0]).toBe(0);
            count++;
            valid = false;
          } else if (what === 'read') {
            expect(sel(0x43, ...held, 0, 0, 3, 1)[0]).toBe(expected);
          } else if (what === 'delete') {
            expect(sel(0x46, ...held, 0, 0)[0]).toBe(expected);
            if (expected === 0) count--;
          } else if (what === 'clear') {
            expect(sel(0x47, ...held, 0x43, 0x4c, 0x52, 0xaa)[0]).toBe(valid ? 0 : 0xc5);
            if (valid) count = 1;
            valid = false;
          }
          expect(sel(0x40)[2]).toBe(count);
        }
      }),
      { numRuns: 30 },
    );
  });
});

function setUpReservation(sel: (cmd: number, ...data: number[]) => number[]): number[] {
  return sel(0x42).slice(1);
}

describe('a platform event', () => {
  const body = [0x04, 0x01, 0x30, 0x01, 0x59, 0x5b, 0x5a];
  const last = (client: IpmiClient) => [
    ...(client.command(0x0a, 0x43, [0, 0, 0xff, 0xff, 0, 0xff])?.data ?? []),
  ];

  test('from a remote console is logged as its own', () => {
    const { client } = setUp();
    expect(client.command(0x04, 0x02, body)?.completionCode).toBe(0);
    expect(last(client).slice(9)).toEqual([0x81, 0x10, ...body]);
  });

  test('may name its generator', () => {
    const { client } = setUp();
    expect(client.command(0x04, 0x02, [0x41, ...body])?.completionCode).toBe(0);
    expect(last(client).slice(9)).toEqual([0x41, 0x10, ...body]);
    expect(client.command(0x04, 0x02, body.slice(1))?.completionCode).toBe(0xc7);
    expect(client.command(0x04, 0x02, [0, 0, ...body])?.completionCode).toBe(0xc7);
  });

  test('goes to the BMC and nowhere else, unless events are off', () => {
    const { client } = setUp();
    expect([...(client.command(0x04, 0x01)?.data ?? [])]).toEqual([0x20, 0]);
    expect(client.command(0x04, 0x00, [0x52, 0])?.completionCode).toBe(0xcc);
    expect(client.command(0x04, 0x00, [0xff, 0])?.completionCode).toBe(0);
    expect([...(client.command(0x04, 0x01)?.data ?? [])]).toEqual([0xff, 0]);
    expect(client.command(0x04, 0x00, [0x20, 0])?.completionCode).toBe(0);
    expect([...(client.command(0x04, 0x01)?.data ?? [])]).toEqual([0x20, 0]);
  });

  test('is told to whoever listens even if it is not to be logged', () => {
    const { client, bench } = setUp();
    const heard: unknown[] = [];
    bench.bmc.eventReceiver.onRecord(({ entry }) => heard.push(entry));
    bench.bmc.eventReceiver.logs = () => false;
    client.command(0x04, 0x02, body);
    expect(heard).toEqual([undefined]);
    expect(bench.bmc.sel.entries).toEqual([]);
  });
});
