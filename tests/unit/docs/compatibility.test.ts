/** The page about compatibility names proofs: they exist. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const tests = join(import.meta.dirname, '../..');
const page = readFileSync(join(tests, '../docs/compatibility.md'), 'utf8');

/** A file, then words from it: `unit/ipmi/lan/login` “words”, “more words”. */
const proofs = [...page.matchAll(/`((?:unit|e2e|golden)\/[^`]+)`((?:,? “[^”]+”)*)/g)].map(
  ([, file = '', quoted = '']) => ({
    file,
    words: [...quoted.matchAll(/“([^”]+)”/g)].map(([, text = '']) => text),
  }),
);

test('proofs are found on the page', () => {
  expect(proofs.length).toBeGreaterThan(90);
});

test.each(proofs)('$file has $words', ({ file, words }) => {
  const path = [`${file}.test.ts`, file].map((name) => join(tests, name)).find(existsSync);
  const text = path === undefined ? '' : readFileSync(path, 'utf8');
  expect(words).not.toEqual([]);
  expect(words.filter((each) => !text.includes(each))).toEqual([]);
});
