/**
 * Looks at the host's network interface that carries the BMC's address: what the BMC tells of its network is what
 * the host really has. Linux; what cannot be found out is left out.
 */
import { readdir, readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { NetworkState } from '../bmc/lan-settings.ts';

/** A client reads one parameter after the other: so long one look is good for all of them. */
const freshMs = 1000;
const permanentFlag = 0x80;
const noMac = '00:00:00:00:00:00';

/**
 * @param address the one that the BMC listens on; `0.0.0.0` and `::` stand for the interface of the default route
 * @returns a function that looks, at most once a second
 */
export function hostNetwork(address: string): () => Promise<NetworkState> {
  let last: Promise<NetworkState> | undefined;
  let lookedAt = 0;
  return () => {
    const now = performance.now();
    if (!last || now - lookedAt >= freshMs) {
      last = look(address);
      lookedAt = now;
    }
    return last;
  };
}

async function look(address: string): Promise<NetworkState> {
  const [routes4, routes6, neighbours, addresses6, vlan, ttl, hops] = await Promise.all([
    textOf('/proc/net/route'),
    textOf('/proc/net/ipv6_route'),
    textOf('/proc/net/arp'),
    textOf('/proc/net/if_inet6'),
    textOf('/proc/net/vlan/config'),
    textOf('/proc/sys/net/ipv4/ip_default_ttl'),
    textOf('/proc/sys/net/ipv6/conf/all/hop_limit'),
  ]);
  const interfaces = networkInterfaces();
  const [default4] = defaultRoutes4(routes4);
  const [default6] = defaultRoutes6(routes6);
  const any = address === '0.0.0.0' || address === '::';
  const name = any ? (default4?.name ?? default6?.name) : carrierOf(address, interfaces);
  const own = (name === undefined ? undefined : interfaces[name]) ?? [];
  const wanted4 = own.filter(({ family }) => family === 'IPv4');
  const exact = wanted4.find((entry) => entry.address === address);
  const v4 = any ? wanted4[0] : (exact ?? (isLoopback4(address) ? loopback4(address) : undefined));
  const v6Used = isIPv6(address);
  const v6 = own.filter((entry) => entry.family === 'IPv6' && (any || sameIpv6(entry.address, address)));
  const permanent = permanentAddresses(addresses6);
  const vlanId = name === undefined ? undefined : vlanOf(name, vlan);
  const gateway4 = default4?.name === name ? default4?.gateway : undefined;
  const gateway6 = default6?.name === name ? default6?.gateway : undefined;
  const gatewayMac = gateway4 === undefined ? undefined : macOf(gateway4, neighbours);
  return {
    ...(v4 && {
      v4: {
        address: v4.address,
        mask: v4.netmask,
        source: name !== undefined && (await hasLease(name)) ? 'dhcp' : 'static',
      },
    }),
    v6: v6Used
      ? v6.map((entry) => ({
          address: entry.address,
          prefixLength: Number(entry.cidr?.split('/')[1] ?? 128),
          dynamic: !permanent.has(canonical(entry.address)),
        }))
      : [],
    mac: own[0]?.mac ?? noMac,
    ...(gateway4 !== undefined && {
      gateway4: { address: gateway4, ...(gatewayMac !== undefined && { mac: gatewayMac }) },
    }),
    ...(gateway6 !== undefined && { gateway6: { address: gateway6 } }),
    ...(vlanId !== undefined && { vlan: vlanId }),
    hopLimit4: Number.parseInt(ttl, 10) || 64,
    hopLimit6: Number.parseInt(hops, 10) || 64,
  };
}

type Interfaces = ReturnType<typeof networkInterfaces>;

function carrierOf(address: string, interfaces: Interfaces): string | undefined {
  const carries = (entry: NetworkInterfaceInfo) =>
    isIPv6(address)
      ? entry.family === 'IPv6' && sameIpv6(entry.address, address)
      : entry.address === address || (isLoopback4(address) && entry.internal && entry.family === 'IPv4');
  return Object.entries(interfaces).find(([, entries]) => entries?.some(carries))?.[0];
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
    .map((fields) => ({ name: fields[9] ?? '', gateway: ipv6Text(fields[4] ?? '') }));
}

function macOf(address: string, arp: string): string | undefined {
  const found = arp
    .split('\n')
    .map((line) => line.split(/\s+/))
    .find(([ip]) => ip === address)?.[3];
  return found === noMac ? undefined : found;
}

/** `/proc/net/if_inet6`: those that were set by hand, neither advertised nor leased. */
function permanentAddresses(text: string): Set<string> {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  return new Set(
    lines
      .filter((fields) => (Number.parseInt(fields[4] ?? '0', 16) & permanentFlag) !== 0)
      .map(([address = '']) => canonical(ipv6Text(address))),
  );
}

/** `/proc/net/vlan/config`: `eth0.5 | 5 | eth0`. */
function vlanOf(name: string, config: string): number | undefined {
  const fields = config
    .split('\n')
    .map((line) => line.split('|').map((field) => field.trim()))
    .find(([device]) => device === name);
  return fields?.[1] === undefined ? undefined : Number(fields[1]);
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

function ipv6Text(hex: string): string {
  return hex.replace(/(....)(?!$)/g, '$1:');
}

/** All 32 digits, so that one address has one text. */
function canonical(address: string): string {
  const url = URL.canParse(`http://[${address}]/`) ? new URL(`http://[${address}]/`).hostname : address;
  return url.toLowerCase();
}

function sameIpv6(a: string, b: string): boolean {
  return canonical(a) === canonical(b);
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
