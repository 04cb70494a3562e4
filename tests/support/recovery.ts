/** How long an appliance was away after one of its processes was killed, cell by cell, and how busy the host was then. */
import { loadavg } from 'node:os';
import { readStatus } from '../../src/config/run-files.ts';
import type { Appliance } from './appliance.ts';
import { processesMentioning, until } from './processes.ts';

/** What the matrix demands of a BMC that was killed, on a machine with nothing else to do. */
export const recoveryMs = 3_000;
/** pm2 starts a BMC again without delay when its last fall is longer ago. */
const forgivenMs = 12_000;

interface Recovery {
  readonly cell: string;
  readonly tookMs: number;
  readonly load: number;
}

export class Recoveries {
  readonly #all: Recovery[] = [];

  /** Waits until IPMI answers. @returns for how long */
  async measure(cell: string, appliance: Appliance): Promise<number> {
    const started = performance.now();
    await ipmiAnswers(appliance);
    const tookMs = performance.now() - started;
    this.#all.push({ cell, tookMs, load: loadavg()[0] ?? Number.NaN });
    return tookMs;
  }

  /** One line for each cell: its rounds in ms, and the host's load in the last of them. */
  print(): void {
    const cells = new Map<string, Recovery[]>();
    for (const each of this.#all) cells.set(each.cell, [...(cells.get(each.cell) ?? []), each]);
    const lines = [...cells].map(([cell, rounds]) => {
      const times = rounds.map(({ tookMs }) => tookMs.toFixed(0).padStart(6)).join('');
      return `${cell.padEnd(56)}${times}   load ${rounds.at(-1)?.load.toFixed(1)}`;
    });
    process.stdout.write(`\nUntil IPMI answers, in ms:\n${lines.join('\n')}\n`);
  }
}

async function ipmiAnswers(appliance: Appliance): Promise<void> {
  await until(
    'IPMI answers',
    async () => (await appliance.ipmitool('-N', '1', '-R', '1', 'mc', 'info')).code === 0,
    60_000,
  );
}

export async function machineIsOn(appliance: Appliance): Promise<void> {
  await until(
    'the machine is on',
    async () => /is on/.test((await appliance.ipmitool('power', 'status')).stdout),
    60_000,
  );
}

/** Until a fall of the BMC is its first one again. */
export async function bmcIsForgiven(appliance: Appliance): Promise<void> {
  await until('the BMC has lived for a while', () => {
    const { startedAt } = readStatus(appliance.runDir) ?? {};
    return startedAt !== undefined && Date.now() - startedAt > forgivenMs;
  });
}

/** QEMUs that live in the appliance's folders. */
export function qemusOf(appliance: Appliance): string[] {
  return processesMentioning(appliance.runDir).filter((line) => /^\d+: \S*qemu-system/.test(line));
}

/** @throws {Error} when there is none */
export function pm2Of(appliance: Appliance): number {
  const found = processesMentioning(appliance.runDir).find((line) => /pm2-runtime|PM2/.test(line));
  if (!found) throw new Error('no pm2');
  return Number(found.split(':')[0]);
}
