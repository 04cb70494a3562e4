/** Commands about payloads other than IPMI messages, of which there is one: Serial-over-LAN. IPMI 2.0 §24. */
import { bits8, bytes, empty, reserved, struct, u8, u16le, u32le } from '../../lib/codec.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { PayloadType } from '../payload.ts';
import type { Session } from '../session/session.ts';
import { maxSolPayloadBytes } from '../sol/packet.ts';
import { EncryptionRefusal, solCapacity } from '../sol/sol-service.ts';
import { resolveChannel } from './channel.ts';
import { type CommandContext, command } from './command.ts';
import { userOf } from './user.ts';

const typeByte = bits8(['_reserved', 2], ['number', 6]);
const instanceByte = bits8(['_reserved', 4], ['number', 4]);
const channelByte = bits8(['_reserved', 4], ['number', 4]);

/**
 * @throws {CompletionError} D5h where there is no session that can carry a payload: on the system interface and in
 *   IPMI 1.5 sessions
 */
function ownSession({ session }: CommandContext): Session {
  if (session && session.protocol !== 'v15') return session;
  throw new CompletionError(CompletionCode.notSupportedInState, 'payloads want an RMCP+ session');
}

/** @throws {CompletionError} CCh for any payload but SOL: no other has instances */
function mustBeSol(type: number): void {
  if (type === PayloadType.sol) return;
  throw new CompletionError(CompletionCode.invalidField, `payload type ${type} has no instances`);
}

/** The least level is a setting of SOL's own, which the service checks. */
export const activatePayload = command({
  name: 'Activate Payload',
  netFn: NetFn.app,
  cmd: 0x48,
  privilege: 'user',
  spec: 'IPMI 2.0 §24.1',
  /**
   * The start-up handshake bit would hold output until the console raises CTS. ipmitool 1.8.19 and FreeIPMI 1.6
   * set it and then wait for output without ever raising CTS, so it is not obeyed. Alerts and test mode do not
   * exist here.
   */
  request: struct({
    type: typeByte,
    instance: instanceByte,
    auxiliary: bits8(
      ['encrypted', 1],
      ['authenticated', 1],
      ['_testMode', 1],
      ['_reserved', 1],
      ['_serialAlerts', 2],
      ['_startupHandshake', 1],
      ['_reserved2', 1],
    ),
    _auxiliary: reserved(3),
  }),
  response: struct({
    _auxiliary: reserved(4),
    inboundPayloadBytes: u16le,
    outboundPayloadBytes: u16le,
    port: u16le,
    vlan: u16le,
  }),
  handle({ type, instance, auxiliary }, context) {
    mustBeSol(type.number);
    const session = ownSession(context);
    context.lan.sol.activate(session, instance.number, auxiliary);
    return {
      inboundPayloadBytes: maxSolPayloadBytes,
      outboundPayloadBytes: maxSolPayloadBytes,
      port: session.localPort,
      vlan: noVlan,
    };
  },
});

const noVlan = 0xffff;

export const deactivatePayload = command({
  name: 'Deactivate Payload',
  netFn: NetFn.app,
  cmd: 0x49,
  privilege: 'user',
  spec: 'IPMI 2.0 §24.2',
  request: struct({ type: typeByte, instance: instanceByte, _auxiliary: reserved(4) }),
  response: empty,
  handle({ type, instance }, context) {
    mustBeSol(type.number);
    const session = ownSession(context);
    context.lan.sol.deactivate(session, instance.number);
    return {};
  },
});

/** Suspend keeps authentication. The initialization vector is new in every packet: there is none to regenerate. */
export const suspendResumePayloadEncryption = command({
  name: 'Suspend/Resume Payload Encryption',
  netFn: NetFn.app,
  cmd: 0x55,
  privilege: 'user',
  spec: 'IPMI 2.0 §24.3',
  request: struct({
    type: typeByte,
    instance: instanceByte,
    operation: bits8(['_reserved', 3], ['code', 5]),
  }),
  response: empty,
  handle({ type, instance, operation: { code } }, context) {
    if (type.number !== PayloadType.sol || code > 1) {
      throw new CompletionError(
        EncryptionRefusal.unsupported,
        `operation ${code} on payload type ${type.number}`,
      );
    }
    context.lan.sol.encrypt(ownSession(context), instance.number, code === 1);
    return {};
  },
});

