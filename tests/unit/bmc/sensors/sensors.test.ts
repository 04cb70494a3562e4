import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BmcError } from '../../../../src/bmc/errors.ts';
import { AnalogSensor } from '../../../../src/bmc/sensors/analog-sensor.ts';
import type { SensorEvent } from '../../../../src/bmc/sensors/sensor.ts';
import { statesOf } from '../../../../src/bmc/sensors/sensor.ts';
import { memoryStore } from '../../../../src/bmc/store.ts';
import { sensorNumber } from '../../../../src/ipmi/records/sensor-numbers.ts';
import { offsetsOf } from '../../../../src/ipmi/records/sensor-types.ts';
import { FakeMachine } from '../../../../src/machine/fake/fake-machine.ts';
import { tester } from '../../../support/actors.ts';
import { LanBench } from '../../../support/lan-bench.ts';

async function server({ on = true, cpus = 2, memoryMb = 40_000, store = memoryStore() } = {}) {
  let machine: FakeMachine | undefined;
  const bench = new LanBench({
    store,
    machine: (clock) => {
      machine = new FakeMachine({ clock, hardware: { cpus, memoryMb } });
      return machine;
    },
  });
  if (!machine) throw new Error('no machine');
  const { bmc, clock } = bench;
  const events: SensorEvent[] = [];
  bmc.sensors.onEvent((event) => events.push(event));
  await bmc.start({ powerReturned: true, powerOn: on });
  await clock.advanceAsync(20);
  return { bmc, clock, machine, sensors: bmc.sensors, events, store };
}

const described = ({ sensor, state, asserted }: SensorEvent) =>
  `${sensor} ${state} ${asserted ? 'on' : 'off'}`;

describe('what there is', () => {
  test('a processor sensor for each processor and a memory sensor for each 16 GB, at most 8 of each', async () => {
    const keys = async (options: object) =>
      (await server({ on: false, ...options })).sensors.list().map(({ definition }) => definition.key);
    expect((await keys({})).filter((key) => /^(cpu|dimm)\d/.test(key))).toEqual([
      'cpu1',
      'cpu2',
      'dimm1',
      'dimm2',
      'dimm3',
    ]);
    const many = await keys({ cpus: 200, memoryMb: 16_000_000 });
    expect(many.filter((key) => /^cpu\d/.test(key))).toHaveLength(8);
    expect(many.filter((key) => /^dimm\d/.test(key))).toHaveLength(8);
  });

  test('the sensor of the network cards shows a heartbeat while all of them have a link', async () => {
    const { sensors, machine } = await server();
    const card = { id: 'nic0', mac: '', mtu: 1500, queues: 1, backend: 'tc', wire: 'eth2', note: undefined };
    const shown = () => [...(sensors.discrete('nicLink').states ?? [])];
    expect(shown()).toEqual([]);
    machine.nics = [
      { ...card, linkUp: true },
      { ...card, linkUp: true },
    ];
    expect(shown()).toEqual(['heartbeat']);
    machine.nics = [
      { ...card, linkUp: true },
      { ...card, linkUp: false },
    ];
    expect(shown()).toEqual(['heartbeat-lost']);
  });

  test('each sensor has a number of its own, a name that fits, and an offset for every state', async () => {
    const { sensors } = await server({ on: false, cpus: 200, memoryMb: 16_000_000 });
    const numbers = sensors.list().map(({ definition }) => sensorNumber(definition.key));
    expect(numbers).not.toContain(undefined);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const { definition } of sensors.list()) {
      expect(definition.name.length).toBeLessThanOrEqual(16);
      expect([...offsetsOf(definition).keys()].sort()).toEqual([...statesOf(definition)].sort());
    }
  });

  test('readings fit into a byte, up to the biggest machine', async () => {
    const { sensors } = await server({ on: false, cpus: 255 });
    for (const sensor of sensors.list()) {
      if (!(sensor instanceof AnalogSensor)) continue;
      const { maximum, resolution, thresholds, normal } = sensor.definition;
      expect(maximum / resolution).toBeLessThanOrEqual(255);
      for (const value of [...Object.values(thresholds), normal.maximum]) {
        expect(value).toBeLessThanOrEqual(maximum);
        expect(value % resolution).toBe(0);
      }
    }
  });
});

