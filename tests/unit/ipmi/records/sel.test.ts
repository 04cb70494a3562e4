import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { SelContent } from '../../../../src/bmc/sel.ts';
import { SelRecord } from '../../../../src/ipmi/records/sel.ts';
import { DecodeError, fromHex, toHex } from '../../../../src/lib/bytes.ts';
import { decode, encode } from '../../../../src/lib/codec.ts';

const byte = fc.nat(255);
const content: fc.Arbitrary<SelContent> = fc.oneof(
  fc.record({
    kind: fc.constant('system' as const),
    generatorId: fc.nat(0xffff),
    messageRevision: byte,
    sensorType: byte,
    sensorNumber: byte,
    asserted: fc.boolean(),
    eventType: fc.nat(0x7f),
    data: fc.tuple(byte, byte, byte),
  }),
  fc.record({
    kind: fc.constant('oem' as const),
    type: fc.integer({ min: 0xc0, max: 0xdf }),
    data: fc.array(byte, { minLength: 9, maxLength: 9 }),
  }),
  fc.record({
    kind: fc.constant('oem-untimed' as const),
    type: fc.integer({ min: 0xe0, max: 0xff }),
    data: fc.array(byte, { minLength: 13, maxLength: 13 }),
  }),
);

it('survives the way to bytes and back', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.nat(0xffffffff), content, (id, time, what) => {
      const bytes = encode(SelRecord, { id, time, content: what });
      expect(bytes).toHaveLength(16);
      expect(decode(SelRecord, bytes, 'record')).toEqual({
        id,
        time: what.kind === 'oem-untimed' ? 0 : time,
        content: what,
      });
    }),
  );
});

it('reads any 16 bytes or says why not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      try {
        expect(encode(SelRecord, decode(SelRecord, bytes, 'record'))).toEqual(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
  );
});

it('lays a system event out as Table 32-1 has it', () => {
  const record = encode(SelRecord, {
    id: 0x1234,
    time: 0x65432178,
    content: {
      kind: 'system',
      generatorId: 0x0020,
      messageRevision: 4,
      sensorType: 0x09,
      sensorNumber: 0x01,
      asserted: false,
      eventType: 0x6f,
      data: [0x00, 0xff, 0xff],
    },
  });
  expect(toHex(record)).toBe('34120278214365200004' + '0901ef00ffff');
  expect(() => decode(SelRecord, fromHex(`3412ff${'00'.repeat(12)}`), 'record')).toThrow('need 13 bytes');
  expect(() => decode(SelRecord, fromHex(`341203${'00'.repeat(13)}`), 'record')).toThrow('record type 3');
});
