/** What sensors are called that records of the SEL give by their numbers. */
import type { Bmc } from '../bmc/bmc.ts';

/** @param sensorKey the key of the sensor with a number; undefined for one of somebody else's */
export function sensorName(
  bmc: Bmc,
  number: number,
  sensorKey: (number: number) => string | undefined,
): string {
  const key = sensorKey(number);
  const name = key === undefined ? undefined : bmc.sensors.nameOf(key);
  return name ?? `number ${number}`;
}
