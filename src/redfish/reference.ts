/** The reference page and the OpenAPI document of the Redfish service, made from its definitions. `npm run gen` writes them. */
import type { TObject } from 'typebox';
import { stringify } from 'yaml';
import { actionInfo, actionPath } from './actions.ts';
import { oddValues } from './compatibility.ts';
import { type Action, type Operation, operations, type Privileges, type Resource } from './definition.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { isAllowed, privilegesFor } from './privileges.ts';
import { schemaIdOf } from './resources/json-schema.ts';
import { redfishVersion } from './resources/service-root.ts';
import { redfishResources } from './resources.ts';

/** @returns path and content of each generated file */
export function redfishReferenceFiles(): [path: string, content: string][] {
  return [
    ['docs/reference/redfish.md', redfishReferencePage(redfishResources)],
    ['docs/reference/openapi.yaml', openApiText(redfishResources)],
  ];
}

/** @returns Markdown: each resource with its operations, what can be written and which actions it has */
export function redfishReferencePage(resources: readonly Resource[]): string {
  return [
    '# Redfish resources',
    '',
    'Made by `npm run gen` from the definitions in `src/redfish/resources/`; change it there.',
    '',
    `This service speaks Redfish ${redfishVersion}. Of several privileges one suffices; \`ConfigureSelf\` counts for what is`,
    'the user’s own, and `none` needs no login. The same for programs: [openapi.yaml](openapi.yaml). Resources that describe',
    'the parameters of an action (ActionInfo) are left out here.',
    '',
    ...inOrder(resources).flatMap(section),
    '## Odd values of real clients',
    '',
    'Taken where `redfish.compatibility` is on, which it is unless the profile is `strict`. So is JSON without a',
    '`Content-Type`, or with that of forms (`application/x-www-form-urlencoded`), which curl sends by itself.',
    '',
    '| Where | Sent | Meant | By |',
    '|---|---|---|---|',
    ...oddValues.map(
      ({ subject, property, sent, meant, client }) =>
        `| \`${template(subject)}\` ${property.join('/')} | \`${sent}\` | \`${meant}\` | ${client} |`,
    ),
    '',
  ].join('\n');
}

function inOrder(resources: readonly Resource[]): readonly Resource[] {
  return [...resources].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function section(definition: Resource): string[] {
  const { path, type, patch, create, rawPost, selfProperties, actions } = definition;
  const writable = patch ? propertyNames(patch.schema) : [];
  return [
    `## ${template(path)}`,
    '',
    type === undefined ? 'No resource, but a document or a stream.' : `Type \`${type.slice(1)}\`.`,
    '',
    '| Method | Privileges |',
    '|---|---|',
    ...operations
      .filter((operation) => isAllowed(definition, undefined, operation))
      .map((operation) => `| ${operation.toUpperCase()} | ${needs(definition, undefined, operation)} |`),
    '',
    ...(writable.length > 0 ? [`PATCH takes ${writable.map(code).join(', ')}.`, ''] : []),
    ...(selfProperties ? [`With \`ConfigureSelf\` alone: ${selfProperties.map(code).join(', ')}.`, ''] : []),
    ...(create ? [`POST takes ${describedProperties(create.schema)}.`, ''] : []),
    ...(rawPost ? [`POST takes a body of type ${rawPost.contentTypes.map(code).join(', ')}.`, ''] : []),
    ...actions.flatMap((action) => [
      `- Action \`${action.name.slice(1)}\` (${needs(definition, action, 'post')}): ${
        describedProperties(action.parameters) || 'no parameters'
      }`,
    ]),
    ...(actions.length > 0 ? [''] : []),
  ];
}

function needs(definition: Resource, action: Action | undefined, operation: Operation): string {
  const privileges = privilegesFor(definition, action, operation);
  return privileges.length === 0 ? 'none' : privileges.map(code).join(', ');
}

function code(text: string): string {
  return `\`${text}\``;
}

/** `/redfish/v1/Systems/:systemId` → `/redfish/v1/Systems/{systemId}` */
function template(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, ObjectSchema>>;
  readonly required?: readonly string[];
}

/** Down to the leaves: `Boot/BootSourceOverrideTarget`. */
function propertyNames(schema: TObject | ObjectSchema, above = ''): readonly string[] {
  return Object.entries((schema as ObjectSchema).properties ?? {}).flatMap(([name, child]) =>
    child.properties ? propertyNames(child, `${above}${name}/`) : [`${above}${name}`],
  );
}

function describedProperties(schema: TObject): string {
  const { properties = {}, required = [] } = schema as unknown as ObjectSchema;
  return Object.keys(properties)
    .map((name) => `${code(name)}${required.includes(name) ? ' (required)' : ''}`)
    .join(', ');
}

function openApiText(resources: readonly Resource[]): string {
  const head = '# Made by `npm run gen` from the definitions in src/redfish/resources/; change it there.\n';
  // Aliases would save nothing that a reader misses.
  return head + stringify(openApiDocument(resources), { lineWidth: 0, aliasDuplicateObjects: false });
}

/** OpenAPI 3.1: schemas of requests are our own, those of resources DMTF's. */
export function openApiDocument(resources: readonly Resource[]): JsonObject {
  const infos = resources.flatMap((each) => each.actions.flatMap((action) => actionInfo(each, action) ?? []));
  const paths = inOrder([...resources, ...infos]).flatMap((definition) => [
    [template(definition.path), pathItem(definition)] as const,
    ...definition.actions.map(
      (action) => [template(actionPath(definition.path, action)), actionItem(definition, action)] as const,
    ),
  ]);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Redfish service of qemu-bmc',
      version: redfishVersion,
      description: 'One server, its chassis and its BMC, by DSP0266 and DSP0268.',
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { basic: [] }],
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: {
        token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' },
        basic: { type: 'http', scheme: 'basic' },
      },
      schemas: { Error: { $ref: 'http://redfish.dmtf.org/schemas/v1/redfish-error.v1_0_2.json' } },
      responses: {
        Error: {
          description: 'Why not, in messages of the Base registry',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
    },
  };
}

