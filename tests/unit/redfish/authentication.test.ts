/** What a request may say of who sends it. DSP0266 §13.3, RFC 7617. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RedfishBench } from '../../support/redfish-bench.ts';

let bench: RedfishBench;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
});
afterEach(() => bench.stop());

const uri = '/redfish/v1/Systems/1';
const asks = async (headers: Record<string, string | string[]>) =>
  (await bench.ask('GET', uri, { as: undefined, headers: headers as Record<string, string> })).status;
const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');

it.each([
  ['the usual way', `Basic ${base64('admin:admin')}`],
  ['in other letters, with more blanks', ` bASIC   ${base64('admin:admin')} `],
])('a name and password are taken: %s', async (_, authorization) => {
  expect(await asks({ authorization })).toBe(200);
});

it('a password may hold colons and what is not ASCII', async () => {
  const password = 'ä:b:c';
  expect(
    (await bench.ask('PATCH', '/redfish/v1/AccountService/Accounts/2', { body: { Password: password } }))
      .status,
  ).toBeLessThan(300);
  expect(await asks({ authorization: `Basic ${base64(`admin:${password}`)}` })).toBe(200);
  expect(await asks({ authorization: `Basic ${base64('admin:ä')}` })).toBe(401);
});

it.each([
  ['another scheme', 'Bearer abc'],
  ['no word', ''],
  ['the scheme alone', 'Basic'],
  ['what is no base64', 'Basic admin:admin'],
  ['two words', `Basic ${base64('admin:admin')} x`],
  ['no colon', `Basic ${base64('admin')}`],
  ['what is no UTF-8', `Basic ${Buffer.from('61646d696e3aff', 'hex').toString('base64')}`],
])('an Authorization header with %s is refused, and no guess', async (_, authorization) => {
  for (let tries = 0; tries < 20; tries++) expect(await asks({ authorization })).toBe(401);
  expect(await asks({ authorization: `Basic ${base64('admin:admin')}` })).toBe(200);
});

it('a token counts before a password: a wrong one, or two, is refused beside a right password', async () => {
  const authorization = `Basic ${base64('admin:admin')}`;
  expect(await asks({ authorization, 'x-auth-token': 'wrong' })).toBe(401);
  const admin = bench.bmc.users.get(2);
  if (!admin) throw new Error('no administrator');
  const { token } = bench.sessions.open(admin, '192.0.2.9');
  expect(await asks({ 'x-auth-token': token })).toBe(200);
  expect(await asks({ authorization: 'Basic wrong', 'x-auth-token': token })).toBe(200);
  expect(await asks({ authorization, 'x-auth-token': [token, token] })).toBe(401);
});

it('a cookie is nothing', async () => {
  const admin = bench.bmc.users.get(2);
  if (!admin) throw new Error('no administrator');
  const { token } = bench.sessions.open(admin, '192.0.2.9');
  expect(await asks({ cookie: `X-Auth-Token=${token}; __Host-token=${token}` })).toBe(401);
});

it('who guesses is told how long to wait, and the right password waits as well', async () => {
  const wrong = { as: 'admin:wrong' };
  let reply = await bench.ask('GET', uri, wrong);
  for (let tries = 0; tries < 20 && !reply.headers['retry-after']; tries++)
    reply = await bench.ask('GET', uri, wrong);
  expect(reply.status).toBe(401);
  const waitS = Number(reply.headers['retry-after']);
  expect(waitS).toBeGreaterThan(0);
  expect(await asks({ authorization: `Basic ${base64('admin:admin')}` })).toBe(401);
  await bench.clock.advanceAsync(waitS * 1000);
  expect(await asks({ authorization: `Basic ${base64('admin:admin')}` })).toBe(200);
});
