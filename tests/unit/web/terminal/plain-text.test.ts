import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainText } from '../../../../src/web/terminal/plain-text.ts';

describe('what a person would read of a terminal’s output', () => {
  it.each([
    ['\u001b[1;31mred\u001b[0m text\r\n', 'red text'],
    ['\u001b]0;a title\u0007shown', 'shown'],
    ['\u001b]52;c;c2VjcmV0\u001b\\shown', 'shown'],
    ['\u001b]8;;https://evil.example\u0007here\u001b]8;;\u0007', 'here'],
    ['\u001bP+q544e\u001b\\shown', 'shown'],
    ['first\u001b]0;no end', 'first'],
    ['10 %\r50 %\r100 %\r\ndone\r\n\r\n', '100 %\ndone'],
    ['\u001b(B\u001b=plain\u0007\u0000', 'plain'],
    ['safe\u202etxt.exe', 'safetxt.exe'],
  ])('%j reads %j', (output, text) => {
    expect(plainText(output)).toBe(text);
  });

  it('never has a control character in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (output) => {
        expect(plainText(output)).not.toMatch(/[^\P{Cc}\n\t]/u);
      }),
    );
  });
});
