/**
 * Checks what a client sent against the schema of what can be written, and says what is wrong in the messages of the
 * Base registry. Nothing is converted: `"1"` is no number. DSP0266 §7.5, §7.9.
 */
import type { TObject } from 'typebox';
import { isObject, type Json, type JsonObject } from './json.ts';
import { about, type BaseMessageId, type Message, message } from './messages.ts';

/** What of JSON Schema the definitions use. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly Json[];
  readonly const?: Json;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface Problem {
  /** JSON pointer as a fragment: `#/Boot/BootSourceOverrideTarget`. */
  readonly pointer: string;
  /** Name of the top-level property. */
  readonly property: string;
  readonly message: Message;
}

export interface Checked {
  /** What passed; an object inside holds only what passed of it. */
  readonly accepted: JsonObject;
  readonly problems: readonly Problem[];
}

export interface CheckOptions {
  /** The action whose parameters these are; absent for properties. */
  readonly action?: string;
  /** The resource as it is read: tells what cannot be written from what does not exist. */
  readonly current?: JsonObject;
  /** Whether properties that are not optional must be there: in a POST, not in a PATCH. */
  readonly complete: boolean;
}

/** @param body parsed JSON of any shape but known to be an object */
export function checkBody(schema: TObject, body: JsonObject, options: CheckOptions): Checked {
  const problems: Problem[] = [];
  const accepted = checkObject(schema as Schema, body, '#', '', options.current, { ...options, problems });
  return { accepted, problems };
}

interface Walk extends CheckOptions {
  readonly problems: Problem[];
}

/** Annotations are for the service to say, and are ignored when a client says them. DSP0266 §7.9. */
const annotation = /^@odata\.|^@Message\.|@Redfish\.|@Message\.|@odata\./;

function checkObject(
  schema: Schema,
  value: JsonObject,
  pointer: string,
  top: string,
  current: JsonObject | undefined,
  walk: Walk,
): JsonObject {
  const accepted: Record<string, Json> = {};
  for (const [name, child] of Object.entries(value)) {
    if (child === undefined) continue;
    const at = `${pointer}/${name.replace(/~/g, '~0').replace(/\//g, '~1')}`;
    const property = top || name;
    const childSchema = propertySchema(schema, name);
    if (!childSchema && annotation.test(name)) continue;
    if (!childSchema) {
      const exists = current !== undefined && Object.hasOwn(current, name);
      refuse(walk, at, property, unknownProperty(name, exists, walk.action));
      continue;
    }
    const known = current?.[name];
    const taken = checkValue(childSchema, child, at, property, isObject(known) ? known : undefined, walk);
    if (taken !== undefined) accepted[name] = taken;
  }
  if (walk.complete) {
    for (const name of schema.required ?? []) {
      if (!Object.hasOwn(value, name)) refuse(walk, `${pointer}/${name}`, top || name, missing(name, walk));
    }
  }
  return accepted;
}

function propertySchema(schema: Schema, name: string): Schema | undefined {
  if (schema.properties && Object.hasOwn(schema.properties, name)) return schema.properties[name];
  for (const [pattern, child] of Object.entries(schema.patternProperties ?? {})) {
    if (new RegExp(pattern).test(name)) return child;
  }
  return isObject(schema.additionalProperties) ? (schema.additionalProperties as Schema) : undefined;
}

/** @returns undefined when nothing of the value can be taken; the problems are noted then */
function checkValue(
  schema: Schema,
  value: Json,
  at: string,
  property: string,
  current: JsonObject | undefined,
  walk: Walk,
): Json | undefined {
  const alternatives = schema.anyOf ?? [schema];
  const values = alternatives.flatMap(allowedValues);
  if (values.length > 0) {
    const scalars = alternatives.every((s) => s.enum !== undefined || s.const !== undefined || isNull(s));
    if (scalars) {
      if (values.some((allowed) => allowed === value)) return value;
      const sameType = values.some((allowed) => typeof allowed === typeof value);
      refuse(walk, at, property, wrong(sameType ? 'NotInList' : 'TypeError', value, at, walk));
      return undefined;
    }
  }
  const fitting = alternatives.find((each) => hasType(each, value));
  if (!fitting) {
    refuse(walk, at, property, wrong('TypeError', value, at, walk));
    return undefined;
  }
  if (typeof value === 'string') return checkString(fitting, value, at, property, walk);
  if (typeof value === 'number') {
    const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = fitting;
    if (value >= minimum && value <= maximum) return value;
    refuse(walk, at, property, wrong('OutOfRange', value, at, walk));
    return undefined;
  }
  if (Array.isArray(value)) return checkArray(fitting, value as readonly Json[], at, property, walk);
  if (isObject(value)) {
    const before = walk.problems.length;
    const taken = checkObject(fitting, value, at, property, current, walk);
    const nothing = walk.problems.length > before && Object.keys(taken).length === 0;
    return nothing ? undefined : taken;
  }
  return value;
}

