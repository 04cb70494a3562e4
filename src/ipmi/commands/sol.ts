/**
 * Commands about the settings of Serial-over-LAN. IPMI 2.0 §26.2 and §26.3, Table 26-5. SOL Activating (20h) is
 * a message of the BMC to software on the serial port, which this BMC never sends.
 */
import { BmcError } from '../../bmc/errors.ts';
import type { SolSettings } from '../../bmc/sol-settings.ts';
import { DecodeError } from '../../lib/bytes.ts';
import { bits8, type Codec, decode, empty, encode, rest, struct, u8, u16le } from '../../lib/codec.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { PrivilegeNumber } from '../message/privilege.ts';
import { resolveChannel } from './channel.ts';
import { Channel, type CommandContext, command } from './command.ts';

/** Completion codes of both commands. IPMI 2.0 Tables 26-3 and 26-4. */
const SolParameterRefusal = { unsupported: 0x80, setInProgress: 0x81, readOnly: 0x82 } as const;

/** Parameter revision: 1.1, oldest compatible 1. */
const parameterRevision = 0x11;

const SetInProgress = { complete: 0, inProgress: 1, commit: 2 } as const;
const BitRate = { serial: 0, '9.6': 6, '19.2': 7, '38.4': 8, '57.6': 9, '115.2': 10 } as const;
const SolPrivilege = {
  user: PrivilegeNumber.user,
  operator: PrivilegeNumber.operator,
  administrator: PrivilegeNumber.administrator,
} as const;

const accumulateUnitMs = 5;
const retryUnitMs = 10;

/** One parameter: how it is read, and written unless it is read-only. */
interface SolParameter {
  read(settings: SolSettings, context: CommandContext): Uint8Array;
  write?(settings: SolSettings, data: Uint8Array, context: CommandContext): void;
}

function parameter<T>(
  codec: Codec<T>,
  read: (settings: SolSettings, context: CommandContext) => T,
  write?: (settings: SolSettings, value: T, context: CommandContext) => void,
): SolParameter {
  const encoded: SolParameter = { read: (settings, context) => encode(codec, read(settings, context)) };
  if (!write) return encoded;
  return {
    ...encoded,
    write: (settings, data, context) => write(settings, decode(codec, data, 'SOL parameter'), context),
  };
}

/** Who sets from the system interface, where there are no sessions. */
const host = { open: true };

const solParameters: Readonly<Record<number, SolParameter>> = {
  0: parameter(
    bits8(['_reserved', 6], ['state', 2, SetInProgress]),
    ({ setInProgress }) => ({ state: setInProgress ? 'inProgress' : 'complete' }),
    (settings, { state }, { session }) => {
      // Each parameter is in force as soon as it is written: there is nothing to commit.
      if (state !== 'inProgress') {
        settings.completeSet();
        return;
      }
      try {
        settings.beginSet(session ?? host);
      } catch (error) {
        if (!(error instanceof BmcError && error.kind === 'busy')) throw error;
        throw new CompletionError(SolParameterRefusal.setInProgress, error.message);
      }
    },
  ),
  1: parameter(
    bits8(['_reserved', 7], ['enabled', 1]),
    ({ configuration: { enabled } }) => ({ enabled }),
    (settings, { enabled }) => settings.update({ enabled }),
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
    (settings, value) => settings.update(value),
  ),
  3: parameter(
    struct({ interval: u8, threshold: u8 }),
    ({ configuration: { accumulateMs, sendThreshold } }) => ({
      interval: accumulateMs / accumulateUnitMs,
      threshold: sendThreshold,
    }),
    (settings, { interval, threshold }) =>
      settings.update({ accumulateMs: interval * accumulateUnitMs, sendThreshold: threshold }),
  ),
  4: parameter(
    struct({ retry: bits8(['_reserved', 5], ['count', 3]), interval: u8 }),
    ({ configuration: { retryCount, retryIntervalMs } }) => ({
      retry: { count: retryCount },
      interval: retryIntervalMs / retryUnitMs,
    }),
    (settings, { retry, interval }) =>
      settings.update({ retryCount: retry.count, retryIntervalMs: interval * retryUnitMs }),
  ),
  5: parameter(
    bits8(['_reserved', 4], ['rate', 4, BitRate]),
    ({ configuration: { bitRate } }) => ({ rate: bitRate }),
    (settings, { rate }) => settings.update({ bitRate: rate }),
  ),
  6: parameter(
    bits8(['_reserved', 4], ['rate', 4, BitRate]),
    ({ volatileBitRate }) => ({ rate: volatileBitRate }),
    (settings, { rate }) => {
      settings.volatileBitRate = rate;
    },
  ),
  7: parameter(bits8(['_reserved', 4], ['channel', 4]), () => ({ channel: Channel.lan })),
  8: parameter(u16le, (_, { lan }) => lan.port),
};

function solParameter(selector: number): SolParameter {
  const found = solParameters[selector];
  if (!found) throw new CompletionError(SolParameterRefusal.unsupported, `no SOL parameter ${selector}`);
  return found;
}

export const setSolConfigurationParameters = command({
  name: 'Set SOL Configuration Parameters',
  netFn: NetFn.transport,
  cmd: 0x21,
  privilege: 'administrator',
  spec: 'IPMI 2.0 §26.2',
  request: struct({ channel: bits8(['_reserved', 4], ['number', 4]), selector: u8, data: rest }),
  response: empty,
  handle({ channel, selector, data }, context) {
    resolveChannel(channel.number, context);
    const { write } = solParameter(selector);
    if (!write) throw new CompletionError(SolParameterRefusal.readOnly, `SOL parameter ${selector}`);
    try {
      write(context.bmc.sol, data, context);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const { requestLengthInvalid, invalidField } = CompletionCode;
      throw new CompletionError(
        error.fault === 'length' ? requestLengthInvalid : invalidField,
        error.message,
      );
    }
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
  request: struct({
    channel: bits8(['revisionOnly', 1], ['_reserved', 3], ['number', 4]),
    selector: u8,
    setSelector: u8,
    blockSelector: u8,
  }),
  response: struct({ revision: u8, data: rest }),
  handle({ channel, selector }, context) {
    resolveChannel(channel.number, context);
    const found = solParameter(selector);
    const data = channel.revisionOnly ? new Uint8Array() : found.read(context.bmc.sol, context);
    return { revision: parameterRevision, data };
  },
});

export const solCommands = [setSolConfigurationParameters, getSolConfigurationParameters];
