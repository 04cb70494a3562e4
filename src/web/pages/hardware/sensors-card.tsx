import { Fragment, lazy, Suspense, useMemo } from 'react';
import type { MetricReport } from '../../api/metric-reports.ts';
import { useMembers, useResource } from '../../api/queries.ts';
import { useFormats } from '../../i18n/formats.ts';
import { Cell } from '../../shell/page.tsx';
import { Badge, toneOfHealth } from '../../ui/badge.tsx';
import { Card } from '../../ui/card.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { type Column, Table } from '../../ui/table.tsx';
import { hardwareUris, type Sensor, type ThresholdName, thresholdNames } from './schema.ts';
import styles from './sensors-card.module.css';
import { ceilingOf, hourOf, latestOf, linesOf, type Series, seriesOf } from './series.ts';
import { useHardwareWords } from './words.ts';

const Chart = lazy(() => import('./chart.tsx'));

const quantities = ['Temperature', 'Power', 'Rotational', 'Percent'] as const;
/** One for each sensor of a chart. */
const colours = ['--identify', '--ok', '--accent', '--warn'] as const;

/** What the sensors measure, a card for each quantity. */
export function SensorCards() {
  const words = useHardwareWords();
  const sensors = useMembers<Sensor>(hardwareUris.sensors);
  const history = useResource<MetricReport>(hardwareUris.history);
  const list = sensors.data ?? [];
  const others = [...new Set(list.map(({ ReadingType: type }) => type))].filter(
    (type) => !quantities.some((known) => known === type),
  );
  const present = [...quantities, ...others].filter((type) =>
    list.some(({ ReadingType }) => ReadingType === type),
  );
  if (present.length === 0) {
    return (
      <Cell span={12}>
        <Card title={words.sensors}>
          {sensors.isPending && <Skeleton lines={6} />}
          {sensors.error && (
            <ErrorPanel
              error={sensors.error}
              title={words.sensorsUnreadable}
              retry={() => void sensors.refetch()}
            />
          )}
          {sensors.data && (
            <EmptyState icon="temperature" title={words.noSensors}>
              {words.noSensorsText}
            </EmptyState>
          )}
        </Card>
      </Cell>
    );
  }
  return present.map((type) => (
    <Cell key={type} span={6}>
      <QuantityCard
        title={words.quantities[type] ?? type}
        sensors={list.filter(({ ReadingType }) => ReadingType === type)}
        history={history.data}
      />
      {history.error && !history.data && (
        <ErrorPanel error={history.error} retry={() => void history.refetch()} />
      )}
    </Cell>
  ));
}

interface QuantityCardProps {
  readonly title: string;
  readonly sensors: readonly Sensor[];
  readonly history: MetricReport | undefined;
}

function QuantityCard({ title, sensors, history }: QuantityCardProps) {
  const words = useHardwareWords();
  const { number } = useFormats();
  const names = sensors.map(({ Id: id }) => id).join();
  const series = useMemo(() => (history ? seriesOf(history, names.split(',')) : undefined), [history, names]);
  const end = history ? hourOf(history)[1] : 0;
  const unit = (sensor: Sensor) => words.units[sensor.ReadingUnits] ?? sensor.ReadingUnits;
  const readingOf = (sensor: Sensor) => {
    if (sensor.Status.State !== 'Enabled') return undefined;
    const latest = series && latestOf(series, sensors.indexOf(sensor), end);
    return latest ?? sensor.Reading ?? undefined;
  };
  const columns: readonly Column<Sensor>[] = [
    {
      id: 'sensor',
      header: words.sensor,
      cell: (sensor) => (
        <span className={styles.sensor}>
          <span
            className={styles.swatch}
            style={{ background: `var(${colourAt(sensors.indexOf(sensor))})` }}
            aria-hidden="true"
          />
          {sensor.Name}
        </span>
      ),
    },
    {
      id: 'reading',
      header: words.reading,
      align: 'end',
      narrow: true,
      cell: (sensor) => {
        const reading = readingOf(sensor);
        return reading === undefined ? words.noReading : `${number(reading)} ${unit(sensor)}`;
      },
    },
    { id: 'lower', header: words.lower, cell: (sensor) => <Limits sensor={sensor} side="Lower" /> },
    { id: 'upper', header: words.upper, cell: (sensor) => <Limits sensor={sensor} side="Upper" /> },
    { id: 'status', header: words.state, narrow: true, cell: (sensor) => <SensorState sensor={sensor} /> },
  ];
  return (
    <Card flush title={title} aside={words.lastHour}>
      <div className={styles.chart}>
        {series && history ? (
          <SensorChart title={title} sensors={sensors} series={series} history={history} />
        ) : (
          <Skeleton lines={5} />
        )}
      </div>
      <Table label={title} room={30} columns={columns} rows={sensors} rowKey={({ Id: id }) => id} />
    </Card>
  );
}

