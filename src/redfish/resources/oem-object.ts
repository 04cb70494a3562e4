/**
 * Objects of ours under `Oem.QemuBmc`: what they hold is told once, in a schema that types the bodies and that CSDL and
 * JSON schema are made from. DSP0266 §9.8.
 */
import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox';
import type { JsonObject } from '../json.ts';

export interface OemObject<S extends TObject = TObject> {
  /** `QemuBmcLogEntry` */
  readonly name: string;
  /** `QemuBmcLogEntry.v1_0_0` */
  readonly namespace: string;
  /** `#QemuBmcLogEntry.v1_0_0.QemuBmcLogEntry` */
  readonly type: string;
  /** Each object and each choice in it has a `title`, by which CSDL names its type. */
  readonly schema: S;
  /** What stands as `Oem: { QemuBmc: … }`. */
  oem(value: Static<S> & JsonObject): JsonObject;
}

export function oemObject<P extends TProperties>(
  name: string,
  description: string,
  properties: P,
): OemObject<TObject<P>> {
  const namespace = `${name}.v1_0_0`;
  const type = `#${namespace}.${name}`;
  return {
    name,
    namespace,
    type,
    schema: Type.Object(properties, { title: name, description, additionalProperties: false }),
    oem: (value) => ({ QemuBmc: { '@odata.type': type, ...value } }),
  };
}

/** @returns the definitions of the types, for a `Schema` element of CSDL; DSP0266 §13.5 */
export function csdlTypes({ namespace, name, schema }: OemObject): string {
  const definitions = new Map<string, string>();
  define(schema, name, ' BaseType="Resource.OemObject"');
  return [...definitions.values()].join('\n');

  function define(object: TObject, title: string, base = ''): void {
    // The place first: an object stands before its parts.
    definitions.set(title, '');
    const properties = Object.entries(object.properties).map(
      ([property, of]) => `        <Property Name="${property}" Type="${csdlType(of)}"${nullable(of)}>
          <Annotation Term="OData.Permissions" EnumMember="OData.Permission/Read"/>
          <Annotation Term="OData.Description" String="${textOf(of, 'description')}"/>
        </Property>`,
    );
    definitions.set(
      title,
      `      <ComplexType Name="${title}"${base}>
        <Annotation Term="OData.AdditionalProperties" Bool="false"/>
        <Annotation Term="OData.Description" String="${textOf(object, 'description')}"/>
${properties.join('\n')}
      </ComplexType>`,
    );
  }

  function csdlType(of: TSchema): string {
    if (Type.IsArray(of)) return `Collection(${csdlType(of.items)})`;
    if (Type.IsBoolean(of)) return 'Edm.Boolean';
    if (Type.IsInteger(of)) return 'Edm.Int64';
    if (Type.IsString(of))
      return 'format' in of && of.format === 'date-time' ? 'Edm.DateTimeOffset' : 'Edm.String';
    if (Type.IsUnion(of)) return 'Edm.PrimitiveType';
    const title = textOf(of, 'title');
    if (Type.IsObject(of)) {
      if (!definitions.has(title)) define(of, title);
    } else if (Type.IsEnum(of)) {
      const members = of.enum.map((member) => `        <Member Name="${member}"/>`);
      definitions.set(title, `      <EnumType Name="${title}">\n${members.join('\n')}\n      </EnumType>`);
    } else throw new TypeError(`${namespace}: no type of CSDL for ${JSON.stringify(of)}`);
    return `${namespace}.${title}`;
  }

  function textOf(of: TSchema, key: 'title' | 'description'): string {
    const text: unknown = (of as Record<string, unknown>)[key];
    if (typeof text === 'string') return text;
    throw new TypeError(`${namespace}: no ${key} in ${JSON.stringify(of)}`);
  }
}

function nullable(of: TSchema): string {
  return Type.IsUnion(of) ? '' : ' Nullable="false"';
}
