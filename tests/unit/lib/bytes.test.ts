import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter, concatBytes, DecodeError, toHex } from '../../../src/lib/bytes.ts';
import { decode, encode, text, u8, u16be, u16le, u24le, u32be, u32le } from '../../../src/lib/codec.ts';

const sizes = { u8: 1, u16le: 2, u24le: 3, u32le: 4, u16be: 2, u32be: 4 } as const;
const names = Object.keys(sizes) as (keyof typeof sizes)[];

describe('a reader', () => {
  it.each(names)('reads a %s from its very last bytes, and stays where it is when one is missing', (name) => {
    const size = sizes[name];
    const right = new ByteReader(Uint8Array.from([9, 1, 2, 3, 4].slice(0, size + 1)));
    right.u8();
    const little = [1, 0x201, 0x30201, 0x4030201][size - 1];
    const big = [1, 0x102, undefined, 0x1020304][size - 1];
    expect(right[name]()).toBe(name.endsWith('be') ? big : little);
    expect([right.left, right.offset]).toEqual([0, size + 1]);
    const short = new ByteReader(new Uint8Array(size - 1), 'header');
    expect(() => short[name]()).toThrow(`header: need ${size} bytes at offset 0, ${size - 1} left`);
    expect([short.left, short.offset]).toEqual([size - 1, 0]);
  });

  it('reads the highest numbers without a sign', () => {
    const all = new ByteReader(new Uint8Array(8).fill(0xff));
    expect([all.u32le(), all.u32be()]).toEqual([0xffff_ffff, 0xffff_ffff]);
  });

  it('gives out as many bytes as there are, and not one more', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3), 'packet');
    expect(reader.bytes(0)).toHaveLength(0);
    expect([...reader.bytes(2)]).toEqual([1, 2]);
    const bad = () => reader.bytes(2);
    expect(bad).toThrow(DecodeError);
    expect(bad).toThrow('packet: need 2 bytes at offset 2, 1 left');
    expect(() => reader.end()).toThrow('packet: 1 bytes too many after 2');
    expect([...reader.rest()]).toEqual([3]);
    expect([reader.left, reader.offset]).toEqual([0, 3]);
    reader.end();
    expect(() => reader.fail('no good')).toThrow('packet: no good');
  });

  it('tells a wrong length from a wrong value', () => {
    const faultOf = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        return error instanceof DecodeError ? error.fault : error;
      }
      return 'none';
    };
    expect([
      faultOf(() => new ByteReader(new Uint8Array()).u8()),
      faultOf(() => new ByteReader(new Uint8Array(1)).end()),
      faultOf(() => new ByteReader(new Uint8Array()).fail('x')),
    ]).toEqual(['length', 'length', 'value']);
  });
});

describe('a writer', () => {
  it.each([0, 1, 3, 4, 64])(
    'begun with room for %i bytes keeps what is written, byte for byte',
    (capacity) => {
      const writer = new ByteWriter(capacity);
      const some = Uint8Array.from({ length: 70 }, (_, i) => i);
      writer.u8(1).u16le(0x302).u24le(0x60504).u32le(0xa090807).u16be(0xb0c).u32be(0xd0e0f10).bytes(some);
      expect(writer.length).toBe(16 + 70);
      expect(toHex(writer.finish())).toBe(`0102030405060708090a0b0c0d0e0f10${toHex(some)}`);
      expect([...new ByteWriter(capacity).bytes(Uint8Array.of(7, 8)).finish()]).toEqual([7, 8]);
    },
  );

  it('grows when it is full and not before, to what is needed or to twice as much', () => {
    const room = (writer: ByteWriter) => writer.finish().buffer.byteLength;
    const writer = new ByteWriter(100);
    writer.bytes(new Uint8Array(99)).u8(1);
    expect(room(writer)).toBe(100);
    writer.u8(1);
    expect([writer.length, room(writer)]).toEqual([101, 200]);
    writer.bytes(new Uint8Array(400));
    expect([writer.length, room(writer)]).toEqual([501, 501]);
  });
});

it('bytes are put together in their order, none of them shared', () => {
  const [a, b] = [Uint8Array.of(1, 2), Uint8Array.of(3)];
  const whole = concatBytes(a, new Uint8Array(), b);
  a[0] = 9;
  expect([...whole]).toEqual([1, 2, 3]);
  expect(concatBytes()).toHaveLength(0);
});

describe('a field', () => {
  it('takes its highest number and refuses the next one, a negative one and a fraction', () => {
    for (const [field, bits] of [
      [u8, 8],
      [u16le, 16],
      [u24le, 24],
      [u32le, 32],
      [u16be, 16],
      [u32be, 32],
    ] as const) {
      const highest = 2 ** bits - 1;
      expect(decode(field, encode(field, highest), 'field')).toBe(highest);
      for (const wrong of [2 ** bits, -1, 0.5, Number.NaN])
        expect(() => encode(field, wrong)).toThrow(RangeError);
    }
  });

  it('of text ends at its first NUL, wherever that is, and takes no more than fits', () => {
    const four = text(4);
    expect(encode(four, 'ab')).toEqual(Uint8Array.of(97, 98, 0, 0));
    expect(decode(four, Buffer.from('abcd'), 'text')).toBe('abcd');
    expect(decode(four, Buffer.from('a\0cd'), 'text')).toBe('a');
    expect(decode(four, Buffer.from('\0bcd'), 'text')).toBe('');
    expect(toHex(encode(four, 'abcd'))).toBe('61626364');
    expect(() => encode(four, 'abcde')).toThrow('text: 5 bytes do not fit into 4');
  });
});
