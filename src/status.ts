/** `status` and `events`: what can be told about an appliance from outside its processes. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventEntry } from './bmc/event-log.ts';
import type { Config } from './config/config.ts';
import { type NicStatus, readStatus, runFiles } from './config/run-files.ts';
import { redfishUrl } from './config/urls.ts';
import { isAlive, processesOf } from './processes.ts';
import { Pm2Supervisor } from './supervise/pm2.ts';

/** @returns the exit code: 0 when the BMC runs */
export async function printStatus(config: Config): Promise<number> {
  const { running, text } = await statusOf(config);
  process.stdout.write(text);
  return running ? 0 : 1;
}

/** What `status` prints. */
export async function statusOf(
  config: Config,
): Promise<{ readonly running: boolean; readonly text: string }> {
  const { runDir, stateDir, address } = config.bmc;
  const { pm2Home } = runFiles(runDir);
  const status = readStatus(runDir);
  const pid = status?.pid;
  const running = pid !== undefined && isAlive(pid);
  const lines: [string, string][] = [
    ['BMC', running ? `running, process ${pid}` : 'not running'],
    ['IPMI', running ? `${address}, UDP port ${config.ipmi.port}` : 'nobody listens'],
    ['Redfish', running ? redfishUrl(config) : 'nobody listens'],
    ['Machine', `${config.machine.name}, ${running ? (status?.machine?.state ?? 'starting') : 'unknown'}`],
  ];
  if (running && status?.machine?.pid !== undefined) lines.push(['QEMU', `process ${status.machine.pid}`]);
  const accelerator = running ? status?.machine?.accelerator : undefined;
  if (accelerator)
    lines.push([
      'Acceleration',
      `${accelerator} (${status?.machine?.acceleratorReason ?? 'no reason given'})`,
    ]);
  for (const nic of (running && status?.machine?.nics) || []) lines.push(['Network card', nicLine(nic)]);
  if (existsSync(join(pm2Home, 'rpc.sock'))) {
    for (const name of ['bmc', 'qemu']) {
      const state = await new Pm2Supervisor(pm2Home, name).status().then(
        (known) => known.state,
        () => 'no answer',
      );
      lines.push([`pm2 ${name}`, state]);
    }
    lines.push(['PM2_HOME', pm2Home]);
  }
  lines.push(['State', stateDir]);
  if (!running) {
    for (const { pid: left, command } of processesOf(runDir))
      lines.push(['Still there', `process ${left}: ${command}`]);
  }
  return { running, text: lines.map(([name, value]) => `${name.padEnd(13)} ${value}\n`).join('') };
}

function nicLine({ id, wire, backend, mac, mtu, queues, linkUp, note }: NicStatus): string {
  const onWire = backend !== 'user' && backend !== 'none';
  const facts = [
    wire === undefined ? backend : `${backend}${onWire ? ' on' : ', not'} ${wire}`,
    mac,
    ...(mtu === undefined ? [] : [`MTU ${mtu}`]),
    ...(queues > 1 ? [`${queues} queues`] : []),
    `link ${linkUp ? 'up' : 'down'}`,
  ];
  return `${id}: ${facts.join(', ')}${note === undefined ? '' : ` (${note})`}`;
}

/**
 * @param last how many; all unless given
 * @returns the exit code: 1 where there is no event log
 */
export function printEvents({ bmc: { stateDir } }: Config, last?: number): number {
  const file = join(stateDir, 'events.jsonl');
  if (!existsSync(file)) {
    process.stderr.write(`No events: ${stateDir} holds no event log. Is STATE_DIR the appliance's?\n`);
    return 1;
  }
  const text = readFileSync(file, 'utf8');
  const entries = text.split('\n').flatMap((line): EventEntry[] => {
    try {
      return line === '' ? [] : [(JSON.parse(line) as { value: EventEntry }).value];
    } catch {
      // The store reports and repairs a damaged line; here it is only passed over.
      return [];
    }
  });
  for (const { id, time, kind, text: said } of last === undefined ? entries : entries.slice(-last)) {
    process.stdout.write(
      `${String(id).padStart(5)}  ${new Date(time).toISOString()}  ${kind.padEnd(20)}  ${said}\n`,
    );
  }
  return 0;
}
