/**
 * How long the BMC's event loop stood still over a whole run of tests: each appliance leaves its figures when it stops, and
 * the run prints them at its end.
 */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventLoopMessage } from '../../src/appliance.ts';
import type { LifeLag } from '../../src/metrics/event-loop-lag.ts';

/** Names the file that the workers write to. */
const variable = 'EVENT_LOOP_REPORT';

/** @param log what an appliance that has ended has logged */
export function noteEventLoop(log: string): void {
  const report = process.env[variable];
  if (report === undefined || !existsSync(log)) return;
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    if (line.includes(`"msg":"${eventLoopMessage}"`)) appendFileSync(report, `${line}\n`);
  }
}

/** Vitest's global set-up. @returns what runs at the end */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-event-loop-'));
  const report = join(folder, 'report');
  process.env[variable] = report;
  return () => {
    const lives = existsSync(report) ? livesIn(readFileSync(report, 'utf8')) : [];
    rmSync(folder, { recursive: true, force: true });
    if (lives.length === 0) return;
    const ms = (values: readonly number[]) => `${(1000 * Math.max(...values)).toFixed(0)} ms`;
    const [p999, max] = [lives.map((life) => life.p999), lives.map((life) => life.max)];
    process.stdout.write(
      `event loops of ${lives.length} BMC processes: p99.9 ${ms(p999)} in the worst of them, longest stall ${ms(max)}\n`,
    );
  };
}

function livesIn(text: string): LifeLag[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => (JSON.parse(line) as { lag?: LifeLag }).lag ?? []);
}
