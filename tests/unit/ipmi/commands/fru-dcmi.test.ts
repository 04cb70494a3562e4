import { describe, expect, test } from 'vitest';
import { BmcError } from '../../../../src/bmc/errors.ts';
import { memoryStore } from '../../../../src/bmc/store.ts';
import { dcmiCommands } from '../../../../src/ipmi/commands/dcmi.ts';
import { fruCommands } from '../../../../src/ipmi/commands/fru.ts';
import { sdrCommands } from '../../../../src/ipmi/commands/sdr.ts';
import { decodeFru, encodeFru, fruFieldsOf } from '../../../../src/ipmi/records/fru.ts';
import { FakeMachine } from '../../../../src/machine/fake/fake-machine.ts';
import { tester } from '../../../support/actors.ts';
import { LanBench, ownCommands } from '../../../support/lan-bench.ts';

function server({ store = memoryStore(), machine = false, limitable = false } = {}) {
  const bench = new LanBench({
    store,
    commands: [...ownCommands, ...fruCommands, ...sdrCommands, ...dcmiCommands],
    ...(machine && { machine: (clock) => new FakeMachine({ clock, limitable }) }),
  });
  const client = bench.loggedIn({}, 4);
  const send = (netFn: number, cmd: number, data: readonly number[]) => {
    const reply = client.command(netFn, cmd, [...data]);
    if (!reply) throw new Error('silence');
    return reply.completionCode === 0 ? [...reply.data] : reply.completionCode;
  };
  const fru = (cmd: number, ...data: number[]) => send(0x0a, cmd, data);
  const image = () => {
    const bytes: number[] = [];
    while (bytes.length < 2048) {
      const part = fru(0x11, 0, bytes.length & 0xff, bytes.length >> 8, 32) as number[];
      bytes.push(...part.slice(1));
    }
    return Uint8Array.from(bytes);
  };
  const write = (bytes: Uint8Array) => {
    for (let offset = 0; offset < bytes.length; offset += 16) {
      fru(0x12, 0, offset & 0xff, offset >> 8, ...bytes.subarray(offset, offset + 16));
    }
  };
  const dcmi = (cmd: number, ...data: number[]) => {
    const reply = send(0x2c, cmd, [0xdc, ...data]);
    return typeof reply === 'number' ? reply : reply.slice(1);
  };
  return { bench, bmc: bench.bmc, client, fru, storage: fru, image, write, dcmi };
}

const ascii = (text: string) => [...Buffer.from(text, 'latin1')];

