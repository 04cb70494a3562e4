/** Commands about channels. IPMI 2.0 §22.13 to §22.25. */

import { canLogIn } from '../../bmc/user.ts';
import { toHex } from '../../lib/bytes.ts';
import { bits8, empty, named, rest, struct, u8, u16le, u24le } from '../../lib/codec.ts';
import {
  AuthAlgorithm,
  ConfidentialityAlgorithm,
  cipherSuite,
  IntegrityAlgorithm,
} from '../crypto/cipher-suites.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { levelOf, PrivilegeNumber } from '../message/privilege.ts';
import { Channel, type CommandContext, command } from './command.ts';

/**
 * The number of a channel that this BMC has, "this one" resolved.
 * @throws {CompletionError} CCh for any other
 */
export function resolveChannel(channel: number, context: Pick<CommandContext, 'channel'>): number {
  const resolved = channel === Channel.presentInterface ? context.channel : channel;
  if (resolved === Channel.lan) return resolved;
  throw new CompletionError(CompletionCode.invalidField, `channel ${channel} is not there`);
}

/** Like {@link resolveChannel}, for the few commands that the system interface has, too. */
function anyChannel(channel: number, context: Pick<CommandContext, 'channel'>): number {
  const resolved = channel === Channel.presentInterface ? context.channel : channel;
  return resolved === Channel.systemInterface ? resolved : resolveChannel(resolved, context);
}

export const channelByte = bits8(['_reserved', 4], ['channel', 4]);

export const getChannelAuthenticationCapabilities = command({
  name: 'Get Channel Authentication Capabilities',
  netFn: NetFn.app,
  cmd: 0x38,
  privilege: 'none',
  spec: 'IPMI 2.0 §22.13',
  request: struct({
    channel: bits8(['v20Data', 1], ['_reserved', 3], ['number', 4]),
    level: bits8(['_reserved', 4], ['number', 4]),
  }),
  response: struct({
    channel: u8,
    authTypes: bits8(
      ['v20Data', 1],
      ['_reserved', 1],
      ['oem', 1],
      ['password', 1],
      ['_reserved2', 1],
      ['md5', 1],
      ['md2', 1],
      ['none', 1],
    ),
    status: bits8(
      ['_reserved', 2],
      ['kg', 1],
      ['perMessageAuthDisabled', 1],
      ['userLevelAuthDisabled', 1],
      ['namedUsers', 1],
      ['nullUserNames', 1],
      ['anonymous', 1],
    ),
    extended: bits8(['_reserved', 6], ['v20', 1], ['v15', 1]),
    oemId: u24le,
    oemData: u8,
  }),
  handle({ channel, level }, context) {
    const number = resolveChannel(channel.number, context);
    if (level.number < PrivilegeNumber.callback || level.number > PrivilegeNumber.oem) {
      throw new CompletionError(CompletionCode.invalidField, `privilege level ${level.number}`);
    }
    const { lan, users } = context.bmc;
    const { md5Levels } = lan.configuration;
    const asked = levelOf(level.number);
    return {
      channel: number,
      authTypes: {
        v20Data: channel.v20Data,
        oem: false,
        password: false,
        md5: context.lan.ipmi15 && asked !== undefined && md5Levels.includes(asked),
        md2: false,
        none: false,
      },
      status: {
        kg: channel.v20Data && lan.kg !== undefined,
        perMessageAuthDisabled: !lan.access.perMessageAuthentication,
        userLevelAuthDisabled: !lan.access.userLevelAuthentication,
        namedUsers: users.some(canLogIn),
        nullUserNames: false,
        anonymous: false,
      },
      extended: { v20: channel.v20Data, v15: channel.v20Data && context.lan.ipmi15 },
      oemId: 0,
      oemData: 0,
    };
  },
});

/** Records go out in pieces of this many bytes; a shorter piece, also an empty one, is the last. */
const cipherSuitePiece = 16;

export const getChannelCipherSuites = command({
  name: 'Get Channel Cipher Suites',
  netFn: NetFn.app,
  cmd: 0x54,
  privilege: 'none',
  spec: 'IPMI 2.0 §22.15',
  request: struct({
    channel: channelByte,
    payload: bits8(['_reserved', 2], ['type', 6]),
    list: bits8(['suites', 1], ['_reserved', 1], ['index', 6]),
  }),
  response: struct({ channel: u8, records: rest }),
  handle({ channel, payload, list }, context) {
    const number = resolveChannel(channel.channel, context);
    if (payload.type > 1) throw new CompletionError(CompletionCode.invalidField, `payload ${payload.type}`);
    const { lan } = context.bmc;
    const suites = context.lan.cipherSuites.filter((id) => lan.suiteLimit(id) !== 'no-access');
    const records = Uint8Array.from(list.suites ? suiteRecords(suites) : algorithmList(suites));
    const start = list.index * cipherSuitePiece;
    return { channel: number, records: records.subarray(start, start + cipherSuitePiece) };
  },
});

