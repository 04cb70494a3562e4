/** Commands about platform event filtering and alerts. IPMI 2.0 §30. */
import type { EventFilter } from '../../bmc/event-filter.ts';
import type { Pef } from '../../bmc/pef.ts';
import {
  type AlertPolicy,
  alertStringCount,
  maxAlertStringBytes,
  maxPostponeS,
  type PefSettings,
} from '../../bmc/pef-settings.ts';
import type { SystemEvent } from '../../bmc/sel.ts';
import { toHex } from '../../lib/bytes.ts';
import {
  bits8,
  bytes,
  type Codec,
  empty,
  optional,
  rest,
  struct,
  u8,
  u16le,
  u32le,
} from '../../lib/codec.ts';
import { noEvent } from '../alerting.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { actionBits, FilterConfiguration, FilterEntry, PefActions, PolicyEntry } from '../records/pef.ts';
import { readEventFields, writeEventFields } from '../records/sel.ts';
import { Channel, type CommandContext, command } from './command.ts';
import {
  type Parameter,
  ParameterReply,
  type ParameterTable,
  parameterReply,
  parametersOf,
  readParameter,
  setInProgressParameter,
  writeParameter,
} from './configuration-parameters.ts';

const pefVersion = 0x51;

export const getPefCapabilities = command({
  name: 'Get PEF Capabilities',
  netFn: NetFn.sensorEvent,
  cmd: 0x10,
  privilege: 'user',
  spec: 'IPMI 2.0 §30.1',
  request: empty,
  response: struct({ version: u8, actions: u8, filters: u8 }),
  handle: (_request, { bmc: { pef } }) => ({
    version: pefVersion,
    actions: actionBits(['alert', 'power-off', 'reset', 'power-cycle', 'diagnostic-interrupt']),
    filters: pef.settings.filters.length,
  }),
});

/** Instead of a time: off until further notice; or only what is in force. §30.2 */
const PostponeCode = { untilRearmed: 0xfe, ask: 0xff } as const;

export const armPefPostponeTimer = command({
  name: 'Arm PEF Postpone Timer',
  netFn: NetFn.sensorEvent,
  cmd: 0x11,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §30.2',
  request: struct({ seconds: u8 }),
  response: struct({ seconds: u8 }),
  handle({ seconds }, { bmc: { pef }, actor }) {
    if (seconds === PostponeCode.untilRearmed) pef.postpone('until-rearmed', actor);
    else if (seconds <= maxPostponeS) pef.postpone(seconds, actor);
    const { postponedS } = pef;
    return { seconds: postponedS === 'until-rearmed' ? PostponeCode.untilRearmed : postponedS };
  },
});

const parameter = parametersOf(({ bmc }) => bmc.pef);

function single<T>(
  codec: Codec<T>,
  read: (settings: PefSettings, context: CommandContext) => T,
  write?: (value: T) => Partial<PefSettings>,
): Parameter {
  return parameter(
    codec,
    (pef, _which, context) => read(pef.settings, context),
    write && ((pef, value, { actor }) => pef.update(write(value), actor)),
  );
}

/** A table of entries with numbers from 1 on; the number comes first in the data. */
function table<T, E>(
  codec: Codec<T>,
  entries: (settings: PefSettings) => readonly E[],
  toData: (entry: E) => T,
  write: (value: T, entry: E, index: number, settings: PefSettings) => Partial<PefSettings>,
): Parameter {
  const Numbered = struct({ set: bits8(['_reserved', 1], ['number', 7]), value: codec });
  const find = (pef: Pef, number: number): E => {
    const entry = entries(pef.settings)[number - 1];
    if (entry === undefined) throw noSuchSet(number);
    return entry;
  };
  return parameter(
    Numbered,
    (pef, which) => {
      const number = which.set & 0x7f;
      return { set: { number }, value: toData(find(pef, number)) };
    },
    (pef, { set, value }, { actor }) => {
      const entry = find(pef, set.number);
      pef.update(write(value, entry, set.number - 1, pef.settings), actor);
    },
  );
}

function noSuchSet(number: number): CompletionError {
  return new CompletionError(
    CompletionCode.parameterOutOfRange,
    `PEF parameter: there is no entry ${number}`,
  );
}

const withFilter = (settings: PefSettings, index: number, filter: EventFilter) => ({
  filters: settings.filters.with(index, filter),
});
const withPolicy = (settings: PefSettings, index: number, policy: AlertPolicy) => ({
  policies: settings.policies.with(index, policy),
});

const StringKey = struct({
  string: bits8(['_reserved', 1], ['number', 7]),
  filter: bits8(['_reserved', 1], ['number', 7]),
  set: bits8(['_reserved', 1], ['number', 7]),
});

