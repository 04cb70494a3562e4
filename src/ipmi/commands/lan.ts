/**
 * Commands about the settings of the LAN channel. IPMI 2.0 §23, Table 23-4.
 *
 * Addresses, masks, gateways and VLAN belong to the host's network interface: they are told as they are, and
 * setting one succeeds only where it changes nothing, so that a client can write back what it read.
 */
import { privilegeLevels } from '../../bmc/actor.ts';
import {
  type AlertDestination,
  destinationCount,
  type LanConfiguration,
  maxCommunityBytes,
  type NetworkState,
} from '../../bmc/lan-settings.ts';
import type { UserLimit } from '../../bmc/users.ts';
import { ByteReader } from '../../lib/bytes.ts';
import {
  bits8,
  bits16le,
  bytes,
  type Codec,
  decode,
  empty,
  encode,
  reserved,
  struct,
  text,
  u8,
  u16le,
} from '../../lib/codec.ts';
import { ipv4, ipv6, mac } from '../lan-fields.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import { NetFn } from '../message/net-fn.ts';
import { levelOf, PrivilegeNumber } from '../message/privilege.ts';
import { resolveChannel } from './channel.ts';
import { type CommandContext, command } from './command.ts';
import {
  GetChannelParameter,
  type Parameter,
  ParameterRefusal,
  ParameterReply,
  type ParameterTable,
  parameterReply,
  parametersOf,
  readParameter,
  SetChannelParameter,
  setInProgressParameter,
  writeParameter,
} from './configuration-parameters.ts';

/** The host's network is asked, which takes time. */
type LanParameter = Parameter<Uint8Array | Promise<Uint8Array>, Promise<void> | undefined>;

/** A parameter that is kept in the settings, or read-only without `write`. */
const setting = parametersOf((context) => context);

/** A parameter that tells how the host's network is. @param hasSets whether it begins with a set selector */
function fact<T>(
  codec: Codec<T>,
  read: (network: NetworkState, set: number) => T,
  hasSets = false,
): LanParameter {
  const asItIs = async ({ bmc }: CommandContext, set: number) =>
    encode(codec, read((await bmc.lan.network()) ?? noNetwork, set));
  return {
    read: (context, { set }) => asItIs(context, set),
    write(context, data) {
      decode(codec, data, 'LAN parameter');
      const set = hasSets ? new ByteReader(data).u8() : 0;
      return asItIs(context, set).then((present) => {
        if (Buffer.compare(present, data) === 0) return;
        throw new CompletionError(ParameterRefusal.readOnly, "the host's network is not changed over IPMI");
      });
    },
  };
}

const noAddress = '0.0.0.0';
const noAddress6 = '::';
const noMac = '00:00:00:00:00:00';
const noNetwork: NetworkState = { v6: [], mac: noMac, hopLimit4: 0, hopLimit6: 0 };

const AuthTypes = bits8(
  ['_reserved', 2],
  ['oem', 1],
  ['password', 1],
  ['_reserved2', 1],
  ['md5', 1],
  ['md2', 1],
  ['none', 1],
);
const onlyMd5 = (md5: boolean) => ({ oem: false, password: false, md5, md2: false, none: false });
const AddressSource = { unspecified: 0, static: 1, dhcp: 2, system: 3, other: 4 } as const;
/** "Do not fragment", as Linux sends UDP. */
const dontFragment = 0b010;

/** A parameter that is changed in the configuration under one name. */
function change(context: CommandContext, settings: Partial<LanConfiguration>): void {
  context.bmc.lan.update(settings, context.actor);
}

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

/**
 * Four bits for each cipher suite from 0 to 15. The specification counts the entries of parameter 23 instead, yet
 * ipmitool 1.8.19 (`lan set 1 cipher_privs`) and FreeIPMI 1.6 go by the suite's ID. Suites 16 and 17 have no place:
 * what offers them is the configuration.
 */
const suiteLimits: Codec<number[]> = {
  read(reader) {
    reader.u8();
    return Array.from(reader.bytes(8)).flatMap((byte) => [byte & 0x0f, byte >> 4]);
  },
  write(writer, limits) {
    writer.u8(0);
    for (let i = 0; i < suiteLimitCount; i += 2) writer.u8((limits[i] ?? 0) | ((limits[i + 1] ?? 0) << 4));
  },
};

