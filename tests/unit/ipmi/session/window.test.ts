import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextSequence, SequenceWindow, v15Window } from '../../../../src/ipmi/session/window.ts';

const cycle = 2n ** 32n - 1n;

/** All numbers ever accepted, as positions that never wrap. */
class NaiveWindow {
  readonly #accepted = new Set<bigint>();
  readonly #start: bigint;
  #highest: bigint;

  constructor(start: number) {
    this.#start = BigInt(start);
    this.#highest = this.#start;
  }

  accept(sequence: number): boolean {
    if (sequence === 0) return false;
    const base = this.#highest - (((this.#highest % cycle) + cycle) % cycle);
    const candidates = [base - cycle, base, base + cycle].map((start) => start + (BigInt(sequence) % cycle));
    const position = candidates.find((p) => p >= this.#highest - 16n && p <= this.#highest + 15n);
    if (position === undefined || position <= this.#start || this.#accepted.has(position)) return false;
    this.#accepted.add(position);
    if (position > this.#highest) this.#highest = position;
    return true;
  }
}

test('agrees with a naive model that remembers everything, round the end of numbers too', () => {
  const steps = fc.array(fc.integer({ min: -40, max: 20 }), { maxLength: 200 });
  const starts = fc.constantFrom(0, 1, 7, 0xffffffff, 0xfffffff3, 0xfffffe00);
  fc.assert(
    fc.property(starts, steps, (start, offsets) => {
      const window = new SequenceWindow(start);
      const naive = new NaiveWindow(start);
      for (const offset of offsets) {
        const sequence = (window.highest + offset) >>> 0;
        expect(window.accept(sequence)).toBe(naive.accept(sequence));
      }
    }),
    { numRuns: 2000 },
  );
});

test('numbers go from FFFFFFFFh to 1', () => {
  expect([0, 1, 0xfffffffe, 0xffffffff].map(nextSequence)).toEqual([1, 2, 0xffffffff, 1]);
  const window = new SequenceWindow(0xfffffffe);
  expect([0xffffffff, 1, 0, 2, 1, 0xffffffff].map((s) => window.accept(s))).toEqual([
    true,
    true,
    false,
    true,
    false,
    false,
  ]);
});

test('the window of IPMI 1.5 takes each number once, 8 ahead of and 8 behind the highest', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -12, max: 12 }), { maxLength: 60 }), (steps) => {
      const window = new SequenceWindow(1000, v15Window);
      const taken = new Set<number>();
      let highest = 1000;
      for (const step of steps) {
        const sequence = highest + step;
        // A new session has seen all before its first number.
        const fresh = !taken.has(sequence) && sequence > 1000;
        const expected = fresh && step <= 8 && step >= -8;
        expect(window.accept(sequence)).toBe(expected);
        if (!expected) continue;
        taken.add(sequence);
        highest = Math.max(highest, sequence);
      }
    }),
  );
});
