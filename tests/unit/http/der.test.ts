import { describe, expect, it } from 'vitest';
import {
  bits,
  boolean,
  decode,
  encode,
  integer,
  nothing,
  oid,
  oidText,
  sequence,
  set,
  time,
  utf8,
} from '../../../src/http/der.ts';

const hex = (value: Parameters<typeof encode>[0]) => encode(value).toString('hex');

describe('DER', () => {
  it('writes whole numbers without a sign: a first bit that is set gets a byte before it, and no byte is 0', () => {
    expect(hex(integer(Uint8Array.of(0x7f)))).toBe('02017f');
    expect(hex(integer(Uint8Array.of(0x80)))).toBe('02020080');
    expect(hex(integer(Uint8Array.of(1, 0)))).toBe('02020100');
    expect(hex(integer(new Uint8Array()))).toBe('020100');
  });

  it('writes the other forms as X.690 has them', () => {
    expect([hex(boolean(true)), hex(boolean(false)), hex(nothing())]).toEqual(['0101ff', '010100', '0500']);
    expect(hex(utf8('é'))).toBe('0c02c3a9');
    expect(hex(bits(Uint8Array.of(0xa0), 5))).toBe('030205a0');
    expect(hex(bits(Uint8Array.of(0xa0)))).toBe('030200a0');
    expect(hex(sequence(boolean(true), set()))).toBe('30050101ff3100');
  });

  it('writes times in two digits of the year up to 2049, and in four from then on', () => {
    const ascii = (date: Date) => encode(time(date)).subarray(2).toString('latin1');
    expect(ascii(new Date(Date.UTC(2049, 11, 31, 23, 59, 59)))).toBe('491231235959Z');
    expect(ascii(new Date(Date.UTC(2050, 0, 1)))).toBe('20500101000000Z');
  });

  it('reads object identifiers, and nothing else as one', () => {
    expect(oidText(decode(encode(oid('1.2.840.10045.2.1'))))).toBe('1.2.840.10045.2.1');
    for (const other of [undefined, boolean(true), sequence(), utf8('1.2.3')]) {
      expect(oidText(other)).toBeUndefined();
    }
    expect(() => decode(Uint8Array.of(0x30, 0x05, 0x01))).toThrow();
  });
});
