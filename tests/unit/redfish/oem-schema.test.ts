/** The objects under `Oem.QemuBmc`, by the schemas that we publish of them. */
import { Ajv } from 'ajv';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedfishBench } from '../../support/redfish-bench.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a client reads out of JSON is checked by the test that reads it
type Body = any;

describe('our own objects', () => {
  let bench: RedfishBench;
  beforeEach(async () => {
    bench = new RedfishBench();
    await bench.start();
  });
  afterEach(() => bench.stop());

  const get = async (path: string): Promise<Body> =>
    (await bench.ask('GET', path.startsWith('/') ? path : `/redfish/v1/${path}`)).body;

  /** By the schema of its type, as `JsonSchemas` leads to it. @returns what is wrong */
  async function problems(object: Body): Promise<string[]> {
    const [, namespace = '', name = ''] = /^#(\w+(?:\.v\d_\d_\d)?)\.(\w+)$/.exec(object['@odata.type']) ?? [];
    const file = await get(`JsonSchemas/${namespace}`);
    expect(file.Schema).toBe(object['@odata.type']);
    const { $schema: _, $id: __, ...schema } = await get(file.Location[0].Uri);
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
    const validate = ajv.compile({ ...schema, $ref: `#/definitions/${name}` });
    validate(object);
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  }

  async function consoles(): Promise<Body> {
    return (await get('Systems/1')).Oem.QemuBmc;
  }

  async function audit(): Promise<Body> {
    await bench.ask('PATCH', '/redfish/v1/Systems/1', { body: { AssetTag: 'another' } });
    const { Members } = await get('Managers/1/LogServices/AuditLog/Entries');
    const found = Members.find((entry: Body) => entry.Oem?.QemuBmc?.Changes);
    return found.Oem.QemuBmc;
  }

  async function drive(): Promise<Body> {
    bench.machine.layers = [
      { file: 'top.qcow2', format: 'qcow2', virtualSizeBytes: 1_073_741_824, allocatedBytes: 4096 },
      { file: 'base', format: undefined, virtualSizeBytes: undefined, allocatedBytes: undefined },
    ];
    const object = (await get('Systems/1/Storage/1/Drives/disk0')).Oem.QemuBmc;
    expect(object.BackingChain).toHaveLength(2);
    return object;
  }

  async function manager(): Promise<Body> {
    return (await get('Managers/1')).Oem.QemuBmc;
  }

  const filtering = 'Managers/1/Oem/QemuBmc/EventFiltering';

  it.each([
    ['the consoles of the system', consoles],
    ['the settings of the manager', manager],
    ['event filtering', () => get(filtering)],
    ['an event filter', () => get(`${filtering}/EventFilters/1`)],
    ['the event filters', () => get(`${filtering}/EventFilters`)],
    ['an alert policy', () => get(`${filtering}/AlertPolicies/16`)],
    ['an alert destination', () => get(`${filtering}/AlertDestinations/4`)],
    ['an entry of the audit log', audit],
    ['the files of a disk', drive],
  ])('%s: is as its JSON schema says, and nothing else is', async (_, read) => {
    bench.bmc.console.attach({ mode: 'write', name: 'somebody' });
    const object = await read();
    expect(Object.keys(object).length).toBeGreaterThan(1);
    expect(await problems(object)).toEqual([]);
    expect(await problems({ ...object, Colour: 'red' })).toEqual([
      expect.stringContaining('additional properties'),
    ]);
  });

  it('say in CSDL which properties can be written, and are written so', async () => {
    const csdl = (await bench.ask('GET', '/redfish/v1/Schemas/QemuBmcEventFilter_v1.xml')).text;
    const writable = [...csdl.matchAll(/<Property Name="(\w+)"[^>]*>\s*<[^>]*Permission\/ReadWrite"/g)].map(
      ([, name = '']) => name,
    );
    expect(writable.length).toBeGreaterThan(10);
    const body = await get(`${filtering}/EventFilters/9`);
    const change = Object.fromEntries(writable.map((name) => [name, body[name]]));
    expect((await bench.ask('PATCH', body['@odata.id'], { body: change })).status).toBe(200);
    const readOnly = await bench.ask('PATCH', body['@odata.id'], { body: { Preconfigured: true } });
    expect(readOnly.text).toContain('PropertyNotWritable');
  });

  it('that are collections have a schema that names what their members are', async () => {
    const csdl = (await bench.ask('GET', '/redfish/v1/Schemas/QemuBmcEventFilterCollection_v1.xml')).text;
    expect(csdl).toContain('Type="Collection(QemuBmcEventFilter.QemuBmcEventFilter)"');
    expect(csdl).toContain('Uri="/redfish/v1/Schemas/QemuBmcEventFilter_v1.xml"');
  });

  it('are described in CSDL, to which $metadata leads', async () => {
    const text = async (path: string) => (await bench.ask('GET', path)).text;
    const metadata = await text('/redfish/v1/$metadata');
    const entities = ['', '/EventFilters/1', '/AlertPolicies/1', '/AlertDestinations/1'].map((path) =>
      get(`${filtering}${path}`),
    );
    for (const object of [
      await consoles(),
      await audit(),
      await manager(),
      await drive(),
      ...(await Promise.all(entities)),
    ]) {
      const [, namespace = '', name = ''] = /^#(\w+\.v1_0_0)\.(\w+)$/.exec(object['@odata.type']) ?? [];
      expect(metadata).toContain(`<edmx:Include Namespace="${namespace}"/>`);
      const csdl = await text(`/redfish/v1/Schemas/${name}_v1.xml`);
      expect(csdl).toContain(
        object['@odata.id'] === undefined
          ? `<ComplexType Name="${name}" BaseType="Resource.OemObject">`
          : `<EntityType Name="${name}" BaseType="${name}.${name}">`,
      );
      // Every resource has these, by the type that ours rest on.
      const inherited = object['@odata.id'] === undefined ? [] : ['Id', 'Name', 'Description'];
      for (const property of Object.keys(object).filter((key) => !key.startsWith('@'))) {
        if (!inherited.includes(property)) expect(csdl).toMatch(`Property Name="${property}"`);
      }
      // Each type that it names, it also has.
      const defined = [...csdl.matchAll(/<(?:ComplexType|EnumType) Name="(\w+)"/g)].map(([, type]) => type);
      const named = [...csdl.matchAll(/Type="(?:Collection\()?Qemu\w+\.v1_0_0\.(\w+)/g)].map(
        ([, type]) => type,
      );
      expect(defined).toEqual(expect.arrayContaining(named));
    }
  });
});
