/** What sensors are called that records of the SEL give by their numbers, and what they measure. */
import type { Bmc } from '../bmc/bmc.ts';
import type { AnalogDefinition } from '../bmc/sensors/sensor.ts';

export interface SelSensor {
  readonly name: string;
  /** Of one of ours that has readings. */
  readonly measures: AnalogDefinition | undefined;
}

/** @param sensorKey the key of the sensor with a number; undefined for one of somebody else's */
export function selSensor(
  bmc: Bmc,
  number: number,
  sensorKey: (number: number) => string | undefined,
): SelSensor {
  const key = sensorKey(number);
  const definition = key === undefined ? undefined : bmc.sensors.find(key)?.definition;
  return {
    name: definition?.name ?? `number ${number}`,
    measures: definition?.kind === 'analog' ? definition : undefined,
  };
}
