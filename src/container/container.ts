/**
 * `container`: what the image's entry point runs as root before it becomes pm2. Checks the configuration, says what
 * the container was not granted and what that costs, decides who runs what, makes the directories and hands them to
 * their users.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../config/config.ts';
import { ownDevices, runFiles } from '../config/run-files.ts';
import { checkPorts, prepareRun, RunError } from '../prepare.ts';
import {
  type AccountNeeds,
  type AccountPlan,
  accounts,
  lackingToSeparate,
  missingGrants,
  planAccounts,
} from './accounts.ts';
import { type Grants, lookAtGrants } from './grants.ts';

export interface ContainerOptions {
  readonly config: Config;
  /** The program itself: a Node script that knows the command `bmc`. */
  readonly script: string;
}

/**
 * @returns the supervisor's command, program first: for the entry point to become
 * @throws {RunError} when the appliance cannot start at all
 */
export async function prepareContainer({ config, script }: ContainerOptions): Promise<string[]> {
  const { runDir, stateDir } = config.bmc;
  if (process.getuid?.() !== 0) {
    throw new RunError('the container starts as root and gives its rights away itself: leave out --user');
  }
  // The container's processes are ours alone: whatever is there was left by its life before.
  const directories = [runDir, stateDir];
  for (const directory of directories) ownDirectory(directory);
  for (const name of readdirSync(runDir)) rmSync(join(runDir, name), { recursive: true, force: true });

  if (devIsOurs()) {
    mkdirSync(ownDevices, { recursive: true, mode: 0o700 });
    directories.push(ownDevices);
  }
  const grants = lookAtGrants([runDir, ownDevices]);
  const ports = [
    { protocol: 'UDP', port: config.ipmi.port, setting: 'IPMI_PORT' },
    { protocol: 'TCP', port: config.redfish.port, setting: 'REDFISH_PORT' },
    { protocol: 'TCP', port: config.redfish.httpPort, setting: 'REDFISH_HTTP_PORT' },
  ] as const;
  for (const line of missingGrants(grants, { ports })) say(`not granted: ${line}`);
  await checkPorts(config);
  const machine = giveMachineItsFiles(config, grants);
  const plan = planAccounts(grants, machine);
  const { command, env } = prepareRun(config, {
    script,
    bmcPrefix: plan.bmc,
    // With a root that cannot be written to, the run directory may be the only place for files that pass.
    env: { HOME: '/', TMPDIR: runDir },
  });
  writeFileSync(runFiles(runDir).qemuUser, words(plan.qemu), { mode: 0o600 });
  const tpm = join(stateDir, 'tpm');
  if (plan.separate) {
    mkdirSync(tpm, { recursive: true, mode: 0o700 });
    changeOwner(tpm, accounts.qemuUid, accounts.gid);
  }
  for (const directory of directories) handOver(directory, plan, tpm);
  introduce(config);
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return ['env', '-i', ...assignments, ...plan.supervisor, ...command];
}

