/** The last hour of every sensor, and how streams are told of each step of it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SensorHistory } from '../../../src/redfish/sensor-history.ts';
import { until } from '../../support/processes.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { noSchemas, schemaProblems } from '../../support/redfish-schemas.ts';

const report = '/redfish/v1/TelemetryService/MetricReports/SensorsLastHour';
const definition = '/redfish/v1/TelemetryService/MetricReportDefinitions/SensorsLastHour';

interface Value {
  readonly MetricProperty: string;
  readonly MetricValue: string;
  readonly Timestamp: string;
}

let bench: RedfishBench;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
});
afterEach(() => bench.stop());

const powerReadings = async () => {
  const { body } = await bench.ask('GET', report);
  return (body.MetricValues as Value[]).filter(({ MetricProperty: of }) => of.includes('/power#'));
};

describe('the report of the last hour', () => {
  it('holds what was measured then, in steps of 10 s', async () => {
    // As the sensor shows it: see Precision.
    const watts = () => Math.round(bench.bmc.sensors.analog('power').reading ?? Number.NaN);
    const off = watts();
    bench.bmc.power.request('on', { name: 'admin', face: 'ipmi' });
    await bench.clock.advanceAsync(60_000, 1000);
    const values = await powerReadings();
    expect(values).toHaveLength(7);
    expect(Number(values[0]?.MetricValue)).toBe(off);
    expect(Number(values.at(-1)?.MetricValue)).toBe(watts());
    const times = values.map(({ Timestamp: at }) => Date.parse(at));
    expect(times.slice(1).map((time, i) => time - Number(times[i]))).toEqual(Array(6).fill(10_000));
  });

  it('lets go of what is older, and says so', async () => {
    bench.clock.advance(3_700_000);
    const values = await powerReadings();
    expect(values).toHaveLength(360);
    const [first] = values;
    expect(bench.clock.wallTime() - Date.parse(String(first?.Timestamp))).toBe(3_590_000);
    const { body } = await bench.ask('GET', definition);
    expect(body).toMatchObject({
      ReportUpdates: 'AppendWrapsWhenFull',
      AppendLimit:
        360 * bench.bmc.sensors.list().filter(({ definition: { kind } }) => kind === 'analog').length,
      Schedule: { RecurrenceInterval: 'PT10S' },
    });
    if (!noSchemas) {
      expect(schemaProblems(body)).toEqual([]);
      expect(schemaProblems((await bench.ask('GET', report)).body)).toEqual([]);
    }
  });

  it('has gaps where there was no reading', () => {
    const history = new SensorHistory(['a', 'b']);
    history.add(1000, [{ sensor: 'b', reading: 0 }]);
    history.add(2000, [
      { sensor: 'a', reading: 7 },
      { sensor: 'c', reading: 9 },
    ]);
    expect(history.values).toEqual([
      { sensor: 'b', reading: 0, time: 1000 },
      { sensor: 'a', reading: 7, time: 2000 },
    ]);
  });

  it('cannot be set otherwise', async () => {
    const { status } = await bench.ask('PATCH', definition, {
      body: { MetricReportDefinitionEnabled: false },
    });
    expect(status).toBe(400);
  });
});

describe('streams', () => {
  async function open(filter: string) {
    const reply = await bench.service.handle({
      method: 'GET',
      url: `/redfish/v1/EventService/SSE${filter && `?$filter=${encodeURIComponent(filter)}`}`,
      headers: { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` },
      body: new Uint8Array(),
      from: '192.0.2.9:1',
      address: '192.0.2.9',
      gone: new AbortController().signal,
    });
    const stream = { text: '' };
    void (async () => {
      for await (const part of reply.body as AsyncIterable<string>) stream.text += part;
    })();
    await until('it is open', () => stream.text.includes(': connected'), 5000);
    return stream;
  }

  it('are sent each step when they ask for metric reports, and only then', async () => {
    const both = await open("EventFormatType eq 'MetricReport' or EventFormatType eq 'Event'");
    const one = await open(`MetricReportDefinition eq '${definition}'`);
    const usual = await open('');
    const without = await open("not (ResourceType eq 'Session')");
    await bench.clock.advanceAsync(10_000, 1000);
    bench.bmc.identify.on({ name: 'admin', face: 'ipmi' });
    await bench.clock.advanceAsync(200);
    await until('the change is told', () => usual.text.includes('ResourceChanged'), 5000);
    for (const stream of [both, one]) {
      const line = stream.text.split('\n').find((each) => each.includes('MetricReport.v')) ?? '';
      const body = JSON.parse(line.replace(/^data: /, ''));
      expect(body['@odata.id']).toBe(report);
      expect(body.MetricValues.some(({ MetricProperty: of }: Value) => of.includes('/power#'))).toBe(true);
      if (!noSchemas) expect(schemaProblems(body)).toEqual([]);
    }
    expect(both.text).toContain('ResourceChanged');
    expect(one.text).not.toContain('ResourceChanged');
    expect(usual.text).not.toContain('#MetricReport');
    expect(without.text).not.toContain('#MetricReport');
  });
});
