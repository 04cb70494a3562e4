/**
 * DCMI: what a data center asks every server. DCMI 1.5 §6. Group extension DCh.
 *
 * Not here: thermal limits (0Bh, 0Ch), since there is no inlet sensor to hold against them.
 */
import { BmcError } from '../../bmc/errors.ts';
import {
  type PowerLimit as CorePowerLimit,
  type PowerLimitAction,
  powerLimitActions,
} from '../../bmc/power-limit.ts';
import { selCapacity } from '../../bmc/sel.ts';
import { AnalogSensor } from '../../bmc/sensors/analog-sensor.ts';
import { meterWindowMs } from '../../bmc/sensors/power-meter.ts';
import { samplePeriodMs } from '../../bmc/sensors/sampler.ts';
import type { Sensors } from '../../bmc/sensors/sensors.ts';
import { bits8, type Codec, empty, encode, rest, struct, u8, u16le, u32le } from '../../lib/codec.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { sensorNumber } from '../records/sensor-numbers.ts';
import { entityId, sensorTypeOf } from '../records/sensor-types.ts';
import { Channel, command } from './command.ts';
import { ParameterRefusal } from './configuration-parameters.ts';

const dcmi = { netFn: NetFn.groupExtension, group: 0xdc } as const;

const Conformance = { major: 0x01, minor: 0x05, parameterRevision: 0x02 } as const;
const noChannel = 0xff;
const bmcAddress = 0x20;

/** Times over which means can be had, in seconds: those that ipmitool knows, as far as the meter remembers. */
const averageSeconds = [5, 15, 30, 60, 180, 420, 900].filter((seconds) => seconds * 1000 <= meterWindowMs);

const RollingTime = bits8(['unit', 2, { seconds: 0, minutes: 1, hours: 2, days: 3 }], ['duration', 6]);

function rollingTime(seconds: number) {
  return seconds < 60
    ? { unit: 'seconds' as const, duration: seconds }
    : { unit: 'minutes' as const, duration: seconds / 60 };
}

/**
 * Versions before 1.5 had bits for what each BMC must do; 1.5 reserves them. They are set all the same, since ipmitool
 * 1.8.19 and FreeIPMI 1.6 show them and would deny what is there.
 */
const PlatformCapabilities = struct({
  mandatory: bits8(
    ['_reserved', 4],
    ['temperatureMonitor', 1],
    ['chassisPower', 1],
    ['sel', 1],
    ['identification', 1],
  ),
  platform: bits8(['_reserved', 7], ['powerManagement', 1]),
  access: bits8(['_reserved', 5], ['secondaryLan', 1], ['serial', 1], ['inBand', 1]),
});
const PlatformAttributes = struct({
  selEntriesLow: u8,
  sel: bits8(['rollover', 1], ['wholeFlush', 1], ['recordFlush', 1], ['_reserved', 1], ['entriesHigh', 4]),
  identification: bits8(['_reserved', 5], ['assetTag', 1], ['dhcpHostName', 1], ['guid', 1]),
  reserved: u8,
  temperatureSeconds: u8,
});
const PowerManagementDevice = struct({
  address: u8,
  channel: bits8(['number', 4], ['revision', 4]),
});
const ManageabilityAccess = struct({ primaryLan: u8, secondaryLan: u8, serial: u8 });

const capabilityParameters: Readonly<Record<number, () => Uint8Array>> = {
  1: () =>
    encode(PlatformCapabilities, {
      mandatory: { temperatureMonitor: true, chassisPower: true, sel: true, identification: true },
      platform: { powerManagement: true },
      access: { secondaryLan: false, serial: false, inBand: true },
    }),
  2: () =>
    encode(PlatformAttributes, {
      selEntriesLow: selCapacity & 0xff,
      sel: { rollover: false, wholeFlush: false, recordFlush: false, entriesHigh: selCapacity >> 8 },
      identification: { assetTag: true, dhcpHostName: false, guid: true },
      reserved: 0,
      temperatureSeconds: samplePeriodMs / 1000,
    }),
  3: () => encode(PowerManagementDevice, { address: bmcAddress, channel: { number: 0, revision: 1 } }),
  4: () =>
    encode(ManageabilityAccess, { primaryLan: Channel.lan, secondaryLan: noChannel, serial: noChannel }),
  5: () =>
    Uint8Array.of(
      averageSeconds.length,
      ...averageSeconds.flatMap((seconds) => [...encode(RollingTime, rollingTime(seconds))]),
    ),
};

