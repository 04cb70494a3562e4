import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConsoleRing } from '../../../src/bmc/console-ring.ts';

/** Bytes that tell their position in the stream. */
function stream(from: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => ((from + i) * 31 + ((from + i) >> 8)) & 0xff);
}

describe('the console’s ring', () => {
  it('is empty at first, and gives no bytes', () => {
    const ring = new ConsoleRing(8192);
    expect([ring.start, ring.end]).toEqual([0, 0]);
    expect(ring.copy(0, 0)).toEqual(new Uint8Array());
    expect(() => ring.copy(0, 1)).toThrow(RangeError);
  });

  it('keeps all bytes up to its limit, and the last ones beyond it', () => {
    const ring = new ConsoleRing(8192);
    ring.append(stream(0, 8192));
    expect([ring.start, ring.end]).toEqual([0, 8192]);
    expect(ring.copy(0, 8192)).toEqual(stream(0, 8192));
    ring.append(stream(8192, 1));
    expect([ring.start, ring.end]).toEqual([1, 8193]);
    expect(ring.copy(1, 8192)).toEqual(stream(1, 8192));
  });

  it('takes more than its limit at once, and keeps the end of it', () => {
    const ring = new ConsoleRing(4096);
    ring.append(stream(0, 10));
    ring.append(stream(10, 50_000));
    expect([ring.start, ring.end]).toEqual([50_010 - 4096, 50_010]);
    expect(ring.copy(ring.start, 4096)).toEqual(stream(ring.start, 4096));
  });

  it('keeps what it is given, not the buffer that it came in', () => {
    const ring = new ConsoleRing(4096);
    const given = stream(0, 100);
    ring.append(given);
    given.fill(0);
    const copy = ring.copy(0, 100);
    expect(copy).toEqual(stream(0, 100));
    copy.fill(0);
    expect(ring.copy(0, 100)).toEqual(stream(0, 100));
  });

  it.each([
    ['before the oldest', 4095, 1],
    ['beginning before the oldest', 4095, 2],
    ['behind the latest', 8192, 1],
    ['ending behind the latest', 8191, 2],
    ['far away', 2 ** 40, 1],
    ['negative', -1, 1],
    ['less than none', 5000, -1],
    ['more than there are', 4096, 4097],
  ])('gives no other bytes in the place of some %s', (_, from, length) => {
    const ring = new ConsoleRing(4096);
    ring.append(stream(0, 8192));
    expect(() => ring.copy(from, length)).toThrow(RangeError);
  });

  it('has the bytes of any sequence of appends, of any sizes, at their positions', () => {
    const sizes = fc.array(fc.oneof(fc.nat(64), fc.nat(5000), fc.constantFrom(4095, 4096, 4097, 16_384)), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(fc.constantFrom(4096, 8192, 16_384), sizes, fc.nat(), fc.nat(), (limit, lengths, a, b) => {
        const ring = new ConsoleRing(limit);
        let written = 0;
        for (const length of lengths) {
          ring.append(stream(written, length));
          written += length;
          expect(ring.end).toBe(written);
          expect(ring.start).toBe(Math.max(0, written - limit));
          const kept = ring.end - ring.start;
          const from = ring.start + (a % (kept + 1));
          const part = b % (ring.end - from + 1);
          expect(Buffer.from(ring.copy(from, part)).equals(stream(from, part))).toBe(true);
          expect(Buffer.from(ring.copy(ring.start, kept)).equals(stream(ring.start, kept))).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });
});
