/** What Linux tells of a process in /proc: enough to know whether it lives and whether it is still the same. */
import { readFileSync } from 'node:fs';

export interface ProcessStat {
  /**
   * False for a zombie: its files are closed, it only waits for its parent to notice. One of whose threads are not all
   * gone is alive, since they still hold its files and locks.
   */
  readonly alive: boolean;
  /** Clock ticks after boot: with its number a name that is never used twice. Field 22 of /proc/PID/stat. */
  readonly startTime: string;
  /** Processor time used, in user and system mode together, in clock ticks. Fields 14 and 15. */
  readonly cpuTicks: number;
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
  // The list begins with field 3.
  const cpuTicks = Number(fields[11]) + Number(fields[12]);
  const threads = Number(fields[17]);
  return { alive: state !== 'X' && (state !== 'Z' || threads > 1), startTime, cpuTicks };
}