export const getDcmiCapabilities = command({
  ...dcmi,
  name: 'Get DCMI Capabilities Info',
  cmd: 0x01,
  privilege: 'user',
  spec: 'DCMI 1.5 §6.1.1',
  request: struct({ selector: u8 }),
  response: struct({ major: u8, minor: u8, parameterRevision: u8, data: rest }),
  handle({ selector }) {
    const read = capabilityParameters[selector];
    if (!read) throw new CompletionError(CompletionCode.invalidField, `no DCMI capability ${selector}`);
    return { ...Conformance, data: read() };
  },
});

const PowerMode = { statistics: 0x01, enhanced: 0x02 } as const;

/** What the power sensor shows, and what was measured over the time before. */
export const getPowerReading = command({
  ...dcmi,
  name: 'Get Power Reading',
  cmd: 0x02,
  privilege: 'user',
  spec: 'DCMI 1.5 §6.6.1',
  request: struct({ mode: u8, attributes: u8, reserved: u8 }),
  response: struct({
    current: u16le,
    minimum: u16le,
    maximum: u16le,
    average: u16le,
    time: u32le,
    /** Milliseconds; in enhanced mode the time that was asked for, as it was written: ipmitool 1.8.19 reads it so. */
    period: u32le,
    state: bits8(['_reserved1', 1], ['active', 1], ['_reserved2', 6]),
  }),
  handle({ mode, attributes }, { bmc: { sensors, sel, powerLimit } }) {
    const windowMs = readingWindowMs(mode, attributes, powerLimit);
    const statistics = sensors.powerStatistics(windowMs);
    const current = sensors.analog('power').reading;
    // A power that cannot be measured is 0, and the state says that nothing is measured.
    const { minimum = 0, maximum = 0, average = 0, periodMs = 0 } = statistics ?? {};
    return {
      current: Math.round(current ?? 0),
      minimum: Math.round(Math.min(minimum, current ?? minimum)),
      maximum: Math.round(Math.max(maximum, current ?? maximum)),
      average: Math.round(average),
      time: sel.time,
      period: mode === PowerMode.enhanced ? attributes : Math.round(periodMs),
      state: { active: statistics !== undefined && current !== undefined },
    };
  },
});

/** An active power limit brings a period of its own for the statistics. */
function readingWindowMs(mode: number, attributes: number, { active, setting }: CorePowerLimit): number {
  if (mode === PowerMode.statistics) return active ? setting.samplingSeconds * 1000 : meterWindowMs;
  const found = averageSeconds.find((seconds) => encode(RollingTime, rollingTime(seconds))[0] === attributes);
  if (mode === PowerMode.enhanced && found !== undefined) return found * 1000;
  throw new CompletionError(CompletionCode.invalidField, `no power reading ${mode} over ${attributes}`);
}

/** DCMI 1.5 §6.6.2, §6.6.3. */
const LimitRefusal = { notActive: 0x80, watts: 0x84, correctionMs: 0x85, samplingSeconds: 0x89 } as const;

/** What a limit that cannot be held leads to. Codes 02h to 10h are for makers of their own. */
const ExceptionAction = { none: 0x00, 'power-off': 0x01, log: 0x11 } as const satisfies Record<
  PowerLimitAction,
  number
>;

const PowerLimit = struct({
  reserved1: u16le,
  exceptionAction: u8,
  watts: u16le,
  correctionMs: u32le,
  reserved2: u16le,
  samplingSeconds: u16le,
});

/**
 * What Get Power Limit shows where nothing can hold the machine down. Clients that save all settings, such as
 * ipmi-config, write it back.
 */
const noLimit = {
  reserved1: 0,
  exceptionAction: 0,
  watts: 0,
  correctionMs: 0,
  reserved2: 0,
  samplingSeconds: samplePeriodMs / 1000,
};

