/** The page about the seven phases names proofs for each: they exist. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { missingWords, proofsOn } from '../../support/proofs.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/phases.md'), 'utf8');

test('each of the seven phases has commands to run and a proof', () => {
  const phases = page.split(/^## (?=\d)/m).slice(1);
  expect(phases.map((phase) => phase[0])).toEqual(['1', '2', '3', '4', '5', '6', '7']);
  for (const phase of phases) {
    expect(phase).toMatch(/^```sh$/m);
    expect(phase).toMatch(/^Proof: `/m);
  }
});

test.each(proofsOn('docs/phases.md'))('$file has $words', (proof) => {
  expect(proof.words).not.toEqual([]);
  expect(missingWords(proof)).toEqual([]);
});
