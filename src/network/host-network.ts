/**
 * Looks at the host's network interface that carries the BMC's address: what the BMC tells of its network is what
 * the host really has. Linux; what cannot be found out is left out.
 */
import { readdir, readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { NetworkState } from '../bmc/management-network.ts';
import { ipv6FromHex, shortIpv6 } from '../lib/ipv6.ts';
import { systemNetworkHost } from './host-commands.ts';
import { type LinkDetails, linkDetails, presentIpv6Addresses, vlanOf } from './link-details.ts';

const noMac = '00:00:00:00:00:00';

/** An interface that the BMC itself looks after. */
export interface Carrier {
  readonly name: string;
  /** Whether its address is from a DHCP client of the BMC's own. */
  readonly dhcp: boolean;
  /** The BMC's among several IPv4 addresses; the first one if absent. */
  readonly address?: string;
}

/**
 * @param address the one that the BMC listens on; `0.0.0.0` and `::` stand for the interface of the default route, or
 * the first one beside the loopback where there is no such route
 * @param carrier tells the interface where the address does not
 */
export function hostNetwork(address: string, carrier?: () => Carrier): () => Promise<NetworkState> {
  return () => look(address, carrier?.());
}

async function look(address: string, carrier: Carrier | undefined): Promise<NetworkState> {
  const [routes4, routes6, neighbours, ttl, hops] = await Promise.all([
    textOf('/proc/net/route'),
    textOf('/proc/net/ipv6_route'),
    textOf('/proc/net/arp'),
    textOf('/proc/sys/net/ipv4/ip_default_ttl'),
    textOf('/proc/sys/net/ipv6/conf/all/hop_limit'),
  ]);
  const interfaces = networkInterfaces();
  const [all4, all6] = [defaultRoutes4(routes4), defaultRoutes6(routes6)];
  const any = address === '0.0.0.0' || address === '::';
  const name =
    carrier?.name ??
    (any ? (all4[0]?.name ?? all6[0]?.name ?? firstOutward(interfaces)) : carrierOf(address, interfaces));
  const own = (name === undefined ? undefined : interfaces[name]) ?? [];
  const wanted4 = own.filter(({ family }) => family === 'IPv4');
  const exact = wanted4.find((entry) => entry.address === (carrier?.address ?? address));
  const v4 = any ? (exact ?? wanted4[0]) : (exact ?? (isLoopback4(address) ? loopback4(address) : undefined));
  const v6Used = isIPv6(address);
  const gateway4 = all4.find((route) => route.name === name)?.gateway;
  const gateway6 = all6.find((route) => route.name === name)?.gateway;
  const mac4 = gateway4 === undefined ? undefined : macOf(gateway4, neighbours);
  const [details, mac6, mac] = await Promise.all([
    name === undefined ? undefined : detailsOf(name),
    gateway6 === undefined || name === undefined ? undefined : neighbourMac(gateway6, name),
    name === undefined ? '' : textOf(`/sys/class/net/${name}/address`),
  ]);
  const v6 = v6Used ? presentIpv6Addresses(details) : [];
  const vlan = details && vlanOf(details);
  const leased = carrier ? carrier.dhcp : name !== undefined && (await hasLease(name));
  return {
    ...(v4 && { v4: { address: v4.address, mask: v4.netmask, source: leased ? 'dhcp' : 'static' } }),
    v6: v6.filter((entry) => any || sameIpv6(entry.address, address)),
    mac: mac.trim() || noMac,
    ...(gateway4 !== undefined && {
      gateway4: { address: gateway4, ...(mac4 !== undefined && { mac: mac4 }) },
    }),
    ...(gateway6 !== undefined && {
      gateway6: { address: gateway6, ...(mac6 !== undefined && { mac: mac6 }) },
    }),
    ...(vlan && { vlan }),
    hopLimit4: Number.parseInt(ttl, 10) || 64,
    hopLimit6: Number.parseInt(hops, 10) || 64,
  };
}

/** @returns undefined without iproute2, or when the interface has just gone */
async function detailsOf(name: string): Promise<LinkDetails | undefined> {
  const [found] = await linkDetails(systemNetworkHost, name).catch(() => []);
  return found;
}

async function neighbourMac(address: string, name: string): Promise<string | undefined> {
  const told = await systemNetworkHost
    .run('ip', ['-j', 'neighbour', 'show', address, 'dev', name])
    .catch(() => '');
  const [found] = (told.trim() === '' ? [] : JSON.parse(told)) as { readonly lladdr?: string }[];
  return found?.lladdr;
}

type Interfaces = ReturnType<typeof networkInterfaces>;

function carrierOf(address: string, interfaces: Interfaces): string | undefined {
  const carries = (entry: NetworkInterfaceInfo) =>
    isIPv6(address)
      ? entry.family === 'IPv6' && sameIpv6(entry.address, address)
      : entry.address === address || (isLoopback4(address) && entry.internal && entry.family === 'IPv4');
  return Object.entries(interfaces).find(([, entries]) => entries?.some(carries))?.[0];
}

/** The first interface with an address that is not the loopback. */
function firstOutward(interfaces: Interfaces): string | undefined {
  return Object.entries(interfaces).find(([, entries]) => entries?.some(({ internal }) => !internal))?.[0];
}

/** The whole of 127.0.0.0/8 is the loopback's, also where only one of its addresses is listed. */
function isLoopback4(address: string): boolean {
  return address.startsWith('127.');
}

function loopback4(address: string): { readonly address: string; readonly netmask: string } {
  return { address, netmask: '255.0.0.0' };
}

interface Route {
  readonly name: string;
  readonly gateway: string;
}

/** `/proc/net/route`: least metric first. */
export function defaultRoutes4(text: string): Route[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t').map((field) => field.trim()))
    .filter(([, destination, gateway]) => destination === '00000000' && gateway !== '00000000')
    .sort((a, b) => Number(a[6]) - Number(b[6]))
    .map(([name = '', , gateway = '']) => ({
      name,
      gateway: [...Buffer.from(gateway, 'hex')].reverse().join('.'),
    }));
}

/** `/proc/net/ipv6_route`: destination, its prefix, source, its prefix, next hop, metric, …, device. */
export function defaultRoutes6(text: string): Route[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([to, prefix, , , hop = '']) => /^0+$/.test(to ?? '') && prefix === '00' && /[^0]/.test(hop))
    .sort((a, b) => Number.parseInt(a[5] ?? '', 16) - Number.parseInt(b[5] ?? '', 16))
    .map((fields) => ({ name: fields[9] ?? '', gateway: ipv6FromHex(fields[4] ?? '') }));
}