describe('readings', () => {
  test('follow what the processors really do', async () => {
    const { sensors, machine, clock } = await server();
    machine.load.cpu = 0;
    await clock.advanceAsync(6_000, 500);
    expect(sensors.analog('power').reading).toBeCloseTo(18 + 2 * 4, 3);
    machine.load.cpu = 1;
    await clock.advanceAsync(300_000, 1_000);
    expect(sensors.analog('power').reading).toBeCloseTo(18 + 2 * 20, 3);
    expect(sensors.analog('cpuTemp').reading).toBeCloseTo(75, 0);
    expect(sensors.analog('fan1').reading).toBe(7_800);
    machine.load.cpu = 0;
    await clock.advanceAsync(300_000, 1_000);
    expect(sensors.analog('cpuTemp').reading).toBeCloseTo(35, 0);
    expect(sensors.analog('fan1').reading).toBe(2_400);
  });

  test('of a machine that is off: standby power and a board that cools down; the rest is unavailable', async () => {
    const { sensors, bmc, clock } = await server();
    await clock.advanceAsync(600_000, 2_000);
    const warm = sensors.analog('systemTemp').reading as number;
    bmc.power.request('off', { name: 'test', face: 'bmc' });
    await clock.advanceAsync(20);
    const reading = (key: string) => sensors.analog(key).reading;
    expect(['cpuTemp', 'fan1', 'fan2', 'memoryUsage'].map(reading)).toEqual(Array(4).fill(undefined));
    expect(reading('power')).toBe(6);
    clock.advance(3_600_000);
    expect(reading('systemTemp')).toBeLessThan(warm);
    expect(reading('systemTemp')).toBeCloseTo(25, 1);
  });

  test('are measured by one timer while the machine is on, and by none while it is off', async () => {
    const { bmc, clock } = await server({ on: false });
    const before = clock.pending;
    bmc.power.request('on', { name: 'test', face: 'bmc' });
    await clock.advanceAsync(10_000, 500);
    bmc.power.request('off', { name: 'test', face: 'bmc' });
    await clock.advanceAsync(50);
    expect(clock.pending).toBe(before);
  });

  test('are unavailable while a running machine cannot be measured, and come back', async () => {
    const { sensors, machine, clock } = await server();
    machine.load.fails = 'no such process';
    await clock.advanceAsync(4_000, 500);
    expect(sensors.analog('power').reading).toBeUndefined();
    expect(sensors.analog('cpuTemp').reading).toBeUndefined();
    machine.load.fails = undefined;
    await clock.advanceAsync(4_000, 500);
    expect(sensors.analog('power').reading).toBeGreaterThan(20);
  });

  test('of memory are what the machine holds of its own, or unavailable', async () => {
    const { sensors, machine, clock } = await server();
    machine.load.memory = 0.4;
    await clock.advanceAsync(2_500, 500);
    expect(sensors.analog('memoryUsage').reading).toBeCloseTo(40, 6);
    machine.load.memory = undefined;
    await clock.advanceAsync(2_500, 500);
    expect(sensors.analog('memoryUsage').reading).toBeUndefined();
  });
});

