import { describe, expect, test } from 'vitest';
import { isWanted, systemEventOf } from '../../../../src/ipmi/records/sensor-event.ts';
import {
  SensorNumber,
  SensorRange,
  sensorKey,
  sensorNumber,
} from '../../../../src/ipmi/records/sensor-numbers.ts';
import { tester } from '../../../support/actors.ts';
import { LanBench } from '../../../support/lan-bench.ts';

describe('sensor numbers', () => {
  test('lead to keys and back', () => {
    const keys = [...Object.keys(SensorNumber), 'cpu1', 'cpu8', 'dimm1', 'dimm8'];
    expect(keys.map((key) => sensorKey(sensorNumber(key) ?? -1))).toEqual(keys);
    expect([sensorNumber('cpu9'), sensorNumber('cpu0'), sensorNumber('gpu1'), sensorKey(0xfe)]).toEqual(
      Array(4).fill(undefined),
    );
  });

  test('are never given twice', () => {
    const ranges = Object.values(SensorRange).flatMap(({ first, count }) =>
      Array.from({ length: count }, (_, index) => first + index),
    );
    const all = [...Object.values<number>(SensorNumber), ...ranges];
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('a threshold event', () => {
  test('holds reading and threshold in the steps of its sensor', () => {
    const { definition } = new LanBench().bmc.sensors.analog('fan1');
    const event = { sensor: 'fan1', kind: 'threshold', state: 'lower-critical', asserted: true } as const;
    expect(systemEventOf(definition, { ...event, reading: 450, threshold: 500 })).toMatchObject({
      sensorNumber: 0x30,
      sensorType: 0x04,
      eventType: 0x01,
      asserted: true,
      data: [0x52, 9, 10],
    });
    expect(systemEventOf(definition, event).data).toEqual([0x02, 0xff, 0xff]);
  });

  test('of a state that the sensor has not is a fault of ours', () => {
    const { definition } = new LanBench().bmc.sensors.discrete('powerUnit');
    const event = { sensor: 'powerUnit', kind: 'state', state: 'intrusion', asserted: true } as const;
    expect(() => systemEventOf(definition, event)).toThrow(RangeError);
  });
});

describe('an event that others report for a sensor', () => {
  const { bmc } = new LanBench();
  const sensor = bmc.sensors.discrete('powerUnit');
  const event = (state: string, asserted = true) =>
    systemEventOf(sensor.definition, { sensor: 'powerUnit', kind: 'state', state, asserted });

  test('is wanted until somebody switches it off', () => {
    expect(isWanted(bmc.sensors, event('power-off'))).toBe(true);
    sensor.configure({ enables: { ...sensor.enables, assertions: ['failure'] } }, tester);
    expect(isWanted(bmc.sensors, event('power-off'))).toBe(false);
    expect(isWanted(bmc.sensors, event('failure'))).toBe(true);
    expect(isWanted(bmc.sensors, event('power-off', false))).toBe(true);
    sensor.configure({ enables: { ...sensor.enables, events: false } }, tester);
    expect(isWanted(bmc.sensors, event('failure'))).toBe(false);
  });

  test('switched off does not reach the SEL', () => {
    const bench = new LanBench();
    const { sensors, events, sel } = bench.bmc;
    events.add('power-off', 'power off by test');
    expect(sel.entries).toHaveLength(1);
    const powerUnit = sensors.discrete('powerUnit');
    powerUnit.configure({ enables: { ...powerUnit.enables, assertions: [] } }, tester);
    events.add('power-off', 'power off by test');
    expect(sel.entries).toHaveLength(1);
  });
});
