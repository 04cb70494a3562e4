/**
 * The chassis and what is measured in it. Temperatures, fans and power are shown as sensors, in the subsystems that
 * group them, and in the older forms Power and Thermal for clients that know only these; all from the same sensors
 * that IPMI shows. DSP0268: Chassis, Sensor, PowerSubsystem, ThermalSubsystem, EnvironmentMetrics, Power, Thermal.
 */
import { Type } from 'typebox';
import type { Bmc } from '../../bmc/bmc.ts';
import { AnalogSensor } from '../../bmc/sensors/analog-sensor.ts';
import type { Quantity, ThresholdName, Thresholds } from '../../bmc/sensors/sensor.ts';
import type { Context } from '../context.ts';
import { action, always, collection, type Resource, resource } from '../definition.ts';
import { hardwareHealth, sensorHealth, systemHealth } from '../health.ts';
import type { JsonObject } from '../json.ts';
import { each, property } from '../patch.ts';
import { chassisUri, findChassis, link, managerUri, onlyId, systemUri } from '../paths.ts';
import { readingPrecision, shownReading } from '../readings.ts';
import { indicatorOf, writeIndicator } from './indicator.ts';
import { adaptersUri } from './network-adapter.ts';
import { chassisResetTypes, resetSystem } from './reset.ts';
import { trustedComponentsUri } from './trusted-component.ts';

const readable = { get: ['Login'] } as const;

const chassisCollection = collection({
  path: '/redfish/v1/Chassis',
  type: '#ChassisCollection.ChassisCollection',
  name: 'Chassis',
  privileges: readable,
  find: always,
  members: () => [chassisUri],
});

const chassis = resource({
  path: '/redfish/v1/Chassis/:chassisId',
  type: '#Chassis.v1_28_0.Chassis',
  privileges: {
    get: ['Login'],
    patch: ['ConfigureManager', 'ConfigureComponents'],
    post: ['ConfigureComponents'],
  },
  find: findChassis,
  read: (_, { bmc }) => ({
    Id: onlyId,
    Name: 'Computer System Chassis',
    ChassisType: 'RackMount',
    Manufacturer: bmc.identity.manufacturer,
    Model: bmc.identity.product,
    SerialNumber: bmc.identity.serialNumber,
    AssetTag: bmc.asset.tag,
    ...indicatorOf(bmc),
    PowerState: bmc.power.isOn ? 'On' : 'Off',
    // Of itself it is its hardware; what is in it counts in the rollup.
    Status: { State: 'Enabled', Health: hardwareHealth(bmc), HealthRollup: systemHealth(bmc) },
    PhysicalSecurity: {
      IntrusionSensor: bmc.sensors.intruded ? 'HardwareIntrusion' : 'Normal',
      IntrusionSensorReArm: 'Automatic',
    },
    NetworkAdapters: link(adaptersUri),
    Sensors: link(`${chassisUri}/Sensors`),
    PowerSubsystem: link(`${chassisUri}/PowerSubsystem`),
    ThermalSubsystem: link(`${chassisUri}/ThermalSubsystem`),
    EnvironmentMetrics: link(`${chassisUri}/EnvironmentMetrics`),
    Power: link(`${chassisUri}/Power`),
    Thermal: link(`${chassisUri}/Thermal`),
    TrustedComponents: link(trustedComponentsUri),
    Links: {
      ComputerSystems: [link(systemUri)],
      ManagedBy: [link(managerUri)],
      ManagersInChassis: [link(managerUri)],
    },
  }),
  patch: each({
    AssetTag: property(Type.String({ maxLength: 63 }), (tag, _, { bmc, actor }) =>
      bmc.asset.setTag(tag, actor),
    ),
    ...writeIndicator,
  }),
  actions: [
    action({
      name: '#Chassis.Reset',
      parameters: Type.Object({ ResetType: Type.Optional(Type.Enum([...chassisResetTypes])) }),
      run: ({ ResetType: type = 'On' }, _, context) => resetSystem(type, context),
    }),
  ],
});

const sensorsUri = `${chassisUri}/Sensors`;

/** How a quantity is called, measured, and where it stands. */
const quantities = {
  temperature: { type: 'Temperature', units: 'Cel' },
  'fan-speed': { type: 'Rotational', units: '{rev}/min' },
  power: { type: 'Power', units: 'W' },
  utilization: { type: 'Percent', units: '%' },
} as const satisfies Record<Quantity, { type: string; units: string }>;

const contexts = {
  processor: 'CPU',
  'memory-device': 'Memory',
  'system-board': 'SystemBoard',
  fan: 'Fan',
  'power-unit': 'PowerSubsystem',
} as const;

const sensorCollection = collection({
  path: '/redfish/v1/Chassis/:chassisId/Sensors',
  type: '#SensorCollection.SensorCollection',
  name: 'Sensors',
  privileges: readable,
  find: findChassis,
  members: (_, { bmc }) => analogSensors(bmc).map(({ definition }) => `${sensorsUri}/${definition.key}`),
});