function checkString(
  schema: Schema,
  value: string,
  at: string,
  property: string,
  walk: Walk,
): Json | undefined {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = schema;
  const values = allowedValues(schema);
  if (values.length > 0 && !values.includes(value)) {
    refuse(walk, at, property, wrong('NotInList', value, at, walk));
  } else if (value.length > maxLength) {
    refuse(walk, at, property, message('StringValueTooLong', shown(value), String(maxLength)));
  } else if (value.length < minLength) {
    refuse(walk, at, property, message('StringValueTooShort', shown(value), String(minLength)));
  } else if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) {
    refuse(walk, at, property, wrong('FormatError', value, at, walk));
  } else {
    return value;
  }
  return undefined;
}

function checkArray(
  schema: Schema,
  value: readonly Json[],
  at: string,
  property: string,
  walk: Walk,
): Json | undefined {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, items = {} } = schema;
  const name = nameOf(at);
  if (value.length > maxItems) {
    refuse(walk, at, property, message('ArraySizeTooLong', name, String(maxItems)));
    return undefined;
  }
  if (value.length < minItems) {
    refuse(walk, at, property, message('ArraySizeTooShort', name, String(minItems)));
    return undefined;
  }
  const before = walk.problems.length;
  const taken = value.map((item, index) =>
    checkValue(items, item, `${at}/${index}`, property, undefined, walk),
  );
  // An array is taken whole or not at all: a gap would shift what follows.
  return walk.problems.length === before ? (taken as readonly Json[]) : undefined;
}

function allowedValues({ enum: values, const: value }: Schema): readonly Json[] {
  if (values !== undefined) return values;
  return value === undefined ? [] : [value];
}

function isNull({ type }: Schema): boolean {
  return type === 'null';
}

function hasType(schema: Schema, value: Json): boolean {
  const types = typeof schema.type === 'string' ? [schema.type] : schema.type;
  if (!types) return allowedValues(schema).length === 0 || allowedValues(schema).includes(value);
  return types.some((type) => {
    switch (type) {
      case 'null':
        return value === null;
      case 'array':
        return Array.isArray(value);
      case 'object':
        return isObject(value);
      case 'integer':
        return Number.isInteger(value);
      default:
        return typeof value === type;
    }
  });
}

function refuse(walk: Walk, pointer: string, property: string, told: Message): void {
  walk.problems.push({ pointer, property, message: about(pointer, told) });
}

function unknownProperty(name: string, exists: boolean, action: string | undefined): Message {
  if (action !== undefined) return message('ActionParameterUnknown', shortName(action), name);
  return message(exists ? 'PropertyNotWritable' : 'PropertyUnknown', name);
}

function missing(name: string, { action }: Walk): Message {
  if (action !== undefined) return message('ActionParameterMissing', shortName(action), name);
  return message('CreateFailedMissingReqProperties', name);
}

function wrong(
  kind: 'TypeError' | 'FormatError' | 'NotInList' | 'OutOfRange',
  value: Json,
  at: string,
  { action }: Walk,
): Message {
  const name = nameOf(at);
  if (action === undefined)
    return message(`PropertyValue${kind}` satisfies BaseMessageId, shown(value), name);
  return message(
    `ActionParameterValue${kind}` satisfies BaseMessageId,
    shown(value),
    name,
    shortName(action),
  );
}

/** `#ComputerSystem.Reset` → `Reset`. */
function shortName(action: string): string {
  return action.slice(action.lastIndexOf('.') + 1);
}

/** The last name in a pointer, past the index of an array. */
function nameOf(at: string): string {
  const names = at.split('/').slice(1);
  while (names.length > 1 && /^\d+$/.test(names.at(-1) ?? '')) names.pop();
  return (names.at(-1) ?? '').replace(/~1/g, '/').replace(/~0/g, '~');
}

/** A value as a message shows it. */
function shown(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
