import { describe, expect, test } from 'vitest';
import { memoryStore } from '../../../../src/bmc/store.ts';
import { sensorCommands } from '../../../../src/ipmi/commands/sensor.ts';
import { SensorNumber } from '../../../../src/ipmi/records/sensor-numbers.ts';
import { LanBench, ownCommands } from '../../../support/lan-bench.ts';

const { cpuTemp, fan1, power, memoryUsage, chassisIntrusion, powerUnit } = SensorNumber;

function sensors(store = memoryStore()) {
  const bench = new LanBench({ store, commands: [...ownCommands, ...sensorCommands] });
  const client = bench.loggedIn({}, 4);
  const send = (cmd: number, ...data: number[]) => {
    const reply = client.command(4, cmd, data);
    if (!reply) throw new Error('silence');
    return reply.completionCode === 0 ? [...reply.data] : reply.completionCode;
  };
  return { bench, sensors: bench.bmc.sensors, send };
}

describe('Get Sensor Reading', () => {
  test('tells the reading in steps, and the thresholds it is beyond', () => {
    const { sensors: all, send } = sensors();
    all.override('cpuTemp', 91);
    expect(send(0x2d, cpuTemp)).toEqual([91, 0xc0, 0xc0 | 0x18]);
    all.override('fan1', 250);
    expect(send(0x2d, fan1)).toEqual([5, 0xc0, 0xc0 | 0x07]);
  });

  test('of a machine that is off is unavailable where there is nothing to measure', () => {
    const { send } = sensors();
    expect(send(0x2d, cpuTemp)).toEqual([0, 0xe0, 0xc0]);
    expect(send(0x2d, power)).toEqual([6, 0xc0, 0xc0]);
  });

  test('of a discrete sensor tells its states in two bytes', () => {
    const { send } = sensors();
    expect(send(0x2d, powerUnit)).toEqual([0, 0xc0, 0x01, 0x80]);
    expect(send(0x2d, 0x10)).toEqual([0, 0xc0, 0x80, 0x80]);
    expect(send(0x2d, chassisIntrusion)).toEqual([0, 0xc0, 0x00, 0x80]);
  });
});

describe('thresholds', () => {
  test('are set one by one, read back and kept', () => {
    const store = memoryStore();
    const { send } = sensors(store);
    expect(send(0x27, cpuTemp)).toEqual([0x3f, 5, 3, 1, 85, 90, 95]);
    expect(send(0x26, cpuTemp, 0x08, 0, 0, 0, 100, 0, 0)).toEqual([]);
    expect(send(0x26, cpuTemp, 0x22, 99, 4, 99, 0, 0, 110)).toEqual([]);
    expect(sensors(store).send(0x27, cpuTemp)).toEqual([0x3f, 5, 4, 1, 100, 90, 110]);
  });

  test('that a sensor has not are refused, and those that cross the other side', () => {
    const { send } = sensors();
    expect(send(0x26, power, 0x01, 5, 0, 0, 0, 0, 0)).toBe(0xcc);
    expect(send(0x26, cpuTemp, 0x01, 85, 0, 0, 0, 0, 0)).toBe(0xcc);
    expect(send(0x26, memoryUsage, 0x08, 0, 0, 0, 9, 0, 0)).toBe(0xcd);
    expect(send(0x26, chassisIntrusion, 0x08, 0, 0, 0, 9, 0, 0)).toBe(0xcd);
    expect(send(0x27, chassisIntrusion)).toBe(0xcd);
    expect(send(0x27, power)).toEqual([0x18, 0, 0, 0, 46, 54, 0]);
  });

  test('of a fan count in its own steps', () => {
    const { sensors: all, send } = sensors();
    send(0x26, fan1, 0x02, 0, 11, 0, 0, 0, 0);
    expect(all.analog('fan1').settings.thresholds['lower-critical']).toBe(550);
  });
});

test('hysteresis is set, read back and has its effect', () => {
  const { sensors: all, send } = sensors();
  expect(send(0x25, cpuTemp, 0xff)).toEqual([2, 2]);
  expect(send(0x24, cpuTemp, 0xff, 3, 10)).toEqual([]);
  expect(send(0x25, cpuTemp, 0xff)).toEqual([3, 10]);
  all.override('cpuTemp', 85);
  all.override('cpuTemp', 76);
  expect(send(0x2d, cpuTemp)).toEqual([76, 0xc0, 0xc8]);
  expect(send(0x25, memoryUsage, 0xff)).toBe(0xcd);
});

