/** What a query makes of a resource's body. DSP0266 §7.3. */
import { RedfishError } from './errors.ts';
import { type Filter, parseFilter } from './filter.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { message } from './messages.ts';

export interface Query {
  readonly only: boolean;
  readonly excerpt: boolean;
  readonly top: number | undefined;
  readonly skip: number;
  readonly filter: Filter | undefined;
  readonly select: readonly (readonly string[])[] | undefined;
  readonly expand: Expand | undefined;
}

interface Expand {
  /** `.`: what belongs to the resource; `~`: what its `Links` name; `*`: both. */
  readonly which: '.' | '~' | '*';
  readonly levels: number;
}

/** As told in the service root. */
export const maxExpandLevels = 6;

/** @param kind what the query is asked of @throws {RedfishError} 400 or 501 */
export function parseQuery(search: string, kind: 'resource' | 'collection' | 'plain'): Query {
  const query: { -readonly [K in keyof Query]: Query[K] } = {
    only: false,
    excerpt: false,
    top: undefined,
    skip: 0,
    filter: undefined,
    select: undefined,
    expand: undefined,
  };
  if (search === '') return query;
  const seen = new Set<string>();
  for (const [name, value] of new URLSearchParams(search)) {
    if (seen.has(name) && (name.startsWith('$') || name === 'only' || name === 'excerpt')) {
      throw new RedfishError(message('QueryCombinationInvalid'));
    }
    seen.add(name);
    switch (name) {
      case 'only':
        if (value !== '') throw new RedfishError(message('QueryParameterValueFormatError', value, 'only'));
        query.only = true;
        break;
      case '$top':
        query.top = count(name, value);
        break;
      case '$skip':
        query.skip = count(name, value);
        break;
      case '$filter':
        query.filter = parseFilter(value);
        break;
      case '$select':
        query.select = parseSelect(value);
        break;
      case '$expand':
        query.expand = parseExpand(value);
        break;
      case 'excerpt':
        if (value !== '') throw new RedfishError(message('QueryParameterValueFormatError', value, name));
        query.excerpt = true;
        break;
      default:
        // Parameters without a dollar sign are ignored; those with one are OData's, and refused.
        if (name.startsWith('$')) throw new RedfishError(message('QueryParameterUnsupported', name));
    }
  }
  if (query.only && seen.size > 1) throw new RedfishError(message('QueryCombinationInvalid'));
  if (kind === 'resource' && (query.only || seen.has('$top') || seen.has('$skip') || query.filter)) {
    throw new RedfishError(message('QueryNotSupportedOnResource'));
  }
  return query;
}

/** Reads another resource whole; undefined when it is not there for this user. */
export type ReadUri = (uri: string) => Promise<JsonObject | undefined>;

export interface Paging {
  /** Members are shown whole, so many at once; undefined: as references, all of them. */
  readonly pageSize: number | undefined;
}

/** @param body as read, `Members` of a collection as references to all of them */
export async function answerQuery(
  query: Query,
  body: JsonObject,
  read: ReadUri,
  { pageSize }: Paging,
): Promise<JsonObject> {
  const references = membersOf(body);
  if (!references) return select(query, await expanded(query.expand, body, read));
  if (query.only) {
    const [first] = references;
    const single = references.length === 1 && first ? await read(first) : undefined;
    return single ?? body;
  }
  const kept = query.filter ? await filtered(references, query.filter, read) : references;
  const from = query.skip;
  const wanted = query.top ?? Number.POSITIVE_INFINITY;
  const size = Math.min(wanted, pageSize ?? Number.POSITIVE_INFINITY);
  const page = kept.slice(from, from + size);
  const whole = query.expand !== undefined || pageSize !== undefined;
  const members = whole ? await wholeMembers(page, query, read) : page.map((uri) => ({ '@odata.id': uri }));
  const next = from + page.length;
  const more = next < kept.length && page.length < wanted;
  const shown: JsonObject = {
    ...body,
    'Members@odata.count': kept.length,
    Members: members,
    ...(more && { 'Members@odata.nextLink': nextLink(body, query, next) }),
  };
  return whole ? shown : select(query, shown);
}

function membersOf(body: JsonObject): string[] | undefined {
  const { Members: members } = body;
  if (!Array.isArray(members)) return undefined;
  return members.flatMap((member) => {
    const uri = isObject(member) ? member['@odata.id'] : undefined;
    return typeof uri === 'string' ? [uri] : [];
  });
}

