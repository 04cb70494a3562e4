import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DecodeError } from '../../../../src/lib/bytes.ts';
import { debianFirmware } from '../../../../src/machine/qemu/config.ts';
import { guidOf, guidText } from '../../../../src/machine/qemu/uefi-guid.ts';
import {
  globalVendor,
  ordinaryAttributes,
  type UefiVariable,
  UefiVariableStore,
} from '../../../../src/machine/qemu/uefi-variable-store.ts';
import { changeUefiVariables } from '../../../../src/machine/qemu/uefi-variables.ts';
import { storeAt, storeBytes, variablesAt, variableVolume } from '../../../support/uefi-variables.ts';

const vendorBytes = Buffer.from('61dfe48bca93d211aa0d00e098032b8c', 'hex');
const imageBytes = 4096;

/** One variable as EDK II writes it. */
function written(name: string, data: string, state = 0x3f): Buffer {
  const header = Buffer.alloc(60);
  header.writeUInt16LE(0x55aa, 0);
  header[2] = state;
  header.writeUInt32LE(7, 4);
  const text = Buffer.from(`${name}\0`, 'utf16le');
  header.writeUInt32LE(text.length, 36);
  header.writeUInt32LE(data.length, 40);
  vendorBytes.copy(header, 44);
  const whole = Buffer.concat([header, text, Buffer.from(data)]);
  return Buffer.concat([whole, Buffer.alloc((4 - (whole.length % 4)) % 4, 0xff)]);
}

const own = (name: string, data: string | Uint8Array): UefiVariable => ({
  vendor: globalVendor,
  name,
  attributes: ordinaryAttributes,
  data: Buffer.from(data),
});

function shown(store: UefiVariableStore): string[] {
  return store.variables.map(({ name, data }) => `${name}=${Buffer.from(data).toString('latin1')}`);
}

test('a GUID is written as UEFI stores it, and read back', () => {
  expect(Buffer.from(guidOf(globalVendor))).toEqual(vendorBytes);
  expect(guidText(vendorBytes)).toBe(globalVendor);
  expect(() => guidOf('8BE4DF61')).toThrow(RangeError);
  expect(() => guidText(vendorBytes.subarray(1))).toThrow(DecodeError);
});

