/**
 * The drives for virtual media: a CD drive that is always there, and a USB stick that is plugged in as long as there is
 * an image for it. Images are raw, whatever their first bytes look like.
 */
import type { MachineMedium } from '../../../bmc/machine.ts';
import type { QmpFileNode, QmpNbdNode, QmpRawNode, QmpUsbStorage } from '../../qmp/commands.ts';
import { device } from './device.ts';

export const virtualCdId = 'virtual-cd';
/** QEMU's events name a device by its id or by its path. */
export function isVirtualCd(device: string): boolean {
  return device === virtualCdId || device === `/machine/peripheral/${virtualCdId}`;
}

export const usbStickId = 'usb-stick';

/** On q35's own AHCI controller; it comes before the drive of a configured image, in the guest and at boot. */
export const virtualCd = device<{ readonly medium: MachineMedium | undefined }>({
  kind: 'virtual-cd',
  parts: ({ medium }) => ({
    ...(medium && { blockdevs: mediumNodes(medium).map((node) => ({ ...node })) }),
    devices: [
      {
        bootClass: 'cdrom',
        properties: {
          driver: 'ide-cd',
          id: virtualCdId,
          bus: 'ide.1',
          drive: medium && mediumNode(medium),
        },
      },
    ],
  }),
});

export const usbController = device<Record<never, never>>({
  kind: 'usb-controller',
  parts: () => ({ devices: [{ properties: { driver: 'qemu-xhci', id: 'usb' } }] }),
});

export const usbStick = device<{ readonly medium: MachineMedium }>({
  kind: 'usb-stick',
  parts: ({ medium }) => ({
    blockdevs: mediumNodes(medium).map((node) => ({ ...node })),
    devices: [{ bootClass: 'usb', properties: { ...usbStickDevice(medium) } }],
  }),
});

export function usbStickDevice(medium: MachineMedium): QmpUsbStorage {
  return {
    driver: 'usb-storage',
    id: usbStickId,
    bus: 'usb.0',
    drive: mediumNode(medium),
    removable: true,
  };
}

/** The block node that a drive is given. */
export function mediumNode({ slot }: Pick<MachineMedium, 'slot'>): string {
  return `${slot}-medium`;
}

/** The BMC serves an image; it may start anew meanwhile, and the guest waits. A guest's own patience is 30 s. */
const reconnectS = 25;

/** The block nodes of an image, in the order in which they are made. */
export function mediumNodes(medium: MachineMedium): [QmpFileNode | QmpNbdNode, QmpRawNode] {
  const { slot, file, readOnly, nbd } = medium;
  const name = `${slot}-medium-file`;
  const node: QmpFileNode | QmpNbdNode = nbd
    ? {
        driver: 'nbd',
        'node-name': name,
        server: { type: 'unix', path: file },
        'reconnect-delay': reconnectS,
        'read-only': readOnly,
      }
    : { driver: 'file', 'node-name': name, filename: file, 'read-only': readOnly, 'auto-read-only': false };
  return [node, { driver: 'raw', 'node-name': mediumNode(medium), file: name, 'read-only': readOnly }];
}
