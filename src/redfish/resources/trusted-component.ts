/** The machine's trusted platform module. DSP0268, TrustedComponent; ComputerSystem.TrustedModules for older clients. */
import type { Bmc } from '../../bmc/bmc.ts';
import type { TpmPart } from '../../bmc/inventory.ts';
import type { Context } from '../context.ts';
import { collection, type Resource, resource } from '../definition.ts';
import type { JsonObject } from '../json.ts';
import { chassisUri, findChassis, link, systemUri } from '../paths.ts';

const readable = { get: ['Login'] } as const;
export const trustedComponentsUri = `${chassisUri}/TrustedComponents`;

function components({ inventory: { tpm } }: Bmc): readonly TpmPart[] {
  return tpm ? [tpm] : [];
}

export function trustedComponentUris(bmc: Bmc): string[] {
  return components(bmc).map(({ id }) => `${trustedComponentsUri}/${id}`);
}

/** Whether the machine is on or not, as with its other parts. */
function statusOf({ works }: TpmPart): JsonObject {
  return works ? { State: 'Enabled', Health: 'OK' } : { State: 'UnavailableOffline', Health: 'Critical' };
}

/** In the system's own resource. */
export function trustedModulesOf(bmc: Bmc): JsonObject[] {
  return components(bmc).map((tpm) => ({ InterfaceType: 'TPM2_0', Status: statusOf(tpm) }));
}

const trustedComponents = collection({
  path: '/redfish/v1/Chassis/:chassisId/TrustedComponents',
  type: '#TrustedComponentCollection.TrustedComponentCollection',
  name: 'Trusted components',
  privileges: readable,
  find: findChassis,
  members: (_, { bmc }) => trustedComponentUris(bmc),
});

function findComponent(
  { chassisId, componentId }: { readonly chassisId: string; readonly componentId: string },
  { bmc }: Context,
): TpmPart | undefined {
  return findChassis({ chassisId }) && components(bmc).find(({ id }) => id === componentId);
}

const trustedComponent = resource({
  path: '/redfish/v1/Chassis/:chassisId/TrustedComponents/:componentId',
  type: '#TrustedComponent.v1_4_0.TrustedComponent',
  privileges: readable,
  find: findComponent,
  read: ({ found }) => ({
    Id: found.id,
    Name: 'Trusted platform module',
    Description: `TPM ${found.version}`,
    TrustedComponentType: 'Discrete',
    Status: statusOf(found),
    Links: { ComponentsProtected: [link(systemUri)], 'ComponentsProtected@odata.count': 1 },
  }),
});

export const trustedComponentResources: readonly Resource[] = [trustedComponents, trustedComponent];