describe('a store of UEFI variables', () => {
  test('tells what is in force: neither the deleted nor the unfinished, and of two the newer', () => {
    const store = new UefiVariableStore(
      variableVolume(
        written('PK', 'old', 0x3c),
        written('PK', 'key'),
        written('Half', 'no data', 0x7f),
        written('Moved', 'from', 0x3e),
        written('Moved', 'to'),
        written('Moving', 'from', 0x3e),
        written('Moving', 'unfinished', 0x7f),
      ),
    );
    expect(shown(store)).toEqual(['PK=key', 'Moved=to', 'Moving=from']);
    expect(store.get({ vendor: globalVendor, name: 'PK' })).toMatchObject({ attributes: 7 });
    expect(store.get({ vendor: '00000000-0000-0000-0000-000000000000', name: 'PK' })).toBeUndefined();
  });

  test('goes on behind a header that a loss of power has left half written, and ends with a length beyond it', () => {
    const half = Buffer.alloc(60, 0xff);
    half.writeUInt16LE(0x55aa, 0);
    const image = variableVolume(half, written('A', '1'), written('B', '2'), written('C', '3'));
    expect(shown(new UefiVariableStore(image))).toEqual(['A=1', 'B=2', 'C=3']);
    image.writeUInt32LE(0x7fff_ffff, variablesAt + 60 + written('A', '1').length + 40);
    expect(shown(new UefiVariableStore(image))).toEqual(['A=1']);
  });

  test('is written as EDK II writes it, the write area left alone', () => {
    const store = new UefiVariableStore(variableVolume(written('Old', 'x', 0x3d), written('A', '1')));
    store.set({ ...own('B', '22'), attributes: 7 });
    expect(Buffer.from(store.image())).toEqual(variableVolume(written('A', '1'), written('B', '22')));
    expect(store.delete({ vendor: globalVendor, name: 'A' })).toBe(true);
    expect(store.delete({ vendor: globalVendor, name: 'A' })).toBe(false);
    expect(Buffer.from(store.image())).toEqual(variableVolume(written('B', '22')));
  });

  test('refuses what does not fit or is no variable, and stays as it was', () => {
    const store = new UefiVariableStore(variableVolume(written('A', '1')));
    const room = storeBytes - 28 - written('A', '1').length;
    const overhead = 60 + 4;
    store.set(own('B', Buffer.alloc(room - overhead, 1)));
    expect(() => store.set(own('C', 'x'))).toThrow('bytes more than there are');
    store.set(own('B', 'small'));
    expect(() => store.set(own('B', Buffer.alloc(room - overhead + 1, 1)))).toThrow(RangeError);
    expect(() => store.set(own('', 'x'))).toThrow(RangeError);
    expect(() => store.set(own('D', ''))).toThrow(RangeError);
    expect(() => store.set({ ...own('D', 'x'), vendor: 'nobody' })).toThrow(RangeError);
    expect(() => store.set({ ...own('D', 'x'), attributes: 6 })).toThrow('not kept');
    expect(() => store.set({ ...own('D', 'x'), timeStamp: new Uint8Array(3) })).toThrow('time stamp');
    expect(shown(store)).toEqual(['A=1', 'B=small']);
  });

  test('says why an image is none', () => {
    const broken = (change: (image: Buffer) => void) => {
      const image = variableVolume();
      change(image);
      return () => new UefiVariableStore(image);
    };
    expect(() => new UefiVariableStore(Buffer.alloc(10))).toThrow(DecodeError);
    expect(() => new UefiVariableStore(Buffer.alloc(imageBytes))).toThrow('no firmware volume of variables');
    expect(broken((image) => image.write('_FVX', 40))).toThrow('no signature');
    expect(broken((image) => image.writeUInt16LE(1, 48))).toThrow('header of 1 bytes');
    expect(broken((image) => image.fill(1, 50, 51))).toThrow('checksum');
    expect(broken((image) => image.fill(1, storeAt, storeAt + 1))).toThrow('no store');
    expect(broken((image) => image.fill(0, storeAt + 21, storeAt + 22))).toThrow('in state 90, 0');
    expect(broken((image) => image.writeUInt32LE(imageBytes, storeAt + 16))).toThrow('store of 4096 bytes');
  });

  const someVariable = fc.record({
    vendor: fc.constantFrom(globalVendor, 'd719b2cb-3d3a-4596-a3bc-dad00e67656f'),
    name: fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom('a', 'B', 'é', '水') }),
    attributes: fc.integer({ min: 0, max: 0x3f }).map((bits) => bits | 1),
    data: fc.uint8Array({ minLength: 1, maxLength: 80 }),
    timeStamp: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  });

  test('agrees with a plain map, whatever is set and deleted, and after it was written and read', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), someVariable), { maxLength: 40 }), (steps) => {
        let store = new UefiVariableStore(variableVolume());
        const model = new Map<string, UefiVariable>();
        for (const [isSet, variable] of steps) {
          const key = `${variable.vendor} ${variable.name}`;
          if (!isSet) expect(store.delete(variable)).toBe(model.delete(key));
          else {
            try {
              store.set(variable);
              model.delete(key);
              model.set(key, variable);
            } catch (error) {
              expect(error).toBeInstanceOf(RangeError);
            }
          }
          store = new UefiVariableStore(store.image());
          expect(store.variables).toEqual([...model.values()]);
        }
      }),
    );
  });

  test('reads any bytes, or throws DecodeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 900 }), fc.boolean(), (bytes, isBody) => {
        const image = isBody ? variableVolume(Buffer.from(bytes)) : bytes;
        try {
          const store = new UefiVariableStore(image);
          expect(new UefiVariableStore(store.image()).variables).toEqual(store.variables);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });
});

describe('the file of the machine’s variables', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-variables-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test('is replaced whole when something changed, for QEMU of our group, and left alone otherwise', () => {
    const path = join(dir, 'vars.fd');
    writeFileSync(path, variableVolume(written('A', '1')));
    const { ino } = statSync(path);
    changeUefiVariables(path, (variables) => variables.delete({ vendor: globalVendor, name: 'B' }));
    expect(() =>
      changeUefiVariables(path, (variables) => {
        variables.set(own('B', '2'));
        variables.set(own('C', Buffer.alloc(2000, 1)));
      }),
    ).toThrow(RangeError);
    expect(statSync(path).ino).toBe(ino);
    changeUefiVariables(path, (variables) => variables.set(own('B', '2')));
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(readFileSync(path)).toEqual(variableVolume(written('A', '1'), written('B', '2')));
    expect(readdirSync(dir)).toEqual(['vars.fd']);
  });
});

const templates = [debianFirmware.ovmfVarsTemplate, debianFirmware.secure.ovmfVarsTemplate];

test.skipIf(!templates.every((file) => existsSync(file)))(
  'Debian’s OVMF variables (package ovmf) are read and written, keys and their time stamps included',
  () => {
    const [plain, secure] = templates.map((file) => new UefiVariableStore(readFileSync(file)));
    expect(plain?.variables).toEqual([]);
    const names = secure?.variables.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['PK', 'KEK', 'db', 'dbx']));
    expect(secure?.get({ vendor: globalVendor, name: 'PK' })?.attributes).toBe(0x27);
    expect(new Set(names).size).toBe(names?.length);
    expect(new UefiVariableStore(secure?.image() ?? new Uint8Array()).variables).toEqual(secure?.variables);
  },
);