export const getPowerLimit = command({
  ...dcmi,
  name: 'Get Power Limit',
  cmd: 0x03,
  privilege: 'user',
  spec: 'DCMI 1.5 §6.6.2',
  request: struct({ reserved: u16le }),
  response: PowerLimit,
  handle(_, { bmc: { powerLimit } }) {
    const { watts, correctionMs, samplingSeconds, action } = powerLimit.setting;
    const shown = powerLimit.supported
      ? {
          reserved1: 0,
          exceptionAction: ExceptionAction[action],
          watts,
          correctionMs,
          reserved2: 0,
          samplingSeconds,
        }
      : noLimit;
    if (powerLimit.active) return shown;
    throw new CompletionError(LimitRefusal.notActive, 'no active power limit', encode(PowerLimit, shown));
  },
});

export const setPowerLimit = command({
  ...dcmi,
  name: 'Set Power Limit',
  cmd: 0x04,
  privilege: 'operator',
  spec: 'DCMI 1.5 §6.6.3',
  request: struct({
    reserved1: u16le,
    reserved2: u8,
    exceptionAction: u8,
    watts: u16le,
    correctionMs: u32le,
    reserved3: u16le,
    samplingSeconds: u16le,
  }),
  response: empty,
  handle({ exceptionAction, watts, correctionMs, samplingSeconds }, { bmc: { powerLimit }, actor }) {
    if (powerLimit.supported) {
      const action = powerLimitActions.find((each) => ExceptionAction[each] === exceptionAction);
      if (!action) throw new CompletionError(CompletionCode.invalidField, `no action ${exceptionAction}`);
      const setting = { watts, correctionMs, samplingSeconds, action };
      for (const name of ['watts', 'correctionMs', 'samplingSeconds'] as const) {
        const [least, most] = powerLimit.range[name];
        if (setting[name] >= least && setting[name] <= most) continue;
        throw new CompletionError(
          LimitRefusal[name],
          `${name}: from ${least} to ${most}, not ${setting[name]}`,
        );
      }
      powerLimit.set(setting, actor);
      return {};
    }
    const same =
      exceptionAction === noLimit.exceptionAction &&
      watts === noLimit.watts &&
      correctionMs === noLimit.correctionMs &&
      samplingSeconds === noLimit.samplingSeconds;
    if (same) return {};
    throw new BmcError('not-supported', 'the power of this machine cannot be limited');
  },
});

export const activatePowerLimit = command({
  ...dcmi,
  name: 'Activate/Deactivate Power Limit',
  cmd: 0x05,
  privilege: 'operator',
  spec: 'DCMI 1.5 §6.6.4',
  request: struct({ action: bits8(['_reserved', 7], ['activate', 1]), reserved: u16le }),
  response: empty,
  handle({ action: { activate } }, { bmc: { powerLimit }, actor }) {
    if (!activate) powerLimit.deactivate(actor);
    else if (powerLimit.supported) powerLimit.activate(actor);
    else throw new BmcError('wrong-state', 'no power limit is set');
    return {};
  },
});

/** At most so many characters of a text go over in one message. */
const textChunk = 16;
const maxText = 63;
/** The controller's name also counts its closing NUL. */
const maxControllerName = 64;

const TextPart = struct({ offset: u8, count: u8 });
/** All of the text's length, then the part asked for. */
const TextReply = struct({ length: u8, data: rest });

function textPart(text: Uint8Array, offset: number, count: number) {
  if (offset > text.length || count > textChunk) {
    throw new CompletionError(CompletionCode.parameterOutOfRange, `text: no ${count} bytes at ${offset}`);
  }
  return { length: text.length, data: text.subarray(offset, offset + count) };
}

/** What a text becomes when a part of it is written: it ends with that part. */
function withPart(text: Uint8Array, offset: number, data: Uint8Array, limit: number): Uint8Array {
  if (offset > text.length || data.length > textChunk || offset + data.length > limit) {
    throw new CompletionError(
      CompletionCode.parameterOutOfRange,
      `text: no ${data.length} bytes at ${offset} of ${text.length}`,
    );
  }
  return Uint8Array.of(...text.subarray(0, offset), ...data);
}

