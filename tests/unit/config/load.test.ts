import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Environment } from '../../../src/config/environment.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { ConfigError } from '../../../src/config/problems.ts';
import { generatedFiles } from '../../../src/config/reference.ts';
import { settingsLeaves } from '../../../src/config/schema.ts';
import { masked, showConfig } from '../../../src/config/show-config.ts';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import { systemRandom } from '../../../src/lib/random.ts';

let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'qemu-bmc-config-'));
  file('empty.yaml', '');
  file('raw.img', 'not a header');
  file('disk.qcow2', 'QFI\xfb and more', 'latin1');
  file('odd:name.img', 'raw as well');
  file('cd.iso', 'an image');
  file('secret', 'from-a-file\nsecond line\n');
  file('long-secret', `${'x'.repeat(21)}\n`);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, content: string, encoding: BufferEncoding = 'utf8'): string {
  const path = join(directory, name);
  writeFileSync(path, content, encoding);
  return path;
}

/** With a disk that exists and an environment that holds nothing else. */
function load(env: Environment = {}, yaml = '') {
  const path = file('test.yaml', yaml);
  return loadConfig({
    file: path,
    cwd: directory,
    env: { HOME: '/home/somebody', VM_DISK: 'raw.img', ...env },
  });
}

function config(env: Environment = {}, yaml = '') {
  return load(env, yaml).config;
}

