/**
 * Real Redfish clients from Debian against one BMC, and what ipmitool says of it afterwards. A client that is not
 * installed is skipped, with its Debian package in the title.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../../src/http/certificate.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { BmcOnLan } from '../support/bmc-on-lan.ts';
import { until } from '../support/processes.ts';
import { writeTinyIso } from '../support/qemu.ts';
import { installed } from '../support/real-clients.ts';

/** Debian's own: what its packages bring is not in another Python. */
const python = '/usr/bin/python3';
const hasSushy = spawnSync(python, ['-c', 'import sushy'], { stdio: 'ignore' }).status === 0;
const hasAnsible =
  spawnSync('ansible-doc', ['-l', 'community.general'], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  }).stdout?.includes('redfish_command') === true;
const lacking = (here: boolean, debianPackage: string) =>
  here ? '' : ` (skipped: Debian’s ${debianPackage} is not installed)`;

let server: BmcOnLan;
let images: Server;
let imageUrl: string;
beforeAll(async () => {
  server = await BmcOnLan.start({ redfish: true, hardware: { cpus: 2, memoryMb: 2048 } });
  const image = readFileSync(writeTinyIso(server.file('tiny.iso'), 'V'));
  images = createServer((_, response) => response.setHeader('content-length', image.length).end(image));
  await new Promise<void>((resolve) => images.listen(0, '127.0.0.1', resolve));
  imageUrl = `http://127.0.0.1:${(images.address() as AddressInfo).port}/tiny.iso`;
});
afterAll(async () => {
  await server?.stop();
  await new Promise((resolve) => images?.close(resolve));
});
/** Every test begins with a machine that is off and starts from where it is set to. */
beforeEach(async () => {
  await ipmi('power', 'off');
  await ipmi('chassis', 'bootdev', 'none');
  await isPower('off');
});

const port = () => server.http?.address.port ?? 0;

async function ipmi(...args: string[]): Promise<string> {
  const { code, output } = await server.ipmitool(...args);
  expect({ code, output }).toEqual({ code: 0, output });
  return output;
}

const isPower = (state: 'on' | 'off') =>
  until(
    `ipmitool sees it ${state}`,
    async () => (await ipmi('power', 'status')).trim() === `Chassis Power is ${state}`,
    5000,
  );

/** What ipmitool reads of the boot flags: whether valid, for how long, and from where. */
async function bootFlags(): Promise<string[]> {
  const output = await ipmi('chassis', 'bootparam', 'get', '5');
  return output
    .split('\n')
    .flatMap(
      (line) =>
        /- (Boot Flag (?:Inv|V)alid|Options apply to .*|Boot Device Selector : .*?) *$/.exec(line)?.[1] ?? [],
    );
}
const once = (device: string) => [
  'Boot Flag Valid',
  'Options apply to only next boot',
  `Boot Device Selector : ${device}`,
];
const always = (device: string) => [
  'Boot Flag Valid',
  'Options apply to all future boots',
  `Boot Device Selector : ${device}`,
];
/** Bits 5:4 of the third byte of Get Chassis Status: whether the chassis identifies itself. */
async function lampIsOn(): Promise<boolean> {
  const [, , third = ''] = (await ipmi('raw', '0x00', '0x01')).trim().split(/\s+/);
  return (Number.parseInt(third, 16) & 0x30) !== 0;
}
const selEntries = async () => Number(/Entries +: (\d+)/.exec(await ipmi('sel', 'info'))?.[1]);
const inDrive = () => server.machine.media.get('cd');

