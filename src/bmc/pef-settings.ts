/** What platform event filtering is told to do, and what it does as the server comes. IPMI 2.0 §17. */
import type { DataMatch, EventFilter, EventSeverity, PefAction } from './event-filter.ts';

/** When an entry of a policy is followed, after the one before it in the same policy. §17.11, Table 17-5. */
export const alertRules = [
  'always',
  'unless-sent',
  'stop-if-sent',
  'other-channel-if-sent',
  'other-type-if-sent',
] as const;
export type AlertRule = (typeof alertRules)[number];

export interface AlertPolicy {
  readonly enabled: boolean;
  /** 1 to 15. */
  readonly policyNumber: number;
  readonly rule: AlertRule;
  readonly channel: number;
  readonly destination: number;
  /** The string goes by the filter that matched and `stringSelector` as the set; else `stringSelector` names it. */
  readonly eventSpecificString: boolean;
  readonly stringSelector: number;
}

export interface AlertStringKey {
  readonly filterNumber: number;
  readonly set: number;
}

export interface PefSettings {
  readonly enabled: boolean;
  /** Records an event before it acts. */
  readonly logActions: boolean;
  readonly startupDelayEnabled: boolean;
  readonly alertStartupDelayEnabled: boolean;
  /** After each power-on and reset, in seconds. */
  readonly startupDelayS: number;
  readonly alertStartupDelayS: number;
  /** What filters are allowed to do at all. */
  readonly allowedActions: readonly PefAction[];
  readonly filters: readonly EventFilter[];
  readonly policies: readonly AlertPolicy[];
  /** Stands in alerts in place of the system's own; hexadecimal, 32 digits. */
  readonly alertGuidHex: string | undefined;
  /** Strings 1 and up, and what they belong to; a NUL ends one. String 0 is volatile: {@link Pef.volatileString}. */
  readonly strings: readonly string[];
  readonly stringKeys: readonly AlertStringKey[];
}

/** Of a string that belongs to no filter. */
export const noStringKey: AlertStringKey = { filterNumber: 0, set: 0 };

export const filterCount = 40;
export const policyCount = 16;
export const alertStringCount = 8;
export const maxAlertStringBytes = 64;
export const maxPostponeS = 0xfd;

const anyData: DataMatch = { mask: 0, exact: 0, value: 0 };
const anyOffset = 0xffff;

const unusedFilter: EventFilter = {
  enabled: false,
  preconfigured: false,
  actions: [],
  policyNumber: 0,
  severity: 'unspecified',
  generatorAddress: undefined,
  generatorChannel: undefined,
  sensorType: undefined,
  sensorNumber: undefined,
  trigger: undefined,
  offsets: anyOffset,
  data: [anyData, anyData, anyData],
};

function factoryFilter(
  severity: EventSeverity,
  sensorType: number,
  trigger: number,
  offsets: readonly number[],
): EventFilter {
  return {
    ...unusedFilter,
    enabled: true,
    actions: ['alert'],
    policyNumber: 1,
    severity,
    sensorType,
    trigger,
    offsets: offsets.reduce((bits, offset) => bits | (1 << offset), 0),
  };
}

const [threshold, sensorSpecific] = [0x01, 0x6f];

/** As the server comes: it watches for what an administrator would want to know, and alerts whoever policy 1 names. */
const factoryFilters: readonly EventFilter[] = [
  // Temperature and fan, beyond critical in either direction, then non-critical.
  factoryFilter('critical', 0x01, threshold, [2, 4, 9, 11]),
  factoryFilter('non-critical', 0x01, threshold, [0, 7]),
  factoryFilter('critical', 0x04, threshold, [2, 4, 9, 11]),
  factoryFilter('non-critical', 0x04, threshold, [0, 7]),
  // Chassis opened.
  factoryFilter('critical', 0x05, sensorSpecific, [0]),
  // The power unit failed.
  factoryFilter('critical', 0x09, sensorSpecific, [5, 6]),
  // The operating system stopped.
  factoryFilter('critical', 0x20, sensorSpecific, [0, 1]),
  // The watchdog acted.
  factoryFilter('critical', 0x23, sensorSpecific, [0, 1, 2, 3]),
];

const unusedPolicy: AlertPolicy = {
  enabled: false,
  policyNumber: 1,
  rule: 'always',
  channel: 1,
  destination: 1,
  eventSpecificString: false,
  stringSelector: 0,
};

export const factorySettings: PefSettings = {
  enabled: true,
  logActions: false,
  startupDelayEnabled: false,
  alertStartupDelayEnabled: false,
  startupDelayS: 60,
  alertStartupDelayS: 60,
  allowedActions: ['alert'],
  filters: [...factoryFilters, ...Array<EventFilter>(filterCount - factoryFilters.length).fill(unusedFilter)],
  policies: Array.from({ length: policyCount }, (_, index) => ({
    ...unusedPolicy,
    policyNumber: Math.min(index + 1, 15),
  })),
  alertGuidHex: undefined,
  strings: Array<string>(alertStringCount).fill(''),
  stringKeys: Array<AlertStringKey>(alertStringCount).fill(noStringKey),
};
