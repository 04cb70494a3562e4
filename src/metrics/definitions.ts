/**
 * Every metric there is: the one table that `/metrics` and its reference page are made of.
 *
 * Names follow Prometheus' conventions: base units (seconds, bytes, celsius, ratios from 0 to 1), `_total` for what only
 * grows. What grows begins at 0 with each start of the BMC. `process_*` and `nodejs_*` are named as other programs on
 * Node name them, so that dashboards know them.
 */
import { readdir, readFile } from 'node:fs/promises';
import { bootStages } from '../bmc/boot-progress.ts';
import { mediaSlots } from '../bmc/media-images.ts';
import { powerStates } from '../bmc/power.ts';
import { AnalogSensor } from '../bmc/sensors/analog-sensor.ts';
import type { Quantity } from '../bmc/sensors/sensor.ts';
import { severities, severityOf } from '../bmc/sensors/sensors.ts';
import { lanCounterNames } from '../ipmi/lan-counters.ts';
import { processStat } from '../lib/process-stat.ts';
import type { Lag } from './event-loop-lag.ts';
import type { MetricFamily, Sample } from './exposition.ts';
import type { HttpSource, MetricSources } from './sources.ts';

export interface MetricDefinition extends Omit<MetricFamily, 'samples'> {
  /** With what each may be. */
  readonly labels?: Readonly<Record<string, string>>;
  read(sources: MetricSources): readonly Sample[] | Promise<readonly Sample[]>;
}

const one = (value: number | undefined): Sample[] => (value === undefined ? [] : [{ value }]);
const flag = (value: boolean): Sample[] => [{ value: value ? 1 : 0 }];
const byName = (label: string, counts: Iterable<readonly [string | number, number]>): Sample[] =>
  [...counts].map(([name, value]) => ({ value, labels: { [label]: name } }));
const http = (read: (source: HttpSource) => readonly Sample[]) => (sources: MetricSources) =>
  sources.http ? read(sources.http) : [];
const code = (value: number) => `0x${value.toString(16).padStart(2, '0')}`;
/** Of `/proc`, on every Linux that Node runs on. */
const ticksPerSecond = 100;

const statisticNames: Readonly<Record<keyof Lag, string>> = {
  mean: 'mean',
  p50: 'median',
  p90: '90th percentile',
  p99: '99th percentile',
  max: 'worst',
};

