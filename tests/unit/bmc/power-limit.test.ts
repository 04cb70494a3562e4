import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import type { PowerLimitSetting } from '../../../src/bmc/power-limit.ts';
import { loadAt, watts } from '../../../src/bmc/sensors/model.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
import { FakeMachine } from '../../../src/machine/fake/fake-machine.ts';
import { bench as actor, LanBench } from '../../support/lan-bench.ts';

const setting: PowerLimitSetting = { watts: 40, correctionMs: 3_000, samplingSeconds: 30, action: 'log' };

/** Two processors: 26 W idle, 58 W busy. The guest of the machine takes all that it can get. */
async function server({ store = memoryStore(), on = true, limitable = true } = {}) {
  let machine: FakeMachine | undefined;
  const bench = new LanBench({
    store,
    machine: (clock) => {
      machine = new FakeMachine({ clock, hardware: { cpus: 2 }, limitable });
      machine.load.cpu = 1;
      return machine;
    },
  });
  if (!machine) throw new Error('no machine');
  const { bmc, clock } = bench;
  await bmc.start({ powerReturned: true, powerOn: on });
  const run = (ms: number) => clock.advanceAsync(ms, 500);
  await run(100);
  const drawn = () => bmc.sensors.analog('power').reading ?? Number.NaN;
  const told = () => bmc.events.list().map(({ text }) => text);
  return { bmc, limit: bmc.powerLimit, machine, run, drawn, told, store };
}

test('the model turned round gives the load back', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 255 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (cpus, load) => {
        expect(loadAt(cpus, watts(cpus, load))).toBeCloseTo(load, 9);
      },
    ),
  );
});

describe('a power limit', () => {
  test('that is active holds a busy machine below it, before the correction time is over', async () => {
    const { limit, run, drawn, told } = await server();
    await run(5_000);
    expect(drawn()).toBeCloseTo(58, 6);
    limit.set(setting, actor);
    await run(5_000);
    expect(drawn()).toBeCloseTo(58, 6);
    limit.activate(actor);
    // One measurement that is partly older than the limit, and the correction time.
    await run(2_000 + setting.correctionMs);
    expect(drawn()).toBeLessThanOrEqual(40);
    expect(drawn()).toBeGreaterThan(38);
    expect(told().filter((text) => text.includes('draws'))).toEqual([]);
    limit.deactivate(actor);
    await run(5_000);
    expect(drawn()).toBeCloseTo(58, 6);
  });

  test.each([28, 30, 45, 57])('of %i W is met, and not by more than 2 W', async (limitWatts) => {
    const { limit, run, drawn } = await server();
    limit.set({ ...setting, watts: limitWatts }, actor);
    limit.activate(actor);
    await run(60_000);
    expect(Math.round(drawn())).toBeLessThanOrEqual(limitWatts);
    expect(drawn()).toBeGreaterThan(limitWatts - 2);
  });

  test('is tightened while the machine draws more than the model says, and loosened again', async () => {
    const { limit, machine, bmc, run } = await server();
    limit.set({ ...setting, correctionMs: 600_000 }, actor);
    limit.activate(actor);
    await run(4_000);
    const calm = machine.cpuShare ?? Number.NaN;
    bmc.sensors.override('power', 55);
    await run(10_000);
    expect(machine.cpuShare).toBeLessThan(calm * 0.6);
    bmc.sensors.release('power');
    await run(300_000);
    expect(machine.cpuShare).toBeCloseTo(calm, 2);
  });

  test('above all that the machine can draw holds nothing down', async () => {
    const { limit, machine, run, drawn } = await server();
    limit.activate(actor);
    limit.set({ ...setting, watts: 58 }, actor);
    await run(5_000);
    expect(machine.cpuShare).toBeUndefined();
    expect(drawn()).toBeCloseTo(58, 6);
  });

  test('survives the BMC, the machine’s power and a change while it is active', async () => {
    const first = await server();
    first.limit.set(setting, actor);
    first.limit.activate(actor);
    const second = await server({ store: first.store, on: false });
    expect([second.limit.active, second.limit.setting]).toEqual([true, setting]);
    expect(second.machine.cpuShare).toBeGreaterThan(0.4);
    second.limit.set({ ...setting, watts: 30 }, actor);
    second.bmc.power.request('on', actor);
    await second.run(8_000);
    expect(Math.round(second.drawn())).toBeLessThanOrEqual(30);
  });
});

describe('a limit that does not hold', () => {
  async function exceeded(change: Partial<PowerLimitSetting>) {
    const made = await server();
    const { limit, machine, run } = made;
    machine.load.unlimited = true;
    await run(2_000);
    limit.set({ ...setting, ...change }, actor);
    limit.activate(actor);
    const exceptions: number[] = [];
    limit.onException((exception) => exceptions.push(exception.watts));
    return { ...made, exceptions };
  }

  test('is an exception once, when the correction time is over', async () => {
    const { run, exceptions, told, bmc } = await exceeded({ correctionMs: 10_000 });
    await run(9_000);
    expect(exceptions).toEqual([]);
    await run(60_000);
    expect(exceptions).toEqual([58]);
    expect(told()).toContain('the machine draws 58 W, above its limit of 40 W for more than 10000 ms');
    expect(bmc.power.isOn).toBe(true);
  });

  test('is a new exception after it has held for a while', async () => {
    const { run, exceptions, machine } = await exceeded({});
    await run(8_000);
    machine.load.cpu = 0;
    await run(4_000);
    machine.load.cpu = 1;
    await run(8_000);
    expect(exceptions).toEqual([58, 58]);
  });

  test('switches the machine off where that is wanted', async () => {
    const { run, bmc, told } = await exceeded({ action: 'power-off' });
    await run(10_000);
    expect(bmc.power.state).toBe('off');
    expect(told()).toContain('power off by power limit');
  });

  test('because the host refuses is told once, and tried again', async () => {
    const { machine, limit, run, told } = await server();
    const calls: unknown[] = [];
    Object.assign(machine, {
      limitCpu: (share: unknown) => {
        calls.push(share);
        return Promise.reject(new Error('EROFS'));
      },
    });
    limit.set(setting, actor);
    limit.activate(actor);
    await run(10_000);
    expect(calls.length).toBeGreaterThan(2);
    expect(told().filter((text) => text === 'the power limit is not in force: EROFS')).toHaveLength(1);
  });
});

describe('is refused', () => {
  test.each([
    [{ watts: 26 }],
    [{ watts: 70_000 }],
    [{ watts: 40.5 }],
    [{ correctionMs: 0 }],
    [{ samplingSeconds: 0 }],
    [{ samplingSeconds: 901 }],
  ])('%o, and nothing has changed', async (change) => {
    const { limit } = await server();
    const before = limit.setting;
    expect(() => limit.set({ ...setting, ...change }, actor)).toThrow(BmcError);
    expect(limit.setting).toEqual(before);
  });

  test('where nothing can hold the machine down', async () => {
    const { limit } = await server({ limitable: false });
    expect(limit.supported).toBe(false);
    for (const action of [() => limit.set(setting, actor), () => limit.activate(actor)]) {
      expect(action).toThrow(expect.objectContaining({ kind: 'not-supported' }));
    }
  });

  test('what the store does not take', async () => {
    const { limit, store, machine } = await server();
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    expect(() => limit.activate(actor)).toThrow('disk full');
    expect([limit.active, machine.cpuShare]).toEqual([false, undefined]);
  });
});
