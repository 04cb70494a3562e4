import { describe, expect, it } from 'vitest';
import type { MetricReport } from '../../../../src/web/api/metric-reports.ts';
import { ceilingOf, hourOf, latestOf, linesOf, seriesOf } from '../../../../src/web/pages/hardware/series.ts';

type Point = readonly [sensor: string, second: number, value: number];

function report(...points: readonly Point[]): MetricReport {
  const at = (second: number) => new Date(second * 1000).toISOString();
  return {
    '@odata.id': '/redfish/v1/TelemetryService/MetricReports/SensorsLastHour',
    Timestamp: at(Math.max(...points.map(([, second]) => second))),
    MetricValues: points.map(([sensor, second, value]) => ({
      MetricValue: String(value),
      MetricProperty: `/redfish/v1/Chassis/1/Sensors/${sensor}#/Reading`,
      Timestamp: at(second),
    })),
  };
}

describe('series of readings', () => {
  it('put the readings of one moment beside each other, and nothing where a sensor had none', () => {
    const series = seriesOf(report(['a', 10, 1], ['b', 10, 2], ['c', 10, 9], ['a', 20, 3]), ['a', 'b']);
    expect(series).toEqual({
      times: [10, 20],
      readings: [
        [1, 3],
        [2, null],
      ],
    });
  });

  it('break the line where nobody has measured', () => {
    const { times, readings } = seriesOf(report(['a', 10, 1], ['a', 20, 2], ['a', 300, 3]), ['a']);
    expect(times).toEqual([10, 20, 21, 300]);
    expect(readings).toEqual([[1, 2, null, 3]]);
  });

  it('tell the latest reading only if it is of the last step', () => {
    const history = report(['a', 10, 1], ['b', 100, 5]);
    const [, end] = hourOf(history);
    const both = seriesOf(history, ['a', 'b']);
    expect(latestOf(both, 1, end)).toBe(5);
    expect(latestOf(both, 0, end)).toBeUndefined();
    expect(latestOf(seriesOf(history, ['a']), 0, end)).toBeUndefined();
  });

  it('show the hour up to the last step', () => {
    expect(hourOf(report(['a', 7200, 1]))).toEqual([3600, 7200]);
  });
});

describe('the height of a chart', () => {
  const thresholds = [
    { LowerCaution: { Reading: 5 }, UpperCaution: { Reading: 85 }, UpperCritical: { Reading: 90 } },
  ];

  it('has the threshold in it that the readings are near to', () => {
    expect(ceilingOf([[30, null, 40]], thresholds)).toBeCloseTo(85 * 1.15);
  });

  it('is that of the readings where the threshold is far off, and never nothing', () => {
    expect(ceilingOf([[10]], thresholds)).toBeCloseTo(12.5);
    expect(ceilingOf([[null]], [])).toBe(1);
  });

  it('decides which thresholds are drawn, each value once', () => {
    expect(linesOf([...thresholds, ...thresholds], 86)).toEqual([
      { name: 'LowerCaution', value: 5 },
      { name: 'UpperCaution', value: 85 },
    ]);
  });
});
