/**
 * What a sensor is: its definition, and what it tells and reports. Names only; numbers, raw readings and bit masks
 * belong to the faces.
 */

/** From the mildest to the worst, lower ones first. IPMI 2.0 §35.9. */
export const thresholdNames = [
  'lower-non-critical',
  'lower-critical',
  'lower-non-recoverable',
  'upper-non-critical',
  'upper-critical',
  'upper-non-recoverable',
] as const;
export type ThresholdName = (typeof thresholdNames)[number];
export type Thresholds = Readonly<Partial<Record<ThresholdName, number>>>;

export function isLower(threshold: ThresholdName): boolean {
  return threshold.startsWith('lower');
}

/** What of the server a sensor is about. */
export const entityKinds = [
  'processor',
  'memory-device',
  'system-board',
  'chassis',
  'fan',
  'power-unit',
  'management-controller',
  'bios',
  'operating-system',
] as const;
export interface Entity {
  readonly kind: (typeof entityKinds)[number];
  /** From 1. */
  readonly instance: number;
}

/** Units of the quantities: °C, RPM, W, %. */
export type Quantity = 'temperature' | 'fan-speed' | 'power' | 'utilization';

interface CommonDefinition {
  /** The sensor's name in programs, for life. */
  readonly key: string;
  /** For people; at most 16 characters. */
  readonly name: string;
  readonly entity: Entity;
}

export interface AnalogDefinition extends CommonDefinition {
  readonly kind: 'analog';
  readonly quantity: Quantity;
  /** The greatest reading there can be; the least is 0. */
  readonly maximum: number;
  /** Readings, thresholds and hysteresis are whole multiples of it. */
  readonly resolution: number;
  /** What a healthy machine shows. */
  readonly normal: { readonly minimum: number; readonly nominal: number; readonly maximum: number };
  /** As delivered. A threshold that is not here does not exist and cannot be set. */
  readonly thresholds: Thresholds;
  readonly hysteresis: Hysteresis;
}

/** By how much a reading must come back, in the sensor's unit, before a threshold counts as left. */
export interface Hysteresis {
  /** For lower thresholds: so far above. */
  readonly positive: number;
  /** For upper thresholds: so far below. */
  readonly negative: number;
}

/** What a discrete sensor is about, and the states one of its type may have. IPMI 2.0 Table 42-3. */
export const discreteStates = {
  'physical-security': ['intrusion'],
  processor: ['thermal-trip', 'presence', 'disabled'],
  memory: ['uncorrectable-error', 'presence'],
  'power-unit': ['power-off', 'power-cycle', 'power-lost', 'soft-control-failure', 'failure'],
  'event-log': ['cleared', 'full', 'almost-full'],
  'system-event': ['reconfigured', 'undetermined-failure', 'pef-action', 'clock-changed'],
  'critical-interrupt': ['diagnostic-interrupt'],
  'system-boot': [
    'power-up',
    'hard-reset',
    'warm-reset',
    'pxe-requested',
    'diagnostic-requested',
    'software-reset',
    'restart',
  ],
  'os-boot': ['disk-boot', 'pxe-boot', 'diagnostic-boot', 'cd-boot', 'rom-boot', 'boot-completed'],
  'os-stop': ['stop-while-loading', 'run-time-stop', 'graceful-stop', 'graceful-shutdown'],
  slot: ['device-installed'],
  'acpi-state': ['working', 'soft-off'],
  watchdog: ['expired', 'hard-reset', 'power-down', 'power-cycle', 'pre-timeout'],
  lan: ['heartbeat-lost', 'heartbeat'],
  'controller-health': ['degraded', 'unavailable', 'off-line', 'sensor-failure'],
  'session-audit': ['activated', 'deactivated', 'invalid-login', 'user-disabled'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type DiscreteType = keyof typeof discreteStates;

export interface DiscreteDefinition extends CommonDefinition {
  readonly kind: 'discrete';
  readonly type: DiscreteType;
  /**
   * Who turns a change into an event: the sensor itself, or whoever reports what happened (power, boot, SEL, …),
   * so that one happening does not become two events. A state set by override is always announced by the sensor.
   */
  readonly announcedBy: 'sensor' | 'cause';
}

export type SensorDefinition = AnalogDefinition | DiscreteDefinition;

/** A threshold crossed, or a state entered or left. */
export interface SensorEvent {
  /** The sensor's key. */
  readonly sensor: string;
  readonly kind: 'threshold' | 'state';
  /** A {@link ThresholdName}, or one of the sensor type's {@link discreteStates}. */
  readonly state: string;
  /** False: the threshold or state was left. */
  readonly asserted: boolean;
  /** Of a threshold event: what was read and what it was compared with, in the sensor's unit. */
  readonly reading?: number;
  readonly threshold?: number;
}

/** What of a sensor's doings is wanted. */
export interface EventEnables {
  /** Off: the reading is not kept up to date, hence unavailable. */
  readonly scanning: boolean;
  /** Off: no events at all, whatever the lists say. */
  readonly events: boolean;
  /** States whose entering makes an event. */
  readonly assertions: readonly string[];
  readonly deassertions: readonly string[];
}

/** @returns all states a sensor may make events of, in a fixed order */
export function statesOf(definition: SensorDefinition): readonly string[] {
  return definition.kind === 'analog'
    ? thresholdNames.filter((name) => definition.thresholds[name] !== undefined)
    : discreteStates[definition.type];
}