function problems(env: Environment, yaml = ''): readonly string[] {
  try {
    load(env, yaml);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
  return [];
}

describe('defaults', () => {
  it('are those of the manual', () => {
    const loaded = config();
    expect(loaded.profile).toBe('lab');
    expect(loaded.bmc).toMatchObject({ address: '127.0.0.1', logLevel: 'info' });
    expect(loaded.bmc.stateDir).toBe('/home/somebody/.local/state/qemu-bmc');
    expect(loaded.ipmi).toMatchObject({
      port: 623,
      users: [{ name: 'admin', password: 'password', limit: 'administrator', enabled: true, sol: true }],
      defaultPassword: true,
      cipherSuites: [17, 3],
      maxSessions: 64,
      solReplayBytes: 0,
      hideUserNames: false,
    });
    expect(loaded.ipmi.kgHex).toBeUndefined();
    expect(loaded.machine).toMatchObject({
      boot: ['disk', 'cdrom', 'pxe'],
      bootMode: 'bios',
      networks: [{ backend: 'user', restrict: false, hostForward: [] }],
      vncPort: 0,
      kvm: 'auto',
      extraArgs: [],
      demo: false,
    });
    expect(loaded.power).toEqual({
      onAtStart: true,
      restorePolicy: 'always-off',
      shutdownGraceMs: 30_000,
      limit: 'auto',
    });
  });

  it('give each state directory a run directory of its own, short and the same every time', () => {
    const one = config({ STATE_DIR: '/a' }).bmc.runDir;
    expect(one).toMatch(/qemu-bmc-.*[0-9a-f]{8}$/);
    expect(config({ STATE_DIR: '/a' }).bmc.runDir).toBe(one);
    expect(config({ STATE_DIR: '/b' }).bmc.runDir).not.toBe(one);
  });

  it('keep state where XDG says', () => {
    expect(config({ XDG_STATE_HOME: '/data' }).bmc.stateDir).toBe('/data/qemu-bmc');
  });
});

const rightValues: [variable: string, text: string, path: string, value: unknown][] = [
  ['PROFILE', 'lab', 'profile', 'lab'],
  ['BMC_ADDR', '::1', 'bmc.address', '::1'],
  ['STATE_DIR', '/var/lib/x', 'bmc.stateDir', '/var/lib/x'],
  ['RUN_DIR', '/run/x', 'bmc.runDir', '/run/x'],
  ['LOG_LEVEL', 'debug', 'bmc.logLevel', 'debug'],
  ['IPMI_PORT', '6230', 'ipmi.port', 6230],
  ['IPMI_TRAP_PORT', '1162', 'ipmi.trapPort', 1162],
  ['IPMI_USER', 'root', 'ipmi.users.0.name', 'root'],
  ['IPMI_PASS', '12345', 'ipmi.users.0.password', '12345'],
  ['IPMI_PASS_FILE', 'secret', 'ipmi.users.0.password', 'from-a-file'],
  ['IPMI_KG', 'ab', 'ipmi.kgHex', '6162'],
  ['IPMI_KG', '0xABcd', 'ipmi.kgHex', 'abcd'],
  ['IPMI_V15', 'false', 'ipmi.v15', false],
  ['IPMI_CIPHER_SUITES', '3, 17', 'ipmi.cipherSuites', [3, 17]],
  ['KCS_POLICY', 'read-only', 'ipmi.kcsPolicy', 'read-only'],
  ['IPMI_MAX_SESSIONS', '1000', 'ipmi.maxSessions', 1000],
  ['SOL_REPLAY', '4096', 'ipmi.solReplayBytes', 4096],
  ['REDFISH_PORT', '8443', 'redfish.port', 8443],
  ['REDFISH_HTTP_PORT', '8080', 'redfish.httpPort', 8080],
  ['REDFISH_COMPATIBILITY', 'false', 'redfish.compatibility', false],
  ['REDFISH_EVENT_DESTINATIONS', '10.0.0.0/8,::1', 'redfish.eventDestinations', ['10.0.0.0/8', '::1']],
  ['MEDIA_ALLOW', '10.0.0.0/8,::1', 'media.allow', ['10.0.0.0/8', '::1']],
  ['MEDIA_DENY', '0.0.0.0/0', 'media.deny', ['0.0.0.0/0']],
  ['MEDIA_MAX_SIZE', '512', 'media.maxBytes', 512 * 1024 * 1024],
  ['MEDIA_CACHE_SIZE', '64', 'media.cacheBytes', 64 * 1024 * 1024],
  ['MEDIA_LIBRARY', '/tmp', 'media.library', '/tmp'],
  ['VM_NAME', 'node 1', 'machine.name', 'node 1'],
  ['VM_MEMORY', '2048', 'machine.memoryMb', 2048],
  ['VM_CPUS', '4', 'machine.cpus', 4],
  ['VM_CPU_MODEL', 'Skylake-Server,-avx512f', 'machine.cpuModel', 'Skylake-Server,-avx512f'],
  ['VM_DISK', 'none', 'machine.disks', []],
  ['VM_BOOT', 'pxe,disk', 'machine.boot', ['pxe', 'disk']],
  ['VM_BOOT', 'dc', 'machine.boot', ['cdrom', 'disk']],
  ['VM_BOOT', 'n', 'machine.boot', ['pxe']],
  ['VM_BOOT_MODE', 'uefi', 'machine.bootMode', 'uefi'],
  ['VM_TPM', 'true', 'machine.tpm', true],
  ['VM_NETWORKS', 'user,none,user', 'machine.networks.length', 2],
  ['VM_NETWORKS', 'none', 'machine.networks', []],
  [
    'VM_NETWORKS',
    'tc, macvtap:eth5, bridge:AA:c1:ab:00:00:02, tc:2001:db8::/64',
    'machine.networks',
    [
      { backend: 'tc' },
      { backend: 'macvtap', select: { interface: 'eth5' } },
      { backend: 'bridge', select: { hostMac: 'aa:c1:ab:00:00:02' } },
      { backend: 'tc', select: { subnet: '2001:db8::/64' } },
    ],
  ],
  [
    'VM_NETWORKS',
    'auto',
    'machine.networks',
    [{ backend: 'auto', otherwise: { backend: 'user', restrict: false, hostForward: [] } }],
  ],
  ['CLAB_INTFS', '3', 'machine.promisedLinks', 3],
  // Under containerlab the machine's cards are its wires.
  ['CLAB_INTFS', '0', 'machine.networks.0.backend', 'auto'],
  ['NIC_WAIT', '5', 'machine.nicWaitMs', 5000],
  ['VNC_PORT', '5901', 'machine.vncPort', 5901],
  ['ENABLE_KVM', 'false', 'machine.kvm', false],
  ['ENABLE_KVM', 'auto', 'machine.kvm', 'auto'],
  ['QEMU_EXTRA_ARGS', `-device 'a,b c'`, 'machine.extraArgs', ['-device', 'a,b c']],
  ['POWER_ON_AT_START', 'false', 'power.onAtStart', false],
  ['POWER_RESTORE_POLICY', 'previous', 'power.restorePolicy', 'previous'],
  ['SHUTDOWN_GRACE', '5', 'power.shutdownGraceMs', 5000],
  ['POWER_LIMIT', 'off', 'power.limit', 'off'],
];

const wrongValues: [variable: string, text: string][] = [
  ['PROFILE', 'prod'],
  ['BMC_ADDR', 'localhost'],
  ['RUN_DIR', `/run/${'x'.repeat(80)}`],
  ['BMC_MANAGED_INTERFACE', 'eth0.5'],
  ['LOG_LEVEL', 'verbose'],
  ['REDFISH_EVENT_DESTINATIONS', 'rack'],
  ['REDFISH_EVENT_DESTINATIONS', '10.0.0.0/99'],
  ['IPMI_PORT', '0'],
  ['IPMI_PORT', '65536'],
  ['IPMI_PORT', '6e2'],
  ['IPMI_PORT', ' 623'],
  ['IPMI_TRAP_PORT', '0'],
  ['IPMI_USER', ''],
  ['IPMI_USER', 'seventeen-letters'],
  ['IPMI_USER', 'a b'],
  ['IPMI_PASS', ''],
  ['IPMI_PASS', 'x'.repeat(21)],
  ['IPMI_PASS_FILE', 'no-such-file'],
  ['IPMI_PASS_FILE', 'long-secret'],
  ['IPMI_KG', 'x'.repeat(21)],
  ['IPMI_KG', '0x123'],
  ['IPMI_V15', 'maybe'],
  ['IPMI_CIPHER_SUITES', '0'],
  ['IPMI_CIPHER_SUITES', '17,17'],
  ['KCS_POLICY', 'on'],
  ['IPMI_MAX_SESSIONS', '0'],
  ['SOL_REPLAY', '-1'],
  ['REDFISH_PORT', 'https'],
  ['REDFISH_HTTP_PORT', '65536'],
  ['REDFISH_COMPATIBILITY', 'maybe'],
  ['MEDIA_ALLOW', 'server.example'],
  ['MEDIA_ALLOW', '10.0.0.0/33'],
  ['MEDIA_DENY', '10.0.0'],
  ['MEDIA_MAX_SIZE', '0'],
  ['MEDIA_MAX_SIZE', '1G'],
  ['MEDIA_CACHE_SIZE', '15'],
  ['MEDIA_LIBRARY', 'no-such-folder'],
  ['TLS_CERT', 'secret'],
  ['TLS_KEY', 'secret'],
  ['VM_NAME', 'a,b'],
  ['VM_MEMORY', '2G'],
  ['VM_CPUS', '0'],
  ['VM_CPU_MODEL', 'max -device x'],
  ['VM_DISK', 'no-such-disk'],
  ['VM_DISK', '.'],
  ['VM_CDROM', 'no-such-image'],
  ['VM_BOOT', 'disk,disk'],
  ['VM_BOOT', 'usb'],
  ['VM_BOOT_MODE', 'efi'],
  ['VM_TPM', '1.2'],
  ['VM_NETWORKS', 'ovs'],
  ['VM_NETWORKS', 'user:eth2'],
  ['VM_NETWORKS', 'tc:a/b'],
  ['VM_NETWORKS', 'tc:10.0.0.0/33'],
  ['VM_NETWORKS', 'tc:sixteen-letters-'],
  ['VM_NETWORKS', 'tc:lo'],
  ['VM_NETWORKS', 'auto,tc'],
  ['CLAB_INTFS', 'two'],
  ['NIC_WAIT', '-1'],
  ['VNC_PORT', '80'],
  ['ENABLE_KVM', 'yes'],
  ['QEMU_EXTRA_ARGS', `-name 'x`],
  ['POWER_ON_AT_START', '1'],
  ['POWER_RESTORE_POLICY', 'always'],
  ['SHUTDOWN_GRACE', '1.5'],
  ['POWER_LIMIT', 'on'],
];

function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], value);
}

