/**
 * Which software there is: the BMC's own, and the firmware that the machine starts with. Where an image has been sent,
 * there are two of a kind: the one that the next start uses, and the one that can be put back. DSP0268, SoftwareInventory.
 */
import { Type } from 'typebox';
import {
  type FirmwareImage,
  type FirmwareSlot,
  firmwareSlots,
  slotNames,
} from '../../bmc/firmware-update.ts';
import type { Context } from '../context.ts';
import { action, always, collection, type Resource, resource } from '../definition.ts';
import { bmcSoftwareUri, inventoryUri, slotIds } from '../inventory-ids.ts';
import type { JsonObject } from '../json.ts';
import { link, managerUri, systemUri } from '../paths.ts';
import { dateTime } from './manager.ts';

const privileges = { get: ['Login'], post: ['ConfigureComponents'] } as const;
const type = '#SoftwareInventory.v1_13_0.SoftwareInventory';

const inventory = collection({
  path: '/redfish/v1/UpdateService/FirmwareInventory',
  type: '#SoftwareInventoryCollection.SoftwareInventoryCollection',
  name: 'Firmware',
  privileges: { get: ['Login'] },
  find: always,
  members: (_, { bmc: { firmware } }) => [
    bmcSoftwareUri,
    ...firmware.slots.flatMap((slot) => {
      const uri = `${inventoryUri}/${slotIds[slot]}`;
      return firmware.standby(slot) ? [uri, `${uri}Standby`] : [uri];
    }),
  ],
});

const bmcSoftware = resource({
  path: '/redfish/v1/UpdateService/FirmwareInventory/BMC',
  type,
  privileges: { get: ['Login'] },
  find: always,
  read: (_, { bmc: { identity } }) => ({
    Id: 'BMC',
    Name: 'Software of the BMC',
    Description: 'Comes with its package or container image, and is updated with it.',
    SoftwareId: 'qemu-bmc',
    Manufacturer: identity.manufacturer,
    Version: identity.firmwareVersion,
    VersionScheme: 'SemVer',
    Updateable: false,
    Active: true,
    RelatedItem: [link(managerUri)],
    'RelatedItem@odata.count': 1,
    Status: { State: 'Enabled', Health: 'OK' },
  }),
});

const softwareIds: Readonly<Record<FirmwareSlot, string>> = {
  bios: 'seabios',
  uefi: 'ovmf',
  'uefi-secure-boot': 'ovmf-secure-boot',
};

function facts(slot: FirmwareSlot, image: FirmwareImage, { bmc }: Context): JsonObject {
  const { uploaded, version } = image;
  return {
    SoftwareId: softwareIds[slot],
    Version: version ?? null,
    ...(uploaded && {
      SizeBytes: uploaded.sizeBytes,
      Description: `Sent on ${dateTime(uploaded.installedAt)}; SHA-256 ${uploaded.sha256}`,
    }),
    ...(!uploaded && { Description: 'Comes with the host.' }),
    Updateable: true,
    ResetRequiredOnUpdate: true,
    WriteProtected: false,
    Active: image.running || (!bmc.power.isOn && isNext(slot, image, bmc)),
    RelatedItem: [link(systemUri)],
    'RelatedItem@odata.count': 1,
  };
}

/** The next start uses it. */
function isNext(
  slot: FirmwareSlot,
  image: FirmwareImage,
  { firmware, machineSettings }: Context['bmc'],
): boolean {
  const isActive = firmware.active(slot).uploaded?.file === image.uploaded?.file;
  return isActive && firmware.slotOf(machineSettings.next) === slot;
}

/** Enabled: in use. StandbyOffline: for another boot mode. Updating: waits for the next power-on or reset. */
function stateOf(slot: FirmwareSlot, image: FirmwareImage, { bmc }: Context): string {
  if (bmc.firmware.slotOf(bmc.machineSettings.current) !== slot) return 'StandbyOffline';
  return bmc.power.isOn && !image.running ? 'Updating' : 'Enabled';
}

function ofSlot(slot: FirmwareSlot): readonly Resource[] {
  const id = slotIds[slot];
  return [
    resource({
      path: `/redfish/v1/UpdateService/FirmwareInventory/${id}`,
      type,
      privileges: { get: ['Login'] },
      find: (_, { bmc: { firmware } }) => (firmware.slots.includes(slot) ? firmware.active(slot) : undefined),
      read: ({ found }, context) => ({
        Id: id,
        Name: `Firmware: ${slotNames[slot]}`,
        ...facts(slot, found, context),
        Status: { State: stateOf(slot, found, context), Health: 'OK' },
      }),
    }),
    resource({
      path: `/redfish/v1/UpdateService/FirmwareInventory/${id}Standby`,
      type,
      privileges,
      find: (_, { bmc: { firmware } }) => firmware.standby(slot),
      read: ({ found }, context) => ({
        Id: `${id}Standby`,
        Name: `Firmware that stands by: ${slotNames[slot]}`,
        ...facts(slot, found, context),
        Updateable: false,
        Staged: true,
        Status: { State: 'StandbyOffline', Health: 'OK' },
      }),
      actions: [
        action({
          name: '#SoftwareInventory.Activate',
          parameters: Type.Object({}),
          run(_, __, { bmc, actor }) {
            bmc.firmware.activate(slot, actor);
            return undefined;
          },
        }),
      ],
    }),
  ];
}

export const softwareInventoryResources: readonly Resource[] = [
  inventory,
  bmcSoftware,
  ...firmwareSlots.flatMap(ofSlot),
];
