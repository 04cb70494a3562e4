/** Checks of a disk's file before QEMU opens it. The format is the configured one; it is never guessed. */
import { closeSync, openSync, readSync } from 'node:fs';
import { BmcError } from '../../bmc/errors.ts';
import type { DiskConfig } from './config.ts';

const qcow2Magic = 0x514649fb;
/** Incompatible feature bit 2: the guest's data lies in another file. */
const externalDataFile = 0x4n;

/** @throws {BmcError} `wrong-state` for a missing file, or a qcow2 image that would have QEMU open other files */
export function checkDisk(disk: DiskConfig): void {
  const header = Buffer.alloc(80);
  let length: number;
  try {
    const file = openSync(disk.path, 'r');
    try {
      length = readSync(file, header, 0, header.length, 0);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new BmcError('wrong-state', `disk ${disk.path}: ${(cause as Error).message}`, { cause });
  }
  if (disk.format !== 'qcow2') return;
  if (length < 72 || header.readUInt32BE(0) !== qcow2Magic) {
    throw new BmcError('wrong-state', `disk ${disk.path}: not a qcow2 image`);
  }
  if (header.readBigUInt64BE(8) !== 0n && !disk.backingFile) {
    throw new BmcError(
      'wrong-state',
      `disk ${disk.path}: has a backing file, which is not allowed for this disk`,
    );
  }
  const version = header.readUInt32BE(4);
  if (version >= 3 && (header.readBigUInt64BE(72) & externalDataFile) !== 0n) {
    throw new BmcError(
      'wrong-state',
      `disk ${disk.path}: keeps its data in another file, which is not allowed`,
    );
  }
}
