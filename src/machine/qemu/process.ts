/** Processes that are not our children, told apart from later ones with the same number by their start time. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { processStat } from '../../lib/process-stat.ts';

export interface ProcessRef {
  readonly pid: number;
  /** Clock ticks after boot, as in field 22 of /proc/PID/stat. */
  readonly startTime: string;
}

export function isAlive({ pid, startTime }: ProcessRef): boolean {
  const stat = processStat(pid);
  return stat?.startTime === startTime && stat.alive;
}

/** Ticks of /proc's times: sysconf(_SC_CLK_TCK), 100 on Linux whatever the kernel's own rate. */
const ticksPerSecond = 100;

/**
 * What a process has used of its host.
 * @returns undefined when it has ended
 * @throws {Error} when /proc tells something else than numbers
 */
export async function processUsage(
  process_: ProcessRef,
): Promise<{ readonly cpuSeconds: number; readonly residentMb: number } | undefined> {
  const stat = processStat(process_.pid);
  if (!stat?.alive || stat.startTime !== process_.startTime) return undefined;
  let status: string;
  try {
    status = await readFile(`/proc/${process_.pid}/status`, 'latin1');
  } catch (error) {
    if (!isAlive(process_)) return undefined;
    throw error;
  }
  const cpuSeconds = stat.cpuTicks / ticksPerSecond;
  const residentMb = Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024;
  if (!Number.isFinite(cpuSeconds) || !Number.isFinite(residentMb)) {
    throw new Error(`process ${process_.pid}: /proc does not tell its use of processors and memory`);
  }
  return { cpuSeconds, residentMb };
}

/** SIGKILL, unless the number belongs to another process by now. */
export function killProcess(process_: ProcessRef): void {
  if (!isAlive(process_)) return;
  try {
    process.kill(process_.pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

/** @returns whether it has ended within `timeoutMs` */
export async function processEnds(process_: ProcessRef, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (!isAlive(process_)) return true;
    if (performance.now() >= deadline) return false;
    await sleep(5);
  }
}
