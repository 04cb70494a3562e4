import { afterEach, describe, expect, it } from 'vitest';
import { oddValues, usualValues } from '../../../src/redfish/compatibility.ts';
import { redfishResources } from '../../../src/redfish/resources.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';

const system = '/redfish/v1/Systems/1';

let bench: RedfishBench;
async function start(compatibility: boolean) {
  bench = new RedfishBench({ compatibility });
  await bench.start();
}
afterEach(() => bench.stop());

describe('an odd value of a real client', () => {
  it('is taken for what it means, and read back as that', async () => {
    await start(true);
    for (const url of [system, '/redfish/v1/Chassis/1']) {
      await bench.ask('PATCH', url, { body: { IndicatorLED: 'Off' } });
      const reply = await bench.ask('PATCH', url, { body: { IndicatorLED: 'On' } });
      expect([reply.status, reply.body.IndicatorLED], url).toEqual([200, 'Lit']);
    }
    const boot = { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Enabled' };
    const booted = await bench.ask('PATCH', system, { body: { Boot: boot } });
    expect(booted.body.Boot.BootSourceOverrideEnabled).toBe('Continuous');
    expect(bench.bmc.boot.override).toMatchObject({ target: 'pxe', persistent: true });
    const kinds: string[] = [];
    bench.bmc.onResetRequest(({ kind }) => kinds.push(kind));
    const action = '/redfish/v1/Managers/1/Actions/Manager.Reset';
    expect((await bench.ask('POST', action, { body: { ResetType: 'Reset' } })).status).toBe(204);
    expect(kinds).toEqual(['cold']);
  });

  it('is refused where the setting says so', async () => {
    await start(false);
    expect((await bench.ask('PATCH', system, { body: { IndicatorLED: 'On' } })).status).toBe(400);
    const action = '/redfish/v1/Managers/1/Actions/Manager.Reset';
    expect((await bench.ask('POST', action, { body: { ResetType: 'Reset' } })).status).toBe(400);
  });

  it.each([undefined, 'application/x-www-form-urlencoded'])('comes as JSON of type %s', async (type) => {
    const send = () =>
      bench.ask('PATCH', system, {
        body: '{"AssetTag":"x"}',
        headers: { 'content-type': type as string },
      });
    await start(true);
    expect((await send()).status).toBe(200);
    expect(bench.bmc.asset.tag).toBe('x');
    await bench.stop();
    await start(false);
    expect((await send()).status).toBe(415);
    expect(bench.bmc.asset.tag).toBe('');
  });

  it('stands in the table for something that is there', async () => {
    await start(true);
    for (const { subject, property } of oddValues) {
      const definition = redfishResources.find(({ path }) => path === subject);
      const action = redfishResources.flatMap(({ actions }) => actions).find(({ name }) => name === subject);
      const schema = definition?.patch?.schema ?? action?.parameters;
      expect(schema, subject).toBeDefined();
      const [first = ''] = property;
      expect(Object.keys(schema?.properties ?? {}), subject).toContain(first);
    }
  });

  it('is replaced deep in a body and nowhere else', async () => {
    await start(true);
    const path = '/redfish/v1/Systems/:systemId';
    expect(usualValues(path, { Boot: { BootSourceOverrideEnabled: 'Enabled', X: 'Enabled' } })).toEqual({
      Boot: { BootSourceOverrideEnabled: 'Continuous', X: 'Enabled' },
    });
    for (const body of [{ Boot: null }, { Boot: 'Enabled' }, { Boot: [] }, {}]) {
      expect(usualValues(path, body)).toEqual(body);
    }
  });
});

describe('an excerpt', () => {
  it('of a sensor is its reading; of what has none, the whole', async () => {
    await start(true);
    const sensor = '/redfish/v1/Chassis/1/Sensors/cpuTemp';
    const excerpt = await bench.ask('GET', `${sensor}?excerpt`);
    expect(Object.keys(excerpt.body).filter((name) => !name.startsWith('@'))).toEqual(['Reading']);
    expect((await bench.ask('GET', '/redfish/v1/Managers/1?excerpt')).body.Id).toBe('1');
    expect((await bench.ask('GET', `${sensor}?excerpt=1`)).status).toBe(400);
    expect((await bench.ask('GET', '/redfish/v1')).body.ProtocolFeaturesSupported.ExcerptQuery).toBe(true);
  });
});

describe('what the service says of itself', () => {
  it('leads from the Link header of each resource to its schema at DMTF', async () => {
    await start(true);
    for (const url of [system, '/redfish/v1', '/redfish/v1/JsonSchemas', `${system}/ResetActionInfo`]) {
      const { headers, body } = await bench.ask('GET', url);
      const [, schema] = /^<([^>]+)>; rel=describedby$/.exec(headers.link ?? '') ?? [];
      const file = await bench.ask('GET', schema ?? '');
      expect(file.status, url).toBe(200);
      expect(file.body.Schema).toBe(body['@odata.type']);
      const name = String(body['@odata.type']).slice(1).split('.').slice(0, -1).join('.');
      expect(file.body.Location[0].PublicationUri).toBe(`http://redfish.dmtf.org/schemas/v1/${name}.json`);
    }
  });

  it('maps each kind of resource to the privileges that its definition names', async () => {
    await start(true);
    const { body } = await bench.ask('GET', '/redfish/v1/AccountService/PrivilegeMap');
    const of = (entity: string) => body.Mappings.find(({ Entity }: { Entity: string }) => Entity === entity);
    expect(of('AccountService').OperationMap).toMatchObject({
      GET: [{ Privilege: ['Login'] }],
      PATCH: [{ Privilege: ['ConfigureUsers'] }],
    });
    expect(of('ServiceRoot').OperationMap.GET).toEqual([{ Privilege: ['NoAuth'] }]);
    expect(of('ManagerAccount').OperationMap.PATCH).toEqual([{ Privilege: ['ConfigureUsers'] }]);
    expect(of('ManagerAccount').PropertyOverrides).toEqual([
      {
        Targets: ['Password'],
        OperationMap: expect.objectContaining({
          PATCH: [{ Privilege: ['ConfigureUsers'] }, { Privilege: ['ConfigureSelf'] }],
        }),
      },
    ]);
    const entities = new Set(
      redfishResources.flatMap(({ type }) => (type === undefined ? [] : [type.slice(1).split('.')[0]])),
    );
    expect(new Set(body.Mappings.map(({ Entity }: { Entity: string }) => Entity))).toEqual(entities);
  });
});
