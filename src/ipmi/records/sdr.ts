/** Sensor Data Records in binary form, version 51h. IPMI 2.0 §43. */
import type { Bmc } from '../../bmc/bmc.ts';
import type { AnalogDefinition, DiscreteDefinition, SensorDefinition } from '../../bmc/sensors/sensor.ts';
import { statesOf } from '../../bmc/sensors/sensor.ts';
import { toHex } from '../../lib/bytes.ts';
import { bits8, bits16le, type Codec, encode, reserved, struct, u8, u16le } from '../../lib/codec.ts';
import { ReadingFactors, readingFactors, toRaw } from './linearization.ts';
import { sensorNumber } from './sensor-numbers.ts';
import { entityId, maskOf, quantityCodes, sensorTypeOf, thresholdBits } from './sensor-types.ts';

export const sdrVersion = 0x51;
export const SdrType = { full: 0x01, compact: 0x02, fruLocator: 0x11, controllerLocator: 0x12 } as const;
/** Before the body: record ID, version, type, length of the body. */
export const sdrHeaderLength = 5;

/** Address of the BMC, and LUN and channel 0. */
const ownAddress = 0x20;

/** How many bytes after the header say what a record is about. §43, "record key bytes"; others are about themselves. */
const keyLengths: Readonly<Record<number, number>> = {
  [SdrType.full]: 3,
  [SdrType.compact]: 3,
  [SdrType.fruLocator]: 4,
  [SdrType.controllerLocator]: 2,
};

/** @returns the same text for records of the same thing: a sensor by owner and number, a locator by its addresses */
export function sdrKey(record: Uint8Array): string {
  const type = record[3] as number;
  const length = keyLengths[type];
  if (length === undefined) return toHex(record);
  // A sensor has one record, be it full or compact.
  const kind = type === SdrType.compact ? SdrType.full : type;
  return keyText(kind, record.subarray(sdrHeaderLength, sdrHeaderLength + length));
}

/** {@link sdrKey} of the record of one of our own sensors. */
export function sensorSdrKey(number: number): string {
  return keyText(SdrType.full, Uint8Array.of(ownAddress, 0, number));
}

function keyText(kind: number, key: Uint8Array): string {
  return `${kind}:${toHex(key)}`;
}

export const SdrHeader = struct({ id: u16le, version: u8, type: u8, length: u8 });

/** Type and length in one byte, then the characters: Latin-1. §43.15 */
const idString: Codec<string> = {
  read(reader) {
    const { length } = IdStringHead.read(reader);
    return Buffer.from(reader.bytes(length)).toString('latin1');
  },
  write(writer, value) {
    IdStringHead.write(writer, { encoding: 3, length: value.length });
    writer.bytes(Buffer.from(value, 'latin1'));
  },
};
const IdStringHead = bits8(['encoding', 2], ['_reserved', 1], ['length', 5]);

const SensorHead = {
  ownerId: u8,
  ownerLun: u8,
  number: u8,
  entityId: u8,
  entityInstance: bits8(['logical', 1], ['instance', 7]),
  initialization: bits8(
    ['settable', 1],
    ['scanning', 1],
    ['events', 1],
    ['thresholds', 1],
    ['hysteresis', 1],
    ['type', 1],
    ['eventsAtPowerUp', 1],
    ['scanningAtPowerUp', 1],
  ),
  capabilities: bits8(
    ['ignoredIfAbsent', 1],
    ['autoRearm', 1],
    ['hysteresis', 2, { none: 0, readable: 1, settable: 2, fixed: 3 }],
    ['thresholds', 2, { none: 0, readable: 1, settable: 2, fixed: 3 }],
    ['eventControl', 2, { perState: 0, entireSensor: 1, globalOnly: 2, none: 3 }],
  ),
  sensorType: u8,
  eventType: u8,
} as const;

const Units = {
  units: bits8(
    ['format', 2, { unsigned: 0, onesComplement: 1, twosComplement: 2, none: 3 }],
    ['rate', 3],
    ['modifier', 2],
    ['percentage', 1],
  ),
  baseUnit: u8,
  modifierUnit: u8,
} as const;