describe('thresholds', () => {
  test('make an event when crossed and another when left, hysteresis observed', async () => {
    const { sensors, events } = await server();
    for (const reading of [84, 85, 84, 83, 90, 60]) sensors.override('cpuTemp', reading);
    expect(events.map(described)).toEqual([
      'cpuTemp upper-non-critical on',
      'cpuTemp upper-non-critical off',
      'cpuTemp upper-non-critical on',
      'cpuTemp upper-critical on',
      'cpuTemp upper-non-critical off',
      'cpuTemp upper-critical off',
    ]);
    expect(events[3]).toMatchObject({ reading: 90, threshold: 90 });
  });

  test('for any walk of readings agree with a small model', async () => {
    const { sensors } = await server();
    const fan = sensors.analog('fan1');
    const readings = fc.array(
      fc.integer({ min: 0, max: 30 }).map((n) => n * 50),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(readings, (walk) => {
        fan.override(3_000);
        let low = false;
        for (const reading of walk) {
          fan.override(reading);
          low = reading <= 700 || (low && reading < 800);
          expect(fan.crossed.has('lower-non-critical')).toBe(low);
        }
      }),
    );
  });

  test('may stand in any order on one side, but no lower one at or above an upper one', async () => {
    const { sensors } = await server({ on: false });
    const cpu = sensors.analog('cpuTemp');
    const { thresholds } = cpu.settings;
    cpu.configure({ thresholds: { ...thresholds, 'upper-non-critical': 99 } }, tester);
    const wrong = { ...thresholds, 'lower-critical': 85 };
    expect(() => cpu.configure({ thresholds: wrong }, tester)).toThrow('not below upper threshold');
    expect(() => cpu.configure({ thresholds: { ...thresholds, 'upper-critical': 128 } }, tester)).toThrow(
      BmcError,
    );
    expect(cpu.settings.thresholds['upper-non-critical']).toBe(99);
  });

  test('that a sensor has not got cannot be set', async () => {
    const power = (await server({ on: false })).sensors.analog('power');
    expect(() => power.configure({ thresholds: { 'lower-critical': 1 } }, tester)).toThrow(
      'has no threshold',
    );
  });

  test('re-armed while crossed are reported again', async () => {
    const { sensors, events } = await server();
    sensors.override('cpuTemp', 86);
    sensors.analog('cpuTemp').rearm(['upper-non-critical'], []);
    expect(events.map(described)).toEqual(['cpuTemp upper-non-critical on', 'cpuTemp upper-non-critical on']);
  });

  test('whose events are off are crossed in silence', async () => {
    const { sensors, events } = await server();
    const cpu = sensors.analog('cpuTemp');
    cpu.configure({ enables: { ...cpu.enables, assertions: ['upper-critical'] } }, tester);
    sensors.override('cpuTemp', 91);
    expect(events.map(described)).toEqual(['cpuTemp upper-critical on']);
    expect([...cpu.crossed]).toEqual(['upper-non-critical', 'upper-critical']);
    cpu.configure({ enables: { ...cpu.enables, events: false } }, tester);
    cpu.rearm(['upper-critical'], []);
    expect(events).toHaveLength(1);
  });

  test('of a sensor that is not scanned are neither read nor compared', async () => {
    const { sensors, events } = await server();
    const cpu = sensors.analog('cpuTemp');
    cpu.configure({ enables: { ...cpu.enables, scanning: false } }, tester);
    sensors.override('cpuTemp', 100);
    expect(cpu.reading).toBeUndefined();
    expect(events).toEqual([]);
  });
});

describe('settings', () => {
  test('outlive the BMC, and the initialization agent takes them back', async () => {
    const store = memoryStore();
    const first = (await server({ on: false, store })).sensors.analog('cpuTemp');
    first.configure({ hysteresis: { positive: 5, negative: 7 } }, tester);
    const { sensors } = await server({ on: false, store });
    expect(sensors.analog('cpuTemp').settings.hysteresis).toEqual({ positive: 5, negative: 7 });
    sensors.restoreFactorySettings(tester);
    const third = (await server({ on: false, store })).sensors.analog('cpuTemp');
    expect(third.settings).toEqual(third.factorySettings);
  });

  test('that the store refuses are not changed', async () => {
    const store = memoryStore();
    const { sensors } = await server({ on: false, store });
    const cpu = sensors.analog('cpuTemp');
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    const { thresholds } = cpu.settings;
    expect(() => cpu.configure({ thresholds: { ...thresholds, 'upper-critical': 91 } }, tester)).toThrow(
      'disk full',
    );
    expect(cpu.settings.thresholds).toEqual(thresholds);
  });
});

