/**
 * How the BMC is reached: its network interface, the same that IPMI shows as LAN configuration, and its services.
 * DSP0268: EthernetInterface, ManagerNetworkProtocol.
 */
import { Type } from 'typebox';
import type { Bmc } from '../../bmc/bmc.ts';
import {
  BadNetworkSettings,
  type Ipv6Address,
  isHostAddress6,
  type NetworkSettings,
  type NetworkState,
  type PresentIpv6Address,
} from '../../bmc/management-network.ts';
import type { Context } from '../context.ts';
import { collection, type Resource, resource } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import { about, inWords, type Message, message } from '../messages.ts';
import { each, property, together } from '../patch.ts';
import { findManager, link, managerUri, onlyId } from '../paths.ts';

const interfacesUri = `${managerUri}/EthernetInterfaces`;

const interfaces = collection({
  path: '/redfish/v1/Managers/:managerId/EthernetInterfaces',
  type: '#EthernetInterfaceCollection.EthernetInterfaceCollection',
  name: 'Network interfaces of the BMC',
  privileges: { get: ['Login'] },
  find: findManager,
  members: (_, { bmc }) => (bmc.lan.network.visible ? [`${interfacesUri}/${onlyId}`] : []),
});

const staticIpv4 = Type.Object({
  Address: Type.Optional(Type.String()),
  SubnetMask: Type.Optional(Type.String()),
  Gateway: Type.Optional(Type.String()),
});
const staticIpv6 = Type.Object({
  Address: Type.Optional(Type.String()),
  PrefixLength: Type.Optional(Type.Integer({ minimum: 1, maximum: 128 })),
});
const router6 = Type.Object({ Address: Type.Optional(Type.String()) });

const networkInterface = resource({
  path: '/redfish/v1/Managers/:managerId/EthernetInterfaces/:interfaceId',
  type: '#EthernetInterface.v1_12_4.EthernetInterface',
  privileges: { get: ['Login'], patch: ['ConfigureManager'] },
  find: findInterface,
  read: async (_, { bmc, state }) => {
    const network = await bmc.lan.network.state();
    return {
      Id: onlyId,
      Name: 'Management interface',
      Description: 'Carries the address of IPMI over LAN and Redfish.',
      Status: { State: 'Enabled', Health: 'OK' },
      InterfaceEnabled: true,
      HostName: state.endpoints.hostName,
      FQDN: state.endpoints.fqdn ?? null,
      ...(network && addresses(network, bmc)),
    };
  },
  patch: together(
    Type.Object({
      DHCPv4: Type.Object({ DHCPEnabled: Type.Optional(Type.Boolean()) }),
      IPv4StaticAddresses: Type.Array(Type.Union([staticIpv4, Type.Null()]), { minItems: 1, maxItems: 1 }),
      VLAN: Type.Object({
        VLANEnable: Type.Optional(Type.Boolean()),
        VLANId: Type.Optional(Type.Integer({ minimum: 0, maximum: 4094 })),
        VLANPriority: Type.Optional(Type.Integer({ minimum: 0, maximum: 7 })),
      }),
      IPv6StaticAddresses: Type.Array(Type.Union([staticIpv6, Type.Null()]), { maxItems: 4 }),
      IPv6StaticDefaultGateways: Type.Array(Type.Union([router6, Type.Null()]), { maxItems: 1 }),
    }),
    async (change, _, { bmc: { lan }, actor }) => {
      if (!lan.network.changeable.v4) throw notWritable(Object.keys(change));
      try {
        await lan.network.change((now) => wishOf(change, now), actor);
      } catch (error) {
        if (!(error instanceof BadNetworkSettings)) throw error;
        const [first, ...others] = error.settings.map((name) => badValue(name, change));
        throw first ? new RedfishError([first, ...others], { cause: error }) : error;
      }
    },
  ),
});

/**
 * No credentials help where the configuration leaves the interface to the host: so it is the properties that cannot be
 * written. DSP0266 §7.9.
 */
function notWritable(names: readonly string[]): RedfishError {
  const told = names.map((name) =>
    about(
      `#/${name}`,
      inWords(
        `${name}: the network of this BMC is the host's. Clients change it where the configuration of the BMC names the interface in BMC_MANAGED_INTERFACE.`,
        message('PropertyNotWritable', name),
      ),
    ),
  );
  const [first = message('NoOperation'), ...others] = told;
  return new RedfishError([first, ...others]);
}

