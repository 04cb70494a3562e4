import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedfishBench } from '../../support/redfish-bench.ts';

const service = '/redfish/v1/TelemetryService';
const definition = `${service}/MetricReportDefinitions/Sensors`;

interface Value {
  readonly MetricId: string;
  readonly MetricValue: string;
  readonly MetricProperty: string;
}

let bench: RedfishBench;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
});
afterEach(() => bench.stop());

const valuesOf = async (report: string): Promise<Value[]> =>
  (await bench.ask('GET', `${service}/MetricReports/${report}`)).body.MetricValues;
const ofSensor = (key: string) => (value: Value) => value.MetricProperty.includes(`/Sensors/${key}#`);
const temperature = async (report: string) =>
  (await valuesOf(report)).find(ofSensor('systemTemp'))?.MetricValue;

describe('metric reports', () => {
  it('show what the sensors read at this moment, and nothing for those without a reading', async () => {
    const before = await valuesOf('SensorsNow');
    for (const { MetricId: id, MetricValue: value, MetricProperty: property } of before) {
      const [uri = ''] = property.split('#');
      expect(String((await bench.ask('GET', uri)).body.Reading), id).toBe(value);
      const metric = await bench.ask('GET', `${service}/MetricDefinitions/${id}`);
      expect(metric.body.MetricProperties).toContain(property);
    }
    bench.bmc.sensors.analog('systemTemp').override(61);
    expect(await temperature('SensorsNow')).toBe('61');
    // A fan of a machine that is off does not turn: it has no reading, or reads zero as its sensor does.
    const fan = bench.bmc.sensors.analog('fan1');
    const shown = (await valuesOf('SensorsNow')).find(ofSensor('fan1'));
    expect(shown?.MetricValue).toBe(fan.reading === undefined ? undefined : String(fan.reading));
  });

  it('are made at the interval that is set, and stay until the next one', async () => {
    bench.bmc.sensors.analog('systemTemp').override(40);
    bench.clock.advance(60_000);
    expect(await temperature('Sensors')).toBe('40');
    bench.bmc.sensors.analog('systemTemp').override(50);
    bench.clock.advance(59_000);
    expect(await temperature('Sensors')).toBe('40');
    bench.clock.advance(1000);
    expect(await temperature('Sensors')).toBe('50');

    const changed = await bench.ask('PATCH', definition, {
      body: { Schedule: { RecurrenceInterval: 'PT1M30S' } },
    });
    expect(changed.body.Schedule.RecurrenceInterval).toBe('PT90S');
    bench.bmc.sensors.analog('systemTemp').override(55);
    bench.clock.advance(89_000);
    expect(await temperature('Sensors')).toBe('50');
    bench.clock.advance(1000);
    expect(await temperature('Sensors')).toBe('55');

    await bench.ask('PATCH', definition, { body: { MetricReportDefinitionEnabled: false } });
    bench.bmc.sensors.analog('systemTemp').override(57);
    bench.clock.advance(1_000_000);
    expect(await temperature('Sensors')).toBe('55');
    expect(bench.bmc.store.load('redfish-telemetry')).toEqual({ enabled: false, intervalS: 90 });
  });

  it.each(['PT1S', 'P2D', 'P', 'PT', 'soon', '', 'PT-5S', 'PT1.5S'])(
    'refuse the interval %j',
    async (text) => {
      const { status } = await bench.ask('PATCH', definition, {
        body: { Schedule: { RecurrenceInterval: text } },
      });
      expect(status).toBe(400);
      expect((await bench.ask('GET', definition)).body.Schedule.RecurrenceInterval).toBe('PT60S');
    },
  );

  it('made on request have no schedule to set', async () => {
    const { status } = await bench.ask('PATCH', `${service}/MetricReportDefinitions/SensorsNow`, {
      body: { MetricReportDefinitionEnabled: false },
    });
    expect(status).toBe(400);
  });
});
