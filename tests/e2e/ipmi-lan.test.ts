/** The IPMI LAN face with real clients, ipmitool and FreeIPMI, against a machine in memory. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BmcOnLan, type BmcOnLanOptions, identity, users } from '../support/bmc-on-lan.ts';
import { hasIpv6Loopback, run, withoutIpv6 } from '../support/processes.ts';
import { installed } from '../support/real-clients.ts';

/** FreeIPMI asks for the level that each tool takes by itself. */
const startLan = (options: BmcOnLanOptions = {}) =>
  BmcOnLan.start({
    users: [...users, { name: 'reader', password: 'reader', limit: 'user' }],
    freeipmiOptions: ['-D', 'LAN_2_0'],
    ...options,
  });

let bmc: BmcOnLan;
beforeAll(async () => {
  bmc = await startLan();
});
afterAll(() => bmc?.stop());

describe.each(['3', '17'])('ipmitool with cipher suite %s', (suite) => {
  test('shows the controller', async () => {
    const { code, output } = await bmc.ipmitool('-C', suite, 'mc', 'info');
    expect(code).toBe(0);
    expect(output).toMatch(/Firmware Revision +: 1\.02/);
    expect(output).toMatch(/IPMI Version +: 2\.0/);
    expect(output).toMatch(/Manufacturer Name +: Unspecified/);
  });

  test('shows the GUID as the guest sees it', async () => {
    const { output } = await bmc.ipmitool('-C', suite, 'mc', 'guid');
    expect(output).toContain(identity.uuid);
  });

  test('passes the self test', async () => {
    expect(await bmc.ipmitool('-C', suite, 'mc', 'selftest')).toMatchObject({
      code: 0,
      output: 'Selftest: passed\n',
    });
  });
});

test('FreeIPMI shows the bytes of the GUID backwards', async () => {
  for (const option of ['--get-device-guid', '--get-system-guid']) {
    const { code, output } = await bmc.freeipmi('bmc-info', option);
    expect({ code, output }).toEqual({ code: 0, output: 'ab896745-2301-439a-4b7e-52f14c1f6e0a\n' });
  }
});

describe('ipmitool', () => {
  test('finds the cipher suites by itself and lists them', async () => {
    const { output } = await bmc.ipmitool('channel', 'getciphers', 'ipmi', '1');
    expect(output).toMatch(/17 +N\/A +hmac_sha256 +sha256_128 +aes_cbc_128/);
    expect(output).toMatch(/3 +N\/A +hmac_sha1 +hmac_sha1_96 +aes_cbc_128/);
    expect(output.trim().split('\n')).toHaveLength(3);
  });

  test('shows channel, sessions and users without a word of doubt', async () => {
    const channel = await bmc.ipmitool('channel', 'info', '1');
    expect(channel.output).toContain('Session Support       : multi-session');
    const sessions = await bmc.ipmitool('session', 'info', 'active');
    expect(sessions.output).toMatch(/privilege level +: ADMINISTRATOR/);
    expect(sessions.output).toMatch(/console ip +: 127\.0\.0\.1/);
    expect((await bmc.ipmitool('session', 'info', 'all')).code).toBe(0);
    const list = await bmc.ipmitool('user', 'list', '1');
    expect(list.output).toMatch(/2 +admin +true +false +true +ADMINISTRATOR/);
    expect(list.output).toMatch(/3 +operator +true +false +true +OPERATOR/);
    for (const { code, output } of [channel, sessions, list]) {
      expect(code).toBe(0);
      expect(output).not.toMatch(/unknown|invalid/i);
    }
  });

  test.each([
    ['a wrong password', ['-P', 'wrong'], 'RAKP 2 HMAC is invalid'],
    ['an unknown user', ['-U', 'nobody'], 'unauthorized name'],
    ['a level above the user', ['-U', 'reader', '-P', 'reader'], 'invalid role'],
    ['cipher suite 0', ['-C', '0'], 'invalid authentication algorithm'],
    ['a suite that is not on offer', ['-C', '2'], 'no matching cipher suite'],
  ])('is refused with %s', async (_what, args, words) => {
    const { code, output } = await bmc.ipmitool(...args, '-v', 'mc', 'info');
    expect(code).not.toBe(0);
    expect(output).toContain(words);
  });

  test('works at the levels that users have, and no higher', async () => {
    const reader = ['-U', 'reader', '-P', 'reader', '-L', 'USER'];
    expect((await bmc.ipmitool(...reader, 'mc', 'guid')).code).toBe(0);
    expect((await bmc.ipmitool(...reader, 'user', 'list', '1')).output).toContain(
      'Insufficient privilege level',
    );
    const operator = ['-U', 'operator', '-P', '20-byte-password-xyz', '-L', 'OPERATOR'];
    expect((await bmc.ipmitool(...operator, 'user', 'list', '1')).code).toBe(0);
  });

  test('hears promptly what is not there', async () => {
    expect((await bmc.ipmitool('raw', '0x06', '0xee')).output).toContain('Invalid command');
    expect((await bmc.ipmitool('raw', '0x2c', '0x3e', '0')).output).toContain('Invalid command');
    expect((await bmc.ipmitool('raw', '0x06', '0x01', '1')).output).toContain('Request data length invalid');
  });
});

