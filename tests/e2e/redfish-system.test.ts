/** What Redfish sets of a system, in a real QEMU machine: boot order, firmware settings, orderly restart. */
import { afterEach, describe, expect, test } from 'vitest';
import type { QemuMachineConfig } from '../../src/machine/qemu/config.ts';
import { RedfishMachine } from '../support/redfish-machine.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(config: Partial<QemuMachineConfig> = {}): Promise<RedfishMachine> {
  const server = await RedfishMachine.start(config);
  ends.push(() => server.stop());
  return server;
}

describe('what Redfish sets', () => {
  test('is in force after an orderly restart: boot order and firmware settings', async () => {
    const server = await start();
    const disk = server.next('tiny: boot=D');
    await server.reset('On');
    await disk();
    const { Boot, BiosVersion, PCIeDevices } = await server.ask('GET', 'Systems/1');
    expect(Boot.BootOrder[0]).toBe('disk0');
    expect(BiosVersion).toMatch(/^SeaBIOS \d/);
    expect(PCIeDevices.length).toBeGreaterThan(4);
    const card = await server.ask('GET', 'Systems/1/PCIeDevices/disk0/PCIeFunctions/1');
    expect(card).toMatchObject({ VendorId: '0x1AF4', DeviceClass: 'MassStorageController' });
    expect((await server.ask('GET', 'Systems/1/Storage/1/Drives/disk0')).CapacityBytes).toBe(1024 * 1024);

    const order = ['cd0', ...Boot.BootOrder.filter((id: string) => id !== 'cd0')];
    expect((await server.ask('PATCH', 'Systems/1', { Boot: { BootOrder: order } })).Boot.BootOrder).toEqual(
      order,
    );
    const wishes = { ProcessorCount: 2, HyperThreading: 'Enabled', MemorySizeMiB: 96 };
    await server.ask('PATCH', 'Systems/1/Bios/Settings', { Attributes: wishes });
    expect((await server.ask('GET', 'Systems/1/Bios')).Attributes).toMatchObject({
      ProcessorCount: 1,
      MemorySizeMiB: 64,
    });
    const cd = server.next('tiny: boot=C');
    await server.reset('GracefulRestart');
    await cd();
    expect(server.bmc.events.list().map(({ kind }) => kind)).toContain('guest-shutdown');
    expect([server.argument('-m'), server.argument('-smp')]).toEqual([
      '96',
      'cpus=2,sockets=1,cores=1,threads=2',
    ]);
    expect((await server.ask('GET', 'Systems/1/Bios')).Attributes).toMatchObject(wishes);
    // The same order once more, now by a reset that needs no other QEMU.
    const again = server.next('tiny: boot=C');
    await server.reset('ForceRestart');
    await again();
    const once = server.next('tiny: boot=D');
    await server.ask('PATCH', 'Systems/1', {
      Boot: { BootSourceOverrideTarget: 'Hdd', BootSourceOverrideEnabled: 'Once' },
    });
    await server.reset('ForceRestart');
    await once();
  }, 120_000);
});
