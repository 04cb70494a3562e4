/**
 * The files by which the parts of one appliance find each other, all in its run directory, and the exit codes
 * of the BMC's process. The run directory is private (0700) and emptied when the appliance ends.
 */
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf } from './problems.ts';

export interface RunFiles {
  /** The configuration in force, with secrets: how the BMC's process gets it. */
  readonly config: string;
  /** There from the appliance's start until the BMC's first start: power has just returned. */
  readonly powerReturned: string;
  /** Written by the BMC, see {@link ApplianceStatus}. */
  readonly status: string;
  /** Where the BMC takes faults to inject: a unix socket. */
  readonly admin: string;
  /** The process that owns the run directory. */
  readonly owner: string;
  readonly pm2Home: string;
  /** pm2 runs a file of any other ending as a script. */
  readonly ecosystem: string;
  /** Words in front of QEMU's command, each ended by NUL: they give it a user and take its rights. May be absent. */
  readonly qemuUser: string;
}

/** In a container: a directory for device nodes that the BMC's user may write to. */
export const ownDevices = '/dev/qemu-bmc';

export function runFiles(runDir: string): RunFiles {
  return {
    config: join(runDir, 'config.json'),
    powerReturned: join(runDir, 'power-returned'),
    status: join(runDir, 'status.json'),
    admin: join(runDir, 'admin.sock'),
    owner: join(runDir, 'run.pid'),
    pm2Home: join(runDir, 'pm2'),
    ecosystem: join(runDir, 'ecosystem.config.json'),
    qemuUser: join(runDir, 'qemu.user'),
  };
}

/** A network card of the machine that runs or starts. */
export interface NicStatus {
  readonly id: string;
  readonly mac: string;
  readonly mtu?: number | undefined;
  readonly queues: number;
  readonly backend: string;
  /** The host's interface. */
  readonly wire?: string | undefined;
  readonly linkUp: boolean;
  readonly note?: string | undefined;
}

/** What the BMC's process says about itself. Anything may be absent while it starts. */
export interface ApplianceStatus {
  /** The BMC's own process. */
  readonly pid?: number;
  /** Milliseconds since 1970. */
  readonly startedAt?: number;
  readonly machine?: {
    readonly state?: string;
    readonly pid?: number;
    readonly accelerator?: string;
    readonly acceleratorReason?: string;
    readonly nics?: readonly NicStatus[];
  };
  readonly listen?: readonly { readonly face: string; readonly address: string; readonly port: number }[];
}

/** How the BMC's process ends: pm2 restarts it after any other code, 0 included, which pm2 reports for SIGKILL. */
export const BmcExit = {
  /** Stopped in order, by a signal. */
  stopped: 90,
  /** Cannot run whatever is tried: the reason is on standard error. */
  hopeless: 91,
} as const;

/** A client asked for a reset of the BMC: it ends with this code, and pm2 starts it anew. */
export const bmcResetExit = 92;

/** Takes the marker away. @returns whether this is the BMC's first start since the appliance started */
export function takePowerReturned(runDir: string): boolean {
  const marker = runFiles(runDir).powerReturned;
  const returned = existsSync(marker);
  rmSync(marker, { force: true });
  return returned;
}

export function readStatus(runDir: string): ApplianceStatus | undefined {
  try {
    return JSON.parse(readFileSync(runFiles(runDir).status, 'utf8')) as ApplianceStatus;
  } catch {
    return undefined;
  }
}

/**
 * Makes a directory that only we can look into, or checks that it is one.
 * @throws {Error} when it cannot be made, is a symbolic link, not a directory or somebody else's
 */
export function preparePrivateDirectory(path: string): void {
  try {
    makeDirectories(path);
  } catch (error) {
    throw new Error(`${path}: the directory cannot be made: ${(error as Error).message}`, { cause: error });
  }
  const stat = lstatSync(path);
  if (!stat.isDirectory()) throw new Error(`${path}: expected a directory, got something else`);
  const uid = process.getuid?.();
  if (uid !== undefined && stat.uid !== uid) {
    throw new Error(`${path}: expected a directory of user ${uid}, got one of user ${stat.uid}`);
  }
  if ((stat.mode & 0o777) !== 0o700) chmodSync(path, 0o700);
}

/** As `mkdir -p`. Node's own tries for ever where the kernel lets nobody make anything, as below /proc. */
function makeDirectories(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectories(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Somebody else may have made it meanwhile; what it is gets looked at in any case.
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}
