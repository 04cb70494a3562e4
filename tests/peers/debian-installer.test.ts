/**
 * Debian's installer, from the network boot files that Debian packages, on a CD image that is inserted by its address: it
 * comes up to its first question, by legacy firmware and by UEFI.
 */
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Appliance } from '../support/appliance.ts';
import { run, until } from '../support/processes.ts';

const installer = '/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64';
const isThere = existsSync(join(installer, 'initrd.gz')) && existsSync('/usr/bin/grub-mkrescue');
const why = isThere
  ? ''
  : ' (skipped: debian-installer-12-netboot-amd64 is not installed, see npm run test:peers)';

let folder: string;
let images: Server;
/** Byte ranges that were asked for, or all of it. */
const asked: string[] = [];

beforeAll(async () => {
  if (!isThere) return;
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-installer-'));
  const iso = join(folder, 'installer.iso');
  await makeIso(iso);
  images = createServer((request, response) => {
    asked.push(request.headers.range ?? 'all of it');
    response.setHeader('content-length', statSync(iso).size);
    createReadStream(iso).pipe(response);
  });
  await new Promise<void>((resolve) => images.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await new Promise((resolve) => (images ? images.close(resolve) : resolve(undefined)));
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** One image for both kinds of firmware. */
async function makeIso(file: string): Promise<void> {
  const tree = join(folder, 'tree');
  mkdirSync(join(tree, 'boot/grub'), { recursive: true });
  for (const name of ['linux', 'initrd.gz']) copyFileSync(join(installer, name), join(tree, name));
  writeFileSync(
    join(tree, 'boot/grub/grub.cfg'),
    [
      'set timeout=0',
      'menuentry "Install" {',
      '  linux /linux console=ttyS0,115200n8 ---',
      '  initrd /initrd.gz',
      '}',
    ].join('\n'),
  );
  const made = await run('grub-mkrescue', ['-o', file, tree], { timeoutMs: 60_000 });
  if (made.code !== 0) throw new Error(made.stderr);
}

describe.skipIf(!isThere)(`Debian’s installer${why}`, () => {
  test.each(['bios', 'uefi'])(
    'by %s asks its first question, from the virtual CD, once',
    async (firmware) => {
      const appliance = await Appliance.start({
        VM_BOOT_MODE: firmware,
        VM_MEMORY: '1024',
        VM_DISK: 'none',
        POWER_ON_AT_START: 'false',
        MEDIA_ALLOW: '127.0.0.0/8',
      });
      try {
        // biome-ignore lint/suspicious/noExplicitAny: what a client reads out of JSON is checked by the test that reads it
        const ask = async (method: string, path: string, body?: unknown): Promise<any> => {
          const url = `https://127.0.0.1:${appliance.redfishPort}/redfish/v1/${path}`;
          const words =
            body === undefined ? [] : ['-H', 'content-type: application/json', '-d', JSON.stringify(body)];
          const { stdout } = await run('curl', ['-sk', '-u', 'admin:password', '-X', method, ...words, url]);
          return stdout === '' ? undefined : JSON.parse(stdout);
        };
        const url = `http://127.0.0.1:${(images.address() as AddressInfo).port}/installer.iso`;
        await ask('POST', 'Systems/1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia', { Image: url });
        await until(
          'it is inserted',
          async () => (await ask('GET', 'Systems/1/VirtualMedia/Cd')).Inserted === true,
        );
        expect(asked).not.toEqual([]);
        await ask('PATCH', 'Systems/1', {
          Boot: { BootSourceOverrideTarget: 'Cd', BootSourceOverrideEnabled: 'Once' },
        });
        await ask('POST', 'Systems/1/Actions/ComputerSystem.Reset', { ResetType: 'On' });
        await until(
          'it asks for the language',
          () => /Choose the language to be used/.test(appliance.serialLog()),
          240_000,
          500,
        );
        expect(appliance.serialLog()).toContain('Select a language');
        const { Boot: boot } = await ask('GET', 'Systems/1');
        expect(boot.BootSourceOverrideEnabled).toBe('Disabled');
        // The guest sees how it was started: the installer's own kernel says which firmware it found.
        expect(/efi: EFI v/.test(appliance.serialLog())).toBe(firmware === 'uefi');
        await ask('POST', 'Systems/1/Actions/ComputerSystem.Reset', { ResetType: 'ForceOff' });
      } finally {
        await appliance.stop();
        appliance.clean();
      }
    },
  );
});