/** Which property of what was sent has no possible value. */
function badValue(name: keyof NetworkSettings, change: InterfaceChange): Message {
  const wrong = (pointer: string, property: string, value: string | undefined) =>
    about(
      `#/${pointer}`,
      value === undefined
        ? message('PropertyValueError', property)
        : message('PropertyValueFormatError', value, property),
    );
  const [v4] = change.IPv4StaticAddresses ?? [];
  switch (name) {
    case 'source':
      return wrong('DHCPv4/DHCPEnabled', 'DHCPEnabled', undefined);
    case 'address':
      return wrong('IPv4StaticAddresses/0/Address', 'Address', v4?.Address);
    case 'mask':
      return wrong('IPv4StaticAddresses/0/SubnetMask', 'SubnetMask', v4?.SubnetMask);
    case 'gateway':
      return wrong('IPv4StaticAddresses/0/Gateway', 'Gateway', v4?.Gateway);
    case 'vlan':
      return wrong('VLAN/VLANId', 'VLANId', change.VLAN?.VLANId?.toString());
    case 'router6': {
      const [router] = change.IPv6StaticDefaultGateways ?? [];
      return wrong('IPv6StaticDefaultGateways/0/Address', 'Address', router?.Address);
    }
    case 'static6': {
      const places = change.IPv6StaticAddresses ?? [];
      const bad = places.findIndex((place) => place?.Address !== undefined && !isHostAddress6(place.Address));
      const place = Math.max(bad, 0);
      return wrong(`IPv6StaticAddresses/${place}/Address`, 'Address', places[place]?.Address);
    }
  }
}

function findInterface(
  { managerId, interfaceId }: { managerId: string; interfaceId: string },
  { bmc }: Context,
): true | undefined {
  return (bmc.lan.network.visible && interfaceId === onlyId && findManager({ managerId })) || undefined;
}

function addresses(network: NetworkState, { lan }: Bmc) {
  const { v4, v6, mac, gateway4, gateway6, vlan } = network;
  const { static6 } = lan.network;
  const ipv4 = v4 && {
    Address: v4.address,
    SubnetMask: v4.mask,
    Gateway: gateway4?.address ?? null,
  };
  return {
    MACAddress: mac,
    DHCPv4: { DHCPEnabled: v4?.source === 'dhcp' },
    IPv4Addresses: v4 && ipv4 ? [{ ...ipv4, AddressOrigin: v4.source === 'dhcp' ? 'DHCP' : 'Static' }] : [],
    IPv4StaticAddresses: v4?.source === 'static' && ipv4 ? [ipv4] : [],
    IPv6Enabled: v6.length > 0,
    IPv6Addresses: v6.map(presentIpv6),
    IPv6StaticAddresses: (static6 ?? v6.filter(({ source }) => source === 'static')).map(
      (each) => each && { Address: each.address, PrefixLength: each.prefixLength },
    ),
    IPv6DefaultGateway: gateway6?.address ?? null,
    VLAN: { VLANEnable: vlan?.enabled ?? false, VLANId: vlan?.id, VLANPriority: vlan?.priority },
  };
}

const ipv6States = {
  active: 'Preferred',
  pending: 'Tentative',
  failed: 'Failed',
  deprecated: 'Deprecated',
} as const;

function presentIpv6({ address, prefixLength, source, status }: PresentIpv6Address) {
  const isLinkLocal = /^fe[89ab]/i.test(address);
  const origins = { static: 'Static', slaac: isLinkLocal ? 'LinkLocal' : 'SLAAC', dhcp: 'DHCPv6' };
  return {
    Address: address,
    PrefixLength: prefixLength,
    AddressOrigin: origins[source],
    AddressState: ipv6States[status],
  };
}

interface InterfaceChange {
  readonly DHCPv4?: { readonly DHCPEnabled?: boolean };
  readonly IPv4StaticAddresses?: readonly ({
    readonly Address?: string;
    readonly SubnetMask?: string;
    readonly Gateway?: string;
  } | null)[];
  readonly VLAN?: {
    readonly VLANEnable?: boolean;
    readonly VLANId?: number;
    readonly VLANPriority?: number;
  };
  readonly IPv6StaticAddresses?: readonly ({
    readonly Address?: string;
    readonly PrefixLength?: number;
  } | null)[];
  readonly IPv6StaticDefaultGateways?: readonly ({ readonly Address?: string } | null)[];
}

