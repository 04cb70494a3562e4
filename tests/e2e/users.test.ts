/** Users and channel settings as ipmitool changes them. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileStore } from '../../src/store/file-store.ts';
import { BmcOnLan } from '../support/bmc-on-lan.ts';

let folder = '';
let server: BmcOnLan;
const open = () =>
  fileStore(folder, ({ reason }) => {
    throw new Error(reason);
  });
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'users-e2e-'));
  server = await BmcOnLan.start({ ipmi15: true, store: open() });
});
afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function ok(...args: string[]): Promise<string> {
  const { code, output } = await server.ipmitool(...args);
  expect([args.join(' '), code, output]).toEqual([args.join(' '), 0, output]);
  return output;
}
const as = (name: string, password: string) => ['-U', name, '-P', password, '-L', 'OPERATOR'];

async function makeBob(password: string, ...size: string[]): Promise<void> {
  await ok('user', 'set', 'name', '5', 'bob');
  await ok('user', 'set', 'password', '5', password, ...size);
  await ok('user', 'priv', '5', '3', '1');
  await ok('user', 'enable', '5');
}

test('a user made with ipmitool logs in over both protocols, and is in the list', async () => {
  await makeBob('secret');
  for (const driver of ['lan', 'lanplus']) {
    expect((await server.ipmitool('-I', driver, ...as('bob', 'secret'), 'mc', 'guid')).code).toBe(0);
  }
  expect(await ok('user', 'list', '1')).toMatch(/5 +bob +true +false +true +OPERATOR/);
  expect(await ok('user', 'summary', '1')).toMatch(/Enabled User Count +: 3/);
  expect(await ok('user', 'test', '5', '16', 'secret')).toContain('Success');
  expect((await server.ipmitool('user', 'test', '5', '16', 'wrong')).output).toContain('incorrect');
  expect((await server.ipmitool('user', 'test', '5', '20', 'secret')).output).toContain(
    'wrong password size',
  );
});

test('a password of 20 bytes works over lanplus alone', async () => {
  await makeBob('a-password-of-20-byt', '20');
  const login = as('bob', 'a-password-of-20-byt');
  expect((await server.ipmitool(...login, 'mc', 'guid')).code).toBe(0);
  expect((await server.ipmitool('-I', 'lan', ...login, 'mc', 'guid')).code).not.toBe(0);
  expect(await ok('user', 'test', '5', '20', 'a-password-of-20-byt')).toContain('Success');
});

test('disabling ends the live session within a second, and no new one begins', async () => {
  await makeBob('secret');
  const { address, port } = server.lan.address;
  const where = ['-I', 'lanplus', '-H', address, '-p', `${port}`];
  const shell = spawn('ipmitool', [...where, ...as('bob', 'secret'), 'shell']);
  const live = () => server.lan.sessions().some(({ userId }) => userId === 5);
  try {
    shell.stdin.write('mc guid\n');
    await expect.poll(live, { timeout: 5000 }).toBe(true);
    await ok('user', 'disable', '5');
    await expect.poll(live, { timeout: 1000 }).toBe(false);
    const { output } = await server.ipmitool(...as('bob', 'secret'), '-v', 'mc', 'guid');
    expect(output).toContain('unauthorized name');
  } finally {
    shell.kill('SIGKILL');
  }
});

test('one who changes the own password goes on and then uses the new one', async () => {
  await ok('user', 'set', 'password', '2', 'another-one');
  expect((await server.ipmitool('mc', 'guid')).code).not.toBe(0);
  expect((await server.ipmitool('-U', 'admin', '-P', 'another-one', 'mc', 'guid')).code).toBe(0);
});

test('what was acknowledged is there after a BMC that was never stopped', async () => {
  await makeBob('secret');
  await ok('channel', 'setaccess', '1', '5', 'callin=off', 'ipmi=on', 'link=on', 'privilege=4');
  await ok('user', 'set', 'password', '3', 'changed');
  const next = await BmcOnLan.start({ ipmi15: true, store: open() });
  expect((await next.ipmitool('-U', 'bob', '-P', 'secret', 'user', 'list', '1')).output).toMatch(
    /5 +bob +true +true +true +ADMINISTRATOR/,
  );
  expect((await next.ipmitool(...as('operator', '20-byte-password-xyz'), 'mc', 'guid')).code).not.toBe(0);
  expect((await next.ipmitool(...as('operator', 'changed'), 'mc', 'guid')).code).toBe(0);
  await next.stop();
});

test('a deleted user is gone', async () => {
  await makeBob('secret');
  await ok('user', 'set', 'name', '5', '');
  expect((await server.ipmitool(...as('bob', 'secret'), 'mc', 'guid')).code).not.toBe(0);
  expect((await server.ipmitool('user', 'set', 'name', '6', 'admin')).code).not.toBe(0);
});

test('SOL is allowed and forbidden by user', async () => {
  expect(await ok('sol', 'payload', 'status', '1', '3')).toContain('enabled');
  await ok('sol', 'payload', 'disable', '1', '3');
  expect(await ok('sol', 'payload', 'status', '1', '3')).toContain('disabled');
});
