import { afterEach, describe, expect, it } from 'vitest';
import { RedfishBench, type RedfishBenchOptions } from '../../support/redfish-bench.ts';

const service = '/redfish/v1/AccountService';
const accounts = `${service}/Accounts`;
const sessions = '/redfish/v1/SessionService/Sessions';
const reader = `${accounts}/4`;

let bench: RedfishBench;
async function start(options: RedfishBenchOptions = {}) {
  bench = new RedfishBench(options);
  await bench.start();
  return bench;
}
afterEach(() => bench.stop());

const patch = (url: string, body: unknown, as = 'admin') => bench.ask('PATCH', url, { body, as });
const get = async (url: string) => (await bench.ask('GET', url)).body;
const status = async (as: string) => (await bench.ask('GET', '/redfish/v1/Systems', { as })).status;
const messageOf = (reply: { body: { error: { '@Message.ExtendedInfo': { MessageId: string }[] } } }) =>
  reply.body.error['@Message.ExtendedInfo'][0]?.MessageId.split('.').at(-1);
const policy = () => bench.bmc.lan.configuration.badPasswords;

describe('the lock-out of accounts', () => {
  it('is the bad password policy of IPMI, written and read from either side', async () => {
    await start();
    expect((await bench.ask('GET', service)).body).toMatchObject({
      AccountLockoutThreshold: 0,
      AccountLockoutDuration: null,
      AccountLockoutCounterResetAfter: 0,
      AccountLockoutCounterResetEnabled: false,
    });
    const body = {
      AccountLockoutThreshold: 3,
      AccountLockoutDuration: 60,
      AccountLockoutCounterResetAfter: 30,
    };
    const set = await patch(service, body);
    expect(set).toMatchObject({ status: 200, body: { ...body, AccountLockoutCounterResetEnabled: true } });
    expect(policy()).toEqual({ threshold: 3, event: false, forgetAfterS: 30, lockoutS: 60 });
    bench.bmc.lan.update(
      { badPasswords: { threshold: 5, event: true, forgetAfterS: 0, lockoutS: 0 } },
      { name: 'ipmi', face: 'ipmi' },
    );
    expect((await bench.ask('GET', service)).body).toMatchObject({
      AccountLockoutThreshold: 5,
      AccountLockoutDuration: null,
      AccountLockoutCounterResetEnabled: false,
    });
  });

  it.each([
    [{ AccountLockoutDuration: 65 }, 'PropertyValueIncorrect'],
    [{ AccountLockoutDuration: 0 }, 'PropertyValueOutOfRange'],
    [{ AccountLockoutThreshold: 256 }, 'PropertyValueOutOfRange'],
    [{ AccountLockoutThreshold: '3' }, 'PropertyValueTypeError'],
    [{ AccountLockoutDuration: 30, AccountLockoutCounterResetAfter: 60 }, 'PropertyValueConflict'],
    [{ AccountLockoutCounterResetEnabled: true }, 'PropertyValueConflict'],
    [{ AccountLockoutCounterResetEnabled: false, AccountLockoutDuration: 60 }, 'PropertyValueConflict'],
  ])('is not set to %j', async (body, id) => {
    await start();
    const before = policy();
    const reply = await patch(service, body);
    expect(reply.status).toBe(400);
    expect(messageOf(reply)).toBe(id);
    expect(policy()).toEqual(before);
  });

  it('locks an account that is guessed at, shows it, and is ended by an administrator', async () => {
    await start();
    await patch(service, { AccountLockoutThreshold: 2, AccountLockoutDuration: 600 });
    for (let i = 0; i < 2; i++) expect(await status('reader:wrong')).toBe(401);
    expect(await status('reader')).toBe(401);
    expect((await bench.ask('GET', reader)).body.Locked).toBe(true);
    expect((await patch(reader, { Locked: true })).status).toBe(400);
    expect((await patch(reader, { Locked: false })).body.Locked).toBe(false);
    expect(await status('reader')).toBe(200);
  });
});

