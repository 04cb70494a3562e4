/** Chassis commands. IPMI 2.0 §28, Table 28-1. */
import { frontPanelButtons } from '../../bmc/front-panel.ts';
import type { IdentifyState } from '../../bmc/identify.ts';
import type { PowerAction } from '../../bmc/power-actions.ts';
import { type RestorePolicy, restorePolicies } from '../../bmc/power-record.ts';
import { DecodeError } from '../../lib/bytes.ts';
import { bits8, empty, type Infer, optional, rest, struct, u8, u32le } from '../../lib/codec.ts';
import {
  BootFlags,
  InitiatorInfo,
  mailboxBlockBytes,
  mailboxBlocks,
  ValidBitClearing,
} from '../boot-options.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { bmcAddress } from '../message/message.ts';
import { NetFn } from '../message/net-fn.ts';
import { RestartCauseCode } from '../restart-cause.ts';
import { type CommandContext, command } from './command.ts';
import {
  type ParameterTable,
  parametersOf,
  requireParameter,
  setInProgressParameter,
  writeParameter,
} from './configuration-parameters.ts';

const RestorePolicyCode = { 'always-off': 0, previous: 1, 'always-on': 2 } as const satisfies Record<
  RestorePolicy,
  number
>;

const ChassisCapabilities = struct({
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
  bridgeAddress: optional(u8),
});
type ChassisCapabilities = Infer<typeof ChassisCapabilities>;

const capabilitiesStore = 'chassis-capabilities';

/** Front panel buttons can be locked; unless set otherwise this BMC serves all the devices itself. */
function capabilities({ bmc }: CommandContext): ChassisCapabilities {
  const flags = {
    powerInterlock: false,
    diagnosticInterrupt: true,
    frontPanelLockout: true,
    intrusionSensor: true,
  };
  const addresses = {
    fruAddress: bmcAddress,
    sdrAddress: bmcAddress,
    selAddress: bmcAddress,
    systemManagementAddress: bmcAddress,
    bridgeAddress: bmcAddress,
  };
  return bmc.store.load<ChassisCapabilities>(capabilitiesStore) ?? { flags, ...addresses };
}

export const getChassisCapabilities = command({
  name: 'Get Chassis Capabilities',
  netFn: NetFn.chassis,
  cmd: 0x00,
  privilege: 'user',
  spec: 'IPMI 2.0 §28.1',
  request: empty,
  response: ChassisCapabilities,
  handle: (_, context) => capabilities(context),
});

/**
 * For whoever integrates this BMC into a larger chassis: says what Get Chassis Capabilities is to say from now on
 * about where things are. Power interlock and diagnostic interrupt are facts that it cannot change.
 */
export const setChassisCapabilities = command({
  name: 'Set Chassis Capabilities',
  netFn: NetFn.chassis,
  cmd: 0x05,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §28.7',
  request: struct({
    flags: bits8(['_reserved', 6], ['frontPanelLockout', 1], ['intrusionSensor', 1]),
    fruAddress: u8,
    sdrAddress: u8,
    selAddress: u8,
    systemManagementAddress: u8,
    bridgeAddress: optional(u8),
  }),
  response: empty,
  handle({ flags, ...addresses }, context) {
    for (const address of Object.values(addresses)) {
      if (address !== undefined && address % 2 !== 0) {
        throw new CompletionError(CompletionCode.invalidField, `${address} is not a slave address`);
      }
    }
    const before = capabilities(context);
    const wanted: ChassisCapabilities = {
      ...addresses,
      flags: { ...before.flags, ...flags },
      bridgeAddress: addresses.bridgeAddress ?? before.bridgeAddress,
    };
    context.bmc.store.save(capabilitiesStore, wanted);
    context.bmc.events.changed(context.actor, 'chassis capabilities', before, wanted);
    return {};
  },
});

