/**
 * OpenStack Ironic, as Debian packages it, looks after a whole appliance with a real guest: one node by its `ipmi` driver,
 * one by its `redfish` driver, both of them the same server, so that each sees what the other has done.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoDir } from '../../src/config/package-paths.ts';
import { Appliance } from '../support/appliance.ts';
import { hasIronic, Ironic } from '../support/ironic.ts';
import { freeTcpPort, run, until } from '../support/processes.ts';

const why = hasIronic ? '' : ' (skipped: Ironic is not installed, see npm run test:peers)';
const diskGb = 12;

let folder: string;
let appliance: Appliance;
let ironic: Ironic;
let images: Server;
let consolePort: number;

beforeAll(async () => {
  if (!hasIronic) return;
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-ironic-'));
  // The demo guest on a disk of a size that Ironic counts.
  const disk = join(folder, 'disk.qcow2');
  copyFileSync(join(demoDir, 'demo.qcow2'), disk);
  const made = await run('qemu-img', ['resize', '-q', disk, `${diskGb}G`]);
  if (made.code !== 0) throw new Error(made.stderr);
  const iso = readFileSync(join(demoDir, 'demo.iso'));
  images = createServer((_, response) => response.setHeader('content-length', iso.length).end(iso));
  await new Promise<void>((resolve) => images.listen(0, '127.0.0.1', resolve));
  consolePort = await freeTcpPort();
  [appliance, ironic] = await Promise.all([
    Appliance.start({
      VM_DISK: disk,
      VM_CPUS: '2',
      VM_MEMORY: '1024',
      POWER_ON_AT_START: 'false',
      MEDIA_ALLOW: '127.0.0.0/8',
    }),
    Ironic.start(folder),
  ]);
});
afterAll(async () => {
  await ironic?.stop();
  await appliance?.stop();
  appliance?.clean();
  await new Promise((resolve) => (images ? images.close(resolve) : resolve(undefined)));
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** The certificate that the server shows, as the one that Ironic is to trust. */
async function certificateFile(): Promise<string> {
  const raw = await new Promise<Buffer>((resolve, reject) => {
    const socket = connectTls(
      { host: '127.0.0.1', port: appliance.redfishPort, rejectUnauthorized: false },
      () => {
        resolve(socket.getPeerCertificate().raw);
        socket.destroy();
      },
    ).on('error', reject);
  });
  const file = join(folder, 'bmc.pem');
  const base64 = raw.toString('base64').replace(/.{64}/g, '$&\n');
  writeFileSync(file, `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`);
  return file;
}

// biome-ignore lint/suspicious/noExplicitAny: what a client reads out of JSON is checked by the test that reads it
async function redfish(path: string): Promise<any> {
  const url = `https://127.0.0.1:${appliance.redfishPort}/redfish/v1/${path}`;
  const { stdout } = await run('curl', ['-sk', '-u', 'admin:password', url]);
  return JSON.parse(stdout);
}

/** What ipmitool reads of the boot flags. */
async function bootFlags(): Promise<string[]> {
  const output = await appliance.ipmi('chassis', 'bootparam', 'get', '5');
  return output
    .split('\n')
    .flatMap(
      (line) => /- (Options apply to .*|BIOS .* boot|Boot Device Selector : .*?) *$/.exec(line)?.[1] ?? [],
    );
}

async function node(name: string) {
  return ironic.get(`nodes/${name}`);
}

/** Ironic thinks so, and so does the BMC. */
async function isPower(name: string, state: 'on' | 'off'): Promise<void> {
  await until(
    `${name} is ${state}`,
    async () => {
      const { power_state: told, target_power_state: target, last_error: error } = await node(name);
      expect(error).toBeNull();
      return told === `power ${state}` && target === null;
    },
    60_000,
  );
  expect(await appliance.isOn()).toBe(state === 'on');
  expect((await redfish('Systems/1')).PowerState).toBe(state === 'on' ? 'On' : 'Off');
}

async function set(name: string, ...args: string[]): Promise<void> {
  await ironic.baremetal('node', 'set', name, ...args);
}

const info = (values: Readonly<Record<string, string | number>>) =>
  Object.entries(values).flatMap(([key, value]) => ['--driver-info', `${key}=${value}`]);