describe.skipIf(!hasSushy)(`sushy, as Ironic drives it${lacking(hasSushy, 'python3-sushy')}`, () => {
  let authority: string;
  beforeAll(async () => {
    // The certificate of the BMC is its own authority; sushy checks it.
    const { certificate, socket } = await new Promise<{
      certificate: Buffer;
      socket: ReturnType<typeof connect>;
    }>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: port(), rejectUnauthorized: false }, () =>
        resolve({ certificate: socket.getPeerCertificate().raw, socket }),
      ).on('error', reject);
    });
    socket.destroy();
    authority = server.file('authority.pem');
    const base64 = certificate.toString('base64').replace(/.{64}/g, '$&\n');
    writeFileSync(authority, `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`);
  });

  /** @param lines Python, where `system` and `manager` are; @returns what they leave in `result` */
  async function sushy(...lines: string[]): Promise<unknown> {
    const program = [
      'import json, sushy, time',
      `root = sushy.Sushy('https://127.0.0.1:${port()}', username='admin', password='password', verify='${authority}')`,
      `system = root.get_system('/redfish/v1/Systems/1')`,
      `manager = root.get_manager('/redfish/v1/Managers/1')`,
      'result = None',
      ...lines,
      // sushy leaves its session open at the end: enough of them, and nobody gets another one until they are idle too long.
      'root._auth.close()',
      'print(json.dumps(result))',
    ].join('\n');
    const { code, output } = await server.client(python, ['-W', 'ignore', '-'], program);
    expect({ code, output }).toEqual({ code: 0, output });
    return JSON.parse(output.trim().split('\n').at(-1) ?? '');
  }
  const power = (type: string) => sushy(`system.reset_system(sushy.${type})`);

  it('checks the certificate of the BMC and logs in by a session that it deletes again', async () => {
    const result = await sushy(
      'sessions = root.get_session_service().sessions',
      `result = [type(root._auth).__name__, [s.username for s in sessions.get_members()]]`,
    );
    expect(result).toEqual(['SessionOrBasicAuth', ['admin']]);
    const { body } = await server.curl('SessionService/Sessions');
    expect(body['Members@odata.count']).toBe(0);
  });

  it('reads and resets the keys of secure boot', async () => {
    const certificates = 'Systems/1/SecureBoot/SecureBootDatabases/PK/Certificates';
    const { certificate } = await makeSelfSigned({
      ...{ subject: { commonName: 'owner' }, names: [], now: Date.now(), random: systemRandom() },
    });
    const body = JSON.stringify({ CertificateString: certificate, CertificateType: 'PEM' });
    const made = await server.curl(certificates, '-X', 'POST', '--json', body, '-u', 'admin:password');
    expect(made.status).toBe(201);
    const result = await sushy(
      'boot = system.secure_boot',
      'before = [boot.mode.value, boot.enabled, boot.current_boot.value]',
      'names = [d.database_id.value for d in boot.databases.get_members()]',
      'allowed = sorted(v.value for v in boot.get_allowed_reset_keys_values())',
      'boot.set_enabled(True)',
      'boot.reset_keys(sushy.SECURE_BOOT_RESET_KEYS_DELETE_PK)',
      'boot.refresh(force=True)',
      'result = [before, names, allowed, boot.mode.value, boot.enabled]',
      'boot.set_enabled(False)',
      'boot.databases.get_members()[2].reset_keys(sushy.SECURE_BOOT_RESET_KEYS_DELETE_ALL)',
    );
    expect(result).toEqual([
      ['UserMode', false, 'Disabled'],
      ['PK', 'KEK', 'db', 'dbx'],
      ['DeleteAllKeys', 'DeletePK', 'ResetAllKeysToDefault'],
      'SetupMode',
      true,
    ]);
  });

  it('powers the machine on, resets it, interrupts it and powers it off', async () => {
    await power('RESET_ON');
    await isPower('on');
    expect(await sushy('result = system.power_state.value')).toBe('On');
    const { diagnosticInterrupts } = server.machine.counts;
    await power('RESET_NMI');
    await until(
      'the NMI is there',
      () => server.machine.counts.diagnosticInterrupts > diagnosticInterrupts,
      5000,
    );
    await power('RESET_FORCE_RESTART');
    await isPower('on');
    await power('RESET_FORCE_OFF');
    await isPower('off');
    // To the state that it is in.
    await power('RESET_FORCE_OFF');
    expect(await sushy('result = system.power_state.value')).toBe('Off');
  });

  it('sets where the machine boots from, once and for good, as ipmitool reads it', async () => {
    const boot = (target: string, enabled: string) =>
      sushy(
        `system.set_system_boot_options(sushy.BOOT_SOURCE_TARGET_${target}, sushy.BOOT_SOURCE_ENABLED_${enabled})`,
      );
    await boot('PXE', 'ONCE');
    expect(await bootFlags()).toEqual(once('Force PXE'));
    await boot('CD', 'CONTINUOUS');
    expect(await bootFlags()).toEqual(always('Force Boot from CD/DVD'));
    // Ironic leaves out what reads as wanted already.
    await sushy('system.set_system_boot_options(sushy.BOOT_SOURCE_TARGET_HDD)');
    expect(await bootFlags()).toEqual(always('Force Boot from default Hard-Drive'));
    expect(await sushy('result = [system.boot.target.value, system.boot.enabled.value]')).toEqual([
      'Hdd',
      'Continuous',
    ]);
    await ipmi('chassis', 'bootdev', 'bios');
    expect(await sushy('result = [system.boot.target.value, system.boot.enabled.value]')).toEqual([
      'BiosSetup',
      'Once',
    ]);
  });

  it('reads all that Ironic’s inspection must find', async () => {
    const found = await sushy(
      'cpus = system.processors',
      'result = dict(',
      '  memory=system.memory_summary.size_gib,',
      '  architecture=cpus.get_members()[0].processor_architecture.value,',
      '  count=cpus.summary.count,',
      '  threads=sum(cpu.total_threads for cpu in cpus.get_members()),',
      '  disks=system.simple_storage.disks_sizes_bytes,',
      '  drives=system.storage.drives_sizes_bytes,',
      '  volumes=system.storage.volumes_sizes_bytes,',
      '  nics={mac: state.value for mac, state in system.ethernet_interfaces.summary.items()},',
      '  mode=system.boot.mode.value,',
      '  chassis=[chassis.chassis_type.value for chassis in system.chassis],',
      '  managers=[manager.identity for manager in system.managers],',
      ')',
    );
    const { inventory, hardware } = server.machine;
    const disks = inventory.drives.map(({ capacityBytes }) => capacityBytes);
    expect(found).toEqual({
      memory: hardware.memoryMb / 1024,
      architecture: 'x86',
      // sushy counts threads.
      count: hardware.cpus,
      threads: hardware.cpus,
      disks,
      drives: disks,
      volumes: disks,
      nics: Object.fromEntries(inventory.nics.map(({ mac }) => [mac, 'Enabled'])),
      mode: 'Legacy',
      chassis: ['RackMount'],
      managers: ['1'],
    });
  });

  it('inserts an image and ejects it, found through the manager', async () => {
    const cd =
      'cd = [m for m in manager.virtual_media.get_members() if sushy.VIRTUAL_MEDIA_CD in m.media_types][0]';
    await power('RESET_ON');
    await isPower('on');
    await sushy(cd, `cd.insert_media('${imageUrl}')`);
    await until('the image is in the drive', () => inDrive() !== undefined, 5000);
    expect(await sushy(cd, 'result = [cd.inserted, cd.image, cd.image_name, cd.write_protected]')).toEqual([
      true,
      imageUrl,
      'tiny.iso',
      true,
    ]);
    await sushy(cd, 'cd.eject_media()');
    await until('the drive is empty', () => inDrive() === undefined, 5000);
    expect(await sushy(cd, 'result = [cd.inserted, cd.image]')).toEqual([false, null]);
  });
});

