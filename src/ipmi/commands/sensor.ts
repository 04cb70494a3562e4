/** Commands about sensors. IPMI 2.0 §35. Device SDRs (20h to 22h) do not exist here: the repository has all records. */
import { AnalogSensor } from '../../bmc/sensors/analog-sensor.ts';
import { DiscreteSensor } from '../../bmc/sensors/discrete-sensor.ts';
import type { ThresholdName } from '../../bmc/sensors/sensor.ts';
import { statesOf, thresholdNames } from '../../bmc/sensors/sensor.ts';
import type { Sensor, Sensors } from '../../bmc/sensors/sensors.ts';
import { bits8, type Codec, empty, optional, struct, u8, u16le } from '../../lib/codec.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { fromRaw, ReadingFactors, readingFactors, toRaw } from '../records/linearization.ts';
import { sensorNumber } from '../records/sensor-numbers.ts';
import { maskOf, sensorTypeOf, statesInMask, thresholdBits } from '../records/sensor-types.ts';
import { command } from './command.ts';

/** @throws {CompletionError} CBh */
function findSensor(sensors: Sensors, number: number): Sensor {
  const found = sensors.list().find(({ definition }) => sensorNumber(definition.key) === number);
  if (!found) throw new CompletionError(CompletionCode.notPresent, `no sensor ${number}`);
  return found;
}

/** @throws {CompletionError} CBh, or CDh for a discrete sensor */
function findAnalog(sensors: Sensors, number: number): AnalogSensor {
  const sensor = findSensor(sensors, number);
  if (sensor instanceof AnalogSensor) return sensor;
  throw new CompletionError(CompletionCode.illegalForSensor, `${sensor.definition.name} has no reading`);
}

export const getSensorReadingFactors = command({
  name: 'Get Sensor Reading Factors',
  netFn: NetFn.sensorEvent,
  cmd: 0x23,
  privilege: 'user',
  spec: 'IPMI 2.0 §35.5',
  request: struct({ number: u8, raw: u8 }),
  /** The factors are the same for all readings, so the next reading to ask for is any. */
  response: struct({ nextRaw: u8, factors: ReadingFactors }),
  handle({ number, raw }, { bmc: { sensors } }) {
    return { nextRaw: raw, factors: readingFactors(findAnalog(sensors, number).definition) };
  },
});

export const setSensorHysteresis = command({
  name: 'Set Sensor Hysteresis',
  netFn: NetFn.sensorEvent,
  cmd: 0x24,
  privilege: 'operator',
  spec: 'IPMI 2.0 §35.6',
  request: struct({ number: u8, mask: u8, positive: u8, negative: u8 }),
  response: empty,
  handle({ number, positive, negative }, { bmc: { sensors }, actor }) {
    const sensor = withThresholds(findAnalog(sensors, number));
    const { definition } = sensor;
    const hysteresis = { positive: fromRaw(definition, positive), negative: fromRaw(definition, negative) };
    sensor.configure({ hysteresis }, actor);
    return {};
  },
});

export const getSensorHysteresis = command({
  name: 'Get Sensor Hysteresis',
  netFn: NetFn.sensorEvent,
  cmd: 0x25,
  privilege: 'user',
  spec: 'IPMI 2.0 §35.7',
  request: struct({ number: u8, mask: u8 }),
  response: struct({ positive: u8, negative: u8 }),
  handle({ number }, { bmc: { sensors } }) {
    const { definition, settings } = withThresholds(findAnalog(sensors, number));
    const { positive, negative } = settings.hysteresis;
    return { positive: toRaw(definition, positive), negative: toRaw(definition, negative) };
  },
});

/** @throws {CompletionError} CDh for a sensor that compares its reading with nothing */
function withThresholds(sensor: AnalogSensor): AnalogSensor {
  if (statesOf(sensor.definition).length > 0) return sensor;
  throw new CompletionError(CompletionCode.illegalForSensor, `${sensor.definition.name} has no thresholds`);
}

