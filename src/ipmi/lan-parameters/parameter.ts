/**
 * How a LAN configuration parameter is made: of a setting of the BMC, or of a fact about the host's network interface.
 * Facts are told as they are. Writing back what was read always succeeds; another value is refused by 82h, unless the
 * configuration hands the interface to the BMC and the parameter is one that can be changed.
 */
import { BmcError } from '../../bmc/errors.ts';
import type { LanConfiguration } from '../../bmc/lan-settings.ts';
import type { NetworkSettings, NetworkState } from '../../bmc/management-network.ts';
import { ByteReader } from '../../lib/bytes.ts';
import { type Codec, decode, encode } from '../../lib/codec.ts';
import type { CommandContext } from '../commands/command.ts';
import { type Parameter, ParameterRefusal, parametersOf } from '../commands/configuration-parameters.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';

/** The host's network is asked, which takes time. */
export type LanParameter = Parameter<Uint8Array | Promise<Uint8Array>, Promise<void> | undefined>;

/** A parameter that is kept in the settings, or read-only without `write`. */
export const setting = parametersOf((context) => context);

/** Changes the BMC's settings in the name of whoever asks. */
export function change(context: CommandContext, settings: Partial<LanConfiguration>): void {
  context.bmc.lan.update(settings, context.actor);
}

export const noAddress = '0.0.0.0';
export const noAddress6 = '::';
export const noMac = '00:00:00:00:00:00';
const noNetwork: NetworkState = { v6: [], mac: noMac, hopLimit4: 0, hopLimit6: 0 };

interface FactOptions<T> {
  /** Begins with a set selector. */
  readonly hasSets?: boolean;
  /** What a written value means for the interface. Absent where it cannot be changed. */
  readonly wish?: (value: T, now: NetworkSettings) => Partial<NetworkSettings>;
  readonly family?: 'v4' | 'v6';
}

/** A parameter that tells how the host's network is. */
export function fact<T>(
  codec: Codec<T>,
  read: (network: NetworkState, set: number, context: CommandContext) => T,
  { hasSets = false, wish, family = 'v4' }: FactOptions<T> = {},
): LanParameter {
  const asItIs = async (context: CommandContext, set: number) =>
    encode(codec, read((await context.bmc.lan.network.state()) ?? noNetwork, set, context));
  return {
    read: (context, { set }) => asItIs(context, set),
    async write(context, data) {
      const value = decode(codec, data, 'LAN parameter');
      const present = await asItIs(context, hasSets ? new ByteReader(data).u8() : 0);
      if (Buffer.compare(present, data) === 0) return;
      const { network } = context.bmc.lan;
      if (!wish || !network.changeable[family]) {
        throw new CompletionError(ParameterRefusal.readOnly, "the host's network is not changed over IPMI");
      }
      try {
        await network.change((now) => wish(value, now), context.actor);
      } catch (error) {
        if (!(error instanceof BmcError && error.kind === 'bad-argument')) throw error;
        // Not CCh: ipmitool 1.8.19 takes that for "not yet" and reads the parameter again and again for minutes.
        throw new CompletionError(CompletionCode.parameterOutOfRange, error.message);
      }
    },
  };
}
