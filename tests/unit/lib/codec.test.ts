import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, DecodeError, fromHex, toHex } from '../../../src/lib/bytes.ts';
import {
  bits8,
  bits16le,
  bytes,
  constant,
  decode,
  empty,
  encode,
  encodeInto,
  type Infer,
  named,
  optional,
  reserved,
  rest,
  struct,
  text,
  u8,
  u16be,
  u16le,
  u24le,
  u32be,
  u32le,
} from '../../../src/lib/codec.ts';

const sample = struct({
  id: u8,
  _gap: reserved(2),
  flags: bits8(['on', 1], ['_reserved', 3], ['mode', 4, { slow: 0, fast: 9 }]),
  count: u16le,
  address: u32be,
  name: text(6),
  tail: rest,
});

describe('codec', () => {
  it('reads and writes one layout, byte for byte', () => {
    const raw = fromHex('07 0000 89 3412 c0a80001 61620000 0000 ff');
    const value = decode(sample, raw, 'sample');
    expect(value).toEqual({
      id: 7,
      flags: { on: true, mode: 'fast' },
      count: 0x1234,
      address: 0xc0a80001,
      name: 'ab',
      tail: new Uint8Array([0xff]),
    });
    expect(toHex(encode(sample, value))).toBe(toHex(raw));
  });

  it('writes into a buffer of the right length alone', () => {
    const codec = struct({ id: u8, tail: rest });
    const value = { id: 7, tail: fromHex('0102') };
    const into = new Uint8Array(3).fill(0xee);
    expect(encodeInto(codec, value, into)).toBe(into);
    expect(toHex(into)).toBe('070102');
    for (const length of [0, 2, 4]) {
      expect(() => encodeInto(codec, value, new Uint8Array(length))).toThrow(RangeError);
    }
  });

  it('ignores reserved bits on reading and writes them 0', () => {
    const codec = bits8(['_reserved', 7], ['on', 1]);
    expect(decode(codec, fromHex('ff'), 'byte')).toEqual({ on: true });
    expect(toHex(encode(codec, { on: true }))).toBe('01');
  });

  it.each([
    ['too short', '07 00', 'length'],
    ['a value outside its names', '070000 81 3412 c0a80001 616200000000', 'value'],
  ])('refuses what is %s with a DecodeError that says so', (_, hex, fault) => {
    expect(() => decode(sample, fromHex(hex), 'sample')).toThrow(DecodeError);
    try {
      decode(sample, fromHex(hex), 'sample');
    } catch (error) {
      expect((error as DecodeError).fault).toBe(fault);
      expect((error as DecodeError).message).toMatch(/^sample: /);
    }
  });

  it('refuses bytes left over', () => {
    expect(() => decode(u8, fromHex('0102'), 'byte')).toThrow('byte: 1 bytes too many after 1');
    expect(() => decode(empty, fromHex('01'), 'nothing')).toThrow(DecodeError);
  });

  it('refuses to write a value outside its field', () => {
    expect(() => encode(u8, 256)).toThrow(RangeError);
    expect(() => encode(u16le, -1)).toThrow(RangeError);
    expect(() => encode(bits8(['a', 4], ['b', 4]), { a: 16, b: 0 })).toThrow(RangeError);
    expect(() => encode(bytes(2), new Uint8Array(3))).toThrow(RangeError);
  });

  it('refuses bits that are no number, a fraction, below 0 or more than there are', () => {
    const four = bits8(['_reserved', 4], ['number', 4]);
    expect(encode(four, { number: 15 })).toEqual(Uint8Array.of(15));
    for (const number of [16, -1, 0.5, Number.NaN]) {
      expect(() => encode(four, { number })).toThrow(`number: ${number} does not fit into 4 bits`);
    }
    const choice = bits8(['_reserved', 4], ['mode', 4, { slow: 0, fast: 9 }]);
    expect(() => encode(choice, { mode: 'other' as 'slow' })).toThrow('mode: other does not fit into 4 bits');
  });

  it('refuses a bit layout that does not fill its byte', () => {
    expect(() => bits8(['a', 3], ['b', 4])).toThrow('fill 7 of 8 bits');
  });

  it('takes a field that is absent at the end', () => {
    const codec = struct({ a: u8, b: optional(u16be) });
    expect(decode(codec, fromHex('01'), 'x')).toEqual({ a: 1, b: undefined });
    expect(toHex(encode(codec, { a: 1, b: 0x0203 }))).toBe('010203');
  });

  it('survives a round trip of any value', () => {
    const codec = struct({
      a: u8,
      b: u16le,
      c: u24le,
      d: u32le,
      e: bits16le(['x', 3], ['y', 13]),
      f: named({ one: 1, two: 2 }),
      g: rest,
    });
    fc.assert(
      fc.property(
        fc.record({
          a: fc.nat(0xff),
          b: fc.nat(0xffff),
          c: fc.nat(0xffffff),
          d: fc.nat(0xffffffff),
          e: fc.record({ x: fc.nat(7), y: fc.nat(0x1fff) }),
          f: fc.constantFrom('one' as const, 'two' as const),
          g: fc.uint8Array({ maxLength: 20 }),
        }),
        (value) => {
          expect(decode(codec, encode(codec, value), 'round trip')).toEqual(value);
        },
      ),
    );
  });

  it('returns or throws DecodeError, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (raw) => {
        try {
          sample.read(new ByteReader(raw));
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });
});

describe('hex', () => {
  it('refuses what is not pairs of digits', () => {
    expect(() => fromHex('123')).toThrow(DecodeError);
    expect(() => fromHex('zz')).toThrow(DecodeError);
  });
});

it('values that never change are written as they would be otherwise, and encoded once each', () => {
  let times = 0;
  const codec = constant<Infer<typeof sample>>({
    read: sample.read,
    write(writer, value) {
      times++;
      sample.write(writer, value);
    },
  });
  const flags = { on: true, mode: 'fast' as const };
  const one = { id: 1, flags, count: 2, address: 3, name: 'ab', tail: Uint8Array.of(5) };
  const two = { ...one, id: 2 };
  for (const value of [one, two, one, two]) {
    expect(encode(codec, value)).toEqual(encode(sample, value));
    expect(decode(codec, encode(codec, value), 'sample')).toEqual(value);
  }
  expect(times).toBe(2);
});
