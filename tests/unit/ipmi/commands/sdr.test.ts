import { describe, expect, test } from 'vitest';
import { memoryStore } from '../../../../src/bmc/store.ts';
import { sdrCommands } from '../../../../src/ipmi/commands/sdr.ts';
import { tester } from '../../../support/actors.ts';
import { LanBench, ownCommands } from '../../../support/lan-bench.ts';

function repository(store = memoryStore()) {
  const bench = new LanBench({ store, commands: [...ownCommands, ...sdrCommands] });
  const client = bench.loggedIn({}, 4);
  const send = (cmd: number, ...data: number[]) => {
    const reply = client.command(0x0a, cmd, data);
    if (!reply) throw new Error('silence');
    return reply.completionCode === 0 ? reply.data : reply.completionCode;
  };
  const bytes = (cmd: number, ...data: number[]): Buffer => {
    const reply = send(cmd, ...data);
    if (typeof reply === 'number') throw new Error(`completion code ${reply.toString(16)}`);
    return reply;
  };
  const reserve = () => [...bytes(0x22)];
  const ids = () => {
    const found: number[] = [];
    for (let next = 0; next !== 0xffff; ) {
      const reply = bytes(0x23, 0, 0, next & 0xff, next >> 8, 0, 0xff);
      found.push(reply.readUInt16LE(2));
      next = reply.readUInt16LE(0);
    }
    return found;
  };
  return { bench, send, bytes, reserve, ids };
}

/** An OEM record of five bytes. */
const oemRecord = [0, 0, 0x51, 0xc0, 5, 1, 2, 3, 4, 5];

test('Get SDR Repository Info counts what Get SDR shows, and adds up with the allocation', () => {
  const { bytes, ids } = repository();
  const info = bytes(0x20);
  expect(info[0]).toBe(0x51);
  expect(info.readUInt16LE(1)).toBe(ids().length);
  expect(info[13]).toBe(0x2f);
  const allocation = bytes(0x21);
  expect(allocation.readUInt16LE(4)).toBe(Math.floor(info.readUInt16LE(3) / allocation.readUInt16LE(2)));
});

test('every sensor has a record, and the last one is also FFFFh', () => {
  const { bench, ids, bytes } = repository();
  expect(ids()).toHaveLength(bench.bmc.sensors.list().length + 2);
  expect(bytes(0x23, 0, 0, 0xff, 0xff, 0, 5).readUInt16LE(2)).toBe(ids().at(-1));
});

describe('Get SDR', () => {
  test('in parts gives what it gives whole', () => {
    const { bytes, reserve } = repository();
    const whole = bytes(0x23, 0, 0, 0x20, 0, 0, 0xff).subarray(2);
    const reservation = reserve();
    const parts: Buffer[] = [];
    for (let offset = 0; offset < whole.length; offset += 7) {
      const count = Math.min(7, whole.length - offset);
      parts.push(bytes(0x23, ...reservation, 0x20, 0, offset, count).subarray(2));
    }
    expect(Buffer.concat(parts)).toEqual(whole);
  });

  test('asked for more than there is says CAh and never less than was asked', () => {
    const { send, reserve } = repository();
    expect(send(0x23, 0, 0, 0x20, 0, 0, 200)).toBe(0xca);
    expect(send(0x23, ...reserve(), 0x20, 0, 200, 1)).toBe(0xc9);
  });

  test('behind the start needs a reservation that holds', () => {
    const { send, reserve } = repository();
    expect(send(0x23, 0, 0, 0x20, 0, 5, 5)).toBe(0xc5);
    const reservation = reserve();
    expect(send(0x23, ...reservation, 0x20, 0, 5, 5)).toHaveLength(7);
    send(0x24, ...oemRecord);
    expect(send(0x23, ...reservation, 0x20, 0, 5, 5)).toBe(0xc5);
  });

  test('of one client goes on while another takes a reservation, since nothing changes', () => {
    const { send, reserve } = repository();
    const mine = reserve();
    reserve();
    expect(send(0x23, ...mine, 0x20, 0, 5, 5)).toHaveLength(7);
  });

  test('of a record that is not there is CBh', () => {
    expect(repository().send(0x23, 0, 0, 0x99, 0x09, 0, 5)).toBe(0xcb);
  });
});