function macOf(address: string, arp: string): string | undefined {
  const found = arp
    .split('\n')
    .map((line) => line.split(/\s+/))
    .find(([ip]) => ip === address)?.[3];
  return found === noMac ? undefined : found;
}

/** Whether a DHCP client of this host (systemd-networkd, dhclient, dhcpcd, NetworkManager) holds a lease. */
async function hasLease(name: string): Promise<boolean> {
  const index = (await textOf(`/sys/class/net/${name}/ifindex`)).trim();
  const places = ['/run/systemd/netif/leases', '/var/lib/dhcp', '/var/lib/dhcpcd', '/run/NetworkManager'];
  const files = await Promise.all(
    places.map(async (folder) => (await namesIn(folder)).map((file) => `${folder}/${file}`)),
  );
  for (const file of files.flat()) {
    if (index !== '' && file === `/run/systemd/netif/leases/${index}`) return true;
    if (file.endsWith(`/${name}.lease`)) return true;
    if (/\.leases?$/.test(file) && (await textOf(file)).includes(`interface "${name}"`)) return true;
  }
  return false;
}

function sameIpv6(a: string, b: string): boolean {
  return shortIpv6(a) === shortIpv6(b);
}

/** Empty when there is no such file: not every kernel and container has all of them. */
async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return '';
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}
