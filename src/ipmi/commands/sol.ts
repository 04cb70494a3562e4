/**
 * Commands about the settings of Serial-over-LAN. IPMI 2.0 §26.2 and §26.3, Table 26-5. SOL Activating (20h) is
 * a message of the BMC to software on the serial port, which this BMC never sends.
 */
import { bits8, empty, struct, u8, u16le } from '../../lib/codec.ts';
import { NetFn } from '../message/net-fn.ts';
import { PrivilegeNumber } from '../message/privilege.ts';
import { resolveChannel } from './channel.ts';
import { Channel, command } from './command.ts';
import {
  GetChannelParameter,
  ParameterReply,
  type ParameterTable,
  parameterReply,
  parametersOf,
  readParameter,
  SetChannelParameter,
  setInProgressParameter,
  writeParameter,
} from './configuration-parameters.ts';

const BitRate = { serial: 0, '9.6': 6, '19.2': 7, '38.4': 8, '57.6': 9, '115.2': 10 } as const;
const SolPrivilege = {
  user: PrivilegeNumber.user,
  operator: PrivilegeNumber.operator,
  administrator: PrivilegeNumber.administrator,
} as const;

const accumulateUnitMs = 5;
const retryUnitMs = 10;

const parameter = parametersOf(({ bmc }) => bmc.sol);

const solParameters: ParameterTable = {
  0: setInProgressParameter(({ bmc }) => bmc.sol.setInProgress),
  1: parameter(
    bits8(['_reserved', 7], ['enabled', 1]),
    ({ configuration: { enabled } }) => ({ enabled }),
    (settings, { enabled }, { actor }) => settings.update({ enabled }, actor),
  ),
  2: parameter(
    bits8(
      ['forceEncryption', 1],
      ['forceAuthentication', 1],
      ['_reserved', 2],
      ['privilege', 4, SolPrivilege],
    ),
    ({ configuration: { forceEncryption, forceAuthentication, privilege } }) => ({
      forceEncryption,
      forceAuthentication,
      privilege: privilege === 'callback' ? 'user' : privilege,
    }),
    (settings, value, { actor }) => settings.update(value, actor),
  ),
  3: parameter(
    struct({ interval: u8, threshold: u8 }),
    ({ configuration: { accumulateMs, sendThreshold } }) => ({
      interval: accumulateMs / accumulateUnitMs,
      threshold: sendThreshold,
    }),
    (settings, { interval, threshold }, { actor }) =>
      settings.update({ accumulateMs: interval * accumulateUnitMs, sendThreshold: threshold }, actor),
  ),
  4: parameter(
    struct({ retry: bits8(['_reserved', 5], ['count', 3]), interval: u8 }),
    ({ configuration: { retryCount, retryIntervalMs } }) => ({
      retry: { count: retryCount },
      interval: retryIntervalMs / retryUnitMs,
    }),
    (settings, { retry, interval }, { actor }) =>
      settings.update({ retryCount: retry.count, retryIntervalMs: interval * retryUnitMs }, actor),
  ),
  5: parameter(
    bits8(['_reserved', 4], ['rate', 4, BitRate]),
    ({ configuration: { bitRate } }) => ({ rate: bitRate }),
    (settings, { rate }, { actor }) => settings.update({ bitRate: rate }, actor),
  ),
  6: parameter(
    bits8(['_reserved', 4], ['rate', 4, BitRate]),
    ({ volatileBitRate }) => ({ rate: volatileBitRate }),
    (settings, { rate }, { actor }) => {
      settings.setVolatileBitRate(rate, actor);
    },
  ),
  7: parameter(bits8(['_reserved', 4], ['channel', 4]), () => ({ channel: Channel.lan })),
  8: parameter(u16le, (_settings, _which, { lan }) => lan.port),
};

export const setSolConfigurationParameters = command({
  name: 'Set SOL Configuration Parameters',
  netFn: NetFn.transport,
  cmd: 0x21,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §26.2',
  request: SetChannelParameter,
  response: empty,
  handle({ channel, selector, data }, context) {
    resolveChannel(channel.number, context);
    writeParameter(solParameters, selector, data, context);
    return {};
  },
});

export const getSolConfigurationParameters = command({
  name: 'Get SOL Configuration Parameters',
  netFn: NetFn.transport,
  cmd: 0x22,
  privilege: 'user',
  spec: 'IPMI 2.0 §26.3',
  /** No parameter has sets or blocks, so their selectors mean nothing. */
  request: GetChannelParameter,
  response: ParameterReply,
  handle({ channel, ...asked }, context) {
    resolveChannel(channel.number, context);
    const { revisionOnly } = channel;
    return parameterReply(readParameter(solParameters, { ...asked, revisionOnly }, context));
  },
});

export const solCommands = [setSolConfigurationParameters, getSolConfigurationParameters];
