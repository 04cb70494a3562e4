/** Joins the machine's network cards, as configured, with the host's network. */
import { join } from 'node:path';
import type { Config, Network, UserNetwork } from './config/config.ts';
import { ownDevices } from './config/run-files.ts';
import { systemClock } from './lib/clock.ts';
import type { Logger } from './lib/log.ts';
import type { NicProvider } from './machine/qemu/nic-provider.ts';
import type { CardChoice } from './network/card-plan.ts';
import { systemNetworkHost } from './network/host-commands.ts';
import { HostNics, type UserCard } from './network/host-nics.ts';
import { SystemLinkTable } from './network/link-table.ts';
import { reservedLinks } from './network/reserved-links.ts';

export function machineNics(config: Config, uuid: string, log: Logger): NicProvider {
  const { bmc, machine } = config;
  return new HostNics({
    choices: machine.networks.map(cardChoice),
    promised: machine.promisedLinks,
    waitMs: machine.nicWaitMs,
    defaultMac: (place) => macOf(uuid, place),
    owner: bmc.runDir,
    recordFile: join(bmc.runDir, 'nics.json'),
    // A container's /dev allows device nodes where a tmpfs for the run directory may not.
    nodeFolders: [bmc.runDir, ownDevices, '/dev'],
    reserved: () => reservedLinks(bmc.address, bmc.managedInterface),
    host: systemNetworkHost,
    table: new SystemLinkTable(systemNetworkHost, log),
    clock: systemClock,
    log,
  });
}

function cardChoice(network: Network): CardChoice<UserCard> {
  if (network.backend === 'user') return { kind: 'other', other: userCard(network) };
  const { backend, select, mac, queues, otherwise } = network;
  return {
    kind: 'wire',
    backend,
    select,
    ...(mac === undefined ? {} : { mac }),
    ...(queues === undefined ? {} : { queues }),
    otherwise: otherwise && userCard(otherwise),
  };
}

function userCard({ mac, restrict, hostForward, tftp, bootFile }: UserNetwork): UserCard {
  return {
    ...(mac === undefined ? {} : { mac }),
    backend: {
      kind: 'user',
      restrict,
      hostForward,
      ...(tftp === undefined ? {} : { tftp }),
      ...(bootFile === undefined ? {} : { bootFile }),
    },
  };
}

/** An address that follows from the machine's UUID, so that it stays. */
function macOf(uuid: string, place: number): string {
  const digits = uuid.replaceAll('-', '');
  const last = ((Number.parseInt(digits.slice(4, 6), 16) + place) & 0xff).toString(16).padStart(2, '0');
  return `52:54:00:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${last}`;
}
