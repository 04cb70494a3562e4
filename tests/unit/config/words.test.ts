import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteWord, splitWords } from '../../../src/config/words.ts';

describe('splitting a line into words', () => {
  it.each([
    ['', []],
    ['  \t ', []],
    ['-device usb-tablet', ['-device', 'usb-tablet']],
    [`a 'b c' "d e"f`, ['a', 'b c', 'd ef']],
    [`'' ""`, ['', '']],
    [`a\\ b "c\\"d" "e\\f" 'g\\h'`, ['a b', 'c"d', 'e\\f', 'g\\h']],
  ])('takes %j apart', (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  it.each(["it's", 'a "b', 'end\\'])('refuses %j, which is not complete', (line) => {
    expect(() => splitWords(line)).toThrow(RangeError);
  });

  it('reads back any words that were quoted', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (words) => {
        expect(splitWords(words.map(quoteWord).join(' '))).toEqual(words);
      }),
    );
  });

  it('gives words or a RangeError for any line', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ' ', '"', "'", '\\', '\n', '$') }), (line) => {
        try {
          for (const word of splitWords(line)) expect(typeof word).toBe('string');
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});