/** From the mildest lower to the worst upper one; what does not exist is 0. Tables 35-8, 35-9. */
const RawThresholds: Codec<Readonly<Partial<Record<ThresholdName, number>>>> = {
  read: (reader) => Object.fromEntries(thresholdNames.map((name) => [name, reader.u8()])),
  write(writer, thresholds) {
    for (const name of thresholdNames) writer.u8(thresholds[name] ?? 0);
  },
};

export const setSensorThresholds = command({
  name: 'Set Sensor Thresholds',
  netFn: NetFn.sensorEvent,
  cmd: 0x26,
  privilege: 'operator',
  spec: 'IPMI 2.0 §35.8',
  request: struct({ number: u8, which: bits8(['_reserved', 2], ['bits', 6]), thresholds: RawThresholds }),
  response: empty,
  handle({ number, which: { bits }, thresholds }, { bmc: { sensors }, actor }) {
    const sensor = withThresholds(findAnalog(sensors, number));
    const { definition, settings } = sensor;
    const chosen = thresholdNames.filter((_name, index) => bits & (1 << index));
    const change = chosen.map((name) => [name, fromRaw(definition, thresholds[name] as number)] as const);
    sensor.configure({ thresholds: { ...settings.thresholds, ...Object.fromEntries(change) } }, actor);
    return {};
  },
});

export const getSensorThresholds = command({
  name: 'Get Sensor Thresholds',
  netFn: NetFn.sensorEvent,
  cmd: 0x27,
  privilege: 'user',
  spec: 'IPMI 2.0 §35.9',
  request: struct({ number: u8 }),
  response: struct({ readable: u8, thresholds: RawThresholds }),
  handle({ number }, { bmc: { sensors } }) {
    const { definition, settings } = findAnalog(sensors, number);
    const raw = Object.entries(settings.thresholds).map(([name, value]) => [name, toRaw(definition, value)]);
    return { readable: thresholdBits(statesOf(definition)), thresholds: Object.fromEntries(raw) };
  },
});

const EnableOperation = { keep: 0, enable: 1, disable: 2 } as const;

/** Event masks may end early: what is missing counts as 0. */
const LateMask = optional(u8);

export const setSensorEventEnable = command({
  name: 'Set Sensor Event Enable',
  netFn: NetFn.sensorEvent,
  cmd: 0x28,
  privilege: 'operator',
  spec: 'IPMI 2.0 §35.10',
  request: struct({
    number: u8,
    switches: bits8(['events', 1], ['scanning', 1], ['operation', 2, EnableOperation], ['_reserved', 4]),
    assertionsLow: LateMask,
    assertionsHigh: LateMask,
    deassertionsLow: LateMask,
    deassertionsHigh: LateMask,
  }),
  response: empty,
  handle({ number, switches: { events, scanning, operation }, ...masks }, { bmc: { sensors }, actor }) {
    const sensor = findSensor(sensors, number);
    const { definition, enables } = sensor;
    const next = (before: readonly string[], mask: number): readonly string[] => {
      const chosen = statesInMask(definition, mask);
      if (operation === 'keep') return before;
      return statesOf(definition).filter((state) =>
        chosen.includes(state) ? operation === 'enable' : before.includes(state),
      );
    };
    const wanted = {
      events,
      scanning,
      assertions: next(enables.assertions, wholeMask(masks.assertionsLow, masks.assertionsHigh)),
      deassertions: next(enables.deassertions, wholeMask(masks.deassertionsLow, masks.deassertionsHigh)),
    };
    sensor.configure({ enables: wanted }, actor);
    return {};
  },
});

function wholeMask(low: number | undefined, high: number | undefined): number {
  return (low ?? 0) | ((high ?? 0) << 8);
}

export const getSensorEventEnable = command({
  name: 'Get Sensor Event Enable',
  netFn: NetFn.sensorEvent,
  cmd: 0x29,
  privilege: 'user',
  spec: 'IPMI 2.0 §35.11',
  request: struct({ number: u8 }),
  response: struct({
    switches: bits8(['events', 1], ['scanning', 1], ['_reserved', 6]),
    assertions: u16le,
    deassertions: u16le,
  }),
  handle({ number }, { bmc: { sensors } }) {
    const { definition, enables } = findSensor(sensors, number);
    const { events, scanning, assertions, deassertions } = enables;
    return {
      switches: { events, scanning },
      assertions: maskOf(definition, assertions),
      deassertions: maskOf(definition, deassertions),
    };
  },
});