const standardSuite = 0xc0;
const integrityTag = 0x40;
const confidentialityTag = 0x80;

/** IPMI 2.0 Table 22-18. All three algorithms of a suite are there, also where one is "none". */
function suiteRecords(ids: readonly number[]): number[] {
  return ids.flatMap((id) => [standardSuite, id, ...algorithmsOf(id)]);
}

/** Each algorithm once, by kind. */
function algorithmList(ids: readonly number[]): number[] {
  return [...new Set(ids.flatMap(algorithmsOf))].sort((a, b) => a - b);
}

function algorithmsOf(id: number): [number, number, number] {
  const suite = cipherSuite(id);
  return [
    AuthAlgorithm[suite.auth],
    integrityTag | IntegrityAlgorithm[suite.integrity],
    confidentialityTag | ConfidentialityAlgorithm[suite.confidentiality],
  ];
}

const MediumType = { ipmb: 0x01, ieee8023: 0x04, systemInterface: 0x0c } as const;
const ProtocolType = { ipmb: 0x01, kcs: 0x05 } as const;
const SessionSupport = { sessionLess: 0, single: 1, multi: 2, either: 3 } as const;
/** The enterprise number of the IPMI forum, whose protocol the channel speaks. */
const ipmiForum = 7154;

export const getChannelInfo = command({
  name: 'Get Channel Info',
  netFn: NetFn.app,
  cmd: 0x42,
  privilege: 'user',
  spec: 'IPMI 2.0 §22.24',
  request: channelByte,
  response: struct({
    channel: u8,
    medium: named(MediumType),
    protocol: named(ProtocolType),
    sessions: bits8(['support', 2, SessionSupport], ['active', 6]),
    vendorId: u24le,
    auxiliary: u16le,
  }),
  handle({ channel }, context) {
    // Linux bridges to channel 0 only when it is told that this is an IPMB.
    if (channel === Channel.ipmb) return ipmbInfo;
    const number = anyChannel(channel, context);
    if (number === Channel.systemInterface) return systemInterfaceInfo;
    const active = Math.min(context.lan.sessions().length, 0x3f);
    return {
      channel: number,
      medium: 'ieee8023',
      protocol: 'ipmb',
      sessions: { support: 'multi', active },
      vendorId: ipmiForum,
      auxiliary: 0,
    };
  },
});

/** Where Send Message leads; nobody comes in from there. */
const ipmbInfo = {
  channel: Channel.ipmb,
  medium: 'ipmb',
  protocol: 'ipmb',
  sessions: { support: 'sessionLess', active: 0 },
  vendorId: ipmiForum,
  auxiliary: 0,
} as const;

const systemInterfaceInfo = {
  channel: Channel.systemInterface,
  medium: 'systemInterface',
  protocol: 'kcs',
  sessions: { support: 'sessionLess', active: 0 },
  vendorId: ipmiForum,
  /** No interrupt of messages or events goes by a line of its own (FFh). */
  auxiliary: 0xffff,
} as const;

const AccessKind = { nonVolatile: 1, volatile: 2 } as const;
const AccessChange = { none: 0, nonVolatile: 1, volatile: 2 } as const;
const AccessMode = { disabled: 0, preBoot: 1, always: 2, shared: 3 } as const;

/** Completion codes of Set Channel Access. IPMI 2.0 Table 22-25. */
const AccessRefusal = { notHere: 0x82, modeUnsupported: 0x83 } as const;

/** @throws {CompletionError} 82h for the system interface, which is always open */
function checkSettable(channel: number, context: CommandContext): void {
  if (anyChannel(channel, context) === Channel.systemInterface) {
    throw new CompletionError(AccessRefusal.notHere, 'the system interface has no access settings');
  }
}

/** Non-volatile settings are in force from the next start of the BMC on, volatile ones until then. */
export const setChannelAccess = command({
  name: 'Set Channel Access',
  netFn: NetFn.app,
  cmd: 0x40,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §22.22',
  request: struct({
    channel: channelByte,
    access: bits8(
      ['change', 2, AccessChange],
      ['alertingDisabled', 1],
      ['perMessageAuthDisabled', 1],
      ['userLevelAuthDisabled', 1],
      ['mode', 3, AccessMode],
    ),
    limit: bits8(['change', 2, AccessChange], ['_reserved', 2], ['level', 4]),
  }),
  response: empty,
  handle({ channel, access, limit }, context) {
    checkSettable(channel.channel, context);
    const { bmc, actor } = context;
    const { lan } = bmc;
    let [kept, inForce] = [lan.configuration.access, lan.access];
    if (access.change !== 'none') {
      const { mode } = access;
      if (mode === 'preBoot' || mode === 'shared') {
        throw new CompletionError(AccessRefusal.modeUnsupported, `access mode ${mode}`);
      }
      const settings = {
        mode,
        alerting: !access.alertingDisabled,
        perMessageAuthentication: !access.perMessageAuthDisabled,
        userLevelAuthentication: !access.userLevelAuthDisabled,
      };
      if (access.change === 'nonVolatile') kept = { ...kept, ...settings };
      else inForce = { ...inForce, ...settings };
    }
    if (limit.change !== 'none') {
      const level = levelOf(limit.level);
      if (!level) throw new CompletionError(CompletionCode.invalidField, `privilege limit ${limit.level}`);
      if (limit.change === 'nonVolatile') kept = { ...kept, limit: level };
      else inForce = { ...inForce, limit: level };
    }
    lan.update({ access: kept }, actor);
    lan.setAccess(inForce, actor);
    return {};
  },
});

