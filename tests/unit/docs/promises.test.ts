/** The page of promises names proofs: they exist, and no promise is without one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { missingWords, proofsOn } from '../../support/proofs.ts';

const page = 'docs/promises.md';
const proofs = proofsOn(page);

test('every promise has a proof', () => {
  const text = readFileSync(join(import.meta.dirname, '../../..', page), 'utf8');
  const rows = text.split('\n').filter((line) => /^\| (?!Promise )[^|-]/.test(line));
  expect(rows.length).toBeGreaterThan(20);
  expect(rows.filter((row) => !/\| `(unit|e2e|container)\/[^`]+` “/.test(row))).toEqual([]);
});

test.each(proofs)('$file has $words', (proof) => {
  expect(proof.words).not.toEqual([]);
  expect(missingWords(proof)).toEqual([]);
});
