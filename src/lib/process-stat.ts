/** What Linux tells of a process in /proc: enough to know whether it lives and whether it is still the same. */
import { readFileSync } from 'node:fs';

export interface ProcessStat {
  /** False for a zombie: its files are closed, it only waits for its parent to notice. */
  readonly alive: boolean;
  /** Clock ticks after boot: with its number a name that is never used twice. Field 22 of /proc/PID/stat. */
  readonly startTime: string;
}

/** @returns undefined when there is no such process */
export function processStat(pid: number): ProcessStat | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name in parentheses may hold blanks and parentheses of its own.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  if (state === undefined || startTime === undefined) return undefined;
  return { alive: state !== 'Z' && state !== 'X', startTime };
}
