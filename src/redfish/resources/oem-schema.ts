/**
 * The schemas of what is ours, OEM actions and objects, in CSDL and as JSON schemas, made from the same definitions that
 * answer them. DSP0266 §9.8, §12.
 */
import { type Action, plain, type Resource } from '../definition.ts';
import type { JsonObject } from '../json.ts';
import { root } from '../paths.ts';
import { oemCollections, oemEntities } from './event-filtering.ts';
import { auditObject } from './log-services.ts';
import { managerObject } from './manager.ts';
import { consolesObject } from './oem-console.ts';
import { csdlTypes, type OemCollection, type OemEntity, type OemObject } from './oem-object.ts';
import { driveObject } from './storage.ts';

/** An action that no schema of DMTF's has. */
export interface OemAction {
  /** `QemuBmcManager.ExportConfiguration` */
  readonly name: string;
  readonly description: string;
}

/** What takes no JSON, so that no definition of an action tells it. */
const rawActions: readonly OemAction[] = [
  {
    name: 'QemuBmcVirtualMedia.UploadMedia',
    description: 'Takes an image for the drive, as the body of the request, a form, or piece by piece.',
  },
  {
    name: 'QemuBmcVirtualMedia.ListLibrary',
    description: 'Lists the images of the library that the drive can take.',
  },
];

const descriptions: Readonly<Record<string, string>> = {
  'QemuBmcComputerSystem.OpenSerialConsole': 'Answers a ticket for a WebSocket of the serial console.',
  'QemuBmcComputerSystem.OpenGraphicalConsole': 'Answers a ticket for a WebSocket of the screen.',
  'QemuBmcComputerSystem.SendKeys': 'Presses keys together on the keyboard of the machine.',
  'QemuBmcComputerSystem.TypeText': 'Types a text on the keyboard of the machine.',
  'QemuBmcManager.ExportConfiguration':
    'Answers the settings of the BMC as one document, without secrets, that the update service restores.',
};

const objects: readonly OemObject[] = [consolesObject, auditObject, managerObject, driveObject];

/** A namespace, and the type that its JSON schema is about. */
export interface OemNamespace {
  readonly id: string;
  readonly type: string;
  /** Of the JSON schema. */
  readonly definitions: JsonObject;
}

/** What one file of CSDL holds: of a name, all its namespaces. */
export interface OemSchema {
  /** `QemuBmcManager` */
  readonly name: string;
  readonly namespaces: readonly OemNamespace[];
  /** `Schema` elements of CSDL. */
  readonly csdl: readonly string[];
}

/** @param resources whatever has OEM actions */
export function oemSchemas(resources: readonly Resource[]): readonly OemSchema[] {
  const own = resources.flatMap(({ actions }) => actions.filter(({ oem }) => oem).map(nameOf));
  const actions = [
    ...rawActions,
    ...[...new Set(own)].map((name) => ({ name, description: descriptions[name] ?? name })),
  ];
  const names = new Set(actions.map(schemaNameOf));
  const parts = [
    ...[...names].map((name) =>
      actionsSchema(
        name,
        actions.filter((each) => schemaNameOf(each) === name),
      ),
    ),
    ...objects.map(objectSchema),
    ...oemEntities.map(entitySchema),
    ...oemCollections.map(collectionSchema),
  ];
  return [...new Set(parts.map(({ name }) => name))].map((name) => {
    const of = parts.filter((part) => part.name === name);
    return {
      name,
      namespaces: of.flatMap(({ namespaces }) => namespaces),
      csdl: of.flatMap(({ csdl: elements }) => elements),
    };
  });
}

function nameOf({ name }: Action): string {
  return name.slice(1);
}

/** `QemuBmcManager.ExportConfiguration` → `QemuBmcManager` */
function schemaNameOf({ name }: OemAction): string {
  return name.slice(0, name.indexOf('.'));
}

function actionsSchema(name: string, actions: readonly OemAction[]): OemSchema {
  return {
    name,
    namespaces: [{ id: name, type: `#${name}`, definitions: actionDefinitions(actions) }],
    csdl: [
      csdlSchema(name, actions.map((action) => boundAction(name, action, 'Resource.OemActions')).join('\n')),
    ],
  };
}

