import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { imageChain } from '../../../../src/machine/qemu/image-chain.ts';

const dir = mkdtempSync(join(tmpdir(), 'image-chain-'));
afterAll(() => rmSync(dir, { recursive: true }));
const at = (name: string) => join(dir, name);
const MiB = 1024 ** 2;

/** Images as QEMU's own tool makes them. */
function qemuImg(...args: readonly string[]): void {
  execFileSync('qemu-img', ['create', '-q', ...args], { cwd: dir });
}

writeFileSync(at('base.raw'), Buffer.alloc(2 * MiB, 1));
truncateSync(at('base.raw'), 8 * MiB);
qemuImg('-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', 'middle.qcow2', '12M');
qemuImg('-f', 'qcow2', '-b', at('middle.qcow2'), '-F', 'qcow2', 'top.qcow2', '16M');

describe('the files of a disk', () => {
  test('are its own and all that it rests on, with their formats and sizes', () => {
    const chain = imageChain({ path: at('top.qcow2'), format: 'qcow2', backingFile: true });
    expect(chain.map(({ file, format, virtualSizeBytes }) => [file, format, virtualSizeBytes])).toEqual([
      [at('top.qcow2'), 'qcow2', 16 * MiB],
      [at('middle.qcow2'), 'qcow2', 12 * MiB],
      [at('base.raw'), 'raw', 8 * MiB],
    ]);
  });

  test('take on the host what is written of them, not what the guest sees', () => {
    const [only, ...others] = imageChain({ path: at('base.raw'), format: 'raw' });
    expect(others).toEqual([]);
    expect(only?.virtualSizeBytes).toBe(8 * MiB);
    expect(only?.allocatedBytes).toBeGreaterThanOrEqual(2 * MiB);
    expect(only?.allocatedBytes).toBeLessThan(8 * MiB);
  });

  test('are not followed where the configuration does not let QEMU follow them', () => {
    expect(imageChain({ path: at('top.qcow2'), format: 'qcow2' })).toHaveLength(1);
  });

  test('are told as far as they go when one of them has gone, or is none', () => {
    qemuImg('-u', '-f', 'qcow2', '-b', at('gone.raw'), '-F', 'raw', 'orphan.qcow2', '1M');
    qemuImg('-u', '-f', 'qcow2', '-b', 'nbd://server/disk', '-F', 'raw', 'remote.qcow2', '1M');
    const last = (path: string) => imageChain({ path: at(path), format: 'qcow2', backingFile: true }).at(-1);
    const unknown = { format: 'raw', virtualSizeBytes: undefined, allocatedBytes: undefined };
    expect(last('orphan.qcow2')).toEqual({ file: at('gone.raw'), ...unknown });
    expect(last('remote.qcow2')).toEqual({ file: 'nbd://server/disk', ...unknown });
    writeFileSync(at('damaged.qcow2'), 'QFI');
    expect(last('damaged.qcow2')?.virtualSizeBytes).toBeUndefined();
  });

  test('end somewhere, even where an image rests on itself', () => {
    qemuImg('-u', '-f', 'qcow2', '-b', at('ring.qcow2'), '-F', 'qcow2', 'ring.qcow2', '1M');
    const chain = imageChain({ path: at('ring.qcow2'), format: 'qcow2', backingFile: true });
    expect(chain.length).toBeLessThanOrEqual(16);
  });
});