/** Parameter 12: what a string belongs to, string 0 being the volatile one. */
const alertStringKeys = parameter(
  StringKey,
  (pef, which) => {
    const number = which.set & 0x7f;
    const key = number === 0 ? pef.volatileStringKey : pef.settings.stringKeys[number - 1];
    if (!key) throw noSuchSet(number);
    return { string: { number }, filter: { number: key.filterNumber }, set: { number: key.set } };
  },
  (pef, { string, filter, set }, { actor }) => {
    const key = { filterNumber: filter.number, set: set.number };
    if (string.number > alertStringCount) throw noSuchSet(string.number);
    if (string.number === 0) pef.setVolatileStringKey(key, actor);
    else pef.update({ stringKeys: pef.settings.stringKeys.with(string.number - 1, key) }, actor);
  },
);

const stringBlockBytes = 16;

/** Parameter 13: 16 bytes of a string at a time, string 0 being the volatile one. */
const alertStrings = parameter(
  struct({ set: bits8(['_reserved', 1], ['number', 7]), block: u8, part: rest }),
  (pef, { set, block }) => {
    const number = set & 0x7f;
    const part = paddedString(pef, number).subarray((block - 1) * stringBlockBytes, block * stringBlockBytes);
    if (block === 0 || part.length === 0) throw noSuchSet(block);
    return { set: { number }, block, part };
  },
  (pef, { set, block, part }, { actor }) => {
    const whole = paddedString(pef, set.number);
    const start = (block - 1) * stringBlockBytes;
    if (block === 0 || part.length > stringBlockBytes || start + part.length > whole.length)
      throw noSuchSet(block);
    whole.set(part, start);
    const text = whole.toString('latin1').replace(/\0+$/, '');
    if (set.number === 0) pef.setVolatileString(text, actor);
    else pef.update({ strings: pef.settings.strings.with(set.number - 1, text) }, actor);
  },
);

/** A string with NULs up to its full length. */
function paddedString(pef: Pef, number: number): Buffer {
  const text = number === 0 ? pef.volatileString : pef.settings.strings[number - 1];
  if (text === undefined) throw noSuchSet(number);
  const padded = Buffer.alloc(maxAlertStringBytes);
  padded.write(text, 'latin1');
  return padded;
}

/** Table 30-6. */
const pefParameters: ParameterTable = {
  0: setInProgressParameter(({ state }) => state.pefSetInProgress),
  1: single(
    bits8(['_reserved', 4], ['alertStartupDelay', 1], ['startupDelay', 1], ['logActions', 1], ['enabled', 1]),
    (settings) => ({
      alertStartupDelay: settings.alertStartupDelayEnabled,
      startupDelay: settings.startupDelayEnabled,
      logActions: settings.logActions,
      enabled: settings.enabled,
    }),
    ({ alertStartupDelay, startupDelay, logActions, enabled }) => ({
      alertStartupDelayEnabled: alertStartupDelay,
      startupDelayEnabled: startupDelay,
      logActions,
      enabled,
    }),
  ),
  2: single(
    PefActions,
    ({ allowedActions }) => allowedActions,
    (allowedActions) => ({ allowedActions }),
  ),
  3: single(
    u8,
    ({ startupDelayS }) => startupDelayS,
    (startupDelayS) => ({ startupDelayS }),
  ),
  4: single(
    u8,
    ({ alertStartupDelayS }) => alertStartupDelayS,
    (alertStartupDelayS) => ({ alertStartupDelayS }),
  ),
  5: single(u8, ({ filters }) => filters.length),
  6: table(
    FilterEntry,
    ({ filters }) => filters,
    (filter) => filter,
    (filter, _before, index, settings) => withFilter(settings, index, filter),
  ),
  7: table(
    FilterConfiguration,
    ({ filters }) => filters,
    ({ enabled, preconfigured }) => ({ enabled, use: preconfigured ? 'preconfigured' : 'configurable' }),
    ({ enabled, use }, filter, index, settings) =>
      withFilter(settings, index, { ...filter, enabled, preconfigured: use === 'preconfigured' }),
  ),
  8: single(u8, ({ policies }) => policies.length),
  9: table(
    PolicyEntry,
    ({ policies }) => policies,
    (policy) => policy,
    (policy, _before, index, settings) => withPolicy(settings, index, policy),
  ),
  10: single(
    struct({ flags: bits8(['_reserved', 7], ['used', 1]), guid: bytes(16) }),
    ({ alertGuidHex }, { bmc: { identity } }) => ({
      flags: { used: alertGuidHex !== undefined },
      guid: Buffer.from(alertGuidHex ?? identity.uuid.replaceAll('-', ''), 'hex'),
    }),
    ({ flags, guid }) => ({ alertGuidHex: flags.used ? toHex(guid) : undefined }),
  ),
  11: single(u8, () => alertStringCount),
  12: alertStringKeys,
  13: alertStrings,
  // Group control is for chassis on one ICMB, and there is none.
  14: single(u8, () => 0),
};

export const setPefConfiguration = command({
  name: 'Set PEF Configuration Parameters',
  netFn: NetFn.sensorEvent,
  cmd: 0x12,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §30.3',
  request: struct({ parameter: bits8(['_reserved', 1], ['selector', 7]), data: rest }),
  response: empty,
  handle({ parameter: { selector }, data }, context) {
    writeParameter(pefParameters, selector, data, context);
    return {};
  },
});