describe('FRU', () => {
  test('has 2,048 bytes, accessed by bytes, and is the only one', () => {
    const { fru } = server();
    expect(fru(0x10, 0)).toEqual([0x00, 0x08, 0x00]);
    expect([fru(0x10, 1), fru(0x11, 1, 0, 0, 8), fru(0x12, 1, 0, 0, 8)]).toEqual([0xcb, 0xcb, 0xcb]);
  });

  test('tells what SMBIOS tells the guest', () => {
    const { chassis, board, product } = fruFieldsOf(decodeFru(server().image()));
    expect(chassis.serialNumber).toBe('QB0');
    expect(board).toMatchObject({ manufacturer: 'qemu-bmc', product: 'bench', serialNumber: 'QB0' });
    expect(product).toMatchObject({
      manufacturer: 'qemu-bmc',
      name: 'bench',
      version: '1.23.4',
      serialNumber: 'QB0',
      assetTag: '',
    });
  });

  test('ends where it ends', () => {
    const { fru } = server();
    expect(fru(0x11, 0, 0xfc, 0x07, 16)).toEqual([4, 0, 0, 0, 0]);
    expect(fru(0x11, 0, 0x00, 0x08, 1)).toBe(0xc9);
    expect(fru(0x12, 0, 0xff, 0x07, 1, 2)).toBe(0xc9);
  });

  test('written by a client stays written, and the core knows what it says', () => {
    const store = memoryStore();
    const other = server();
    other.bmc.asset.setTag('from elsewhere', tester);
    const { write, bmc } = server({ store });
    write(other.image());
    expect(bmc.asset.tag).toBe('from elsewhere');
    const again = server({ store });
    expect(again.image()).toEqual(other.image());
    expect(again.bmc.fru.fields.product.assetTag).toBe('from elsewhere');
  });

  test('is on the disk after each piece, whenever the end comes', () => {
    const store = memoryStore();
    const other = server();
    other.bmc.asset.setTag('rack 9', tester);
    const wanted = other.image();
    const { fru } = server({ store });
    for (let offset = 0; offset < 256; offset += 16) {
      expect(fru(0x12, 0, offset, 0, ...wanted.subarray(offset, offset + 16))).toEqual([16]);
      const { image } = server({ store });
      expect(image().subarray(0, offset + 16)).toEqual(wanted.subarray(0, offset + 16));
    }
  });

  test('written again and again does not fill the store', () => {
    const store = memoryStore();
    const { image, write } = server({ store });
    const bytes = image();
    for (let round = 0; round < 5; round++) write(bytes);
    expect(store.records('fru-image').length).toBeLessThanOrEqual(256);
    expect(server({ store }).image()).toEqual(bytes);
  });

  test('is as delivered when the image that its pieces belong to is lost', () => {
    const store = memoryStore();
    const { fru, image } = server({ store });
    const delivered = image();
    fru(0x12, 0, 0, 0, 0xff);
    fru(0x12, 0, 1, 0, 0xff);
    store.rewrite('fru-image', store.records('fru-image').slice(1));
    expect(server({ store }).image()).toEqual(delivered);
  });

  test('tells the core at the next start what an end had kept from it', () => {
    const store = memoryStore();
    const other = server();
    other.bmc.asset.setTag('rack 9', tester);
    const { image, write } = server({ store });
    image();
    const save = store.save;
    store.save = (name, value) => {
      if (name === 'fru' || name === 'asset') throw new Error('the end');
      save(name, value);
    };
    write(other.image());
    store.save = save;
    expect(server({ store }).bmc.asset.tag).toBe('rack 9');
  });

  test('with a tag longer than any asset tag is kept as it is, over a restart too', () => {
    const store = memoryStore();
    const { image, fru, bmc } = server({ store });
    bmc.asset.setTag('rack 9', tester);
    const decoded = decodeFru(image());
    const fields = [...decoded.product.fields];
    // 84 characters of six bits each.
    fields[5] = { encoding: 2, data: new Uint8Array(63).fill(0x41) };
    const bytes = encodeFru({ ...decoded, product: { ...decoded.product, fields } });
    expect(fruFieldsOf(decodeFru(bytes)).product.assetTag).toHaveLength(84);
    for (let offset = 0; offset < bytes.length; offset += 16) {
      expect(fru(0x12, 0, offset & 0xff, offset >> 8, ...bytes.subarray(offset, offset + 16))).toEqual([16]);
    }
    expect(bmc.asset.tag).toBe('rack 9');
    const again = server({ store });
    expect(again.image()).toEqual(bytes);
    expect(again.bmc.asset.tag).toBe('rack 9');
  });

  test('sent again after the disk was full tells the core all the same', () => {
    const store = memoryStore();
    const { image, write, bmc } = server({ store });
    const other = server();
    other.bmc.asset.setTag('rack 9', tester);
    image();
    const save = store.save;
    store.save = (name, value) => {
      if (name === 'asset') throw new BmcError('no-space', 'the disk is full');
      save(name, value);
    };
    write(other.image());
    expect(bmc.asset.tag).toBe('');
    store.save = save;
    write(other.image());
    expect(bmc.asset.tag).toBe('rack 9');
  });

  test('half written is kept as it is and tells the core nothing', () => {
    const { fru, bmc, image } = server();
    fru(0x12, 0, 0, 0, 0xff, 0xff);
    expect([...image().subarray(0, 2)]).toEqual([0xff, 0xff]);
    bmc.asset.setTag('tag', tester);
    expect([...image().subarray(0, 2)]).toEqual([0xff, 0xff]);
    expect(bmc.fru.fields.product.assetTag).toBe('tag');
  });

  test('and DCMI show one asset tag, whoever sets it', () => {
    const { dcmi, image, write } = server();
    const tag = () => fruFieldsOf(decodeFru(image())).product.assetTag;
    dcmi(0x08, 0, 6, ...ascii('rack 7'));
    expect(tag()).toBe('rack 7');
    write(image());
    dcmi(0x08, 0, 6, ...ascii('rack 8'));
    expect(tag()).toBe('rack 8');
  });
});

