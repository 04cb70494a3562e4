/** Entries of the event filter and alert policy tables in their binary form. IPMI 2.0 Tables 17-2 and 17-4. */

import type { EventFilter, EventSeverity, PefAction } from '../../bmc/event-filter.ts';
import type { AlertPolicy, AlertRule } from '../../bmc/pef-settings.ts';
import { bits8, type Codec, named, struct, u8, u16le } from '../../lib/codec.ts';

/** Bits of an action byte, here and wherever actions are listed. OEM actions and group control are not there. */
export const PefActionBit = {
  alert: 0x01,
  'power-off': 0x02,
  reset: 0x04,
  'power-cycle': 0x08,
  'diagnostic-interrupt': 0x20,
} as const satisfies Record<PefAction, number>;

export function actionBits(actions: readonly PefAction[]): number {
  return actions.reduce((bits, action) => bits | PefActionBit[action], 0);
}

/** A byte of action bits. @throws {DecodeError} for an action that this BMC does not have */
export const PefActions: Codec<readonly PefAction[]> = {
  read(reader) {
    const wanted = reader.u8();
    const entries = Object.entries(PefActionBit) as [PefAction, number][];
    const found = entries.filter(([, bit]) => (wanted & bit) !== 0);
    const unknown = wanted & ~actionBits(found.map(([action]) => action));
    if (unknown !== 0) reader.fail(`no such actions: ${unknown.toString(2)}b`);
    return found.map(([action]) => action);
  },
  write: (writer, actions) => void writer.u8(actionBits(actions)),
};

export const SeverityCode = {
  unspecified: 0x00,
  monitor: 0x01,
  information: 0x02,
  ok: 0x04,
  'non-critical': 0x08,
  critical: 0x10,
  'non-recoverable': 0x20,
} as const satisfies Record<EventSeverity, number>;

/** FFh stands for any. */
const orAny: Codec<number | undefined> = {
  read(reader) {
    const value = reader.u8();
    return value === anyValue ? undefined : value;
  },
  write: (writer, value) => void writer.u8(value ?? anyValue),
};
const anyValue = 0xff;

const FilterUse = { configurable: 0, preconfigured: 2 } as const;
const DataMatchBytes = struct({ mask: u8, exact: u8, value: u8 });

/** Byte 1 of a filter, which parameter 7 sets alone. */
export const FilterConfiguration = bits8(['enabled', 1], ['use', 2, FilterUse], ['_reserved', 5]);

const FilterBytes = struct({
  configuration: FilterConfiguration,
  actions: PefActions,
  policy: bits8(['_reserved', 1], ['group', 3], ['number', 4]),
  severity: named(SeverityCode),
  generatorAddress: orAny,
  generatorChannel: orAny,
  sensorType: orAny,
  sensorNumber: orAny,
  trigger: orAny,
  offsets: u16le,
  data1: DataMatchBytes,
  data2: DataMatchBytes,
  data3: DataMatchBytes,
});

/** 20 bytes. Group control is not there: its selector reads 0 and is refused otherwise. */
export const FilterEntry: Codec<EventFilter> = {
  read(reader) {
    const { configuration, policy, data1, data2, data3, ...same } = FilterBytes.read(reader);
    if (policy.group !== 0) reader.fail(`no group control selector ${policy.group}`);
    const { enabled, use } = configuration;
    const preconfigured = use === 'preconfigured';
    return { ...same, enabled, preconfigured, policyNumber: policy.number, data: [data1, data2, data3] };
  },
  write(writer, { enabled, preconfigured, policyNumber, data, ...same }) {
    const [data1, data2, data3] = data;
    const configuration = { enabled, use: preconfigured ? 'preconfigured' : 'configurable' } as const;
    FilterBytes.write(writer, {
      ...same,
      configuration,
      policy: { group: 0, number: policyNumber },
      data1,
      data2,
      data3,
    });
  },
};

const RuleCode = {
  always: 0,
  'unless-sent': 1,
  'stop-if-sent': 2,
  'other-channel-if-sent': 3,
  'other-type-if-sent': 4,
} as const satisfies Record<AlertRule, number>;

const PolicyBytes = struct({
  policy: bits8(['number', 4], ['enabled', 1], ['rule', 3, RuleCode]),
  where: bits8(['channel', 4], ['destination', 4]),
  string: bits8(['eventSpecific', 1], ['selector', 7]),
});

/** 3 bytes. */
export const PolicyEntry: Codec<AlertPolicy> = {
  read(reader) {
    const { policy, where, string } = PolicyBytes.read(reader);
    const { number: policyNumber, enabled, rule } = policy;
    const { eventSpecific: eventSpecificString, selector: stringSelector } = string;
    return { enabled, policyNumber, rule, ...where, eventSpecificString, stringSelector };
  },
  write(writer, { enabled, policyNumber, rule, channel, destination, eventSpecificString, stringSelector }) {
    PolicyBytes.write(writer, {
      policy: { number: policyNumber, enabled, rule },
      where: { channel, destination },
      string: { eventSpecific: eventSpecificString, selector: stringSelector },
    });
  },
};
