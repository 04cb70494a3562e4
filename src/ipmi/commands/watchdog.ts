/** The BMC watchdog timer. IPMI 2.0 §27, Table 27-1. */
import {
  type WatchdogAction,
  type WatchdogInterrupt,
  type WatchdogSettings,
  type WatchdogUse,
  watchdogUses,
} from '../../bmc/watchdog.ts';
import { bits8, empty, struct, u8, u16le } from '../../lib/codec.ts';
import { CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { command } from './command.ts';

/** 0 is reserved. */
const UseCode = {
  'bios-frb2': 1,
  'bios-post': 2,
  'os-load': 3,
  'sms-os': 4,
  oem: 5,
} as const satisfies Record<WatchdogUse, number>;
const ActionCode = { none: 0, reset: 1, 'power-off': 2, 'power-cycle': 3 } as const satisfies Record<
  WatchdogAction,
  number
>;
/** 1 is the SMI: nothing in this machine would take it. */
const InterruptCode = { none: 0, diagnostic: 2, messaging: 3 } as const satisfies Record<
  WatchdogInterrupt,
  number
>;
const actions = bits8(
  ['_reserved', 1],
  ['interrupt', 3, InterruptCode],
  ['_reserved2', 1],
  ['action', 3, ActionCode],
);
/** A bit per use, at the place of its number. */
const useFlags = bits8(
  ['_reserved', 2],
  ['oem', 1],
  ['sms-os', 1],
  ['os-load', 1],
  ['bios-post', 1],
  ['bios-frb2', 1],
  ['_reserved2', 1],
);
const tickMs = 100;

/** What a timer that nobody has set would show: nothing is watched. */
const unset: WatchdogSettings = {
  use: 'sms-os',
  action: 'none',
  interrupt: 'none',
  preTimeoutMs: 0,
  timeoutMs: 0,
  dontLog: false,
};

const neverSet = 0x80;

export const resetWatchdogTimer = command({
  name: 'Reset Watchdog Timer',
  netFn: NetFn.app,
  cmd: 0x22,
  privilege: 'operator',
  spec: 'IPMI 2.0 §27.5',
  request: empty,
  response: empty,
  handle(_, { bmc: { watchdog }, actor }) {
    if (!watchdog.settings) throw new CompletionError(neverSet, 'watchdog: nobody has set it');
    watchdog.restart(actor);
    return {};
  },
});

export const setWatchdogTimer = command({
  name: 'Set Watchdog Timer',
  netFn: NetFn.app,
  cmd: 0x24,
  privilege: 'operator',
  spec: 'IPMI 2.0 §27.6',
  request: struct({
    timer: bits8(['dontLog', 1], ['keepRunning', 1], ['_reserved', 3], ['use', 3, UseCode]),
    actions,
    preTimeoutSeconds: u8,
    clear: useFlags,
    timeoutTicks: u16le,
  }),
  response: empty,
  handle({ timer, actions: { interrupt, action }, preTimeoutSeconds, clear, timeoutTicks }, { bmc, actor }) {
    bmc.watchdog.set(
      {
        use: timer.use,
        dontLog: timer.dontLog,
        interrupt,
        action,
        preTimeoutMs: preTimeoutSeconds * 1000,
        timeoutMs: timeoutTicks * tickMs,
      },
      actor,
      { keepRunning: timer.keepRunning, clear: watchdogUses.filter((use) => clear[use]) },
    );
    return {};
  },
});

export const getWatchdogTimer = command({
  name: 'Get Watchdog Timer',
  netFn: NetFn.app,
  cmd: 0x25,
  privilege: 'user',
  spec: 'IPMI 2.0 §27.7',
  request: empty,
  response: struct({
    timer: bits8(['dontLog', 1], ['running', 1], ['_reserved', 3], ['use', 3, UseCode]),
    actions,
    preTimeoutSeconds: u8,
    expired: useFlags,
    timeoutTicks: u16le,
    leftTicks: u16le,
  }),
  handle(_, { bmc: { watchdog } }) {
    const { use, dontLog, interrupt, action, preTimeoutMs, timeoutMs } = watchdog.settings ?? unset;
    const expired = (each: WatchdogUse) => watchdog.expired.has(each);
    return {
      timer: { dontLog, running: watchdog.running, use },
      actions: { interrupt, action },
      preTimeoutSeconds: preTimeoutMs / 1000,
      expired: {
        oem: expired('oem'),
        'sms-os': expired('sms-os'),
        'os-load': expired('os-load'),
        'bios-post': expired('bios-post'),
        'bios-frb2': expired('bios-frb2'),
      },
      timeoutTicks: timeoutMs / tickMs,
      leftTicks: Math.ceil(watchdog.leftMs / tickMs),
    };
  },
});

export const watchdogCommands = [resetWatchdogTimer, setWatchdogTimer, getWatchdogTimer];
