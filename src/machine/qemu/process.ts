/** Processes that are not our children, told apart from later ones with the same number by their start time. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProcessRef {
  readonly pid: number;
  /** Clock ticks after boot, as in field 22 of /proc/PID/stat. */
  readonly startTime: string;
}

/** A zombie has ended: its files are closed, it only waits for its parent to notice. */
export function isAlive({ pid, startTime }: ProcessRef): boolean {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return false;
  }
  // The name in parentheses may hold blanks and parentheses of its own.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[19] === startTime && fields[0] !== 'Z' && fields[0] !== 'X';
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
