/** Chassis and boot option commands over the system interface; what they do to the machine and what a restart keeps. */
import { describe, expect, test } from 'vitest';
import { memoryStore } from '../../../../src/bmc/store.ts';
import { InBandBench } from '../../../support/in-band-bench.ts';

const chassis = 0;
const actor = { name: 'test', face: 'redfish' } as const;

describe('Chassis Identify', () => {
  test('lights for 15 s, for as long as asked, for ever, or not at all', async () => {
    const { guest, clock, bmc } = await InBandBench.started();
    const state = () => (guest.command(chassis, 0x01)[3] as number) & 0x70;
    expect(state()).toBe(0x40);
    guest.command(chassis, 0x04);
    expect([state(), bmc.identify.state]).toEqual([0x50, 'timed']);
    clock.advance(14_999);
    expect(state()).toBe(0x50);
    clock.advance(1);
    expect(state()).toBe(0x40);
    guest.command(chassis, 0x04, 30);
    clock.advance(29_999);
    guest.command(chassis, 0x04, 1);
    clock.advance(1_000);
    expect(state()).toBe(0x40);
    guest.command(chassis, 0x04, 0, 1);
    clock.advance(3_600_000);
    expect(state()).toBe(0x60);
    guest.command(chassis, 0x04, 0);
    expect(state()).toBe(0x40);
  });
});

describe('the front panel', () => {
  test('has buttons that can be disabled, for good', async () => {
    const store = memoryStore();
    const { guest, bmc, machine, settle } = await started({ store });
    expect(guest.command(chassis, 0x0a, 0x03)).toEqual([0]);
    expect(guest.command(chassis, 0x01).slice(3)).toEqual([0x42, 0xf3]);
    expect(() => bmc.frontPanel.press('power')).toThrow('disabled');
    bmc.frontPanel.press('diagnostic');
    await settle();
    expect([machine.running, machine.counts.diagnosticInterrupts]).toEqual([true, 1]);
    const again = await started({ store });
    expect([...again.bmc.frontPanel.disabled].sort()).toEqual(['power', 'reset']);
  });

  test('resets and switches, and is named as the cause', async () => {
    const { guest, bmc, machine, settle } = await started();
    bmc.frontPanel.press('reset');
    await settle();
    expect(guest.command(chassis, 0x07)).toEqual([0, 0x02, 0]);
    bmc.frontPanel.press('power');
    await settle();
    expect(machine.counts.powerButtonPresses).toBe(1);
  });
});

describe('Get System Restart Cause', () => {
  test('tells what started the machine last, and over which channel', async () => {
    const store = memoryStore();
    const { guest, bmc, machine, settle } = await started({ store });
    expect(guest.command(chassis, 0x07)).toEqual([0, 0x00, 0]);
    machine.guestReboot();
    expect(guest.command(chassis, 0x07)).toEqual([0, 0x0a, 0]);
    machine.watchdogBites();
    expect(guest.command(chassis, 0x07)).toEqual([0, 0x04, 0]);
    guest.command(chassis, 0x02, 3);
    await settle();
    expect(guest.command(chassis, 0x07)).toEqual([0, 0x01, 0x0f]);
    bmc.power.request('reset', actor);
    await settle();
    expect(guest.command(chassis, 0x07)).toEqual([0, 0x01, 0]);
    bmc.power.request('reset', actor, 'event-filter-reset');
    await settle();
    expect((await started({ store })).guest.command(chassis, 0x07)).toEqual([0, 0x08, 0]);
  });
});

describe('Get POH Counter', () => {
  test('counts the hours with power only, over restarts and crashes of the BMC', async () => {
    const store = memoryStore();
    const { guest, clock, machine } = await started({ store });
    const hours = () => guest.command(chassis, 0x0f);
    expect(hours()).toEqual([0, 60, 0, 0, 0, 0]);
    clock.advance(3_599_999);
    expect(hours()).toEqual([0, 60, 0, 0, 0, 0]);
    clock.advance(1);
    expect(hours()).toEqual([0, 60, 1, 0, 0, 0]);
    // A BMC that dies here has kept the full hours.
    clock.advance(1_800_000);
    expect((await started({ store })).bmc.powerOnTime.totalMs).toBe(3_600_000);
    machine.crash();
    clock.advance(36_000_000);
    expect(hours()).toEqual([0, 60, 1, 0, 0, 0]);
    expect((await started({ store })).bmc.powerOnTime.totalMs).toBe(5_400_000);
  });
});

describe('Set Power Cycle Interval', () => {
  test('says how long the power stays off, and is kept', async () => {
    const store = memoryStore();
    const { guest, clock, machine, settle } = await started({ store });
    expect(guest.command(chassis, 0x0b, 5)).toEqual([0]);
    guest.command(chassis, 0x02, 2);
    await settle();
    clock.advance(4_999);
    await settle();
    expect(machine.running).toBe(false);
    clock.advance(1);
    await settle();
    expect(machine.running).toBe(true);
    expect((await started({ store })).bmc.power.cycleOffMs).toBe(5_000);
  });
});