function pathItem(definition: Resource): JsonObject {
  const { patch, create } = definition;
  const body = resourceSchema(definition);
  const shown = { description: 'As it is', ...(body && content(body)) };
  const allowed = operations.filter((operation) => isAllowed(definition, undefined, operation));
  const entries = allowed.map((operation) => {
    switch (operation) {
      case 'patch':
        return [
          operation,
          method(definition, operation, { body: patch?.schema, replies: { 200: shown, 204: done } }),
        ];
      case 'post':
        return [
          operation,
          method(definition, operation, {
            body: create?.schema,
            types: definition.rawPost?.contentTypes,
            replies: { 200: done, 201: { description: 'Made' }, 202: { description: 'Begun' }, 204: done },
          }),
        ];
      case 'delete':
        return [operation, method(definition, operation, { replies: { 200: done, 204: done } })];
      default:
        return [operation, method(definition, operation, { replies: { 200: shown } })];
    }
  });
  return { ...parametersOf(definition.path), ...Object.fromEntries(entries) };
}

const done = { description: 'Done' };

function actionItem(definition: Resource, action: Action): JsonObject {
  const replies = { 200: done, 202: { description: 'Begun' }, 204: done };
  return {
    ...parametersOf(definition.path),
    post: method(definition, 'post', { body: action.parameters, replies, action }),
  };
}

interface MethodParts {
  readonly body?: TObject | undefined;
  /** Media types that are taken beside JSON. */
  readonly types?: readonly string[] | undefined;
  readonly replies: Readonly<Record<number, JsonObject>>;
  readonly action?: Action;
}

function method(definition: Resource, operation: Operation, parts: MethodParts): JsonObject {
  const { body, types = [], replies, action } = parts;
  const privileges: Privileges = privilegesFor(definition, action, operation);
  const what = action?.name.slice(1) ?? definition.type?.slice(1).split('.')[0] ?? 'document';
  return {
    summary: `${operation.toUpperCase()} ${what}`,
    tags: [definition.path.split('/')[3] || 'Root'],
    'x-redfish-privileges': [...privileges],
    ...(privileges.length === 0 && { security: [] }),
    ...((body || types.length > 0) && {
      requestBody: {
        required: operation === 'patch' || (body as ObjectSchema | undefined)?.required !== undefined,
        content: {
          ...(body && {
            'application/json': { schema: operation === 'patch' ? allOptional(plain(body)) : plain(body) },
          }),
          ...Object.fromEntries(types.map((type) => [type, {}])),
        },
      },
    }),
    responses: { ...replies, default: { $ref: '#/components/responses/Error' } },
  };
}

function content(schema: JsonObject): JsonObject {
  return { content: { 'application/json': { schema } } };
}

function resourceSchema({ type }: Resource): JsonObject | undefined {
  if (type === undefined) return undefined;
  const name = type.slice(type.lastIndexOf('.') + 1);
  return { $ref: `http://redfish.dmtf.org/schemas/v1/${schemaIdOf(type)}.json#/definitions/${name}` };
}

function parametersOf(path: string): JsonObject {
  const names = [...path.matchAll(/:(\w+)/g)].flatMap(([, name]) => name ?? []);
  if (names.length === 0) return {};
  return {
    parameters: names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
  };
}

/** A schema as JSON has it, without what the program keeps beside it. */
function plain(schema: TObject): Json {
  return JSON.parse(JSON.stringify(schema));
}

/** A PATCH may leave out everything. */
function allOptional(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(allOptional);
  if (!isObject(schema)) return schema;
  const entries = Object.entries(schema).filter(([name]) => name !== 'required' || !('properties' in schema));
  return Object.fromEntries(entries.map(([name, value]) => [name, allOptional(value ?? null)]));
}
