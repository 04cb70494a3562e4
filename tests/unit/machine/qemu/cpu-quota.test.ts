import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type ControlGroupFiles,
  type CpuQuotaSearch,
  findCpuQuota,
} from '../../../../src/machine/qemu/cpu-quota.ts';

/** Control groups that refuse what Linux refuses. */
class FakeControlGroups implements ControlGroupFiles {
  readonly files = new Map<string, string>();
  readonly directories = new Set<string>();
  readonly #version: 1 | 2;
  /** Paths below which nothing can be made. */
  readOnly = false;

  constructor(version: 1 | 2, options: { mount: string; root?: string; own: string }) {
    const { mount, root = '/', own } = options;
    this.#version = version;
    const type = version === 1 ? 'cgroup cgroup rw,cpu,cpuacct' : 'cgroup2 cgroup2 rw,nsdelegate';
    this.files.set(
      '/proc/self/mountinfo',
      `21 1 8:1 / / rw - ext4 /dev/sda rw\n30 21 0:26 ${root} ${mount} rw,nosuid shared:9 - ${type}\n`,
    );
    this.files.set(
      '/proc/self/cgroup',
      version === 1 ? `4:memory:/x\n2:cpu,cpuacct:${own}\n0::/x\n` : `0::${own}\n`,
    );
  }

  /** A group that is there before us. */
  group(path: string, files: Readonly<Record<string, string>> = {}): this {
    this.directories.add(path);
    for (const [name, text] of Object.entries({ 'cgroup.procs': '', ...files }))
      this.files.set(`${path}/${name}`, text);
    return this;
  }

  read(path: string): string {
    const text = this.files.get(path);
    if (text === undefined) throw failure('ENOENT', path);
    return text;
  }

  write(path: string, text: string): void {
    if (!this.files.has(path)) throw failure('ENOENT', path);
    const directory = dirname(path);
    if (path.endsWith('subtree_control')) {
      // No group may both hold processes and divide what it has, but the root.
      if (this.read(`${directory}/cgroup.procs`) !== '') throw failure('EBUSY', path);
      this.files.set(path, 'cpu\n');
    } else if (path.endsWith('cgroup.procs')) {
      for (const other of this.directories) {
        const rest = this.read(`${other}/cgroup.procs`)
          .split('\n')
          .filter((pid) => pid && pid !== text);
        this.files.set(`${other}/cgroup.procs`, rest.map((pid) => `${pid}\n`).join(''));
      }
      this.files.set(path, `${this.read(path)}${text}\n`);
    } else if (path.endsWith('cfs_quota_us')) {
      const above = Number(this.files.get(`${dirname(directory)}/cpu.cfs_quota_us`) ?? '-1');
      if (above > 0 && Number(text) > above) throw failure('EINVAL', path);
      this.files.set(path, text);
    } else {
      this.files.set(path, text);
    }
  }

  makeDirectory(path: string): void {
    if (this.directories.has(path)) return;
    if (this.readOnly) throw failure('EROFS', path);
    if (!this.directories.has(dirname(path))) throw failure('ENOENT', path);
    const divided = this.files.get(`${dirname(path)}/cgroup.subtree_control`)?.includes('cpu');
    this.group(
      path,
      this.#version === 1
        ? { 'cpu.cfs_quota_us': '-1', 'cpu.cfs_period_us': '100000' }
        : divided
          ? { 'cpu.max': 'max 100000' }
          : {},
    );
  }