describe('environment variables', () => {
  it.each(rightValues)('%s=%s sets %s', (variable, text, path, value) => {
    expect(at(config({ [variable]: text }), path)).toEqual(value);
  });

  it.each(wrongValues)('%s=%s is refused by name', (variable, text) => {
    const [first = ''] = problems({ [variable]: text });
    expect(first).toContain(variable);
  });

  it('hand an interface to a BMC that listens on all addresses, and to no other', () => {
    const managed = { BMC_MANAGED_INTERFACE: 'eth0' };
    for (const BMC_ADDR of ['0.0.0.0', '::']) {
      expect(config({ ...managed, BMC_ADDR }).bmc.managedInterface).toBe('eth0');
    }
    const [first = ''] = problems({ ...managed, BMC_ADDR: '192.0.2.1' });
    expect(first).toContain('(bmc.address): expected 0.0.0.0 or :: where bmc.managedInterface is set');
  });

  it('are all tried above', () => {
    const known = settingsLeaves().flatMap(({ schema }) => schema['x-env'] ?? []);
    const notRight = ['TLS_CERT', 'TLS_KEY', 'VM_CDROM', 'BMC_MANAGED_INTERFACE'];
    const right = rightValues.map(([variable]) => variable);
    expect(known.filter((name) => !right.includes(name) && !notRight.includes(name))).toEqual([]);
    const wrong = wrongValues.map(([variable]) => variable);
    expect(known.filter((name) => !wrong.includes(name) && name !== 'STATE_DIR')).toEqual([]);
  });

  it('count as not set when empty', () => {
    expect(config({ IPMI_PORT: '', VM_BOOT: '', ENABLE_KVM: '' }).ipmi.port).toBe(623);
  });

  it('override the file', () => {
    const yaml =
      'ipmi: {port: 700, users: [{name: boss, passwordFile: secret, privilege: operator}, {name: b, password: c}]}';
    const users = config({ IPMI_PASS: 'env' }, yaml).ipmi.users;
    expect(users.map(({ name, password, limit }) => [name, password, limit])).toEqual([
      ['boss', 'env', 'operator'],
      ['b', 'c', 'administrator'],
    ]);
    expect(config({ IPMI_PORT: '701' }, yaml).ipmi.port).toBe(701);
  });

  it('name a TLS certificate and its key together, and each a file with what a server needs', async () => {
    const make = () =>
      makeSelfSigned({
        ...{ subject: { commonName: 'bmc' }, names: ['bmc'], now: Date.now(), random: systemRandom() },
      });
    const [own, other] = [await make(), await make()];
    const TLS_CERT = file('tls.crt', own.certificate);
    const TLS_KEY = file('tls.key', own.key);
    expect(config({ TLS_CERT, TLS_KEY }).redfish).toMatchObject({ tlsCert: TLS_CERT, tlsKey: TLS_KEY });
    const said = (env: Environment) => problems(env).join();
    expect(said({ TLS_CERT })).toContain('TLS_KEY is needed, too');
    expect(said({ TLS_KEY })).toContain('TLS_CERT is needed, too');
    expect(said({ TLS_CERT: 'none.crt', TLS_KEY })).toMatch(/tlsCert.*a file that can be read.*no such file/);
    expect(said({ TLS_CERT, TLS_KEY: 'none.key' })).toMatch(/tlsKey.*a file that can be read.*no such file/);
    expect(said({ TLS_CERT: 'secret', TLS_KEY })).toContain('no certificate in PEM form');
    const stranger = file('other.key', other.key);
    expect(said({ TLS_CERT, TLS_KEY: stranger })).toContain('the key is not that of the certificate');
  });

  it('cannot give the password twice', () => {
    expect(problems({ IPMI_PASS: 'a', IPMI_PASS_FILE: 'secret' }).join()).toContain('IPMI_PASS_FILE');
  });
});