const IdentifyCode = { off: 0, timed: 1, on: 2 } as const satisfies Record<IdentifyState, number>;

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
      ['identifyState', 2, IdentifyCode],
      ['coolingFault', 1],
      ['driveFault', 1],
      ['frontPanelLockout', 1],
      ['intrusion', 1],
    ),
    buttons: bits8(
      ['mayDisableStandby', 1],
      ['mayDisableDiagnostic', 1],
      ['mayDisableReset', 1],
      ['mayDisablePower', 1],
      ['standbyDisabled', 1],
      ['diagnosticDisabled', 1],
      ['resetDisabled', 1],
      ['powerDisabled', 1],
    ),
  }),
  handle(_, { bmc: { power, identify, frontPanel, sensors } }) {
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
        identifySupported: true,
        identifyState: identify.state,
        coolingFault: sensors.coolingFault,
        driveFault: false,
        frontPanelLockout: frontPanel.lockedOut,
        intrusion: sensors.intruded,
      },
      buttons: {
        mayDisableStandby: true,
        mayDisableDiagnostic: true,
        mayDisableReset: true,
        mayDisablePower: true,
        standbyDisabled: frontPanel.disabled.has('standby'),
        diagnosticDisabled: frontPanel.disabled.has('diagnostic'),
        resetDisabled: frontPanel.disabled.has('reset'),
        powerDisabled: frontPanel.disabled.has('power'),
      },
    };
  },
});

const ChassisControl = { off: 0, on: 1, cycle: 2, reset: 3, diag: 4, soft: 5 } as const satisfies Record<
  Exclude<PowerAction, 'pause' | 'resume' | 'restart'>,
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
  handle({ action }, { bmc, actor, channel, state }) {
    bmc.power.request(action, actor);
    state.lastControl = { actor, channel };
    return {};
  },
});

/** Code 3 asks for the supported policies without a change. */
const keepPolicy = 3;

/** Without an interval, 15 s; with an interval of 0, off. */
const identifyDefaultSeconds = 15;

export const chassisIdentify = command({
  name: 'Chassis Identify',
  netFn: NetFn.chassis,
  cmd: 0x04,
  privilege: 'operator',
  spec: 'IPMI 2.0 §28.5',
  request: struct({ seconds: optional(u8), force: optional(bits8(['_reserved', 7], ['on', 1])) }),
  response: empty,
  handle({ seconds = identifyDefaultSeconds, force }, { bmc: { identify }, actor }) {
    if (force?.on) identify.on(actor);
    else if (seconds === 0) identify.off(actor);
    else identify.onFor(seconds * 1000, actor);
    return {};
  },
});

/** The buttons that the request's bits disable. The panel can be tried with `qemu-bmc inject press`. */
export const setFrontPanelEnables = command({
  name: 'Set Front Panel Enables',
  netFn: NetFn.chassis,
  cmd: 0x0a,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §28.6',
  request: bits8(['_reserved', 4], ['standby', 1], ['diagnostic', 1], ['reset', 1], ['power', 1]),
  response: empty,
  handle(disabled, { bmc, actor }) {
    bmc.frontPanel.disable(new Set(frontPanelButtons.filter((button) => disabled[button])), actor);
    return {};
  },
});

export const setPowerCycleInterval = command({
  name: 'Set Power Cycle Interval',
  netFn: NetFn.chassis,
  cmd: 0x0b,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §28.9',
  request: struct({ seconds: u8 }),
  response: empty,
  handle({ seconds }, { bmc, actor }) {
    bmc.power.setCycleOffMs(seconds * 1000, actor);
    return {};
  },
});

export const getSystemRestartCause = command({
  name: 'Get System Restart Cause',
  netFn: NetFn.chassis,
  cmd: 0x07,
  privilege: 'user',
  spec: 'IPMI 2.0 §28.11',
  request: empty,
  response: struct({
    cause: bits8(['_reserved', 4], ['code', 4, RestartCauseCode]),
    channel: u8,
  }),
  handle(_, { bmc: { power }, state }) {
    const { cause, actor } = power.lastRestart;
    const { lastControl } = state;
    const channel = actor !== undefined && lastControl?.actor === actor ? lastControl.channel : 0;
    return { cause: { code: cause }, channel };
  },
});