describe('FreeIPMI', () => {
  const login = ['-u', 'admin', '-p', 'password'];

  test.each(['3', '17'])('bmc-info with cipher suite %s', async (suite) => {
    const { code, output } = await bmc.freeipmi('bmc-info', ...login, '-I', suite, '--get-device-id');
    expect(code).toBe(0);
    expect(output).toContain('Chassis Device        : supported');
  });

  test('says which of name, password and key is wrong', async () => {
    const info = (...args: string[]) => bmc.freeipmi('bmc-info', ...args, '--get-device-id');
    expect((await info('-u', 'nobody', '-p', 'x')).output).toContain('username invalid');
    expect((await info('-u', 'admin', '-p', 'x')).output).toContain('password invalid');
  });

  test('works as MAAS calls it, as Operator', async () => {
    const operator = ['-u', 'operator', '-p', '20-byte-password-xyz', '-l', 'OPERATOR', '-W', 'opensesspriv'];
    expect((await bmc.freeipmi('bmc-info', ...operator, '--get-device-id')).code).toBe(0);
  });
});

test('two-key login needs the key', async () => {
  const kg = await startLan({ kg: Buffer.from('bmc-key') });
  expect((await kg.ipmitool('-k', 'bmc-key', 'mc', 'selftest')).code).toBe(0);
  expect((await kg.ipmitool('-v', '-k', 'other', 'mc', 'selftest')).output).toContain('RAKP 4');
  const login = ['-u', 'admin', '-p', 'password', '--get-device-id'];
  expect((await kg.freeipmi('bmc-info', ...login, '-k', 'bmc-key')).code).toBe(0);
  expect((await kg.freeipmi('bmc-info', ...login, '-k', 'other')).output).toContain('k_g invalid');
  await kg.stop();
});

test.each(['1', '2', '6', '7', '8', '11', '12', '15', '16'])(
  'suite %s works when configured',
  async (suite) => {
    const other = await startLan({ cipherSuites: [Number(suite)] });
    const login = ['-u', 'admin', '-p', 'password', '--get-device-id', '-I', suite];
    expect((await other.freeipmi('bmc-info', ...login)).code).toBe(0);
    // ipmitool 1.8.19 has no MD5-128.
    if (suite !== '11' && suite !== '12') {
      expect((await other.ipmitool('-C', suite, 'mc', 'selftest')).code).toBe(0);
    }
    await other.stop();
  },
);

describe.skipIf(!hasIpv6Loopback)(`IPv6 works too${withoutIpv6}`, () => {
  let six: BmcOnLan;
  beforeAll(async () => {
    six = await startLan({ address: '::1', ipmi15: true, powerOn: true });
  });
  afterAll(() => six?.stop());

  test.each([
    [['mc', 'selftest'], /passed/],
    [['-C', '3', 'mc', 'guid'], new RegExp(identity.uuid)],
    [['-I', 'lan', 'mc', 'info'], /IPMI Version +: 2\.0/],
    [['chassis', 'power', 'status'], /Power is on/],
    [['chassis', 'power', 'reset'], /Reset/],
    [['user', 'list', '1'], /2 +admin/],
    [['sel', 'elist'], /\|/],
    [['sol', 'looptest', '2', '1'], /SOL Session operational/],
    [
      ['lan6', 'print', '1'],
      /Addressing Enables: ipv6\n[\s\S]*Address 0:\n +Enabled: +yes\n +Address: +::1\/128/,
    ],
  ])('for ipmitool %s', async (args, shows) => {
    const { code, output } = await six.ipmitool(...args);
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringMatching(shows) });
  });

  test.each([
    ['bmc-info', ['--get-device-id'], /Device ID/],
    ['bmc-info', ['-D', 'LAN', '--get-device-id'], /Device ID/],
    ['ipmipower', ['--stat'], /: on/],
    ['ipmi-sel', ['--info'], /SEL version/],
    ['ipmi-chassis', ['--get-chassis-status'], /System Power +: on/],
  ])('for FreeIPMI’s %s %s', async (tool, args, shows) => {
    const { code, output } = await six.freeipmi(tool, '-u', 'admin', '-p', 'password', ...args);
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringMatching(shows) });
  });

  test.skipIf(!installed('pyghmiutil'))('for pyghmi (where Debian’s python3-pyghmi is)', async () => {
    const script =
      'import sys\nfrom pyghmi.ipmi import command\n' +
      "bmc = command.Command(bmc='::1', userid='admin', password='password', port=int(sys.argv[1]))\n" +
      "print(bmc.get_power()['powerstate'])\n";
    const { stdout, stderr } = await run('/usr/bin/python3', ['-c', script, `${six.lan.address.port}`]);
    expect({ stdout, stderr }).toMatchObject({ stdout: 'on\n' });
  });

  test.skipIf(!installed('fence_ipmilan'))('for fence_ipmilan (where Debian’s fence-agents is)', async () => {
    const login = ['-a', '::1', `--ipport=${six.lan.address.port}`, '-l', 'admin', '-p', 'password'];
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
    for (const face of [[], ['-P']]) {
      const { stdout } = await run('fence_ipmilan', [...login, ...face, '-o', 'status'], { env });
      expect(stdout).toContain('Status: ON');
    }
  });
});

test('a port in use is refused with the cure', async () => {
  const { port } = bmc.lan.address;
  const why = `IPMI cannot listen on UDP 127.0.0.1 port ${port}: another program has that port`;
  await expect(startLan({ port })).rejects.toThrow(why);
});
