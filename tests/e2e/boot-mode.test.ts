/**
 * The firmware that an override brings, with real QEMU: a reset that needs another firmware is made by another QEMU,
 * and is one reset to everybody above the driver.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { BootOverride } from '../../src/bmc/boot.ts';
import { bootQuietMs } from '../../src/machine/qemu/boot-settler.ts';
import { debianFirmware } from '../../src/machine/qemu/config.ts';
import { isAlive } from '../../src/machine/qemu/process.ts';
import { resetEchoMs } from '../../src/machine/qemu/reset-filter.ts';
import { eventually, type QemuFixture, qemuFixture } from '../support/qemu.ts';

const uefi: BootOverride = { target: 'disk', persistent: true, firmware: 'uefi' };
/** What OVMF says on the serial line when it looks for something to boot. */
const ovmfSpeaks = 'BdsDxe';

const fixtures: QemuFixture[] = [];
function fixture(...args: Parameters<typeof qemuFixture>): QemuFixture {
  const made = qemuFixture(...args);
  fixtures.push(made);
  return made;
}

afterEach(async () => {
  for (const each of fixtures.splice(0)) await each.cleanUp();
});

describe.skipIf(!existsSync(debianFirmware.ovmfCode))(
  'with Debian’s OVMF (package ovmf), an override',
  () => {
    test('by UEFI is followed by a reset, known to a BMC that restarts, and given up by the next reset', async () => {
      const lab = fixture({ memoryMb: 256 });
      const variables = join(lab.dir, 'state/ovmf-vars.fd');
      const first = lab.machine();
      await first.machine.powerOn();
      await first.until('tiny: boot=D');
      expect(first.machine.hardware.firmware).toBe('bios');
      expect(existsSync(variables)).toBe(false);
      const legacy = lab.process();
      first.machine.setBootOverride(uefi);
      let gaps = 0;
      const watching = setInterval(() => {
        if (!first.machine.running) gaps++;
      }, 1);
      await first.machine.reset();
      await first.until(ovmfSpeaks);
      clearInterval(watching);
      expect(gaps).toBe(0);
      expect(first.events).toEqual([
        { kind: 'started', adopted: false },
        { kind: 'reset', by: 'bmc' },
      ]);
      expect([isAlive(legacy), first.machine.hardware.firmware]).toEqual([false, 'uefi']);
      const { ino } = statSync(variables);
      await first.machine.close();

      const second = lab.machine();
      second.machine.setBootOverride(uefi);
      await second.machine.open();
      expect(second.machine.hardware.firmware).toBe('uefi');
      const { pid } = lab.process();
      // The same firmware as before: an ordinary reset.
      await second.machine.reset();
      await second.until(ovmfSpeaks);
      expect(lab.process().pid).toBe(pid);
      second.machine.setBootOverride(undefined);
      await second.machine.reset();
      await second.until('tiny: boot=D');
      expect(second.machine.hardware.firmware).toBe('bios');
      second.machine.setBootOverride(uefi);
      await second.machine.reset();
      await second.until(ovmfSpeaks);
      expect(statSync(variables).ino).toBe(ino);
      expect(second.events).toEqual([
        { kind: 'started', adopted: true },
        { kind: 'reset', by: 'bmc' },
        { kind: 'reset', by: 'bmc' },
        { kind: 'reset', by: 'bmc' },
      ]);
    }, 120_000);

    test('by UEFI is followed by a guest that reboots itself', async () => {
      const lab = fixture({ memoryMb: 256 });
      const { machine, until, events } = lab.machine();
      await machine.powerOn();
      await until('tiny: boot=D');
      machine.setBootOverride(uefi);
      // Below this time a change waits, since the boot in progress may still read it.
      await sleep(bootQuietMs + 500);
      machine.console.send(Buffer.from('r'));
      await until(ovmfSpeaks);
      expect(machine.hardware.firmware).toBe('uefi');
      expect(events).toEqual([
        { kind: 'started', adopted: false },
        { kind: 'reset', by: 'guest' },
      ]);
    });

    test('by legacy firmware is followed by a UEFI machine', async () => {
      const { machine, until } = fixture({ bootMode: 'uefi', memoryMb: 256 }).machine();
      machine.setBootOverride({ target: 'disk', persistent: false, firmware: 'bios' });
      await machine.powerOn();
      await until('tiny: boot=D');
      machine.setBootOverride(undefined);
      await machine.reset();
      await until(ovmfSpeaks);
    });

    test('may be overtaken by force-off: then the power is off', async () => {
      const lab = fixture({ memoryMb: 256 });
      const { machine, until, events } = lab.machine();
      await machine.powerOn();
      await until('tiny: boot=D');
      machine.setBootOverride(uefi);
      const reset = machine.reset().catch(() => undefined);
      await machine.forceOff();
      await reset;
      expect(machine.running).toBe(false);
      expect(events.at(-1)).toMatchObject({ kind: 'stopped', why: 'forced' });
      expect(existsSync(join(lab.runDir, 'qemu.pid'))).toBe(false);
    });
  },
);