export const getChannelAccess = command({
  name: 'Get Channel Access',
  netFn: NetFn.app,
  cmd: 0x41,
  privilege: 'user',
  spec: 'IPMI 2.0 §22.23',
  request: struct({ channel: channelByte, which: bits8(['kind', 2, AccessKind], ['_reserved', 6]) }),
  response: struct({
    access: bits8(
      ['_reserved', 2],
      ['alertingDisabled', 1],
      ['perMessageAuthDisabled', 1],
      ['userLevelAuthDisabled', 1],
      ['mode', 3, AccessMode],
    ),
    limit: bits8(['_reserved', 4], ['level', 4]),
  }),
  handle({ channel, which }, context) {
    checkSettable(channel.channel, context);
    const { lan } = context.bmc;
    const access = which.kind === 'volatile' ? lan.access : lan.configuration.access;
    return {
      access: {
        alertingDisabled: !access.alerting,
        perMessageAuthDisabled: !access.perMessageAuthentication,
        userLevelAuthDisabled: !access.userLevelAuthentication,
        mode: access.mode,
      },
      limit: { level: PrivilegeNumber[access.limit] },
    };
  },
});

const KeyOperation = { read: 0, set: 1, lock: 2 } as const;
const KeyId = { kr: 0, kg: 1 } as const;
const KeyLock = { notLockable: 0, locked: 1, unlocked: 2 } as const;
/** Completion codes of Set Channel Security Keys. IPMI 2.0 Table 22-29. */
const KeyRefusal = { locked: 0x80, tooFewBytes: 0x81, tooManyBytes: 0x82, krUnused: 0x84 } as const;
const keyBytes = 20;

/** The key K_R is not used: a session's keys come from the user's password or the BMC key K_G. */
export const setChannelSecurityKeys = command({
  name: 'Set Channel Security Keys',
  netFn: NetFn.app,
  cmd: 0x56,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §22.25',
  request: struct({
    channel: channelByte,
    operation: bits8(['_reserved', 6], ['code', 2, KeyOperation]),
    key: bits8(['_reserved', 4], ['id', 4, KeyId]),
    value: rest,
  }),
  response: struct({ lock: bits8(['_reserved', 6], ['status', 2, KeyLock]), value: rest }),
  handle({ channel, operation, key, value }, context) {
    resolveChannel(channel.channel, context);
    const { lan } = context.bmc;
    if (key.id === 'kr') throw new CompletionError(KeyRefusal.krUnused, 'K_R is not used');
    const locked = () => ({
      status: lan.configuration.kgLocked ? ('locked' as const) : ('unlocked' as const),
    });
    const silent = { value: new Uint8Array() };
    if (operation.code === 'lock') {
      lan.update({ kgLocked: true }, context.actor);
      return { lock: locked(), ...silent };
    }
    if (lan.configuration.kgLocked) {
      if (operation.code === 'read') return { lock: locked(), ...silent };
      throw new CompletionError(KeyRefusal.locked, 'the BMC key is locked');
    }
    if (operation.code === 'read') {
      const shown = new Uint8Array(keyBytes);
      shown.set(lan.kg ?? []);
      return { lock: locked(), value: shown };
    }
    if (value.length !== keyBytes) {
      const code = value.length < keyBytes ? KeyRefusal.tooFewBytes : KeyRefusal.tooManyBytes;
      throw new CompletionError(code, `a key has ${keyBytes} bytes, not ${value.length}`);
    }
    // All zeros turn two-key logins off.
    const used = value.subarray(0, value.findLastIndex((byte) => byte !== 0) + 1);
    lan.update({ kgHex: toHex(used) }, context.actor);
    return { lock: locked(), ...silent };
  },
});

export const channelCommands = [
  getChannelAuthenticationCapabilities,
  getChannelCipherSuites,
  getChannelInfo,
  setChannelAccess,
  getChannelAccess,
  setChannelSecurityKeys,
];
