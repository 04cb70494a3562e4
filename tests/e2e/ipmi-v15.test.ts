/** IPMI 1.5 sessions with the clients that use them by default. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BmcOnLan } from '../support/bmc-on-lan.ts';

/** FreeIPMI's tools with the driver and the level that they take by themselves. */
const freeipmiOptions: readonly string[] = [];

let server: BmcOnLan;
beforeAll(async () => {
  server = await BmcOnLan.start({ ipmi15: true, freeipmiOptions });
});
afterAll(() => server.stop());

/** Where nobody will answer: ipmitool asks once, and not for long. */
const impatient = ['-N', '1', '-R', '1'];

describe('ipmitool -I lan', () => {
  test.each([
    [['mc', 'guid'], /4c1f6e0a-52f1-4b7e-9a43-0123456789ab/],
    [['chassis', 'power', 'status'], /Chassis Power is off/],
    [['user', 'list', '1'], /2 +admin +true +false +true +ADMINISTRATOR/],
    [['session', 'info', 'active'], /session type +: IPMIv1\.5/],
    [['channel', 'authcap', '1', '4'], /MD5/],
    [['-A', 'MD5', 'channel', 'info', '1'], /multi-session/],
  ])('%s', async (args, expected) => {
    const { code, output } = await server.ipmitool('-I', 'lan', ...args);
    expect(output).toMatch(expected);
    expect(code).toBe(0);
    expect(output).not.toMatch(/unknown|invalid/i);
  });

  test('switches the machine as fence_ipmilan does', async () => {
    const power = (action: string) =>
      server.ipmitool('-I', 'lan', '-L', 'ADMINISTRATOR', 'chassis', 'power', action);
    expect((await power('on')).code).toBe(0);
    await expect.poll(async () => (await power('status')).output, { timeout: 10_000 }).toContain('is on');
    expect((await power('off')).code).toBe(0);
    await expect.poll(async () => (await power('status')).output, { timeout: 10_000 }).toContain('is off');
  });

  test.each([['NONE'], ['MD2'], ['PASSWORD']])('has no authentication type %s', async (type) => {
    expect((await server.ipmitool('-I', 'lan', '-A', type, 'mc', 'guid')).code).not.toBe(0);
  });

  test('is refused with a wrong password, name or level', async () => {
    expect(
      (await server.ipmitool('-I', 'lan', ...impatient, '-U', 'nobody', '-P', 'x', 'mc', 'guid')).code,
    ).not.toBe(0);
    expect(
      (await server.ipmitool('-I', 'lan', ...impatient, '-U', 'operator', '-P', 'x', 'mc', 'guid')).code,
    ).not.toBe(0);
    expect(
      (await server.ipmitool('-I', 'lan', ...impatient, '-U', 'admin', '-P', 'wrong', 'mc', 'guid')).code,
    ).not.toBe(0);
  });

  test('carries no Serial-over-LAN', async () => {
    expect((await server.ipmitool('-I', 'lan', 'sol', 'activate')).code).not.toBe(0);
    const { output } = await server.ipmitool('-I', 'lan', 'raw', '6', '0x48', '1', '1', '0', '0', '0', '0');
    expect(output).toContain('not supported in present state');
  });
});

describe('FreeIPMI with its default driver', () => {
  test('reads the controller', async () => {
    const { code, output } = await server.freeipmi('bmc-info', '--get-device-id');
    expect(code).toBe(0);
    expect(output).toContain('Chassis Device        : supported');
  });

  test('says what is wrong', async () => {
    // It gives up after 20 s by itself.
    const info = (...login: string[]) =>
      server.freeipmi('bmc-info', ...login, '--session-timeout=3000', '--get-device-id');
    expect((await info('-u', 'nobody', '-p', 'x')).output).toContain('username invalid');
    expect((await info('-u', 'admin', '-p', 'bad')).output).toContain('password verification timeout');
  });

  test('asks for power', async () => {
    const { code, output } = await server.freeipmi('ipmipower', '--stat');
    expect(code).toBe(0);
    expect(output).toMatch(/: off/);
  });
});

test('where IPMI 1.5 is off, clients hear so', async () => {
  const strict = await BmcOnLan.start({ ipmi15: false, freeipmiOptions });
  expect((await strict.ipmitool('-I', 'lan', 'mc', 'guid')).output).toMatch(
    /Authentication type|no supported|Unable/i,
  );
  expect((await strict.freeipmi('bmc-info', '--get-device-id')).output).toMatch(/authentication type/i);
  expect((await strict.ipmitool('mc', 'guid')).code).toBe(0);
  await strict.stop();
});