describe('DCMI texts', () => {
  test('are written and read in parts of 16, the last part ending them', () => {
    const { dcmi } = server();
    const text = 'a long asset tag of 33 characters';
    expect(dcmi(0x08, 0, 16, ...ascii(text.slice(0, 16)))).toEqual([16]);
    expect(dcmi(0x08, 16, 16, ...ascii(text.slice(16, 32)))).toEqual([32]);
    expect(dcmi(0x08, 32, 1, ...ascii(text.slice(32)))).toEqual([33]);
    expect(dcmi(0x06, 0, 16)).toEqual([33, ...ascii(text.slice(0, 16))]);
    expect(dcmi(0x06, 32, 16)).toEqual([33, ...ascii(text.slice(32))]);
    dcmi(0x08, 0, 5, ...ascii('short'));
    expect(dcmi(0x06, 0, 16)).toEqual([5, ...ascii('short')]);
  });

  test('with a gap, too long a part or too long as a whole are refused', () => {
    const { dcmi } = server();
    expect(dcmi(0x08, 1, 1, 0x41)).toBe(0xc9);
    expect(dcmi(0x08, 0, 17, ...Array(17).fill(0x41))).toBe(0xc9);
    for (const offset of [0, 16, 32]) dcmi(0x08, offset, 16, ...Array(16).fill(0x41));
    expect(dcmi(0x08, 48, 16, ...Array(16).fill(0x41))).toBe(0xc9);
    expect(dcmi(0x06, 0, 17)).toBe(0xc9);
    expect(dcmi(0x06, 60, 1)).toBe(0xc9);
    expect(dcmi(0x08, 0, 3, 0x41)).toBe(0xc7);
  });

  test('name the controller, with a NUL at the end, and stay', () => {
    const store = memoryStore();
    const { dcmi, bmc } = server({ store });
    expect(dcmi(0x09, 0, 16)).toEqual([8, ...ascii('bmc-QB0\0')]);
    expect(dcmi(0x0a, 0, 5, ...ascii('node\0'))).toEqual([5]);
    expect(bmc.asset.controllerName).toBe('node');
    expect(server({ store }).dcmi(0x09, 0, 16)).toEqual([5, ...ascii('node\0')]);
  });
});

describe('DCMI capabilities', () => {
  test.each([
    [1, [0x0f, 0x01, 0x01]],
    [2, [0xff, 0x0f, 0x05, 0, 2]],
    [3, [0x20, 0x01]],
    [4, [0x01, 0xff, 0xff]],
    [5, [7, 5, 15, 30, 0x41, 0x43, 0x47, 0x4f]],
  ])('parameter %i', (selector, data) => {
    expect(server().dcmi(0x01, selector)).toEqual([1, 5, 2, ...data]);
  });

  test('that there are not are CCh', () => {
    expect([0, 6, 255].map((selector) => server().dcmi(0x01, selector))).toEqual([0xcc, 0xcc, 0xcc]);
  });
});

describe('DCMI power', () => {
  test('is what the machine draws, with what it drew over the time asked for', async () => {
    const { bench, bmc, dcmi } = server({ machine: true });
    await bmc.start({ powerReturned: true, powerOn: false });
    bmc.sensors.list();
    await bench.clock.advanceAsync(10_000, 1000);
    bmc.power.request('on', { name: 'test', face: 'bmc' });
    await bench.clock.advanceAsync(10_000, 1000);
    const reply = Buffer.from(dcmi(0x02, 0x01, 0, 0) as number[]);
    const [current, minimum, maximum, average] = [0, 2, 4, 6].map((at) => reply.readUInt16LE(at));
    expect([current, minimum]).toEqual([23, 6]);
    expect(maximum).toBe(23);
    expect(average).toBeGreaterThan(12);
    expect(average).toBeLessThan(17);
    expect(reply.readUInt32LE(8)).toBe(bmc.sel.time);
    expect(reply[16]).toBe(0x40);
    const lately = Buffer.from(dcmi(0x02, 0x02, 5, 0) as number[]);
    expect([lately.readUInt16LE(2), lately.readUInt32LE(12)]).toEqual([23, 5]);
  });

  test('over a time or in a mode that there is not is CCh', () => {
    const { dcmi } = server();
    expect([dcmi(0x02, 0x02, 7, 0), dcmi(0x02, 0x03, 0, 0)]).toEqual([0xcc, 0xcc]);
  });

  test('has no limit, takes none, and says so', () => {
    const { client, dcmi } = server();
    const reply = client.command(0x2c, 0x03, [0xdc, 0, 0]);
    expect(reply?.completionCode).toBe(0x80);
    expect(dcmi(0x04, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 1, 0)).toBe(0xd6);
    expect([dcmi(0x05, 1, 0, 0), dcmi(0x05, 0, 0, 0)]).toEqual([0xd5, []]);
    // Reserved ×3, action, limit ×2, correction ×4, reserved ×2, sampling ×2: what the answer above says.
    expect(dcmi(0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0)).toEqual([]);
    expect(dcmi(0x04, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0)).toBe(0xd6);
  });
});