describe('Chassis Capabilities', () => {
  test('show this BMC until somebody says otherwise; facts stay facts', async () => {
    const store = memoryStore();
    const { guest } = await started({ store });
    expect(guest.command(chassis, 0x00)).toEqual([0, 0x07, 0x20, 0x20, 0x20, 0x20, 0x20]);
    expect(guest.command(chassis, 0x05, 0x02, 0x20, 0x22, 0x20, 0x20)).toEqual([0]);
    expect(guest.command(chassis, 0x05, 0x01, 0x21, 0x22, 0x20, 0x20)).toEqual([0xcc]);
    const { guest: after } = await started({ store });
    expect(after.command(chassis, 0x00)).toEqual([0, 0x06, 0x20, 0x22, 0x20, 0x20, 0x20]);
  });
});

describe('System Boot Options', () => {
  test('initiator info and mailbox read back as written, also after a restart', async () => {
    const store = memoryStore();
    const { guest } = await started({ store });
    const info = [0x01, 1, 2, 3, 4, 5, 6, 7, 8];
    expect(guest.command(chassis, 0x08, 6, ...info)).toEqual([0]);
    const block = Array.from({ length: 16 }, (_, i) => i + 1);
    expect(guest.command(chassis, 0x08, 7, 4, ...block)).toEqual([0]);
    expect(guest.command(chassis, 0x08, 7, 4, 0xff, 0xfe)).toEqual([0]);
    expect(guest.command(chassis, 0x08, 1, 7)).toEqual([0]);
    expect(guest.command(chassis, 0x08, 0x82)).toEqual([0]);
    const { guest: after } = await started({ store });
    expect(after.command(chassis, 0x09, 6, 0, 0)).toEqual([0, 1, 6, ...info]);
    expect(after.command(chassis, 0x09, 7, 4, 0)).toEqual([0, 1, 7, 4, 0xff, 0xfe, ...block.slice(2)]);
    expect(after.command(chassis, 0x09, 1, 0, 0)).toEqual([0, 1, 1, 7]);
    expect(after.command(chassis, 0x09, 2, 0, 0)).toEqual([0, 1, 0x82, 0]);
  });

  test('have no sixth block, no parameter 8, and no empty or oversized block', async () => {
    const { guest } = await started();
    expect(guest.command(chassis, 0x09, 7, 5, 0)).toEqual([0xc9]);
    expect(guest.command(chassis, 0x08, 7, 5, 1)).toEqual([0xc9]);
    expect(guest.command(chassis, 0x08, 7, 0)).toEqual([0xc7]);
    expect(guest.command(chassis, 0x08, 7, 0, ...Array(17).fill(0))).toEqual([0xc7]);
    expect(guest.command(chassis, 0x09, 8, 0, 0)).toEqual([0x80]);
  });

  test.each([
    ['a watchdog', 0x00, (bench: InBandBench) => bench.bmc.power.request('reset', actor, 'watchdog'), false],
    ['a watchdog', 0x04, (bench: InBandBench) => bench.bmc.power.request('reset', actor, 'watchdog'), true],
    ['the reset button', 0x00, (bench: InBandBench) => bench.bmc.frontPanel.press('reset'), false],
    ['the reset button', 0x02, (bench: InBandBench) => bench.bmc.frontPanel.press('reset'), true],
    [
      'an event filter',
      0x00,
      (bench: InBandBench) => bench.bmc.power.request('reset', actor, 'event-filter-reset'),
      false,
    ],
    [
      'an event filter',
      0x10,
      (bench: InBandBench) => bench.bmc.power.request('reset', actor, 'event-filter-reset'),
      true,
    ],
    ['a command', 0x00, (bench: InBandBench) => bench.bmc.power.request('reset', actor), true],
    ['the guest', 0x00, (bench: InBandBench) => bench.machine.guestReboot(), true],
  ])(
    'once, before a reset by %s with clearing bits %i, is followed or dropped',
    async (_by, bits, reset, followed) => {
      const bench = await started();
      bench.guest.command(chassis, 0x08, 3, bits);
      bench.guest.command(chassis, 0x08, 5, 0x80, 0x04, 0, 0, 0);
      reset(bench);
      await bench.settle();
      expect(bench.machine.boots.map((boot) => boot?.target)).toEqual([followed ? 'pxe' : undefined]);
      expect(bench.bmc.boot.override).toBeUndefined();
    },
  );

  test('for all boots outlive even the watchdog, and the other bits of the flags a restart of the BMC', async () => {
    const store = memoryStore();
    const bench = await started({ store });
    bench.guest.command(chassis, 0x08, 5, 0xc0, 0x86, 0x60, 0, 3);
    bench.bmc.power.request('reset', actor, 'watchdog');
    await bench.settle();
    expect(bench.machine.boots.map((boot) => boot?.target)).toEqual(['pxe']);
    const { guest } = await started({ store });
    expect(guest.command(chassis, 0x09, 5, 0, 0)).toEqual([0, 1, 5, 0xc0, 0x86, 0x60, 0, 3]);
  });
});

function started(options: ConstructorParameters<typeof InBandBench>[0] = {}): Promise<InBandBench> {
  return InBandBench.started(options);
}