/** Table 43-1, from byte 6 on. */
export const FullSensorBody = struct({
  ...SensorHead,
  /** Bits 12 to 14: thresholds that readings are compared with. */
  assertions: bits16le(['_reserved', 1], ['comparedLower', 3], ['mask', 12]),
  deassertions: bits16le(['_reserved', 1], ['comparedUpper', 3], ['mask', 12]),
  thresholdAccess: struct({ readable: u8, settable: u8 }),
  ...Units,
  linearization: u8,
  factors: ReadingFactors,
  characteristics: bits8(['_reserved', 5], ['normalMin', 1], ['normalMax', 1], ['nominal', 1]),
  nominal: u8,
  normalMax: u8,
  normalMin: u8,
  sensorMax: u8,
  sensorMin: u8,
  upperNonRecoverable: u8,
  upperCritical: u8,
  upperNonCritical: u8,
  lowerNonRecoverable: u8,
  lowerCritical: u8,
  lowerNonCritical: u8,
  positiveHysteresis: u8,
  negativeHysteresis: u8,
  _reserved: reserved(2),
  oem: u8,
  name: idString,
});

/** Table 43-2, from byte 6 on. */
export const CompactSensorBody = struct({
  ...SensorHead,
  assertions: u16le,
  deassertions: u16le,
  readable: u16le,
  ...Units,
  sharing: u16le,
  positiveHysteresis: u8,
  negativeHysteresis: u8,
  _reserved: reserved(3),
  oem: u8,
  name: idString,
});

/** Table 43-8, from byte 6 on. */
export const ControllerLocatorBody = struct({
  address: u8,
  channel: u8,
  initialization: u8,
  capabilities: u8,
  _reserved: reserved(3),
  entityId: u8,
  entityInstance: u8,
  oem: u8,
  name: idString,
});

/** Table 43-7, from byte 6 on. */
export const FruLocatorBody = struct({
  address: u8,
  fruId: u8,
  access: bits8(['logical', 1], ['_reserved', 2], ['lun', 2], ['bus', 3]),
  channel: u8,
  _reserved: reserved(1),
  deviceType: u8,
  deviceModifier: u8,
  entityId: u8,
  entityInstance: u8,
  oem: u8,
  name: idString,
});

/** @param id 1 to FFFEh */
export function sdr<T>(id: number, type: number, codec: Codec<T>, body: T): Uint8Array {
  const encoded = encode(codec, body);
  const head = encode(SdrHeader, { id, version: sdrVersion, type, length: encoded.length });
  return new Uint8Array([...head, ...encoded]);
}

/** Record IDs of sensors are their numbers; these come after all of them. */
const controllerLocatorId = 0x0100;
const fruLocatorId = 0x0101;

/**
 * The records that describe this server, in the order in which clients show them.
 * @param capabilities the device support bits of Get Device ID
 */
export function ownSdrs(bmc: Bmc, capabilities: number): { id: number; bytes: Uint8Array }[] {
  const sensors = bmc.sensors.list().map(({ definition }) => sensorSdr(definition));
  return [
    ...sensors,
    {
      id: controllerLocatorId,
      bytes: sdr(controllerLocatorId, SdrType.controllerLocator, ControllerLocatorBody, {
        address: ownAddress,
        channel: 0,
        initialization: 0,
        capabilities,
        entityId: entityId('management-controller'),
        entityInstance: 1,
        oem: 0,
        name: 'BMC',
      }),
    },
    {
      id: fruLocatorId,
      bytes: sdr(fruLocatorId, SdrType.fruLocator, FruLocatorBody, {
        address: ownAddress,
        fruId: 0,
        access: { logical: true, lun: 0, bus: 0 },
        channel: 0,
        deviceType: fruBehindController,
        deviceModifier: 0,
        entityId: entityId('system-board'),
        entityInstance: 1,
        oem: 0,
        name: 'System FRU',
      }),
    },
  ];
}