export const getPayloadActivationStatus = command({
  name: 'Get Payload Activation Status',
  netFn: NetFn.app,
  cmd: 0x4a,
  privilege: 'user',
  spec: 'IPMI 2.0 §24.4',
  request: typeByte,
  response: struct({
    capacity: bits8(['_reserved', 4], ['instances', 4]),
    /** Bit 0 stands for instance 1. */
    active: u16le,
  }),
  handle({ number: type }, { lan }) {
    mustBeSol(type);
    const active = lan.sol.instances().reduce((bits, { instance }) => bits | (1 << (instance - 1)), 0);
    return { capacity: { instances: solCapacity }, active };
  },
});

export const getPayloadInstanceInfo = command({
  name: 'Get Payload Instance Info',
  netFn: NetFn.app,
  cmd: 0x4b,
  privilege: 'user',
  spec: 'IPMI 2.0 §24.5',
  request: struct({ type: typeByte, instance: instanceByte }),
  response: struct({
    /** 0 for an instance that is not active. */
    sessionId: u32le,
    /** The first serial port. */
    serialPort: u8,
    _reserved: reserved(7),
  }),
  handle({ type, instance: { number } }, { lan }) {
    mustBeSol(type.number);
    if (number < 1 || number > solCapacity) {
      throw new CompletionError(CompletionCode.invalidField, `SOL has instances 1 to ${solCapacity}`);
    }
    const active = lan.sol.instances().find(({ instance }) => instance === number);
    return { sessionId: active?.sessionId ?? 0, serialPort: 1 };
  },
});

const userByte = bits8(['_reserved', 2], ['id', 6]);
/** Bit 1 of the first byte is SOL; OEM payloads there are none. */
const payloadEnables = {
  standard: bits8(['_reserved', 6], ['sol', 1], ['_ipmi', 1]),
  _more: reserved(3),
} as const;

/** Only the payloads whose bits are set are enabled or disabled; IPMI messages always are (Set User Access). */
export const setUserPayloadAccess = command({
  name: 'Set User Payload Access',
  netFn: NetFn.app,
  cmd: 0x4c,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §24.6',
  request: struct({
    channel: channelByte,
    user: bits8(['operation', 2, { enable: 0, disable: 1 }], ['id', 6]),
    ...payloadEnables,
  }),
  response: empty,
  handle({ channel, user: { operation, id }, standard }, context) {
    resolveChannel(channel.number, context);
    userOf(id, context);
    if (standard.sol) context.bmc.users.update(id, { sol: operation === 'enable' }, context.actor);
    return {};
  },
});

export const getUserPayloadAccess = command({
  name: 'Get User Payload Access',
  netFn: NetFn.app,
  cmd: 0x4d,
  privilege: 'operator',
  spec: 'IPMI 2.0 §24.7',
  request: struct({ channel: channelByte, user: userByte }),
  response: struct(payloadEnables),
  handle({ channel, user: { id } }, context) {
    resolveChannel(channel.number, context);
    return { standard: { sol: userOf(id, context).sol } };
  },
});

export const getChannelPayloadSupport = command({
  name: 'Get Channel Payload Support',
  netFn: NetFn.app,
  cmd: 0x4e,
  privilege: 'user',
  spec: 'IPMI 2.0 §24.8',
  request: channelByte,
  /** One bit for each payload type from 0 to 2Fh, then two reserved bytes. */
  response: struct({ types: bytes(6), _reserved: reserved(2) }),
  handle({ number }, context) {
    resolveChannel(number, context);
    const types = new Uint8Array(6);
    for (const type of supportedTypes) types[type >> 3] = (types[type >> 3] as number) | (1 << (type & 7));
    return { types };
  },
});

const supportedTypes: readonly number[] = Object.values(PayloadType).filter(
  (type) => type !== PayloadType.oemExplicit,
);

export const getChannelPayloadVersion = command({
  name: 'Get Channel Payload Version',
  netFn: NetFn.app,
  cmd: 0x4f,
  privilege: 'user',
  spec: 'IPMI 2.0 §24.9',
  request: struct({ channel: channelByte, type: u8 }),
  response: struct({ version: bits8(['major', 4], ['minor', 4]) }),
  handle({ channel, type }, context) {
    resolveChannel(channel.number, context);
    if (!supportedTypes.includes(type)) {
      throw new CompletionError(noSuchPayload, `payload type ${type} is not there`);
    }
    return { version: { major: 1, minor: 0 } };
  },
});

/** Completion code of Get Channel Payload Version. IPMI 2.0 Table 24-11. */
const noSuchPayload = 0x80;

export const payloadCommands = [
  activatePayload,
  deactivatePayload,
  getPayloadActivationStatus,
  getPayloadInstanceInfo,
  setUserPayloadAccess,
  getUserPayloadAccess,
  getChannelPayloadSupport,
  getChannelPayloadVersion,
  suspendResumePayloadEncryption,
];
