/** Makes the configuration out of settings that are sound one by one. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseCidr } from '../lib/cidr.ts';
import type { Config } from './config.ts';
import { checkTls, decideKg, decideUser, strictPasswordLength } from './decide-credentials.ts';
import { decideCdrom, decideDisks, decideExtraArgs } from './decide-machine.ts';
import { decideNetworks, selects } from './decide-networks.ts';
import type { Environment } from './environment.ts';
import { demoDir } from './package-paths.ts';
import { type Problems, show } from './problems.ts';
import type { Settings } from './schema.ts';

/** Fills in the defaults that depend on other settings, and checks what only the whole can tell. */
export function decide(settings: Settings, env: Environment, problems: Problems): Config {
  const { bmc, ipmi, redfish, machine, power, profile } = settings;
  const fake = machine.kind === 'fake';
  if (isIP(bmc.address) === 0) problems.add('bmc.address', 'one IPv4 or IPv6 address', show(bmc.address));
  if (bmc.managedInterface !== undefined && bmc.address !== '0.0.0.0' && bmc.address !== '::') {
    problems.add(
      'bmc.address',
      '0.0.0.0 or :: where bmc.managedInterface is set, since its address may change',
      show(bmc.address),
    );
  }
  bmc.stateDir ??= defaultStateDir(env);
  bmc.runDir ??= defaultRunDir(env, bmc.stateDir);
  if (Buffer.byteLength(bmc.runDir) > maxRunDirBytes) {
    problems.add('bmc.runDir', `a path of at most ${maxRunDirBytes} bytes (set RUN_DIR)`, show(bmc.runDir));
  }
  ipmi.kcsPolicy ??= profile === 'strict' ? 'no-users' : 'full';
  ipmi.v15 ??= profile !== 'strict';
  ipmi.cipherSuites ??= profile === 'strict' ? [17] : [17, 3];
  if (profile === 'strict' && ipmi.cipherSuites.some((suite) => suite !== 17)) {
    problems.add('ipmi.cipherSuites', '17 alone in profile strict', show(ipmi.cipherSuites));
  }
  if (profile === 'strict' && machine.extraArgs.trim() !== '') {
    problems.say('machine.extraArgs', 'not allowed in profile strict');
  }
  if (machine.vncPort > 0 && machine.vncPort < 5900) {
    problems.add('machine.vncPort', '0, or a port from 5900 to 65535', String(machine.vncPort));
  }

  const demo = machine.disks === undefined && !fake;
  machine.disks ??= fake ? [] : [join(demoDir, 'demo.qcow2')];
  machine.cdrom ??= demo ? join(demoDir, 'demo.iso') : 'none';
  machine.networks ??= [
    { backend: machine.promisedLinks === undefined ? 'user' : 'auto', restrict: false, hostForward: [] },
  ];
  // The demo machine can boot from the network that it has by itself.
  const [first] = machine.networks;
  if (demo && machine.networks.length === 1 && first?.tftp === undefined && first?.bootFile === undefined) {
    const mayBeUser = first?.backend === 'user' || (first?.backend === 'auto' && !selects(first));
    if (mayBeUser) Object.assign(first, { tftp: demoDir, bootFile: 'boot.ipxe' });
  }
  const users = ipmi.users.map((user, index) => decideUser(user, index, profile, problems));
  const names = users.map((user) => user.name);
  names.forEach((name, index) => {
    if (names.indexOf(name) < index)
      problems.say(`ipmi.users.${index}.name`, `${show(name)} is taken by another user`);
  });
  const kgHex = ipmi.kg === undefined || ipmi.kg === '' ? undefined : decideKg(ipmi.kg, problems);
  checkTls(redfish, problems);
  const { library } = redfish.media;
  if (library !== undefined && !statSync(library, { throwIfNoEntry: false })?.isDirectory()) {
    problems.add('redfish.media.library', 'a folder', show(library));
  }
  if (redfish.httpPort !== 0 && redfish.port === 0) {
    problems.say('redfish.httpPort', 'leads to HTTPS, which redfish.port 0 switches off');
  } else if (redfish.httpPort !== 0 && redfish.httpPort === redfish.port) {
    problems.add('redfish.httpPort', 'another port than redfish.port', String(redfish.httpPort));
  }

  return {
    profile,
    bmc: {
      address: bmc.address,
      ...(bmc.managedInterface === undefined ? {} : { managedInterface: bmc.managedInterface }),
      stateDir: bmc.stateDir,
      runDir: bmc.runDir,
      logLevel: bmc.logLevel,
    },
    ipmi: {
      port: ipmi.port,
      trapPort: ipmi.trapPort,
      users,
      defaultPassword: users.some((user) => user.wellKnownPassword),
      minPasswordBytes: profile === 'strict' ? strictPasswordLength : 1,
      ...(kgHex === undefined ? {} : { kgHex }),
      cipherSuites: ipmi.cipherSuites,
      maxSessions: ipmi.maxSessions,
      solReplayBytes: ipmi.solReplay,
      v15: ipmi.v15,
      kcsPolicy: ipmi.kcsPolicy,
      hideUserNames: profile === 'strict',
    },
    redfish: {
      port: redfish.port,
      httpPort: redfish.httpPort,
      compatibility: redfish.compatibility ?? profile !== 'strict',
      eventDestinations: checkedNetworks('redfish.eventDestinations', redfish.eventDestinations, problems),
      ...(redfish.tlsCert === undefined ? {} : { tlsCert: redfish.tlsCert }),
      ...(redfish.tlsKey === undefined ? {} : { tlsKey: redfish.tlsKey }),
    },
    media: {
      allow: checkedNetworks('redfish.media.allow', redfish.media.allow, problems),
      deny: checkedNetworks('redfish.media.deny', redfish.media.deny, problems),
      maxBytes: redfish.media.maxSize * 1024 * 1024,
      cacheBytes: redfish.media.cacheSize * 1024 * 1024,
      ...(library === undefined ? {} : { library }),
    },
    machine: {
      kind: machine.kind,
      name: machine.name,
      memoryMb: machine.memory,
      cpus: machine.cpus,
      cpuModel: machine.cpuModel,
      disks: decideDisks(machine.disks, problems),
      ...decideCdrom(machine.cdrom, problems),
      boot: machine.boot,
      bootMode: machine.bootMode,
      tpm: machine.tpm,
      networks: decideNetworks(machine.networks, demo, problems),
      ...(machine.promisedLinks === undefined ? {} : { promisedLinks: machine.promisedLinks }),
      nicWaitMs: machine.nicWait * 1000,
      vncPort: machine.vncPort,
      kvm: machine.kvm,
      extraArgs: decideExtraArgs(machine.extraArgs, problems),
      demo,
    },
    power: {
      onAtStart: power.onAtStart,
      restorePolicy: power.restorePolicy,
      shutdownGraceMs: power.shutdownGrace * 1000,
      limit: power.limit,
    },
  };
}

function checkedNetworks(path: string, networks: readonly string[], problems: Problems): readonly string[] {
  networks.forEach((network, index) => {
    if (parseCidr(network)) return;
    problems.add(
      `${path}.${index}`,
      'an address, or one with a prefix length such as 192.0.2.0/24 or 2001:db8::/64',
      show(network),
    );
  });
  return networks;
}

/** A unix socket's path has at most 107 bytes; the longest name below the run directory takes some of them. */
const maxRunDirBytes = 75;

function defaultStateDir(env: Environment): string {
  const base = env.XDG_STATE_HOME;
  return join(base?.startsWith('/') ? base : join(env.HOME || homedir(), '.local/state'), 'qemu-bmc');
}

function defaultRunDir(env: Environment, stateDir: string): string {
  const uid = process.getuid?.() ?? 0;
  const id = createHash('sha256').update(stateDir).digest('hex').slice(0, 8);
  if (uid === 0) return `/run/qemu-bmc-${id}`;
  const base = env.XDG_RUNTIME_DIR;
  return base?.startsWith('/') ? join(base, `qemu-bmc-${id}`) : `/tmp/qemu-bmc-${uid}-${id}`;
}
