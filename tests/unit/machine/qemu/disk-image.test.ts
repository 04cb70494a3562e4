import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checkDisk } from '../../../../src/machine/qemu/disk-image.ts';

const dir = mkdtempSync(join(tmpdir(), 'disk-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function qcow2(fields: { magic?: number; backing?: bigint; incompatible?: bigint } = {}): string {
  const header = Buffer.alloc(104);
  header.writeUInt32BE(fields.magic ?? 0x514649fb, 0);
  header.writeUInt32BE(3, 4);
  header.writeBigUInt64BE(fields.backing ?? 0n, 8);
  header.writeBigUInt64BE(fields.incompatible ?? 0n, 72);
  const path = join(dir, 'disk.qcow2');
  writeFileSync(path, header);
  return path;
}

describe('disk image', () => {
  test('a plain qcow2 image and any raw one pass', () => {
    checkDisk({ path: qcow2(), format: 'qcow2' });
    checkDisk({ path: qcow2({ backing: 104n }), format: 'raw' });
  });

  test('an image that would open other files is refused unless allowed', () => {
    expect(() => checkDisk({ path: qcow2({ backing: 104n }), format: 'qcow2' })).toThrow('backing file');
    checkDisk({ path: qcow2({ backing: 104n }), format: 'qcow2', backingFile: true });
    expect(() => checkDisk({ path: qcow2({ incompatible: 4n }), format: 'qcow2' })).toThrow('another file');
  });

  test('a file of another format, and none at all, are refused', () => {
    expect(() => checkDisk({ path: qcow2({ magic: 0 }), format: 'qcow2' })).toThrow('not a qcow2 image');
    expect(() => checkDisk({ path: join(dir, 'none'), format: 'raw' })).toThrow('ENOENT');
  });
});
