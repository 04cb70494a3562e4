/** Firmware that comes over Redfish, in a real QEMU machine: what the machine starts with, as its guest sees it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Bmc } from '../../src/bmc/bmc.ts';
import { HttpService } from '../../src/http-service.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { debianFirmware, type QemuMachineConfig } from '../../src/machine/qemu/config.ts';
import { AddressPolicy } from '../../src/media/address-policy.ts';
import { HttpFetcher } from '../../src/media/http-fetch.ts';
import { FileImages } from '../../src/media/image-store.ts';
import { fileStore } from '../../src/store/file-store.ts';
import { identity, users } from '../support/bmc-on-lan.ts';
import { noEfiDisk, writeEfiDisk } from '../support/efi-disk.ts';
import { run, until } from '../support/processes.ts';
import { qemuFixture } from '../support/qemu.ts';

const seabios = '/usr/share/seabios/bios-256k.bin';
const python = '/usr/bin/python3';
const hasSushy = spawnSync(python, ['-c', 'import sushy'], { stdio: 'ignore' }).status === 0;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A BMC with Redfish that keeps its state in files, and a QEMU machine with a small guest. */
async function server(config: Partial<QemuMachineConfig> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-update-'));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const lab = qemuFixture(config);
  ends.push(() => lab.cleanUp());
  const store = fileStore(join(folder, 'state'), () => undefined);
  const policy = new AddressPolicy({ allow: ['127.0.0.1/32'], deny: [] });

  /** One life of the BMC; the machine goes on between two of them. */
  async function life() {
    const bmc = new Bmc({
      ...{
        machine: lab.machine().machine,
        identity,
        users,
        restorePolicy: 'always-off',
        softOffTimeoutMs: 20_000,
      },
      ...{ store, clock: systemClock, random: systemRandom(), log: silentLogger },
      media: {
        images: new FileImages({ directory: join(folder, 'media'), maxBytes: 1024 * 1024 }),
        fetcher: new HttpFetcher({ policy }),
      },
    });
    const options = { bmc, address: '127.0.0.1', port: 0, ipmiPort: 623, compatibility: true };
    const web = await HttpService.start(options);
    await bmc.start({ powerReturned: false, powerOn: false });
    let isOver = false;
    const end = async (options: { shutdownGraceMs?: number } = {}) => {
      if (isOver) return;
      isOver = true;
      await web.stop();
      await bmc.stop(options);
    };
    ends.push(() => end({ shutdownGraceMs: 0 }));
    return { bmc, web, end };
  }

  let now = await life();
  const root = () => `https://127.0.0.1:${now.web.address.port}/redfish/v1`;
  const curl = async (...args: string[]) => {
    const { stdout } = await run('curl', ['-sk', '-u', 'admin:password', ...args]);
    return stdout === '' ? {} : JSON.parse(stdout);
  };
  const get = (path: string) => curl(root() + path);
  const post = (path: string, body: object) =>
    curl('-H', 'Content-Type: application/json', '-d', JSON.stringify(body), root() + path);
  const done = async (answer: { '@odata.id': string }) => {
    const path = answer['@odata.id'].replace('/redfish/v1', '');
    await until('the task is over', async () => (await get(path)).TaskState !== 'Running', 20_000);
    return get(path);
  };
  const said = (from = 0) =>
    Buffer.from(now.bmc.console.history(64 * 1024))
      .toString('latin1')
      .slice(from);
  return {
    folder,
    get,
    post,
    done,
    root,
    reset: (ResetType: string) => post('/Systems/1/Actions/ComputerSystem.Reset', { ResetType }),
    /** As curl users do it. */
    upload: async (file: string, parameters: object = {}) =>
      done(
        await curl(
          ...['-F', `UpdateParameters=${JSON.stringify(parameters)};type=application/json`],
          ...['-F', `UpdateFile=@${file};type=application/octet-stream`, `${root()}/UpdateService/upload`],
        ),
      ),
    /** Waits for what the guest says after this moment. */
    next: (text: string, limitMs = 60_000) => {
      const from = said().length;
      return () => until(text, () => said(from).includes(text), limitMs);
    },
    arguments: () => readFileSync(`/proc/${lab.process().pid}/cmdline`, 'latin1').split('\0'),
    restartBmc: async () => {
      await now.end();
      now = await life();
    },
  };
}

/** SeaBIOS that calls itself otherwise, which it says on the console too. */
function otherBios(path: string): { readonly file: string; readonly version: string } {
  const image = readFileSync(seabios).toString('latin1');
  const [, version = ''] = /\0([\w.+-]+-debian-[\w.+-]+)\0/.exec(image) ?? [];
  const other = version.replace(/\d(?=\D*$)/, '9').replace(/-debian-\d/, '-debian-9');
  writeFileSync(path, Buffer.from(image.replace(`\0${version}\0`, `\0${other}\0`), 'latin1'));
  return { file: path, version: other };
}

