/** What Redfish sets of a system, in a real QEMU machine: boot order, firmware settings, orderly restart, secure boot. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Bmc } from '../../src/bmc/bmc.ts';
import { memoryStore } from '../../src/bmc/store.ts';
import { HttpService } from '../../src/http-service.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { debianFirmware, type QemuMachineConfig } from '../../src/machine/qemu/config.ts';
import { identity, users } from '../support/bmc-on-lan.ts';
import { noEfiDisk, writeEfiDisk } from '../support/efi-disk.ts';
import { run, until } from '../support/processes.ts';
import { type QemuFixture, qemuFixture } from '../support/qemu.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A BMC with Redfish, and a QEMU machine with the tiny guest. */
async function server(config: Partial<QemuMachineConfig> = {}) {
  const lab: QemuFixture = qemuFixture(config);
  ends.push(() => lab.cleanUp());
  const { machine } = lab.machine();
  const bmc = new Bmc({
    ...{ machine, identity, users, restorePolicy: 'always-off', softOffTimeoutMs: 20_000 },
    ...{ store: memoryStore(), clock: systemClock, random: systemRandom(), log: silentLogger },
  });
  const web = await HttpService.start({
    bmc,
    address: '127.0.0.1',
    port: 0,
    ipmiPort: 623,
    compatibility: true,
  });
  ends.push(() => web.stop());
  await bmc.start({ powerReturned: true, powerOn: false });
  ends.push(() => bmc.stop({ shutdownGraceMs: 0 }));

  const ask = async (method: string, path: string, body?: object) => {
    const url = `https://127.0.0.1:${web.address.port}/redfish/v1/Systems/1${path}`;
    const sent = body ? ['-H', 'Content-Type: application/json', '-d', JSON.stringify(body)] : [];
    const { stdout: output } = await run('curl', ['-sk', '-u', 'admin:password', '-X', method, ...sent, url]);
    return output === '' ? {} : JSON.parse(output);
  };
  const reset = (ResetType: string) => ask('POST', '/Actions/ComputerSystem.Reset', { ResetType });
  const said = (from = 0) =>
    Buffer.from(bmc.console.history(64 * 1024))
      .toString('latin1')
      .slice(from);
  /** Waits for what the guest says after this moment. */
  const next = (text: string) => {
    const from = said().length;
    return () => until(text, () => said(from).includes(text), 60_000);
  };
  const argument = (option: string) => {
    const argv = readFileSync(`/proc/${lab.process().pid}/cmdline`, 'latin1').split('\0');
    return argv[argv.indexOf(option) + 1];
  };
  return { bmc, ask, reset, next, argument, said };
}

describe('what Redfish sets', () => {
  test('is in force after an orderly restart: boot order and firmware settings', async () => {
    const { bmc, ask, reset, next, argument } = await server();
    const disk = next('tiny: boot=D');
    await reset('On');
    await disk();
    const { Boot, BiosVersion, PCIeDevices } = await ask('GET', '');
    expect(Boot.BootOrder[0]).toBe('disk0');
    expect(BiosVersion).toMatch(/^SeaBIOS \d/);
    expect(PCIeDevices.length).toBeGreaterThan(4);
    const card = await ask('GET', '/PCIeDevices/disk0/PCIeFunctions/1');
    expect(card).toMatchObject({ VendorId: '0x1AF4', DeviceClass: 'MassStorageController' });
    expect((await ask('GET', '/Storage/1/Drives/disk0')).CapacityBytes).toBe(1024 * 1024);

    const order = ['cd0', ...Boot.BootOrder.filter((id: string) => id !== 'cd0')];
    expect((await ask('PATCH', '', { Boot: { BootOrder: order } })).Boot.BootOrder).toEqual(order);
    const wishes = { ProcessorCount: 2, HyperThreading: 'Enabled', MemorySizeMiB: 96 };
    await ask('PATCH', '/Bios/Settings', { Attributes: wishes });
    expect((await ask('GET', '/Bios')).Attributes).toMatchObject({ ProcessorCount: 1, MemorySizeMiB: 64 });
    const cd = next('tiny: boot=C');
    await reset('GracefulRestart');
    await cd();
    expect(bmc.events.list().map(({ kind }) => kind)).toContain('guest-shutdown');
    expect([argument('-m'), argument('-smp')]).toEqual(['96', 'cpus=2,sockets=1,cores=1,threads=2']);
    expect((await ask('GET', '/Bios')).Attributes).toMatchObject(wishes);
    // The same order once more, now by a reset that needs no other QEMU.
    const again = next('tiny: boot=C');
    await reset('ForceRestart');
    await again();
    const once = next('tiny: boot=D');
    await ask('PATCH', '', { Boot: { BootSourceOverrideTarget: 'Hdd', BootSourceOverrideEnabled: 'Once' } });
    await reset('ForceRestart');
    await once();
  }, 120_000);
});

const notHere =
  noEfiDisk ?? (existsSync(debianFirmware.secure.ovmfCode) ? undefined : 'package ovmf is missing');

test.skipIf(notHere)(
  `secure boot keeps unsigned programs from running until it is off${notHere ? ` [skipped: ${notHere}]` : ''}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-efi-'));
    ends.push(async () => rmSync(folder, { recursive: true, force: true }));
    const path = writeEfiDisk(folder, 'nobody has signed this');
    const { bmc, ask, reset, next, said } = await server({
      ...{ memoryMb: 256, bootMode: 'uefi', disks: [{ path, format: 'raw' }] },
    });
    const setting = async () => {
      const { SecureBootEnable, SecureBootCurrentBoot } = await ask('GET', '/SecureBoot');
      return [SecureBootEnable, SecureBootCurrentBoot];
    };
    const runs = next('nobody has signed this');
    await reset('On');
    await runs();
    await ask('PATCH', '/SecureBoot', { SecureBootEnable: true });
    expect(await setting()).toEqual([true, 'Disabled']);
    const from = said().length;
    const refused = next('Access Denied');
    await reset('ForceRestart');
    await refused();
    expect(said(from)).not.toContain('nobody has signed this');
    expect(await setting()).toEqual([true, 'Enabled']);
    expect((await ask('GET', '/SecureBoot')).SecureBootMode).toBe('UserMode');
    await ask('PATCH', '/SecureBoot', { SecureBootEnable: false });
    const runsAgain = next('nobody has signed this');
    await reset('ForceRestart');
    await runsAgain();
    expect(await setting()).toEqual([false, 'Disabled']);
    expect(bmc.power.state).toBe('on');
  },
  240_000,
);