describe('event enables', () => {
  test('begin with everything on', () => {
    expect(sensors().send(0x29, cpuTemp)).toEqual([0xc0, 0x95, 0x0a, 0x95, 0x0a]);
  });

  test('are switched one by one, as a whole, and kept', () => {
    const store = memoryStore();
    const { send } = sensors(store);
    expect(send(0x28, cpuTemp, 0xe0, 0x80, 0x02, 0x00, 0x08)).toEqual([]);
    expect(send(0x29, cpuTemp)).toEqual([0xc0, 0x15, 0x08, 0x95, 0x02]);
    send(0x28, cpuTemp, 0xd0, 0x80, 0x00);
    expect(send(0x29, cpuTemp)).toEqual([0xc0, 0x95, 0x08, 0x95, 0x02]);
    send(0x28, cpuTemp, 0x40);
    expect(sensors(store).send(0x29, cpuTemp)).toEqual([0x40, 0x95, 0x08, 0x95, 0x02]);
  });

  test('with an operation that is none are refused', () => {
    expect(sensors().send(0x28, cpuTemp, 0xf0, 0, 0, 0, 0)).toBe(0xcc);
  });

  test('off for scanning make the reading unavailable', () => {
    const { send } = sensors();
    send(0x28, power, 0x80);
    expect(send(0x2d, power)).toEqual([0, 0xa0, 0xc0]);
  });
});

test('event status tells what was entered and left, until re-armed', () => {
  const { sensors: all, send } = sensors();
  all.override('cpuTemp', 91);
  all.override('cpuTemp', 86);
  expect(send(0x2b, cpuTemp)).toEqual([0xc0, 0x80, 0x00, 0x00, 0x02]);
  send(0x2a, cpuTemp, 0x80, 0x00, 0x00, 0x00, 0x02);
  expect(send(0x2b, cpuTemp)).toEqual([0xc0, 0x80, 0x00, 0x00, 0x00]);
  const before = all.analog('cpuTemp').status.asserted;
  expect(send(0x2a, cpuTemp, 0x00)).toEqual([]);
  expect(all.analog('cpuTemp').status.asserted).toEqual(before);
});

test('Get Sensor Reading Factors gives M and nothing else', () => {
  const { send } = sensors();
  expect(send(0x23, fan1, 17)).toEqual([17, 50, 0, 0, 0, 0, 0]);
  expect(send(0x23, chassisIntrusion, 0)).toBe(0xcd);
});

test('the type is told and cannot be changed', () => {
  const { send } = sensors();
  expect(send(0x2f, fan1)).toEqual([0x04, 0x01]);
  expect(send(0x2f, chassisIntrusion)).toEqual([0x05, 0x6f]);
  expect(send(0x2e, fan1, 0x01, 0x01)).toBe(0xcd);
});

describe('Set Sensor Reading And Event Status', () => {
  test('writes a reading, from which events follow', () => {
    const { bench, send } = sensors();
    const events: string[] = [];
    bench.bmc.sensors.onEvent(({ sensor, state }) => events.push(`${sensor} ${state}`));
    expect(send(0x30, cpuTemp, 0x01, 86)).toEqual([]);
    expect(send(0x2d, cpuTemp)).toEqual([86, 0xc0, 0xc8]);
    expect(events).toEqual(['cpuTemp upper-non-critical']);
  });

  test('writes, sets and clears states', () => {
    const { send } = sensors();
    const states = () => (send(0x2d, powerUnit) as number[])[2];
    send(0x30, powerUnit, 0x10, 0, 0x42, 0x00);
    expect(states()).toBe(0x42);
    send(0x30, powerUnit, 0x20, 0, 0x10, 0x00);
    expect(states()).toBe(0x52);
    send(0x30, powerUnit, 0x30, 0, 0xbf, 0xff);
    expect(states()).toBe(0x12);
  });

  test.each([
    ['a reading of a discrete sensor', chassisIntrusion, [0x01, 1], 0xcc],
    ['event bits of an analog sensor', cpuTemp, [0x10, 0, 1, 0], 0xcc],
    ['event data', cpuTemp, [0x41, 50], 0xcc],
    ['deassertion bits', chassisIntrusion, [0x04, 0, 0, 0, 1, 0], 0xcc],
    ['a reading beyond the range', cpuTemp, [0x01, 200], 0xcc],
    ['a reading that is missing', cpuTemp, [0x01], 0xc7],
    ['a sensor that is not there', 0x77, [0x01, 1], 0xcb],
  ])('refuses %s', (_name, number, rest, code) => {
    expect(sensors().send(0x30, number, ...rest)).toBe(code);
  });
});

test.each([0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2d, 0x2e, 0x2f, 0x30])(
  'command %i for a sensor that is not there is CBh',
  (cmd) => {
    const body: Record<number, number[]> = {
      35: [0],
      36: [0xff, 0, 0],
      37: [0xff],
      38: [0, 0, 0, 0, 0, 0, 0],
      40: [0],
      42: [0],
      46: [1, 1],
      48: [0],
    };
    expect(sensors().send(cmd, 0xee, ...(body[cmd] ?? []))).toBe(0xcb);
  },
);
