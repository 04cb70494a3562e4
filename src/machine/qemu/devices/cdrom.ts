import { resolve } from 'node:path';
import { device } from './device.ts';

/** A CD drive on q35's own AHCI controller, with the configured image in it. */
export const cdrom = device<{ readonly image: string }>({
  kind: 'cdrom',
  parts: ({ image }) => ({
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
    devices: [
      {
        bootClass: 'cdrom',
        properties: { driver: 'ide-cd', id: 'cd0', bus: 'ide.2', drive: 'cd0-medium' },
      },
    ],
  }),
});
