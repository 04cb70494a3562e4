import { resolve } from 'node:path';
import type { DiskConfig } from '../config.ts';
import { serialNumberOf } from '../inventory.ts';
import { device } from './device.ts';

/** A hard disk. Its format is stated, so that a guest cannot choose it by what it writes. */
export const disk = device<{ readonly index: number; readonly disk: DiskConfig }>({
  kind: 'disk',
  parts({ index, disk }) {
    const { path, format, readOnly = false, backingFile = false } = disk;
    const id = `disk${index}`;
    return {
      blockdevs: [
        {
          driver: 'file',
          'node-name': `${id}-file`,
          filename: resolve(path),
          'read-only': readOnly,
          'auto-read-only': false,
          discard: 'unmap',
        },
        {
          driver: format,
          'node-name': `${id}-format`,
          file: `${id}-file`,
          'read-only': readOnly,
          'auto-read-only': false,
          discard: 'unmap',
          // Whatever the image's header says, no other file is opened.
          ...(format === 'qcow2' && !backingFile ? { backing: null } : {}),
        },
      ],
      devices: [
        {
          bootClass: 'disk',
          properties: {
            driver: 'virtio-blk-pci',
            id,
            drive: `${id}-format`,
            serial: serialNumberOf(disk, index),
            werror: 'stop',
            rerror: 'report',
          },
        },
      ],
    };
  },
});
