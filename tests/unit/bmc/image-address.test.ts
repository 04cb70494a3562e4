import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import { libraryName, nameOf, withoutCredentials } from '../../../src/bmc/image-address.ts';

describe('a name of the library', () => {
  it.each([
    ['file:boot.iso', 'boot.iso'],
    ['FILE:boot.iso', 'boot.iso'],
    ['file:/boot.iso', 'boot.iso'],
    ['file:///boot.iso', 'boot.iso'],
    ['file:two%20words.iso', 'two words.iso'],
    ['file:%2e%2e%2fsecret', '../secret'],
    ['file:../../etc/passwd', 'etc/passwd'],
    ['file:', ''],
  ])('%s is %s', (url, name) => {
    expect(libraryName(url)).toBe(name);
  });

  it.each(['http://files.example/boot.iso', 'nfs://files.example/boot.iso', 'profile:boot.iso'])(
    'is none: %s',
    (url) => {
      expect(libraryName(url)).toBeUndefined();
    },
  );

  it.each(['file://elsewhere/boot.iso', 'file:boot.iso?x', 'file:boot.iso#x', 'file:%ff.iso'])(
    '%s is refused',
    (url) => {
      expect(() => libraryName(url)).toThrow(BmcError);
      expect(() => libraryName(url)).toThrow('file:boot.iso');
    },
  );
});

describe('an address as everybody may see it', () => {
  it.each([
    ['http://files.example/a.iso', 'http://files.example/a.iso'],
    ['https://me:secret@files.example:8443/a.iso?b=c#d', 'https://files.example:8443/a.iso?b=c#d'],
    ['https://me@files.example/a.iso', 'https://files.example/a.iso'],
    ['https://:secret@files.example/a.iso', 'https://files.example/a.iso'],
  ])('%s', (url, shown) => {
    expect(withoutCredentials(url)).toBe(shown);
  });
});

describe('the name that people read', () => {
  it.each([
    ['http://files.example/images/a.iso', 'a.iso'],
    ['http://files.example/images/a.iso?b/c.img', 'a.iso'],
    ['http://files.example/images/', 'images'],
    ['http://files.example:8080', 'files.example:8080'],
    ['http://files.example/two%20words.iso', 'two words.iso'],
    ['http://files.example/a%0d%0ab%00%1b.iso', 'ab.iso'],
    ['http://files.example/%ff.iso', '%ff.iso'],
    ['http://files.example/dir%2fa.iso', 'dir/a.iso'],
  ])('of %s', (url, name) => {
    expect(nameOf(url)).toBe(name);
  });

  it('has at most 200 characters, and no control ones, whatever the path', () => {
    expect(nameOf(`http://files.example/${'x'.repeat(300)}`)).toBe('x'.repeat(200));
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        const name = nameOf(`http://files.example/${encodeURIComponent(text)}`);
        expect(name.length).toBeLessThanOrEqual(200);
        expect(name).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});
