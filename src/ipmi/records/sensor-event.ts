/** A sensor's event as the SEL and PEF know events. IPMI 2.0 §29.7, §42. */
import type { SystemEvent } from '../../bmc/sel.ts';
import type { SensorDefinition, SensorEvent } from '../../bmc/sensors/sensor.ts';
import type { Sensors } from '../../bmc/sensors/sensors.ts';
import { toRaw } from './linearization.ts';
import { sensorKey, sensorNumber } from './sensor-numbers.ts';
import { discreteTypes, EventType, offsetsOf, sensorTypeOf } from './sensor-types.ts';

/** The BMC itself. Table 32-1. */
const ownGenerator = 0x20;
const messageRevision = 0x04;
/** Bytes 2 and 3 hold the reading and the threshold; or nothing. Table 29-6. */
const withReading = 0x50;
const unspecified = 0xff;

/** @throws {RangeError} for a sensor without a number or a state without an offset: a gap in our tables */
export function systemEventOf(definition: SensorDefinition, event: SensorEvent): SystemEvent {
  const number = sensorNumber(definition.key);
  const offset = offsetsOf(definition).get(event.state);
  if (number === undefined || offset === undefined) {
    throw new RangeError(`sensor ${definition.key}: no number for its state ${event.state}`);
  }
  const { reading, threshold } = event;
  const measured = definition.kind === 'analog' && reading !== undefined && threshold !== undefined;
  return {
    kind: 'system',
    generatorId: ownGenerator,
    messageRevision,
    sensorNumber: number,
    ...sensorTypeOf(definition),
    asserted: event.asserted,
    data: measured
      ? [withReading | offset, toRaw(definition, reading), toRaw(definition, threshold)]
      : [offset, unspecified, unspecified],
  };
}

/**
 * Whether an event of one of our discrete sensors is wanted, for those who report such events in its place. Clients
 * switch them off one by one (Set Sensor Event Enable, §35.10).
 */
export function isWanted(sensors: Sensors, event: SystemEvent): boolean {
  if (event.eventType !== EventType.sensorSpecific) return true;
  const key = sensorKey(event.sensorNumber);
  const type = Object.values(discreteTypes).find(({ code }) => code === event.sensorType);
  const offset = event.data[0] & 0x0f;
  const [state] = Object.entries(type?.offsets ?? {}).find(([, taken]) => taken === offset) ?? [];
  return key === undefined || state === undefined || sensors.wants(key, state, event.asserted);
}
