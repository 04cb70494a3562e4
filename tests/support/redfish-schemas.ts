/**
 * DMTF's JSON schemas, to check what the service answers. The project carries none of them: they are read from
 * `REDFISH_SCHEMAS`, or from `../shared/redfish-schemas` beside the project, where they are there.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { packageRoot } from '../../src/config/package-paths.ts';

const directory = process.env.REDFISH_SCHEMAS ?? join(packageRoot, '../shared/redfish-schemas');

/** Why bodies cannot be checked; undefined where they can. */
export const noSchemas = existsSync(join(directory, 'json-schema'))
  ? undefined
  : 'no DMTF schemas (REDFISH_SCHEMAS names their directory)';

let ajv: Ajv | undefined;

function schemas(): Ajv {
  if (ajv) return ajv;
  ajv = new Ajv({ strict: false, allErrors: true, verbose: true, validateFormats: false });
  const folder = join(directory, 'json-schema');
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  for (const file of files) {
    // DMTF's dialect adds keywords to draft 7 and takes none away. Each is known by the place it has at DMTF.
    const {
      $schema: _,
      $id: __,
      ...schema
    } = JSON.parse(
      readFileSync(join(folder, file), 'utf8').replaceAll('/schemas/swordfish/v1/', '/schemas/v1/'),
    );
    ajv.addSchema(withoutMissing(schema, files), `${place}${file}`);
  }
  return ajv;
}

/** How the schemas name themselves and each other. */
const place = 'http://redfish.dmtf.org/schemas/v1/';

/**
 * Of each type the newest version is there, and no type that a BMC does not serve. A choice between versions is left
 * with that one; a reference to what is not there at all asks for nothing.
 */
function withoutMissing<T>(schema: T, files: readonly string[]): T {
  if (Array.isArray(schema)) return schema.map((each) => withoutMissing(each, files)) as T;
  if (typeof schema !== 'object' || schema === null) return schema;
  if ('$ref' in schema && typeof schema.$ref === 'string' && !isThere(schema.$ref, files)) return {} as T;
  const entries = Object.entries(schema).map(([name, value]) => {
    if (name !== 'anyOf' || !Array.isArray(value)) return [name, withoutMissing(value, files)];
    const others = value.filter(({ $ref }) => $ref === undefined || isThere($ref, files));
    return [name, withoutMissing(others.some(({ $ref }) => $ref !== undefined) ? others : value, files)];
  });
  return Object.fromEntries(entries);
}

function isThere(reference: string, files: readonly string[]): boolean {
  const [file = ''] = reference.split('#', 1);
  return file === '' || files.includes(file.slice(file.lastIndexOf('/') + 1));
}

/** @returns what is wrong with a resource by the schema of its own `@odata.type`, in words; empty for nothing */
export function schemaProblems(body: Readonly<Record<string, unknown>>): string[] {
  const type = String(body['@odata.type']);
  const [, name, version] = /^#(\w+)\.(?:(v\d+_\d+_\d+)\.)?\w+$/.exec(type) ?? [];
  if (!name) return [`no type that can be read: ${type}`];
  const file = version === undefined ? name : `${name}.${version}`;
  const id = `${place}${file}.json`;
  let validate: ValidateFunction | undefined;
  try {
    validate = schemas().getSchema(`${id}#/definitions/${name}`);
  } catch (error) {
    return [`${type}: ${(error as Error).message}`];
  }
  if (!validate) return csdlProblems(body, type, name, version);
  if (validate(body)) return [];
  return (validate.errors ?? []).map((error) => inWords(type, error));
}

/** Of a few types only the CSDL is there: it knows the names at least. */
function csdlProblems(body: object, type: string, name: string, version: string | undefined): string[] {
  const file = join(directory, 'csdl', `${name}_v1.xml`);
  const csdl = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (!csdl.includes(`Namespace="${version === undefined ? name : `${name}.${version}`}"`)) {
    return [`${type}: no such schema`];
  }
  const known = new Set([...csdl.matchAll(/<(?:Navigation)?Property Name="(\w+)"/g)].map(([, each]) => each));
  for (const each of ['Id', 'Name', 'Description']) known.add(each);
  return namesIn(body)
    .filter((each) => !known.has(each))
    .map((each) => `${type}: no property ${each}`);
}

function namesIn(value: object): string[] {
  return Object.entries(value)
    .filter(([key]) => !key.includes('@') && key !== 'Oem')
    .flatMap(([key, child]) => [key, ...(typeof child === 'object' && child !== null ? namesIn(child) : [])]);
}

function inWords(type: string, { instancePath, message, params, data }: ErrorObject): string {
  return `${type} ${instancePath || '/'}: ${message} ${JSON.stringify(params)} in ${JSON.stringify(data)?.slice(0, 80)}`;
}