describe('states', () => {
  const states = (sensors: Awaited<ReturnType<typeof server>>['sensors'], key: string) => [
    ...(sensors.discrete(key).states ?? ['?']),
  ];

  test('follow the machine', async () => {
    const { sensors, machine, bmc, clock } = await server({ on: false });
    expect(states(sensors, 'powerUnit')).toEqual(['power-off']);
    expect(states(sensors, 'acpiState')).toEqual(['soft-off']);
    bmc.power.request('on', { name: 'test', face: 'bmc' });
    await clock.advanceAsync(20);
    expect(states(sensors, 'powerUnit')).toEqual([]);
    expect(states(sensors, 'acpiState')).toEqual(['working']);
    expect(states(sensors, 'systemBoot')).toEqual(['power-up']);
    machine.panic();
    expect(states(sensors, 'osStop')).toEqual(['run-time-stop']);
    machine.watchdogBites();
    expect(states(sensors, 'watchdog')).toEqual(['hard-reset']);
    expect(states(sensors, 'systemBoot')).toEqual(['restart']);
    machine.guestReboot();
    expect(states(sensors, 'osStop')).toEqual([]);
    expect(states(sensors, 'systemBoot')).toEqual(['software-reset']);
    machine.crash();
    expect(states(sensors, 'powerUnit')).toEqual(['power-off', 'failure']);
  });

  test('overridden are announced and told, until released', async () => {
    const { sensors, events } = await server();
    sensors.override('chassisIntrusion', ['intrusion']);
    expect(sensors.intruded).toBe(true);
    sensors.release('chassisIntrusion');
    expect(sensors.intruded).toBe(false);
    sensors.override('cpu1', ['thermal-trip']);
    expect(events.map(described)).toEqual([
      'chassisIntrusion intrusion on',
      'chassisIntrusion intrusion off',
      'cpu1 presence off',
      'cpu1 thermal-trip on',
    ]);
  });

  test('whose cause is told elsewhere make no second event here', async () => {
    const { bmc, clock, events } = await server();
    bmc.power.request('off', { name: 'test', face: 'bmc' });
    await clock.advanceAsync(20);
    expect(events).toEqual([]);
  });
});

describe('overrides', () => {
  test('of readings end when the machine goes on or off, and leave no alarm behind', async () => {
    const { sensors, bmc, clock, events } = await server();
    sensors.override('fan1', 200);
    expect(sensors.coolingFault).toBe(true);
    bmc.power.request('off', { name: 'test', face: 'bmc' });
    await clock.advanceAsync(20);
    expect(sensors.analog('fan1').overridden).toBe(false);
    expect(sensors.coolingFault).toBe(false);
    expect(events.filter(({ asserted }) => asserted)).toHaveLength(3);
    expect(events.filter(({ asserted }) => !asserted).map(({ reading }) => reading)).toEqual([
      2400, 2400, 2400,
    ]);
  });

  test.each<[string, number | string[], string]>([
    ['cpuTemp', 128, 'not from 0 to 127'],
    ['cpuTemp', Number.NaN, 'not from 0 to 127'],
    ['cpuTemp', ['intrusion'], 'has no such value'],
    ['chassisIntrusion', 1, 'has no such value'],
    ['chassisIntrusion', ['open'], 'none of intrusion'],
    ['nothing', 1, 'no sensor nothing'],
  ])('of %s by %j are refused', async (key, value, message) => {
    const { sensors } = await server({ on: false });
    expect(() => sensors.override(key, value)).toThrow(message);
  });
});