  removeDirectory(path: string): void {
    if (!this.directories.has(path)) return;
    if (this.read(`${path}/cgroup.procs`) !== '') throw failure('EBUSY', path);
    this.directories.delete(path);
    for (const file of this.files.keys()) if (dirname(file) === path) this.files.delete(file);
  }
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

function found(search: CpuQuotaSearch) {
  if ('unavailable' in search) throw new Error(search.unavailable);
  return search.quota;
}

describe('version 1', () => {
  const tree = (own = '/bmc', root?: string) =>
    new FakeControlGroups(1, { mount: '/cg/cpu', own, ...(root && { root }) });

  test('makes a group below our own, moves the process, and is gone afterwards', async () => {
    const groups = tree().group('/cg/cpu/bmc', { 'cgroup.procs': '7\n42\n' });
    const quota = found(findCpuQuota('vm', groups));
    expect([...groups.directories]).toEqual(['/cg/cpu/bmc']);
    quota.limit(42, 0.5);
    expect(groups.read('/cg/cpu/bmc/vm/cpu.cfs_quota_us')).toBe('50000');
    expect(groups.read('/cg/cpu/bmc/vm/cgroup.procs')).toBe('42\n');
    expect(groups.read('/cg/cpu/bmc/cgroup.procs')).toBe('7\n');
    quota.limit(42, 1.25);
    expect(groups.read('/cg/cpu/bmc/vm/cpu.cfs_quota_us')).toBe('125000');
    quota.limit(42, undefined);
    expect(groups.read('/cg/cpu/bmc/vm/cpu.cfs_quota_us')).toBe('-1');
    groups.files.set('/cg/cpu/bmc/vm/cgroup.procs', '');
    await quota.remove();
    expect([...groups.directories]).toEqual(['/cg/cpu/bmc']);
  });

  test('without a limit nothing is made', () => {
    const groups = tree().group('/cg/cpu/bmc');
    found(findCpuQuota('vm', groups)).limit(42, undefined);
    expect([...groups.directories]).toEqual(['/cg/cpu/bmc']);
  });

  test('in a container its own group is what is mounted', () => {
    const groups = tree('/docker/1', '/docker/1').group('/cg/cpu', { 'cgroup.procs': '42\n' });
    expect(found(findCpuQuota('vm', groups)).directory).toBe('/cg/cpu/vm');
  });

  test('a group above that gives less holds the machine down by itself', () => {
    const groups = tree().group('/cg/cpu/bmc', { 'cgroup.procs': '42\n', 'cpu.cfs_quota_us': '60000' });
    const quota = found(findCpuQuota('vm', groups));
    quota.limit(42, 1);
    expect(groups.read('/cg/cpu/bmc/vm/cpu.cfs_quota_us')).toBe('-1');
    quota.limit(42, 0.3);
    expect(groups.read('/cg/cpu/bmc/vm/cpu.cfs_quota_us')).toBe('30000');
  });

  test('a machine that is in the group keeps its limit when the BMC starts anew', () => {
    const groups = tree().group('/cg/cpu/bmc', { 'cgroup.procs': '42\n' });
    found(findCpuQuota('vm', groups)).limit(42, 0.5);
    found(findCpuQuota('vm', groups));
    expect(groups.read('/cg/cpu/bmc/vm/cpu.cfs_quota_us')).toBe('50000');
  });

  test('where nothing may be written, says so', () => {
    const groups = tree().group('/cg/cpu/bmc');
    groups.readOnly = true;
    expect(findCpuQuota('vm', groups)).toEqual({ unavailable: expect.stringContaining('EROFS') });
  });

  test('a process that has just ended is waited for', async () => {
    const groups = tree().group('/cg/cpu/bmc', { 'cgroup.procs': '42\n' });
    const quota = found(findCpuQuota('vm', groups));
    quota.limit(42, 0.5);
    const removed = quota.remove();
    groups.files.set('/cg/cpu/bmc/vm/cgroup.procs', '');
    await removed;
    expect(groups.directories.has('/cg/cpu/bmc/vm')).toBe(false);
  });
});

describe('version 2', () => {
  const tree = (own: string) => new FakeControlGroups(2, { mount: '/cg', own });
  const divisible = { 'cgroup.controllers': 'cpuset cpu memory\n', 'cgroup.subtree_control': '' };

  test('divides our own group where no process is in it', () => {
    const groups = tree('/bmc.service').group('/cg/bmc.service', divisible);
    const quota = found(findCpuQuota('vm', groups));
    quota.limit(42, 0.25);
    expect(groups.read('/cg/bmc.service/vm/cpu.max')).toBe('25000 100000');
    quota.limit(42, undefined);
    expect(groups.read('/cg/bmc.service/vm/cpu.max')).toBe('max 100000');
  });

  test('stands beside our own group where processes are in that', () => {
    const groups = tree('/user.slice/session.scope')
      .group('/cg/user.slice', { ...divisible, 'cgroup.subtree_control': 'cpu memory\n' })
      .group('/cg/user.slice/session.scope', { ...divisible, 'cgroup.procs': '7\n42\n' });
    const quota = found(findCpuQuota('vm', groups));
    expect(quota.directory).toBe('/cg/user.slice/vm');
    quota.limit(42, 0.001);
    expect(groups.read('/cg/user.slice/vm/cpu.max')).toBe('1000 100000');
    expect(groups.read('/cg/user.slice/vm/cgroup.procs')).toBe('42\n');
  });

  test('a container whose processes are in the root of what it sees has no place for one', () => {
    const groups = tree('/').group('/cg', { ...divisible, 'cgroup.procs': '1\n' });
    expect(findCpuQuota('vm', groups)).toEqual({ unavailable: expect.stringContaining('EBUSY') });
  });

  test('without the controller there is no place, and that is said', () => {
    const groups = tree('/').group('/cg', { 'cgroup.controllers': 'memory\n', 'cgroup.subtree_control': '' });
    expect(findCpuQuota('vm', groups)).toEqual({ unavailable: expect.stringContaining('not delegated') });
  });
});

test('a host without control groups has none', () => {
  const groups = new FakeControlGroups(2, { mount: '/cg', own: '/' });
  groups.files.set('/proc/self/mountinfo', '21 1 8:1 / / rw - ext4 /dev/sda rw\n');
  expect(findCpuQuota('vm', groups)).toEqual({ unavailable: 'no control group for processors is mounted' });
});