const sensor = resource({
  path: '/redfish/v1/Chassis/:chassisId/Sensors/:sensorId',
  type: '#Sensor.v1_12_0.Sensor',
  privileges: readable,
  find: findSensor,
  excerpt: ['Reading'],
  volatile: ['Reading'],
  read: ({ found }) => {
    const { definition, settings } = found;
    const { type, units } = quantities[definition.quantity];
    return {
      Id: definition.key,
      Name: definition.name,
      ReadingType: type,
      ReadingUnits: units,
      Reading: readingOf(found),
      ReadingRangeMin: 0,
      ReadingRangeMax: definition.maximum,
      Precision: readingPrecision,
      PhysicalContext: contexts[definition.entity.kind as keyof typeof contexts] ?? 'Chassis',
      Status: sensorStatus(found),
      Thresholds: thresholds(settings.thresholds),
    };
  },
});

const powerSubsystem = resource({
  path: '/redfish/v1/Chassis/:chassisId/PowerSubsystem',
  type: '#PowerSubsystem.v1_1_3.PowerSubsystem',
  privileges: readable,
  find: findChassis,
  read: () => ({ Id: 'PowerSubsystem', Name: 'Power', Status: { State: 'Enabled', Health: 'OK' } }),
});

const thermalSubsystem = resource({
  path: '/redfish/v1/Chassis/:chassisId/ThermalSubsystem',
  type: '#ThermalSubsystem.v1_5_0.ThermalSubsystem',
  privileges: readable,
  find: findChassis,
  read: (_, { bmc }) => ({
    Id: 'ThermalSubsystem',
    Name: 'Cooling',
    Status: { State: 'Enabled', Health: bmc.sensors.coolingFault ? 'Critical' : 'OK' },
    ThermalMetrics: link(`${chassisUri}/ThermalSubsystem/ThermalMetrics`),
    Fans: link(`${chassisUri}/ThermalSubsystem/Fans`),
  }),
});

const thermalMetrics = resource({
  path: '/redfish/v1/Chassis/:chassisId/ThermalSubsystem/ThermalMetrics',
  type: '#ThermalMetrics.v1_3_2.ThermalMetrics',
  privileges: readable,
  find: findChassis,
  volatile: ['TemperatureReadingsCelsius'],
  read: (_, { bmc }) => {
    const readings = analogSensors(bmc, 'temperature');
    return {
      Id: 'ThermalMetrics',
      Name: 'Temperatures',
      TemperatureReadingsCelsius: readings.map(excerpt),
      'TemperatureReadingsCelsius@odata.count': readings.length,
    };
  },
});

const fanCollection = collection({
  path: '/redfish/v1/Chassis/:chassisId/ThermalSubsystem/Fans',
  type: '#FanCollection.FanCollection',
  name: 'Fans',
  privileges: readable,
  find: findChassis,
  members: (_, { bmc }) =>
    analogSensors(bmc, 'fan-speed').map(
      ({ definition }) => `${chassisUri}/ThermalSubsystem/Fans/${definition.key}`,
    ),
});

const fan = resource({
  path: '/redfish/v1/Chassis/:chassisId/ThermalSubsystem/Fans/:sensorId',
  type: '#Fan.v1_6_0.Fan',
  privileges: readable,
  find: (params: { chassisId: string; sensorId: string }, context) => {
    const found = findSensor(params, context);
    return found?.definition.quantity === 'fan-speed' ? found : undefined;
  },
  volatile: ['SpeedPercent'],
  read: ({ found }) => ({
    Id: found.definition.key,
    Name: found.definition.name,
    PhysicalContext: 'Chassis',
    HotPluggable: false,
    Status: sensorStatus(found),
    ...(found.reading !== undefined && {
      SpeedPercent: {
        DataSourceUri: `${sensorsUri}/${found.definition.key}`,
        Reading: Math.round((100 * found.reading) / found.definition.maximum),
        SpeedRPM: shownReading(found.reading),
      },
    }),
  }),
});

const environmentMetrics = resource({
  path: '/redfish/v1/Chassis/:chassisId/EnvironmentMetrics',
  type: '#EnvironmentMetrics.v1_5_0.EnvironmentMetrics',
  privileges: readable,
  find: findChassis,
  volatile: ['TemperatureCelsius', 'PowerWatts'],
  read: (_, { bmc }) => ({
    Id: 'EnvironmentMetrics',
    Name: 'Temperature and power',
    TemperatureCelsius: excerpt(bmc.sensors.analog('systemTemp')),
    PowerWatts: excerpt(bmc.sensors.analog('power')),
  }),
});

/** How long the older Power resource looks back. */
const meterMinutes = 1;

