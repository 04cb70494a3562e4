/** LAN configuration parameters about the network interface, its IPv4 address and its ports. IPMI 2.0 Table 23-4. */
import { bits8, bits16le, struct, u8, u16le } from '../../lib/codec.ts';
import type { ParameterTable } from '../commands/configuration-parameters.ts';
import { ipv4, mac } from '../lan-fields.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { fact, type LanParameter, noAddress, noMac, setting } from './parameter.ts';

const AddressSource = { unspecified: 0, static: 1, dhcp: 2, system: 3, other: 4 } as const;
/** "Do not fragment", as Linux sends UDP. */
const dontFragment = 0b010;

export const interfaceParameters: ParameterTable<LanParameter> = {
  3: fact(ipv4, ({ v4 }) => v4?.address ?? noAddress, { wish: (address) => ({ address }) }),
  4: fact(
    bits8(['_reserved', 4], ['source', 4, AddressSource]),
    ({ v4 }) => ({ source: v4?.source ?? 'unspecified' }),
    {
      wish({ source }) {
        if (source === 'static' || source === 'dhcp') return { source };
        throw new CompletionError(CompletionCode.parameterOutOfRange, `no addresses by way of "${source}"`);
      },
    },
  ),
  5: fact(mac, (network) => network.mac),
  6: fact(ipv4, ({ v4 }) => v4?.mask ?? noAddress, { wish: (mask) => ({ mask }) }),
  7: fact(
    struct({ timeToLive: u8, fragment: bits8(['flags', 3], ['_reserved', 5]), typeOfService: u8 }),
    ({ hopLimit4 }) => ({ timeToLive: hopLimit4, fragment: { flags: dontFragment }, typeOfService: 0 }),
  ),
  8: setting(u16le, ({ lan }) => lan.port),
  /** There is no second port. */
  9: setting(u16le, () => 0),
  /** The host's kernel answers ARP requests, and announces nothing by itself. */
  10: fact(bits8(['_reserved', 6], ['responses', 1], ['gratuitous', 1]), () => ({
    responses: true,
    gratuitous: false,
  })),
  11: fact(u8, () => 0),
  12: fact(ipv4, ({ gateway4 }) => gateway4?.address ?? noAddress, { wish: (gateway) => ({ gateway }) }),
  /** The kernel asks for the gateway's MAC address itself. */
  13: fact(mac, ({ gateway4 }) => gateway4?.mac ?? noMac),
  14: fact(ipv4, () => noAddress),
  15: fact(mac, () => noMac),
  20: fact(
    bits16le(['enabled', 1], ['_reserved', 3], ['id', 12]),
    ({ vlan }) => ({ enabled: vlan?.enabled ?? false, id: vlan?.id ?? 0 }),
    { wish: ({ enabled, id }, { vlan }) => ({ vlan: { id, enabled, priority: vlan.priority } }) },
  ),
  21: fact(bits8(['_reserved', 5], ['priority', 3]), ({ vlan }) => ({ priority: vlan?.priority ?? 0 }), {
    wish: ({ priority }, { vlan }) => ({ vlan: { ...vlan, priority } }),
  }),
};
