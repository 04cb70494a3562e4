/** The page about compatibility names proofs: they exist. */
import { expect, test } from 'vitest';
import { missingWords, proofsOn } from '../../support/proofs.ts';

const proofs = proofsOn('docs/compatibility.md');

test('proofs are found on the page', () => {
  expect(proofs.length).toBeGreaterThan(90);
});

test.each(proofs)('$file has $words', (proof) => {
  expect(proof.words).not.toEqual([]);
  expect(missingWords(proof)).toEqual([]);
});
