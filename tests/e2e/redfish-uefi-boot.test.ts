/** Boot overrides that only UEFI firmware's own variables can bring about, followed by a real OVMF. */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { makeSelfSigned } from '../../src/http/certificate.ts';
import { BootOptions } from '../../src/ipmi/boot-options.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { debianFirmware } from '../../src/machine/qemu/config.ts';
import { noEfiDisk, writeEfiDisk } from '../support/efi-disk.ts';
import { userCards } from '../support/qemu.ts';
import { RedfishMachine } from '../support/redfish-machine.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const missing = noEfiDisk ?? (existsSync(debianFirmware.ovmfCode) ? undefined : 'package ovmf is missing');

interface WebServer {
  /** As a guest sees it. */
  readonly uri: string;
  /** What it was asked for. */
  readonly asked: string[];
}

/** A web server with one program. @param tls its certificate and key; plain HTTP without them */
async function webServer(program: Buffer, tls?: { cert: string; key: string }): Promise<WebServer> {
  const asked: string[] = [];
  const answer: RequestListener = (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.setHeader('Content-Length', program.length).end(request.method === 'GET' ? program : undefined);
  };
  const server = (tls ? createTlsServer(tls, answer) : createServer(answer)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    uri: `http${tls ? 's' : ''}://10.0.2.2:${(server.address() as AddressInfo).port}/deploy.efi`,
    asked,
  };
}

test.skipIf(missing)(
  `UefiHttp boots from HttpBootUri, UefiShell, UefiTarget and UefiBootNext from the firmware’s own entries, once or always${missing ? ` [skipped: ${missing}]` : ''}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-uefi-boot-'));
    ends.push(async () => rmSync(folder, { recursive: true, force: true }));
    writeEfiDisk(folder, 'booted over http');
    const program = readFileSync(join(folder, 'bootx64.efi'));
    const web = await webServer(program);
    const { certificate, key } = await makeSelfSigned({
      subject: { commonName: 'images' },
      names: ['10.0.2.2'],
      now: Date.now(),
      random: systemRandom(),
      // Debian 12's OVMF knows no elliptic curves.
      key: generateKeyPairSync('rsa', { modulusLength: 2048 })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
    });
    const overTls = await webServer(program, { cert: certificate, key });
    rmSync(join(folder, 'esp.img'));
    const disk = writeEfiDisk(folder, 'booted the own disk');
    const server = await RedfishMachine.start(
      {
        ...{ memoryMb: 256, bootMode: 'bios', acceleratorMode: 'auto' },
        disks: [{ path: disk, format: 'raw' }],
      },
      userCards('52:54:00:12:34:56'),
    );
    ends.push(() => server.stop());
    const { boot, store, events } = server.bmc;
    const ipmi = new BootOptions({ boot, store, events });
    const state = async () => (await server.ask('GET', 'Systems/1')).Boot;
    const set = async (Boot: object) => {
      expect(await server.status('PATCH', 'Systems/1', { Boot })).toBe(200);
      expect(await state()).toMatchObject(Boot);
    };
    const restarts = async (type: string, ...texts: readonly string[]) => {
      const seen = texts.map((text) => server.next(text, 90_000));
      await server.reset(type);
      for (const each of seen) await each();
    };
    const [shell, shellBegins] = ['Shell> ', 'UEFI Interactive Shell'];

    // By UEFI although the machine is set up for legacy boots, whose choices have no entries.
    expect((await state())['BootSourceOverrideTarget@Redfish.AllowableValues']).toEqual([
      'None',
      'Pxe',
      'Hdd',
      'Cd',
      'BiosSetup',
      'UefiHttp',
      'UefiShell',
    ]);
    await set({
      BootSourceOverrideTarget: 'UefiHttp',
      BootSourceOverrideEnabled: 'Once',
      HttpBootUri: web.uri,
    });
    expect((await state()).BootSourceOverrideMode).toBe('UEFI');
    expect(ipmi.flags).toMatchObject({
      how: { valid: true, persistent: false, efi: true },
      device: { selector: 'none' },
    });
    await restarts('On', `URI: ${web.uri}`, 'booted over http');
    expect(web.asked).toEqual(['HEAD /deploy.efi', 'GET /deploy.efi']);
    expect(await state()).toMatchObject({
      BootSourceOverrideEnabled: 'Disabled',
      BootSourceOverrideTarget: 'None',
      HttpBootUri: web.uri,
    });
    expect(ipmi.flags.how.valid).toBe(false);

    // Over TLS from a server that nobody else trusts.
    const trusted = { CertificateString: certificate, CertificateType: 'PEM' };
    expect(await server.status('POST', 'Systems/1/Boot/Certificates', trusted)).toBe(201);
    await set({ BootSourceOverrideTarget: 'UefiHttp', HttpBootUri: overTls.uri });
    await restarts('ForceRestart', `URI: ${overTls.uri}`, 'booted over http');
    expect(overTls.asked).toEqual(web.asked);

    // Once: the next boot is the machine's own, of whose firmware there are entries now.
    await set({ BootSourceOverrideMode: 'UEFI' });
    await restarts('ForceRestart', 'booted the own disk');
    const { Members } = await server.ask('GET', 'Systems/1/BootOptions?$expand=.');
    const names = Members.map(({ DisplayName }: { DisplayName: string }) => DisplayName);
    expect(names).toEqual(expect.arrayContaining(['Hard disk disk0', 'Network card nic0', 'UiApp']));
    expect(names.join()).not.toContain('BMC');
    const internalShell = Members.find(
      ({ DisplayName }: { DisplayName: string }) => DisplayName === 'EFI Internal Shell',
    );
    expect(internalShell).toMatchObject({
      BootOptionEnabled: true,
      UefiDevicePath: 'Fv(7CB8BDC9-F8EB-4F34-AAEA-3EE4AF6516A1)/FvFile(7C04A583-9E3E-4F1C-AD65-E05268D0B4D1)',
    });
    expect(JSON.stringify(Members)).toContain('MAC(525400123456,0x1)/IPv4(0.0.0.0,');

    await set({ BootSourceOverrideTarget: 'UefiShell', BootSourceOverrideEnabled: 'Continuous' });
    await restarts('ForceRestart', shell);
    const again = server.next(shellBegins, 90_000);
    const keys = server.bmc.console.attach({ mode: 'write', name: 'test' });
    keys.write(Buffer.from('reset\r'));
    keys.detach();
    await again();
    expect((await state()).BootSourceOverrideEnabled).toBe('Continuous');

    await set({
      BootSourceOverrideTarget: 'UefiTarget',
      BootSourceOverrideEnabled: 'Once',
      UefiTargetBootSourceOverride: internalShell.UefiDevicePath,
    });
    await restarts('ForceRestart', shellBegins);
    const uiApp = Members.find(({ DisplayName }: { DisplayName: string }) => DisplayName === 'UiApp');
    await set({
      BootSourceOverrideTarget: 'UefiBootNext',
      BootSourceOverrideEnabled: 'Once',
      BootNext: uiApp.BootOptionReference,
    });
    await restarts('ForceRestart', `starting ${uiApp.Id} "UiApp"`);
    const { BootOrder, BootSourceOverrideTarget } = await state();
    expect(BootSourceOverrideTarget).toBe('None');

    // The order of the devices is OVMF's, too.
    await set({ BootOrder: ['nic0', ...BootOrder.filter((id: string) => id !== 'nic0')] });
    await restarts('ForceRestart', 'Start PXE over IPv');
  },
  400_000,
);
