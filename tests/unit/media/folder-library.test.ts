/** A folder as a library of images: what is listed, what may be inserted, and what is outside. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderLibrary } from '../../../src/media/folder-library.ts';

const disc = Buffer.alloc(64 * 1024);
disc.write('\x01CD001\x01', 16 * 2048, 'latin1');
const stick = Buffer.alloc(8192, 1);

let outside: string;
let folder: string;
beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'qemu-bmc-library-'));
  folder = join(outside, 'iso');
  mkdirSync(folder);
  writeFileSync(join(folder, 'a disc.iso'), disc);
  writeFileSync(join(folder, 'stick.img'), stick);
  writeFileSync(join(folder, 'notes.txt'), 'not whole sectors');
  writeFileSync(
    join(folder, 'disk.qcow2'),
    Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), Buffer.alloc(508)]),
  );
  writeFileSync(join(folder, '.hidden.iso'), disc);
  mkdirSync(join(folder, 'folder.iso'));
  writeFileSync(join(outside, 'secret.iso'), disc);
  symlinkSync(join(outside, 'secret.iso'), join(folder, 'out.iso'));
  symlinkSync('a disc.iso', join(folder, 'latest.iso'));
  symlinkSync('nowhere', join(folder, 'broken.iso'));
});
afterEach(() => rmSync(outside, { recursive: true, force: true }));

describe('the library', () => {
  it('lists what can be a CD or a stick, by name', async () => {
    const images = await new FolderLibrary(folder).list();
    expect(images.map(({ name, sizeBytes, slots }) => [name, sizeBytes, slots])).toEqual([
      ['a disc.iso', disc.length, ['cd', 'usb']],
      ['latest.iso', disc.length, ['cd', 'usb']],
      ['stick.img', stick.length, ['usb']],
    ]);
  });

  it('is empty while its folder is not there', async () => {
    expect(await new FolderLibrary(join(outside, 'none')).list()).toEqual([]);
  });

  it('says where an image is, when it can be what it is to be', async () => {
    const library = new FolderLibrary(folder);
    const place = { file: join(folder, 'a disc.iso'), sizeBytes: disc.length };
    expect(await library.open('a disc.iso', 'cd')).toEqual(place);
    expect(await library.open('latest.iso', 'usb')).toEqual(place);
    await expect(library.open('stick.img', 'cd')).rejects.toThrow('no ISO 9660');
    await expect(library.open('disk.qcow2', 'usb')).rejects.toThrow('a qcow2 image');
  });

  it.each([
    '',
    '.',
    '..',
    '../secret.iso',
    'out.iso',
    'broken.iso',
    'folder.iso',
    '.hidden.iso',
    'a\\b',
    'a\0',
    '/etc/passwd',
    'none.iso',
  ])('has no image %j', async (name) => {
    await expect(new FolderLibrary(folder).open(name, 'cd')).rejects.toMatchObject({
      kind: 'bad-argument',
      message: expect.stringContaining('in the library'),
    });
  });
});