describe('DCMI power limit', () => {
  const limitable = () => server({ machine: true, limitable: true });
  /** Reserved ×3, action, watts, correction time, reserved ×2, sampling period. */
  const limit = (action: number, watts: number, correctionMs: number, samplingSeconds: number) => {
    const body = Buffer.alloc(14);
    body[3] = action;
    body.writeUInt16LE(watts, 4);
    body.writeUInt32LE(correctionMs, 6);
    body.writeUInt16LE(samplingSeconds, 12);
    return [...body];
  };
  /** The same as it is read: two bytes reserved, no third. */
  const read = (body: readonly number[]) => body.slice(1);

  test('is set, activated, read and deactivated', () => {
    const { dcmi, bmc, client } = limitable();
    const wanted = limit(0x11, 30, 3000, 30);
    expect(dcmi(0x04, ...wanted)).toEqual([]);
    const inactive = client.command(0x2c, 0x03, [0xdc, 0, 0]);
    expect([inactive?.completionCode, [...(inactive?.data ?? [])].slice(1)]).toEqual([0x80, read(wanted)]);
    expect(dcmi(0x05, 1, 0, 0)).toEqual([]);
    expect(dcmi(0x03, 0, 0)).toEqual(read(wanted));
    expect(bmc.powerLimit.setting).toEqual({
      watts: 30,
      correctionMs: 3000,
      samplingSeconds: 30,
      action: 'log',
    });
    expect(dcmi(0x05, 0, 0, 0)).toEqual([]);
    expect(dcmi(0x03, 0, 0)).toBe(0x80);
  });

  test('as delivered can be written back', () => {
    const { dcmi, client, bmc } = limitable();
    const shown = [...(client.command(0x2c, 0x03, [0xdc, 0, 0])?.data ?? [])].slice(1);
    expect(dcmi(0x04, 0, ...shown)).toEqual([]);
    expect(bmc.powerLimit.setting).toMatchObject({ watts: 38, action: 'none' });
  });

  test.each([
    ['too few watts', limit(0, 20, 3000, 30), 0x84],
    ['no correction time', limit(0, 30, 0, 30), 0x85],
    ['too long a sampling period', limit(0, 30, 3000, 901), 0x89],
    ['an action of some maker', limit(0x02, 30, 3000, 30), 0xcc],
  ])('with %s is refused', (_, body, code) => {
    expect(limitable().dcmi(0x04, ...body)).toBe(code);
  });

  test('brings its period to the power statistics while it is active', async () => {
    const { bench, bmc, dcmi } = limitable();
    await bmc.start({ powerReturned: true, powerOn: true });
    await bench.clock.advanceAsync(50_000, 1000);
    const period = () => Buffer.from(dcmi(0x02, 0x01, 0, 0) as number[]).readUInt32LE(12);
    expect(period()).toBeGreaterThanOrEqual(50_000);
    dcmi(0x04, ...limit(0, 30, 3000, 10));
    dcmi(0x05, 1, 0, 0);
    expect(period()).toBe(10_000);
  });
});

describe('DCMI temperatures', () => {
  test('of processor and board, by either entity ID, with their records', () => {
    const { bmc, dcmi } = server();
    bmc.sensors.override('cpuTemp', 66);
    for (const entity of [0x41, 0x03]) {
      expect(dcmi(0x10, 1, entity, 0, 0)).toEqual([1, 1, 66, 1]);
      expect(dcmi(0x07, 1, entity, 0, 0)).toEqual([1, 1, 0x20, 0]);
    }
    expect(dcmi(0x10, 1, 0x42, 1, 0)).toEqual([1, 1, 25, 1]);
    expect(dcmi(0x10, 1, 0x40, 0, 0)).toEqual([0, 0]);
    expect(dcmi(0x10, 1, 0x42, 2, 0)).toEqual([1, 0]);
    expect(dcmi(0x10, 2, 0x42, 0, 0)).toBe(0xcc);
  });

  test('have the record that a client has put in the place of ours', () => {
    const { dcmi, storage } = server();
    const ours = storage(0x23, 0, 0, 0x20, 0, 0, 0xff) as number[];
    const id = storage(0x24, ...ours.slice(2)) as number[];
    expect(id).not.toEqual([0x20, 0]);
    expect(dcmi(0x07, 1, 0x41, 0, 0)).toEqual([1, 1, ...id]);
  });

  test('that cannot be told are left out', () => {
    expect(server().dcmi(0x10, 1, 0x41, 0, 0)).toEqual([0, 0]);
  });
});

test('DCMI parameters say that there is no DHCP client, and cannot make one', () => {
  const { dcmi } = server();
  expect([2, 3, 4, 5].map((selector) => dcmi(0x13, selector, 0))).toEqual([
    [1, 5, 1, 0],
    [1, 5, 1, 0],
    [1, 5, 1, 0, 0],
    [1, 5, 1, 0, 0],
  ]);
  expect([dcmi(0x13, 1, 0), dcmi(0x12, 1, 0, 1), dcmi(0x12, 9, 0, 1)]).toEqual([0x80, 0x82, 0x80]);
});
