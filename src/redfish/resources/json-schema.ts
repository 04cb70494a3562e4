/** Which schema each type in use has, and where DMTF publishes it. DSP0266 §8.4.2; DSP0268, JsonSchemaFile. */
import { actionInfo } from '../actions.ts';
import { always, collection, type Resource, resource } from '../definition.ts';
import type { JsonObject } from '../json.ts';
import { root } from '../paths.ts';
import { isOwnType, jsonSchemaUri, oemSchemas } from './oem-schema.ts';

const schemasUri = `${root}/JsonSchemas`;
const publisher = 'http://redfish.dmtf.org/schemas/v1';

interface Schema {
  /** `#ComputerSystem.v1_27_0.ComputerSystem` */
  readonly type: string;
  /** `ComputerSystem.v1_27_0` */
  readonly id: string;
  readonly location: JsonObject;
}

/** @param all what the service consists of, asked for once it does */
export function jsonSchemaResources(all: () => readonly Resource[]): readonly Resource[] {
  let found: ReadonlyMap<string, Schema> | undefined;
  const schemas = () => {
    found ??= schemasOf(all());
    return found;
  };
  return [
    collection({
      path: '/redfish/v1/JsonSchemas',
      type: '#JsonSchemaFileCollection.JsonSchemaFileCollection',
      name: 'Schemas',
      privileges: { get: ['Login'] },
      find: always,
      members: () => [...schemas().keys()].map((id) => `${schemasUri}/${id}`),
    }),
    resource({
      path: '/redfish/v1/JsonSchemas/:schemaId',
      type: '#JsonSchemaFile.v1_1_5.JsonSchemaFile',
      privileges: { get: ['Login'] },
      find: ({ schemaId }) => schemas().get(schemaId),
      read: ({ found: { id, type, location } }) => ({
        Id: id,
        Name: `Schema ${id}`,
        Schema: type,
        Languages: ['en'],
        Location: [{ Language: 'en', ...location }],
      }),
    }),
  ];
}

/** By ID, in alphabetical order. */
function schemasOf(resources: readonly Resource[]): ReadonlyMap<string, Schema> {
  const infos = resources.flatMap((each) => each.actions.flatMap((action) => actionInfo(each, action) ?? []));
  const types = new Set(
    [...resources, ...infos].flatMap(({ type }) => (type === undefined || isOwnType(type) ? [] : [type])),
  );
  const published = [...types].sort().map((type) => {
    const id = schemaIdOf(type);
    return { type, id, location: { PublicationUri: `${publisher}/${id}.json` } };
  });
  const own = oemSchemas(resources)
    .flatMap(({ namespaces }) => namespaces)
    .map(({ id, type }) => ({ type, id, location: { Uri: jsonSchemaUri(id) } }));
  return new Map([...published, ...own].map((schema) => [schema.id, schema]));
}

/** `#ComputerSystem.v1_27_0.ComputerSystem` → `ComputerSystem.v1_27_0` */
export function schemaIdOf(type: string): string {
  return type.replace(/^#/, '').replace(/\.[^.]+$/, '');
}