const TextWrite: Codec<{ offset: number; data: Uint8Array }> = {
  read(reader) {
    const offset = reader.u8();
    const count = reader.u8();
    return { offset, data: reader.bytes(count).slice() };
  },
  write: (writer, { offset, data }) => void writer.u8(offset).u8(data.length).bytes(data),
};

export const getAssetTag = command({
  ...dcmi,
  name: 'Get Asset Tag',
  cmd: 0x06,
  privilege: 'user',
  spec: 'DCMI 1.5 §6.4.2',
  request: TextPart,
  response: TextReply,
  handle: ({ offset, count }, { bmc }) => textPart(Buffer.from(bmc.asset.tag, 'latin1'), offset, count),
});

export const setAssetTag = command({
  ...dcmi,
  name: 'Set Asset Tag',
  cmd: 0x08,
  privilege: 'operator',
  spec: 'DCMI 1.5 §6.4.3',
  request: TextWrite,
  response: struct({ length: u8 }),
  handle({ offset, data }, { bmc, actor }) {
    const next = withPart(Buffer.from(bmc.asset.tag, 'latin1'), offset, data, maxText);
    bmc.asset.setTag(Buffer.from(next).toString('latin1'), actor);
    return { length: next.length };
  },
});

/** Clients read it with its closing NUL. */
function controllerName(name: string): Uint8Array {
  return Buffer.from(`${name}\0`, 'latin1');
}

export const getControllerName = command({
  ...dcmi,
  name: 'Get Management Controller Identifier String',
  cmd: 0x09,
  privilege: 'user',
  spec: 'DCMI 1.5 §6.4.6.1',
  request: TextPart,
  response: TextReply,
  handle: ({ offset, count }, { bmc }) => textPart(controllerName(bmc.asset.controllerName), offset, count),
});

/** A name longer than one message comes in parts; the part with the NUL is the last one. */
export const setControllerName = command({
  ...dcmi,
  name: 'Set Management Controller Identifier String',
  cmd: 0x0a,
  privilege: 'administrator',
  spec: 'DCMI 1.5 §6.4.6.2',
  request: TextWrite,
  response: struct({ length: u8 }),
  handle({ offset, data }, { bmc, actor }) {
    const before = Buffer.from(bmc.asset.controllerName, 'latin1');
    const next = withPart(before, offset, data, maxControllerName);
    const end = next.indexOf(0);
    const text = end < 0 ? next : next.subarray(0, end);
    bmc.asset.setControllerName(Buffer.from(text).toString('latin1'), actor);
    return { length: next.length };
  },
});

const temperatureType = 0x01;
/** DCMI has entities of its own for what IPMI has others for. Table 6-20. */
const ownEntity: Readonly<Record<number, number>> = {
  64: 0x37,
  65: entityId('processor'),
  66: entityId('system-board'),
};

/** Temperature sensors of an entity, by rising instance. */
function temperatures(sensors: Sensors, entity: number): AnalogSensor[] {
  const wanted = ownEntity[entity] ?? entity;
  return sensors.list().flatMap((sensor) => {
    if (!(sensor instanceof AnalogSensor)) return [];
    const { definition } = sensor;
    const fits =
      sensorTypeOf(definition).sensorType === temperatureType && entityId(definition.entity.kind) === wanted;
    return fits ? [sensor] : [];
  });
}

/** Instance 0 asks for all from `start` on, in portions; any other for that one. */
function chosen(
  found: readonly AnalogSensor[],
  instance: number,
  start: number,
  most: number,
): AnalogSensor[] {
  const from = instance === 0 ? start : instance;
  const fitting = found.filter(({ definition }) => definition.entity.instance >= from);
  return fitting.slice(0, instance === 0 ? most : 1);
}

const SensorQuery = struct({ sensorType: u8, entity: u8, instance: u8, start: u8 });

function requireTemperature(sensorType: number): void {
  if (sensorType === temperatureType) return;
  throw new CompletionError(CompletionCode.invalidField, `DCMI knows no sensors of type ${sensorType}`);
}

const maxRecordIds = 8;

