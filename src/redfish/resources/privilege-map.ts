/** Which privileges each operation needs, told to clients: made from the definitions. DSP0268, PrivilegeRegistry. */
import {
  always,
  type Operation,
  operations,
  type Privileges,
  privilegeNames,
  type Resource,
  resource,
} from '../definition.ts';
import type { JsonObject } from '../json.ts';
import { isAllowed, privilegesFor } from '../privileges.ts';

/** @param all what the service consists of, asked for once it does */
export function privilegeMapResources(all: () => readonly Resource[]): readonly Resource[] {
  let mappings: readonly JsonObject[] | undefined;
  return [
    resource({
      path: '/redfish/v1/AccountService/PrivilegeMap',
      type: '#PrivilegeRegistry.v1_2_0.PrivilegeRegistry',
      privileges: { get: ['Login'] },
      find: always,
      read: () => {
        mappings ??= mappingsOf(all());
        return {
          Id: 'PrivilegeMap',
          Name: 'Privileges that operations need',
          PrivilegesUsed: [...privilegeNames],
          OEMPrivilegesUsed: [],
          Mappings: mappings,
        };
      },
    }),
  ];
}

/** One mapping for each kind of resource; where one of them needs other privileges at some path, that is told, too. */
function mappingsOf(resources: readonly Resource[]): readonly JsonObject[] {
  const byEntity = new Map<string, Resource[]>();
  for (const each of resources) {
    if (each.type === undefined) continue;
    const entity = each.type.replace(/^#/, '').replace(/\..*/, '');
    byEntity.set(entity, [...(byEntity.get(entity) ?? []), each]);
  }
  return [...byEntity]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([entity, [first, ...others]]) => ({ Entity: entity, ...(first && mappingOf(first, others)) }));
}

function mappingOf(first: Resource, others: readonly Resource[]): JsonObject {
  const map = operationMap(first);
  const different = others.filter((other) => JSON.stringify(operationMap(other)) !== JSON.stringify(map));
  const own = first.selfProperties;
  return {
    OperationMap: own ? { ...map, PATCH: alternatives(withoutSelf(first.privileges.patch ?? [])) } : map,
    ...(own && {
      PropertyOverrides: [
        {
          Targets: [...own],
          OperationMap: { GET: map.GET, PATCH: alternatives(first.privileges.patch ?? []) },
        },
      ],
    }),
    ...(different.length > 0 && {
      ResourceURIOverrides: different.map((other) => ({
        Targets: [other.path.replace(/:(\w+)/g, '{$1}')],
        OperationMap: operationMap(other),
      })),
    }),
  };
}

function operationMap(definition: Resource): JsonObject {
  const post = isAllowed(definition, undefined, 'post') ? [] : definition.actions.slice(0, 1);
  const needed = (operation: Operation) =>
    privilegesFor(definition, operation === 'post' ? post[0] : undefined, operation);
  return Object.fromEntries([
    ...operations.map((operation) => [operation.toUpperCase(), alternatives(needed(operation))]),
    ['HEAD', alternatives(needed('get'))],
  ]);
}

/** One of them suffices. Of nothing: no login is needed. */
function alternatives(privileges: Privileges): readonly JsonObject[] {
  return privileges.length === 0
    ? [{ Privilege: ['NoAuth'] }]
    : privileges.map((privilege) => ({ Privilege: [privilege] }));
}

function withoutSelf(privileges: Privileges): Privileges {
  return privileges.filter((privilege) => privilege !== 'ConfigureSelf');
}
