/**
 * The schemas of what is ours, OEM actions and objects, in CSDL and as JSON schemas, made from the same definitions that
 * answer them. DSP0266 §9.8, §12.
 */
import { type Action, plain, type Resource } from '../definition.ts';
import type { JsonObject } from '../json.ts';
import { root } from '../paths.ts';
import { auditObject } from './log-services.ts';
import { consolesObject } from './oem-console.ts';
import { csdlTypes, type OemObject } from './oem-object.ts';
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

const objects: readonly OemObject[] = [consolesObject, auditObject, driveObject];

/** What one file of CSDL holds: the actions in an unversioned namespace, the object in its own. */
export interface OemSchema {
  /** `QemuBmcManager` */
  readonly name: string;
  readonly actions: readonly OemAction[];
  readonly object: OemObject | undefined;
}

/** @param resources whatever has OEM actions */
export function oemSchemas(resources: readonly Resource[]): readonly OemSchema[] {
  const own = resources.flatMap(({ actions }) => actions.filter(({ oem }) => oem).map(nameOf));
  const actions = [
    ...rawActions,
    ...[...new Set(own)].map((name) => ({ name, description: descriptions[name] ?? name })),
  ];
  const names = new Set([...actions.map(schemaNameOf), ...objects.map(({ name }) => name)]);
  return [...names].map((name) => ({
    name,
    actions: actions.filter((each) => schemaNameOf(each) === name),
    object: objects.find((each) => each.name === name),
  }));
}

function nameOf({ name }: Action): string {
  return name.slice(1);
}

/** `QemuBmcManager.ExportConfiguration` → `QemuBmcManager` */
function schemaNameOf({ name }: OemAction): string {
  return name.slice(0, name.indexOf('.'));
}

/** A namespace, and the type that its JSON schema is about. */
export interface OemNamespace {
  readonly id: string;
  readonly type: string;
}

export function namespacesOf({ name, actions, object }: OemSchema): readonly OemNamespace[] {
  return [
    ...(actions.length > 0 ? [{ id: name, type: `#${name}` }] : []),
    ...(object ? [{ id: object.namespace, type: object.type }] : []),
  ];
}

export function csdlUri({ name }: OemSchema): string {
  return `${root}/Schemas/${name}_v1.xml`;
}

/** @param namespace its ID */
export function jsonSchemaUri(namespace: string): string {
  return `${root}/Schemas/${namespace}.json`;
}

/** @param resources whatever has OEM actions */
export function oemSchemaResources(resources: readonly Resource[]): readonly Resource[] {
  return oemSchemas(resources).flatMap((schema) => {
    const { name, actions, object } = schema;
    return [
      plain({
        path: csdlUri(schema) as '/redfish/v1/Schemas/QemuBmcManager_v1.xml',
        privileges: { get: [] },
        answer: () => ({
          status: 200,
          headers: { 'content-type': 'application/xml; charset=utf-8' },
          body: once(csdl(schema)),
        }),
      }),
      ...(actions.length > 0 ? [jsonSchemaResource(name, actionDefinitions(actions))] : []),
      ...(object ? [jsonSchemaResource(object.namespace, objectDefinitions(object))] : []),
    ];
  });
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

function csdl({ name, actions, object }: OemSchema): string {
  const bound = actions.map(
    (action) => `      <Action Name="${action.name.slice(name.length + 1)}" IsBound="true">
        <Parameter Name="${name}" Type="Resource.OemActions"/>
        <Annotation Term="OData.Description" String="${action.description}"/>
      </Action>`,
  );
  const schemas = [
    ...(bound.length > 0 ? [csdlSchema(name, bound.join('\n'))] : []),
    ...(object ? [csdlSchema(object.namespace, csdlTypes(object))] : []),
  ];
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
  </edmx:Reference>
  <edmx:DataServices>
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