describe('disks', () => {
  it('get their format from their first bytes unless it is given', () => {
    const path = (name: string) => join(directory, name);
    expect(config({ VM_DISK: 'raw.img,disk.qcow2\ndisk.qcow2:raw, odd:name.img' }).machine.disks).toEqual([
      { path: path('raw.img'), format: 'raw' },
      { path: path('disk.qcow2'), format: 'qcow2' },
      { path: path('disk.qcow2'), format: 'raw' },
      { path: path('odd:name.img'), format: 'raw' },
    ]);
  });

  it('go with a CD of their own', () => {
    expect(config({ VM_CDROM: 'cd.iso' }).machine.cdrom).toBe(join(directory, 'cd.iso'));
    expect(config().machine.cdrom).toBeUndefined();
  });

  it('of the user’s own that are not there are told as such, without a way to make the demo machine', () => {
    expect(problems({ VM_CDROM: '/nowhere/install.iso' })).toEqual([
      expect.stringMatching(/"\/nowhere\/install\.iso" \(no such file\)$/),
    ]);
  });
});

describe('a file', () => {
  it('can say all about networks', () => {
    const yaml = `machine:
  networks:
    - {backend: user, mac: '52:54:00:AA:bb:01', tftp: ., bootFile: boot.ipxe, hostForward: ['tcp:2222-22']}
    - {backend: user, restrict: true}
`;
    expect(config({}, yaml).machine.networks).toEqual([
      {
        backend: 'user',
        mac: '52:54:00:aa:bb:01',
        restrict: false,
        tftp: directory,
        bootFile: 'boot.ipxe',
        hostForward: [{ protocol: 'tcp', hostPort: 2222, guestPort: 22 }],
      },
      { backend: 'user', restrict: true, hostForward: [] },
    ]);
  });

  it('says how a card on the host’s interface is made, and what auto comes down to', () => {
    const yaml = `machine:
  networks:
    - {backend: auto, interface: ens3, mac: '52:54:00:AA:bb:01', queues: 4, restrict: true}
    - {backend: bridge, hostMac: 'AA:C1:AB:00:00:01'}
`;
    expect(config({}, yaml).machine.networks).toEqual([
      {
        backend: 'auto',
        select: { interface: 'ens3' },
        mac: '52:54:00:aa:bb:01',
        queues: 4,
        otherwise: { backend: 'user', mac: '52:54:00:aa:bb:01', restrict: true, hostForward: [] },
      },
      { backend: 'bridge', select: { hostMac: 'aa:c1:ab:00:00:01' } },
    ]);
  });

  it('names one interface one way, and no more settings than a backend has', () => {
    const list = problems(
      {},
      `machine:
  networks:
    - {backend: tc, interface: eth2, subnet: 10.0.0.0/8}
    - {backend: tc, interface: eth3, tftp: .}
    - {backend: macvtap, mac: '52:54:00:00:00:01'}
    - {backend: user, queues: 2}
`,
    );
    expect(list).toHaveLength(4);
    expect(list.join('\n')).toMatch(
      /one of interface, hostMac and subnet[\s\S]*tftp: only for user and auto[\s\S]*mac: only for a card whose interface is named[\s\S]*queues: only for auto/,
    );
  });

  it('is refused with file, path, expectation and value for each mistake', () => {
    const list = problems(
      {},
      'ipmi: {port: ninety, prot: 1}\nmachine: {cpus: 1000, boot: [disk, tape]}\npower: yes please\n',
    );
    expect(list).toHaveLength(5);
    expect(list.every((line) => line.includes('test.yaml: '))).toBe(true);
    expect(list.join('\n')).toContain('ipmi.port: expected an integer from 1 to 65535, got "ninety"');
    expect(list.join('\n')).toContain('ipmi.prot: not a setting; here are port, trapPort, users');
    expect(list.join('\n')).toContain('machine.boot.1: expected one of disk, cdrom, pxe, got "tape"');
    expect(list.join('\n')).toContain('power: expected a mapping of settings, got text');
  });

  it('that is no YAML is refused with line and column, without an excerpt', () => {
    const [line = ''] = problems({}, 'ipmi:\n  users: [{name: a, password: hunter2\n');
    expect(line).toMatch(/test\.yaml:\d+:\d+: not valid YAML/);
    expect(line).not.toContain('hunter2');
  });

  it('that does not exist is named', () => {
    expect(() => loadConfig({ file: '/no/such.yaml', env: {} })).toThrow(
      '/no/such.yaml: cannot be read (no such file)',
    );
  });

  it.each([
    ['two users of one name', '[{name: a, password: b}, {name: a, password: c}]', 'taken by another user'],
    ['a user without a password', '[{name: a}]', 'a password or a passwordFile is needed'],
    ['a password and a file', '[{name: a, password: b, passwordFile: secret}]', 'give one of them'],
    ['no users', '[]', 'a list of 1 to 15'],
  ])('with %s is refused', (_, users, message) => {
    expect(problems({}, `ipmi: {users: ${users}}`).join('\n')).toContain(message);
  });
});

