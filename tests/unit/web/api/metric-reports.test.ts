import { describe, expect, it } from 'vitest';
import { appended, type MetricReport } from '../../../../src/web/api/metric-reports.ts';

function report(...steps: readonly (readonly [minute: number, value: string])[]): MetricReport {
  const at = (minute: number) => new Date(minute * 60_000).toISOString();
  return {
    '@odata.id': '/redfish/v1/TelemetryService/MetricReports/SensorsLastHour',
    Timestamp: at(steps.at(-1)?.[0] ?? 0),
    MetricValues: steps.map(([minute, value]) => ({
      MetricValue: value,
      MetricProperty: '/redfish/v1/Chassis/1/Sensors/power#/Reading',
      Timestamp: at(minute),
    })),
  };
}
const values = ({ MetricValues }: MetricReport) => MetricValues.map(({ MetricValue: value }) => value);

describe('metric reports', () => {
  it('go on with the steps that come', () => {
    const next = appended(report([0, 'a'], [1, 'b']), report([2, 'c']));
    expect(values(next)).toEqual(['a', 'b', 'c']);
    expect(next.Timestamp).toBe('1970-01-01T00:02:00.000Z');
  });

  it('forget what is older than an hour', () => {
    expect(values(appended(report([0, 'a'], [1, 'b'], [59, 'c']), report([61, 'd'])))).toEqual([
      'b',
      'c',
      'd',
    ]);
  });

  it('take a step once, when it was in what was read already', () => {
    const known = report([0, 'a'], [1, 'b']);
    expect(appended(known, report([1, 'b']))).toBe(known);
  });
});
