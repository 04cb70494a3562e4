/** Reports of what sensors measure: read once, then continued by the steps that the event stream brings. */
import type { Link } from './schema.ts';

export interface MetricValue {
  /** A number in digits. */
  readonly MetricValue: string;
  /** `/redfish/v1/Chassis/1/Sensors/fan1#/Reading` */
  readonly MetricProperty: string;
  readonly Timestamp: string;
}

/** MetricReport.v1_5_2 */
export interface MetricReport extends Link {
  readonly Timestamp: string;
  readonly MetricValues: readonly MetricValue[];
}

/** So long a report looks back, in milliseconds. */
export const historyMs = 3600_000;

/** @returns the report with what has come to it, without what is older than an hour by then */
export function appended(known: MetricReport, step: MetricReport): MetricReport {
  if (step.Timestamp <= known.Timestamp) return known;
  const oldest = new Date(Date.parse(step.Timestamp) - historyMs).toISOString();
  const values = known.MetricValues.filter(({ Timestamp: time }) => time >= oldest);
  return { ...known, Timestamp: step.Timestamp, MetricValues: [...values, ...step.MetricValues] };
}