describe('an override by a firmware that is not installed', () => {
  const missing = { ovmfCode: '/nonexistent/CODE.fd', ovmfVarsTemplate: '/nonexistent/VARS.fd' };
  const firmware = { ...missing, secure: missing };

  test('is refused by a reset, and the guest goes on', async () => {
    const { machine, until, events } = fixture({ firmware }).machine();
    await machine.powerOn();
    await until('tiny: boot=D');
    machine.setBootOverride(uefi);
    await expect(machine.reset()).rejects.toThrow(/ovmf/);
    machine.console.send(Buffer.from('alive'));
    await until('alive');
    expect(events).toEqual([{ kind: 'started', adopted: false }]);
  });

  test('leaves a guest that reboots itself its own', async () => {
    const { machine, until, clearOutput, event } = fixture({ firmware }).machine();
    await machine.powerOn();
    await until('tiny: boot=D');
    machine.setBootOverride(uefi);
    await sleep(bootQuietMs + 500);
    clearOutput();
    machine.console.send(Buffer.from('r'));
    await until('tiny: boot=D');
    expect(await event('reset')).toEqual({ kind: 'reset', by: 'guest' });
  });
});

describe('other hardware', () => {
  test('comes with the next reset, by whomever, and with nothing before', async () => {
    const lab = fixture();
    const { machine, until, clearOutput, events } = lab.machine();
    const wanted = { cpus: 1, memoryMb: 64 };
    machine.setUpBy(() => ({ labels: undefined, hardware: { ...wanted } }));
    const running = () =>
      readFileSync(`/proc/${lab.process().pid}/cmdline`, 'latin1')
        .match(/\0-m\0(\d+)\0-smp\0(\d+)\0/)
        ?.slice(1);
    await machine.powerOn();
    await until('tiny: boot=D');
    wanted.cpus = 2;
    expect(machine.hardware).toMatchObject({ cpus: 1, memoryMb: 64, firmware: 'bios' });
    clearOutput();
    await machine.reset();
    await until('tiny: boot=D');
    expect(machine.hardware.cpus).toBe(2);
    expect(running()).toEqual(['64', '2']);
    wanted.memoryMb = 96;
    // The firmware's own resets come within this time after a start, and are none of the guest's.
    await sleep(resetEchoMs + 500);
    clearOutput();
    machine.console.send(Buffer.from('r'));
    await until('tiny: boot=D');
    expect(running()).toEqual(['96', '2']);
    expect(events.slice(1)).toEqual([
      { kind: 'reset', by: 'bmc' },
      { kind: 'reset', by: 'guest' },
    ]);
  });
});

test('serial redirection that is off leaves the serial port to the guest, but for a boot into the setup', async () => {
  const { machine, until, clearOutput, output } = fixture().machine();
  machine.setUpBy(() => ({ labels: undefined, hardware: { serialRedirection: false } }));
  await machine.powerOn();
  await until('tiny: boot=D');
  expect(output()).not.toContain('SeaBIOS');
  machine.setBootOverride({ target: 'bios-setup', persistent: false });
  await machine.reset();
  await until('Select boot device');
  machine.setBootOverride(undefined);
  clearOutput();
  await machine.reset();
  await until('tiny: boot=D');
  expect(output()).not.toContain('SeaBIOS');
  machine.setUpBy(() => ({ labels: undefined, hardware: {} }));
  await machine.reset();
  await until('SeaBIOS');
});

describe('a pause', () => {
  test('stops the guest, outlives the BMC, and ends with a resume', async () => {
    const lab = fixture();
    const first = lab.machine();
    await first.machine.powerOn();
    await first.until('tiny: boot=D');
    await first.machine.pause();
    await first.machine.pause();
    await first.event('paused');
    first.machine.console.send(Buffer.from('x'));
    await first.machine.close();

    const second = lab.machine();
    await second.machine.open();
    expect(second.events).toEqual([{ kind: 'started', adopted: true }, { kind: 'paused' }]);
    expect(second.machine.running).toBe(true);
    second.clearOutput();
    await second.machine.resume();
    await second.event('resumed');
    // What was typed meanwhile was not heard, nor lost.
    await second.until('x');
    await second.machine.pause();
    await eventually(() => second.events.at(-1)?.kind === 'paused', 'pause', 2000);
    second.clearOutput();
    await second.machine.reset();
    await second.until('tiny: boot=D');
    expect(second.events.slice(-2)).toEqual([{ kind: 'reset', by: 'bmc' }, { kind: 'resumed' }]);
  });
});