describe('profile strict', () => {
  const strict = { PROFILE: 'strict', IPMI_PASS: 'long-enough-pw' };

  it('offers suite 17 alone and hides user names', () => {
    expect(config(strict).ipmi).toMatchObject({
      cipherSuites: [17],
      hideUserNames: true,
      defaultPassword: false,
      kcsPolicy: 'no-users',
      v15: false,
    });
    expect(config().ipmi.v15).toBe(true);
    expect(config({ ...strict, IPMI_V15: 'true' }).ipmi.v15).toBe(true);
    expect(config(strict)).toMatchObject({
      ipmi: { minPasswordBytes: 12 },
      redfish: { compatibility: false },
    });
    expect(config({ ...strict, REDFISH_COMPATIBILITY: 'true' }).redfish.compatibility).toBe(true);
    expect(config({})).toMatchObject({ ipmi: { minPasswordBytes: 1 }, redfish: { compatibility: true } });
    expect(config({ ...strict, KCS_POLICY: 'full' }).ipmi.kcsPolicy).toBe('full');
    expect(config().ipmi.kcsPolicy).toBe('full');
  });

  it.each([
    ['the default password', { IPMI_PASS: undefined }],
    ['a short password', { IPMI_PASS: 'eleven-char' }],
    ['another suite', { IPMI_CIPHER_SUITES: '17,3' }],
    ['extra arguments for QEMU', { QEMU_EXTRA_ARGS: '-S' }],
  ])('refuses %s', (_, env) => {
    expect(problems({ ...strict, ...env })).toHaveLength(1);
  });
});