export const getPefConfiguration = command({
  name: 'Get PEF Configuration Parameters',
  netFn: NetFn.sensorEvent,
  cmd: 0x13,
  privilege: 'operator',
  spec: 'IPMI 2.0 §30.4',
  request: struct({
    parameter: bits8(['revisionOnly', 1], ['selector', 7]),
    setSelector: u8,
    blockSelector: u8,
  }),
  response: ParameterReply,
  handle({ parameter, ...asked }, context) {
    return parameterReply(readParameter(pefParameters, { ...parameter, ...asked }, context));
  },
});

export const setLastProcessedEventId = command({
  name: 'Set Last Processed Event ID',
  netFn: NetFn.sensorEvent,
  cmd: 0x14,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §30.5',
  request: struct({ which: bits8(['_reserved', 7], ['byBmc', 1]), recordId: u16le }),
  response: empty,
  handle({ which: { byBmc }, recordId }, { bmc: { pef }, actor }) {
    pef.setLastProcessed(byBmc ? 'bmc' : 'software', recordId, actor);
    return {};
  },
});

/** Of an empty SEL: there is no last record; nothing was ever added. */
const noRecord = 0xffff;
const noTime = 0xffffffff;

export const getLastProcessedEventId = command({
  name: 'Get Last Processed Event ID',
  netFn: NetFn.sensorEvent,
  cmd: 0x15,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §30.6',
  request: empty,
  response: struct({ lastAdded: u32le, lastRecord: u16le, bySoftware: u16le, byBmc: u16le }),
  handle: (_request, { bmc: { sel, pef } }) => ({
    lastAdded: sel.lastAdded ?? noTime,
    lastRecord: sel.entries.at(-1)?.id ?? noRecord,
    bySoftware: pef.lastProcessed.software,
    byBmc: pef.lastProcessed.bmc,
  }),
});

const AlertOperation = { send: 0, status: 1, clear: 2 } as const;
const ImmediateStatusCode = {
  none: 0x00,
  sent: 0x01,
  'not-sent': 0x02,
  'not-acknowledged': 0x03,
  'in-progress': 0xff,
} as const;
/** Completion code: another one is on its way. */
const alertInProgress = 0x81;

/** Generator ID in one byte, then the event. Table 30-9. */
const AlertEvent: Codec<SystemEvent> = {
  read(reader) {
    const generatorId = reader.u8();
    return { kind: 'system', generatorId, ...readEventFields(reader) };
  },
  write(writer, event) {
    writer.u8(event.generatorId);
    writeEventFields(writer, event);
  },
};

/** Without an event it is a test; destination 0 is the volatile one. */
export const alertImmediate = command({
  name: 'Alert Immediate',
  netFn: NetFn.sensorEvent,
  cmd: 0x16,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §30.7',
  request: struct({
    to: bits8(['_reserved', 4], ['channel', 4]),
    what: bits8(['operation', 2, AlertOperation], ['_reserved', 2], ['destination', 4]),
    string: bits8(['send', 1], ['selector', 7]),
    event: optional(AlertEvent),
  }),
  response: struct({ status: optional(u8) }),
  handle({ to, what, string, event = noEvent }, { bmc, state: { alerting }, channel }) {
    const wanted = to.channel === Channel.presentInterface ? channel : to.channel;
    const destination = wanted === Channel.lan ? alerting.destination(what.destination) : undefined;
    if (what.operation === 'status') return { status: ImmediateStatusCode[alerting.immediateStatus] };
    if (what.operation === 'clear') {
      alerting.clearImmediateStatus();
      return { status: undefined };
    }
    if (!destination) {
      throw new CompletionError(
        CompletionCode.parameterOutOfRange,
        `channel ${wanted} has no address in destination ${what.destination}`,
      );
    }
    if (alerting.immediateStatus === 'in-progress') {
      throw new CompletionError(alertInProgress, 'an alert is on its way');
    }
    const policy = { eventSpecificString: false, stringSelector: string.selector };
    const text = string.send ? bmc.pef.alertString(policy, 0) : '';
    alerting.sendImmediately(destination, { event, time: bmc.sel.time, severity: 'unspecified', text });
    return { status: undefined };
  },
});

/** Sent without a session by whoever got the trap; does no more than end its repetition. */
export const petAcknowledge = command({
  name: 'PET Acknowledge',
  netFn: NetFn.sensorEvent,
  cmd: 0x17,
  privilege: 'none',
  spec: 'IPMI 2.0 §30.8',
  request: struct({
    sequence: u16le,
    localTime: u32le,
    eventSourceType: u8,
    sensorDevice: u8,
    sensorNumber: u8,
    data: bytes(3),
  }),
  response: empty,
  handle({ sequence, localTime, sensorNumber, data }, { state: { alerting } }) {
    alerting.acknowledge({ sequence, localTime, sensorNumber, data: [...data] });
    return {};
  },
});

export const pefCommands = [
  getPefCapabilities,
  armPefPostponeTimer,
  setPefConfiguration,
  getPefConfiguration,
  setLastProcessedEventId,
  getLastProcessedEventId,
  alertImmediate,
  petAcknowledge,
];
