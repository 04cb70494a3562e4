/** Chassis commands. IPMI 2.0 §28, Table 28-1. */
import { type PowerAction, type RestorePolicy, restorePolicies } from '../../bmc/power.ts';
import { DecodeError } from '../../lib/bytes.ts';
import { bits8, type Codec, decode, empty, encode, optional, rest, struct, u8 } from '../../lib/codec.ts';
import { BootFlags, type BootOptions, ValidBitClearing } from '../boot-options.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { type CommandContext, command } from './command.ts';

const RestorePolicyCode = { 'always-off': 0, previous: 1, 'always-on': 2 } as const satisfies Record<
  RestorePolicy,
  number
>;

/** Table 28-3. No lockout, no interlock; the addresses say that this BMC serves them all itself. */
export const getChassisCapabilities = command({
  name: 'Get Chassis Capabilities',
  netFn: NetFn.chassis,
  cmd: 0x00,
  privilege: 'user',
  spec: 'IPMI 2.0 §28.1',
  request: empty,
  response: struct({
    flags: bits8(
      ['_reserved', 4],
      ['powerInterlock', 1],
      ['diagnosticInterrupt', 1],
      ['frontPanelLockout', 1],
      ['intrusionSensor', 1],
    ),
    fruAddress: u8,
    sdrAddress: u8,
    selAddress: u8,
    systemManagementAddress: u8,
    bridgeAddress: u8,
  }),
  handle: () => ({
    flags: {
      powerInterlock: false,
      diagnosticInterrupt: true,
      frontPanelLockout: false,
      intrusionSensor: false,
    },
    fruAddress: bmcAddress,
    sdrAddress: bmcAddress,
    selAddress: bmcAddress,
    systemManagementAddress: bmcAddress,
    bridgeAddress: bmcAddress,
  }),
});

/** The BMC's address on the IPMB. IPMI 2.0 §6.13.4. */
const bmcAddress = 0x20;

export const getChassisStatus = command({
  name: 'Get Chassis Status',
  netFn: NetFn.chassis,
  cmd: 0x01,
  privilege: 'user',
  spec: 'IPMI 2.0 §28.2',
  request: empty,
  response: struct({
    power: bits8(
      ['_reserved', 1],
      ['restorePolicy', 2, RestorePolicyCode],
      ['controlFault', 1],
      ['fault', 1],
      ['interlock', 1],
      ['overload', 1],
      ['on', 1],
    ),
    lastEvent: bits8(
      ['_reserved', 3],
      ['onByIpmi', 1],
      ['fault', 1],
      ['interlock', 1],
      ['overload', 1],
      ['acFailed', 1],
    ),
    misc: bits8(
      ['_reserved', 1],
      ['identifySupported', 1],
      ['identifyState', 2],
      ['coolingFault', 1],
      ['driveFault', 1],
      ['frontPanelLockout', 1],
      ['intrusion', 1],
    ),
  }),
  handle(_, { bmc: { power } }) {
    return {
      power: {
        restorePolicy: power.restorePolicy,
        controlFault: false,
        fault: power.lastEvent.fault && !power.isOn,
        interlock: false,
        overload: false,
        on: power.isOn,
      },
      lastEvent: {
        onByIpmi: power.lastEvent.onByRequest,
        fault: power.lastEvent.fault,
        interlock: false,
        overload: false,
        acFailed: power.lastEvent.powerReturned,
      },
      misc: {
        identifySupported: false,
        identifyState: 0,
        coolingFault: false,
        driveFault: false,
        frontPanelLockout: false,
        intrusion: false,
      },
    };
  },
});

const ChassisControl = { off: 0, on: 1, cycle: 2, reset: 3, diag: 4, soft: 5 } as const satisfies Record<
  PowerAction,
  number
>;

/** D5h for a cycle, reset or diagnostic interrupt of a machine that is off, as §28.3 recommends. */
export const chassisControl = command({
  name: 'Chassis Control',
  netFn: NetFn.chassis,
  cmd: 0x02,
  privilege: 'operator',
  spec: 'IPMI 2.0 §28.3',
  request: bits8(['_reserved', 4], ['action', 4, ChassisControl]),
  response: empty,
  handle({ action }, { bmc, actor }) {
    bmc.power.request(action, actor);
    return {};
  },
});

/** Code 3 asks for the supported policies without a change. */
const keepPolicy = 3;

export const setPowerRestorePolicy = command({
  name: 'Set Power Restore Policy',
  netFn: NetFn.chassis,
  cmd: 0x06,
  privilege: 'operator',
  spec: 'IPMI 2.0 §28.8',
  request: bits8(['_reserved', 5], ['policy', 3]),
  response: bits8(['_reserved', 5], ['alwaysOn', 1], ['previous', 1], ['alwaysOff', 1]),
  handle({ policy }, { bmc, actor }) {
    if (policy !== keepPolicy) {
      const chosen = restorePolicies.find((name) => RestorePolicyCode[name] === policy);
      if (!chosen) throw new CompletionError(CompletionCode.invalidField, `no restore policy ${policy}`);
      bmc.power.setRestorePolicy(chosen, actor);
    }
    return { alwaysOn: true, previous: true, alwaysOff: true };
  },
});

