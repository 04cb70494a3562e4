/** Keys of secure boot, put in and taken out over Redfish, and what the real firmware makes of them. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { debianFirmware } from '../../src/machine/qemu/config.ts';
import { makeBootKey, noBootKeys } from '../support/boot-keys.ts';
import { diskOf, noEfiDisk, writeEfiProgram } from '../support/efi-disk.ts';
import { until } from '../support/processes.ts';
import { RedfishMachine } from '../support/redfish-machine.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const notHere =
  noEfiDisk ??
  noBootKeys ??
  (existsSync(debianFirmware.secure.ovmfCode) ? undefined : 'package ovmf is missing');

test.skipIf(notHere)(
  `with keys of one’s own only what they signed boots, without any or with secure boot off everything does, and the firmware’s come back${notHere ? ` [skipped: ${notHere}]` : ''}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-keys-'));
    ends.push(async () => rmSync(folder, { recursive: true, force: true }));
    const key = makeBootKey(folder, 'ours');
    const foreign = diskOf(writeEfiProgram(folder, 'nobody has signed this'), join(folder, 'foreign.img'));
    const ours = diskOf(key.sign(writeEfiProgram(folder, 'signed by us')), join(folder, 'ours.img'));
    const server = await RedfishMachine.start({
      ...{ memoryMb: 256, bootMode: 'uefi' },
      disks: [foreign, ours].map((path) => ({ path, format: 'raw' as const })),
    });
    ends.push(() => server.stop());
    const secureBoot = 'Systems/1/SecureBoot';
    const resetKeys = (ResetKeysType: string) =>
      server.status('POST', `${secureBoot}/Actions/SecureBoot.ResetKeys`, { ResetKeysType });
    const state = async () => {
      const { SecureBootMode, SecureBootCurrentBoot } = await server.ask('GET', secureBoot);
      return [SecureBootMode, SecureBootCurrentBoot];
    };
    const count = async (database: string) =>
      (await server.ask('GET', `${secureBoot}/SecureBootDatabases/${database}/Certificates`)).Members.length;

    // The machine is off: what the firmware came with is there, and goes at once.
    await server.ask('PATCH', secureBoot, { SecureBootEnable: true });
    expect(await state()).toEqual(['UserMode', 'Disabled']);
    const fromVendor = await Promise.all(['PK', 'KEK', 'db'].map(count));
    expect(Math.min(...fromVendor)).toBeGreaterThan(0);
    expect(await resetKeys('DeleteAllKeys')).toBe(204);
    expect(await state()).toEqual(['SetupMode', 'Disabled']);
    for (const database of ['db', 'KEK', 'PK']) {
      const body = { CertificateString: key.certificate, CertificateType: 'PEM' };
      const made = await server.status(
        'POST',
        `${secureBoot}/SecureBootDatabases/${database}/Certificates`,
        body,
      );
      expect(made).toBe(201);
    }
    const runs = server.next('signed by us');
    const from = server.said().length;
    await server.reset('On');
    await runs();
    expect(server.said(from)).toContain('Access Denied');
    expect(server.said(from)).not.toContain('nobody has signed this');
    expect(await state()).toEqual(['UserMode', 'Enabled']);

    // While the firmware runs with its keys, changes wait for the next start: a reset is one.
    expect(await resetKeys('DeletePK')).toBe(204);
    expect([await count('PK'), await count('db')]).toEqual([0, 1]);
    expect(await state()).toEqual(['UserMode', 'Enabled']);
    const anything = server.next('nobody has signed this');
    await server.reset('ForceRestart');
    await anything();
    expect(await state()).toEqual(['SetupMode', 'Disabled']);

    expect(await resetKeys('ResetAllKeysToDefault')).toBe(204);
    const back = server.said().length;
    await server.reset('ForceRestart');
    const refusals = () => server.said(back).match(/Access Denied/g)?.length;
    await until('both are refused', () => refusals() === 2);
    expect(server.said(back)).not.toMatch(/signed (this|by us)/);
    expect(await state()).toEqual(['UserMode', 'Enabled']);
    expect(await Promise.all(['PK', 'KEK', 'db'].map(count))).toEqual(fromVendor);

    await server.ask('PATCH', secureBoot, { SecureBootEnable: false });
    const free = server.next('nobody has signed this');
    await server.reset('ForceRestart');
    await free();
    const { SecureBootEnable, SecureBootCurrentBoot } = await server.ask('GET', secureBoot);
    expect([SecureBootEnable, SecureBootCurrentBoot]).toEqual([false, 'Disabled']);
    expect(server.bmc.power.state).toBe('on');
  },
  240_000,
);
