/**
 * Network cards between the host and its manager, by which software of the host could speak Redfish. There are none: the
 * host's own way to its BMC is IPMI's system interface, which is no host interface of Redfish's. DSP0268, HostInterface.
 */
import { collection, type Resource } from '../definition.ts';
import { findManager } from '../paths.ts';

const hostInterfaces = collection({
  path: '/redfish/v1/Managers/:managerId/HostInterfaces',
  type: '#HostInterfaceCollection.HostInterfaceCollection',
  name: 'Host interfaces',
  privileges: { get: ['Login'] },
  find: findManager,
  members: () => [],
});

export const hostInterfaceResources: readonly Resource[] = [hostInterfaces];