/** Device type "FRU inventory device behind management controller". Table 43-12. */
const fruBehindController = 0x10;

function sensorSdr(definition: SensorDefinition): { id: number; bytes: Uint8Array } {
  const number = sensorNumber(definition.key);
  if (number === undefined) throw new RangeError(`sensor ${definition.key} has no number`);
  const bytes =
    definition.kind === 'analog'
      ? sdr(number, SdrType.full, FullSensorBody, fullBody(definition, number))
      : sdr(number, SdrType.compact, CompactSensorBody, compactBody(definition, number));
  return { id: number, bytes };
}

function headOf(definition: SensorDefinition, number: number) {
  const { entity } = definition;
  return {
    ownerId: ownAddress,
    ownerLun: 0,
    number,
    entityId: entityId(entity.kind),
    entityInstance: { logical: false, instance: entity.instance },
    ...sensorTypeOf(definition),
  };
}

function fullBody(definition: AnalogDefinition, number: number) {
  const { thresholds, hysteresis, normal } = definition;
  const states = statesOf(definition);
  const has = states.length > 0;
  const mask = maskOf(definition, states);
  const access = thresholdBits(states);
  const { unit, percentage } = quantityCodes(definition.quantity);
  const raw = (value: number | undefined) => (value === undefined ? 0 : toRaw(definition, value));
  return {
    ...headOf(definition, number),
    initialization: {
      settable: true,
      scanning: true,
      events: has,
      thresholds: has,
      hysteresis: has,
      type: false,
      eventsAtPowerUp: has,
      scanningAtPowerUp: true,
    },
    capabilities: {
      ignoredIfAbsent: false,
      autoRearm: true,
      hysteresis: has ? ('settable' as const) : ('none' as const),
      thresholds: has ? ('settable' as const) : ('none' as const),
      eventControl: has ? ('perState' as const) : ('none' as const),
    },
    assertions: { comparedLower: access & 7, mask },
    deassertions: { comparedUpper: access >> 3, mask },
    thresholdAccess: { readable: access, settable: access },
    units: { format: 'unsigned' as const, rate: 0, modifier: 0, percentage },
    baseUnit: unit,
    modifierUnit: 0,
    linearization: 0,
    factors: readingFactors(definition),
    characteristics: { normalMin: true, normalMax: true, nominal: true },
    nominal: raw(normal.nominal),
    normalMax: raw(normal.maximum),
    normalMin: raw(normal.minimum),
    sensorMax: raw(definition.maximum),
    sensorMin: 0,
    upperNonRecoverable: raw(thresholds['upper-non-recoverable']),
    upperCritical: raw(thresholds['upper-critical']),
    upperNonCritical: raw(thresholds['upper-non-critical']),
    lowerNonRecoverable: raw(thresholds['lower-non-recoverable']),
    lowerCritical: raw(thresholds['lower-critical']),
    lowerNonCritical: raw(thresholds['lower-non-critical']),
    positiveHysteresis: raw(hysteresis.positive),
    negativeHysteresis: raw(hysteresis.negative),
    oem: 0,
    name: definition.name,
  };
}

function compactBody(definition: DiscreteDefinition, number: number) {
  const mask = maskOf(definition, statesOf(definition));
  return {
    ...headOf(definition, number),
    initialization: {
      settable: true,
      scanning: true,
      events: true,
      thresholds: false,
      hysteresis: false,
      type: false,
      eventsAtPowerUp: true,
      scanningAtPowerUp: true,
    },
    capabilities: {
      ignoredIfAbsent: false,
      autoRearm: true,
      hysteresis: 'none' as const,
      thresholds: 'none' as const,
      eventControl: 'perState' as const,
    },
    assertions: mask,
    deassertions: mask,
    readable: mask,
    units: { format: 'none' as const, rate: 0, modifier: 0, percentage: false },
    baseUnit: 0,
    modifierUnit: 0,
    sharing: 0,
    positiveHysteresis: 0,
    negativeHysteresis: 0,
    oem: 0,
    name: definition.name,
  };
}
