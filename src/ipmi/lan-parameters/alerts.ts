/** LAN configuration parameters about alerts: community and destinations. IPMI 2.0 Table 23-4. */
import { type AlertDestination, destinationCount, maxCommunityBytes } from '../../bmc/lan-settings.ts';
import { bits8, type Codec, struct, text, u8, u16le } from '../../lib/codec.ts';
import type { CommandContext } from '../commands/command.ts';
import type { ParameterTable } from '../commands/configuration-parameters.ts';
import { ipv4, ipv6, mac } from '../lan-fields.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { change, type LanParameter, noMac, setting } from './parameter.ts';

/** @throws {CompletionError} C9h for a destination that is not there */
function destinationOf({ bmc }: CommandContext, number: number): AlertDestination {
  const destination = bmc.lan.destinations[number];
  if (destination) return destination;
  throw new CompletionError(CompletionCode.parameterOutOfRange, `destination ${number} is not there`);
}

const AddressFormat = { ipv4: 0, ipv6: 1 } as const;

type DestinationAddress = { readonly set: number } & Pick<
  AlertDestination,
  'address' | 'backupGateway' | 'mac'
>;

const destinationHead = struct({ set: bits8(['_reserved', 4], ['number', 4]), format: u8 });
const ipv4Destination = struct({
  gateway: bits8(['_reserved', 7], ['backup', 1]),
  address: ipv4,
  mac,
});

/** What follows the format byte depends on it. */
const destinationAddress: Codec<DestinationAddress> = {
  read(reader) {
    const { set, format } = destinationHead.read(reader);
    switch (format >> 4) {
      case AddressFormat.ipv4: {
        const { gateway, address, mac: hardware } = ipv4Destination.read(reader);
        return { set: set.number, address, backupGateway: gateway.backup, mac: hardware };
      }
      case AddressFormat.ipv6:
        return { set: set.number, address: ipv6.read(reader), backupGateway: false, mac: noMac };
      default:
        return reader.fail(`address format ${format >> 4}`);
    }
  },
  write(writer, { set, address, backupGateway, mac: hardware }) {
    const format = address.includes(':') ? AddressFormat.ipv6 : AddressFormat.ipv4;
    destinationHead.write(writer, { set: { number: set }, format: format << 4 });
    if (format === AddressFormat.ipv6) ipv6.write(writer, address);
    else ipv4Destination.write(writer, { gateway: { backup: backupGateway }, address, mac: hardware });
  },
};

export const alertParameters: ParameterTable<LanParameter> = {
  16: setting(
    text(maxCommunityBytes),
    ({ bmc }) => bmc.lan.configuration.community,
    (context, community) => change(context, { community }),
  ),
  17: setting(bits8(['_reserved', 4], ['count', 4]), () => ({ count: destinationCount })),
  18: setting(
    struct({
      set: bits8(['_reserved', 4], ['number', 4]),
      type: bits8(['acknowledged', 1], ['_reserved', 4], ['kind', 3, { trap: 0 }]),
      retryIntervalS: u8,
      retry: bits8(['_reserved', 5], ['count', 3]),
    }),
    (context, { set }) => {
      const { acknowledged, retryIntervalS, retries } = destinationOf(context, set);
      return {
        set: { number: set },
        type: { acknowledged, kind: 'trap' as const },
        retryIntervalS,
        retry: { count: retries },
      };
    },
    (context, { set: { number }, type: { acknowledged }, retryIntervalS, retry }) => {
      const changed = { acknowledged, retryIntervalS, retries: retry.count };
      const { bmc, actor } = context;
      bmc.lan.setDestination(number, { ...destinationOf(context, number), ...changed }, actor);
    },
  ),
  19: setting(
    destinationAddress,
    (context, { set }) => ({ ...destinationOf(context, set), set }),
    (context, { set, address, backupGateway, mac: hardware }) => {
      const changed = { address, backupGateway, mac: hardware };
      const { bmc, actor } = context;
      bmc.lan.setDestination(set, { ...destinationOf(context, set), ...changed }, actor);
    },
  ),
  /** Alerts leave through the host's interface as it is, without a tag of their own. */
  25: setting(
    struct({ set: bits8(['_reserved', 4], ['number', 4]), format: u8, tag: u16le }),
    (context, { set }) => {
      destinationOf(context, set);
      return { set: { number: set }, format: 0, tag: 0 };
    },
    (context, { set, format }) => {
      destinationOf(context, set.number);
      if (format >> 4 === 0) return;
      throw new CompletionError(CompletionCode.invalidField, 'destinations have no VLAN tag of their own');
    },
  ),
};
