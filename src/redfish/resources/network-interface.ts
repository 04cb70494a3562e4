/** The machine's network cards as the system uses them, with the adapters that they are. DSP0268, NetworkInterface. */
import type { Context } from '../context.ts';
import { collection, type Resource, resource } from '../definition.ts';
import { findSystem, link, systemUri } from '../paths.ts';
import { adaptersUri, findCard, statusOf } from './network-adapter.ts';

const readable = { get: ['Login'] } as const;
export const networkInterfacesUri = `${systemUri}/NetworkInterfaces`;

const interfaces = collection({
  path: '/redfish/v1/Systems/:systemId/NetworkInterfaces',
  type: '#NetworkInterfaceCollection.NetworkInterfaceCollection',
  name: 'Network interfaces',
  privileges: readable,
  find: findSystem,
  members: (_, { bmc }) => bmc.inventory.nics.map(({ id }) => `${networkInterfacesUri}/${id}`),
});

function findInterface(
  { systemId, interfaceId }: { readonly systemId: string; readonly interfaceId: string },
  context: Context,
) {
  return findSystem({ systemId }) && findCard(interfaceId, context);
}

const networkInterface = resource({
  path: '/redfish/v1/Systems/:systemId/NetworkInterfaces/:interfaceId',
  type: '#NetworkInterface.v1_2_3.NetworkInterface',
  privileges: readable,
  find: findInterface,
  read({ found }) {
    const adapter = `${adaptersUri}/${found.part.id}`;
    return {
      Id: found.part.id,
      Name: `Network interface ${found.part.id}`,
      Status: statusOf(found),
      Ports: link(`${adapter}/Ports`),
      NetworkDeviceFunctions: link(`${adapter}/NetworkDeviceFunctions`),
      Links: { NetworkAdapter: link(adapter) },
    };
  },
});

export const networkInterfaceResources: readonly Resource[] = [interfaces, networkInterface];