describe('records of clients', () => {
  test('are added, read, kept, deleted', () => {
    const store = memoryStore();
    const { bytes } = repository(store);
    const id = bytes(0x24, ...oemRecord);
    const second = repository(store);
    const read = second.bytes(0x23, 0, 0, ...id, 0, 0xff);
    expect([...read]).toEqual([0xff, 0xff, ...id, ...oemRecord.slice(2)]);
    const reservation = second.reserve();
    expect(second.bytes(0x26, ...reservation, ...id)).toEqual(id);
    expect(second.send(0x26, ...reservation, ...id)).toBe(0xc5);
    expect(second.send(0x26, ...second.reserve(), ...id)).toBe(0xcb);
    expect(repository(store).ids()).toHaveLength(second.ids().length);
  });

  test('come in parts, in order, and must be as long as their header says', () => {
    const { send, bytes, reserve, ids } = repository();
    const before = ids().length;
    const reservation = reserve();
    const id = [...bytes(0x25, ...reservation, 0, 0, 0, 0, ...oemRecord.slice(0, 6))];
    expect(send(0x25, ...reservation, ...id, 3, 0, 9)).toBe(0xcc);
    expect(send(0x25, ...reservation, ...id, 6, 1, 2)).toBe(0x80);
    bytes(0x25, ...reservation, 0, 0, 0, 0, ...oemRecord.slice(0, 6));
    bytes(0x25, ...reservation, ...id, 6, 1, ...oemRecord.slice(6));
    expect(ids()).toHaveLength(before + 1);
    expect([...bytes(0x23, 0, 0, ...id, 0, 0xff).subarray(4)]).toEqual(oemRecord.slice(2));
  });

  test('that say another length are refused', () => {
    const { send } = repository();
    expect(send(0x24, ...oemRecord, 6)).toBe(0xc7);
    expect(send(0x24, 0, 0, 0x51)).toBe(0xc7);
  });

  test('are all that a clear erases', () => {
    const { send, bytes, reserve, ids } = repository();
    const own = ids();
    bytes(0x24, ...oemRecord);
    const reservation = reserve();
    const clr = [...Buffer.from('CLR')];
    expect(send(0x27, ...reservation, 0x43, 0x4c, 0x53, 0xaa)).toBe(0xcc);
    expect([...bytes(0x27, ...reservation, ...clr, 0xaa)]).toEqual([1]);
    expect([...bytes(0x27, ...reservation, ...clr, 0x00)]).toEqual([1]);
    expect(send(0x27, ...reservation, ...clr, 0xaa)).toBe(0xc5);
    expect(ids()).toEqual(own);
    expect(bytes(0x20).readUInt32LE(9)).not.toBe(0xffffffff);
  });

  test('about a sensor of ours stand in for our own record, until they are gone', () => {
    const { bytes, send, reserve, ids } = repository();
    const own = ids();
    const record = [...bytes(0x23, 0, 0, 0x20, 0, 0, 0xff).subarray(2)];
    const id = bytes(0x24, ...record);
    expect(ids()).toEqual([...own.filter((other) => other !== 0x20), id.readUInt16LE(0)]);
    expect(send(0x23, 0, 0, 0x20, 0, 0, 5)).toBe(0xcb);
    bytes(0x26, ...reserve(), ...id);
    expect(ids()).toEqual(own);
  });

  test("cannot delete the controller's own, which stay", () => {
    const { send, reserve } = repository();
    expect(send(0x26, ...reserve(), 0x20, 0)).toBe(0xd6);
  });

  test('fill the repository until there is no space, and that is told', () => {
    const { send, bytes } = repository();
    const long = [0, 0, 0x51, 0xc0, 200, ...Array(200).fill(7)];
    let code: number | Buffer = Buffer.alloc(0);
    for (let n = 0; n < 200 && typeof code !== 'number'; n++) code = send(0x24, ...long);
    expect(code).toBe(0xc4);
    expect((bytes(0x20)[13] as number) & 0x80).toBe(0x80);
  });
});

test('the time of the last addition stays over a restart, so that clients keep their caches', () => {
  const store = memoryStore();
  const first = repository(store);
  first.bench.clock.advance(5_000);
  const before = first.bytes(0x20).readUInt32LE(5);
  const second = repository(store);
  second.bench.clock.advance(40_000);
  expect(second.bytes(0x20).readUInt32LE(5)).toBe(before);
});

test('the clock is that of the SEL', () => {
  const { bench, bytes } = repository();
  bytes(0x29, 0x00, 0x10, 0x20, 0x60);
  expect(bench.bmc.sel.time).toBe(0x60201000);
  bench.clock.advance(3_000);
  expect(bytes(0x28).readUInt32LE(0)).toBe(0x60201003);
});

test('the initialization agent gives sensors their thresholds back', () => {
  const { bench, bytes } = repository();
  const cpu = bench.bmc.sensors.analog('cpuTemp');
  cpu.configure({ thresholds: { ...cpu.settings.thresholds, 'upper-critical': 99 } }, tester);
  expect([...bytes(0x2c, 0)]).toEqual([1]);
  expect(cpu.settings.thresholds['upper-critical']).toBe(99);
  bytes(0x2c, 1);
  expect(cpu.settings.thresholds['upper-critical']).toBe(90);
});
