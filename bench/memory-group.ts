/**
 * A control group with a limit of memory, as a container has it: what runs in it and wants more is killed by the kernel.
 * Version 1 and 2 of control groups, each where it is mounted on a usual system; only root may make one.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';

const layouts = [
  {
    root: '/sys/fs/cgroup/memory',
    limit: 'memory.limit_in_bytes',
    most: 'memory.max_usage_in_bytes',
  },
  { root: '/sys/fs/cgroup', limit: 'memory.max', most: 'memory.peak' },
] as const;

export class MemoryGroup {
  readonly #folder: string;
  readonly #mostFile: string;

  /** @returns undefined where this user may make none */
  static make(limitBytes: number): MemoryGroup | undefined {
    for (const { root, limit, most } of layouts) {
      const folder = `${root}/qemu-bmc-bench-${process.pid}`;
      try {
        mkdirSync(folder);
      } catch {
        continue;
      }
      if (existsSync(`${folder}/${limit}`)) {
        writeFileSync(`${folder}/${limit}`, String(limitBytes));
        return new MemoryGroup(folder, `${folder}/${most}`);
      }
      rmdirSync(folder);
    }
    return undefined;
  }

  private constructor(folder: string, mostFile: string) {
    this.#folder = folder;
    this.#mostFile = mostFile;
  }

  /** @returns words that run this program in the group from its beginning on */
  around(program: readonly string[]): readonly string[] {
    return ['sh', '-c', 'echo $$ >"$0" && exec "$@"', `${this.#folder}/cgroup.procs`, ...program];
  }

  /** Pages of files included, which the kernel takes back when there is need. */
  get mostBytes(): number {
    return Number(readFileSync(this.#mostFile, 'latin1'));
  }

  /** When nothing runs in it any more. */
  remove(): void {
    rmdirSync(this.#folder);
  }
}
