import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BootOverride, type BootTarget, bootTargets } from '../../../../src/bmc/boot.ts';
import { type BootDevice, bootIndexSteps, bootIndices } from '../../../../src/machine/qemu/boot-order.ts';
import { BootSettler } from '../../../../src/machine/qemu/boot-settler.ts';
import { bootClasses } from '../../../../src/machine/qemu/config.ts';
import { ResetFilter } from '../../../../src/machine/qemu/reset-filter.ts';
import { firmwareMenus, SetupKeys } from '../../../../src/machine/qemu/setup-keys.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';

const once = (target: BootTarget): BootOverride => ({ target, persistent: false });

describe('boot order', () => {
  const devices: BootDevice[] = [
    { id: 'disk0', bootClass: 'disk' },
    { id: 'cd0', bootClass: 'cdrom' },
    { id: 'nic0', bootClass: 'pxe' },
    { id: 'disk1', bootClass: 'disk' },
  ];
  const order = (target?: BootTarget, ids: readonly string[] = []) =>
    [...bootIndices(devices, { ids, classes: ['disk', 'cdrom', 'pxe'] }, target)]
      .sort(([, a], [, b]) => a - b)
      .map(([id]) => id);

  test('an override puts its class first and keeps the rest in order', () => {
    expect(order()).toEqual(['disk0', 'disk1', 'cd0', 'nic0']);
    expect(order('pxe')).toEqual(['nic0', 'disk0', 'disk1', 'cd0']);
    expect(order('cdrom')).toEqual(['cd0', 'disk0', 'disk1', 'nic0']);
    for (const target of ['usb', 'floppy', 'bios-setup', 'diagnostic', 'safe-mode'] as const) {
      expect(order(target)).toEqual(order());
    }
  });

  test('devices of the machine’s own order come first, and an override before them', () => {
    expect(order(undefined, ['nic0', 'disk1'])).toEqual(['nic0', 'disk1', 'disk0', 'cd0']);
    expect(order('disk', ['nic0', 'disk1'])).toEqual(['disk1', 'disk0', 'nic0', 'cd0']);
    expect(order(undefined, ['gone', 'cd0'])).toEqual(['cd0', 'disk0', 'disk1', 'nic0']);
  });

  test('the way from any order to any other never gives two devices one index', () => {
    const anyDevices = fc.array(fc.constantFrom(...bootClasses), { minLength: 1, maxLength: 8 });
    const anyTarget = fc.option(fc.constantFrom(...bootTargets), { nil: undefined });
    fc.assert(
      fc.property(anyDevices, anyTarget, anyTarget, (classes, from, to) => {
        const some = classes.map((bootClass, index) => ({ id: `d${index}`, bootClass }));
        const present = new Map(bootIndices(some, { ids: [], classes: ['disk'] }, from));
        const goal = bootIndices(some, { ids: [], classes: ['disk'] }, to);
        for (const { id, index } of bootIndexSteps(goal)) {
          for (const [other, taken] of present) expect(other !== id && taken === index).toBe(false);
          present.set(id, index);
        }
        expect(present).toEqual(goal);
      }),
    );
  });
});

describe('boot settler', () => {
  function settler() {
    const clock = new ScriptedClock();
    const applied: (BootTarget | undefined)[] = [];
    const fail = { next: false };
    const boot = new BootSettler(
      clock,
      async (override) => {
        if (fail.next) {
          fail.next = false;
          throw new Error('QMP lost');
        }
        applied.push(override?.target);
      },
      () => undefined,
    );
    return { clock, applied, boot, fail };
  }

  test('what is wanted while off is what the start takes', async () => {
    const { clock, applied, boot } = settler();
    boot.want(once('pxe'));
    expect(boot.starting()?.target).toBe('pxe');
    boot.started();
    await clock.advanceAsync(10_000);
    expect(applied).toEqual([]);
  });

  test('a change waits until the boot in progress has had no reset for 1.5 s', async () => {
    const { clock, applied, boot } = settler();
    boot.want(once('pxe'));
    boot.starting();
    boot.started();
    boot.want(undefined);
    await clock.advanceAsync(1400);
    boot.disturbed();
    await clock.advanceAsync(1400);
    expect(applied).toEqual([]);
    await clock.advanceAsync(200);
    expect(applied).toEqual([undefined]);
  });

  test('a settled machine takes a change at once, the last of several', async () => {
    const { clock, applied, boot } = settler();
    boot.starting();
    boot.started();
    await clock.advanceAsync(2000);
    boot.want(once('pxe'));
    boot.want(once('cdrom'));
    await clock.advanceAsync(1);
    expect(applied).toEqual(['cdrom']);
  });

  test('another firmware for the same device is a change', async () => {
    const { clock, applied, boot } = settler();
    boot.want(once('disk'));
    boot.starting();
    boot.started();
    await clock.advanceAsync(2000);
    boot.want({ ...once('disk'), firmware: 'uefi' });
    await clock.advanceAsync(1);
    expect(applied).toEqual(['disk']);
    expect(boot.applied?.firmware).toBe('uefi');
  });

  test('a reset of ours takes a pending change along', async () => {
    const { clock, applied, boot } = settler();
    boot.starting();
    boot.started();
    boot.want(once('cdrom'));
    await boot.flush();
    expect(applied).toEqual(['cdrom']);
    boot.disturbed();
    boot.want(undefined);
    await clock.advanceAsync(1600);
    expect(applied).toEqual(['cdrom', undefined]);
  });

  test('after adopting, the order is set whatever is believed', async () => {
    const { clock, applied, boot } = settler();
    boot.adopted(undefined);
    await clock.advanceAsync(1600);
    expect(applied).toEqual([undefined]);
    await clock.advanceAsync(10_000);
    expect(applied).toHaveLength(1);
  });

  test('a change that failed is tried again; one of a stopped machine is not', async () => {
    const { clock, applied, boot, fail } = settler();
    boot.starting();
    boot.started();
    await clock.advanceAsync(2000);
    fail.next = true;
    boot.want(once('disk'));
    await clock.advanceAsync(1);
    expect(applied).toEqual([]);
    await clock.advanceAsync(2000);
    expect(applied).toEqual(['disk']);
    boot.want(once('pxe'));
    boot.stopped();
    await clock.advanceAsync(10_000);
    expect(applied).toEqual(['disk']);
    expect(boot.starting()?.target).toBe('pxe');
  });
});

