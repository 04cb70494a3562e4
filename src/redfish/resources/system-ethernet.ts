/** The machine's network cards. DSP0268, EthernetInterface. */
import type { NicPart } from '../../bmc/inventory.ts';
import type { MachineNic } from '../../bmc/machine.ts';
import type { Context } from '../context.ts';
import { collection, type Resource, resource } from '../definition.ts';
import { chassisUri, findSystem, link, systemUri } from '../paths.ts';

const readable = { get: ['Login'] } as const;
const cardsUri = `${systemUri}/EthernetInterfaces`;

const cards = collection({
  path: '/redfish/v1/Systems/:systemId/EthernetInterfaces',
  type: '#EthernetInterfaceCollection.EthernetInterfaceCollection',
  name: 'Network cards',
  privileges: readable,
  find: findSystem,
  members: (_, { bmc }) => bmc.inventory.nics.map(({ id }) => `${cardsUri}/${id}`),
});

function findCard(
  { systemId, cardId }: { readonly systemId: string; readonly cardId: string },
  { bmc }: Context,
): NicPart | undefined {
  return findSystem({ systemId }) && bmc.inventory.nics.find(({ id }) => id === cardId);
}

const card = resource({
  path: '/redfish/v1/Systems/:systemId/EthernetInterfaces/:cardId',
  type: '#EthernetInterface.v1_12_4.EthernetInterface',
  privileges: readable,
  find: findCard,
  read: ({ found: { id, mac } }, { bmc }) => {
    const attached = bmc.nics.find((nic) => nic.id === id);
    const isMissing = attached?.backend === 'none';
    return {
      Id: id,
      Name: `Network card ${id}`,
      Description: attached && attachment(attached),
      MACAddress: mac,
      PermanentMACAddress: mac,
      MTUSize: attached?.mtu,
      // Nobody can tell the link of a card without power.
      LinkStatus: attached && (attached.linkUp ? 'LinkUp' : 'LinkDown'),
      InterfaceEnabled: !isMissing,
      EthernetInterfaceType: 'Physical',
      Status: isMissing
        ? { State: 'Absent', Health: 'Warning' }
        : { State: 'Enabled', Health: attached?.note === undefined ? 'OK' : 'Warning' },
      Links: { Chassis: link(chassisUri) },
    };
  },
});

/** How the card is attached now, and what is not as was wished. */
function attachment({ backend, wire, note }: MachineNic): string {
  const how =
    backend === 'none' ? 'Not attached' : `Attached by ${backend}${wire === undefined ? '' : ` to ${wire}`}`;
  return note === undefined ? how : `${how}: ${note}`;
}

export const systemEthernetResources: readonly Resource[] = [cards, card];
