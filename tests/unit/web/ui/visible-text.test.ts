import { expect, it } from 'vitest';
import { visibleText } from '../../../../src/web/ui/visible-text.ts';

it('shows what would control a terminal or turn the direction of writing', () => {
  expect(visibleText('a\u001b[31mb\u202ec\u0007')).toBe('a\\u001b[31mb\\u202ec\\u0007');
});

it('leaves words of all languages, tabs and line breaks as they are', () => {
  const text = 'plain text\n\t日本語 עברית 🙂';
  expect(visibleText(text)).toBe(text);
});
