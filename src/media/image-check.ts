/** Whether a file can be the medium it is to be. It is given to the machine byte by byte, never interpreted. */
import type { FileHandle } from 'node:fs/promises';
import { BmcError } from '../bmc/errors.ts';
import type { MediaSlot } from '../bmc/media-images.ts';

/** Formats of disk images whose bytes are not those of the disk, by how they begin. */
const containers: readonly (readonly [begin: string, name: string])[] = [
  ['QFI\xfb', 'a qcow2 image'],
  ['KDMV', 'a VMDK image'],
  ['# Disk DescriptorFile', 'a VMDK descriptor'],
  ['conectix', 'a VHD image'],
  ['vhdxfile', 'a VHDX image'],
  ['<<< ', 'a VDI image'],
  ['\x1f\x8b', 'compressed by gzip'],
  ['\xfd7zXZ\0', 'compressed by xz'],
  ['BZh', 'compressed by bzip2'],
  ['\x28\xb5\x2f\xfd', 'compressed by zstd'],
  ['PK\x03\x04', 'a zip file'],
];

const sectorBytes = 512;
const cdSectorBytes = 2048;
/** The first volume descriptor: ISO 9660 §6.7.1, ECMA-167 §2/9.1. */
const descriptorAt = 16 * cdSectorBytes + 1;
const descriptorNames = ['CD001', 'BEA01'];

/** Where the bytes are. Beyond their end there are none. */
export type ReadAt = (position: number, length: number) => Promise<Buffer>;

/** @throws {BmcError} `bad-argument` with the reason */
export async function checkImage(readAt: ReadAt, slot: MediaSlot, sizeBytes: number): Promise<void> {
  if (sizeBytes === 0) throw new BmcError('bad-argument', 'the image is empty');
  const begin = (await readAt(0, 24)).toString('latin1');
  const container = containers.find(([magic]) => begin.startsWith(magic));
  if (container) {
    throw new BmcError('bad-argument', `the image is ${container[1]}; a raw one is needed`);
  }
  if (slot === 'cd') {
    const name = (await readAt(descriptorAt, 5)).toString('latin1');
    if (!descriptorNames.includes(name)) {
      const page = /^\s*<(!doctype|html|\?xml)/i.test(begin) ? '; it looks like a web page' : '';
      throw new BmcError('bad-argument', `no ISO 9660 or UDF file system in the image${page}`);
    }
  }
  if (sizeBytes % sectorBytes !== 0) {
    throw new BmcError(
      'bad-argument',
      `${sizeBytes} bytes are no whole number of ${sectorBytes}-byte sectors`,
    );
  }
}

/** Of a file that is open. */
export function readerOf(handle: FileHandle): ReadAt {
  return async (position, length) => {
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await handle.read(buffer, 0, length, position);
    return buffer.subarray(0, bytesRead);
  };
}
