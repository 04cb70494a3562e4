import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedfishBench } from '../../support/redfish-bench.ts';

const system = '/redfish/v1/Systems/1';

describe('a Redfish service', () => {
  let bench: RedfishBench;
  beforeEach(async () => {
    bench = new RedfishBench();
    await bench.start();
  });
  afterEach(() => bench.stop());

  it.each(['/redfish', '/redfish/v1', '/redfish/v1/', '/redfish/v1/odata', '/redfish/v1/$metadata'])(
    'shows %s without a login',
    async (url) => {
      const reply = await bench.ask('GET', url, { as: undefined });
      expect(reply.status).toBe(200);
      expect(reply.headers['odata-version']).toBe('4.0');
    },
  );

  it('asks everybody else for a login, whether or not the resource exists', async () => {
    for (const url of [system, '/redfish/v1/Nothing', `${system}/Actions/ComputerSystem.Reset`]) {
      const reply = await bench.ask('GET', url, { as: undefined });
      expect(reply.status).toBe(401);
      expect(reply.headers['www-authenticate']).toContain('Basic');
      expect(reply.body.error['@Message.ExtendedInfo'][0].MessageId).toBe('Base.1.22.NoValidSession');
    }
  });

  it('asks no client of sessions for a password: a browser would ask its user, and the page would wait for ever', async () => {
    for (const token of ['of-a-session-that-is-over', '']) {
      const reply = await bench.ask('GET', system, { as: undefined, headers: { 'x-auth-token': token } });
      expect(reply.status).toBe(401);
      expect(reply.headers['www-authenticate']).toBeUndefined();
    }
  });

  it('names what is not there', async () => {
    const reply = await bench.ask('GET', '/redfish/v1/Systems/2');
    expect(reply.status).toBe(404);
    expect(reply.body.error['@Message.ExtendedInfo'][0]).toMatchObject({
      MessageId: 'Base.1.22.ResourceMissingAtURI',
      MessageArgs: ['/redfish/v1/Systems/2'],
    });
  });

  it('tells the methods that a resource takes when another one is asked for', async () => {
    const reply = await bench.ask('DELETE', system);
    expect(reply.status).toBe(405);
    expect(reply.headers.allow).toBe('GET, HEAD, PATCH');
    const action = await bench.ask('GET', `${system}/Actions/ComputerSystem.Reset`);
    expect(action.status).toBe(405);
    expect(action.headers.allow).toBe('POST');
  });

  it('takes a POST to the Members of a collection for one to the collection, and nothing else', async () => {
    const sessions = '/redfish/v1/SessionService/Sessions';
    const login = { UserName: 'reader', Password: 'reader' };
    const made = await bench.ask('POST', `${sessions}/Members`, { body: login, as: undefined });
    expect(made.status).toBe(201);
    expect(made.headers.location).toMatch(/^\/redfish\/v1\/SessionService\/Sessions\/\w+$/);
    expect((await bench.ask('GET', `${sessions}/Members`)).status).toBe(404);
    expect((await bench.ask('POST', `${system}/Members`, { body: {} })).status).toBe(404);
  });

  it('answers HEAD with the headers of GET alone', async () => {
    const reply = await bench.ask('HEAD', system);
    expect(reply).toMatchObject({ status: 200, text: '' });
    expect(reply.headers.etag).toBe((await bench.ask('GET', system)).headers.etag);
  });

  it('turns the machine on by an action and shows that it is on', async () => {
    const reply = await bench.ask('POST', `${system}/Actions/ComputerSystem.Reset`, {
      body: { ResetType: 'On' },
      as: 'operator',
    });
    expect(reply).toMatchObject({ status: 204, text: '' });
    await bench.clock.advance(10_000);
    expect((await bench.ask('GET', system)).body.PowerState).toBe('On');
  });

  it('refuses an action to those who may only look', async () => {
    const reply = await bench.ask('POST', `${system}/Actions/ComputerSystem.Reset`, {
      body: { ResetType: 'On' },
      as: 'reader',
    });
    expect(reply.status).toBe(403);
    await bench.clock.advance(10_000);
    expect(bench.bmc.power.state).toBe('off');
  });

  it('names the parameter and the value that an action does not take', async () => {
    const url = `${system}/Actions/ComputerSystem.Reset`;
    const value = await bench.ask('POST', url, { body: { ResetType: 'Explode' } });
    expect(value.status).toBe(400);
    expect(value.body.error['@Message.ExtendedInfo'][0]).toMatchObject({
      MessageId: 'Base.1.22.ActionParameterValueNotInList',
      MessageArgs: ['Explode', 'ResetType', 'Reset'],
    });
    const unknown = await bench.ask('POST', url, { body: { Force: true } });
    expect(unknown.body.error['@Message.ExtendedInfo'][0].MessageId).toBe('Base.1.22.ActionParameterUnknown');
  });

  it('changes what can be changed of a PATCH and says what was wrong with the rest', async () => {
    const reply = await bench.ask('PATCH', system, {
      body: { AssetTag: 'rack 7', PowerState: 'On', Colour: 1 },
    });
    expect(reply.status).toBe(200);
    expect(reply.body.AssetTag).toBe('rack 7');
    expect(reply.body['PowerState@Message.ExtendedInfo'][0].MessageId).toBe('Base.1.22.PropertyNotWritable');
    expect(reply.body['Colour@Message.ExtendedInfo'][0].MessageId).toBe('Base.1.22.PropertyUnknown');
    const all: { RelatedProperties: string[] }[] = reply.body['@Message.ExtendedInfo'];
    expect(all.flatMap((told) => told.RelatedProperties).sort()).toEqual(['#/Colour', '#/PowerState']);
  });

  it('changes nothing when nothing of a PATCH can be changed', async () => {
    const reply = await bench.ask('PATCH', system, { body: { PowerState: 'On', AssetTag: 7 } });
    expect(reply.status).toBe(400);
    expect(reply.body.error['@Message.ExtendedInfo']).toHaveLength(2);
    expect(bench.bmc.asset.tag).toBe('');
  });

  it('changes a resource only as the client has last seen it when the client asks for that', async () => {
    const { etag } = (await bench.ask('GET', system)).headers;
    const changed = await bench.ask('PATCH', system, {
      body: { AssetTag: 'a' },
      headers: { 'if-match': `${etag}` },
    });
    expect(changed.status).toBe(200);
    const stale = await bench.ask('PATCH', system, {
      body: { AssetTag: 'b' },
      headers: { 'if-match': `${etag}` },
    });
    expect(stale.status).toBe(412);
    for (const noList of [`${changed.headers.etag}more`, `more${changed.headers.etag}`, 'tag']) {
      const reply = await bench.ask('PATCH', system, {
        body: { AssetTag: 'c' },
        headers: { 'if-match': noList },
      });
      expect(reply.status, noList).toBe(412);
    }
    expect(bench.bmc.asset.tag).toBe('a');
    const among = await bench.ask('PATCH', system, {
      body: { AssetTag: 'a' },
      headers: { 'if-match': `"other", ${changed.headers.etag}` },
    });
    expect(among.status).toBe(200);
    const seen = { 'if-none-match': `${changed.headers.etag}` };
    expect((await bench.ask('GET', system, { headers: seen })).status).toBe(304);
  });

  it.each([
    ['text/plain', '{}', 415],
    ['application/json', '{"AssetTag":', 400],
    ['application/json', '[]', 400],
    ['application/json', 'null', 400],
    ['application/json', '"AssetTag"', 400],
    ['application/json', '{"__proto__":{"AssetTag":"x"}}', 400],
    ['application/json', '{"AssetTag":"\\ud800"}', 400],
    ['application/json', '', 400],
  ])('refuses a body of %s that reads %s with %i', async (type, body, status) => {
    const reply = await bench.ask('PATCH', system, { body, headers: { 'content-type': type } });
    expect(reply.status).toBe(status);
    expect(bench.bmc.asset.tag).toBe('');
  });

  it.each([
    'application/json; charset=utf-16',
    'application/json;charset="ISO-8859-1"',
    'application/x-www-form-urlencoded; charset=latin1',
  ])('refuses JSON as %s', async (type) => {
    const reply = await bench.ask('PATCH', system, {
      body: '{"AssetTag":"x"}',
      headers: { 'content-type': type },
    });
    expect(reply.status).toBe(415);
    expect(reply.body.error['@Message.ExtendedInfo'][0].Message).toMatch(/^JSON is taken in UTF-8, not in /);
    expect(bench.bmc.asset.tag).toBe('');
  });

  it.each([
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'Application/JSON; Charset="Utf-8"',
    'application/json; odata.metadata=minimal; charset=us-ascii',
  ])('takes JSON as %s', async (type) => {
    const headers = { 'content-type': type };
    expect((await bench.ask('PATCH', system, { body: '{"AssetTag":"x"}', headers })).status).toBe(200);
    expect(bench.bmc.asset.tag).toBe('x');
  });

  it('takes no body that is packed, and says so', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const reply = await bench.ask('PATCH', system, { body: '\u001f\u008b', headers });
    expect([reply.status, reply.headers['accept-encoding']]).toEqual([415, 'identity']);
    expect(reply.body.error['@Message.ExtendedInfo'][0]).toMatchObject({
      Message: 'A body is taken as it is: Content-Encoding gzip is not supported.',
      MessageArgs: ['Content-Encoding'],
    });
    const plain = { ...headers, 'content-encoding': 'identity' };
    expect((await bench.ask('PATCH', system, { body: '{"AssetTag":"y"}', headers: plain })).status).toBe(200);
  });

  it('reads JSON of 64 levels and looks no deeper', async () => {
    const nested = (levels: number) => ({
      body: `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`,
      headers: { 'content-type': 'application/json' },
    });
    const [deep, deeper] = [
      await bench.ask('PATCH', system, nested(64)),
      await bench.ask('PATCH', system, nested(65)),
    ];
    expect([deep.status, deeper.status]).toEqual([400, 400]);
    expect(JSON.stringify(deep.body)).toContain('PropertyUnknown');
    expect(JSON.stringify(deeper.body)).toContain('nested deeper than 64 levels');
  });

  it('expands, selects, filters and pages', async () => {
    const accounts = '/redfish/v1/AccountService/Accounts';
    const whole = await bench.ask('GET', `${accounts}?$expand=.`);
    expect(whole.body.Members.map((member: { UserName: string }) => member.UserName)).toEqual([
      'admin',
      'operator',
      'reader',
    ]);
    const own = await bench.ask('GET', `${accounts}?$expand=.`, { as: 'reader' });
    expect(own.body.Members).toMatchObject([{ UserName: 'reader' }]);
    const names = await bench.ask('GET', `${accounts}?$expand=.&$select=UserName`);
    expect(Object.keys(names.body.Members[0]).filter((name) => !name.startsWith('@'))).toEqual(['UserName']);
    const some = await bench.ask('GET', `${accounts}?$filter=RoleId%20eq%20'Operator'`);
    expect(some.body).toMatchObject({
      'Members@odata.count': 1,
      Members: [{ '@odata.id': `${accounts}/3` }],
    });
    const page = await bench.ask('GET', `${accounts}?$skip=1&$top=1`);
    expect(page.body).toMatchObject({
      'Members@odata.count': 3,
      Members: [{ '@odata.id': `${accounts}/3` }],
    });
    expect((await bench.ask('GET', '/redfish/v1/Systems?only')).body['@odata.id']).toBe(system);
    expect((await bench.ask('GET', `${accounts}?$orderby=UserName`)).status).toBe(501);
    expect((await bench.ask('GET', `${accounts}?$filter=RoleId%20is%20odd`)).status).toBe(400);
  });

  it('lets users change their own password and nothing else', async () => {
    const own = '/redfish/v1/AccountService/Accounts/4';
    const done = await bench.ask('PATCH', own, { body: { Password: 'changed' }, as: 'reader' });
    expect(done.status).toBe(200);
    expect(Buffer.from(bench.bmc.users.findByName('reader')?.password ?? []).toString()).toBe('changed');
    const more = await bench.ask('PATCH', own, { body: { RoleId: 'Administrator' }, as: 'reader:changed' });
    expect(more.status).toBe(403);
    const other = await bench.ask('PATCH', '/redfish/v1/AccountService/Accounts/2', {
      body: { Password: 'mine' },
      as: 'reader:changed',
    });
    expect(other.status).toBe(403);
    expect((await bench.ask('GET', own, { as: 'reader:changed' })).body.Password).toBeNull();
  });

  it('makes, shows and removes an account that IPMI knows as well', async () => {
    const accounts = '/redfish/v1/AccountService/Accounts';
    const body = { UserName: 'eve', Password: 'secret', RoleId: 'Operator' };
    const made = await bench.ask('POST', accounts, { body });
    expect(made.status).toBe(201);
    const { location = '' } = made.headers;
    expect(bench.bmc.users.findByName('eve')).toMatchObject({ limit: 'operator', enabled: true });
    expect((await bench.ask('POST', accounts, { body })).status).toBe(409);
    expect((await bench.ask('DELETE', location)).status).toBe(204);
    expect(bench.bmc.users.findByName('eve')).toBeUndefined();
    expect((await bench.ask('GET', location)).status).toBe(404);
  });
});