/** One boot option parameter: how it is read and written. Table 28-14. */
interface BootParameter {
  read(options: BootOptions, context: CommandContext): Uint8Array;
  write(options: BootOptions, data: Uint8Array, context: CommandContext): void;
}

function parameter<T>(
  codec: Codec<T>,
  read: (options: BootOptions, context: CommandContext) => T,
  write: (options: BootOptions, value: T, context: CommandContext) => void,
): BootParameter {
  return {
    read: (options, context) => encode(codec, read(options, context)),
    write: (options, data, context) => write(options, decode(codec, data, 'boot option'), context),
  };
}

const SetInProgress = { complete: 0, inProgress: 1, commit: 2 } as const;

const bootParameters: Readonly<Record<number, BootParameter>> = {
  0: parameter(
    bits8(['_reserved', 6], ['state', 2, SetInProgress]),
    ({ setBy }) => ({ state: setBy?.open ? 'inProgress' : 'complete' }),
    (options, { state }, { session }) => {
      if (state !== 'inProgress') {
        options.setBy = undefined;
        return;
      }
      if (options.setBy?.open && options.setBy !== session) {
        throw new CompletionError(bootOptionBusy, 'boot options: another session is setting them');
      }
      options.setBy = session;
    },
  ),
  1: parameter(
    u8,
    (options) => options.servicePartition,
    (options, selector) => {
      options.servicePartition = selector;
    },
  ),
  2: parameter(
    u8,
    (options) => options.servicePartitionScan,
    (options, scan) => {
      options.servicePartitionScan = scan;
    },
  ),
  3: parameter(
    ValidBitClearing,
    (options) => options.clearing,
    (options, clearing) => {
      options.clearing = clearing;
    },
  ),
  4: parameter(
    struct({ mask: u8, handled: u8 }),
    (options) => ({ mask: 0, handled: options.acknowledged }),
    (options, { mask, handled }) => {
      options.acknowledged = (options.acknowledged & ~mask) | (handled & mask);
    },
  ),
  5: parameter(
    BootFlags,
    (options) => options.flags,
    (options, flags, { actor }) => options.setFlags(flags, actor),
  ),
};

const bootOptionUnsupported = 0x80;
const bootOptionBusy = 0x81;
const bootOptionsVersion = 1;

function bootParameter(selector: number): BootParameter {
  const found = bootParameters[selector];
  if (!found) throw new CompletionError(bootOptionUnsupported, `no boot option parameter ${selector}`);
  return found;
}

/** Data may be left out to change the lock bit alone. */
export const setSystemBootOptions = command({
  name: 'Set System Boot Options',
  netFn: NetFn.chassis,
  cmd: 0x08,
  privilege: 'operator',
  spec: 'IPMI 2.0 §28.12',
  request: struct({ parameter: bits8(['locked', 1], ['selector', 7]), data: rest }),
  response: empty,
  handle({ parameter: { locked, selector }, data }, context) {
    const options = context.state.bootOptions;
    const option = bootParameter(selector);
    if (data.length > 0) {
      try {
        option.write(options, data, context);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        const { requestLengthInvalid, invalidField } = CompletionCode;
        throw new CompletionError(
          error.fault === 'length' ? requestLengthInvalid : invalidField,
          error.message,
        );
      }
    }
    if (locked) options.locked.add(selector);
    else options.locked.delete(selector);
    return {};
  },
});

export const getSystemBootOptions = command({
  name: 'Get System Boot Options',
  netFn: NetFn.chassis,
  cmd: 0x09,
  privilege: 'operator',
  spec: 'IPMI 2.0 §28.13',
  request: struct({
    parameter: bits8(['_reserved', 1], ['selector', 7]),
    setSelector: u8,
    blockSelector: optional(u8),
  }),
  response: struct({
    version: bits8(['_reserved', 4], ['version', 4]),
    parameter: bits8(['locked', 1], ['selector', 7]),
    data: rest,
  }),
  handle({ parameter: { selector } }, context) {
    const options = context.state.bootOptions;
    return {
      version: { version: bootOptionsVersion },
      parameter: { locked: options.locked.has(selector), selector },
      data: bootParameter(selector).read(options, context),
    };
  },
});

export const chassisCommands = [
  getChassisCapabilities,
  getChassisStatus,
  chassisControl,
  setPowerRestorePolicy,
  setSystemBootOptions,
  getSystemBootOptions,
];
