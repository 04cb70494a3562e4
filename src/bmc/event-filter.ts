/** A filter of platform event filtering: which events it applies to, and what is to be done about them. IPMI 2.0 §17.7. */
import type { SystemEvent } from './sel.ts';

/** What a filter can do, the weightiest first: of several power actions only the first is taken. §17.5, Table 17-3. */
export const pefActions = ['power-off', 'power-cycle', 'reset', 'diagnostic-interrupt', 'alert'] as const;
export type PefAction = (typeof pefActions)[number];

export const eventSeverities = [
  'unspecified',
  'monitor',
  'information',
  'ok',
  'non-critical',
  'critical',
  'non-recoverable',
] as const;
export type EventSeverity = (typeof eventSeverities)[number];

/** How one byte of event data is compared. §17.7.2 */
export interface DataMatch {
  /** Bits that count; none: any value matches. */
  readonly mask: number;
  /** Of these, those that must all be as in `value`; of the others one that is as in `value` suffices. */
  readonly exact: number;
  readonly value: number;
}

export interface EventFilter {
  readonly enabled: boolean;
  /** Marked by its maker as part of the platform. Only a mark. */
  readonly preconfigured: boolean;
  readonly actions: readonly PefAction[];
  /** Which alert policies an alert follows: 1 to 15; 0 for none. */
  readonly policyNumber: number;
  readonly severity: EventSeverity;
  /** Undefined in any of these: whatever it is. */
  readonly generatorAddress: number | undefined;
  readonly generatorChannel: number | undefined;
  readonly sensorType: number | undefined;
  readonly sensorNumber: number | undefined;
  /** Direction in bit 7 (1 for the end of a state), event/reading type below. */
  readonly trigger: number | undefined;
  /** Bit n: an event of offset n matches. */
  readonly offsets: number;
  readonly data: readonly [DataMatch, DataMatch, DataMatch];
}

/** Whether a filter that is enabled applies to an event. §17.7 */
export function matches(filter: EventFilter, event: SystemEvent): boolean {
  const trigger = (event.asserted ? 0 : 0x80) | event.eventType;
  return (
    is(filter.generatorAddress, event.generatorId & 0xff) &&
    is(filter.generatorChannel, event.generatorId >> 8) &&
    is(filter.sensorType, event.sensorType) &&
    is(filter.sensorNumber, event.sensorNumber) &&
    is(filter.trigger, trigger) &&
    ((filter.offsets >> (event.data[0] & 0x0f)) & 1) === 1 &&
    filter.data.every((match, index) => matchesData(match, event.data[index] ?? 0))
  );
}

function is(wanted: number | undefined, actual: number): boolean {
  return wanted === undefined || wanted === actual;
}

function matchesData({ mask, exact, value }: DataMatch, byte: number): boolean {
  const equal = ~(byte ^ value) & mask;
  const mustAll = mask & exact;
  const oneOf = mask & ~exact;
  return (equal & mustAll) === mustAll && (oneOf === 0 || (equal & oneOf) !== 0);
}