const hasFence = installed('fence_redfish');
describe.skipIf(!hasFence)(`fence_redfish${lacking(hasFence, 'fence-agents')}`, () => {
  const fence = (action: string, ...options: string[]) => {
    const login = ['-a', '127.0.0.1', '-u', `${port()}`, '-l', 'admin', '-p', 'password', '--ssl-insecure'];
    return server.client('fence_redfish', [...login, ...options, '-o', action]);
  };

  it('fences: off, on, reboot, an interrupt, and tells the state', async () => {
    expect(await fence('status')).toMatchObject({ code: 2, output: 'Status: OFF\n' });
    expect(await fence('on')).toMatchObject({ code: 0, output: 'Success: Powered ON\n' });
    await isPower('on');
    expect(await fence('status', '--systems-uri=/redfish/v1/Systems/1')).toMatchObject({
      code: 0,
      output: 'Status: ON\n',
    });
    const { diagnosticInterrupts } = server.machine.counts;
    expect(await fence('diag')).toMatchObject({ code: 0 });
    await until(
      'the NMI is there',
      () => server.machine.counts.diagnosticInterrupts > diagnosticInterrupts,
      5000,
    );
    expect(await fence('reboot')).toMatchObject({ code: 0, output: 'Success: Rebooted\n' });
    await isPower('on');
    expect(await fence('off')).toMatchObject({ code: 0, output: 'Success: Powered OFF\n' });
    await isPower('off');
    expect(await fence('monitor')).toMatchObject({ code: 0 });
  });

  it('does not say that it has fenced what it could not log in to', async () => {
    await ipmi('power', 'on');
    await isPower('on');
    const { code, output } = await fence('off', '-p', 'wrong');
    expect(code).not.toBe(0);
    expect(output).not.toContain('Success');
    await isPower('on');
  });
});

