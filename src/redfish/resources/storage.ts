/**
 * The machine's disks: as drives behind one controller with a volume each, and in the simple form that Ironic asks for.
 * DSP0268, Storage, StorageController, Drive, Volume, SimpleStorage.
 */
import { Type } from 'typebox';
import type { DrivePart, ImageLayer } from '../../bmc/inventory.ts';
import type { Context } from '../context.ts';
import { collection, type Resource, resource } from '../definition.ts';
import type { JsonObject } from '../json.ts';
import { chassisUri, findSystem, link, onlyId, systemUri } from '../paths.ts';
import { oemObject } from './oem-object.ts';

const readable = { get: ['Login'] } as const;
const storagesUri = `${systemUri}/Storage`;
const storageUri = `${storagesUri}/${onlyId}`;
const controllerUri = `${storageUri}/Controllers/${onlyId}`;
const simpleUri = `${systemUri}/SimpleStorage`;
const storagePath = '/redfish/v1/Systems/:systemId/Storage/:storageId';

interface StorageParams {
  readonly systemId: string;
  readonly storageId: string;
}

function findStorage({ systemId, storageId }: StorageParams): true | undefined {
  return storageId === onlyId ? findSystem({ systemId }) : undefined;
}

function findDrive(
  { driveId, ...params }: StorageParams & { readonly driveId: string },
  { bmc }: Context,
): DrivePart | undefined {
  return findStorage(params) && bmc.inventory.drives.find(({ id }) => id === driveId);
}

const present = { State: 'Enabled', Health: 'OK' } as const;

/** An image that cannot be read keeps the machine from starting. */
function driveStatus({ capacityBytes }: DrivePart): JsonObject {
  return capacityBytes === undefined ? { State: 'UnavailableOffline', Health: 'Critical' } : present;
}

const storages = collection({
  path: '/redfish/v1/Systems/:systemId/Storage',
  type: '#StorageCollection.StorageCollection',
  name: 'Storage',
  privileges: readable,
  find: findSystem,
  members: () => [storageUri],
});

const storage = resource({
  path: storagePath,
  type: '#Storage.v1_21_0.Storage',
  privileges: readable,
  find: findStorage,
  read: (_, { bmc }) => {
    const drives = bmc.inventory.drives.map(({ id }) => link(`${storageUri}/Drives/${id}`));
    return {
      Id: onlyId,
      Name: 'Disks',
      Drives: drives,
      'Drives@odata.count': drives.length,
      Controllers: link(`${storageUri}/Controllers`),
      Volumes: link(`${storageUri}/Volumes`),
      Status: present,
      Links: { Enclosures: [link(chassisUri)] },
    };
  },
});

const controllers = collection({
  path: `${storagePath}/Controllers`,
  type: '#StorageControllerCollection.StorageControllerCollection',
  name: 'Storage controllers',
  privileges: readable,
  find: findStorage,
  members: () => [controllerUri],
});

const controller = resource({
  path: `${storagePath}/Controllers/:controllerId`,
  type: '#StorageController.v1_11_0.StorageController',
  privileges: readable,
  find: ({ controllerId, ...params }) => (controllerId === onlyId ? findStorage(params) : undefined),
  read: (_, { bmc }) => {
    const { manufacturer, model } = bmc.inventory.drives[0] ?? {};
    return {
      Id: onlyId,
      Name: 'Disk controller',
      Manufacturer: manufacturer,
      Model: model,
      Status: present,
      Links: { AttachedVolumes: bmc.inventory.drives.map(({ id }) => link(`${storageUri}/Volumes/${id}`)) },
    };
  },
});

/** The standard has no words for the files of a disk. */
export const driveObject = oemObject('QemuBmcDrive', 'The files of a disk.', {
  BackingChain: Type.Array(
    Type.Object(
      {
        File: Type.String({ description: 'The file, as the host names it.' }),
        Format: Type.Optional(Type.String({ description: 'The format, as QEMU names it.' })),
        VirtualSizeBytes: Type.Optional(
          Type.Integer({ description: 'The size that the guest sees, in bytes.' }),
        ),
        AllocatedBytes: Type.Optional(
          Type.Integer({ description: 'What the file takes on the host, in bytes.' }),
        ),
      },
      { title: 'Layer', description: 'One file of a disk.', additionalProperties: false },
    ),
    { description: 'The file that is written to, then those that hold what it does not.' },
  ),
});

const drive = resource({
  path: `${storagePath}/Drives/:driveId`,
  type: '#Drive.v1_22_0.Drive',
  privileges: readable,
  find: findDrive,
  // A disk that is written to grows on the host.
  volatile: ['Oem'],
  read: ({ found }) => ({
    Id: found.id,
    Name: `Disk ${found.id}`,
    Manufacturer: found.manufacturer,
    Model: found.model,
    SerialNumber: found.serialNumber,
    CapacityBytes: found.capacityBytes,
    Status: driveStatus(found),
    Links: { Chassis: link(chassisUri), Volumes: [link(`${storageUri}/Volumes/${found.id}`)] },
    ...(found.layers.length > 0 && { Oem: driveObject.oem({ BackingChain: found.layers.map(layerBody) }) }),
  }),
});

/** @returns its shape in {@link driveObject} */
function layerBody({ file, format, virtualSizeBytes, allocatedBytes }: ImageLayer) {
  return {
    File: file,
    ...(format !== undefined && { Format: format }),
    ...(virtualSizeBytes !== undefined && { VirtualSizeBytes: virtualSizeBytes }),
    ...(allocatedBytes !== undefined && { AllocatedBytes: allocatedBytes }),
  };
}

const volumes = collection({
  path: `${storagePath}/Volumes`,
  type: '#VolumeCollection.VolumeCollection',
  name: 'Volumes',
  privileges: readable,
  find: findStorage,
  members: (_, { bmc }) => bmc.inventory.drives.map(({ id }) => `${storageUri}/Volumes/${id}`),
});

const volume = resource({
  path: `${storagePath}/Volumes/:driveId`,
  type: '#Volume.v1_10_2.Volume',
  privileges: readable,
  find: findDrive,
  read: ({ found }) => ({
    Id: found.id,
    Name: `Volume on ${found.id}`,
    CapacityBytes: found.capacityBytes,
    Description: found.readOnly ? 'Read-only' : 'Can be read and written',
    Status: driveStatus(found),
    Links: { Drives: [link(`${storageUri}/Drives/${found.id}`)] },
  }),
});

const simpleStorages = collection({
  path: '/redfish/v1/Systems/:systemId/SimpleStorage',
  type: '#SimpleStorageCollection.SimpleStorageCollection',
  name: 'Simple storage',
  privileges: readable,
  find: findSystem,
  members: () => [`${simpleUri}/${onlyId}`],
});

const simpleStorage = resource({
  path: '/redfish/v1/Systems/:systemId/SimpleStorage/:storageId',
  type: '#SimpleStorage.v1_3_2.SimpleStorage',
  privileges: readable,
  find: findStorage,
  read: (_, { bmc }) => ({
    Id: onlyId,
    Name: 'Disks',
    Devices: bmc.inventory.drives.map((each) => ({
      Name: each.id,
      Manufacturer: each.manufacturer,
      Model: each.model,
      CapacityBytes: each.capacityBytes,
      Status: driveStatus(each),
    })),
    Status: present,
    Links: { Chassis: link(chassisUri), Storage: link(storageUri) },
  }),
});

export const storageResources: readonly Resource[] = [
  storages,
  storage,
  controllers,
  controller,
  drive,
  volumes,
  volume,
  simpleStorages,
  simpleStorage,
];