async function filtered(uris: readonly string[], filter: Filter, read: ReadUri): Promise<string[]> {
  const kept: string[] = [];
  for (const uri of uris) {
    const member = await read(uri);
    if (member && filter(member)) kept.push(uri);
  }
  return kept;
}

async function wholeMembers(
  uris: readonly string[],
  query: Query,
  read: ReadUri,
): Promise<readonly JsonObject[]> {
  const { expand } = query;
  const members: JsonObject[] = [];
  for (const uri of uris) {
    const member = await read(uri);
    if (!member) continue;
    const deeper = expand && expand.levels > 1 ? { ...expand, levels: expand.levels - 1 } : undefined;
    members.push(select(query, await expanded(deeper, member, read)));
  }
  return members;
}

function nextLink(body: JsonObject, query: Query, next: number): string {
  const left = query.top === undefined ? '' : `&$top=${query.top - (next - query.skip)}`;
  return `${String(body['@odata.id'])}?$skip=${next}${left}`;
}

/** References become what they refer to. One that cannot be read stays a reference. */
async function expanded(expand: Expand | undefined, body: JsonObject, read: ReadUri): Promise<JsonObject> {
  if (!expand) return body;
  const result: Record<string, Json | undefined> = {};
  for (const [name, value] of Object.entries(body)) {
    const wanted = name === 'Links' ? expand.which !== '.' : expand.which !== '~';
    result[name] = wanted && name !== 'Actions' ? await expandedValue(expand, value, read) : value;
  }
  return result;
}

async function expandedValue(
  expand: Expand,
  value: Json | undefined,
  read: ReadUri,
): Promise<Json | undefined> {
  if (Array.isArray(value)) {
    const items: Json[] = [];
    for (const item of value as readonly Json[])
      items.push((await expandedValue(expand, item, read)) ?? null);
    return items;
  }
  if (!isObject(value)) return value;
  const uri = value['@odata.id'];
  if (typeof uri === 'string' && Object.keys(value).length === 1) {
    const whole = await read(uri);
    if (!whole) return value;
    return expand.levels > 1 ? expanded({ ...expand, levels: expand.levels - 1 }, whole, read) : whole;
  }
  const result: Record<string, Json | undefined> = {};
  for (const [name, child] of Object.entries(value)) result[name] = await expandedValue(expand, child, read);
  return result;
}

const alwaysSelected = ['@odata.id', '@odata.type', '@odata.etag'];

function select({ select: paths }: Query, body: JsonObject): JsonObject {
  if (!paths) return body;
  return {
    ...pick(
      body,
      alwaysSelected.map((name) => [name]),
    ),
    ...pick(body, paths),
  };
}

function pick(value: JsonObject, paths: readonly (readonly string[])[]): JsonObject {
  const result: Record<string, Json | undefined> = {};
  for (const [name, child] of Object.entries(value)) {
    const base = name.includes('@') && !name.startsWith('@') ? name.slice(0, name.indexOf('@')) : name;
    const below = paths.filter(([first]) => first === base).map(([, ...rest]) => rest);
    if (below.length === 0) continue;
    const all = below.some((path) => path.length === 0);
    result[name] = all || !isObject(child) ? child : pick(child, below);
  }
  return result;
}

function parseSelect(value: string): readonly (readonly string[])[] {
  const names = value.split(',').map((name) => name.trim());
  if (names.some((name) => !/^[\w@#./]+$/.test(name))) {
    throw new RedfishError(message('QueryParameterValueFormatError', value.slice(0, 64), '$select'));
  }
  return names.map((name) => name.split('/'));
}

function parseExpand(value: string): Expand {
  const match = /^([.~*])(?:\(\$levels=(\d+)\))?$/.exec(value.trim());
  if (!match) {
    throw new RedfishError(message('QueryParameterValueFormatError', value.slice(0, 64), '$expand'));
  }
  const [, which, levels = '1'] = match;
  const count = Number(levels);
  if (count < 1 || count > maxExpandLevels) {
    throw new RedfishError(message('QueryParameterOutOfRange', levels, '$expand', `1-${maxExpandLevels}`));
  }
  return { which: which as Expand['which'], levels: count };
}

function count(name: string, value: string): number {
  if (!/^-?\d+$/.test(value)) throw new RedfishError(message('QueryParameterValueTypeError', value, name));
  const number = Number(value);
  if (number < 0 || !Number.isSafeInteger(number)) {
    throw new RedfishError(message('QueryParameterOutOfRange', value, name, '0 and above'));
  }
  return number;
}
