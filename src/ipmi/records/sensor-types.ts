/** The core's sensor words as IPMI's numbers: sensor types, event offsets, units, entities. IPMI 2.0 §42, §43.14, §43.17. */
import type {
  DiscreteType,
  discreteStates,
  Entity,
  Quantity,
  SensorDefinition,
  ThresholdName,
} from '../../bmc/sensors/sensor.ts';
import { thresholdNames } from '../../bmc/sensors/sensor.ts';

/** Event/reading types. Table 42-1. */
export const EventType = { threshold: 0x01, sensorSpecific: 0x6f } as const;

/** Offsets of threshold events: lower ones count going low, upper ones going high. Table 42-2, generic 01h. */
export const ThresholdOffset = {
  'lower-non-critical': 0,
  'lower-critical': 2,
  'lower-non-recoverable': 4,
  'upper-non-critical': 7,
  'upper-critical': 9,
  'upper-non-recoverable': 11,
} as const satisfies Record<ThresholdName, number>;

type DiscreteTypes = {
  readonly [T in DiscreteType]: {
    readonly code: number;
    readonly offsets: Readonly<Record<(typeof discreteStates)[T][number], number>>;
  };
};

/** Table 42-3. */
export const discreteTypes: DiscreteTypes = {
  'physical-security': { code: 0x05, offsets: { intrusion: 0 } },
  processor: { code: 0x07, offsets: { 'thermal-trip': 1, presence: 7, disabled: 8 } },
  'power-unit': {
    code: 0x09,
    offsets: { 'power-off': 0, 'power-cycle': 1, 'power-lost': 4, 'soft-control-failure': 5, failure: 6 },
  },
  memory: { code: 0x0c, offsets: { 'uncorrectable-error': 1, presence: 6 } },
  'event-log': { code: 0x10, offsets: { cleared: 2, full: 4, 'almost-full': 5 } },
  'system-event': {
    code: 0x12,
    offsets: { reconfigured: 0, 'undetermined-failure': 2, 'pef-action': 4, 'clock-changed': 5 },
  },
  'critical-interrupt': { code: 0x13, offsets: { 'diagnostic-interrupt': 0 } },
  'system-boot': {
    code: 0x1d,
    offsets: {
      'power-up': 0,
      'hard-reset': 1,
      'warm-reset': 2,
      'pxe-requested': 3,
      'diagnostic-requested': 4,
      'software-reset': 5,
      restart: 7,
    },
  },
  'os-boot': {
    code: 0x1f,
    offsets: {
      'disk-boot': 1,
      'pxe-boot': 2,
      'diagnostic-boot': 3,
      'cd-boot': 4,
      'rom-boot': 5,
      'boot-completed': 6,
    },
  },
  'os-stop': {
    code: 0x20,
    offsets: { 'stop-while-loading': 0, 'run-time-stop': 1, 'graceful-stop': 2, 'graceful-shutdown': 3 },
  },
  slot: { code: 0x21, offsets: { 'device-installed': 2 } },
  'acpi-state': { code: 0x22, offsets: { working: 0, 'soft-off': 5 } },
  watchdog: {
    code: 0x23,
    offsets: { expired: 0, 'hard-reset': 1, 'power-down': 2, 'power-cycle': 3, 'pre-timeout': 8 },
  },
  lan: { code: 0x27, offsets: { 'heartbeat-lost': 0, heartbeat: 1 } },
  'controller-health': {
    code: 0x28,
    offsets: { degraded: 1, 'off-line': 2, unavailable: 3, 'sensor-failure': 4 },
  },
  'session-audit': {
    code: 0x2a,
    offsets: { activated: 0, deactivated: 1, 'invalid-login': 2, 'user-disabled': 3 },
  },
};

interface QuantityCodes {
  /** Table 42-3. */
  readonly sensorType: number;
  /** §43.17; 0 goes with a percentage. */
  readonly unit: number;
  readonly percentage: boolean;
}

const quantities: Readonly<Record<Quantity, QuantityCodes>> = {
  temperature: { sensorType: 0x01, unit: 1, percentage: false },
  'fan-speed': { sensorType: 0x04, unit: 18, percentage: false },
  // "Other units-based sensor": there is no type for power.
  power: { sensorType: 0x0b, unit: 6, percentage: false },
  utilization: { sensorType: 0x0c, unit: 0, percentage: true },
};

export function quantityCodes(quantity: Quantity): QuantityCodes {
  return quantities[quantity];
}

/** Table 43-13. */
const EntityId = {
  processor: 0x03,
  'management-controller': 0x06,
  'system-board': 0x07,
  'power-unit': 0x13,
  chassis: 0x17,
  fan: 0x1d,
  'memory-device': 0x20,
  bios: 0x22,
  'operating-system': 0x23,
} as const satisfies Record<Entity['kind'], number>;

export function entityId(kind: Entity['kind']): number {
  return EntityId[kind];
}

export function sensorTypeOf(definition: SensorDefinition): { sensorType: number; eventType: number } {
  return definition.kind === 'analog'
    ? { sensorType: quantities[definition.quantity].sensorType, eventType: EventType.threshold }
    : { sensorType: discreteTypes[definition.type].code, eventType: EventType.sensorSpecific };
}

/** Each state a sensor may have, with the offset of its event: the bit that stands for it in event masks. */
export function offsetsOf(definition: SensorDefinition): ReadonlyMap<string, number> {
  if (definition.kind === 'discrete') return new Map(Object.entries(discreteTypes[definition.type].offsets));
  const names = thresholdNames.filter((name) => definition.thresholds[name] !== undefined);
  return new Map(names.map((name) => [name, ThresholdOffset[name]]));
}

/** Event mask of some states. */
export function maskOf(definition: SensorDefinition, states: Iterable<string>): number {
  const offsets = offsetsOf(definition);
  let mask = 0;
  for (const state of states) {
    const offset = offsets.get(state);
    if (offset !== undefined) mask |= 1 << offset;
  }
  return mask;
}

/** The states whose bits are set; bits of no state count for nothing. */
export function statesInMask(definition: SensorDefinition, mask: number): string[] {
  return [...offsetsOf(definition)].filter(([, offset]) => mask & (1 << offset)).map(([state]) => state);
}

/** Bits of thresholds as the threshold commands and reading comparisons use them. Table 35-9. */
export function thresholdBits(names: Iterable<string>): number {
  let bits = 0;
  for (const name of names) {
    const index = thresholdNames.indexOf(name as ThresholdName);
    if (index >= 0) bits |= 1 << index;
  }
  return bits;
}