const minutesPerCount = 60;

export const getPohCounter = command({
  name: 'Get POH Counter',
  netFn: NetFn.chassis,
  cmd: 0x0f,
  privilege: 'user',
  spec: 'IPMI 2.0 §28.14',
  request: empty,
  response: struct({ minutesPerCount: u8, count: u32le }),
  handle: (_, { bmc }) => ({
    minutesPerCount,
    count: Math.floor(bmc.powerOnTime.totalMs / (minutesPerCount * 60_000)),
  }),
});

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

const parameter = parametersOf(({ state }) => state.bootOptions);

/** Table 28-14. */
const bootParameters: ParameterTable = {
  0: setInProgressParameter(({ state }) => state.bootOptions.setInProgress),
  1: parameter(
    u8,
    (options) => options.servicePartition,
    (options, servicePartition, { actor }) => options.set({ servicePartition }, actor),
  ),
  2: parameter(
    u8,
    (options) => options.servicePartitionScan,
    (options, servicePartitionScan, { actor }) => options.set({ servicePartitionScan }, actor),
  ),
  3: parameter(
    ValidBitClearing,
    (options) => options.clearing,
    (options, clearing, { actor }) => options.set({ clearing }, actor),
  ),
  4: parameter(
    struct({ mask: u8, handled: u8 }),
    (options) => ({ mask: 0, handled: options.acknowledged }),
    (options, { mask, handled }, { actor }) => {
      options.set({ acknowledged: (options.acknowledged & ~mask) | (handled & mask) }, actor);
    },
  ),
  5: parameter(
    BootFlags,
    (options) => options.flags,
    (options, flags, { actor }) => options.setFlags(flags, actor),
  ),
  6: parameter(
    InitiatorInfo,
    (options) => options.initiator,
    (options, initiator, { actor }) => options.set({ initiator }, actor),
  ),
  7: parameter(
    struct({ block: u8, data: rest }),
    (options, { set: block }) => {
      const start = mailboxBlock(block) * mailboxBlockBytes;
      return { block, data: options.mailbox.subarray(start, start + mailboxBlockBytes) };
    },
    (options, { block, data }, { actor }) => {
      if (data.length === 0 || data.length > mailboxBlockBytes) {
        throw new DecodeError(`mailbox: 1 to ${mailboxBlockBytes} bytes, not ${data.length}`, 'length');
      }
      options.setMailboxBlock(mailboxBlock(block), data, actor);
    },
  ),
};

function mailboxBlock(block: number): number {
  if (block < mailboxBlocks) return block;
  throw new CompletionError(CompletionCode.parameterOutOfRange, `mailbox: no block ${block}`);
}

const bootOptionsVersion = 1;

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
    if (data.length > 0) writeParameter(bootParameters, selector, data, context);
    else requireParameter(bootParameters, selector);
    options.lock(selector, locked, context.actor);
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
  handle({ parameter: { selector }, setSelector }, context) {
    const options = context.state.bootOptions;
    return {
      version: { version: bootOptionsVersion },
      parameter: { locked: options.isLocked(selector), selector },
      data: requireParameter(bootParameters, selector).read(context, { set: setSelector, block: 0 }),
    };
  },
});

export const chassisCommands = [
  getChassisCapabilities,
  getChassisStatus,
  chassisControl,
  chassisIdentify,
  setChassisCapabilities,
  setFrontPanelEnables,
  setPowerCycleInterval,
  getSystemRestartCause,
  getPohCounter,
  setPowerRestorePolicy,
  setSystemBootOptions,
  getSystemBootOptions,
];
