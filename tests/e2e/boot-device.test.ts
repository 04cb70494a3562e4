/**
 * What `chassis bootdev` and its options make of the demo machine's next boots. That is settled when the boot loader
 * speaks; only a boot that the guest itself is to end goes on to its login.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Appliance } from '../support/appliance.ts';
import { boots, leave, loaded, login, ready } from '../support/demo-boots.ts';
import { until } from '../support/processes.ts';

it.each(['bios', 'uefi'] as const)(
  'under %s is what chassis bootdev says, once or for good, for any kind of reboot',
  { timeout: 400_000 },
  async (mode) => {
    const appliance = await Appliance.start({ VM_BOOT_MODE: mode });
    let count = 0;
    const bootsFrom = async () => (await loaded(appliance, ++count)).from;
    try {
      expect(await loaded(appliance, ++count)).toEqual({ from: 'disk', firmware: mode });
      await appliance.ipmi('chassis', 'bootdev', 'cdrom');
      const flags = await appliance.ipmi('chassis', 'bootparam', 'get', '5');
      expect(flags).toContain('Force Boot from CD/DVD');
      expect(flags).toContain('Options apply to only next boot');
      await appliance.ipmi('power', 'reset');
      expect(await bootsFrom()).toBe('cdrom');
      expect(await appliance.ipmi('chassis', 'bootparam', 'get', '5')).toContain('Boot Flag Invalid');
      await appliance.ipmi('chassis', 'bootdev', 'pxe');
      await appliance.ipmi('power', 'reset');
      expect(await bootsFrom()).toBe('pxe');
      await appliance.ipmi('power', 'cycle');
      expect(await bootsFrom()).toBe('disk');
      expect((await ready(appliance, 1)).slice(1)).toEqual(['disk', mode]);
      await appliance.ipmi('chassis', 'bootdev', 'cdrom', 'options=persistent');
      const terminal = appliance.sol();
      try {
        await login(terminal);
        terminal.type('reboot\r');
        expect(await bootsFrom()).toBe('cdrom');
        await leave(terminal);
      } finally {
        terminal.kill();
      }
      await appliance.ipmi('power', 'reset');
      expect(await bootsFrom()).toBe('cdrom');
      await appliance.ipmi('chassis', 'bootdev', 'none');
      await appliance.ipmi('power', 'cycle');
      expect(await bootsFrom()).toBe('disk');
      expect(boots(appliance.serialLog())).toHaveLength(1);
    } finally {
      await appliance.stop();
      appliance.clean();
    }
  },
);

it('bios is the firmware’s own menu, on the serial console', async () => {
  const appliance = await Appliance.start();
  try {
    await loaded(appliance, 1);
    const terminal = appliance.sol();
    try {
      await terminal.expect('SOL Session operational');
      await appliance.ipmi('chassis', 'bootdev', 'bios');
      await appliance.ipmi('power', 'reset');
      await terminal.expect('Select boot device', 30_000);
    } finally {
      terminal.kill();
    }
  } finally {
    await appliance.stop();
    appliance.clean();
  }
});

it('efiboot has a legacy machine boot by UEFI for the boots that it covers, and for no other', {
  timeout: 400_000,
}, async () => {
  const appliance = await Appliance.start({ VM_BOOT_MODE: 'bios' });
  let [load, boot] = [0, 0];
  const loadedBy = async () => (await loaded(appliance, ++load)).firmware;
  /** The guest agrees. */
  const bootedBy = async () => {
    const by = await loadedBy();
    expect((await ready(appliance, ++boot))[2]).toBe(by);
    return by;
  };
  const flags = () => appliance.ipmi('chassis', 'bootparam', 'get', '5');
  /** The guest’s own. The console stays with its reader when another QEMU takes over. */
  const reboot = async (next: () => Promise<string>) => {
    const terminal = appliance.sol();
    try {
      await login(terminal);
      terminal.type('reboot\r');
      await terminal.expect('Linux version', 90_000);
      const by = await next();
      await leave(terminal);
      return by;
    } finally {
      terminal.kill();
    }
  };
  try {
    expect(await loadedBy()).toBe('bios');
    await appliance.ipmi('chassis', 'bootdev', 'disk', 'options=efiboot');
    expect(await flags()).toContain('BIOS EFI boot');
    expect(await flags()).toContain('Options apply to only next boot');
    await appliance.ipmi('power', 'cycle');
    expect(await bootedBy()).toBe('uefi');
    expect(await flags()).toContain('Boot Flag Invalid');
    expect(await reboot(bootedBy)).toBe('bios');
    await appliance.ipmi('chassis', 'bootdev', 'disk', 'options=persistent,efiboot');
    const pid = appliance.status().qemu;
    expect(await reboot(loadedBy)).toBe('uefi');
    await until('status tells of the QEMU of now', () => appliance.status().qemu !== pid);
    await appliance.ipmi('power', 'cycle');
    expect(await loadedBy()).toBe('uefi');
    expect(await flags()).toContain('BIOS EFI boot');
    expect(await flags()).toContain('Options apply to all future boots');
    await appliance.ipmi('chassis', 'bootdev', 'none');
    await appliance.ipmi('power', 'reset');
    expect(await loadedBy()).toBe('bios');
    // Nothing but what was asked for, and one reset each.
    const events = readFileSync(join(appliance.stateDir, 'events.jsonl'), 'utf8').split('\n');
    expect(events.filter((line) => /crash|failed/.test(line))).toEqual([]);
    expect(events.filter((line) => line.includes('reset by the guest'))).toHaveLength(2);
  } finally {
    await appliance.stop();
    appliance.clean();
  }
});
