/** LAN configuration parameters about IPv6. IPMI 2.0 with errata 7, Table 23-4, parameters 50 to 68. */
import {
  type NetworkSettings,
  type NetworkState,
  type PresentIpv6Address,
  staticIpv6Places,
} from '../../bmc/management-network.ts';
import { bits8, bytes, struct, u8 } from '../../lib/codec.ts';
import type { CommandContext } from '../commands/command.ts';
import type { ParameterTable } from '../commands/configuration-parameters.ts';
import { ipv6, mac } from '../lan-fields.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { fact, type LanParameter, noAddress6, noMac, setting } from './parameter.ts';

const Ipv6Status = { active: 0, disabled: 1, pending: 2, failed: 3, deprecated: 4 } as const;
/** Where a dynamic address is from. A place without one waits for a router's advertisement. */
const Ipv6Source = { static: 0, slaac: 1, dhcp: 2 } as const;
const ipv6AddressBody = { address: ipv6, prefixLength: u8, status: u8 } as const;

type Place = Pick<PresentIpv6Address, 'address' | 'prefixLength' | 'status' | 'source'> | undefined;

/** Addresses set by hand, in the places where they were set over this BMC if that is where they are from. */
function staticPlaces({ v6 }: NetworkState, { bmc }: CommandContext): readonly Place[] {
  const present = v6.filter(({ source }) => source === 'static');
  const { static6, changeable } = bmc.lan.network;
  if (static6) {
    return static6.map(
      (place): Place =>
        place
          ? (present.find(({ address }) => address === place.address) ?? {
              ...place,
              source: 'static',
              status: 'pending',
            })
          : undefined,
    );
  }
  if (changeable.v6) return withEmptyPlaces(present.slice(0, staticIpv6Places), staticIpv6Places);
  return withEmptyPlaces(present, 1);
}

function dynamicPlaces({ v6 }: NetworkState): readonly Place[] {
  return withEmptyPlaces(
    v6.filter(({ source }) => source !== 'static'),
    1,
  );
}

function withEmptyPlaces(present: readonly PresentIpv6Address[], atLeast: number): readonly Place[] {
  const count = Math.max(atLeast, present.length);
  return Array.from({ length: count }, (_, index) => present[index]);
}

/** @throws {CompletionError} C9h beyond the last: ipmitool 1.8.19 asks until it hears that */
function placeAt(places: readonly Place[], set: number): Place {
  if (set < places.length) return places[set];
  throw new CompletionError(CompletionCode.parameterOutOfRange, `IPv6 address ${set} is not there`);
}

function bodyOf(place: Place) {
  return {
    address: place?.address ?? noAddress6,
    prefixLength: place?.prefixLength ?? 0,
    status: Ipv6Status[place?.status ?? 'disabled'],
  };
}

const staticAddress = struct({
  set: u8,
  source: bits8(['enabled', 1], ['_reserved', 3], ['type', 4]),
  ...ipv6AddressBody,
});

export const ipv6Parameters: ParameterTable<LanParameter> = {
  50: setting(bits8(['_reserved', 5], ['ipv6Alerts', 1], ['both', 1], ['ipv6Only', 1]), () => ({
    ipv6Alerts: true,
    both: true,
    ipv6Only: true,
  })),
  /** Follows from the address that the BMC is configured to listen on. */
  51: fact(bits8(['_reserved', 6], ['mode', 2, { ipv4: 0, ipv6: 1, both: 2 }]), ({ v4, v6 }) => ({
    mode: v6.length === 0 ? ('ipv4' as const) : v4 ? ('both' as const) : ('ipv6' as const),
  })),
  52: fact(u8, () => 0),
  53: fact(u8, ({ hopLimit6 }) => hopLimit6),
  54: fact(bytes(3), () => new Uint8Array(3)),
  55: fact(
    struct({ staticMax: u8, dynamicMax: u8, support: bits8(['_reserved', 6], ['slaac', 1], ['dhcp', 1]) }),
    (network, _set, context) => ({
      staticMax: staticPlaces(network, context).length,
      dynamicMax: dynamicPlaces(network).length,
      support: { slaac: true, dhcp: true },
    }),
  ),
  56: fact(
    staticAddress,
    (network, set, context) => {
      const place = placeAt(staticPlaces(network, context), set);
      return { set, source: { enabled: place !== undefined, type: Ipv6Source.static }, ...bodyOf(place) };
    },
    {
      hasSets: true,
      family: 'v6',
      wish: ({ set, source: { enabled }, address, prefixLength }, { static6 }): Partial<NetworkSettings> => ({
        static6: static6.with(set, enabled ? { address, prefixLength } : null),
      }),
    },
  ),
  /** The host keeps DHCP identifiers; none is stored here. */
  57: setting(u8, () => 0),
  59: fact(
    struct({ set: u8, source: bits8(['_reserved', 4], ['type', 4]), ...ipv6AddressBody }),
    (network, set) => {
      const place = placeAt(dynamicPlaces(network), set);
      return { set, source: { type: Ipv6Source[place?.source ?? 'slaac'] }, ...bodyOf(place) };
    },
    { hasSets: true },
  ),
  60: setting(u8, () => 0),
  /** No timing is configurable. */
  62: setting(bits8(['_reserved', 6], ['mode', 2]), () => ({ mode: 0 })),
  64: fact(bits8(['_reserved', 6], ['dynamic', 1], ['static', 1]), () => ({ dynamic: true, static: true })),
  65: fact(ipv6, ({ gateway6 }) => gateway6?.address ?? noAddress6, {
    family: 'v6',
    wish: (router6) => ({ router6 }),
  }),
  /** The kernel asks for the router's MAC address itself. */
  66: fact(mac, ({ gateway6 }) => gateway6?.mac ?? noMac),
  67: fact(u8, () => 0),
  68: fact(ipv6, () => noAddress6),
};
