/**
 * A BMC that is reached at several addresses, and one whose interface clients change: with real clients across a wire
 * between two network namespaces.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasNamespaces, withoutNamespaces } from '../support/network-namespace.ts';
import { until } from '../support/processes.ts';
import { installed } from '../support/real-clients.ts';
import { pongFrom, WiredBmc } from '../support/wired-bmc.ts';

const client4 = '198.51.100.1';
const client6 = '2001:db8::1';
const trapPort = 1162;
const clients = [`${client4}/24`, `${client6}/64`];

const withoutClient = (program: string, debianPackage: string) =>
  installed(program) ? '' : ` (skipped: no ${program}, Debian package ${debianPackage})`;

describe.skipIf(!hasNamespaces)(`a BMC on all addresses${withoutNamespaces}`, () => {
  let bmc: WiredBmc;
  let linkLocal = '';
  beforeAll(async () => {
    bmc = await WiredBmc.make(
      {
        bmc: ['198.51.100.10/24', '198.51.100.11/24', '2001:db8::10/64', '2001:db8::11/64'],
        client: clients,
      },
      { BMC_ADDR: '::', IPMI_TRAP_PORT: `${trapPort}` },
    );
    await bmc.wire.bmc.ip('route', 'add', 'default', 'via', client4);
    await bmc.start();
    const told = await bmc.wire.bmc.ip('-6', '-o', 'address', 'show', 'dev', 'eth0', 'scope', 'link');
    linkLocal = `${/inet6 ([^/]+)/.exec(told)?.[1]}%wire0`;
  });
  afterAll(() => bmc?.remove());

  test.each([
    [client4, '198.51.100.10'],
    [client4, '198.51.100.11'],
    [client6, '2001:db8::10'],
    [client6, '2001:db8::11'],
  ])('answers %s from %s, when asked there', async (from, to) => {
    expect(await pongFrom(bmc, from, to)).toBe(to);
  });

  test.each([
    [client4, '198.51.100.255', '198.51.100.10'],
    [client4, '255.255.255.255', '198.51.100.10'],
    [client6, 'ff02::1%wire0', '2001:db8::1'],
  ])('answers %s, who asks %s, from the address on the same subnet', async (from, to, expected) => {
    expect((await pongFrom(bmc, from, to)).startsWith(expected)).toBe(true);
  });

  test('hears a group’s question from another subnet and leaves it', async () => {
    await bmc.wire.client.ip('address', 'add', '203.0.113.7/24', 'dev', 'wire0');
    expect(await pongFrom(bmc, '203.0.113.7', '255.255.255.255')).toBe('');
    await bmc.wire.client.ip('address', 'delete', '203.0.113.7/24', 'dev', 'wire0');
  });

  test('is there on a new address within seconds, and gone from one that went', async () => {
    await bmc.wire.bmc.ip('address', 'add', '198.51.100.12/24', 'dev', 'eth0');
    await until('it answers', async () => (await pongFrom(bmc, client4, '198.51.100.12')) !== '', 10_000);
    await bmc.wire.bmc.ip('address', 'delete', '198.51.100.12/24', 'dev', 'eth0');
    await bmc.wire.bmc.ip('address', 'add', '198.51.100.12/24', 'dev', 'eth0');
    await until(
      'it answers again',
      async () => (await pongFrom(bmc, client4, '198.51.100.12')) !== '',
      10_000,
    );
    await bmc.wire.bmc.ip('address', 'delete', '198.51.100.12/24', 'dev', 'eth0');
    expect(await pongFrom(bmc, client4, '198.51.100.11')).toBe('198.51.100.11');
  });

  const hosts = () => ['198.51.100.10', '198.51.100.11', '2001:db8::10', '2001:db8::11', linkLocal];

  test('serves ipmitool and FreeIPMI on each of them', async () => {
    for (const host of hosts()) {
      const guid = await bmc.ipmi(host, 'mc', 'guid');
      const info = await bmc.freeipmi(host, 'bmc-info', '--get-device-guid');
      expect({ host, code: info.code }).toEqual({ host, code: 0 });
      expect(guid).toContain('System GUID');
    }
  });

  test.each([
    [['mc', 'info'], /IPMI Version +: 2\.0/],
    [['chassis', 'power', 'status'], /Chassis Power is on/],
    [['user', 'list', '1'], /2 +admin/],
    [['sel', 'list'], /\| Management controller/],
    [['sensor', 'list'], /CPU Temp/],
    [['session', 'info', 'active'], /console ip +: 0\.0\.0\.0|LAN/],
    [['sol', 'looptest', '3', '1'], /SOL Session operational/],
  ])('ipmitool %s over IPv6', async (args, shows) => {
    expect(await bmc.ipmi('2001:db8::10', ...args)).toMatch(shows);
  });

  test('ipmitool over IPMI 1.5 and IPv6', async () => {
    expect(await bmc.ipmi('2001:db8::10', '-I', 'lan', 'mc', 'info')).toMatch(/IPMI Version +: 2\.0/);
  });

  test.each([
    ['bmc-info', ['--get-device-id'], /IPMI Version +: 2\.0/],
    ['ipmipower', ['--stat'], /2001:db8::10: on/],
    ['ipmi-sel', ['--info'], /SEL version/],
    ['ipmi-sensors', [], /CPU Temp/],
    ['ipmi-chassis', ['--get-chassis-status'], /System Power +: on/],
    ['ipmi-fru', [], /System FRU/],
    ['bmc-device', ['--get-self-test-results'], /No Error/],
    ['ipmi-raw', ['0', '6', '1'], /rcvd: 01 00/],
    ['ipmi-config', ['--checkout', '--section', 'Lan_Conf'], /IP_Address +198\.51\.100\.10/],
  ])('FreeIPMI’s %s over IPv6, by the bare address or with brackets and port', async (tool, args, shows) => {
    const plain = await bmc.freeipmi('2001:db8::10', tool, ...args);
    expect(plain.stdout + plain.stderr).toMatch(shows);
    const withPort = await bmc.freeipmi('[2001:db8::10]:623', tool, ...args);
    expect({ tool, code: withPort.code, error: withPort.stderr }).toMatchObject({ tool, code: 0 });
  });

  test.each(['ipmiping', 'rmcpping'])('%s over IPv6', async (tool) => {
    expect((await bmc.run(tool, ['-c', '1', '2001:db8::10'])).stdout).toMatch(/1 (responses|pongs) received/);
  });

  test.skipIf(!installed('pyghmiutil'))(
    `pyghmi over IPv6${withoutClient('pyghmiutil', 'python3-pyghmi')}`,
    async () => {
      const script =
        'import sys\nfrom pyghmi.ipmi import command\n' +
        "bmc = command.Command(bmc=sys.argv[1], userid='admin', password='password')\n" +
        "print(bmc.get_power()['powerstate'], [user['name'] for user in bmc.get_users().values()])\n";
      for (const host of ['2001:db8::10', linkLocal]) {
        const { code, stdout, stderr } = await bmc.run('/usr/bin/python3', ['-c', script, host]);
        expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: "on ['admin']\n" });
      }
    },
  );

  test.skipIf(!installed('fence_ipmilan'))(
    `fence_ipmilan over IPv6${withoutClient('fence_ipmilan', 'fence-agents')}`,
    async () => {
      for (const face of [[], ['-P']]) {
        const login = ['-a', '2001:db8::10', '-l', 'admin', '-p', 'password', '-o', 'status'];
        expect((await bmc.run('fence_ipmilan', [...login, ...face])).stdout).toContain('Status: ON');
      }
    },
  );

  test('shows the interface of the default route as its own', async () => {
    const mac = /link\/ether (\S+)/.exec(await bmc.wire.bmc.ip('link', 'show', 'dev', 'eth0'))?.[1];
    const gatewayMac = /link\/ether (\S+)/.exec(
      await bmc.wire.client.ip('link', 'show', 'dev', 'wire0'),
    )?.[1];
    const print = await bmc.ipmi('198.51.100.11', 'lan', 'print', '1');
    for (const [name, value] of [
      ['IP Address Source', 'Static Address'],
      ['IP Address', '198.51.100.10'],
      ['Subnet Mask', '255.255.255.0'],
      ['MAC Address', mac],
      ['Default Gateway IP', client4],
      ['Default Gateway MAC', gatewayMac],
      ['802.1q VLAN ID', 'Disabled'],
    ]) {
      expect(print).toMatch(new RegExp(`^${name} +: ${value}$`, 'm'));
    }
    const print6 = await bmc.ipmi('198.51.100.11', 'lan6', 'print', '1');
    expect(print6).toMatch(
      /Static Address 0:\n +Enabled: +yes\n +Address: +2001:db8::1[01]\/64\n +Status: +active/,
    );
    expect(print6).toMatch(
      /Dynamic Address 0:\n +Source\/Type: +SLAAC\n +Address: +fe80::.*\/64\n +Status: +active/,
    );
  });

  test('sends traps to an IPv6 destination, at the configured port and from its own address', async () => {
    const receiver = bmc.wire.client.spawn(process.execPath, [
      '-e',
      `const socket = require('node:dgram').createSocket('udp6');
       socket.on('message', (trap, { address }) => console.log(address, trap.toString('hex')));
       socket.bind(${trapPort}, '${client6}', () => console.log('ready'));`,
    ]);
    let heard = '';
    receiver.stdout?.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    try {
      await until('the receiver listens', () => heard.startsWith('ready'), 10_000);
      const destination = [0x20, 1, 0xd, 0xb8, ...Array<number>(11).fill(0), 1].map(String);
      await bmc.ipmi('2001:db8::10', 'raw', '0xc', '1', '1', '19', '1', '0x10', ...destination);
      await bmc.ipmi('2001:db8::10', 'pef', 'policy', 'enable', '1');
      await bmc.ipmi('2001:db8::10', 'event', '1');
      const line = await until('a trap comes', () => /^(2001:\S+) (\S+)$/m.exec(heard) ?? undefined, 15_000);
      expect(line[1]).toMatch(/^2001:db8::1[01]$/);
      // The trap's agent address, which SNMPv1 has for IPv4 alone.
      expect(line[2]).toContain(`4004${Buffer.from([198, 51, 100, 10]).toString('hex')}`);
    } finally {
      receiver.kill('SIGKILL');
    }
  });

  test('leaves an interface alone that is not its own', async () => {
    const { code, stderr } = await bmc.ipmitool(
      '198.51.100.10',
      'raw',
      '0xc',
      '1',
      '1',
      '3',
      '198',
      '51',
      '100',
      '9',
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain('rsp=0x82');
    expect(await bmc.addresses('-4')).toEqual(['198.51.100.10/24', '198.51.100.11/24']);
  });
});

describe.skipIf(!hasNamespaces)(`a BMC with an interface of its own${withoutNamespaces}`, () => {
  const first = '198.51.100.10';
  let bmc: WiredBmc;
  const make = async (env: NodeJS.ProcessEnv = {}) => {
    bmc = await WiredBmc.make(
      { bmc: [`${first}/24`, '2001:db8::10/64'], client: clients },
      { BMC_ADDR: '::', BMC_MANAGED_INTERFACE: 'eth0', ...env },
    );
    await bmc.wire.bmc.ip('route', 'add', 'default', 'via', client4);
  };
  const answers = (host: string) =>
    until(
      `${host} answers`,
      async () => (await pongFrom(bmc, host.includes(':') ? client6 : client4, host)) === host,
      15_000,
    );
  const event = (text: string) =>
    until(`the event log says: ${text}`, () => bmc.lanEvents().some((one) => one.includes(text)), 30_000);

  describe('lets ipmitool', () => {
    beforeAll(async () => {
      await make();
      await bmc.start();
    });
    afterAll(() => bmc?.remove());

    test('set the address: the answer still comes, then it is there and not here', async () => {
      expect(await bmc.ipmi(first, 'lan', 'set', '1', 'ipaddr', '198.51.100.20')).toContain('198.51.100.20');
      await answers('198.51.100.20');
      expect(await pongFrom(bmc, client4, first)).toBe('');
      expect(await bmc.addresses('-4')).toEqual(['198.51.100.20/24']);
      // It went with the address that it was reached by.
      expect(await bmc.wire.bmc.ip('route', 'show', 'default')).toContain(`via ${client4}`);
      expect(await bmc.ipmi('198.51.100.20', 'lan', 'print', '1')).toMatch(
        /^IP Address +: 198\.51\.100\.20$/m,
      );
      expect(bmc.lanEvents().at(-1)).toContain('LAN: address 198.51.100.20/24, gateway 198.51.100.1');
    });

    test('set mask and gateway', async () => {
      await bmc.ipmi('198.51.100.20', 'lan', 'set', '1', 'netmask', '255.255.0.0');
      await bmc.ipmi('198.51.100.20', 'lan', 'set', '1', 'defgw', 'ipaddr', '198.51.7.1');
      await event('gateway 198.51.7.1');
      expect(await bmc.addresses('-4')).toEqual(['198.51.100.20/16']);
      expect(await bmc.wire.bmc.ip('route', 'show', 'default')).toContain('via 198.51.7.1');
    });

    test('set IPv6 addresses and a router, and take them away', async () => {
      const host = '198.51.100.20';
      await bmc.ipmi(host, 'lan6', 'set', '1', 'nolock', 'static_addr', '1', 'enable', '2001:db8::20', '64');
      await answers('2001:db8::20');
      const print = await bmc.ipmi('2001:db8::20', 'lan6', 'print', '1', 'static_addr');
      expect(print).toMatch(/Address 1:\n +Enabled: +yes\n +Address: +2001:db8::20\/64\n +Status: +active/);
      await bmc.ipmi(
        host,
        'raw',
        '0xc',
        '1',
        '1',
        '65',
        ...[0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1].map(String),
      );
      await until('the route is there', async () =>
        (await bmc.wire.bmc.ip('-6', 'route', 'show', 'default')).includes(`via ${client6}`),
      );
      await bmc.ipmi(host, 'lan6', 'set', '1', 'static_addr', '1', 'disable', '2001:db8::20', '64');
      await until('it is gone', async () => !(await bmc.addresses('-6')).includes('2001:db8::20/64'));
      expect(await bmc.addresses('-6')).toEqual(['2001:db8::10/64']);
    });

    test('not take an address that another host has: it is gone again, and the event log says why', async () => {
      await bmc.ipmi(
        '198.51.100.20',
        'lan6',
        'set',
        '1',
        'nolock',
        'static_addr',
        '2',
        'enable',
        client6,
        '64',
      );
      await event(`could not be set: ${client6}/64 on eth0: another host has it`);
      expect(await bmc.addresses('-6')).toEqual(['2001:db8::10/64']);
      const print = await bmc.ipmi('198.51.100.20', 'lan6', 'print', '1', 'static_addr');
      expect(print).not.toContain(`${client6}/`);
    });

    test.each([
      [['ipaddr', '224.0.0.1']],
      [['netmask', '255.0.255.0']],
      [['ipsrc', 'bios']],
      [['macaddr', '52:54:00:00:00:99']],
    ])('not set %s, and says so at once', async (args) => {
      const { code, ms } = await bmc.ipmitool('198.51.100.20', 'lan', 'set', '1', ...args);
      expect(code).not.toBe(0);
      expect(ms).toBeLessThan(5000);
      expect(await bmc.addresses('-4')).toEqual(['198.51.100.20/16']);
    });

    test('find it all again after a kill and a lost interface configuration', async () => {
      await bmc.stop('SIGKILL');
      await bmc.wire.bmc.ip('address', 'flush', 'dev', 'eth0', 'scope', 'global');
      await bmc.wire.bmc.ip('address', 'add', `${first}/24`, 'dev', 'eth0');
      await bmc.start();
      await answers('198.51.100.20');
      expect(await bmc.addresses('-4')).toContain('198.51.100.20/16');
      expect(await bmc.wire.bmc.ip('route', 'show', 'default')).toContain('via 198.51.7.1');
    });
  });

  describe('lets FreeIPMI', () => {
    beforeAll(async () => {
      await make();
      await bmc.start();
    });
    afterAll(() => bmc?.remove());

    test('commit a changed Lan_Conf', async () => {
      const { stdout } = await bmc.freeipmi(first, 'ipmi-config', '--checkout', '--section', 'Lan_Conf');
      expect(stdout).toMatch(/IP_Address_Source +Static/);
      const file = join(bmc.folder, 'lan.conf');
      writeFileSync(file, stdout.replace(first, '198.51.100.30').replace('255.255.255.0', '255.255.0.0'));
      const commit = await bmc.freeipmi(first, 'ipmi-config', '--commit', `--filename=${file}`);
      expect(commit).toMatchObject({ code: 0, stdout: '', stderr: '' });
      await answers('198.51.100.30');
      expect(await bmc.addresses('-4')).toEqual(['198.51.100.30/16']);
      const diff = await bmc.freeipmi('198.51.100.30', 'ipmi-config', '--diff', `--filename=${file}`);
      expect(diff).toMatchObject({ code: 0, stdout: '' });
    });
  });

  describe.skipIf(!installed('busybox'))(
    `takes an address by DHCP${withoutClient('busybox', 'busybox')}`,
    () => {
      beforeAll(async () => {
        await make();
        await bmc.start();
      });
      afterAll(() => bmc?.remove());

      test('stays where it is without a server', async () => {
        await bmc.ipmi(first, 'lan', 'set', '1', 'ipsrc', 'dhcp');
        expect(await bmc.ipmi(first, 'lan', 'print', '1')).toMatch(/Address Source +: DHCP/);
        await event('no DHCP server on eth0 gives an address; it stays address 198.51.100.10/24');
        expect(await bmc.ipmi(first, 'lan', 'print', '1')).toMatch(/Address Source +: Static/);
        expect(await bmc.addresses('-4')).toEqual([`${first}/24`]);
      });

      test('goes where the server says, and back when told', async () => {
        const file = join(bmc.folder, 'udhcpd.conf');
        const leases = join(bmc.folder, 'leases');
        writeFileSync(leases, '');
        writeFileSync(
          file,
          `start 198.51.100.50\nend 198.51.100.50\ninterface wire0\nlease_file ${leases}\n` +
            'option subnet 255.255.255.0\noption router 198.51.100.1\n',
        );
        const server = bmc.wire.client.spawn('busybox', ['udhcpd', '-f', file]);
        try {
          await bmc.ipmi(first, 'lan', 'set', '1', 'ipsrc', 'dhcp');
          await answers('198.51.100.50');
          await event('LAN: address by DHCP, 2001:db8::10/64 set by admin');
          expect(await bmc.addresses('-4')).toEqual(['198.51.100.50/24']);
          expect(await bmc.wire.bmc.ip('route', 'show', 'default')).toContain(`via ${client4}`);
          const print = await bmc.ipmi('198.51.100.50', 'lan', 'print', '1');
          expect(print).toMatch(/^IP Address Source +: DHCP Address$/m);
          expect(print).toMatch(/^IP Address +: 198\.51\.100\.50$/m);
          const { code } = await bmc.ipmitool('198.51.100.50', 'lan', 'set', '1', 'ipaddr', first);
          expect(code).not.toBe(0);
          await bmc.ipmi('198.51.100.50', 'lan', 'set', '1', 'ipsrc', 'static');
          await answers(first);
          expect(await bmc.addresses('-4')).toEqual([`${first}/24`]);
        } finally {
          server.kill('SIGKILL');
        }
      });
    },
  );

  describe('does not start', () => {
    beforeAll(() => make());
    afterAll(() => bmc?.remove());

    test('on an interface that is not there', async () => {
      await expect(bmc.start({ BMC_MANAGED_INTERFACE: 'eth7' })).rejects.toThrow(
        'bmc.managedInterface: there is no interface eth7; there are lo, eth0',
      );
    });
  });
});