function colourAt(index: number): string {
  return colours[index % colours.length] ?? '--accent';
}

function SensorState({ sensor: { Status: status } }: { readonly sensor: Sensor }) {
  const words = useHardwareWords();
  if (status.State === 'Disabled') return <Badge>{words.disabled}</Badge>;
  if (status.State !== 'Enabled') {
    return (
      <span title={words.offHint}>
        <Badge>{words.off}</Badge>
      </span>
    );
  }
  return <Badge tone={toneOfHealth(status.Health)}>{status.Health ? words.health[status.Health] : ''}</Badge>;
}

const severities = { Caution: 'caution', Critical: 'critical', Fatal: 'fatal' } as const;

/** From the mildest to the worst. */
function Limits({ sensor, side }: { readonly sensor: Sensor; readonly side: 'Lower' | 'Upper' }) {
  const words = useHardwareWords();
  const { number } = useFormats();
  const list = (Object.keys(severities) as (keyof typeof severities)[]).flatMap((severity) => {
    const value = sensor.Thresholds?.[`${side}${severity}`]?.Reading;
    return value === undefined ? [] : [{ value, word: words[severities[severity]] }];
  });
  if (list.length === 0) return <span className={styles.soft}>{words.noThresholds}</span>;
  return (
    <span
      className={styles.limits}
      title={list.map(({ value, word }) => `${word} ${number(value)}`).join(', ')}
    >
      {list.map(({ value, word }, index) => (
        <Fragment key={word}>
          {index > 0 && ' '}
          <span className={styles.limit}>{number(value) + (index < list.length - 1 ? '\u2009/' : '')}</span>
        </Fragment>
      ))}
    </span>
  );
}

interface SensorChartProps {
  readonly title: string;
  readonly sensors: readonly Sensor[];
  readonly series: Series;
  readonly history: MetricReport;
}

function SensorChart({ title, sensors, series, history }: SensorChartProps) {
  const words = useHardwareWords();
  const { number, timeOfDay, hourMinute } = useFormats();
  const thresholds = sensors.flatMap(({ Thresholds }) => (Thresholds ? [Thresholds] : []));
  const ceiling = ceilingOf(series.readings, thresholds);
  const [from, to] = hourOf(history);
  if (series.times.length === 0) return <EmptyState icon="clock" title={words.noReadings} />;
  const unit = words.units[sensors[0]?.ReadingUnits ?? ''] ?? '';
  const summary = sensors.flatMap(({ Name: name }, index) => {
    const values = (series.readings[index] ?? []).filter((value) => value !== null);
    if (values.length === 0) return [];
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return [words.chartSensor(name, number(least), `${number(most)} ${unit}`)];
  });
  return (
    <Suspense fallback={<Skeleton lines={5} />}>
      <Chart
        label={words.chart(title, summary.join('; '))}
        times={series.times}
        from={from}
        to={to}
        ceiling={ceiling}
        series={sensors.map(({ Name: name }, index) => ({
          name,
          colour: colourAt(index),
          values: series.readings[index] ?? [],
        }))}
        lines={linesOf(thresholds, ceiling).map(({ name, value }) => ({ value, colour: lineColour(name) }))}
        value={(reading) => number(reading)}
        time={(seconds) => timeOfDay(seconds * 1000)}
        tick={(seconds) => hourMinute(seconds * 1000)}
      />
    </Suspense>
  );
}

function lineColour(name: ThresholdName): string {
  const isMild = name === thresholdNames[2] || name === thresholdNames[3];
  return isMild ? '--warn' : '--bad';
}