describe('HTTP Basic authentication', () => {
  it('can be hidden, and switched off for all but sessions', async () => {
    await start();
    const { headers } = await bench.ask('POST', sessions, {
      body: { UserName: 'admin', Password: 'admin' },
      as: undefined,
    });
    const token = { 'x-auth-token': headers['x-auth-token'] ?? '' };
    const set = (state: string) =>
      bench.ask('PATCH', service, { body: { HTTPBasicAuth: state }, headers: token, as: undefined });
    expect((await set('Unadvertised')).body.HTTPBasicAuth).toBe('Unadvertised');
    const hidden = await bench.ask('GET', service, { as: undefined });
    expect(hidden.status).toBe(401);
    expect(hidden.headers['www-authenticate']).toBeUndefined();
    expect(await status('admin')).toBe(200);
    await set('Disabled');
    expect(await status('admin')).toBe(401);
    expect((await bench.ask('GET', service, { headers: token, as: undefined })).status).toBe(200);
    await set('Enabled');
    expect(await status('admin')).toBe(200);
    expect((await bench.ask('GET', service, { as: undefined })).headers['www-authenticate']).toContain(
      'Basic',
    );
  });
});

describe('an account', () => {
  it('is used where its types say: they are the rights that IPMI knows', async () => {
    await start();
    expect((await bench.ask('GET', reader)).body.AccountTypes).toEqual(['Redfish', 'IPMI', 'HostConsole']);
    await patch(reader, { AccountTypes: ['IPMI'] });
    expect(bench.bmc.users.get(4)).toMatchObject({ redfish: false, messaging: true, sol: false });
    expect(await status('reader')).toBe(401);
    await patch(reader, { AccountTypes: ['Redfish'] });
    expect(bench.bmc.users.get(4)).toMatchObject({ redfish: true, messaging: false, sol: false });
    expect(await status('reader')).toBe(200);
    expect((await patch(reader, { AccountTypes: ['SNMP'] })).status).toBe(400);
    expect((await patch(reader, { AccountTypes: [] })).status).toBe(400);
  });

  it('has no access with the Callback restriction of IPMI, and loses the restriction with a role', async () => {
    await start();
    bench.bmc.users.update(3, { callbackOnly: true }, { name: 'ipmi', face: 'ipmi' });
    expect((await bench.ask('GET', `${accounts}/3`)).body.RoleId).toBe('NoAccess');
    expect(await status('operator')).toBe(401);
    expect((await patch(`${accounts}/3`, { RoleId: 'Operator' })).body.RoleId).toBe('Operator');
    expect(await status('operator')).toBe(200);
  });

  it('whose password must change may do that and nothing else', async () => {
    await start();
    await patch(reader, { PasswordChangeRequired: true });
    const refused = await bench.ask('GET', '/redfish/v1/Systems', { as: 'reader' });
    expect(refused.status).toBe(403);
    expect(refused.body.error['@Message.ExtendedInfo'][0]).toMatchObject({
      MessageId: 'Base.1.22.PasswordChangeRequired',
      MessageArgs: [reader],
    });
    const login = await bench.ask('POST', sessions, {
      body: { UserName: 'reader', Password: 'reader' },
      as: undefined,
    });
    expect(login.status).toBe(201);
    expect(login.body['@Message.ExtendedInfo'][0].MessageArgs).toEqual([reader]);
    expect((await bench.ask('GET', reader, { as: 'reader' })).body.PasswordChangeRequired).toBe(true);
    expect((await bench.ask('GET', `${accounts}/2`, { as: 'reader' })).status).toBe(403);
    const expanded = await bench.ask('GET', `${reader}?$expand=*`, { as: 'reader' });
    expect(expanded.body.Links.Role).toEqual({ '@odata.id': `${service}/Roles/ReadOnly` });
    // The same password again is no other password.
    await patch(reader, { Password: 'reader' }, 'reader');
    expect(bench.bmc.users.get(4)?.passwordChangeRequired).toBe(true);
    expect((await patch(reader, { Password: 'other' }, 'reader')).status).toBe(200);
    expect(await status('reader:other')).toBe(200);
  });

  it('says until when its password is good, and takes RFC 3339 or null', async () => {
    await start();
    expect((await get(reader)).PasswordExpiration).toBeNull();
    for (const bad of ['tomorrow', '2031-05-04', '2031-13-04T00:00:00Z', '']) {
      const reply = await patch(reader, { PasswordExpiration: bad });
      expect([bad, reply.status]).toEqual([bad, 400]);
      expect(reply.text).toContain('PropertyValueFormatError');
    }
    expect((await patch(reader, { PasswordExpiration: 7 })).status).toBe(400);
    expect((await patch(reader, { PasswordExpiration: '2031-05-04T09:00:00+09:00' })).status).toBe(200);
    expect((await get(reader)).PasswordExpiration).toBe('2031-05-04T00:00:00+00:00');
    // It is not the user's own to say.
    const own = await patch(reader, { PasswordExpiration: null }, 'reader');
    expect(own.status).toBe(403);
    expect((await get(reader)).PasswordExpiration).toBe('2031-05-04T00:00:00+00:00');
    await patch(reader, { PasswordExpiration: null });
    expect(bench.bmc.users.get(4)?.passwordExpiresAt).toBeNull();
  });

  it('whose password has expired may change that and nothing else, until there is another', async () => {
    await start();
    const soon = new Date(bench.clock.wallTime() + 1000).toISOString();
    await patch(reader, { PasswordExpiration: soon });
    expect(await status('reader')).toBe(200);
    await bench.clock.advanceAsync(1000);
    const refused = await bench.ask('GET', '/redfish/v1/Systems', { as: 'reader' });
    expect(refused.text).toContain('PasswordChangeRequired');
    const good = await patch(reader, { PasswordChangeRequired: false });
    expect(good.status).toBe(400);
    expect(good.text).toContain('PropertyValueConflict');
    expect((await patch(reader, { Password: 'other' }, 'reader')).status).toBe(200);
    expect(await get(reader)).toMatchObject({ PasswordChangeRequired: false, PasswordExpiration: null });
    expect(await status('reader:other')).toBe(200);
  });

  it('gets the time that the policy gives to new passwords, or its own', async () => {
    await start();
    expect((await get(service)).PasswordExpirationDays).toBeNull();
    for (const bad of [0, 3651, 1.5, '90']) {
      expect((await patch(service, { PasswordExpirationDays: bad })).status).toBe(400);
    }
    await patch(service, { PasswordExpirationDays: 90 });
    expect((await get(service)).PasswordExpirationDays).toBe(90);
    const made = await bench.ask('POST', accounts, {
      body: { UserName: 'new', Password: 'new', RoleId: 'ReadOnly' },
    });
    const days = (body: { PasswordExpiration: string }) =>
      (Date.parse(body.PasswordExpiration) - bench.clock.wallTime()) / 86_400_000;
    expect(days(made.body)).toBeCloseTo(90, 3);
    const own = { UserName: 'own', Password: 'own', RoleId: 'ReadOnly', PasswordExpiration: null };
    expect((await bench.ask('POST', accounts, { body: own })).body.PasswordExpiration).toBeNull();
    expect((await get(reader)).PasswordExpiration).toBeNull();
    await patch(reader, { Password: 'other' });
    expect(days(await get(reader))).toBeCloseTo(90, 3);
    await patch(service, { PasswordExpirationDays: null });
    expect((await get(service)).PasswordExpirationDays).toBeNull();
  });

  it('that must change its password is not open to more than that by its role', async () => {
    await start();
    await patch(`${accounts}/2`, { PasswordChangeRequired: true });
    expect((await patch(`${accounts}/2`, { PasswordChangeRequired: false })).status).toBe(403);
    expect((await patch(reader, { Password: 'mine' })).status).toBe(403);
    expect((await patch(`${accounts}/2`, { Password: 'new' })).status).toBe(200);
    expect(await status('admin:new')).toBe(200);
  });

  it.each([
    ['a blank', { UserName: 'two words' }, 400, 'PropertyValueFormatError'],
    ['a letter beyond ASCII', { UserName: 'jürgen' }, 400, 'PropertyValueFormatError'],
    ['17 characters', { UserName: 'a'.repeat(17) }, 400, 'StringValueTooLong'],
    ['nothing', { UserName: '' }, 400, 'StringValueTooShort'],
    ['somebody else’s name', { UserName: 'admin' }, 409, 'ResourceAlreadyExists'],
    ['an empty password', { Password: '' }, 400, 'PasswordIncorrectLength'],
    ['21 bytes', { Password: 'ü'.repeat(11) }, 400, 'PasswordIncorrectLength'],
    ['a NUL', { Password: 'a\0b' }, 400, 'PropertyValueError'],
    ['half a character', { Password: '\ud800' }, 400, 'UnrecognizedRequestBody'],
  ])('takes no name or password of %s', async (_, change, expected, id) => {
    await start();
    const before = JSON.stringify(bench.bmc.users.list());
    const patched = await patch(reader, change);
    expect([patched.status, messageOf(patched)]).toEqual([expected, id]);
    const body = { UserName: 'eve', Password: 'secret', RoleId: 'ReadOnly', ...change };
    const posted = await bench.ask('POST', accounts, { body });
    expect([posted.status, messageOf(posted)]).toEqual([expected, id]);
    expect(JSON.stringify(bench.bmc.users.list())).toBe(before);
  });

  it.each(['!"#$%&\'()*+,-./0', '..', 'a/b', '%41'])('may be called %s, and logs in', async (name) => {
    await start();
    const body = { UserName: name, Password: 'secret', RoleId: 'ReadOnly' };
    expect((await bench.ask('POST', accounts, { body })).status).toBe(201);
    const login = await bench.ask('POST', sessions, {
      body: { UserName: name, Password: 'secret' },
      as: undefined,
    });
    expect(login.status).toBe(201);
  });

  it('has no colon in its name, which would end it in Basic authentication', async () => {
    await start();
    const made = { UserName: 'a:b', Password: 'password', RoleId: 'Operator' };
    for (const reply of [
      await bench.ask('POST', accounts, { body: made }),
      await patch(reader, { UserName: 'a:b' }),
    ]) {
      expect([reply.status, messageOf(reply)]).toEqual([400, 'PropertyValueFormatError']);
      expect(reply.text).toContain('no colon');
    }
    expect(bench.bmc.users.findByName('a:b')).toBeUndefined();
  });

  it('is shown whole, with its type, to who makes it', async () => {
    await start();
    const body = { UserName: 'eve', Password: 'secret', RoleId: 'ReadOnly', AccountTypes: ['Redfish'] };
    const made = await bench.ask('POST', accounts, { body });
    const read = await bench.ask('GET', made.headers.location ?? '');
    const { '@odata.etag': _, ...shown } = read.body;
    expect(made.body).toEqual(shown);
  });

  it('of the last administrator can be neither removed, disabled nor lowered', async () => {
    await start();
    for (const change of [{ Enabled: false }, { RoleId: 'Operator' }, { AccountTypes: ['IPMI'] }]) {
      const reply = await patch(`${accounts}/2`, change);
      expect([reply.status, messageOf(reply)]).toEqual([409, 'ResourceInUse']);
    }
    expect((await bench.ask('DELETE', `${accounts}/2`)).status).toBe(409);
    await patch(`${accounts}/3`, { RoleId: 'Administrator' });
    expect((await bench.ask('DELETE', `${accounts}/2`)).status).toBe(204);
    expect(await status('admin')).toBe(401);
  });
});

describe('a minimum length of passwords', () => {
  it('is told, and holds for every face', async () => {
    await start({ minPasswordBytes: 12 });
    expect((await bench.ask('GET', service)).body.MinPasswordLength).toBe(12);
    const short = await patch(reader, { Password: 'eleven-long' });
    expect([short.status, messageOf(short)]).toEqual([400, 'PasswordIncorrectLength']);
    expect(() =>
      bench.bmc.users.update(4, { password: Buffer.from('short') }, { name: 'ipmi', face: 'ipmi' }),
    ).toThrow('12 to 20 bytes');
    expect((await patch(reader, { Password: 'twelve-chars' })).status).toBe(200);
  });
});
