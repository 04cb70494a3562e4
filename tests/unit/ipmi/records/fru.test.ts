import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FruFields } from '../../../../src/bmc/fru.ts';
import {
  decodeFru,
  encodeFru,
  fruFieldsOf,
  fruSizeBytes,
  newFruImage,
  withAssetTag,
} from '../../../../src/ipmi/records/fru.ts';
import { DecodeError } from '../../../../src/lib/bytes.ts';

const uuid = '12345678-9abc-4def-8123-456789abcdef';
const text = fc
  .array(fc.integer({ min: 0x21, max: 0x7e }), { maxLength: 60 })
  .map((codes) => String.fromCharCode(...codes));
const minute = fc
  .integer({ min: 0, max: 0xffffff })
  .map((minutes) => Date.UTC(1996, 0, 1) + minutes * 60_000);
const fields: fc.Arbitrary<FruFields> = fc.record({
  chassis: fc.record({ partNumber: text, serialNumber: text }),
  board: fc.record({
    manufacturedAt: minute,
    manufacturer: text,
    product: text,
    serialNumber: text,
    partNumber: text,
  }),
  product: fc.record({
    manufacturer: text,
    name: text,
    partNumber: text,
    version: text,
    serialNumber: text,
    assetTag: text,
  }),
});

const sum = (bytes: Uint8Array) => bytes.reduce((total, byte) => (total + byte) & 0xff, 0);

test('what is written is read again, and every checksum is right', () => {
  fc.assert(
    fc.property(fields, (written) => {
      const device = encodeFru(newFruImage(written, uuid));
      expect(device).toHaveLength(fruSizeBytes);
      expect(fruFieldsOf(decodeFru(device))).toEqual(written);
      expect(sum(device.subarray(0, 8))).toBe(0);
      for (const index of [2, 3, 4]) {
        const start = (device[index] as number) * 8;
        expect(sum(device.subarray(start, start + (device[start + 1] as number) * 8))).toBe(0);
      }
    }),
  );
});

test('another asset tag leaves all else as it is', () => {
  fc.assert(
    fc.property(fields, text, (written, tag) => {
      const image = decodeFru(encodeFru(newFruImage(written, uuid)));
      const changed = decodeFru(encodeFru(withAssetTag(image, tag)));
      expect(fruFieldsOf(changed)).toEqual({ ...written, product: { ...written.product, assetTag: tag } });
      expect(changed.records).toEqual(image.records);
    }),
  );
});

test('the last area holds the UUID as a management access record', () => {
  const [whole] = fc.sample(fields, 1);
  if (!whole) throw new Error('no sample');
  const { records } = newFruImage(whole, uuid);
  expect(Buffer.from(records).toString('hex')).toMatch(/^03 ?82 ?11/);
  expect(sum(records.subarray(0, 5))).toBe(0);
  expect((sum(records.subarray(5)) + (records[3] as number)) & 0xff).toBe(0);
  expect(records[5]).toBe(0x07);
  expect(Buffer.from(records.subarray(6)).toString('hex')).toBe('78563412bc9aef4d8123456789abcdef');
});

test('any bytes are an inventory or refused', () => {
  const [sample] = fc.sample(fields, 1);
  if (!sample) throw new Error('no sample');
  const good = encodeFru(newFruImage(sample, uuid));
  const damage = fc.array(fc.tuple(fc.nat(fruSizeBytes - 1), fc.integer({ min: 0, max: 255 })), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), damage), (input) => {
      const bytes = input instanceof Uint8Array ? input : good.slice();
      if (!(input instanceof Uint8Array)) for (const [at, value] of input) bytes[at] = value;
      try {
        fruFieldsOf(decodeFru(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: 1000 },
  );
});

test('text in the older encodings is understood', () => {
  const [sample] = fc.sample(fields, 1);
  if (!sample) throw new Error('no sample');
  const image = newFruImage(sample, uuid);
  const encoded = (encoding: number, ...data: number[]) => ({ encoding, data: Uint8Array.from(data) });
  const product = {
    ...image.product,
    // §13: six-bit ASCII of IPMI; BCD plus; binary.
    fields: [encoded(2, 0x29, 0xdc, 0xa6), encoded(1, 0x12, 0x3b), encoded(0, 0xab, 0xcd)],
  };
  const decoded = fruFieldsOf(decodeFru(encodeFru({ ...image, product }))).product;
  expect([decoded.manufacturer, decoded.name, decoded.partNumber]).toEqual(['IPMI', '123-', 'abcd']);
});
