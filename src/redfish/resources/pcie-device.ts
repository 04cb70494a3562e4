/** What sits on the machine's PCI bus, as its driver has seen at its latest start. DSP0268, PCIeDevice, PCIeFunction. */
import type { Bmc } from '../../bmc/bmc.ts';
import type { PciPart } from '../../bmc/inventory.ts';
import type { Context } from '../context.ts';
import { collection, type Resource, resource } from '../definition.ts';
import { chassisUri, findSystem, link, onlyId, systemUri } from '../paths.ts';

const readable = { get: ['Login'] } as const;
const devicePath = '/redfish/v1/Systems/:systemId/PCIeDevices/:deviceId';

export function pciDeviceUris({ inventory }: Bmc): string[] {
  return inventory.pci.map(({ id }) => uriOf(id));
}

function uriOf(id: string): string {
  return `${systemUri}/PCIeDevices/${id}`;
}

interface DeviceParams {
  readonly systemId: string;
  readonly deviceId: string;
}

function findDevice({ systemId, deviceId }: DeviceParams, { bmc }: Context): PciPart | undefined {
  return findSystem({ systemId }) && bmc.inventory.pci.find(({ id }) => id === deviceId);
}

const present = { State: 'Enabled', Health: 'OK' } as const;

const device = resource({
  path: devicePath,
  type: '#PCIeDevice.v1_21_0.PCIeDevice',
  privileges: readable,
  find: findDevice,
  read: ({ found: { id, address, description } }) => ({
    Id: id,
    Name: `${description} at ${address}`,
    Description: description,
    Status: present,
    PCIeFunctions: link(`${uriOf(id)}/PCIeFunctions`),
    Links: { Chassis: [link(chassisUri)] },
  }),
});

const functions = collection({
  path: `${devicePath}/PCIeFunctions`,
  type: '#PCIeFunctionCollection.PCIeFunctionCollection',
  name: 'PCI functions',
  privileges: readable,
  find: findDevice,
  members: ({ found: { id } }) => [`${uriOf(id)}/PCIeFunctions/${onlyId}`],
});

/** By the class of PCI's own numbering. */
const classes: Readonly<Record<number, string>> = {
  0: 'UnclassifiedDevice',
  1: 'MassStorageController',
  2: 'NetworkController',
  3: 'DisplayController',
  4: 'MultimediaController',
  5: 'MemoryController',
  6: 'Bridge',
  7: 'CommunicationController',
  8: 'GenericSystemPeripheral',
  9: 'InputDeviceController',
  12: 'SerialBusController',
};

const pciFunction = resource({
  path: `${devicePath}/PCIeFunctions/:functionId`,
  type: '#PCIeFunction.v1_7_0.PCIeFunction',
  privileges: readable,
  find: findFunction,
  read: ({ found: { id, address, vendorId, deviceId, classCode, description } }) => {
    const [bus = '', device = '', number = ''] = address.split(/[:.]/);
    return {
      Id: onlyId,
      Name: description,
      FunctionType: 'Physical',
      DeviceClass: classes[classCode >> 8] ?? 'Other',
      VendorId: `0x${hex(vendorId)}`,
      DeviceId: `0x${hex(deviceId)}`,
      FunctionId: Number.parseInt(number, 16),
      BusNumber: `0x${bus}`,
      DeviceNumber: `0x${device}`,
      FunctionNumber: `0x${number}`,
      Status: present,
      Links: { PCIeDevice: link(uriOf(id)) },
    };
  },
});

function findFunction(
  { functionId, ...params }: DeviceParams & { readonly functionId: string },
  context: Context,
): PciPart | undefined {
  return functionId === onlyId ? findDevice(params, context) : undefined;
}

function hex(value: number): string {
  return value.toString(16).padStart(4, '0').toUpperCase();
}

export const pcieDeviceResources: readonly Resource[] = [device, functions, pciFunction];
