/** Readings: everywhere the same, and no more exact than they are said to be. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RedfishBench } from '../../support/redfish-bench.ts';

const chassis = '/redfish/v1/Chassis/1';

let bench: RedfishBench;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
});
afterEach(() => bench.stop());

const get = async (uri: string) => (await bench.ask('GET', uri)).body;

it('a reading has as many digits as Precision says, in each resource that shows it', async () => {
  bench.bmc.power.request('on', { name: 'bench', face: 'bmc' });
  await bench.clock.advanceAsync(2_000, 100);
  const exact = { cpuTemp: 54.43640046014705, power: 61.7, fan1: 3000.4, memoryUsage: 41.5 };
  for (const [key, reading] of Object.entries(exact)) bench.bmc.sensors.override(key, reading);
  const shown = { cpuTemp: 54, power: 62, fan1: 3000, memoryUsage: 42 };
  for (const [key, reading] of Object.entries(shown)) {
    expect(await get(`${chassis}/Sensors/${key}`)).toMatchObject({ Reading: reading, Precision: 0 });
  }
  for (const { '@odata.id': uri } of (await get(`${chassis}/Sensors`)).Members) {
    const { Reading, Precision } = await get(uri);
    expect([uri, Reading]).toEqual([uri, Number(Reading.toFixed(Precision))]);
  }
  const { TemperatureReadingsCelsius: all } = await get(`${chassis}/ThermalSubsystem/ThermalMetrics`);
  expect(all[0]).toMatchObject({ DataSourceUri: `${chassis}/Sensors/cpuTemp`, Reading: shown.cpuTemp });
  expect((await get(`${chassis}/EnvironmentMetrics`)).PowerWatts.Reading).toBe(shown.power);
  expect((await get(`${chassis}/ThermalSubsystem/Fans/fan1`)).SpeedPercent.SpeedRPM).toBe(shown.fan1);
  expect((await get(`${chassis}/Power`)).PowerControl[0].PowerConsumedWatts).toBe(shown.power);
  const { Temperatures, Fans } = await get(`${chassis}/Thermal`);
  expect([Temperatures[0].ReadingCelsius, Fans[0].Reading]).toEqual([shown.cpuTemp, shown.fan1]);
});
