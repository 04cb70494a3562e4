/** Readings of an hour, as a chart takes them. */
import { historyMs, type MetricReport } from '../../api/metric-reports.ts';
import { type ThresholdName, type Thresholds, thresholdNames } from './schema.ts';

export interface Series {
  /** Seconds since 1970, ascending. */
  readonly times: readonly number[];
  /** For each sensor, in the order asked for: its reading at each time; null where there is none. */
  readonly readings: readonly (readonly (number | null)[])[];
}

/** Readings that are further apart are not joined: nobody has measured between them. */
const gapMs = 30_000;

/** @param sensors their Ids */
export function seriesOf(report: MetricReport, sensors: readonly string[]): Series {
  const columns = new Map(sensors.map((id, index) => [id, index]));
  const rows = new Map<number, (number | null)[]>();
  for (const { MetricProperty: property, MetricValue: value, Timestamp: at } of report.MetricValues) {
    const column = columns.get(sensorOf(property));
    if (column === undefined) continue;
    const time = Date.parse(at);
    const row = rows.get(time) ?? sensors.map(() => null);
    row[column] = Number(value);
    rows.set(time, row);
  }
  const entries = [...rows].sort(([a], [b]) => a - b);
  const filled = entries.flatMap(([time, row], index) => {
    const before = entries[index - 1]?.[0];
    const isGap = before !== undefined && time - before > gapMs;
    return isGap
      ? [[before + 1000, sensors.map(() => null)] as const, [time, row] as const]
      : [[time, row] as const];
  });
  return {
    times: filled.map(([time]) => time / 1000),
    readings: sensors.map((_, column) => filled.map(([, row]) => row[column] ?? null)),
  };
}

/** @returns the sensor's Id: the last part of its URI */
function sensorOf(property: string): string {
  const [path = ''] = property.split('#');
  return path.slice(path.lastIndexOf('/') + 1);
}

/** @returns the hour up to the report's latest step, in seconds since 1970 */
export function hourOf({ Timestamp: end }: MetricReport): readonly [from: number, to: number] {
  const to = Date.parse(end) / 1000;
  return [to - historyMs / 1000, to];
}

/**
 * What the chart shows upwards of 0. Thresholds are in it unless they are so far off that the readings would be a flat
 * line.
 */
export function ceilingOf(readings: Series['readings'], thresholds: readonly Thresholds[]): number {
  const highest = readings.flat().reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
  const caution = Math.min(
    ...thresholds.flatMap(({ UpperCaution, UpperCritical }) => [
      UpperCaution?.Reading ?? UpperCritical?.Reading ?? Number.POSITIVE_INFINITY,
    ]),
  );
  const isNear = Number.isFinite(caution) && caution <= highest * 4;
  return Math.max(highest * 1.25, isNear ? caution * 1.15 : 0, 1);
}

/** The lines that a chart draws: each value once, within what it shows. */
export function linesOf(
  thresholds: readonly Thresholds[],
  ceiling: number,
): readonly { readonly name: ThresholdName; readonly value: number }[] {
  const found = new Map<string, { readonly name: ThresholdName; readonly value: number }>();
  for (const each of thresholds) {
    for (const name of thresholdNames) {
      const value = each[name]?.Reading;
      if (value !== undefined && value <= ceiling) found.set(`${name} ${value}`, { name, value });
    }
  }
  return [...found.values()];
}

/** @returns the latest reading of the hour, if it is of its last step; undefined otherwise */
export function latestOf({ times, readings }: Series, column: number, end: number): number | undefined {
  const at = times.at(-1);
  if (at === undefined || at < end - gapMs / 1000) return undefined;
  return readings[column]?.at(-1) ?? undefined;
}