test.skipIf(!existsSync(seabios))(
  'a BIOS that curl uploads is what the machine starts with at its next reset, over restarts of the BMC, until it is taken back',
  async () => {
    const { folder, get, post, reset, upload, next, restartBmc } = await server();
    const { file, version } = otherBios(join(folder, 'bios.bin'));
    const packaged = next('tiny: boot=D');
    await reset('On');
    await packaged();
    const before = (await get('/Systems/1')).BiosVersion;

    const task = await upload(file);
    expect(task).toMatchObject({ TaskState: 'Completed' });
    expect((await get('/Systems/1')).BiosVersion).toBe(before);
    const other = next(`SeaBIOS (version ${version})`);
    await reset('ForceRestart');
    await other();
    const shown = `SeaBIOS ${version.replace(/.*-debian-/, '')}`;
    expect((await get('/Systems/1')).BiosVersion).toBe(shown);
    const bios = '/UpdateService/FirmwareInventory/Bios';
    expect(await get(bios)).toMatchObject({ Version: shown, Active: true, Status: { State: 'Enabled' } });

    await restartBmc();
    expect((await get('/Systems/1')).BiosVersion).toBe(shown);
    await post(`${bios}Standby/Actions/SoftwareInventory.Activate`, {});
    expect(await get(bios)).toMatchObject({ Version: before, Active: false, Status: { State: 'Updating' } });
    const back = next('tiny: boot=D');
    await reset('ForceRestart');
    await back();
    expect(await get('/Systems/1')).toMatchObject({ BiosVersion: before, PowerState: 'On' });

    writeFileSync(file, 'no firmware');
    const refused = await upload(file, { '@Redfish.OperationApplyTime': 'Immediate' });
    expect(refused.TaskState).toBe('Exception');
    expect(JSON.stringify(refused.Messages)).toContain('a BIOS has 128, 256, 512, 1024 KiB');
  },
  120_000,
);

const notHere = noEfiDisk ?? (existsSync(debianFirmware.ovmfCode) ? undefined : 'package ovmf is missing');

test.skipIf(notHere)(
  `OVMF that the BMC fetches starts the machine at once, and other UEFI variables at its next reset${notHere ? ` [skipped: ${notHere}]` : ''}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-efi-'));
    ends.push(() => rmSync(folder, { recursive: true, force: true }));
    const path = writeEfiDisk(folder, 'started by other firmware');
    const {
      get,
      post,
      reset,
      upload,
      done,
      next,
      root,
      arguments: argv,
    } = await server({
      ...{ memoryMb: 256, bootMode: 'uefi', disks: [{ path, format: 'raw' }] },
    });
    // The space between volumes belongs to nobody: another image that starts the same.
    const image = Buffer.from(readFileSync(debianFirmware.ovmfCode));
    const free = image.lastIndexOf(Buffer.alloc(4096, 0xff));
    image[free + 2048] = 0xfe;
    const images = createServer((_, response) =>
      response.setHeader('content-length', image.length).end(image),
    );
    await new Promise<void>((resolve) => images.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => images.close(resolve)));
    const ImageURI = `http://127.0.0.1:${(images.address() as AddressInfo).port}/OVMF_CODE.fd`;

    await reset('On');
    await until('the machine is on', async () => (await get('/Systems/1')).PowerState === 'On', 20_000);
    const runs = next('started by other firmware', 120_000);
    const body = { ImageURI, '@Redfish.OperationApplyTime': 'Immediate' };
    const answer = await post('/UpdateService/Actions/UpdateService.SimpleUpdate', body);
    expect(await done(answer)).toMatchObject({ TaskState: 'Completed' });
    await until(
      'it is in use',
      async () => (await get('/UpdateService/FirmwareInventory/Uefi')).Active,
      20_000,
    );
    expect(argv().some((text) => /"filename":"[^"]*\/firmware\/uefi-[0-9a-f]+\.fd"/.test(text))).toBe(true);
    await runs();
    expect((await get('/Systems/1')).BiosVersion).toMatch(/^sha256:[0-9a-f]{16}$/);

    if (hasSushy) {
      const script = [
        'import sushy, urllib3; urllib3.disable_warnings()',
        `s = sushy.Sushy('${root()}', 'admin', 'password', verify=False)`,
        'u = s.get_update_service()',
        `u.simple_update('${ImageURI}', ['/redfish/v1/UpdateService/FirmwareInventory/Uefi'], sushy.UPDATE_PROTOCOL_HTTP)`,
        'print(u.firmware_inventory.get_members()[0].version)',
      ].join('\n');
      // A bundle of authorities in the environment would come before what the script says.
      const { REQUESTS_CA_BUNDLE: _, CURL_CA_BUNDLE: __, ...env } = process.env;
      const { code, stdout, stderr } = await run(python, ['-c', script], { env });
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('Error') });
      expect(stdout.trim()).toBe(identity.firmwareVersion);
    }

    await until('no update is under way', async () => {
      const { Members } = await get('/TaskService/Tasks?$expand=.');
      return Members.every(({ TaskState }: { TaskState: string }) => TaskState === 'Completed');
    });
    expect(await upload(debianFirmware.ovmfVarsTemplate)).toMatchObject({ TaskState: 'Completed' });
    const again = next('started by other firmware', 120_000);
    const before = argv().join();
    await reset('ForceRestart');
    await again();
    expect(argv().join()).toBe(before);
  },
  300_000,
);
