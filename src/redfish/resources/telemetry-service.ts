/** Reports of the sensors. DSP0268: TelemetryService, MetricReportDefinition, MetricReport, MetricDefinition. */
import { Type } from 'typebox';
import type { Bmc } from '../../bmc/bmc.ts';
import type { Quantity } from '../../bmc/sensors/sensor.ts';
import type { Context } from '../context.ts';
import { always, collection, type Resource, resource } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { about, message } from '../messages.ts';
import { each, property } from '../patch.ts';
import { chassisUri, link, root } from '../paths.ts';
import { shownReading } from '../readings.ts';
import { type HistoryValue, historyStepS, historySteps } from '../sensor-history.ts';
import { measuringSensors, type Report, reportInterval } from '../telemetry.ts';

const uri = `${root}/TelemetryService`;
const readable = { get: ['Login'] } as const;

const telemetryService = resource({
  path: '/redfish/v1/TelemetryService',
  type: '#TelemetryService.v1_4_1.TelemetryService',
  privileges: readable,
  find: always,
  read: () => ({
    Id: 'TelemetryService',
    Name: 'Telemetry service',
    ServiceEnabled: true,
    Status: { State: 'Enabled', Health: 'OK' },
    MaxReports: reportIds.length,
    MinCollectionInterval: duration(reportInterval.least),
    SupportedCollectionFunctions: [],
    MetricDefinitions: link(`${uri}/MetricDefinitions`),
    MetricReportDefinitions: link(`${uri}/MetricReportDefinitions`),
    MetricReports: link(`${uri}/MetricReports`),
  }),
});

/** `Sensors` at an interval, `SensorsNow` at each request, `SensorsLastHour` in steps that stay for so long. */
const reportIds = ['Sensors', 'SensorsNow', 'SensorsLastHour'] as const;
type ReportId = (typeof reportIds)[number];

function findReport(params: { readonly reportId: string }): ReportId | undefined {
  return reportIds.find((id) => id === params.reportId);
}

function propertyUri(sensor: string): string {
  return `${chassisUri}/Sensors/${sensor}#/Reading`;
}

const definitions = collection({
  path: '/redfish/v1/TelemetryService/MetricReportDefinitions',
  type: '#MetricReportDefinitionCollection.MetricReportDefinitionCollection',
  name: 'Metric report definitions',
  privileges: readable,
  find: always,
  members: () => reportIds.map((id) => `${uri}/MetricReportDefinitions/${id}`),
});

const definition = resource({
  path: '/redfish/v1/TelemetryService/MetricReportDefinitions/:reportId',
  type: '#MetricReportDefinition.v1_4_7.MetricReportDefinition',
  privileges: { ...readable, patch: ['ConfigureManager'] },
  find: findReport,
  read: ({ found }, { bmc, state }) => {
    const { enabled, intervalS } = state.telemetry.settings;
    const sensors = measuringSensors(bmc);
    const periodS = { Sensors: intervalS, SensorsNow: undefined, SensorsLastHour: historyStepS }[found];
    const isOn = found !== 'Sensors' || enabled;
    return {
      Id: found,
      Name: reportNames[found],
      MetricReportDefinitionType: periodS === undefined ? 'OnRequest' : 'Periodic',
      MetricReportDefinitionEnabled: isOn,
      ...(periodS !== undefined && { Schedule: { RecurrenceInterval: duration(periodS) } }),
      ReportActions: ['LogToMetricReportsCollection'],
      ...(found === 'SensorsLastHour'
        ? { ReportUpdates: 'AppendWrapsWhenFull', AppendLimit: historySteps * sensors.length }
        : { ReportUpdates: 'Overwrite' }),
      MetricProperties: sensors.map((sensor) => propertyUri(sensor.definition.key)),
      MetricReport: link(`${uri}/MetricReports/${found}`),
      Status: { State: isOn ? 'Enabled' : 'Disabled', Health: 'OK' },
    };
  },
  patch: each({
    MetricReportDefinitionEnabled: property(
      Type.Boolean(),
      (enabled, { found }: { readonly found: ReportId }, { state, actor }) => {
        requirePeriodic(found, 'MetricReportDefinitionEnabled');
        state.telemetry.set({ enabled }, actor);
      },
    ),
    Schedule: property(
      Type.Object({ RecurrenceInterval: Type.String({ maxLength: 64 }) }),
      ({ RecurrenceInterval: text }, { found }: { readonly found: ReportId }, { state, actor }) => {
        requirePeriodic(found, 'Schedule');
        state.telemetry.set({ intervalS: seconds(text) }, actor);
      },
    ),
  }),
});

/** @throws {RedfishError} for the report that has no schedule */
function requirePeriodic(id: ReportId, name: string): void {
  if (id !== 'Sensors') throw new RedfishError(message('PropertyNotWritable', name));
}

const reports = collection({
  path: '/redfish/v1/TelemetryService/MetricReports',
  type: '#MetricReportCollection.MetricReportCollection',
  name: 'Metric reports',
  privileges: readable,
  find: always,
  members: () => reportIds.map((id) => `${uri}/MetricReports/${id}`),
});

const reportType = '#MetricReport.v1_5_2.MetricReport';

