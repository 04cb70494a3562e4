/**
 * Commands about the LAN channel's settings and counters. IPMI 2.0 §23. What the settings are: ../lan-parameters/.
 */
import { bits8, empty, struct, u16le } from '../../lib/codec.ts';
import { alertParameters } from '../lan-parameters/alerts.ts';
import { interfaceParameters } from '../lan-parameters/interface.ts';
import { ipv6Parameters } from '../lan-parameters/ipv6.ts';
import { loginParameters } from '../lan-parameters/logins.ts';
import type { LanParameter } from '../lan-parameters/parameter.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { resolveChannel } from './channel.ts';
import { command } from './command.ts';
import {
  GetChannelParameter,
  ParameterReply,
  type ParameterTable,
  parameterReply,
  readParameter,
  SetChannelParameter,
  setInProgressParameter,
  writeParameter,
} from './configuration-parameters.ts';

const lanParameters: ParameterTable<LanParameter> = {
  0: setInProgressParameter(({ bmc }) => bmc.lan.setInProgress),
  ...loginParameters,
  ...interfaceParameters,
  ...alertParameters,
  ...ipv6Parameters,
};

export const setLanConfigurationParameters = command({
  name: 'Set LAN Configuration Parameters',
  netFn: NetFn.transport,
  cmd: 0x01,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §23.1',
  request: SetChannelParameter,
  response: empty,
  handle({ channel, selector, data }, context) {
    resolveChannel(channel.number, context);
    return writeParameter(lanParameters, selector, data, context)?.then(() => ({})) ?? {};
  },
});

export const getLanConfigurationParameters = command({
  name: 'Get LAN Configuration Parameters',
  netFn: NetFn.transport,
  cmd: 0x02,
  privilege: 'operator',
  spec: 'IPMI 2.0 §23.2',
  request: GetChannelParameter,
  response: ParameterReply,
  handle({ channel, ...asked }, context) {
    resolveChannel(channel.number, context);
    const { revisionOnly } = channel;
    const data = readParameter(lanParameters, { ...asked, revisionOnly }, context);
    return data instanceof Promise ? data.then(parameterReply) : parameterReply(data);
  },
});

/** Bits of both the request and the response: which kind of ARP is meant. */
const ArpKinds = bits8(['_reserved', 6], ['responses', 1], ['gratuitous', 1]);

/** The host's kernel speaks ARP and cannot be told to be silent: asking is answered, suspending is refused. */
export const suspendBmcArps = command({
  name: 'Suspend BMC ARPs',
  netFn: NetFn.transport,
  cmd: 0x03,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §23.3',
  request: struct({ channel: bits8(['_reserved', 4], ['number', 4]), suspend: ArpKinds }),
  response: ArpKinds,
  handle({ channel, suspend }, context) {
    resolveChannel(channel.number, context);
    if (suspend.responses) {
      throw new CompletionError(CompletionCode.notSupportedInState, 'the host kernel answers ARP requests');
    }
    return { responses: true, gratuitous: false };
  },
});

/** Counters stay at their highest value. */
const counter = (value: number): number => Math.min(value, 0xffff);

/** What a UDP socket never sees, such as packets with a bad IP header, is told as 0. */
export const getIpUdpRmcpStatistics = command({
  name: 'Get IP/UDP/RMCP Statistics',
  netFn: NetFn.transport,
  cmd: 0x04,
  privilege: 'user',
  spec: 'IPMI 2.0 §23.4',
  request: struct({
    channel: bits8(['_reserved', 4], ['number', 4]),
    action: bits8(['_reserved', 7], ['clear', 1]),
  }),
  response: struct({
    ipReceived: u16le,
    ipHeaderErrors: u16le,
    ipAddressErrors: u16le,
    ipFragmentsReceived: u16le,
    ipSent: u16le,
    udpReceived: u16le,
    rmcpReceived: u16le,
    proxyReceived: u16le,
    proxyDropped: u16le,
  }),
  handle({ channel, action }, context) {
    resolveChannel(channel.number, context);
    const { received, sent, validRmcp } = context.lan.statistics();
    if (action.clear) context.lan.clearStatistics();
    return {
      ipReceived: counter(received),
      ipHeaderErrors: 0,
      ipAddressErrors: 0,
      ipFragmentsReceived: 0,
      ipSent: counter(sent),
      udpReceived: counter(received),
      rmcpReceived: counter(validRmcp),
      proxyReceived: 0,
      proxyDropped: 0,
    };
  },
});

export const lanCommands = [
  setLanConfigurationParameters,
  getLanConfigurationParameters,
  suspendBmcArps,
  getIpUdpRmcpStatistics,
];