export const rearmSensorEvents = command({
  name: 'Re-arm Sensor Events',
  netFn: NetFn.sensorEvent,
  cmd: 0x2a,
  privilege: 'operator',
  spec: 'IPMI 2.0 §35.12',
  request: struct({
    number: u8,
    which: bits8(['selected', 1], ['_reserved', 7]),
    assertionsLow: LateMask,
    assertionsHigh: LateMask,
    deassertionsLow: LateMask,
    deassertionsHigh: LateMask,
  }),
  response: empty,
  handle({ number, which: { selected }, ...masks }, { bmc: { sensors } }) {
    const sensor = findSensor(sensors, number);
    const { definition } = sensor;
    const pick = (low: number | undefined, high: number | undefined) =>
      selected ? statesInMask(definition, wholeMask(low, high)) : statesOf(definition);
    sensor.rearm(
      pick(masks.assertionsLow, masks.assertionsHigh),
      pick(masks.deassertionsLow, masks.deassertionsHigh),
    );
    return {};
  },
});

const ReadingState = bits8(['events', 1], ['scanning', 1], ['unavailable', 1], ['_reserved', 5]);

function readingState(sensor: Sensor) {
  const { events, scanning } = sensor.enables;
  const value = sensor instanceof AnalogSensor ? sensor.reading : sensor.states;
  return { events, scanning, unavailable: value === undefined };
}

export const getSensorEventStatus = command({
  name: 'Get Sensor Event Status',
  netFn: NetFn.sensorEvent,
  cmd: 0x2b,
  privilege: 'user',
  spec: 'IPMI 2.0 §35.13',
  request: struct({ number: u8 }),
  response: struct({ state: ReadingState, asserted: u16le, deasserted: u16le }),
  handle({ number }, { bmc: { sensors } }) {
    const sensor = findSensor(sensors, number);
    sensor.look();
    const { definition, status } = sensor;
    return {
      state: readingState(sensor),
      asserted: maskOf(definition, status.asserted),
      deasserted: maskOf(definition, status.deasserted),
    };
  },
});

/** Reserved, yet written as 1. Table 35-15. */
const comparisonFiller = 0xc0;
const statesFiller = 0x8000;

/** One byte for an analog sensor, two for a discrete one. */
const ReadingDetail: Codec<{ readonly analog: boolean; readonly bits: number }> = {
  read(reader) {
    const analog = reader.left === 1;
    return { analog, bits: analog ? reader.u8() : reader.u16le() };
  },
  write: (writer, { analog, bits }) => void (analog ? writer.u8(bits) : writer.u16le(bits)),
};

export const getSensorReading = command({
  name: 'Get Sensor Reading',
  netFn: NetFn.sensorEvent,
  cmd: 0x2d,
  privilege: 'user',
  spec: 'IPMI 2.0 §35.14',
  request: struct({ number: u8 }),
  response: struct({
    raw: u8,
    state: ReadingState,
    /** Analog: thresholds crossed, one byte. Discrete: states, two bytes. */
    detail: ReadingDetail,
  }),
  handle({ number }, { bmc: { sensors } }) {
    const sensor = findSensor(sensors, number);
    const state = readingState(sensor);
    if (sensor instanceof DiscreteSensor) {
      const bits = maskOf(sensor.definition, sensor.states ?? []) | statesFiller;
      return { raw: 0, state, detail: { analog: false, bits } };
    }
    const { definition, reading, crossed } = sensor;
    const bits = thresholdBits(crossed) | comparisonFiller;
    return {
      raw: reading === undefined ? 0 : toRaw(definition, reading),
      state,
      detail: { analog: true, bits },
    };
  },
});

