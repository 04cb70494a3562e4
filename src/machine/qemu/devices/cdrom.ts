import { resolve } from 'node:path';
import { device } from './device.ts';

/** The CD drive on q35's own AHCI controller; empty unless an image is given. */
export const cdrom = device<{ readonly image: string | undefined }>({
  kind: 'cdrom',
  parts({ image }) {
    const medium = image !== undefined && {
      blockdevs: [
        {
          driver: 'file',
          'node-name': 'cd0-file',
          filename: resolve(image),
          'read-only': true,
          'auto-read-only': false,
        },
        { driver: 'raw', 'node-name': 'cd0-medium', file: 'cd0-file', 'read-only': true },
      ],
    };
    return {
      ...medium,
      devices: [
        {
          bootClass: 'cdrom',
          properties: {
            driver: 'ide-cd',
            id: 'cd0',
            bus: 'ide.0',
            drive: medium ? 'cd0-medium' : undefined,
          },
        },
      ],
    };
  },
});
