import { describe, expect, it } from 'vitest';
import { keyNames, strokesOf } from '../../../src/bmc/keyboard.ts';

describe('the keyboard', () => {
  it('types every character of ASCII that can be seen, each by keys that exist', () => {
    const visible = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('');
    const strokes = strokesOf(visible);
    expect(strokes).toHaveLength(95);
    for (const keys of strokes) for (const key of keys) expect(keyNames).toContain(key);
    // No two characters are typed the same way.
    expect(new Set(strokes.map((keys) => keys.join('+'))).size).toBe(95);
  });

  it('has the layout of the United States', () => {
    expect(strokesOf('aA1!"\\|')).toEqual([
      ['KeyA'],
      ['ShiftLeft', 'KeyA'],
      ['Digit1'],
      ['ShiftLeft', 'Digit1'],
      ['ShiftLeft', 'Quote'],
      ['Backslash'],
      ['ShiftLeft', 'Backslash'],
    ]);
  });

  it('ends lines once, however they end', () => {
    expect(strokesOf('\r\n\n\r\t')).toEqual([['Enter'], ['Enter'], ['Enter'], ['Tab']]);
  });

  it('refuses a text with a character that it has not, naming it', () => {
    expect(() => strokesOf('Grüße')).toThrow('character 3 (U+00FC) is on no key');
    expect(() => strokesOf('\u001b')).toThrow('U+001B');
  });
});
