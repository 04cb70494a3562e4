/** The LAN channel's settings with ipmitool and FreeIPMI's ipmi-config. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BmcOnLan } from '../support/bmc-on-lan.ts';

let server: BmcOnLan;
let folder = '';
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lan-config-'));
  // FreeIPMI's tools take IPMI 1.5 and a level by themselves.
  server = await BmcOnLan.start({ ipmi15: true, freeipmiOptions: [] });
});
afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('ipmitool', () => {
  test.each(['lan', 'lanplus'])('prints all of the LAN settings over %s', async (driver) => {
    const { code, output } = await server.ipmitool('-I', driver, 'lan', 'print', '1');
    expect(code).toBe(0);
    for (const line of [
      /^Set in Progress +: Set Complete$/m,
      /^Auth Type Support +: MD5/m,
      /: Admin +: MD5/,
      /^IP Address Source +: Static Address$/m,
      /^IP Address +: 127\.0\.0\.1$/m,
      /^Subnet Mask +: 255\.0\.0\.0$/m,
      /^MAC Address +: 00:00:00:00:00:00$/m,
      /^SNMP Community String +: public$/m,
      /^IP Header +: TTL=0x40 Flags=0x40/m,
      /^BMC ARP Control +: ARP Responses Enabled, Gratuitous ARP Disabled$/m,
      /^Default Gateway IP +: 0\.0\.0\.0$/m,
      /^802\.1q VLAN ID +: Disabled$/m,
      /^RMCP\+ Cipher Suites +: 17,3$/m,
      /^Cipher Suite Priv Max +: XXXaXXXXXXXXXXX$/m,
      /^Bad Password Threshold +: 0$/m,
    ]) {
      expect(output).toMatch(line);
    }
    expect(output).not.toMatch(/unknown|invalid parameter|error|failed/i);
  });

  test('prints IPv6 settings and comes to an end', async () => {
    const { code, output } = await server.ipmitool('lan6', 'print', '1');
    expect(code).toBe(0);
    expect(output).toContain('IPv6/IPv4 Addressing Enables: ipv4');
    expect(output).toContain('IPv6 Static Router 1');
  });

  test('limits a cipher suite, which then goes no higher', async () => {
    expect((await server.ipmitool('lan', 'set', '1', 'cipher_privs', 'XXXoXXXXXXXXXXX')).code).toBe(0);
    expect((await server.ipmitool('lan', 'print', '1')).output).toContain('XXXoXXXXXXXXXXX');
    expect((await server.ipmitool('-C', '3', '-v', 'mc', 'guid')).output).toContain('unauthorized role');
    expect((await server.ipmitool('-C', '3', '-L', 'OPERATOR', 'mc', 'guid')).code).toBe(0);
    expect((await server.ipmitool('-C', '17', 'mc', 'guid')).code).toBe(0);
    expect((await server.ipmitool('lan', 'set', '1', 'cipher_privs', 'XXXXXXXXXXXXXXX')).code).toBe(0);
    const { output } = await server.ipmitool('channel', 'getciphers', 'ipmi', '1');
    expect(output).toMatch(/17 /);
    expect(output).not.toMatch(/^ *3 /m);
  });

  test('sets what is its own and hears that the address is not', async () => {
    expect((await server.ipmitool('lan', 'set', '1', 'snmp', 'private')).code).toBe(0);
    expect((await server.ipmitool('lan', 'print', '1')).output).toMatch(/Community String +: private/);
    const { code, output } = await server.ipmitool('raw', '0xc', '1', '1', '3', '192', '0', '2', '99');
    expect(code).not.toBe(0);
    expect(output).toContain('rsp=0x82');
  });

  test('sets an alert destination', async () => {
    expect((await server.ipmitool('lan', 'alert', 'set', '1', '2', 'ipaddr', '198.51.100.7')).code).toBe(0);
    expect((await server.ipmitool('lan', 'alert', 'set', '1', '2', 'retry', '3')).code).toBe(0);
    expect((await server.ipmitool('lan', 'alert', 'print', '1', '2')).output).toMatch(
      /Alert IP Address +: 198\.51\.100\.7/,
    );
    expect(server.bmc.lan.destinations[2]).toMatchObject({ address: '198.51.100.7', retries: 3 });
  });

  test('clears the statistics', async () => {
    // ipmitool 1.8.19 shows the numbers with their bytes swapped; FreeIPMI reads them as the specification has them.
    const received = async () => {
      const { output } = await server.freeipmi('bmc-device', '--get-lan-statistics');
      return Number(/IP Packets Received +: (\d+)/.exec(output)?.[1]);
    };
    await server.ipmitool('lan', 'print', '1');
    const before = await received();
    expect((await server.ipmitool('lan', 'stats', 'clear', '1')).code).toBe(0);
    expect(await received()).toBeLessThan(before - 20);
  });

  test('sets the BMC key', async () => {
    const key = [...Buffer.from('my-key'), ...Buffer.alloc(14)].map(String);
    expect((await server.ipmitool('raw', '6', '0x56', '1', '1', '1', ...key)).code).toBe(0);
    expect((await server.ipmitool('mc', 'guid')).code).not.toBe(0);
    expect((await server.ipmitool('-k', 'my-key', 'mc', 'guid')).code).toBe(0);
  });
});

describe('ipmi-config', () => {
  const config = (...args: string[]) => server.freeipmi('ipmi-config', '--category=core', ...args);

  test.each([[[]], [['-D', 'LAN_2_0']]])('checks out, finds no difference and commits %s', async (driver) => {
    const started = performance.now();
    const { output } = await config(...driver, '--checkout');
    expect(performance.now() - started).toBeLessThan(60_000);
    for (const line of [
      /Section User2[\s\S]*Username +admin[\s\S]*Enable_User +Yes[\s\S]*Lan_Privilege_Limit +Administrator/,
      /Section Lan_Channel[\s\S]*Volatile_Access_Mode +Always_Available/,
      /Section Lan_Conf[\s\S]*IP_Address +127\.0\.0\.1/,
      /Section Lan_Conf_Auth[\s\S]*Admin_Enable_Auth_Type_MD5 +Yes/,
      /Section Lan_Conf_Security_Keys[\s\S]*K_G +0x0{40}/,
      /Maximum_Privilege_Cipher_Suite_Id_3 +Administrator/,
      /Section Lan_Conf_Misc[\s\S]*Enable_ARP_Response +Yes/,
      /Section SOL_Conf[\s\S]*Enable_SOL +Yes/,
    ]) {
      expect(output).toMatch(line);
    }
    const file = join(folder, 'core.conf');
    writeFileSync(file, output);
    expect(await config(...driver, '--diff', `--filename=${file}`)).toMatchObject({ code: 0, output: '' });
    const before = server.bmc.events.list().length;
    expect(await config(...driver, '--commit', `--filename=${file}`)).toMatchObject({ code: 0, output: '' });
    expect(
      server.bmc.events
        .list()
        .slice(before)
        .map(({ kind }) => kind),
    ).not.toContain('user-changed');
  });

  test('commits a new user, who logs in', async () => {
    const file = join(folder, 'user.conf');
    writeFileSync(
      file,
      [
        'Section User6',
        '  Username carol',
        '  Enable_User Yes',
        '  Password20 carols-20-byte-secre',
        '  Lan_Enable_IPMI_Msgs Yes',
        '  Lan_Privilege_Limit Operator',
        '  SOL_Payload_Access Yes',
        'EndSection',
        '',
      ].join('\n'),
    );
    expect(await config('--commit', `--filename=${file}`)).toMatchObject({ code: 0, output: '' });
    expect(readFileSync(file, 'utf8')).toContain('carol');
    const login = ['-U', 'carol', '-P', 'carols-20-byte-secre', '-L', 'OPERATOR'];
    expect((await server.ipmitool(...login, 'mc', 'guid')).code).toBe(0);
    expect(server.bmc.users.get(6)).toMatchObject({ name: 'carol', sol: true, limit: 'operator' });
  });
});
