/** How the firmware inventory names what the machine can start with. */
import type { FirmwareSlot } from '../bmc/firmware-update.ts';
import { root } from './paths.ts';

export const updateServiceUri = `${root}/UpdateService`;
export const inventoryUri = `${updateServiceUri}/FirmwareInventory`;

export const slotIds = {
  bios: 'Bios',
  uefi: 'Uefi',
  'uefi-secure-boot': 'UefiSecureBoot',
} as const satisfies Record<FirmwareSlot, string>;

export const bmcSoftwareUri = `${inventoryUri}/BMC`;
