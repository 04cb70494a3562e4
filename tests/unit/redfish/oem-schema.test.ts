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
    const [, namespace = '', name = ''] = /^#(\w+\.v\d_\d_\d)\.(\w+)$/.exec(object['@odata.type']) ?? [];
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

  it.each([
    ['the consoles of the system', consoles],
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

  it('are described in CSDL, to which $metadata leads', async () => {
    const text = async (path: string) => (await bench.ask('GET', path)).text;
    const metadata = await text('/redfish/v1/$metadata');
    for (const object of [await consoles(), await audit(), await drive()]) {
      const [, namespace = '', name = ''] = /^#(\w+\.v1_0_0)\.(\w+)$/.exec(object['@odata.type']) ?? [];
      expect(metadata).toContain(`<edmx:Include Namespace="${namespace}"/>`);
      const csdl = await text(`/redfish/v1/Schemas/${name}_v1.xml`);
      expect(csdl).toContain(`<ComplexType Name="${name}" BaseType="Resource.OemObject">`);
      for (const property of Object.keys(object).filter((key) => !key.startsWith('@'))) {
        expect(csdl).toContain(`<Property Name="${property}"`);
      }
      // Each type that it names, it also has.
      const defined = [...csdl.matchAll(/<(?:ComplexType|EnumType) Name="(\w+)"/g)].map(([, type]) => type);
      const named = [...csdl.matchAll(/Type="(?:Collection\()?Qemu\w+\.v1_0_0\.(\w+)/g)].map(
        ([, type]) => type,
      );
      expect(named.length).toBeGreaterThan(0);
      expect(defined).toEqual(expect.arrayContaining(named));
    }
  });
});
