/**
 * Messages between channels, and what the host's software is told of. IPMI 2.0 §22.1 to §22.9. Most of it belongs to
 * the system interface alone (Appendix G).
 */
import { DecodeError } from '../../lib/bytes.ts';
import { bits8, bytes, empty, reserved, rest, struct, u8 } from '../../lib/codec.ts';
import { sendOnIpmb } from '../bridge.ts';
import type { HostMessages } from '../host-messages.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { bmcAddress, decodeMessage, encodeResponse, type IpmiRequest } from '../message/message.ts';
import { NetFn } from '../message/net-fn.ts';
import { PayloadType } from '../payload.ts';
import { Channel, command } from './command.ts';

/** Table 22-2. The OEM bits have no meaning here. */
const globalEnables = bits8(
  ['oem', 3],
  ['_reserved', 1],
  ['eventLogging', 1],
  ['eventMessageBuffer', 1],
  ['eventBufferInterrupt', 1],
  ['receiveQueueInterrupt', 1],
);

export const setBmcGlobalEnables = command({
  name: 'Set BMC Global Enables',
  netFn: NetFn.app,
  cmd: 0x2e,
  privilege: 'administrator',
  systemInterfaceOnly: true,
  spec: 'IPMI 2.0 §22.1',
  request: globalEnables,
  response: empty,
  handle({ oem, ...enables }, { state: { hostMessages }, actor }) {
    if (oem !== 0) throw new CompletionError(CompletionCode.invalidField, 'OEM enables are not known here');
    hostMessages.setEnables(enables, actor);
    return {};
  },
});

export const getBmcGlobalEnables = command({
  name: 'Get BMC Global Enables',
  netFn: NetFn.app,
  cmd: 0x2f,
  privilege: 'user',
  spec: 'IPMI 2.0 §22.2',
  request: empty,
  response: globalEnables,
  handle: (_, { state: { hostMessages } }) => ({ oem: 0, ...hostMessages.enables }),
});

/** Table 22-4 and 22-5. */
const messageFlags = bits8(
  ['_oem', 3],
  ['_reserved', 1],
  ['watchdog', 1],
  ['_reserved2', 1],
  ['event', 1],
  ['message', 1],
);

export const clearMessageFlags = command({
  name: 'Clear Message Flags',
  netFn: NetFn.app,
  cmd: 0x30,
  privilege: 'administrator',
  systemInterfaceOnly: true,
  spec: 'IPMI 2.0 §22.3',
  request: messageFlags,
  response: empty,
  handle(flags, { state: { hostMessages } }) {
    hostMessages.clear(flags);
    return {};
  },
});

export const getMessageFlags = command({
  name: 'Get Message Flags',
  netFn: NetFn.app,
  cmd: 0x31,
  privilege: 'administrator',
  systemInterfaceOnly: true,
  spec: 'IPMI 2.0 §22.4',
  request: empty,
  response: messageFlags,
  handle: (_, { state: { hostMessages } }) => hostMessages.flags,
});

/** Messages for the host come from the IPMB only, which is always received. Table 22-6. */
export const enableMessageChannelReceive = command({
  name: 'Enable Message Channel Receive',
  netFn: NetFn.app,
  cmd: 0x32,
  privilege: 'administrator',
  systemInterfaceOnly: true,
  spec: 'IPMI 2.0 §22.5',
  request: struct({
    channel: bits8(['_reserved', 4], ['number', 4]),
    change: bits8(['_reserved', 6], ['state', 2, { disable: 0, enable: 1, ask: 2 }]),
  }),
  response: struct({
    channel: bits8(['_reserved', 4], ['number', 4]),
    state: bits8(['_reserved', 7], ['on', 1]),
  }),
  handle({ channel: { number }, change }) {
    if (number !== Channel.ipmb || change.state === 'disable') {
      throw new CompletionError(CompletionCode.invalidField, `receiving from channel ${number} is as it is`);
    }
    return { channel: { number }, state: { on: true } };
  },
});

/** Get Message and Read Event Message Buffer: there is nothing. */
const nothingThere = 0x80;

export const getMessage = command({
  name: 'Get Message',
  netFn: NetFn.app,
  cmd: 0x33,
  privilege: 'administrator',
  systemInterfaceOnly: true,
  spec: 'IPMI 2.0 §22.6',
  request: empty,
  response: struct({ from: bits8(['_privilege', 4], ['channel', 4]), message: rest }),
  handle(_, { state: { hostMessages } }) {
    const message = hostMessages.take();
    if (!message) throw new CompletionError(nothingThere, 'no message waits');
    return { from: { channel: message.channel }, message: message.bytes };
  },
});