const report = resource({
  path: '/redfish/v1/TelemetryService/MetricReports/:reportId',
  type: reportType,
  privileges: readable,
  find: findReport,
  volatile: ['Timestamp', 'MetricValues'],
  read({ found }, { bmc, state }) {
    const { telemetry } = state;
    if (found === 'SensorsLastHour') {
      const values = telemetry.history;
      return reportBody(found, values.at(-1)?.time ?? bmc.clock.wallTime(), values, bmc);
    }
    const { time, values } = found === 'Sensors' ? telemetry.latest : telemetry.now();
    return reportBody(
      found,
      time,
      values.map((value) => ({ ...value, time })),
      bmc,
    );
  },
});

const reportNames = {
  Sensors: 'All sensors, at an interval',
  SensorsNow: 'All sensors, when asked for',
  SensorsLastHour: 'All sensors, in the last hour',
} as const satisfies Record<ReportId, string>;

function reportBody(id: ReportId, time: number, values: readonly HistoryValue[], bmc: Bmc) {
  const quantityOf = new Map(
    measuringSensors(bmc).map(({ definition }) => [definition.key, definition.quantity]),
  );
  return {
    Id: id,
    Name: reportNames[id],
    Timestamp: new Date(time).toISOString(),
    MetricReportDefinition: link(`${uri}/MetricReportDefinitions/${id}`),
    MetricValues: values.map(({ sensor, reading, time: at }) => {
      const quantity = quantityOf.get(sensor);
      return {
        ...(quantity && { MetricId: metrics[quantity].id }),
        MetricValue: String(shownReading(reading)),
        MetricProperty: propertyUri(sensor),
        Timestamp: new Date(at).toISOString(),
      };
    }),
  };
}

/** What streams are sent of a step: the last hour's report with what has come to it. DSP0266 §14.3. */
export function stepBody({ time, values }: Report, bmc: Bmc): JsonObject {
  const id = 'SensorsLastHour';
  return {
    '@odata.id': `${uri}/MetricReports/${id}`,
    '@odata.type': reportType,
    ...reportBody(
      id,
      time,
      values.map((value) => ({ ...value, time })),
      bmc,
    ),
  };
}

/** Of the report that {@link stepBody} is of. */
export const stepDefinitionUri = `${uri}/MetricReportDefinitions/SensorsLastHour`;

const metrics = {
  temperature: { id: 'Temperature', name: 'Temperature', units: 'Cel' },
  'fan-speed': { id: 'FanSpeed', name: 'Speed of a fan', units: '{rev}/min' },
  power: { id: 'Power', name: 'Power consumption', units: 'W' },
  utilization: { id: 'Utilization', name: 'Utilization', units: '%' },
} as const satisfies Record<Quantity, { id: string; name: string; units: string }>;

function sensorsOf(quantity: Quantity, { bmc }: Context) {
  return measuringSensors(bmc).filter(({ definition }) => definition.quantity === quantity);
}

function findMetric(params: { readonly metricId: string }, context: Context): Quantity | undefined {
  return presentQuantities(context).find((quantity) => metrics[quantity].id === params.metricId);
}

/** Those that some sensor measures. */
function presentQuantities(context: Context): Quantity[] {
  return (Object.keys(metrics) as Quantity[]).filter((quantity) => sensorsOf(quantity, context).length > 0);
}

const metricDefinitions = collection({
  path: '/redfish/v1/TelemetryService/MetricDefinitions',
  type: '#MetricDefinitionCollection.MetricDefinitionCollection',
  name: 'Metric definitions',
  privileges: readable,
  find: always,
  members: (_, context) =>
    presentQuantities(context).map((quantity) => `${uri}/MetricDefinitions/${metrics[quantity].id}`),
});

const metricDefinition = resource({
  path: '/redfish/v1/TelemetryService/MetricDefinitions/:metricId',
  type: '#MetricDefinition.v1_3_5.MetricDefinition',
  privileges: readable,
  find: findMetric,
  read: ({ found }, context) => {
    const { id, name, units } = metrics[found];
    const sensors = sensorsOf(found, context);
    return {
      Id: id,
      Name: name,
      MetricType: 'Gauge',
      MetricDataType: 'Decimal',
      Units: units,
      MinReadingRange: 0,
      MaxReadingRange: Math.max(...sensors.map(({ definition }) => definition.maximum)),
      MetricProperties: sensors.map(({ definition }) => propertyUri(definition.key)),
    };
  },
});

/** In the form of ISO 8601 that Redfish uses. */
function duration(seconds: number): string {
  return `PT${seconds}S`;
}

/** @throws {RedfishError} for what is no duration, or none that is possible */
function seconds(text: string): number {
  const fault = (id: 'PropertyValueFormatError' | 'PropertyValueOutOfRange') =>
    new RedfishError(about('#/Schedule/RecurrenceInterval', message(id, text, 'RecurrenceInterval')));
  const match = /^P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?$/.exec(text);
  if (!match || /^P?T?$/.test(text)) throw fault('PropertyValueFormatError');
  const [days, hours, minutes, rest] = match.slice(1).map((part) => Number(part ?? '0'));
  const all = (days ?? 0) * 86_400 + (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (rest ?? 0);
  if (all < reportInterval.least || all > reportInterval.most) throw fault('PropertyValueOutOfRange');
  return all;
}

export const telemetryServiceResources: readonly Resource[] = [
  telemetryService,
  definitions,
  definition,
  reports,
  report,
  metricDefinitions,
  metricDefinition,
];