export const metricDefinitions: readonly MetricDefinition[] = [
  {
    name: 'qemu_bmc_info',
    type: 'gauge',
    help: 'Always 1; says what this is.',
    labels: { version: 'of qemu-bmc', uuid: 'of the server', serial: 'of the server' },
    read: ({ bmc: { identity } }) => [
      {
        value: 1,
        labels: { version: identity.firmwareVersion, uuid: identity.uuid, serial: identity.serialNumber },
      },
    ],
  },

  // The machine.
  {
    name: 'qemu_bmc_power_state',
    type: 'gauge',
    help: 'Whether the machine is in this state: 1 for the one it is in.',
    labels: { state: powerStates.join(', ') },
    read: ({ bmc }) =>
      powerStates.map((state) => ({ value: bmc.power.state === state ? 1 : 0, labels: { state } })),
  },
  {
    name: 'qemu_bmc_power_on_seconds_total',
    type: 'counter',
    help: 'How long the machine has been on, ever: kept across restarts of the BMC.',
    read: ({ bmc }) => one(bmc.powerOnTime.totalMs / 1000),
  },
  {
    name: 'qemu_bmc_machine_starts_total',
    type: 'counter',
    help: 'Starts of the machine, by power-on or reset.',
    labels: { cause: 'as Get System Restart Cause tells it' },
    read: ({ tallies }) => byName('cause', tallies.restarts),
  },
  {
    name: 'qemu_bmc_boot_stage_info',
    type: 'gauge',
    help: 'How far the machine has come in its start; without a sample where nobody has seen it.',
    labels: { stage: bootStages.join(', ') },
    read: ({ bmc }) => {
      const stage = bmc.bootProgress.state?.stage;
      return stage === undefined ? [] : [{ value: 1, labels: { stage } }];
    },
  },
  {
    name: 'qemu_bmc_qemu_up',
    type: 'gauge',
    help: 'Whether QEMU runs.',
    read: ({ qemu }) => (qemu ? flag(qemu.pid !== undefined) : []),
  },
  {
    name: 'qemu_bmc_qemu_accelerator_info',
    type: 'gauge',
    help: 'What carries out the machine’s instructions.',
    labels: { accelerator: 'kvm, tcg' },
    read: ({ qemu }) =>
      qemu?.accelerator === undefined ? [] : [{ value: 1, labels: { accelerator: qemu.accelerator } }],
  },
  {
    name: 'qemu_bmc_qemu_cpu_seconds_total',
    type: 'counter',
    help: 'Processor time of the QEMU that runs; begins anew with each QEMU.',
    read: ({ qemu }) => {
      const ticks = qemu?.pid === undefined ? undefined : processStat(qemu.pid)?.cpuTicks;
      return one(ticks === undefined ? undefined : ticks / ticksPerSecond);
    },
  },
  {
    name: 'qemu_bmc_qemu_resident_memory_bytes',
    type: 'gauge',
    help: 'Memory of the QEMU that runs, as far as the host has given it pages.',
    read: async ({ qemu }) => one(qemu?.pid === undefined ? undefined : await residentBytes(qemu.pid)),
  },

  // Sensors.
  ...analogMetric('temperature', 'qemu_bmc_sensor_temperature_celsius', 1, 'Temperatures.'),
  ...analogMetric('fan-speed', 'qemu_bmc_sensor_fan_speed_rpm', 1, 'Fans, in revolutions per minute.'),
  ...analogMetric('power', 'qemu_bmc_sensor_power_watts', 1, 'Power consumption.'),
  ...analogMetric('utilization', 'qemu_bmc_sensor_utilization_ratio', 0.01, 'Utilization, from 0 to 1.'),
  {
    name: 'qemu_bmc_sensor_severity',
    type: 'gauge',
    help: `By the thresholds that are crossed: ${severities.map((name, level) => `${level} ${name}`).join(', ')}.`,
    labels: { sensor: 'its name' },
    read: ({ bmc }) =>
      analogSensors(bmc).map(({ crossed, definition }) => ({
        value: severities.indexOf(severityOf(crossed)),
        labels: { sensor: definition.name },
      })),
  },
  {
    name: 'qemu_bmc_sensor_state',
    type: 'gauge',
    help: 'States that hold; a state that does not hold has no sample.',
    labels: { sensor: 'its name', state: 'as the sensor’s type has it' },
    read: ({ bmc }) =>
      bmc.sensors.list().flatMap((sensor) =>
        sensor instanceof AnalogSensor
          ? []
          : [...(sensor.states ?? [])].map((state) => ({
              value: 1,
              labels: { sensor: sensor.definition.name, state },
            })),
      ),
  },

  // Logs.
  {
    name: 'qemu_bmc_sel_entries',
    type: 'gauge',
    help: 'Records in the system event log.',
    read: ({ bmc }) => one(bmc.sel.entries.length),
  },
  {
    name: 'qemu_bmc_sel_free_entries',
    type: 'gauge',
    help: 'Records that the system event log still takes.',
    read: ({ bmc }) => one(bmc.sel.free),
  },
  {
    name: 'qemu_bmc_sel_overflow',
    type: 'gauge',
    help: 'Whether a record did not fit since the log was cleared last.',
    read: ({ bmc }) => flag(bmc.sel.overflow),
  },
  {
    name: 'qemu_bmc_events_total',
    type: 'counter',
    help: 'Entries of the event log.',
    labels: { kind: 'of event' },
    read: ({ tallies }) => byName('kind', tallies.events),
  },
  {
    name: 'qemu_bmc_state_writable',
    type: 'gauge',
    help: 'Whether state can be kept, by a write to the disk made within the last 10 s.',
    read: ({ bmc }) => flag(bmc.selfTest.run().storeWorks),
  },

  // Who is there.
  {
    name: 'qemu_bmc_sessions',
    type: 'gauge',
    help: 'Open sessions.',
    labels: { face: 'ipmi, redfish' },
    read: ({ lan, http: source }) => [
      { value: lan.sessions().length, labels: { face: 'ipmi' } },
      ...(source ? [{ value: source.state.sessions.list().length, labels: { face: 'redfish' } }] : []),
    ],
  },
  {
    name: 'qemu_bmc_sol_instances',
    type: 'gauge',
    help: 'Open Serial-over-LAN instances.',
    labels: { mode: 'write, read' },
    read: ({ sol }) => {
      const viewers = sol.instances().filter(({ viewer }) => viewer).length;
      return [
        { value: sol.instances().length - viewers, labels: { mode: 'write' } },
        { value: viewers, labels: { mode: 'read' } },
      ];
    },
  },

  // IPMI.
  {
    name: 'qemu_bmc_ipmi_lan_total',
    type: 'counter',
    help: 'What happened on the IPMI LAN channel: datagrams by what became of them, logins, sessions.',
    labels: { event: lanCounterNames.map(snakeCase).join(', ') },
    read: ({ lan: { counters } }) => lanCounterNames.map((name) => sample('event', name, counters[name])),
  },
  {
    name: 'qemu_bmc_ipmi_half_open',
    type: 'gauge',
    help: 'Handshakes that have not ended yet, or lately.',
    read: ({ lan }) => one(lan.halfOpenCount),
  },
  {
    name: 'qemu_bmc_ipmi_commands_total',
    type: 'counter',
    help: 'IPMI commands that were answered.',
    labels: { face: 'lan, in_band', completion_code: '0x00 for success' },
    read: ({ lan, inBand }) =>
      [
        ...lan.completions.all.map(([value, count]) => ['lan', value, count] as const),
        ...(inBand?.systemInterface.completions.all ?? []).map(
          ([value, count]) => ['in_band', value, count] as const,
        ),
      ].map(([face, value, count]) => ({ value: count, labels: { face, completion_code: code(value) } })),
  },
  {
    name: 'qemu_bmc_ipmi_in_band_total',
    type: 'counter',
    help: 'What happened on the system interface.',
    labels: { event: 'messages, bad_frames, guest_resets, refused_by_policy, delayed, overrun' },
    read: ({ inBand }) =>
      Object.entries(inBand?.systemInterface.counters ?? {}).map(([name, value]) =>
        sample('event', name, value),
      ),
  },

  // HTTPS.
  {
    name: 'qemu_bmc_http_requests_total',
    type: 'counter',
    help: 'Answers over HTTP; what was no request has neither face nor method.',
    labels: { face: 'path of the face, or empty', method: 'of HTTP, or other', code: 'status' },
    read: http(({ counters }) =>
      counters.answers.map(({ face, method, status, count }) => ({
        value: count,
        labels: { face, method, code: status },
      })),
    ),
  },
  {
    name: 'qemu_bmc_http_connections',
    type: 'gauge',
    help: 'Open connections.',
    read: http(({ gate }) => one(gate.open)),
  },
  {
    name: 'qemu_bmc_http_connections_refused_total',
    type: 'counter',
    help: 'Connections that were cut off because there were too many, in all or of one source.',
    read: http(({ gate }) => one(gate.refused)),
  },
  {
    name: 'qemu_bmc_http_handshakes_failed_total',
    type: 'counter',
    help: 'TLS handshakes that came to nothing.',
    read: http(({ counters }) => one(counters.handshakesFailed)),
  },
  {
    name: 'qemu_bmc_event_streams',
    type: 'gauge',
    help: 'Open streams of events (SSE).',
    read: http(({ state }) => one(state.streams.count)),
  },
  {
    name: 'qemu_bmc_event_streams_too_slow_total',
    type: 'counter',
    help: 'Streams of events that were cut because their reader did not follow.',
    read: http(({ state }) => one(state.streams.tooSlow)),
  },
  {
    name: 'qemu_bmc_event_subscriptions',
    type: 'gauge',
    help: 'Subscriptions that events are sent to.',
    read: http(({ state }) => one(state.subscriptions.list().length)),
  },
  {
    name: 'qemu_bmc_event_deliveries_total',
    type: 'counter',
    help: 'Events for subscriptions: taken by the destination, tries that failed, given up without having been taken.',
    labels: { outcome: 'delivered, failures, dropped' },
    read: http(({ state }) => byName('outcome', Object.entries(state.subscriptions.counters))),
  },
  {
    name: 'qemu_bmc_tasks',
    type: 'gauge',
    help: 'Tasks that are kept, running ones among them.',
    read: http(({ state }) => one(state.tasks.list().length)),
  },

  // Virtual media.
  {
    name: 'qemu_bmc_media_inserted',
    type: 'gauge',
    help: 'Whether there is a medium in the drive.',
    labels: { slot: 'name of the drive' },
    read: ({ bmc: { media } }) =>
      media ? mediaSlots.map((slot) => slotSample(slot, media.slot(slot).inserted ? 1 : 0)) : [],
  },
  {
    name: 'qemu_bmc_media_transfer_received_bytes',
    type: 'gauge',
    help: 'Of images on their way: how much has come.',
    labels: { slot: 'name of the drive' },
    read: ({ bmc: { media } }) =>
      mediaSlots.flatMap((slot) => {
        const transfer = media?.slot(slot).loading?.transfer;
        return transfer ? [slotSample(slot, transfer.receivedBytes)] : [];
      }),
  },
  {
    name: 'qemu_bmc_media_unreadable',
    type: 'gauge',
    help: 'Whether the medium cannot be read at present, its server being away or the like.',
    labels: { slot: 'name of the drive' },
    read: ({ bmc: { media } }) =>
      media ? mediaSlots.map((slot) => slotSample(slot, media.slot(slot).trouble === undefined ? 0 : 1)) : [],
  },

  // The process.
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    help: 'When the BMC’s process started, in seconds since 1970.',
    read: () => one(Math.round(performance.timeOrigin) / 1000),
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'Processor time of the BMC’s process, user and system.',
    read: () => {
      const { user, system } = process.cpuUsage();
      return one((user + system) / 1e6);
    },
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Memory of the BMC’s process.',
    read: () => one(process.memoryUsage.rss()),
  },
  {
    name: 'process_open_fds',
    type: 'gauge',
    help: 'Open files of the BMC’s process.',
    read: async () => one((await readdir('/proc/self/fd')).length),
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    type: 'gauge',
    help: 'Memory that JavaScript’s objects take.',
    read: () => one(process.memoryUsage().heapUsed),
  },
  {
    name: 'nodejs_external_memory_bytes',
    type: 'gauge',
    help: 'Memory outside JavaScript’s heap that its objects hold.',
    read: () => one(process.memoryUsage().external),
  },
  {
    name: 'nodejs_active_resources',
    type: 'gauge',
    help: 'What keeps the event loop busy or waits for it.',
    labels: { type: 'as Node names it' },
    read: () => {
      const counts = new Map<string, number>();
      for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1);
      return byName('type', counts);
    },
  },
  ...(['mean', 'p50', 'p90', 'p99', 'max'] as const).map(lagMetric),
];

