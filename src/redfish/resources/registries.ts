/** The message registries in use: our own, served here, and DMTF's, where they are published. DSP0268, MessageRegistryFile. */
import { always, collection, plain, type Resource, resource } from '../definition.ts';
import type { JsonObject } from '../json.ts';
import { baseRegistry } from '../messages.ts';
import { ownRegistry, ownRegistryBody } from '../own-registry.ts';
import { root } from '../paths.ts';
import { updateRegistry } from '../update-messages.ts';
import { biosRegistryUri } from './bios.ts';

const uri = `${root}/Registries`;
const ownUri = `${uri}/${ownRegistry.prefix}/${ownRegistry.prefix}.${ownRegistry.version}.json`;

interface Registry {
  readonly prefix: string;
  /** Of the registry that the messages in use are in. */
  readonly version: string;
}

const published: readonly Registry[] = [
  baseRegistry,
  { prefix: 'ResourceEvent', version: '1.4.3' },
  { prefix: 'TaskEvent', version: '1.0.5' },
  updateRegistry,
];
const registries: readonly Registry[] = [...published, ownRegistry];

const files = collection({
  path: '/redfish/v1/Registries',
  type: '#MessageRegistryFileCollection.MessageRegistryFileCollection',
  name: 'Registries',
  privileges: { get: ['Login'] },
  find: always,
  members: () => [...registries.map(({ prefix }) => `${uri}/${prefix}`), biosRegistryUri],
});

const file = resource({
  path: '/redfish/v1/Registries/:registryId',
  type: '#MessageRegistryFile.v1_1_5.MessageRegistryFile',
  privileges: { get: ['Login'] },
  find: (params: { registryId: string }) => registries.find(({ prefix }) => prefix === params.registryId),
  read: ({ found: { prefix, version } }) => ({
    Id: prefix,
    Name: `Message registry ${prefix}`,
    Languages: ['en'],
    Registry: `${prefix}.${version.split('.', 2).join('.')}`,
    Location: [{ Language: 'en', ...locationOf(prefix, version) }],
  }),
});

function locationOf(prefix: string, version: string): JsonObject {
  if (prefix === ownRegistry.prefix) return { Uri: ownUri };
  return { PublicationUri: `https://redfish.dmtf.org/registries/${prefix}.${version}.json` };
}

const own = plain({
  path: `/redfish/v1/Registries/${ownRegistry.prefix}/${ownRegistry.prefix}.${ownRegistry.version}.json`,
  privileges: { get: ['Login'] },
  answer: () => ({ status: 200, body: ownRegistryBody() }),
});

export const registryResources: readonly Resource[] = [files, file, own];
