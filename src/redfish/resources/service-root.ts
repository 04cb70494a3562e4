/** The entrance: versions, service root, OData documents. DSP0266 §8.1, §8.4. */
import { always, plain, type Resource, resource } from '../definition.ts';
import { link, root } from '../paths.ts';
import { maxExpandLevels } from '../query.ts';
import { csdlUri, includesOf, isOwnType, oemSchemas } from './oem-schema.ts';

export const redfishVersion = '1.20.1';

const versions = plain({
  path: '/redfish',
  privileges: { get: [] },
  answer: () => ({ status: 200, body: { v1: `${root}/` } }),
});

const serviceRoot = resource({
  path: '/redfish/v1',
  type: '#ServiceRoot.v1_20_0.ServiceRoot',
  privileges: { get: [] },
  find: always,
  read: (_, { bmc, state }) => ({
    '@odata.id': `${root}/`,
    Id: 'RootService',
    Name: 'Root Service',
    RedfishVersion: redfishVersion,
    UUID: bmc.identity.uuid,
    Vendor: bmc.identity.manufacturer,
    Product: bmc.identity.product,
    ...(state.settings.identification !== '' && { ServiceIdentification: state.settings.identification }),
    ProtocolFeaturesSupported: {
      ExcerptQuery: true,
      FilterQuery: true,
      OnlyMemberQuery: true,
      SelectQuery: true,
      TopSkipQuery: true,
      ExpandQuery: { ExpandAll: true, Levels: true, Links: true, NoLinks: true, MaxLevels: maxExpandLevels },
      DeepOperations: { DeepPATCH: false, DeepPOST: false },
    },
    Systems: link(`${root}/Systems`),
    Chassis: link(`${root}/Chassis`),
    Managers: link(`${root}/Managers`),
    AccountService: link(`${root}/AccountService`),
    SessionService: link(`${root}/SessionService`),
    CertificateService: link(`${root}/CertificateService`),
    JsonSchemas: link(`${root}/JsonSchemas`),
    EventService: link(`${root}/EventService`),
    Tasks: link(`${root}/TaskService`),
    TelemetryService: link(`${root}/TelemetryService`),
    UpdateService: link(`${root}/UpdateService`),
    Registries: link(`${root}/Registries`),
    Links: { Sessions: link(`${root}/SessionService/Sessions`) },
  }),
});

/** The two documents of OData that are made from all definitions. */
function odataDocuments(resources: readonly Resource[]): readonly Resource[] {
  return [
    plain({
      path: '/redfish/v1/odata',
      privileges: { get: [] },
      answer: () => ({
        status: 200,
        body: {
          '@odata.context': `${root}/$metadata`,
          value: [
            { name: 'Service', kind: 'Singleton', url: `${root}/` },
            ...resources
              .filter(({ path }) => /^\/redfish\/v1\/[A-Z]\w*$/.test(path))
              .map(({ path }) => ({ name: path.slice(root.length + 1), kind: 'Singleton', url: path })),
          ],
        },
      }),
    }),
    plain({
      path: '/redfish/v1/$metadata',
      privileges: { get: [] },
      answer: () => ({
        status: 200,
        headers: { 'content-type': 'application/xml; charset=utf-8' },
        body: once(metadata(resources)),
      }),
    }),
  ];
}

async function* once(text: string): AsyncIterable<string> {
  yield text;
}

/** Points to DMTF's schema files for every type in use. DSP0266 §8.4.1. */
function metadata(resources: readonly Resource[]): string {
  const namespaces = new Map<string, Set<string>>();
  for (const { type } of resources) {
    if (type !== undefined && isOwnType(type)) continue;
    const [name, version] = type?.slice(1).split('.') ?? [];
    if (name === undefined || version === undefined) continue;
    const includes = namespaces.get(name) ?? new Set([name]);
    if (version.startsWith('v')) includes.add(`${name}.${version}`);
    namespaces.set(name, includes);
  }
  const schemas = 'http://redfish.dmtf.org/schemas/v1';
  const references = [...namespaces].map(([name, includes]) => {
    const lines = [...includes].map((namespace) => `    <edmx:Include Namespace="${namespace}"/>`);
    return `  <edmx:Reference Uri="${schemas}/${name}_v1.xml">\n${lines.join('\n')}\n  </edmx:Reference>`;
  });
  for (const schema of oemSchemas(resources)) {
    const lines = includesOf(schema).map((id) => `    <edmx:Include Namespace="${id}"/>`);
    references.push(`  <edmx:Reference Uri="${csdlUri(schema)}">\n${lines.join('\n')}\n  </edmx:Reference>`);
  }
  const root = [...(namespaces.get('ServiceRoot') ?? [])].find((name) => name.includes('.'));
  return `<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
${references.join('\n')}
  <edmx:Reference Uri="${schemas}/RedfishExtensions_v1.xml">
    <edmx:Include Namespace="RedfishExtensions.v1_0_0" Alias="Redfish"/>
  </edmx:Reference>
  <edmx:DataServices>
    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">
      <EntityContainer Name="Service" Extends="${root}.ServiceContainer"/>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>
`;
}

export const serviceRootResources: readonly Resource[] = [versions, serviceRoot];

/** @param resources all others */
export function documentsOf(resources: readonly Resource[]): readonly Resource[] {
  return odataDocuments(resources);
}