const power = resource({
  path: '/redfish/v1/Chassis/:chassisId/Power',
  type: '#Power.v1_7_3.Power',
  privileges: readable,
  find: findChassis,
  volatile: ['PowerControl'],
  read: (_, { bmc }) => {
    const meter = bmc.sensors.analog('power');
    const statistics = bmc.sensors.powerStatistics(meterMinutes * 60_000);
    return {
      Id: 'Power',
      Name: 'Power',
      PowerControl: [
        {
          '@odata.id': `${chassisUri}/Power#/PowerControl/0`,
          MemberId: '0',
          Name: meter.definition.name,
          PhysicalContext: 'Chassis',
          PowerConsumedWatts: readingOf(meter),
          PowerCapacityWatts: meter.definition.normal.maximum,
          ...(statistics && {
            PowerMetrics: {
              IntervalInMin: meterMinutes,
              MinConsumedWatts: statistics.minimum,
              MaxConsumedWatts: statistics.maximum,
              AverageConsumedWatts: Math.round(statistics.average * 10) / 10,
            },
          }),
          Status: sensorStatus(meter),
          RelatedItem: [link(chassisUri)],
        },
      ],
      'PowerControl@odata.count': 1,
    };
  },
});

const thermal = resource({
  path: '/redfish/v1/Chassis/:chassisId/Thermal',
  type: '#Thermal.v1_7_3.Thermal',
  privileges: readable,
  find: findChassis,
  volatile: ['Temperatures', 'Fans'],
  read: (_, { bmc }) => {
    const temperatures = analogSensors(bmc, 'temperature');
    const fans = analogSensors(bmc, 'fan-speed');
    return {
      Id: 'Thermal',
      Name: 'Thermal',
      Temperatures: temperatures.map((each, index) => ({
        ...olderForm(each, `${chassisUri}/Thermal#/Temperatures/${index}`, index),
        ReadingCelsius: readingOf(each),
        MinReadingRangeTemp: 0,
        MaxReadingRangeTemp: each.definition.maximum,
      })),
      'Temperatures@odata.count': temperatures.length,
      Fans: fans.map((each, index) => ({
        ...olderForm(each, `${chassisUri}/Thermal#/Fans/${index}`, index),
        Reading: readingOf(each),
        ReadingUnits: 'RPM',
        MinReadingRange: 0,
        MaxReadingRange: each.definition.maximum,
      })),
      'Fans@odata.count': fans.length,
    };
  },
});

function analogSensors(bmc: Bmc, quantity?: Quantity): AnalogSensor[] {
  return bmc.sensors
    .list()
    .filter((each) => each instanceof AnalogSensor)
    .filter(({ definition }) => quantity === undefined || definition.quantity === quantity);
}

function findSensor(
  { chassisId, sensorId }: { readonly chassisId: string; readonly sensorId: string },
  { bmc }: Context,
): AnalogSensor | undefined {
  const found = findChassis({ chassisId }) && bmc.sensors.find(sensorId);
  return found instanceof AnalogSensor ? found : undefined;
}

function sensorStatus(sensor: AnalogSensor): JsonObject {
  if (!sensor.enables.scanning) return { State: 'Disabled' };
  if (sensor.reading === undefined) return { State: 'UnavailableOffline' };
  return { State: 'Enabled', Health: sensorHealth(sensor) };
}

function readingOf({ reading }: AnalogSensor): number | null {
  return reading === undefined ? null : shownReading(reading);
}

/** The short form of a sensor inside another resource. */
function excerpt(sensor: AnalogSensor): JsonObject {
  return { DataSourceUri: `${sensorsUri}/${sensor.definition.key}`, Reading: readingOf(sensor) };
}

const thresholdNames = {
  'lower-non-critical': 'LowerCaution',
  'lower-critical': 'LowerCritical',
  'lower-non-recoverable': 'LowerFatal',
  'upper-non-critical': 'UpperCaution',
  'upper-critical': 'UpperCritical',
  'upper-non-recoverable': 'UpperFatal',
} as const satisfies Record<ThresholdName, string>;

function thresholds(values: Thresholds): JsonObject | undefined {
  const entries = Object.entries(values) as [ThresholdName, number][];
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([name, value]) => [thresholdNames[name], { Reading: value }]));
}

function olderForm(sensor: AnalogSensor, uri: string, index: number): JsonObject {
  const { thresholds: values } = sensor.settings;
  return {
    '@odata.id': uri,
    MemberId: String(index),
    Name: sensor.definition.name,
    PhysicalContext: contexts[sensor.definition.entity.kind as keyof typeof contexts] ?? 'Chassis',
    Status: sensorStatus(sensor),
    LowerThresholdNonCritical: values['lower-non-critical'],
    LowerThresholdCritical: values['lower-critical'],
    LowerThresholdFatal: values['lower-non-recoverable'],
    UpperThresholdNonCritical: values['upper-non-critical'],
    UpperThresholdCritical: values['upper-critical'],
    UpperThresholdFatal: values['upper-non-recoverable'],
    RelatedItem: [link(chassisUri)],
  };
}

export const chassisResources: readonly Resource[] = [
  chassisCollection,
  chassis,
  sensorCollection,
  sensor,
  powerSubsystem,
  thermalSubsystem,
  thermalMetrics,
  fanCollection,
  fan,
  environmentMetrics,
  power,
  thermal,
];