/** What a sensor measures is built in. */
export const setSensorType = command({
  name: 'Set Sensor Type',
  netFn: NetFn.sensorEvent,
  cmd: 0x2e,
  privilege: 'operator',
  spec: 'IPMI 2.0 §35.15',
  request: struct({ number: u8, sensorType: u8, eventType: u8 }),
  response: empty,
  handle({ number }, { bmc: { sensors } }) {
    const { definition } = findSensor(sensors, number);
    throw new CompletionError(CompletionCode.illegalForSensor, `${definition.name}: its type is fixed`);
  },
});

export const getSensorType = command({
  name: 'Get Sensor Type',
  netFn: NetFn.sensorEvent,
  cmd: 0x2f,
  privilege: 'user',
  spec: 'IPMI 2.0 §35.16',
  request: struct({ number: u8 }),
  response: struct({ sensorType: u8, eventType: u8 }),
  handle: ({ number }, { bmc: { sensors } }) => sensorTypeOf(findSensor(sensors, number).definition),
});

const BitsOperation = { keep: 0, write: 1, set: 2, clear: 3 } as const;

/**
 * Analog sensors take a reading, discrete ones states; events follow from these as they do from true ones. So
 * neither an analog sensor's event bits nor anybody's deassertion bits or event data can be written for themselves:
 * CCh.
 */
export const setSensorReading = command({
  name: 'Set Sensor Reading And Event Status',
  netFn: NetFn.sensorEvent,
  cmd: 0x30,
  privilege: 'operator',
  spec: 'IPMI 2.0 §35.17',
  request: struct({
    number: u8,
    operation: bits8(
      ['eventData', 2],
      ['assertions', 2, BitsOperation],
      ['deassertions', 2, BitsOperation],
      ['reading', 2, { keep: 0, write: 1 }],
    ),
    raw: optional(u8),
    assertionsLow: LateMask,
    assertionsHigh: LateMask,
    deassertionsLow: LateMask,
    deassertionsHigh: LateMask,
    eventData1: optional(u8),
    eventData2: optional(u8),
    eventData3: optional(u8),
  }),
  response: empty,
  handle({ number, operation, raw, assertionsLow, assertionsHigh }, { bmc: { sensors, events }, actor }) {
    const sensor = findSensor(sensors, number);
    const { name } = sensor.definition;
    if (operation.eventData !== 0 || operation.deassertions !== 'keep') {
      throw new CompletionError(CompletionCode.invalidField, `${name}: events follow from states alone`);
    }
    if (sensor instanceof AnalogSensor) {
      if (operation.assertions !== 'keep') {
        throw new CompletionError(
          CompletionCode.invalidField,
          `${name}: events follow from the reading alone`,
        );
      }
      if (operation.reading === 'keep') return {};
      if (raw === undefined)
        throw new CompletionError(CompletionCode.requestLengthInvalid, 'no reading given');
      const shown = fromRaw(sensor.definition, raw);
      const { reading, overridden } = sensor;
      events.changed(actor, `sensor ${name}`, { overridden, reading }, { overridden: true, reading: shown });
      sensor.override(shown);
      return {};
    }
    if (operation.reading !== 'keep') {
      throw new CompletionError(CompletionCode.invalidField, `${name}: has no reading`);
    }
    if (operation.assertions === 'keep') return {};
    const before = maskOf(sensor.definition, sensor.states ?? []);
    const given = wholeMask(assertionsLow, assertionsHigh);
    // "clear" takes away the bits that are given as 0.
    const mask =
      operation.assertions === 'set'
        ? before | given
        : operation.assertions === 'clear'
          ? before & given
          : given;
    const states = statesInMask(sensor.definition, mask);
    const shown = { overridden: sensor.overridden, states: [...(sensor.states ?? [])] };
    events.changed(actor, `sensor ${name}`, shown, { overridden: true, states });
    sensor.override(states);
    return {};
  },
});

export const sensorCommands = [
  getSensorReadingFactors,
  setSensorHysteresis,
  getSensorHysteresis,
  setSensorThresholds,
  getSensorThresholds,
  setSensorEventEnable,
  getSensorEventEnable,
  rearmSensorEvents,
  getSensorEventStatus,
  getSensorReading,
  setSensorType,
  getSensorType,
  setSensorReading,
];
