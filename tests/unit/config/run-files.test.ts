/** The directories that an appliance makes for itself. */
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { preparePrivateDirectory } from '../../../src/config/run-files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-run-files-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('a private directory', () => {
  it('is made with all above it, and is for its owner alone, also where it was for others', () => {
    const path = join(folder, 'lab/server-1/state');
    preparePrivateDirectory(path);
    expect([modeOf(path), modeOf(join(folder, 'lab'))]).toEqual([0o700, 0o700]);
    mkdirSync(join(folder, 'open'), { mode: 0o755 });
    preparePrivateDirectory(join(folder, 'open'));
    expect(modeOf(join(folder, 'open'))).toBe(0o700);
  });

  it('is not made where the kernel lets nobody make one, which is said at once', () => {
    expect(() => preparePrivateDirectory('/proc/nothing/state')).toThrow(
      /^\/proc\/nothing\/state: the directory cannot be made: /,
    );
  });

  it.each([
    ['a file', (path: string) => writeFileSync(path, '')],
    ['a symbolic link', (path: string) => symlinkSync(folder, path)],
    ['a symbolic link to nothing', (path: string) => symlinkSync(join(folder, 'none'), path)],
  ])('is not %s', (_, make) => {
    const path = join(folder, 'state');
    make(path);
    expect(() => preparePrivateDirectory(path)).toThrow(`${path}: expected a directory`);
  });

  it('is not below a file', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => preparePrivateDirectory(join(folder, 'file/state'))).toThrow(/cannot be made: ENOTDIR/);
  });
});
