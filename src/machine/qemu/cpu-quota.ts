/**
 * Processor time held down by a control group of Linux: one of our own below the group that we are in, into which
 * QEMU's process is moved. `cpu.max` in version 2, `cpu.cfs_quota_us` in version 1; whichever has the processors.
 *
 * The group is made when a limit is first needed, and removed when QEMU has ended. A guest that goes on without its
 * BMC keeps its limit.
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Over which the scheduler counts. */
const periodUs = 100_000;
/** The least that Linux takes. */
const leastQuotaUs = 1_000;
/** A process that has ended may still be in its group for a moment. */
const removeTries = 20;
const removeAgainMs = 50;

/** Files of the control groups; another one for tests. */
export interface ControlGroupFiles {
  read(path: string): string;
  write(path: string, text: string): void;
  /** Does nothing when it is there. */
  makeDirectory(path: string): void;
  /** Does nothing when it is not there. */
  removeDirectory(path: string): void;
}

export const linuxControlGroups: ControlGroupFiles = {
  read: (path) => readFileSync(path, 'latin1'),
  write: (path, text) => writeFileSync(path, text),
  makeDirectory: (path) => void mkdirSync(path, { recursive: true }),
  removeDirectory(path) {
    try {
      rmdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  },
};

export type CpuQuotaSearch = { readonly quota: CpuQuota } | { readonly unavailable: string };

/**
 * Looks for a place for a group of our own by making one and removing it again.
 * @param name of the group; no other machine of this host has it
 */
export function findCpuQuota(name: string, files: ControlGroupFiles = linuxControlGroups): CpuQuotaSearch {
  let mounts: readonly Mount[];
  let groups: readonly OwnGroup[];
  try {
    mounts = readMounts(files.read('/proc/self/mountinfo'));
    groups = readOwnGroups(files.read('/proc/self/cgroup'));
  } catch (error) {
    return { unavailable: `control groups: ${(error as Error).message}` };
  }
  const reasons: string[] = [];
  for (const { version, directory } of candidates(mounts, groups)) {
    const quota = new CpuQuota(version, join(directory, name), files);
    try {
      if (version === 2) enableCpu(directory, files);
      quota.tryOut();
      return { quota };
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  return { unavailable: reasons.join('; ') || 'no control group for processors is mounted' };
}

export class CpuQuota {
  readonly #version: 1 | 2;
  readonly #files: ControlGroupFiles;
  readonly directory: string;

  constructor(version: 1 | 2, directory: string, files: ControlGroupFiles) {
    this.#version = version;
    this.directory = directory;
    this.#files = files;
  }

  /** @throws {Error} where the group cannot be made or takes no limit */
  tryOut(): void {
    this.#files.makeDirectory(this.directory);
    // A group that a machine is in keeps its limit: a BMC has just restarted.
    if (this.#processes().length > 0) return;
    try {
      this.#write(leastQuotaUs);
    } finally {
      this.#files.removeDirectory(this.directory);
    }
  }

  /**
   * @param processors how many processors' time the process may use; undefined: no limit
   * @throws {Error} where the host refuses
   */
  limit(pid: number, processors: number | undefined): void {
    if (processors === undefined) {
      if (this.#holds(pid)) this.#write(undefined);
      return;
    }
    this.#files.makeDirectory(this.directory);
    this.#write(Math.max(leastQuotaUs, Math.round(processors * periodUs)));
    if (!this.#holds(pid)) this.#files.write(join(this.directory, 'cgroup.procs'), String(pid));
  }

  /** Nobody is in the group any more. @throws {Error} when somebody still is */
  async remove(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        this.#files.removeDirectory(this.directory);
        return;
      } catch (error) {
        if (tries === removeTries || (error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
        await sleep(removeAgainMs);
      }
    }
  }

  #holds(pid: number): boolean {
    return this.#processes().includes(String(pid));
  }

  #processes(): readonly string[] {
    try {
      const text = this.#files.read(join(this.directory, 'cgroup.procs'));
      return text.split('\n').filter(Boolean);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  #write(quotaUs: number | undefined): void {
    if (this.#version === 2) {
      this.#files.write(join(this.directory, 'cpu.max'), `${quotaUs ?? 'max'} ${periodUs}`);
      return;
    }
    const file = join(this.directory, 'cpu.cfs_quota_us');
    this.#files.write(join(this.directory, 'cpu.cfs_period_us'), String(periodUs));
    try {
      this.#files.write(file, String(quotaUs ?? -1));
    } catch (error) {
      // More than the group above has: then that one holds the machine down already.
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      this.#files.write(file, '-1');
    }
  }
}

interface Mount {
  /** What of the hierarchy is mounted there. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  /** Controllers of version 1 are among them. */
  readonly options: readonly string[];
}

interface OwnGroup {
  /** Empty for version 2. */
  readonly controllers: readonly string[];
  readonly path: string;
}

/** proc(5): ID, parent, device, root, mount point, options, optional fields up to `-`, type, source, more options. */
function readMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, point] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    return root && point && type ? [{ root, point, type, options: options.split(',') }] : [];
  });
}

function readOwnGroups(text: string): OwnGroup[] {
  return text.split('\n').flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    return controllers !== undefined && path !== undefined
      ? [{ controllers: controllers.split(',').filter(Boolean), path }]
      : [];
  });
}

/** Where a group of ours could be: below our own; in version 2 also beside it, where ours holds processes itself. */
function candidates(
  mounts: readonly Mount[],
  groups: readonly OwnGroup[],
): { version: 1 | 2; directory: string }[] {
  const first = mounts.find(({ type, options }) => type === 'cgroup' && options.includes('cpu'));
  const ownFirst = groups.find(({ controllers }) => controllers.includes('cpu'));
  if (first && ownFirst)
    return [{ version: 1, directory: join(first.point, below(first.root, ownFirst.path)) }];
  const second = mounts.find(({ type }) => type === 'cgroup2');
  const ownSecond = groups.find(({ controllers }) => controllers.length === 0);
  if (!second || !ownSecond) return [];
  const path = below(second.root, ownSecond.path);
  const directories = path === '/' ? [path] : [path, join(path, '..')];
  return directories.map((each) => ({ version: 2, directory: join(second.point, each) }));
}

/** A container sees its own group as the root of what is mounted. */
function below(root: string, path: string): string {
  if (root === '/') return path;
  return path === root || path.startsWith(`${root}/`) ? path.slice(root.length) || '/' : '/';
}

/** Groups below `directory` shall have limits for processors. @throws {Error} where they cannot */
function enableCpu(directory: string, files: ControlGroupFiles): void {
  const has = (file: string) => files.read(join(directory, file)).split(/\s+/).includes('cpu');
  if (!has('cgroup.controllers')) throw new Error(`${directory}: the controller cpu is not delegated`);
  if (!has('cgroup.subtree_control')) files.write(join(directory, 'cgroup.subtree_control'), '+cpu');
}
