/**
 * Objects of ours under `Oem.QemuBmc`, and whole resources of ours: what they hold is told once, in a schema that types
 * the bodies and that CSDL and JSON schema are made from. DSP0266 §9.8.
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

/** A property that clients may write. In the words of DMTF's JSON schemas. */
export const writable = { readonly: false } as const;

/** A resource that no schema of DMTF's has. */
export interface OemEntity<S extends TObject = TObject> extends Omit<OemObject<S>, 'oem'> {
  readonly description: string;
  /** Of its own, by the names after the dot. */
  readonly actions: Readonly<Record<string, string>>;
}

/** @param properties besides those that every resource has; a reference to another resource is made by {@link reference} */
export function oemEntity<P extends TProperties>(
  name: string,
  description: string,
  properties: P,
  actions: OemEntity['actions'] = {},
): OemEntity<TObject<P>> {
  const { oem: _, ...made } = oemObject(name, description, properties);
  return { ...made, description, actions };
}

/** A collection of such resources. */
export interface OemCollection {
  /** `QemuBmcEventFilterCollection` */
  readonly name: string;
  /** `#QemuBmcEventFilterCollection.QemuBmcEventFilterCollection` */
  readonly type: string;
  readonly description: string;
  readonly of: Pick<OemEntity, 'name'>;
}

export function oemCollection(of: Pick<OemEntity, 'name'>, description: string): OemCollection {
  const name = `${of.name}Collection`;
  return { name, type: `#${name}.${name}`, description, of };
}

/** A property that leads to another resource of ours. @param type `QemuBmcEventFilterCollection` */
export function reference(type: string, description: string) {
  return Type.Object(
    { '@odata.id': Type.String({ format: 'uri-reference', description: 'Where it is.' }) },
    { title: type, description, additionalProperties: false },
  );
}

/** @returns the definitions of the types, for a `Schema` element of CSDL; DSP0266 §13.5 */
export function csdlTypes({ namespace, name, schema }: Omit<OemObject, 'oem'>, entity?: OemEntity): string {
  const definitions = new Map<string, string>();
  if (entity) defineEntity(entity);
  else define(schema, name, ' BaseType="Resource.OemObject"');
  return [...definitions.values()].join('\n');

  function defineEntity({ description, actions }: OemEntity): void {
    definitions.set(name, '');
    const hasActions = Object.keys(actions).length > 0;
    const actionsProperty = `        <Property Name="Actions" Type="${namespace}.Actions" Nullable="false">
          <Annotation Term="OData.Permissions" EnumMember="OData.Permission/Read"/>
          <Annotation Term="OData.Description" String="What can be done with it."/>
        </Property>`;
    definitions.set(
      name,
      `      <EntityType Name="${name}" BaseType="${name}.${name}">
        <Annotation Term="OData.AdditionalProperties" Bool="false"/>
        <Annotation Term="OData.Description" String="${description}"/>
${[propertiesOf(schema), ...(hasActions ? [actionsProperty] : [])].join('\n')}
      </EntityType>`,
    );
    if (!hasActions) return;
    definitions.set(
      'Actions',
      `      <ComplexType Name="Actions">
        <Annotation Term="OData.AdditionalProperties" Bool="false"/>
        <Annotation Term="OData.Description" String="What can be done with it."/>
      </ComplexType>`,
    );
  }

  function define(object: TObject, title: string, base = ''): void {
    // The place first: an object stands before its parts.
    definitions.set(title, '');
    definitions.set(
      title,
      `      <ComplexType Name="${title}"${base}>
        <Annotation Term="OData.AdditionalProperties" Bool="false"/>
        <Annotation Term="OData.Description" String="${textOf(object, 'description')}"/>
${propertiesOf(object)}
      </ComplexType>`,
    );
  }

  function propertiesOf(object: TObject): string {
    return Object.entries(object.properties)
      .map(([property, of]) => {
        const annotations = `          <Annotation Term="OData.Permissions" EnumMember="OData.Permission/${isWritable(of) ? 'ReadWrite' : 'Read'}"/>
          <Annotation Term="OData.Description" String="${textOf(of, 'description')}"/>`;
        if (isReference(of)) {
          const type = textOf(of, 'title');
          return `        <NavigationProperty Name="${property}" Type="${type}.${type}" Nullable="false">
${annotations}
          <Annotation Term="OData.AutoExpandReferences"/>
        </NavigationProperty>`;
        }
        return `        <Property Name="${property}" Type="${csdlType(of)}"${nullable(of)}>
${annotations}
        </Property>`;
      })
      .join('\n');
  }

  function csdlType(of: TSchema): string {
    if (Type.IsArray(of)) return `Collection(${csdlType(of.items)})`;
    if (Type.IsBoolean(of)) return 'Edm.Boolean';
    if (Type.IsInteger(of)) return 'Edm.Int64';
    if (Type.IsString(of))
      return 'format' in of && of.format === 'date-time' ? 'Edm.DateTimeOffset' : 'Edm.String';
    if (Type.IsInteger(of)) return 'Edm.Int64';
    if (Type.IsUnion(of)) {
      const [only, ...others] = of.anyOf.filter((each) => !Type.IsNull(each));
      return only && others.length === 0 ? csdlType(only) : 'Edm.PrimitiveType';
    }
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

function isWritable(of: TSchema): boolean {
  return 'readonly' in of && of.readonly === false;
}

function isReference(of: TSchema): of is TObject {
  return Type.IsObject(of) && '@odata.id' in of.properties;
}

function nullable(of: TSchema): string {
  return Type.IsUnion(of) ? '' : ' Nullable="false"';
}