/** Makes a directory that is ours, or takes it back from the user that an earlier start gave it to. */
function ownDirectory(path: string): void {
  try {
    // Without `recursive`, which tells a read-only file system as ENOENT.
    if (existsSync(dirname(path)) && !existsSync(path)) mkdirSync(path, { mode: 0o700 });
    else mkdirSync(path, { recursive: true, mode: 0o700 });
    const stat = lstatSync(path);
    if (!stat.isDirectory()) throw new RunError(`${path}: expected a directory, got something else`);
    if (stat.uid !== 0) changeOwner(path, 0, 0);
    chmodSync(path, 0o700);
  } catch (error) {
    if (error instanceof RunError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new RunError(
      code === 'EROFS'
        ? `${path}: the root file system is read-only: give it a tmpfs or a volume (--tmpfs /run)`
        : code === 'EPERM' || code === 'EACCES'
          ? `${path} belongs to another user, from a start with more rights: --cap-add CHOWN, or another volume`
          : `${path}: ${message}`,
      { cause: error },
    );
  }
}

/** A directory before what is in it, or after: whoever owns it can look into it. @param kept stays as it is */
function changeOwner(path: string, uid: number, gid: number, kept?: string): void {
  if (path === kept) return;
  const taking = uid === 0;
  if (taking) lchownSync(path, uid, gid);
  if (lstatSync(path).isDirectory()) {
    for (const name of readdirSync(path)) changeOwner(join(path, name), uid, gid, kept);
  }
  if (!taking) lchownSync(path, uid, gid);
}

/**
 * From here on the BMC's user has it; QEMU's may pass through, to what it has been given inside.
 * @param qemus what is QEMU's alone
 */
function handOver(path: string, { separate, bmcUid }: AccountPlan, qemus: string): void {
  if (!separate) return;
  chmodSync(path, 0o710);
  changeOwner(path, bmcUid, accounts.gid, qemus);
}

/** Lets QEMU's user open the disks, the CD image and the devices that the machine is made of. */
function giveMachineItsFiles(config: Config, grants: Grants): AccountNeeds {
  const { disks, cdrom, demo } = config.machine;
  const deviceGids: number[] = [];
  if (lackingToSeparate(grants).length > 0) return { deviceGids, rootAlone: false };
  for (const device of ['/dev/kvm', '/dev/net/tun']) giveDevice(device, deviceGids);
  let rootAlone = false;
  const files = [
    ...(demo ? [] : disks.map(({ path }) => ({ path, write: true }))),
    ...(cdrom === undefined ? [] : [{ path: cdrom, write: false }]),
  ];
  for (const { path, write } of files) {
    if (statSync(path).isBlockDevice()) giveDevice(path, deviceGids);
    else if (!usersCanOpen(path, write, deviceGids)) giveFile(path, write);
    if (usersCanOpen(path, write, deviceGids)) continue;
    rootAlone = true;
    say(`${path} cannot be opened by QEMU’s user: BMC and QEMU run as root, QEMU without root’s rights`);
  }
  return { deviceGids, rootAlone };
}

/** By its group; in a /dev of our own, a device without one gets QEMU's. */
function giveDevice(path: string, deviceGids: number[]): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isCharacterDevice() && !stat?.isBlockDevice()) return;
  if ((stat.mode & 0o006) === 0o006) return;
  if ((stat.mode & 0o060) === 0o060 && stat.gid !== 0) {
    deviceGids.push(stat.gid);
    return;
  }
  if (!devIsOurs()) {
    say(`${path} is for root alone and belongs to the host: the machine goes without it`);
    return;
  }
  chownSync(path, stat.uid, accounts.gid);
  chmodSync(path, (stat.mode & 0o777) | 0o060);
}

function devIsOurs(): boolean {
  return /^\S+ \/dev tmpfs /m.test(readFileSync('/proc/mounts', 'latin1'));
}

/** Its owner stays; its group becomes QEMU's. */
function giveFile(path: string, write: boolean): void {
  const { uid, mode } = statSync(path);
  try {
    // Only the owner may change the mode, unless one more right is granted: so the file is ours for a moment.
    chownSync(path, 0, accounts.gid);
    chmodSync(path, (mode & 0o777) | (write ? 0o060 : 0o040));
    chownSync(path, uid, accounts.gid);
    say(`${path}: group ${accounts.gid} (qemu) may now ${write ? 'write' : 'read'} it`);
  } catch (error) {
    say(`${path}: cannot be given to QEMU’s group: ${(error as Error).message}`);
  }
}

/** The BMC looks at a disk before QEMU opens it. */
function usersCanOpen(path: string, write: boolean, deviceGids: readonly number[]): boolean {
  return (
    canOpen(accounts.bmcUid, path, false, deviceGids) && canOpen(accounts.qemuUid, path, write, deviceGids)
  );
}

/** Asked of the kernel, as the user that it is about. */
function canOpen(uid: number, path: string, write: boolean, deviceGids: readonly number[]): boolean {
  const groups = deviceGids.length === 0 ? '--clear-groups' : `--groups=${deviceGids.join(',')}`;
  const as = [`--reuid=${uid}`, `--regid=${accounts.gid}`, groups, '--inh-caps=-all'];
  const test = write ? ['-r', path, '-a', '-w', path] : ['-r', path];
  try {
    execFileSync('setpriv', [...as, 'test', ...test], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Each ended by NUL, as a shell's `mapfile -d ''` reads them. */
export function words(list: readonly string[]): string {
  return list.map((word) => `${word}\0`).join('');
}

function introduce({ bmc, ipmi, redfish, machine, power }: Config): void {
  const [user] = ipmi.users;
  say(
    `IPMI on ${bmc.address}, UDP port ${ipmi.port}${redfish.port === 0 ? '' : `; Redfish on TCP port ${redfish.port}`}, ` +
      `user ${user?.name}; machine ${machine.name}, ` +
      `${machine.memoryMb} MB, ${machine.cpus} CPU, ${machine.bootMode}; ${power.shutdownGraceMs / 1000} s to shut down`,
  );
  if (ipmi.defaultPassword) {
    say(
      `*** The password is the one in the manual. Set IPMI_PASS before anybody else can reach the port. ***`,
    );
  }
}

function say(line: string): void {
  process.stderr.write(`qemu-bmc: ${line}\n`);
}
