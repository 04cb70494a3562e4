import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type WatchdogExpiry,
  type WatchdogSettings,
  type WatchdogUse,
  watchdogUses,
} from '../../../src/bmc/watchdog.ts';
import { tester } from '../../support/actors.ts';
import { InBandBench } from '../../support/in-band-bench.ts';

const app = 6;
const settings: WatchdogSettings = {
  use: 'sms-os',
  action: 'reset',
  interrupt: 'none',
  preTimeoutMs: 0,
  timeoutMs: 10_000,
  dontLog: false,
};

async function setUp() {
  const bench = await InBandBench.started();
  const told: WatchdogExpiry[] = [];
  bench.bmc.watchdog.onExpiry((expiry) => told.push(expiry));
  return { ...bench, told, watchdog: bench.bmc.watchdog };
}

describe('the watchdog', () => {
  test('wound in time does nothing; left alone it resets the machine and says why', async () => {
    const { watchdog, clock, machine, bmc, told, settle } = await setUp();
    watchdog.set(settings, tester);
    watchdog.restart(tester);
    clock.advance(9_999);
    watchdog.restart(tester);
    clock.advance(9_999);
    expect([watchdog.leftMs, told]).toEqual([1, []]);
    clock.advance(1);
    await settle();
    expect(told).toEqual([{ what: 'timeout', use: 'sms-os', action: 'reset', interrupt: 'none', log: true }]);
    expect(machine.boots).toHaveLength(1);
    expect(bmc.power.lastRestart.cause).toBe('watchdog');
    expect([watchdog.running, [...watchdog.expired]]).toEqual([false, ['sms-os']]);
    expect(bmc.events.list().filter(({ kind }) => kind === 'watchdog')).toHaveLength(1);
  });

  test.each([
    ['power-off', false, 'off'],
    ['power-cycle', true, 'on'],
    ['none', true, 'on'],
  ] as const)('with action %s leaves the machine as it should', async (action, running, state) => {
    const { watchdog, clock, machine, bmc, settle } = await setUp();
    watchdog.set({ ...settings, action }, tester);
    watchdog.restart(tester);
    clock.advance(10_000);
    for (let i = 0; i < 5; i++) {
      await settle();
      clock.advance(1_000);
    }
    expect([machine.running, bmc.power.state]).toEqual([running, state]);
    expect(machine.boots).toHaveLength(action === 'power-cycle' ? 1 : 0);
  });

  test('warns by NMI before the end; from then on winding does not help', async () => {
    const { watchdog, clock, machine, told, settle } = await setUp();
    watchdog.set({ ...settings, interrupt: 'diagnostic', preTimeoutMs: 3_000 }, tester);
    watchdog.restart(tester);
    clock.advance(7_000);
    await settle();
    expect(machine.counts.diagnosticInterrupts).toBe(1);
    expect(told.map(({ what }) => what)).toEqual(['pre-timeout']);
    expect(watchdog.preTimeoutPending).toBe(true);
    watchdog.restart(tester);
    clock.advance(3_000);
    expect(told.map(({ what }) => what)).toEqual(['pre-timeout', 'timeout']);
  });

  test('stops when the machine is reset or goes off by itself', async () => {
    const { watchdog, clock, machine, told } = await setUp();
    for (const happens of [() => machine.guestReboot(), () => machine.guestShutdown()]) {
      watchdog.set(settings, tester);
      watchdog.restart(tester);
      happens();
      expect(watchdog.running).toBe(false);
    }
    clock.advance(60_000);
    expect(told).toEqual([]);
  });

  test('set again stops it, unless it is to go on; what expired is forgotten on demand', async () => {
    const { watchdog, clock } = await setUp();
    watchdog.set({ ...settings, action: 'none' }, tester);
    watchdog.set({ ...settings, action: 'none' }, tester, { keepRunning: true });
    expect(watchdog.running).toBe(false);
    watchdog.restart(tester);
    clock.advance(5_000);
    watchdog.set({ ...settings, action: 'none', timeoutMs: 20_000 }, tester, { keepRunning: true });
    expect([watchdog.running, watchdog.leftMs]).toEqual([true, 20_000]);
    clock.advance(20_000);
    expect(watchdog.expired.size).toBe(1);
    watchdog.set(settings, tester, { clear: ['sms-os'] });
    expect([watchdog.running, watchdog.expired.size]).toEqual([false, 0]);
  });

  test('asked for silence leaves nothing in the log', async () => {
    const { watchdog, clock, bmc, told } = await setUp();
    watchdog.set({ ...settings, action: 'none', dontLog: true }, tester);
    watchdog.restart(tester);
    clock.advance(10_000);
    expect(told[0]?.log).toBe(false);
    expect(bmc.events.list().some(({ kind }) => kind === 'watchdog')).toBe(false);
    // For that once: the next time is logged again.
    watchdog.restart(tester);
    clock.advance(10_000);
    expect(told[1]?.log).toBe(true);
    expect(bmc.events.list().filter(({ kind }) => kind === 'watchdog')).toHaveLength(1);
  });

  test('agrees with a model that counts milliseconds, under any order of events', async () => {
    const use = fc.constantFrom(...watchdogUses);
    const step = fc.oneof(
      fc.record({
        do: fc.constant('set' as const),
        use,
        interrupt: fc.constantFrom('none', 'messaging'),
        preTimeoutMs: fc.integer({ min: 0, max: 3 }).map((seconds) => seconds * 1000),
        timeoutMs: fc.integer({ min: 0, max: 50 }).map((ticks) => ticks * 100),
        dontLog: fc.boolean(),
        keepRunning: fc.boolean(),
        clear: fc.uniqueArray(use),
      }),
      fc.record({ do: fc.constant('restart' as const) }),
      fc.record({ do: fc.constant('reset' as const) }),
      { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(4000) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { watchdog, clock, machine, told } = await setUp();
        let wanted: WatchdogSettings | undefined;
        /** What is left of a running timer. */
        let left: number | undefined;
        let warned = false;
        const expired = new Set<WatchdogUse>();
        const log: string[] = [];
        const pass = (ms: number) => {
          for (let passed = 0; left !== undefined && wanted; passed++) {
            if (wanted.interrupt !== 'none' && !warned && left === wanted.preTimeoutMs) {
              warned = true;
              log.push(`pre-timeout ${wanted.use} ${!wanted.dontLog}`);
            }
            if (left === 0) {
              log.push(`timeout ${wanted.use} ${!wanted.dontLog}`);
              expired.add(wanted.use);
              wanted = { ...wanted, dontLog: false };
              left = undefined;
              warned = false;
            } else {
              if (passed === ms) return;
              left--;
            }
          }
        };
        for (const each of steps) {
          if (each.do === 'set') {
            const { use, interrupt, preTimeoutMs, timeoutMs, dontLog, keepRunning, clear } = each;
            const next = { use, interrupt, preTimeoutMs, timeoutMs, dontLog, action: 'none' } as const;
            if (interrupt !== 'none' && preTimeoutMs > timeoutMs) {
              expect(() => watchdog.set(next, tester, { keepRunning, clear })).toThrow('pre-timeout');
            } else {
              watchdog.set(next, tester, { keepRunning, clear });
              wanted = next;
              left = left !== undefined && keepRunning ? timeoutMs : undefined;
              warned = false;
              for (const gone of clear) expired.delete(gone);
            }
          } else if (each.do === 'restart') {
            if (!wanted) expect(() => watchdog.restart(tester)).toThrow('nobody');
            else {
              watchdog.restart(tester);
              if (!warned) left = wanted.timeoutMs;
            }
          } else if (each.do === 'reset') {
            machine.guestReboot();
            left = undefined;
            warned = false;
          } else {
            clock.advance(each.ms);
            pass(each.ms);
          }
          clock.advance(0);
          pass(0);
          expect(watchdog.running).toBe(left !== undefined);
          if (left !== undefined) expect(watchdog.leftMs).toBe(left);
          expect([...watchdog.expired].sort()).toEqual([...expired].sort());
          expect(told.map(({ what, use, log }) => `${what} ${use} ${log}`)).toEqual(log);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('the watchdog commands', () => {
  test('say 80h for winding what nobody has set', () => {
    const { guest } = new InBandBench();
    expect(guest.command(app, 0x22)).toEqual([0x80]);
    expect(guest.command(app, 0x25)).toEqual([0, 0x04, 0, 0, 0, 0, 0, 0, 0]);
  });

  test('set, wind and show the timer', async () => {
    const { guest, clock } = await InBandBench.started();
    expect(guest.command(app, 0x24, 0x83, 0x23, 5, 0x3e, 0x2c, 0x01)).toEqual([0]);
    expect(guest.command(app, 0x22)).toEqual([0]);
    clock.advance(1_050);
    expect(guest.command(app, 0x25)).toEqual([0, 0xc3, 0x23, 5, 0, 0x2c, 0x01, 0x22, 0x01]);
    clock.advance(28_950);
    expect(guest.command(app, 0x25)).toEqual([0, 0x03, 0x23, 5, 0x08, 0x2c, 0x01, 0, 0]);
  });

  test.each([
    ['a reserved use', [0, 1, 0, 0, 10, 0]],
    ['an SMI', [4, 0x11, 0, 0, 10, 0]],
    ['an action that does not exist', [4, 4, 0, 0, 10, 0]],
    ['a warning before the start', [4, 0x21, 2, 0, 10, 0]],
  ])('refuse %s with CCh', (_what, data) => {
    const { guest } = new InBandBench();
    expect(guest.command(app, 0x24, ...data)).toEqual([0xcc]);
    expect(guest.command(app, 0x22)).toEqual([0x80]);
  });

  test('show the pre-timeout among the message flags until that is cleared', async () => {
    const { guest, clock } = await InBandBench.started();
    guest.command(app, 0x24, 0x04, 0x30, 1, 0, 20, 0);
    guest.command(app, 0x22);
    clock.advance(1_000);
    expect(guest.opcodes.at(-1)).toBe(0x02);
    expect(guest.command(app, 0x31)).toEqual([0, 0x08]);
    guest.command(app, 0x30, 0x08);
    expect(guest.command(app, 0x31)).toEqual([0, 0x00]);
    expect(guest.opcodes.at(-1)).toBe(0x00);
  });
});
