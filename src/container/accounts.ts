/**
 * Who runs what in a container, and with which rights: a decision over plain data. The words it gives are those of
 * util-linux' `setpriv` and libcap's `capsh`, put in front of a command.
 *
 *   separate   pm2 and the BMC as `bmc`, QEMU as `qemu`. Needs the right to change users, to give files away and to
 *              signal the other user's process.
 *   together   everything as root, with what root was granted; QEMU without any of it.
 */
import type { Capability, Grants } from './grants.ts';

/** As the Dockerfile makes them. QEMU's group is the BMC's, too: by it they reach each other's sockets. */
export const accounts = { bmcUid: 6231, qemuUid: 6230, gid: 6230 } as const;

export interface AccountPlan {
  readonly separate: boolean;
  /** Owner of the BMC's files and processes. */
  readonly bmcUid: number;
  /** In front of the supervisor's command. */
  readonly supervisor: readonly string[];
  /** In front of the BMC's. */
  readonly bmc: readonly string[];
  /** In front of QEMU's. */
  readonly qemu: readonly string[];
}

const toSeparate = ['SETUID', 'SETGID', 'CHOWN', 'KILL'] as const satisfies Capability[];
const ofBmc = ['NET_ADMIN', 'MKNOD', 'KILL', 'NET_BIND_SERVICE'] as const satisfies Capability[];
/** The launcher's, to give QEMU its user; the supervisor passes them on to it. */
const ofLauncher = ['SETUID', 'SETGID', 'SETPCAP'] as const satisfies Capability[];

/** @returns the capabilities that lack for users of their own; empty when they can be had */
export function lackingToSeparate(grants: Grants): Capability[] {
  return toSeparate.filter((name) => !grants.capabilities.has(name));
}

export interface AccountNeeds {
  /** Groups of devices that the machine works with. */
  readonly deviceGids: readonly number[];
  /** Some file of the machine can be opened by root alone. */
  readonly rootAlone: boolean;
}

export function planAccounts(grants: Grants, { deviceGids, rootAlone }: AccountNeeds): AccountPlan {
  const { capabilities } = grants;
  const separate = lackingToSeparate(grants).length === 0 && !rootAlone;
  const boundable = capabilities.has('SETPCAP');
  const nothing = ['--inh-caps=-all', ...(boundable ? ['--bounding-set=-all'] : []), '--no-new-privs'];
  const kept = (names: readonly Capability[]) =>
    names.filter((name) => capabilities.has(name)).map((name) => `+${name.toLowerCase()}`);
  if (!separate) {
    const bounded = (names: readonly Capability[]) =>
      boundable ? ['setpriv', '--inh-caps=-all', `--bounding-set=${['-all', ...kept(names)].join(',')}`] : [];
    return {
      separate,
      bmcUid: 0,
      supervisor: bounded([...ofBmc, 'SETPCAP']),
      bmc: bounded(ofBmc),
      // Root regains its rights whenever it starts a program, unless they are gone for good before.
      qemu: ['setpriv', ...nothing, 'capsh', '--caps=', '--shell=/usr/bin/env', '--'],
    };
  }
  const groups = (uid: number) => [
    ...[`--reuid=${uid}`, `--regid=${accounts.gid}`],
    deviceGids.length === 0 ? '--clear-groups' : `--groups=${[...new Set(deviceGids)].sort().join(',')}`,
  ];
  const all = ['-all', ...kept([...ofBmc, ...ofLauncher])].join(',');
  const bmc = ['-all', ...kept(ofBmc)].join(',');
  return {
    separate,
    bmcUid: accounts.bmcUid,
    supervisor: [
      ...['setpriv', ...groups(accounts.bmcUid), `--inh-caps=${all}`, `--ambient-caps=${all}`],
      ...(boundable ? [`--bounding-set=${all}`] : []),
    ],
    bmc: [
      ...['setpriv', `--inh-caps=${bmc}`, `--ambient-caps=${bmc}`],
      ...(boundable ? [`--bounding-set=${bmc}`] : []),
      '--no-new-privs',
    ],
    qemu: ['setpriv', ...groups(accounts.qemuUid), '--ambient-caps=-all', ...nothing],
  };
}

/** A port that the BMC listens on. */
export interface NeededPort {
  readonly protocol: 'UDP' | 'TCP';
  readonly port: number;
  readonly setting: string;
}

/** One line for each grant that is missing and costs something. */
export function missingGrants(grants: Grants, needs: { readonly ports: readonly NeededPort[] }): string[] {
  const { capabilities, tun, kvm, macvtap, firstFreePort } = grants;
  const lines: string[] = [];
  const lack = (what: string, cost: string, cure: string) => lines.push(`${what}: ${cost} (${cure})`);
  const separating = lackingToSeparate(grants);
  if (separating.length > 0) {
    const flags = separating.map((name) => `--cap-add ${name}`).join(' ');
    lack(`no ${separating.join(', ')}`, 'BMC and QEMU run as root instead of users of their own', flags);
  }
  if (!capabilities.has('NET_ADMIN')) {
    lack(
      'no NET_ADMIN',
      'the machine’s cards cannot be joined to the container’s interfaces, user-mode network instead',
      '--cap-add NET_ADMIN',
    );
  } else {
    if (!capabilities.has('MKNOD')) lack('no MKNOD', 'no macvtap for the machine’s cards', '--cap-add MKNOD');
    else if (macvtap === 'forbidden') {
      const major = '$(awk \'$2=="macvtap"{print $1}\' /proc/devices)';
      lack(
        'device rule for macvtap missing',
        'no macvtap for the machine’s cards',
        `--device-cgroup-rule "c ${major}:* rwm"`,
      );
    }
    if (tun !== 'yes') {
      lack(`/dev/net/tun ${tun}`, 'neither tc nor bridge for the machine’s cards', '--device /dev/net/tun');
    }
  }
  if (kvm !== 'yes') lack(`/dev/kvm ${kvm}`, 'the machine is emulated and slow', '--device /dev/kvm');
  for (const { protocol, port, setting } of needs.ports) {
    if (port === 0 || port >= firstFreePort || capabilities.has('NET_BIND_SERVICE')) continue;
    lack(
      'no NET_BIND_SERVICE',
      `${protocol} port ${port} cannot be listened on`,
      `--sysctl net.ipv4.ip_unprivileged_port_start=0, or --cap-add NET_BIND_SERVICE, or ${setting}`,
    );
  }
  return lines;
}