export const getDcmiSensorInfo = command({
  ...dcmi,
  name: 'Get DCMI Sensor Info',
  cmd: 0x07,
  privilege: 'user',
  spec: 'DCMI 1.5 §6.5.2',
  request: SensorQuery,
  response: struct({ total: u8, count: u8, recordIds: rest }),
  handle({ sensorType, entity, instance, start }, { bmc: { sensors }, state: { sdr } }) {
    requireTemperature(sensorType);
    const found = temperatures(sensors, entity);
    const ids = chosen(found, instance, start, maxRecordIds).flatMap(({ definition }) => {
      const number = sensorNumber(definition.key);
      const id = number === undefined ? undefined : sdr.idOfSensor(number);
      return id === undefined ? [] : [id];
    });
    return {
      total: found.length,
      count: ids.length,
      recordIds: Uint8Array.from(ids.flatMap((id) => [id & 0xff, id >> 8])),
    };
  },
});

const maxTemperatures = 8;

/** Sensors that have nothing to tell, such as a processor's while the machine is off, are left out. */
export const getTemperatureReadings = command({
  ...dcmi,
  name: 'Get Temperature Readings',
  cmd: 0x10,
  privilege: 'user',
  spec: 'DCMI 1.5 §6.7.3',
  request: SensorQuery,
  response: struct({ total: u8, count: u8, readings: rest }),
  handle({ sensorType, entity, instance, start }, { bmc: { sensors } }) {
    requireTemperature(sensorType);
    const found = temperatures(sensors, entity).filter(({ reading }) => reading !== undefined);
    const readings = chosen(found, instance, start, maxTemperatures);
    const pairs = readings.flatMap(({ definition, reading = 0 }) => [
      Math.round(reading) & 0x7f,
      definition.entity.instance & 0x7f,
    ]);
    return { total: found.length, count: readings.length, readings: Uint8Array.from(pairs) };
  },
});

/** DHCP as DCMI configures it: by which options the BMC would make itself known, and how long it would try. */
const DhcpParameter = {
  activate: 1,
  discovery: 2,
  initialTimeout: 3,
  contactTimeout: 4,
  retryInterval: 5,
} as const;

/** The BMC's address is its host's: it asks no DHCP server, sends no options and waits for nothing. */
const dhcpParameters: Readonly<Record<number, Uint8Array>> = {
  [DhcpParameter.discovery]: Uint8Array.of(0),
  [DhcpParameter.initialTimeout]: Uint8Array.of(0),
  [DhcpParameter.contactTimeout]: Uint8Array.of(0, 0),
  [DhcpParameter.retryInterval]: Uint8Array.of(0, 0),
};

export const setDcmiParameters = command({
  ...dcmi,
  name: 'Set DCMI Configuration Parameters',
  cmd: 0x12,
  privilege: 'administrator',
  spec: 'DCMI 1.5 §6.1.2',
  request: struct({ selector: u8, set: u8, data: rest }),
  response: empty,
  handle({ selector }): never {
    const known = Object.values<number>(DhcpParameter).includes(selector);
    throw new CompletionError(
      known ? ParameterRefusal.readOnly : ParameterRefusal.unsupported,
      `DCMI parameter ${selector} cannot be set: the BMC has no DHCP client`,
    );
  },
});

export const getDcmiParameters = command({
  ...dcmi,
  name: 'Get DCMI Configuration Parameters',
  cmd: 0x13,
  privilege: 'user',
  spec: 'DCMI 1.5 §6.1.3',
  request: struct({ selector: u8, set: u8 }),
  response: struct({ major: u8, minor: u8, parameterRevision: u8, data: rest }),
  handle({ selector }) {
    const data = dhcpParameters[selector];
    if (!data) throw new CompletionError(ParameterRefusal.unsupported, `no DCMI parameter ${selector}`);
    return { ...Conformance, parameterRevision: 0x01, data };
  },
});

export const dcmiCommands = [
  getDcmiCapabilities,
  getPowerReading,
  getPowerLimit,
  setPowerLimit,
  activatePowerLimit,
  getAssetTag,
  getDcmiSensorInfo,
  setAssetTag,
  getControllerName,
  setControllerName,
  getTemperatureReadings,
  setDcmiParameters,
  getDcmiParameters,
];
