/**
 * What Redfish does beyond power, in a container whose BMC and QEMU are two users: whatever one makes for the other, the
 * other can open.
 */
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoDir } from '../../src/config/package-paths.ts';
import { BmcContainer, containerImage } from '../support/docker.ts';
import { freeTcpPort, run, until } from '../support/processes.ts';
import { ask, logIn, WebConsole } from '../support/web-console.ts';

const { image = '', skipped } = containerImage();
const qemuUid = 6230;

describe.skipIf(image === '')(`Redfish in a container${skipped}`, () => {
  let server: BmcContainer;
  let port: number;
  let admin: Record<string, string>;
  let library: string;
  let images: Server;
  /** Byte ranges that were asked for, or all of it. */
  const asked: string[] = [];

  beforeAll(async () => {
    library = mkdtempSync(join(tmpdir(), 'qemu-bmc-library-'));
    chmodSync(library, 0o755);
    copyFileSync(join(demoDir, 'demo.iso'), join(library, 'own.iso'));
    port = await freeTcpPort();
    server = await BmcContainer.start({
      image,
      args: ['-p', `127.0.0.1:${port}:443`, '-v', `${library}:/iso:ro`],
      env: {
        ...{ VM_BOOT_MODE: 'uefi', VM_DISK: 'none', VM_MEMORY: '256', VM_NETWORKS: 'none' },
        ...{ POWER_ON_AT_START: 'false', MEDIA_ALLOW: '172.16.0.0/12,192.168.0.0/16' },
      },
    });
    admin = { 'x-auth-token': (await logIn(port)).token };
  });
  afterAll(async () => {
    await server?.remove();
    await new Promise((resolve) => (images ? images.close(resolve) : resolve(undefined)));
    if (library) rmSync(library, { recursive: true, force: true });
  });

  const get = async (path: string) =>
    (await ask(port, 'GET', `/redfish/v1/${path}`, { headers: admin })).body;
  const send = async (method: string, path: string, body: object) => {
    const { status, bytes } = await ask(port, method, `/redfish/v1/${path}`, { headers: admin, body });
    expect(status, bytes.toString()).toBeLessThan(300);
  };
  const insert = async (drive: string, Image: string) => {
    await send('POST', `Systems/1/VirtualMedia/${drive}/Actions/VirtualMedia.InsertMedia`, { Image });
    await until('it is inserted', async () => (await get(`Systems/1/VirtualMedia/${drive}`)).Inserted);
  };

  /** On the host's own address in the container's network, with ranges. @returns where the demo CD is */
  async function serve(): Promise<string> {
    const iso = readFileSync(join(demoDir, 'demo.iso'));
    images = createServer(({ headers: { range } }, response) => {
      asked.push(range ?? 'all of it');
      const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
      const from = Number(first ?? 0);
      const part = iso.subarray(from, last ? Number(last) + 1 : undefined);
      response.writeHead(first === undefined ? 200 : 206, {
        ...{ etag: '"demo"', 'content-length': part.length },
        ...(first !== undefined && {
          'content-range': `bytes ${from}-${from + part.length - 1}/${iso.length}`,
        }),
      });
      response.end(part);
    });
    const gateways = await server.inspect('{{range .NetworkSettings.Networks}}{{.Gateway}} {{end}}');
    const host = gateways.split(' ')[0] ?? '';
    await new Promise<void>((resolve) => images.listen(0, host, resolve));
    return `http://${host}:${(images.address() as AddressInfo).port}/demo.iso`;
  }

  it('shows the web console, whose parts are all there', async () => {
    const page = (await ask(port, 'GET', '/')).bytes.toString();
    const parts = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = '']) => path);
    expect(parts.length).toBeGreaterThan(1);
    for (const path of parts) {
      const { status, bytes } = await ask(port, 'GET', path);
      expect([path, status, bytes.length > 0]).toEqual([path, 200, true]);
    }
  });

  it('starts QEMU with firmware, a TPM and media that the BMC has: a CD that stays on its server boots', async () => {
    await send('PATCH', 'Systems/1/Bios/Settings', { Attributes: { TpmSupport: 'Enabled' } });
    const firmware = join(library, 'OVMF_CODE.fd');
    const copied = await run('docker', ['cp', `${server.name}:/usr/share/OVMF/OVMF_CODE_4M.fd`, firmware]);
    expect(copied.stderr).not.toContain('Error');
    const uploaded = await run('curl', [
      ...[
        '-sk',
        '-w',
        '%{http_code}',
        '-u',
        'admin:password',
        '-F',
        'UpdateParameters={};type=application/json',
      ],
      ...['-F', `UpdateFile=@${firmware};type=application/octet-stream`],
      `https://127.0.0.1:${port}/redfish/v1/UpdateService/upload`,
    ]);
    expect(uploaded.stdout).toMatch(/202$/);
    await until('the firmware is taken', async () => {
      const { Members } = await get('TaskService/Tasks?$expand=.');
      return (
        Members.length > 0 && Members.every((task: { TaskState: string }) => task.TaskState === 'Completed')
      );
    });
    await insert('Usb', 'file:///own.iso');
    await insert('Cd', await serve());
    expect((await get('Systems/1/VirtualMedia/Cd')).TransferMethod).toBe('Stream');
    await send('PATCH', 'Systems/1', {
      Boot: { BootSourceOverrideTarget: 'Cd', BootSourceOverrideEnabled: 'Once' },
    });
    await send('POST', 'Systems/1/Actions/ComputerSystem.Reset', { ResetType: 'On' });
    await until('the machine is on', () => server.isOn(), 30_000);

    const processes = await server.processes();
    for (const name of ['qemu-system', 'swtpm']) {
      expect(processes.find((each) => each.name.startsWith(name))?.uid, name).toBe(qemuUid);
    }
    const { TrustedModules } = await get('Systems/1');
    expect(TrustedModules).toEqual([{ InterfaceType: 'TPM2_0', Status: { State: 'Enabled', Health: 'OK' } }]);
    expect((await get('UpdateService/FirmwareInventory/Uefi')).Active).toBe(true);
    const { stdout: argv } = await server.exec('cat', `/run/qemu-bmc/qemu.args`);
    expect(argv).toMatch(/\/var\/lib\/qemu-bmc\/firmware\/uefi-[0-9a-f]{16}\.fd/);
    await until(
      'the boot loader of the CD',
      async () => (await server.serialLog()).includes('GRUB boots from cdrom'),
      240_000,
      300,
    );
    expect(asked.length).toBeGreaterThan(2);
    expect(asked).not.toContain('all of it');
  }, 400_000);

  it('shows the screen, as a picture and by WebSocket', async () => {
    const { headers, bytes } = await ask(port, 'GET', '/redfish/v1/Systems/1/Oem/QemuBmc/Screenshot', {
      headers: admin,
    });
    expect(headers['content-type']).toBe('image/png');
    expect(bytes.readUInt32BE(16)).toBeGreaterThanOrEqual(640);
    const screen = await WebConsole.open(port, 'screen', admin);
    try {
      await screen.expectText('RFB 003.008\n');
    } finally {
      screen.close();
    }
  });
});
