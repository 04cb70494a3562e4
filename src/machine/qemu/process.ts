/** Processes that are not our children, told apart from later ones with the same number by their start time. */
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