const hasTool = installed('redfishtool');
describe.skipIf(!hasTool)(`redfishtool${lacking(hasTool, 'redfishtool')}`, () => {
  const tool = (...args: string[]) =>
    server.client('redfishtool', [
      '-r',
      `127.0.0.1:${port()}`,
      '-u',
      'admin',
      '-p',
      'password',
      '-S',
      'Always',
      ...args,
    ]);
  /** @returns what it printed, as JSON where it is */
  async function says(...args: string[]) {
    const { code, output } = await tool(...args);
    expect({ code, output }).toEqual({ code: 0, output });
    expect(output).not.toMatch(/error/i);
    return output.trimStart().startsWith('{') ? JSON.parse(output) : output;
  }
  const system = (...args: string[]) => says('Systems', '-I', '1', ...args);

  it('shows everything that it knows to ask for', async () => {
    expect(await says('versions')).toEqual({ v1: '/redfish/v1/' });
    expect(await says('root')).toMatchObject({ Id: 'RootService' });
    expect(await says('-A', 'None', 'root')).toMatchObject({ Id: 'RootService' });
    expect(await says('odata')).toMatchObject({ '@odata.context': '/redfish/v1/$metadata' });
    for (const words of ['Processors', 'EthernetInterfaces', 'SimpleStorage']) {
      const { 'Members@odata.count': count } = await system(words);
      expect(count).toBeGreaterThan(0);
      expect((await system(words, '-a')).Members).toHaveLength(count);
    }
    expect((await system('Logs'))['Members@odata.count']).toBeGreaterThan(0);
    expect(await says('Chassis', '-I', '1', 'Power')).toMatchObject({ Id: 'Power' });
    expect(await says('Chassis', '-I', '1', 'Thermal')).toMatchObject({ Id: 'Thermal' });
    expect(await says('Managers', '-I', '1', 'NetworkProtocol')).toMatchObject({
      IPMI: { Port: server.lan.address.port },
    });
    for (const words of ['EthernetInterfaces', 'SerialInterfaces', 'Logs']) {
      expect((await says('Managers', '-I', '1', words))['Members@odata.count']).toBeGreaterThan(0);
    }
    expect((await says('AccountService', 'Roles'))['Members@odata.count']).toBe(4);
  });

  it('powers the machine, and sets its boot device, lamp and asset tag', async () => {
    await system('reset', 'On');
    await isPower('on');
    await system('reset', 'ForceOff');
    await isPower('off');
    await system('setBootOverride', 'Once', 'Pxe');
    expect(await bootFlags()).toEqual(once('Force PXE'));
    await system('setBootOverride', 'Continuous', 'Cd');
    expect(await bootFlags()).toEqual(always('Force Boot from CD/DVD'));
    await system('setBootOverride', 'Disabled');
    expect(await bootFlags()).toContain('Boot Flag Invalid');
    await system('setIndicatorLed', 'Lit');
    expect(await lampIsOn()).toBe(true);
    await system('setIndicatorLed', 'Off');
    expect(await lampIsOn()).toBe(false);
    await system('setAssetTag', 'rack 7');
    expect(await ipmi('dcmi', 'asset_tag')).toContain('rack 7');
  });

  it('makes a user that ipmitool can be, changes it and removes it', async () => {
    await says('AccountService', 'adduser', 'guest', 'first-secret', 'Administrator');
    const login = (password: string) =>
      server.ipmitool('-U', 'guest', '-P', password, '-N', '1', '-R', '1', 'mc', 'info');
    expect((await login('first-secret')).code).toBe(0);
    await says('AccountService', 'setpassword', 'guest', 'second-secret');
    expect((await login('first-secret')).code).not.toBe(0);
    expect((await login('second-secret')).code).toBe(0);
    await says('AccountService', 'useradmin', 'guest', 'disable');
    expect((await login('second-secret')).code).not.toBe(0);
    await says('AccountService', 'useradmin', 'guest', 'enable');
    await says('AccountService', 'useradmin', 'guest', 'setRoleId', 'Operator');
    expect((await login('second-secret')).code).not.toBe(0);
    expect(
      (await server.ipmitool('-U', 'guest', '-P', 'second-secret', '-L', 'OPERATOR', 'mc', 'info')).code,
    ).toBe(0);
    await says('AccountService', 'deleteuser', 'guest');
    expect(await ipmi('user', 'list', '1')).not.toContain('guest');
  });

  it('logs in to a session, uses it, and logs out', async () => {
    const login = await says('SessionService', 'login');
    const [, token = ''] = /X-Auth-Token['"]?\s*:?\s*['"]?([\w-]{20,})/i.exec(JSON.stringify(login)) ?? [];
    const [, id = ''] = /Sessions\/(\w+)/.exec(JSON.stringify(login)) ?? [];
    expect(token).not.toBe('');
    const withToken = ['-r', `127.0.0.1:${port()}`, '-S', 'Always', '-A', 'Session', '-t', token];
    expect(
      (await server.client('redfishtool', [...withToken, 'Systems', '-I', '1', 'get'])).output,
    ).toContain('"PowerState"');
    await says('SessionService', 'logout', '-i', id);
    expect(
      (await server.client('redfishtool', [...withToken, 'Systems', '-I', '1', 'get'])).output,
    ).not.toContain('"PowerState"');
  });
});

describe.skipIf(!hasAnsible)(`Ansible’s community.general${lacking(hasAnsible, 'ansible')}`, () => {
  type Task = readonly [module: 'info' | 'command' | 'config', options: Readonly<Record<string, unknown>>];
  // biome-ignore lint/suspicious/noExplicitAny: what a module returns is checked by the test that reads it
  type Result = any;

  /** Plays the tasks in one go. @returns what each has said */
  async function play(...tasks: readonly Task[]): Promise<Result[]> {
    const login = { baseuri: `127.0.0.1:${port()}`, username: 'admin', password: 'password' };
    const book = server.file('book.json');
    const list = tasks.map(([module, options]) => ({
      [`community.general.redfish_${module}`]: { ...login, ...options },
    }));
    writeFileSync(
      book,
      JSON.stringify([{ hosts: 'all', gather_facts: false, connection: 'local', tasks: list }]),
    );
    const settings = [
      'LC_ALL=C.UTF-8',
      'ANSIBLE_STDOUT_CALLBACK=ansible.posix.json',
      'ANSIBLE_DEPRECATION_WARNINGS=0',
    ];
    const command = [
      'ansible-playbook',
      '-i',
      'localhost,',
      '-e',
      `ansible_python_interpreter=${python}`,
      book,
    ];
    const { output } = await server.client('env', [...settings, ...command]);
    const { plays } = JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1));
    const results: Result[] = plays[0].tasks.map(
      (task: { hosts: Record<string, Result> }) => task.hosts.localhost,
    );
    for (const { failed, msg } of results) expect({ failed, msg }).toEqual({ failed: undefined, msg });
    expect(results).toHaveLength(tasks.length);
    return results;
  }
  const changes = async (...tasks: readonly Task[]) => (await play(...tasks)).map(({ changed }) => changed);
  const systems = (command: string, options = {}): Task => [
    'command',
    { category: 'Systems', command, ...options },
  ];

  it('reads every inventory that it knows', async () => {
    // Without `all`: that asks for HPE's own things, too, and breaks over its own code.
    const [inSystem, inChassis, inManager, others] = await play(
      [
        'info',
        {
          category: 'Systems',
          command:
            'GetSystemInventory,GetCpuInventory,GetMemoryInventory,GetNicInventory,GetHealthReport,GetStorageControllerInventory,GetDiskInventory,GetVolumeInventory,GetBiosAttributes,GetBootOrder,GetBootOverride,GetVirtualMedia'.split(
              ',',
            ),
        },
      ],
      [
        'info',
        {
          category: 'Chassis',
          command: ['GetFanInventory', 'GetChassisPower', 'GetChassisThermals', 'GetChassisInventory'],
        },
      ],
      [
        'info',
        {
          category: 'Manager',
          command: [
            'GetManagerNicInventory',
            'GetVirtualMedia',
            'GetLogs',
            'GetNetworkProtocols',
            'GetManagerInventory',
          ],
        },
      ],
      ['info', { category: ['Accounts', 'Sessions'] }],
    );
    for (const { redfish_facts } of [inSystem, inChassis, inManager, others]) {
      for (const [name, fact] of Object.entries<Result>(redfish_facts)) {
        expect({ [name]: fact.ret }).toEqual({ [name]: true });
      }
    }
    expect(others.redfish_facts.user.entries[0]).toMatchObject({
      UserName: 'admin',
      RoleId: 'Administrator',
    });
  });

  it('powers the machine, and does nothing twice', async () => {
    expect(await changes(systems('PowerOn'))).toEqual([true]);
    await isPower('on');
    expect(await changes(systems('PowerOn'), systems('PowerForceRestart'))).toEqual([false, true]);
    await isPower('on');
    expect(await changes(systems('PowerForceOff'))).toEqual([true]);
    await isPower('off');
  });

  it('sets where the machine boots from, and sees when it is set already', async () => {
    const pxe = systems('SetOneTimeBoot', { bootdevice: 'Pxe' });
    expect(await changes(pxe, pxe)).toEqual([true, false]);
    expect(await bootFlags()).toEqual(once('Force PXE'));
    const cd = systems('EnableContinuousBootOverride', { bootdevice: 'Cd' });
    expect(await changes(cd, cd)).toEqual([true, false]);
    expect(await bootFlags()).toEqual(always('Force Boot from CD/DVD'));
    await play(systems('DisableBootOverride'));
    expect(await bootFlags()).toContain('Boot Flag Invalid');
  });

  it('makes, changes and removes a user', async () => {
    const account = (command: string, options: object): Task => [
      'command',
      { category: 'Accounts', command, ...options },
    ];
    const login = (password: string, level = 'ADMINISTRATOR') =>
      server.ipmitool('-U', 'ansible', '-P', password, '-L', level, '-N', '1', '-R', '1', 'mc', 'info');
    await play(
      account('AddUser', { new_username: 'ansible', new_password: 'first-secret', roleid: 'Operator' }),
    );
    expect((await login('first-secret')).code).not.toBe(0);
    expect((await login('first-secret', 'OPERATOR')).code).toBe(0);
    await play(
      account('UpdateUserRole', { account_username: 'ansible', roleid: 'Administrator' }),
      account('UpdateUserPassword', { account_username: 'ansible', account_password: 'second-secret' }),
    );
    expect((await login('second-secret')).code).toBe(0);
    await play(account('DisableUser', { account_username: 'ansible' }));
    expect((await login('second-secret')).code).not.toBe(0);
    await play(
      account('EnableUser', { account_username: 'ansible' }),
      account('DeleteUser', { account_username: 'ansible' }),
    );
    expect(await ipmi('user', 'list', '1')).not.toContain('ansible');
  });

  it('makes sessions and clears them', async () => {
    const session = (command: string, options = {}): Task => [
      'command',
      { category: 'Sessions', command, ...options },
    ];
    const [{ session: made }] = await play(session('CreateSession'));
    const token = ['-H', `X-Auth-Token: ${made.token}`];
    expect((await server.curl('Systems/1', ...token)).status).toBe(200);
    await play([
      'config',
      { category: 'Sessions', command: 'SetSessionService', sessions_config: { SessionTimeout: 600 } },
    ]);
    expect((await server.curl('SessionService')).body.SessionTimeout).toBe(600);
    await play(session('ClearSessions'));
    expect((await server.curl('Systems/1', ...token)).status).toBe(401);
  });

  it('clears the logs of the manager, the SEL among them', async () => {
    await ipmi('event', '1');
    expect(await selEntries()).toBeGreaterThan(0);
    await play(['command', { category: 'Manager', command: 'ClearLogs' }]);
    expect(await selEntries()).toBeLessThan(2);
  });

  it('closes IPMI over LAN and opens it again', async () => {
    const ipmiIs = (ProtocolEnabled: boolean): Task => [
      'config',
      {
        category: 'Manager',
        command: 'SetNetworkProtocols',
        network_protocols: { IPMI: { ProtocolEnabled } },
      },
    ];
    await play(ipmiIs(false));
    expect((await server.ipmitool('-R', '1', '-N', '1', 'mc', 'info')).code).not.toBe(0);
    await play(ipmiIs(true));
    expect((await server.ipmitool('mc', 'info')).code).toBe(0);
  });

  it('inserts an image and ejects it, under the system and under the manager', async () => {
    await ipmi('power', 'on');
    await isPower('on');
    for (const category of ['Systems', 'Manager']) {
      const media = (command: string, virtual_media: object): Task => [
        'command',
        { category, command, virtual_media },
      ];
      const insert = media('VirtualMediaInsert', { image_url: imageUrl, media_types: ['CD', 'DVD'] });
      expect(await changes(insert)).toEqual([true]);
      await until('the image is in the drive', () => inDrive() !== undefined, 5000);
      const eject = media('VirtualMediaEject', { image_url: imageUrl });
      expect(await changes(insert, eject)).toEqual([false, true]);
      await until('the drive is empty', () => inDrive() === undefined, 5000);
    }
  });

  it('lights the lamp that ipmitool knows, however it is to shine, and puts it out', async () => {
    const lamp = (command: string): Task => ['command', { category: 'Chassis', command }];
    for (const command of ['IndicatorLedOn', 'IndicatorLedBlink']) {
      await play(lamp(command));
      expect(await lampIsOn()).toBe(true);
      await play(lamp('IndicatorLedOff'));
      expect(await lampIsOn()).toBe(false);
    }
  });
});
