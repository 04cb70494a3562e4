/** Commands about channels, and about users as a channel sees them. IPMI 2.0 §22.13 to §22.29. */

import { maxUsers } from '../../bmc/users.ts';
import { bits8, named, rest, struct, text, u8, u16le, u24le } from '../../lib/codec.ts';
import {
  AuthAlgorithm,
  ConfidentialityAlgorithm,
  cipherSuite,
  IntegrityAlgorithm,
} from '../crypto/cipher-suites.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { PrivilegeNumber } from '../message/privilege.ts';
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

const channelByte = bits8(['_reserved', 4], ['channel', 4]);

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
    return {
      channel: number,
      authTypes: {
        v20Data: channel.v20Data,
        oem: false,
        password: false,
        md5: false,
        md2: false,
        none: false,
      },
      status: {
        kg: channel.v20Data && context.lan.twoKeyLogin === true,
        perMessageAuthDisabled: false,
        userLevelAuthDisabled: false,
        namedUsers: context.bmc.users.list().some((user) => user.enabled && user.name !== ''),
        nullUserNames: false,
        anonymous: false,
      },
      extended: { v20: channel.v20Data, v15: false },
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
    const suites = context.lan.cipherSuites;
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

const MediumType = { ieee8023: 0x04 } as const;
const ProtocolType = { ipmb: 0x01 } as const;
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
    const number = resolveChannel(channel, context);
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

const AccessKind = { nonVolatile: 1, volatile: 2 } as const;
const AccessMode = { disabled: 0, preBoot: 1, always: 2, shared: 3 } as const;

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
  handle({ channel }, context) {
    resolveChannel(channel.channel, context);
    return {
      access: {
        alertingDisabled: true,
        perMessageAuthDisabled: false,
        userLevelAuthDisabled: false,
        mode: 'always' as const,
      },
      limit: { level: PrivilegeNumber[context.lan.channelLimit] },
    };
  },
});

const userByte = bits8(['_reserved', 2], ['id', 6]);
const EnableStatus = { unspecified: 0, enabled: 1, disabled: 2 } as const;

/** @throws {CompletionError} CCh unless 1 to 16 */
function checkUserId(id: number): void {
  if (id < 1 || id > maxUsers) throw new CompletionError(CompletionCode.invalidField, `user ${id}`);
}

export const getUserAccess = command({
  name: 'Get User Access',
  netFn: NetFn.app,
  cmd: 0x44,
  privilege: 'operator',
  spec: 'IPMI 2.0 §22.27',
  request: struct({ channel: channelByte, user: userByte }),
  response: struct({
    slots: bits8(['_reserved', 2], ['count', 6]),
    enabled: bits8(['status', 2, EnableStatus], ['count', 6]),
    fixedNames: bits8(['_reserved', 2], ['count', 6]),
    access: bits8(
      ['_reserved', 1],
      ['callbackOnly', 1],
      ['linkAuthentication', 1],
      ['messaging', 1],
      ['limit', 4],
    ),
  }),
  handle({ channel, user: { id } }, context) {
    resolveChannel(channel.channel, context);
    checkUserId(id);
    const { users } = context.bmc;
    const user = users.get(id);
    return {
      slots: { count: maxUsers },
      enabled: {
        status: user?.enabled ? ('enabled' as const) : ('disabled' as const),
        count: users.list().filter((other) => other.enabled).length,
      },
      // The null user's, which is empty and stays so.
      fixedNames: { count: 1 },
      access: {
        callbackOnly: false,
        linkAuthentication: false,
        messaging: user !== undefined,
        limit: PrivilegeNumber[user?.limit ?? 'noAccess'],
      },
    };
  },
});

export const getUserName = command({
  name: 'Get User Name',
  netFn: NetFn.app,
  cmd: 0x46,
  privilege: 'operator',
  spec: 'IPMI 2.0 §22.29',
  request: userByte,
  response: struct({ name: text(16) }),
  handle({ id }, { bmc }) {
    checkUserId(id);
    return { name: bmc.users.get(id)?.name ?? '' };
  },
});

export const channelCommands = [
  getChannelAuthenticationCapabilities,
  getChannelCipherSuites,
  getChannelInfo,
  getChannelAccess,
  getUserAccess,
  getUserName,
];