/** 0 in a suite's place means that it is not used. */
function suiteLimitOf(number: number): UserLimit {
  if (number === 0) return 'no-access';
  // The OEM level is above all that there are.
  const limit = number === PrivilegeNumber.oem ? 'administrator' : levelOf(number);
  if (limit) return limit;
  throw new CompletionError(CompletionCode.invalidField, `cipher suite limit ${number}`);
}

const suiteLimitCount = 16;

const tenSeconds = 10;

/** How many places for addresses of a kind there are: one is shown empty. */
function ipv6Places({ v6 }: NetworkState, dynamic: boolean): number {
  return Math.max(1, v6.filter((entry) => entry.dynamic === dynamic).length);
}

/**
 * One of the interface's IPv6 addresses, of those that were set by hand or of the others.
 * @throws {CompletionError} C9h beyond the last: ipmitool 1.8.19 asks until it hears that
 */
function ipv6Address(network: NetworkState, dynamic: boolean, set: number) {
  if (set >= ipv6Places(network, dynamic)) {
    throw new CompletionError(CompletionCode.parameterOutOfRange, `IPv6 address ${set} is not there`);
  }
  return network.v6.filter((entry) => entry.dynamic === dynamic)[set];
}

const Ipv6Status = { active: 0, disabled: 1 } as const;
/** Of a dynamic address: by router advertisement. Linux does not tell it from DHCPv6. */
const slaac = 1;
const ipv6AddressBody = { address: ipv6, prefixLength: u8, status: u8 } as const;

function ipv6Body(found: ReturnType<typeof ipv6Address>) {
  return {
    address: found?.address ?? noAddress6,
    prefixLength: found?.prefixLength ?? 0,
    status: found ? Ipv6Status.active : Ipv6Status.disabled,
  };
}

