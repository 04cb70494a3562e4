import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { replaceFile, swapFile } from '../../../src/lib/replace-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-replace-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  ['replaceFile', replaceFile],
  ['swapFile', swapFile],
])('%s', (name, write) => {
  const path = join(folder, name);

  it('puts a file for its owner alone in the place of another, and leaves nothing beside it', () => {
    write(path, 'one');
    write(path, 'two');
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).filter((file) => file.startsWith(`${name}.`))).toEqual([]);
  });

  it('says so when there is no such folder', () => {
    expect(() => write(join(folder, 'none', name), 'one')).toThrow(/ENOENT/);
  });
});