describe.skipIf(!hasIronic)(`Ironic${why}`, () => {
  test('enrols the server by both drivers, reaches it and finds nothing missing', async () => {
    const ipmi = {
      ipmi_address: '127.0.0.1',
      ipmi_port: appliance.port,
      ipmi_username: 'admin',
      ipmi_password: 'password',
      ipmi_cipher_suite: 17,
      ipmi_terminal_port: consolePort,
    };
    const overHttps = {
      redfish_address: `https://127.0.0.1:${appliance.redfishPort}`,
      redfish_username: 'admin',
      redfish_password: 'password',
      redfish_system_id: '/redfish/v1/Systems/1',
      redfish_verify_ca: await certificateFile(),
    };
    await ironic.baremetal('node', 'create', '--driver', 'ipmi', '--name', 'by-ipmi', ...info(ipmi));
    await ironic.baremetal(
      ...['node', 'create', '--driver', 'redfish', '--name', 'by-redfish', ...info(overHttps)],
    );
    for (const name of ['by-ipmi', 'by-redfish']) {
      // Fails unless power and boot device can be read.
      await ironic.baremetal('node', 'manage', name, '--wait', '60');
      const { provision_state: state, power_state: power, properties } = await node(name);
      expect({ state, power }).toEqual({ state: 'manageable', power: 'power off' });
      if (name === 'by-redfish') expect(properties.vendor).toBe('qemu-bmc');
      const results: { Interface: string; Result: boolean }[] = await ironic.json('node', 'validate', name);
      const good = results.filter(({ Result: fine }) => fine).map((each) => each.Interface);
      const own = name === 'by-ipmi' ? ['console'] : ['bios', 'inspect'];
      expect(good).toEqual(expect.arrayContaining(['management', 'power', ...own]));
    }
  });

  test('inspects the server over Redfish: processors, memory, disk, network card', async () => {
    await ironic.baremetal('node', 'inspect', 'by-redfish', '--wait', '60');
    const { properties, last_error: error } = await node('by-redfish');
    expect(error).toBeNull();
    // Ironic keeps a GB for itself.
    expect(properties).toMatchObject({
      cpus: 2,
      cpu_arch: 'x86_64',
      memory_mb: '1024',
      local_gb: String(diskGb - 1),
    });
    const ports: { Address: string }[] = await ironic.json('port', 'list');
    const { Members: cards } = await redfish('Systems/1/EthernetInterfaces');
    const { MACAddress: mac } = await redfish(cards[0]['@odata.id'].replace('/redfish/v1/', ''));
    expect(ports.map(({ Address: address }) => address)).toEqual([mac.toLowerCase()]);
    const settings: { name: string; value: string }[] = await ironic.json(
      ...['node', 'bios', 'setting', 'list', 'by-redfish'],
    );
    const { Attributes: attributes } = await redfish('Systems/1/Bios');
    const shown = Object.entries(attributes).map(([name, value]) => [name, String(value)]);
    expect(settings.map((each) => Object.values(each)).sort()).toEqual(shown.sort());
  });

  describe.each(['by-ipmi', 'by-redfish'])('%s', (name) => {
    test.each([
      ['pxe', 'Pxe', 'Force PXE'],
      ['disk', 'Hdd', 'Force Boot from default Hard-Drive'],
      ['cdrom', 'Cd', 'Force Boot from CD/DVD'],
      ['bios', 'BiosSetup', 'Force Boot into BIOS Setup'],
    ])('sets the boot device %s, once and for good, and reads it back', async (device, target, words) => {
      for (const persistent of [false, true]) {
        const how = persistent ? ['--persistent'] : [];
        await ironic.baremetal('node', 'boot', 'device', 'set', name, device, ...how);
        expect(await ironic.get(`nodes/${name}/management/boot_device`)).toEqual({
          boot_device: device,
          persistent,
        });
        const { Boot: boot } = await redfish('Systems/1');
        const enabled = persistent ? 'Continuous' : 'Once';
        expect([boot.BootSourceOverrideTarget, boot.BootSourceOverrideEnabled]).toEqual([target, enabled]);
        const flags = await bootFlags();
        expect(flags).toContain(`Boot Device Selector : ${words}`);
        expect(flags).toContain(`Options apply to ${persistent ? 'all future boots' : 'only next boot'}`);
      }
    });

    test('chooses the firmware with the boot device: boot_mode uefi and bios', async () => {
      for (const [mode, shown] of [
        ['uefi', 'UEFI'],
        ['bios', 'Legacy'],
      ] as const) {
        await set(name, '--property', `capabilities=boot_mode:${mode}`);
        // The redfish driver has a command of its own for it; the ipmi driver says it with the device.
        if (name === 'by-redfish') await ironic.baremetal('node', 'boot', 'mode', 'set', name, mode);
        await ironic.baremetal('node', 'boot', 'device', 'set', name, 'disk', '--persistent');
        await until(
          `it is ${mode}`,
          async () => (await redfish('Systems/1')).Boot.BootSourceOverrideMode === shown,
          15_000,
        );
      }
    });

    test('turns the server on, reboots it, sends it an NMI and turns it off', async () => {
      await ironic.baremetal('node', 'power', 'on', name, '--power-timeout', '60');
      await isPower(name, 'on');
      const before = appliance.status().qemu;
      const boots = async () => (await appliance.ipmi('chassis', 'restart_cause')).trim();
      expect(before).toBeTypeOf('number');
      await ironic.baremetal('node', 'inject', 'nmi', name);
      const entries = async (id: string): Promise<{ Message: string; Username?: string }[]> =>
        (await redfish(`Managers/1/LogServices/AuditLog/Entries`)).Members.filter(
          (each: { MessageId: string }) => each.MessageId === `QemuBmc.1.0.${id}`,
        );
      const reboots = (await entries('Reset')).length + (await entries('PowerOff')).length;
      await ironic.baremetal('node', 'reboot', name, '--power-timeout', '60');
      await until(
        'it has been reset, or turned off and on',
        async () => (await entries('Reset')).length + (await entries('PowerOff')).length > reboots,
        30_000,
      );
      await isPower(name, 'on');
      expect(await boots()).toContain('command');
      expect((await entries('DiagnosticInterrupt')).at(-1)?.Username).toBe('admin');
      await ironic.baremetal('node', 'power', 'off', name, '--power-timeout', '60');
      await isPower(name, 'off');
      expect(appliance.status().qemu).toBeUndefined();
    });
  });

  test('sees over IPMI what was done over Redfish, and shuts a guest down softly', async () => {
    await set('by-redfish', '--property', 'capabilities=boot_mode:bios');
    await ironic.baremetal('node', 'boot', 'device', 'set', 'by-redfish', 'disk', '--persistent');
    await ironic.baremetal('node', 'power', 'on', 'by-redfish', '--power-timeout', '60');
    await isPower('by-redfish', 'on');
    // Ironic looks at the power of all its nodes now and then.
    await isPower('by-ipmi', 'on');
    await until('the guest is up', () => /demo: ready boot=disk/.test(lastBoot()), 120_000, 500);
    await ironic.baremetal('node', 'power', 'off', 'by-ipmi', '--soft', '--power-timeout', '90');
    await isPower('by-ipmi', 'off');
    expect(lastBoot()).toMatch(/Power down/);
  });

  test('opens the console by ipmitool and socat: the guest’s own words come', async () => {
    await ironic.baremetal('node', 'console', 'enable', 'by-ipmi');
    const { console_info: shown } = await until('the console is open', async () => {
      const state = await ironic.get('nodes/by-ipmi/states/console');
      return state.console_enabled === true && state;
    });
    expect(shown).toEqual({ type: 'socat', url: `tcp://127.0.0.1:${consolePort}` });
    let said = '';
    const socket = connect(consolePort, '127.0.0.1').setEncoding('latin1');
    socket.on('data', (text: string) => {
      said += text;
    });
    try {
      await until('SOL is open', () => said.includes('SOL Session operational'), 30_000);
      await ironic.baremetal('node', 'power', 'on', 'by-redfish', '--power-timeout', '60');
      await until('the guest speaks', () => /demo login:/.test(said), 120_000, 500);
    } finally {
      socket.destroy();
    }
    await ironic.baremetal('node', 'console', 'disable', 'by-ipmi');
    await until('SOL is closed', async () => {
      const { stdout } = await appliance
        .ipmitool('sol', 'payload', 'status', '1', '1')
        .catch(() => ({ stdout: '' }));
      const { console_enabled: open } = await ironic.get('nodes/by-ipmi/states/console');
      return open === false && !/active on/.test(stdout);
    });
    await ironic.baremetal('node', 'power', 'off', 'by-redfish', '--power-timeout', '60');
    await isPower('by-redfish', 'off');
  });

  test('passes raw commands on, and makes the BMC start anew', async () => {
    const call = (method: string, ...args: string[]) =>
      ironic.baremetal('node', 'passthru', 'call', 'by-ipmi', method, '--http-method', 'POST', ...args);
    // Chassis Identify, for ever.
    await call('send_raw', '--arg', 'raw_bytes=0x00 0x04 0x00 0x01');
    await until(
      'the light is on',
      async () => (await redfish('Systems/1')).LocationIndicatorActive === true,
      20_000,
    );
    const { bmc } = appliance.status();
    await call('bmc_reset', '--arg', 'warm=false');
    await until('another BMC is there', () => appliance.status().bmc !== bmc, 30_000);
    await until('it answers', async () => (await redfish('')).RedfishVersion !== undefined, 30_000);
  });

  test('deploys from an ISO image by virtual media: the guest boots from it, once', async () => {
    const url = `http://127.0.0.1:${(images.address() as AddressInfo).port}/demo.iso`;
    await set('by-redfish', '--boot-interface', 'redfish-virtual-media', '--deploy-interface', 'ramdisk');
    await set('by-redfish', '--instance-info', `boot_iso=${url}`);
    await ironic.baremetal('node', 'provide', 'by-redfish', '--wait', '60');
    await ironic.baremetal('node', 'deploy', 'by-redfish', '--wait', '100');
    const { provision_state: state, last_error: error } = await node('by-redfish');
    expect({ state, error }).toEqual({ state: 'active', error: null });
    expect(await redfish('Systems/1/VirtualMedia/Cd')).toMatchObject({ Image: url, Inserted: true });
    await until('it has booted from the CD', () => /demo: ready boot=cdrom/.test(lastBoot()), 120_000, 500);
    await ironic.baremetal('node', 'undeploy', 'by-redfish', '--wait', '60');
    expect(await redfish('Systems/1/VirtualMedia/Cd')).toMatchObject({ Image: null, Inserted: false });
    await isPower('by-redfish', 'off');
  });

  test('has logged no error in all this', () => {
    expect(ironic.errors).toEqual([]);
  });
});

/** What the guest has said since its firmware last came up. */
function lastBoot(): string {
  return appliance.serialLog().slice(-60_000);
}