const lanParameters: ParameterTable<LanParameter> = {
  0: setInProgressParameter(({ bmc }) => bmc.lan.setInProgress),
  1: setting(AuthTypes, ({ lan }) => onlyMd5(lan.ipmi15)),
  2: setting(
    struct({
      callback: AuthTypes,
      user: AuthTypes,
      operator: AuthTypes,
      administrator: AuthTypes,
      oem: AuthTypes,
    }),
    ({ bmc, lan }) => {
      const { md5Levels } = bmc.lan.configuration;
      const at = (level: (typeof privilegeLevels)[number]) =>
        onlyMd5(lan.ipmi15 && md5Levels.includes(level));
      return {
        callback: at('callback'),
        user: at('user'),
        operator: at('operator'),
        administrator: at('administrator'),
        oem: onlyMd5(false),
      };
    },
    (context, enables) => {
      const others = Object.values(enables).some(
        (types) => types.oem || types.password || types.md2 || types.none,
      );
      if (others || enables.oem.md5) {
        throw new CompletionError(CompletionCode.invalidField, 'MD5 is the one authentication type');
      }
      const md5Levels = privilegeLevels.filter((level) => enables[level].md5);
      if (context.lan.ipmi15) change(context, { md5Levels });
      else if (md5Levels.length > 0) {
        throw new CompletionError(CompletionCode.invalidField, 'IPMI 1.5 sessions are off');
      }
    },
  ),
  3: fact(ipv4, ({ v4 }) => v4?.address ?? noAddress),
  4: fact(bits8(['_reserved', 4], ['source', 4, AddressSource]), ({ v4 }) => ({
    source: v4?.source ?? 'unspecified',
  })),
  5: fact(mac, (network) => network.mac),
  6: fact(ipv4, ({ v4 }) => v4?.mask ?? noAddress),
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
  12: fact(ipv4, ({ gateway4 }) => gateway4?.address ?? noAddress),
  13: fact(mac, ({ gateway4 }) => gateway4?.mac ?? noMac),
  14: fact(ipv4, () => noAddress),
  15: fact(mac, () => noMac),
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
  20: fact(bits16le(['enabled', 1], ['_reserved', 3], ['id', 12]), ({ vlan }) => ({
    enabled: vlan !== undefined,
    id: vlan ?? 0,
  })),
  21: fact(bits8(['_reserved', 5], ['priority', 3]), () => ({ priority: 0 })),
  22: setting(bits8(['_reserved', 3], ['count', 5]), ({ lan }) => ({ count: lan.cipherSuites.length })),
  23: setting(struct({ _reserved: reserved(1), ids: bytes(16) }), ({ lan }) => {
    const ids = new Uint8Array(16);
    ids.set(lan.cipherSuites);
    return { ids };
  }),
  24: setting(
    suiteLimits,
    ({ bmc, lan }) =>
      Array.from({ length: suiteLimitCount }, (_, id) => {
        const offered = lan.cipherSuites.includes(id) ? 'administrator' : 'no-access';
        const limit = bmc.lan.configuration.suiteLimits[id] ?? offered;
        return limit === 'no-access' ? 0 : PrivilegeNumber[limit];
      }),
    // A limit of a suite that is not on offer is kept for when it is: ipmitool 1.8.19 waits until it reads back what
    // it has written, and `cipher_privs Xaaaaaaaaaaaaaa` is what administrators type on any BMC. "Not used", though,
    // is true of such a suite anyway.
    (context, numbers) => {
      const limits = numbers.map((number, id) => [id, suiteLimitOf(number)] as const);
      const told = limits.filter(
        ([id, limit]) => limit !== 'no-access' || context.lan.cipherSuites.includes(id),
      );
      const beyond = Object.entries(context.bmc.lan.configuration.suiteLimits).filter(
        ([id]) => Number(id) >= suiteLimitCount,
      );
      change(context, { suiteLimits: Object.fromEntries([...beyond, ...told]) });
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
  26: setting(
    struct({ flags: bits8(['_reserved', 7], ['event', 1]), threshold: u8, forget: u16le, lockout: u16le }),
    ({ bmc }) => {
      const { threshold, event, forgetAfterS, lockoutS } = bmc.lan.configuration.badPasswords;
      return {
        flags: { event },
        threshold,
        forget: forgetAfterS / tenSeconds,
        lockout: lockoutS / tenSeconds,
      };
    },
    (context, { flags: { event }, threshold, forget, lockout }) =>
      change(context, {
        badPasswords: { threshold, event, forgetAfterS: forget * tenSeconds, lockoutS: lockout * tenSeconds },
      }),
  ),
  50: setting(bits8(['_reserved', 5], ['ipv6Alerts', 1], ['both', 1], ['ipv6Only', 1]), () => ({
    ipv6Alerts: true,
    both: true,
    ipv6Only: true,
  })),
  51: fact(bits8(['_reserved', 6], ['mode', 2, { ipv4: 0, ipv6: 1, both: 2 }]), ({ v4, v6 }) => ({
    mode: v6.length === 0 ? ('ipv4' as const) : v4 ? ('both' as const) : ('ipv6' as const),
  })),
  52: fact(u8, () => 0),
  53: fact(u8, ({ hopLimit6 }) => hopLimit6),
  54: fact(bytes(3), () => new Uint8Array(3)),
  55: fact(
    struct({ staticMax: u8, dynamicMax: u8, support: bits8(['_reserved', 6], ['slaac', 1], ['dhcp', 1]) }),
    (network) => ({
      staticMax: ipv6Places(network, false),
      dynamicMax: ipv6Places(network, true),
      support: { slaac: true, dhcp: true },
    }),
  ),
  56: fact(
    struct({ set: u8, source: bits8(['enabled', 1], ['_reserved', 3], ['type', 4]), ...ipv6AddressBody }),
    (network, set) => {
      const found = ipv6Address(network, false, set);
      return { set, source: { enabled: found !== undefined, type: 0 }, ...ipv6Body(found) };
    },
    true,
  ),
  /** The host keeps DHCP identifiers; none is stored here. */
  57: setting(u8, () => 0),
  59: fact(
    struct({ set: u8, source: bits8(['_reserved', 4], ['type', 4]), ...ipv6AddressBody }),
    (network, set) => {
      const found = ipv6Address(network, true, set);
      return { set, source: { type: found ? slaac : 0 }, ...ipv6Body(found) };
    },
    true,
  ),
  60: setting(u8, () => 0),
  /** No timing is configurable. */
  62: setting(bits8(['_reserved', 6], ['mode', 2]), () => ({ mode: 0 })),
  64: fact(bits8(['_reserved', 6], ['dynamic', 1], ['static', 1]), () => ({ dynamic: true, static: true })),
  65: fact(ipv6, ({ gateway6 }) => gateway6?.address ?? noAddress6),
  66: fact(mac, ({ gateway6 }) => gateway6?.mac ?? noMac),
  67: fact(u8, () => 0),
  68: fact(ipv6, () => noAddress6),
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