export const readEventMessageBuffer = command({
  name: 'Read Event Message Buffer',
  netFn: NetFn.app,
  cmd: 0x35,
  privilege: 'administrator',
  systemInterfaceOnly: true,
  spec: 'IPMI 2.0 §22.8',
  request: empty,
  response: struct({ event: bytes(16) }),
  handle(_, { state: { hostMessages } }) {
    const event = hostMessages.takeEvent();
    if (!event) throw new CompletionError(nothingThere, 'no event waits');
    return { event };
  },
});

/** Table 22-10, completion codes of Send Message. */
const notAcknowledged = 0x83;
/** LUN 2 of the BMC is the host's receive queue. IPMI 2.0 §7.3. */
const hostLun = 2;

/** A remote console's address. IPMI 2.0 Table 5-4. */
const remoteConsoleAddress = 0x81;

/**
 * Sends on the IPMB. The answer to a tracked request of a session follows the reply as a message of its own, which is
 * what FreeIPMI 1.6 needs and ipmitool 1.8.19 takes; an answer to the BMC's LUN 2 waits for the host's Get Message.
 */
export const sendMessage = command({
  name: 'Send Message',
  netFn: NetFn.app,
  cmd: 0x34,
  privilege: 'user',
  spec: 'IPMI 2.0 §22.7',
  request: struct({
    how: bits8(
      ['tracking', 2, { none: 0, track: 1, raw: 2 }],
      ['encrypted', 1],
      ['authenticated', 1],
      ['channel', 4],
    ),
    message: rest,
  }),
  response: empty,
  async handle({ how, message }, context) {
    if (how.channel !== Channel.ipmb || how.tracking === 'raw') {
      throw new CompletionError(
        CompletionCode.invalidField,
        `cannot send to channel ${how.channel} like that`,
      );
    }
    const request = onIpmb(message);
    const reply = await sendOnIpmb(request, context);
    if (!reply) throw new CompletionError(notAcknowledged, `nobody at ${request.rsAddr} on the IPMB`);
    const { session, bmc, state } = context;
    if (how.tracking === 'track' && session) {
      const response = encodeResponse({ ...request, rqAddr: remoteConsoleAddress }, reply);
      bmc.clock.after(0, () => session.sendProtected(PayloadType.ipmi, response));
    } else if (request.rqLun === hostLun) {
      toHost(state.hostMessages, encodeResponse(request, reply));
    }
    return {};
  },
});

function onIpmb(message: Uint8Array): IpmiRequest {
  try {
    return decodeMessage(message);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const { requestLengthInvalid, invalidField } = CompletionCode;
    throw new CompletionError(error.fault === 'length' ? requestLengthInvalid : invalidField, error.message);
  }
}

/** The BMC's address in front is left out: Get Message's reader knows it. */
function toHost(hostMessages: HostMessages, response: Uint8Array): void {
  if (response[0] !== bmcAddress) return;
  hostMessages.post({ channel: Channel.ipmb, bytes: response.slice(1) });
}

/** Table 22-10. This server's is a KCS. */
const InterfaceType = { ssif: 0, kcs: 1, smic: 2 } as const;
/** Version 1 of KCS. */
const kcsVersion = 0;
/** The most that the byte can say. QEMU takes 300 bytes from the guest, NetFn and command included. */
const kcsInputBytes = 0xff;

export const getSystemInterfaceCapabilities = command({
  name: 'Get System Interface Capabilities',
  netFn: NetFn.app,
  cmd: 0x57,
  privilege: 'user',
  spec: 'IPMI 2.0 §22.9',
  request: bits8(['_reserved', 4], ['type', 4, InterfaceType]),
  response: struct({
    _reserved: reserved(1),
    interface: bits8(['_reserved', 5], ['version', 3]),
    inputBytes: u8,
  }),
  handle({ type }) {
    if (type !== 'kcs') throw new CompletionError(CompletionCode.invalidField, `no system interface ${type}`);
    return { interface: { version: kcsVersion }, inputBytes: kcsInputBytes };
  },
});

export const messagingCommands = [
  setBmcGlobalEnables,
  getBmcGlobalEnables,
  clearMessageFlags,
  getMessageFlags,
  enableMessageChannelReceive,
  getMessage,
  readEventMessageBuffer,
  sendMessage,
  getSystemInterfaceCapabilities,
];
