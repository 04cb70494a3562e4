/** Decides on the machine's network cards. Which interfaces there are is looked at when the machine starts, not here. */
import { statSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import type { HostForward, Network, UserNetwork, WireNetwork } from './config.ts';
import { type Problems, show } from './problems.ts';
import { type Settings, wireBackends } from './schema.ts';

type NetworkSettings = NonNullable<Settings['machine']['networks']>[number];

export function decideNetworks(
  networks: readonly NetworkSettings[],
  demo: boolean,
  problems: Problems,
): Network[] {
  const decided = networks.flatMap((network, index): Network[] => {
    const at = `machine.networks.${index}`;
    if (network.backend !== 'auto' && network.backend !== 'user') refuseUserSettings(network, at, problems);
    if (isOnWire(network.backend)) return [wireNetwork(network, network.backend, at, demo, problems)];
    for (const key of ['interface', 'hostMac', 'subnet', 'queues'] as const) {
      if (network[key] === undefined) continue;
      problems.say(`${at}.${key}`, `only for ${wireBackends.join(', ')}, not for ${network.backend}`);
    }
    return network.backend === 'none' ? [] : [userNetwork(network, at, demo, problems)];
  });
  const searching = networks.flatMap((network, index) =>
    isOnWire(network.backend) && !selects(network) ? [index] : [],
  );
  for (const index of searching.slice(1)) {
    problems.say(
      `machine.networks.${index}.backend`,
      `network ${searching[0]} takes all interfaces that are found already: name an interface`,
    );
  }
  return decided;
}

/** Names its interface, one way or another. */
export function selects({ interface: name, hostMac, subnet }: NetworkSettings): boolean {
  return name !== undefined || hostMac !== undefined || subnet !== undefined;
}

function isOnWire(backend: NetworkSettings['backend']): backend is WireNetwork['backend'] {
  return (wireBackends as readonly string[]).includes(backend);
}

function refuseUserSettings(network: NetworkSettings, at: string, problems: Problems): void {
  const given = [
    network.restrict && 'restrict',
    network.tftp !== undefined && 'tftp',
    network.bootFile !== undefined && 'bootFile',
    network.hostForward.length > 0 && 'hostForward',
  ].filter((key) => key !== false);
  for (const key of given) problems.say(`${at}.${key}`, `only for user and auto, not for ${network.backend}`);
}

function wireNetwork(
  network: NetworkSettings,
  backend: WireNetwork['backend'],
  at: string,
  demo: boolean,
  problems: Problems,
): WireNetwork {
  const { interface: name, hostMac, subnet, mac, queues } = network;
  const ways = [name, hostMac, subnet].filter((way) => way !== undefined);
  if (ways.length > 1) problems.say(at, 'one of interface, hostMac and subnet, not several');
  if (name === 'lo') problems.say(`${at}.interface`, 'lo cannot be given to a machine');
  if (subnet !== undefined && !isSubnet(subnet)) {
    problems.add(`${at}.subnet`, 'an address and a prefix length such as 10.1.0.0/24', show(subnet));
  }
  if (ways.length === 0 && mac !== undefined) {
    problems.say(`${at}.mac`, 'only for a card whose interface is named');
  }
  const select =
    name !== undefined
      ? { interface: name }
      : hostMac !== undefined
        ? { hostMac: hostMac.toLowerCase() }
        : subnet !== undefined && { subnet };
  return {
    backend,
    ...(select && { select }),
    ...(mac === undefined ? {} : { mac: mac.toLowerCase() }),
    ...(queues === undefined ? {} : { queues }),
    ...(backend === 'auto' && { otherwise: userNetwork(network, at, demo, problems) }),
  };
}

function userNetwork(
  { tftp, mac, bootFile, restrict, hostForward }: NetworkSettings,
  at: string,
  demo: boolean,
  problems: Problems,
): UserNetwork {
  if (tftp !== undefined && !demo && !isDirectory(tftp)) {
    problems.add(`${at}.tftp`, 'a directory', show(tftp));
  }
  return {
    backend: 'user',
    restrict,
    hostForward: hostForward.map((text) => decideForward(text, `${at}.hostForward`, problems)),
    ...(mac === undefined ? {} : { mac: mac.toLowerCase() }),
    ...(tftp === undefined ? {} : { tftp }),
    ...(bootFile === undefined ? {} : { bootFile }),
  };
}

function decideForward(text: string, at: string, problems: Problems): HostForward {
  const [protocol, ports = ''] = text.split(':');
  const [hostPort = 0, guestPort = 0] = ports.split('-').map(Number);
  if (hostPort > 65535 || guestPort > 65535) problems.add(at, 'ports up to 65535', show(text));
  return { protocol: protocol === 'udp' ? 'udp' : 'tcp', hostPort, guestPort };
}

function isSubnet(text: string): boolean {
  const [, address = '', prefix = ''] = /^([^/]+)\/([0-9]{1,3})$/.exec(text) ?? [];
  return (isIPv4(address) && Number(prefix) <= 32) || (isIPv6(address) && Number(prefix) <= 128);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
