import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BmcPacket, ConsolePacket, nextSolSequence } from '../../../../src/ipmi/sol/packet.ts';
import { DecodeError, fromHex, toHex } from '../../../../src/lib/bytes.ts';
import { decode, encode } from '../../../../src/lib/codec.ts';

const sequence = fc.nat(15);
const data = fc.uint8Array({ maxLength: 255 });
const flag = fc.boolean();

describe('SOL packets', () => {
  test('from the console survive a round trip', () => {
    const packet = fc.record({
      sequence,
      acknowledged: sequence,
      acceptedCount: fc.nat(255),
      status: fc.record({
        nack: flag,
        ring: flag,
        break: flag,
        ctsPause: flag,
        dropDcdDsr: flag,
        flushInbound: flag,
        flushOutbound: flag,
      }),
      data,
    });
    fc.assert(
      fc.property(packet, (value) => {
        expect(decode(ConsolePacket, encode(ConsolePacket, value), 'SOL packet')).toEqual(value);
      }),
    );
  });

  test('are not made with a number that does not fit', () => {
    const status = {
      ...{ nack: false, ring: false, break: false, ctsPause: false, dropDcdDsr: false },
      ...{ flushInbound: false, flushOutbound: false },
    };
    const rest = { acknowledged: 0, acceptedCount: 0, status, data: new Uint8Array() };
    expect(encode(ConsolePacket, { ...rest, sequence: 15 })[0]).toBe(15);
    for (const sequence of [16, -1]) {
      expect(() => encode(ConsolePacket, { ...rest, sequence })).toThrow(RangeError);
    }
  });

  test('from the BMC survive a round trip', () => {
    const packet = fc.record({
      sequence,
      acknowledged: sequence,
      acceptedCount: fc.nat(255),
      status: fc.record({
        nack: flag,
        unavailable: flag,
        deactivating: flag,
        overrun: flag,
        breakDetected: flag,
      }),
      data,
    });
    fc.assert(
      fc.property(packet, (value) => {
        expect(decode(BmcPacket, encode(BmcPacket, value), 'SOL packet')).toEqual(value);
      }),
    );
  });

  test('any bytes decode or are refused with a DecodeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        if (bytes.length >= 4) {
          expect(decode(ConsolePacket, bytes, 'SOL packet').data.length).toBe(bytes.length - 4);
        } else {
          expect(() => decode(ConsolePacket, bytes, 'SOL packet')).toThrow(DecodeError);
        }
      }),
    );
  });

  test('have the bits where Tables 15-2 and 15-3 put them', () => {
    const off = { nack: false, ring: false, break: false, ctsPause: false, dropDcdDsr: false };
    const still = { ...off, flushInbound: false, flushOutbound: false };
    const bitOf = (name: string) => {
      const value = { sequence: 0, acknowledged: 0, acceptedCount: 0, data: new Uint8Array() };
      return encode(ConsolePacket, { ...value, status: { ...still, [name]: true } })[3];
    };
    expect(Object.keys(still).map(bitOf)).toEqual([0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01]);
    expect(decode(BmcPacket, fromHex('03 05 07 7c 41'), 'SOL packet')).toEqual({
      sequence: 3,
      acknowledged: 5,
      acceptedCount: 7,
      status: { nack: true, unavailable: true, deactivating: true, overrun: true, breakDetected: true },
      data: Uint8Array.of(0x41),
    });
    expect(
      toHex(
        encode(ConsolePacket, {
          sequence: 15,
          acknowledged: 1,
          acceptedCount: 255,
          status: still,
          data: fromHex('0d'),
        }),
      ),
    ).toBe('0f01ff000d');
  });

  test('sequence numbers go from 1 to 15 and never through 0', () => {
    expect([0, 1, 14, 15].map(nextSolSequence)).toEqual([1, 2, 15, 1]);
  });
});