describe('secrets', () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9#:%]{8,40}$/).map((text) => `S3${text}`);

  it('show neither in the listing nor in any message', () => {
    fc.assert(
      fc.property(secret, secret, fc.constantFrom('x', '0x'), (password, kg, start) => {
        const env = { IPMI_PASS: password, IPMI_KG: start + kg, IPMI_PORT: 'wrong' };
        for (const set of [
          env,
          { ...env, IPMI_PORT: '623' },
          { ...env, IPMI_PORT: '623', PROFILE: 'strict' },
        ]) {
          let said: string;
          try {
            said = showConfig(load(set));
          } catch (error) {
            said = String((error as Error).stack);
          }
          expect(said).not.toContain(password);
          expect(said).not.toContain(kg);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('do not show when they have the wrong type', () => {
    expect(problems({}, 'ipmi: {users: [{name: a, password: 987654321}]}').join()).not.toContain('987654321');
    expect(problems({}, 'ipmi: {users: "a:hunter22"}').join()).not.toContain('hunter22');
  });
});

describe('the listing', () => {
  it('is YAML that says the same, and where each value comes from', () => {
    const loaded = load({ IPMI_PORT: '6230' }, 'machine: {name: node1, networks: [{backend: user}]}');
    const text = showConfig(loaded);
    expect(parse(text)).toMatchObject({
      ipmi: { port: 6230, users: [{ name: 'admin', password: masked }] },
      machine: { name: 'node1', networks: [{ backend: 'user' }] },
    });
    expect(text).toContain('port: 6230 # IPMI_PORT');
    expect(text).toContain('name: node1 # file');
    expect(text).toContain('cpus: 1 # default');
  });
});

describe('the loaded configuration', () => {
  it('is frozen to the bottom', () => {
    const loaded = config();
    expect(() => {
      (loaded.ipmi.users as unknown as object[]).push({});
    }).toThrow(TypeError);
  });

  it('has no port for two things', () => {
    const [first = ''] = problems({ REDFISH_PORT: '8443', REDFISH_HTTP_PORT: '8443' });
    expect(first).toContain('another port than redfish.port');
    expect(config({}).redfish.httpPort).toBe(0);
    expect(config({ REDFISH_PORT: '0' }).redfish).toMatchObject({ port: 0, httpPort: 0 });
    const [off = ''] = problems({ REDFISH_PORT: '0', REDFISH_HTTP_PORT: '8080' });
    expect(off).toContain('leads to HTTPS, which redfish.port 0 switches off');
  });

  it('survives the way through a file', () => {
    const loaded = config({ IPMI_KG: 'x' });
    expect(JSON.parse(JSON.stringify(loaded))).toEqual(loaded);
  });
});

describe('what is made from the schema', () => {
  const root = join(import.meta.dirname, '../../..');
  it.each(['configs/qemu-bmc.schema.json', 'docs/reference/configuration.md', 'README.md'])(
    '%s is up to date',
    (name) => {
      const generated = new Map(generatedFiles(readFileSync(join(root, 'README.md'), 'utf8')));
      expect(readFileSync(join(root, name), 'utf8')).toBe(generated.get(name));
    },
  );

  it.each(['default', 'dev', 'example'])('accepts configs/%s.yaml', (name) => {
    const load = () =>
      loadConfig({ file: join(root, `configs/${name}.yaml`), env: { VM_DISK: join(directory, 'raw.img') } });
    expect(load).not.toThrow();
  });
});
