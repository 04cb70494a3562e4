/**
 * The machine's network cards as parts of the chassis: one adapter for each card, with one port and one function, which
 * is all that such a card has. What it is like as an interface is told by EthernetInterface. DSP0268: NetworkAdapter, Port,
 * PortMetrics,
 * NetworkDeviceFunction.
 */
import type { NicPart } from '../../bmc/inventory.ts';
import type { MachineNic } from '../../bmc/machine.ts';
import type { Context } from '../context.ts';
import { collection, type Resource, resource } from '../definition.ts';
import type { JsonObject } from '../json.ts';
import { chassisUri, findChassis, link, onlyId, systemUri } from '../paths.ts';

const readable = { get: ['Login'] } as const;
export const adaptersUri = `${chassisUri}/NetworkAdapters`;
const adapterPath = '/redfish/v1/Chassis/:chassisId/NetworkAdapters/:adapterId';

interface AdapterParams {
  readonly chassisId: string;
  readonly adapterId: string;
}

/** A card, and how it is attached while the machine runs. */
interface Card {
  readonly part: NicPart;
  readonly attached: MachineNic | undefined;
}

export function findCard(id: string, { bmc }: Context): Card | undefined {
  const part = bmc.inventory.nics.find((nic) => nic.id === id);
  return part && { part, attached: bmc.nics.find((nic) => nic.id === id) };
}

function findAdapter({ chassisId, adapterId }: AdapterParams, context: Context): Card | undefined {
  return findChassis({ chassisId }) && findCard(adapterId, context);
}

function findOnly(params: AdapterParams & { readonly memberId: string }, context: Context): Card | undefined {
  return params.memberId === onlyId ? findAdapter(params, context) : undefined;
}

export function statusOf({ attached }: Card): JsonObject {
  if (attached?.backend === 'none') return { State: 'Absent', Health: 'Warning' };
  return { State: 'Enabled', Health: attached?.note === undefined ? 'OK' : 'Warning' };
}

const uriOf = ({ part: { id } }: Card) => `${adaptersUri}/${id}`;
const interfaceUri = ({ part: { id } }: Card) => `${systemUri}/EthernetInterfaces/${id}`;

const adapters = collection({
  path: '/redfish/v1/Chassis/:chassisId/NetworkAdapters',
  type: '#NetworkAdapterCollection.NetworkAdapterCollection',
  name: 'Network adapters',
  privileges: readable,
  find: findChassis,
  members: (_, { bmc }) => bmc.inventory.nics.map(({ id }) => `${adaptersUri}/${id}`),
});

const adapter = resource({
  path: adapterPath,
  type: '#NetworkAdapter.v1_14_0.NetworkAdapter',
  privileges: readable,
  find: findAdapter,
  read({ found }, { bmc }) {
    const { id } = found.part;
    const pci = bmc.inventory.pci.filter((part) => part.id === id);
    return {
      Id: id,
      Name: `Network adapter ${id}`,
      Status: statusOf(found),
      Ports: link(`${uriOf(found)}/Ports`),
      NetworkDeviceFunctions: link(`${uriOf(found)}/NetworkDeviceFunctions`),
      Controllers: [
        {
          ControllerCapabilities: { NetworkPortCount: 1, NetworkDeviceFunctionCount: 1 },
          Links: {
            Ports: [link(`${uriOf(found)}/Ports/${onlyId}`)],
            'Ports@odata.count': 1,
            NetworkDeviceFunctions: [link(`${uriOf(found)}/NetworkDeviceFunctions/${onlyId}`)],
            'NetworkDeviceFunctions@odata.count': 1,
            PCIeDevices: pci.map((part) => link(`${systemUri}/PCIeDevices/${part.id}`)),
            'PCIeDevices@odata.count': pci.length,
          },
        },
      ],
    };
  },
});

const ports = collection({
  path: `${adapterPath}/Ports`,
  type: '#PortCollection.PortCollection',
  name: 'Ports',
  privileges: readable,
  find: (params, context: Context) => findAdapter(params, context),
  members: ({ found }) => [`${uriOf(found)}/Ports/${onlyId}`],
});