describe('reset filter', () => {
  test("drops the firmware's resets after a start and after a reset", async () => {
    const clock = new ScriptedClock();
    const filter = new ResetFilter(clock);
    filter.started();
    await clock.advanceAsync(60);
    expect(filter.isReset(false)).toBe(false);
    await clock.advanceAsync(2000);
    expect(filter.isReset(false)).toBe(true);
    await clock.advanceAsync(70);
    expect(filter.isReset(false)).toBe(false);
    await clock.advanceAsync(30);
    expect(filter.isReset(false)).toBe(false);
  });

  test('reports every reset that was commanded', () => {
    const filter = new ResetFilter(new ScriptedClock());
    filter.started();
    expect([filter.isReset(true), filter.isReset(false), filter.isReset(true)]).toEqual([true, false, true]);
  });

  test('reports a guest that resets without end now and then', async () => {
    const clock = new ScriptedClock();
    const filter = new ResetFilter(clock);
    let reported = 0;
    for (let ms = 0; ms < 15_000; ms += 300) {
      await clock.advanceAsync(300);
      if (filter.isReset(false)) reported++;
    }
    expect(reported).toBe(10);
  });
});

describe('setup keys', () => {
  function keys(mode: 'bios' | 'uefi') {
    const clock = new ScriptedClock();
    const done: boolean[] = [];
    const pressed = { count: 0 };
    const setup = new SetupKeys(
      clock,
      firmwareMenus[mode],
      () => pressed.count++,
      (shown) => done.push(shown),
    );
    return { clock, done, pressed, setup };
  }

  test('SeaBIOS is answered when it asks, and left alone once its menu is there', async () => {
    const { clock, done, pressed, setup } = keys('bios');
    await clock.advanceAsync(2000);
    expect(pressed.count).toBe(0);
    for (const piece of ['\r\nPress E', 'SC for boot', ' menu.\r\n']) setup.output(Buffer.from(piece));
    expect(pressed.count).toBe(1);
    await clock.advanceAsync(510);
    expect(pressed.count).toBe(2);
    for (const letter of 'Select boot device:') setup.output(Buffer.from(letter));
    await clock.advanceAsync(60_000);
    expect(pressed.count).toBe(2);
    expect(done).toEqual([true]);
  });

  test('OVMF is left alone while it sets up its keyboard, then pressed until its setup utility is there', async () => {
    const { clock, done, pressed, setup } = keys('uefi');
    await clock.advanceAsync(5000);
    expect(pressed.count).toBe(0);
    setup.output(Buffer.from('\x1b[2J\x1b[01;01H\x1b[=3h'));
    await clock.advanceAsync(2100);
    expect(pressed.count).toBe(5);
    setup.output(Buffer.from('BdsDxe: loading Boot0000 "UiApp" from Fv('));
    await clock.advanceAsync(5000);
    expect(pressed.count).toBe(5);
    expect(done).toEqual([true]);
  });

  test('OVMF that never shows it is pressed for a bounded time', async () => {
    const { clock, done, pressed, setup } = keys('uefi');
    setup.output(Buffer.from('\x1b[2J'));
    await clock.advanceAsync(120_000);
    expect(pressed.count).toBeLessThanOrEqual(121);
    expect(done).toEqual([false]);
  });
});