function objectSchema(object: OemObject): OemSchema {
  const { name, namespace, type } = object;
  return {
    name,
    namespaces: [{ id: namespace, type, definitions: objectDefinitions(object) }],
    csdl: [csdlSchema(namespace, csdlTypes(object))],
  };
}

function entitySchema(entity: OemEntity): OemSchema {
  const { name, namespace, type, description } = entity;
  const actions = Object.entries(entity.actions).map(([action, text]) => ({
    name: `${name}.${action}`,
    description: text,
  }));
  const base = `      <EntityType Name="${name}" BaseType="Resource.v1_0_0.Resource" Abstract="true">
        <Annotation Term="OData.Description" String="${description}"/>
      </EntityType>`;
  const bound = actions.map((action) => boundAction(name, action, `${namespace}.Actions`));
  return {
    name,
    namespaces: [{ id: namespace, type, definitions: entityDefinitions(entity, actions) }],
    csdl: [csdlSchema(name, [base, ...bound].join('\n')), csdlSchema(namespace, csdlTypes(entity, entity))],
  };
}

function collectionSchema({ name, type, description, of }: OemCollection): OemSchema {
  const element = `      <EntityType Name="${name}" BaseType="Resource.v1_0_0.ResourceCollection">
        <Annotation Term="OData.Description" String="${description}"/>
        <NavigationProperty Name="Members" Type="Collection(${of.name}.${of.name})">
          <Annotation Term="OData.Permissions" EnumMember="OData.Permission/Read"/>
          <Annotation Term="OData.Description" String="The members of the collection."/>
          <Annotation Term="OData.AutoExpandReferences"/>
        </NavigationProperty>
      </EntityType>`;
  const members = { type: 'array', items: { type: 'object' }, description: 'The members of the collection.' };
  const count = { type: 'integer', description: 'How many there are.' };
  return {
    name,
    namespaces: [
      {
        id: name,
        type,
        definitions: {
          [name]: resourceDefinition(description, { Members: members, 'Members@odata.count': count }),
        },
      },
    ],
    csdl: [csdlSchema(name, element)],
  };
}

function boundAction(schema: string, { name, description }: OemAction, of: string): string {
  return `      <Action Name="${name.slice(schema.length + 1)}" IsBound="true">
        <Parameter Name="${schema}" Type="${of}"/>
        <Annotation Term="OData.Description" String="${description}"/>
      </Action>`;
}

/** Names of the namespaces that the file of CSDL has. */
export function includesOf({ csdl: elements }: OemSchema): readonly string[] {
  return elements.flatMap((element) => /Namespace="(\w+(?:\.\w+)?)"/.exec(element)?.[1] ?? []);
}

export function csdlUri({ name }: Pick<OemSchema, 'name'>): string {
  return `${root}/Schemas/${name}_v1.xml`;
}

/** @param namespace its ID */
export function jsonSchemaUri(namespace: string): string {
  return `${root}/Schemas/${namespace}.json`;
}

/** Whether a type is one of ours. */
export function isOwnType(type: string): boolean {
  return type.startsWith('#QemuBmc');
}

/** @param resources whatever has OEM actions */
export function oemSchemaResources(resources: readonly Resource[]): readonly Resource[] {
  return oemSchemas(resources).flatMap((schema) => [
    plain({
      path: csdlUri(schema) as '/redfish/v1/Schemas/QemuBmcManager_v1.xml',
      privileges: { get: [] },
      answer: () => ({
        status: 200,
        headers: { 'content-type': 'application/xml; charset=utf-8' },
        body: once(csdl(schema)),
      }),
    }),
    ...schema.namespaces.map(({ id, definitions }) => jsonSchemaResource(id, definitions)),
  ]);
}

