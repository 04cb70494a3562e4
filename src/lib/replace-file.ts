/**
 * One file in the place of another, whole or not at all: whoever reads it, and whoever finds it after a loss of power,
 * has the one or the other.
 */
import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Returns when the file is on the disk, and its name, too.
 * @param mode of the file, whatever the umask
 * @throws as the file system does. The former content is still there then, unless it was the very last step that
 *   failed, which makes the new name outlive a loss of power. Nothing is left beside the file.
 */
export function replaceFile(path: string, content: string | Uint8Array, mode = 0o600): void {
  const aside = `${path}.new`;
  try {
    writeSynced(aside, content, mode);
    withDescriptor(dirname(path), 'r', mode, (folder) => {
      renameSync(aside, path);
      fsyncSync(folder);
    });
  } catch (error) {
    removeIfPossible(aside);
    throw error;
  }
}

/**
 * The same for files that are of no use after a loss of power, such as those of a run directory: whoever reads them has the
 * one or the other, and nobody waits for the disk.
 * @throws as the file system does; the former content is still there then
 */
export function swapFile(path: string, content: string): void {
  const aside = `${path}.new`;
  writeFileSync(aside, content, { mode: 0o600 });
  renameSync(aside, path);
}

/** Makes what was made, renamed or removed in a folder outlive a loss of power. */
export function syncFolder(folder: string): void {
  withDescriptor(folder, 'r', 0, fsyncSync);
}

function writeSynced(path: string, content: string | Uint8Array, mode: number): void {
  withDescriptor(path, 'w', mode, (descriptor) => {
    fchmodSync(descriptor, mode);
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  });
}

function withDescriptor(path: string, flags: string, mode: number, use: (descriptor: number) => void): void {
  const descriptor = openSync(path, flags, mode);
  try {
    use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** What cannot be removed is in nobody's way: it is written over the next time. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // The error that led here says more.
  }
}
