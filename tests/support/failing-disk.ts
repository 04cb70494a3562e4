/**
 * A file system that fails at the nth call of those that write. To be put in the place of `node:fs`:
 *
 *     const disk = vi.hoisted(() => ({ calls: 0, failAt: 0, code: 'EIO', calledBy: () => undefined }));
 *     vi.mock('node:fs', async (original) => failingDisk(await original(), disk));
 */
import type * as Fs from 'node:fs';

/** What changes the disk, or opens the way to it, and may be refused. */
const refusable = [
  'openSync',
  'writeSync',
  'writeFileSync',
  'fsyncSync',
  'ftruncateSync',
  'renameSync',
  'linkSync',
  'unlinkSync',
  'rmSync',
  'mkdirSync',
  'chmodSync',
  'fchmodSync',
] as const;

export interface Disk {
  /** Calls since this was last set to 0. */
  calls: number;
  /** The number of the call that fails; 0 for none. */
  failAt: number;
  code: string;
  /** Every call from `failAt` on fails, not that one alone. */
  forGood: boolean;
  /** Of a write that fails, half is written. */
  halfWritten: boolean;
  /** Names of the calls. */
  log: string[];
}

export const freshDisk = (): Disk => ({
  calls: 0,
  failAt: 0,
  code: 'EIO',
  forGood: false,
  halfWritten: false,
  log: [],
});

export function failingDisk(fs: typeof Fs, disk: Disk): typeof Fs {
  const fails = () => {
    disk.calls++;
    return disk.failAt > 0 && (disk.forGood ? disk.calls >= disk.failAt : disk.calls === disk.failAt);
  };
  const replaced: Record<string, unknown> = {};
  for (const name of refusable) {
    const real = fs[name] as (...given: unknown[]) => unknown;
    replaced[name] = (...given: unknown[]) => {
      // A file that is only read is no state write.
      if (name === 'openSync' && (given[1] === undefined || given[1] === 'r') && !isFolder(fs, given[0])) {
        return real(...given);
      }
      disk.log.push(name);
      if (!fails()) return real(...given);
      if (name === 'writeFileSync' && disk.halfWritten && typeof given[0] === 'number') {
        const whole = Buffer.from(given[1] as string | Uint8Array);
        fs.writeFileSync(given[0], whole.subarray(0, whole.length >> 1));
      }
      throw Object.assign(new Error(`${disk.code}: the disk of this test, ${name}`), {
        code: disk.code,
        errno: -5,
        syscall: name,
      });
    };
  }
  return { ...fs, ...replaced, default: { ...fs, ...replaced } } as typeof Fs;
}

function isFolder(fs: typeof Fs, path: unknown): boolean {
  return typeof path === 'string' && (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false);
}