const port = resource({
  path: `${adapterPath}/Ports/:memberId`,
  type: '#Port.v1_18_0.Port',
  privileges: readable,
  find: (params, context: Context) => findOnly(params, context),
  read: ({ found }) => {
    const { part, attached } = found;
    return {
      Id: onlyId,
      Name: `Port of ${part.id}`,
      PortId: onlyId,
      PortType: 'BidirectionalPort',
      PortProtocol: 'Ethernet',
      LinkNetworkTechnology: 'Ethernet',
      // Nobody can tell the link of a card without power.
      ...(attached && {
        LinkStatus: attached.linkUp ? 'LinkUp' : 'LinkDown',
        SignalDetected: attached.linkUp,
      }),
      Ethernet: { AssociatedMACAddresses: [part.mac] },
      Status: statusOf(found),
      Metrics: link(`${uriOf(found)}/Ports/${onlyId}/Metrics`),
      Links: { EthernetInterfaces: [link(interfaceUri(found))], 'EthernetInterfaces@odata.count': 1 },
    };
  },
});

/** As the guest would count; nobody does while the machine is off, nor where QEMU itself is the network. */
const portMetrics = resource({
  path: `${adapterPath}/Ports/:memberId/Metrics`,
  type: '#PortMetrics.v1_8_0.PortMetrics',
  privileges: readable,
  find: (params, context: Context) => findOnly(params, context),
  volatile: ['RXBytes', 'TXBytes', 'RXErrors', 'TXErrors', 'Networking'],
  read: ({ found: { part } }, { bmc }) => {
    const counters = bmc.nicCounters(part.id);
    return {
      Id: 'Metrics',
      Name: `Traffic of ${part.id}`,
      ...(counters && {
        RXBytes: counters.receivedBytes,
        TXBytes: counters.sentBytes,
        RXErrors: counters.receivedErrors,
        TXErrors: counters.sentErrors,
        Networking: {
          RXFrames: counters.receivedFrames,
          TXFrames: counters.sentFrames,
          RXDiscards: counters.receivedDrops,
          TXDiscards: counters.sentDrops,
        },
      }),
    };
  },
});

const functions = collection({
  path: `${adapterPath}/NetworkDeviceFunctions`,
  type: '#NetworkDeviceFunctionCollection.NetworkDeviceFunctionCollection',
  name: 'Functions',
  privileges: readable,
  find: (params, context: Context) => findAdapter(params, context),
  members: ({ found }) => [`${uriOf(found)}/NetworkDeviceFunctions/${onlyId}`],
});

const networkFunction = resource({
  path: `${adapterPath}/NetworkDeviceFunctions/:memberId`,
  type: '#NetworkDeviceFunction.v1_11_1.NetworkDeviceFunction',
  privileges: readable,
  find: (params, context: Context) => findOnly(params, context),
  read({ found }, { bmc }) {
    const { part, attached } = found;
    const isOnBus = bmc.inventory.pci.some(({ id }) => id === part.id);
    const { networkBoot } = bmc.machineSettings.next;
    return {
      Id: onlyId,
      Name: `Function of ${part.id}`,
      NetDevFuncType: 'Ethernet',
      NetDevFuncCapabilities: ['Ethernet'],
      DeviceEnabled: attached?.backend !== 'none',
      BootMode: networkBoot ? 'PXE' : 'Disabled',
      Ethernet: { MACAddress: part.mac, PermanentMACAddress: part.mac, MTUSize: attached?.mtu },
      AssignablePhysicalNetworkPorts: [link(`${uriOf(found)}/Ports/${onlyId}`)],
      'AssignablePhysicalNetworkPorts@odata.count': 1,
      Status: statusOf(found),
      Links: {
        EthernetInterfaces: [link(interfaceUri(found))],
        'EthernetInterfaces@odata.count': 1,
        PhysicalNetworkPortAssignment: link(`${uriOf(found)}/Ports/${onlyId}`),
        ...(isOnBus && { PCIeFunction: link(`${systemUri}/PCIeDevices/${part.id}/PCIeFunctions/${onlyId}`) }),
      },
    };
  },
});

export const networkAdapterResources: readonly Resource[] = [
  adapters,
  adapter,
  ports,
  port,
  portMetrics,
  functions,
  networkFunction,
];
