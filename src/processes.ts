/** Processes of this machine, as /proc shows them: who lives, who belongs to an appliance. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';
import { processStat } from './lib/process-stat.ts';

/** Set in the supervisor's environment to the run directory, and so inherited by all that it starts. */
export const runMarker = 'QEMU_BMC_RUN';

export interface FoundProcess {
  readonly pid: number;
  /** The command line, shortened. */
  readonly command: string;
}

/** False for processes that have ended but were not waited for. */
export function isAlive(pid: number): boolean {
  return processStat(pid)?.alive ?? false;
}

/** All living processes of one appliance: supervisor, BMC and QEMU, never the caller. */
export function processesOf(runDir: string): FoundProcess[] {
  const mark = `${runMarker}=${runDir}`;
  return readdirSync('/proc').flatMap((name): FoundProcess[] => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || !isAlive(pid)) return [];
    const command = words(`/proc/${pid}/cmdline`);
    const program = command[0]?.split('/').at(-1) ?? '';
    // The launcher may have cleaned QEMU's environment; its sockets still tell whose it is.
    const qemu = program.startsWith('qemu-system') && command.some((word) => word.includes(`${runDir}/`));
    if (!qemu && !words(`/proc/${pid}/environ`).includes(mark)) return [];
    return [{ pid, command: command.join(' ').slice(0, 100) }];
  });
}

/** @returns false when there was nobody to signal */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function words(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\0');
  } catch {
    return [];
  }
}