function analogMetric(
  quantity: Quantity,
  name: string,
  scale: number,
  help: string,
): readonly MetricDefinition[] {
  return [
    {
      name,
      type: 'gauge',
      help: `${help} Without a sample where there is nothing to measure.`,
      labels: { sensor: 'its name' },
      read: ({ bmc }) =>
        analogSensors(bmc).flatMap(({ definition, reading }) =>
          definition.quantity === quantity && reading !== undefined
            ? [{ value: scaled(reading, scale), labels: { sensor: definition.name } }]
            : [],
        ),
    },
  ];
}

/** Without the tail that a multiplication by a hundredth leaves. */
function scaled(reading: number, scale: number): number {
  return Number((reading * scale).toPrecision(12));
}

function analogSensors({ sensors }: MetricSources['bmc']): readonly AnalogSensor[] {
  return sensors.list().filter((sensor) => sensor instanceof AnalogSensor);
}

function lagMetric(statistic: keyof Lag): MetricDefinition {
  return {
    name: statistic === 'mean' ? 'nodejs_eventloop_lag_seconds' : `nodejs_eventloop_lag_${statistic}_seconds`,
    type: 'gauge',
    help: `How late the event loop gets to what is due: ${statisticNames[statistic]} of the last minute or two.`,
    read: ({ lag }) => one(lag.read()[statistic]),
  };
}

function sample(label: string, name: string, value: number): Sample {
  return { value, labels: { [label]: snakeCase(name) } };
}

function slotSample(slot: string, value: number): Sample {
  return { value, labels: { slot } };
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** @returns undefined when the process has gone, or is not shown to us */
async function residentBytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
