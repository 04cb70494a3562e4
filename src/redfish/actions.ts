/** Actions: where they are called, how a resource lists them, and what describes their parameters. DSP0266 §7.12. */
import type { TObject } from 'typebox';
import type { Context } from './context.ts';
import type { Action, Resource, Target } from './definition.ts';
import type { Json, JsonObject } from './json.ts';

/** `#ComputerSystem.Reset` → `Reset`. */
export function shortNameOf({ name }: Action): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** Where an action is called, of a resource's path or of its URI. */
export function actionPath(resource: string, { name, oem }: Action): string {
  return `${resource}/Actions/${oem ? 'Oem/' : ''}${name.slice(1)}`;
}

function infoPath(resource: string, action: Action): string {
  return `${resource}/${shortNameOf(action)}ActionInfo`;
}

interface ParameterSchema {
  readonly type?: string;
  readonly enum?: readonly Json[];
  readonly const?: Json;
  readonly anyOf?: readonly ParameterSchema[];
  readonly properties?: Readonly<Record<string, ParameterSchema>>;
  readonly minimum?: number;
  readonly maximum?: number;
}

function parametersOf({ parameters }: Action): readonly (readonly [string, ParameterSchema])[] {
  const all = Object.entries((parameters as TObject as ParameterSchema).properties ?? {});
  // Annotations are told otherwise.
  return all.filter(([name]) => !name.startsWith('@'));
}

/** The `Actions` object of a resource; undefined where it has none. */
export function actionsOf(definition: Resource, target: Target, context: Context): JsonObject | undefined {
  if (definition.actions.length === 0) return undefined;
  const result: Record<string, Json> = {};
  const own: Record<string, Json> = {};
  for (const action of definition.actions) {
    const lists: Record<string, Json> = {};
    for (const [name, values] of Object.entries(allowableValues(action, target, context))) {
      lists[`${name}@Redfish.AllowableValues`] = values;
    }
    (action.oem ? own : result)[action.name] = {
      target: actionPath(target.uri, action),
      ...(parametersOf(action).length > 0 && { '@Redfish.ActionInfo': infoPath(target.uri, action) }),
      ...lists,
      ...(action.applyTimes && {
        '@Redfish.OperationApplyTimeSupport': {
          '@odata.type': '#Settings.v1_4_0.OperationApplyTimeSupport',
          SupportedValues: [...action.applyTimes],
        },
      }),
    };
  }
  return Object.keys(own).length > 0 ? { ...result, Oem: own } : result;
}

function allowableValues(
  action: Action,
  target: Target,
  context: Context,
): Readonly<Record<string, readonly string[]>> {
  const listed = parametersOf(action).flatMap(([name, schema]) => {
    const values = listedValues(schema);
    return values ? [[name, values] as const] : [];
  });
  return { ...Object.fromEntries(listed), ...action.allowable?.(target, context) };
}

function listedValues(schema: ParameterSchema): readonly string[] | undefined {
  const alternatives = schema.anyOf ?? [schema];
  const values = alternatives.flatMap(
    ({ enum: list, const: value }) => list ?? (value === undefined ? [] : [value]),
  );
  const strings = values.filter((value) => typeof value === 'string');
  return strings.length > 0 ? strings : undefined;
}

const dataTypes: Readonly<Record<string, string>> = {
  string: 'String',
  boolean: 'Boolean',
  integer: 'Number',
  number: 'Number',
  object: 'Object',
  array: 'StringArray',
};

/** The resource that describes an action's parameters; undefined for an action without any. */
export function actionInfo(definition: Resource, action: Action): Resource | undefined {
  const parameters = parametersOf(action);
  if (parameters.length === 0) return undefined;
  const required = ((action.parameters as { required?: readonly string[] }).required ??
    []) as readonly string[];
  return {
    path: infoPath(definition.path, action),
    type: '#ActionInfo.v1_5_0.ActionInfo',
    kind: 'resource',
    privileges: { get: ['Login'] },
    find: (params, context) => definition.find(params, context),
    read: (target, context) => {
      const owner = target.uri.slice(0, target.uri.lastIndexOf('/'));
      const allowable = allowableValues(action, { ...target, uri: owner }, context);
      return {
        Id: `${shortNameOf(action)}ActionInfo`,
        Name: `Parameters of ${action.name.slice(1)}`,
        Parameters: parameters.map(([name, schema]) => ({
          Name: name,
          Required: required.includes(name),
          DataType: dataTypeOf(schema),
          AllowableValues: allowable[name],
          MinimumValue: schema.minimum,
          MaximumValue: schema.maximum,
        })),
      };
    },
    volatile: [],
    actions: [],
  };
}

function dataTypeOf(schema: ParameterSchema): string {
  const type = (schema.anyOf ?? [schema])
    .map(({ type }) => type)
    .find((each) => each !== undefined && each !== 'null');
  return dataTypes[type ?? 'string'] ?? 'String';
}
