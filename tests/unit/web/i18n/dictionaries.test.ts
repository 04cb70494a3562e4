import { describe, expect, it } from 'vitest';

type Words = Readonly<Record<string, unknown>>;
const found = {
  ...import.meta.glob<Readonly<Record<string, Words>>>('../../../../src/web/**/{en,ja}.ts', { eager: true }),
};
const folders = [...new Set(Object.keys(found).map((path) => path.slice(0, path.lastIndexOf('/'))))];

function words(folder: string, language: 'en' | 'ja'): Words {
  const dictionary = found[`${folder}/${language}.ts`]?.[language];
  if (!dictionary) throw new Error(`${folder}/${language}.ts does not export ${language}`);
  return dictionary;
}

/** Paths of all words: `causes.busy`, with how many arguments a function takes. */
function shape(dictionary: unknown, path = ''): readonly string[] {
  if (typeof dictionary === 'function') return [`${path}()`];
  if (typeof dictionary !== 'object' || dictionary === null) return [path];
  return Object.entries(dictionary).flatMap(([key, value]) => shape(value, `${path}.${key}`));
}

function texts(dictionary: unknown): readonly string[] {
  if (typeof dictionary === 'string') return [dictionary];
  if (typeof dictionary !== 'object' || dictionary === null) return [];
  return Object.values(dictionary).flatMap(texts);
}

describe('dictionaries', () => {
  it('are found', () => {
    expect(folders.length).toBeGreaterThan(3);
  });

  it.each(folders)('have the same keys in both languages: %s', (folder) => {
    expect([...shape(words(folder, 'ja'))].sort()).toEqual([...shape(words(folder, 'en'))].sort());
  });

  it.each(folders)('leave nothing empty: %s', (folder) => {
    for (const text of [...texts(words(folder, 'en')), ...texts(words(folder, 'ja'))])
      expect(text.trim()).not.toBe('');
  });
});