function jsonSchemaResource(namespace: string, definitions: JsonObject): Resource {
  return plain({
    path: jsonSchemaUri(namespace) as '/redfish/v1/Schemas/QemuBmcManager.json',
    privileges: { get: [] },
    answer: () => ({
      status: 200,
      body: {
        $id: jsonSchemaUri(namespace),
        $schema: `${published}/redfish-schema-v1.json`,
        owningEntity: 'qemu-bmc',
        title: `#${namespace}`,
        definitions,
      },
    }),
  });
}

async function* once(text: string): AsyncIterable<string> {
  yield text;
}

const published = 'http://redfish.dmtf.org/schemas/v1';

function csdl({ name, csdl: schemas }: OemSchema): string {
  const others = new Set(
    schemas.flatMap((each) => [...each.matchAll(/"(?:Collection\()?(Qemu\w+)\./g)].map(([, at]) => at)),
  );
  const references = [...others]
    .filter((other) => other !== undefined && other !== name)
    .map(
      (other = '') => `  <edmx:Reference Uri="${csdlUri({ name: other })}">
    <edmx:Include Namespace="${other}"/>
  </edmx:Reference>
`,
    );
  return `<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
  <edmx:Reference Uri="http://docs.oasis-open.org/odata/odata/v4.0/errata03/csd01/complete/vocabularies/Org.OData.Core.V1.xml">
    <edmx:Include Namespace="Org.OData.Core.V1" Alias="OData"/>
  </edmx:Reference>
  <edmx:Reference Uri="${published}/RedfishExtensions_v1.xml">
    <edmx:Include Namespace="RedfishExtensions.v1_0_0" Alias="Redfish"/>
  </edmx:Reference>
  <edmx:Reference Uri="${published}/Resource_v1.xml">
    <edmx:Include Namespace="Resource"/>
    <edmx:Include Namespace="Resource.v1_0_0"/>
  </edmx:Reference>
${references.join('')}  <edmx:DataServices>
${schemas.join('\n')}
  </edmx:DataServices>
</edmx:Edmx>
`;
}

function csdlSchema(namespace: string, definitions: string): string {
  return `    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="${namespace}">
      <Annotation Term="Redfish.OwningEntity" String="qemu-bmc"/>
${definitions}
    </Schema>`;
}

function actionDefinitions(actions: readonly OemAction[]): JsonObject {
  const definitions = actions.map(({ name, description }) => [
    name.slice(name.indexOf('.') + 1),
    {
      type: 'object',
      description,
      additionalProperties: false,
      properties: {
        target: { type: 'string', format: 'uri-reference', description: 'Where the action is called.' },
        title: { type: 'string', description: 'What it is, in words.' },
        '@Redfish.ActionInfo': { type: 'string', format: 'uri-reference' },
      },
    },
  ]);
  return Object.fromEntries(definitions);
}

function objectDefinitions({ name, type, schema }: OemObject): JsonObject {
  const { properties, ...rest } = schema as unknown as { readonly properties: JsonObject };
  const own = { '@odata.type': { type: 'string', const: type }, ...properties };
  return { [name]: { ...rest, properties: own } };
}

const text = { type: 'string' };

function resourceDefinition(description: string, properties: JsonObject): JsonObject {
  return {
    type: 'object',
    description,
    additionalProperties: false,
    patternProperties: { '^([a-zA-Z_][a-zA-Z0-9_]*)?@(odata|Redfish|Message)\\.[a-zA-Z_][a-zA-Z0-9_]*$': {} },
    properties: { Id: text, Name: text, Description: text, ...properties },
  };
}

function entityDefinitions(
  { name, schema, description }: OemEntity,
  actions: readonly OemAction[],
): JsonObject {
  const own = actions.length === 0 ? undefined : actionDefinitions(actions);
  const { properties } = schema as unknown as { readonly properties: JsonObject };
  const references = actions.map(({ name: action }) => [
    `#${action}`,
    { $ref: `#/definitions/${action.slice(action.indexOf('.') + 1)}` },
  ]);
  return {
    [name]: resourceDefinition(description, {
      ...properties,
      ...(own && {
        Actions: { type: 'object', additionalProperties: false, properties: Object.fromEntries(references) },
      }),
    }),
    ...own,
  };
}
