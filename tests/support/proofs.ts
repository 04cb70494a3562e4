/** Pages that name tests as proofs: a file under `tests/`, then words from it: `unit/ipmi/lan/login` “words”, “more words”. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const tests = join(import.meta.dirname, '..');

export interface Proof {
  readonly file: string;
  readonly words: readonly string[];
}

/** @param page relative to the project's folder */
export function proofsOn(page: string): Proof[] {
  const text = readFileSync(join(tests, '..', page), 'utf8');
  return [...text.matchAll(/`((?:unit|e2e|golden|container|peers)\/[^`]+)`((?:,?\s“[^”]+”)*)/g)].map(
    ([, file = '', quoted = '']) => ({
      file,
      words: [...quoted.matchAll(/“([^”]+)”/g)].map(([, words = '']) => words.replace(/\s+/g, ' ')),
    }),
  );
}

/** @returns the words that are not in the file; all of them when there is no such file */
export function missingWords({ file, words }: Proof): string[] {
  const path = [`${file}.test.ts`, file].map((name) => join(tests, name)).find(existsSync);
  const text = path === undefined ? '' : readFileSync(path, 'utf8');
  return words.filter((each) => !text.includes(each));
}