/** What is left out stays; an element that is null goes. DSP0266 §7.9.2. */
function wishOf(change: InterfaceChange, now: NetworkSettings): Partial<NetworkSettings> {
  const {
    DHCPv4: dhcp,
    IPv4StaticAddresses: v4,
    VLAN: vlan,
    IPv6StaticAddresses: v6,
    IPv6StaticDefaultGateways: routers,
  } = change;
  const [byHand] = v4 ?? [];
  const [router] = routers ?? [];
  return {
    ...(dhcp?.DHCPEnabled !== undefined && { source: dhcp.DHCPEnabled ? 'dhcp' : 'static' }),
    ...(byHand === null && { address: '0.0.0.0' }),
    ...(byHand?.Address !== undefined && { address: byHand.Address }),
    ...(byHand?.SubnetMask !== undefined && { mask: byHand.SubnetMask }),
    ...(byHand?.Gateway !== undefined && { gateway: byHand.Gateway }),
    ...(vlan && {
      vlan: {
        id: vlan.VLANId ?? now.vlan.id,
        enabled: vlan.VLANEnable ?? now.vlan.enabled,
        priority: vlan.VLANPriority ?? now.vlan.priority,
      },
    }),
    ...(v6 && { static6: now.static6.map((place, index) => placeAfter(place, v6[index], index)) }),
    ...(router === null && { router6: '::' }),
    ...(router?.Address !== undefined && { router6: router.Address }),
  };
}

function placeAfter(
  place: Ipv6Address | null,
  wish: { readonly Address?: string; readonly PrefixLength?: number } | null | undefined,
  index: number,
): Ipv6Address | null {
  if (wish === undefined) return place;
  if (wish === null) return null;
  const { Address: address = place?.address, PrefixLength: prefixLength = place?.prefixLength } = wish;
  if (address === undefined && prefixLength === undefined) return null;
  if (address === undefined || prefixLength === undefined) {
    const told = inWords(
      'An IPv6 address needs both Address and PrefixLength.',
      message('PropertyMissing', address === undefined ? 'Address' : 'PrefixLength'),
    );
    throw new RedfishError(about(`#/IPv6StaticAddresses/${index}`, told));
  }
  return { address, prefixLength };
}

const networkProtocol = resource({
  path: '/redfish/v1/Managers/:managerId/NetworkProtocol',
  type: '#ManagerNetworkProtocol.v1_12_0.ManagerNetworkProtocol',
  privileges: { get: ['Login'], patch: ['ConfigureManager'] },
  find: findManager,
  read: (_, { bmc, state }) => {
    const { hostName, fqdn, httpsPort, httpPort, ipmiPort, vncPort } = state.endpoints;
    return {
      Id: 'NetworkProtocol',
      Name: 'Services of the BMC',
      Status: { State: 'Enabled', Health: 'OK' },
      HostName: hostName,
      FQDN: fqdn ?? null,
      HTTPS: {
        ProtocolEnabled: true,
        Port: httpsPort,
        Certificates: link(`${managerUri}/NetworkProtocol/HTTPS/Certificates`),
      },
      HTTP: { ProtocolEnabled: httpPort !== undefined, Port: httpPort ?? null },
      IPMI: { ProtocolEnabled: bmc.lan.access.mode === 'always', Port: ipmiPort },
      KVMIP: { ProtocolEnabled: vncPort !== undefined, Port: vncPort ?? null },
      SSH: { ProtocolEnabled: false, Port: null },
    };
  },
  patch: each({
    /** The access mode of the LAN channel, now and after a restart: no new session while it is disabled. */
    IPMI: property(Type.Object({ ProtocolEnabled: Type.Boolean() }), (ipmi, _, { bmc: { lan }, actor }) => {
      const { ProtocolEnabled: enabled }: { ProtocolEnabled?: boolean } = ipmi;
      if (enabled === undefined) return;
      const mode = enabled ? 'always' : 'disabled';
      lan.update({ access: { ...lan.configuration.access, mode } }, actor);
      lan.setAccess({ mode }, actor);
    }),
  }),
});

export const managerNetworkResources: readonly Resource[] = [interfaces, networkInterface, networkProtocol];
