/**
 * `npm run bench`: measures the product beside bare servers and peers, prints a table and keeps the figures as JSON.
 *
 *   npm run bench -- [--rounds N] [--seconds S] [--keep NAME] [BENCH …]
 *
 * With `--keep` figures go to docs/benchmarks/NAME.json and NAME.md.
 */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Bench, type Outcome, ratios, table } from './bench.ts';
import { MissingError } from './compiled.ts';
import { inBandFlood, serialFlood } from './guest-flood.ts';
import { ipmiBesideRedfish } from './ipmi-beside-redfish.ts';
import { ipmiLogins } from './ipmi-logins.ts';
import { ipmiRequests } from './ipmi-requests.ts';
import { ipmiSessions } from './ipmi-sessions.ts';
import { loginFlood } from './login-flood.ts';
import { powerOn } from './power-on.ts';
import { redfishClients, redfishStreams } from './redfish-clients.ts';
import { redfishCollection, redfishGet } from './redfish-get.ts';
import { redfishMemory } from './redfish-memory.ts';
import { scale } from './scale.ts';
import { sol } from './sol.ts';
import { solLossy } from './sol-lossy.ts';
import { start } from './start.ts';

const benches: readonly Bench[] = [
  ipmiRequests,
  ipmiBesideRedfish,
  ipmiSessions,
  ipmiLogins,
  redfishGet,
  redfishCollection,
  redfishClients,
  redfishStreams,
  redfishMemory,
  sol,
  solLossy,
  scale,
  start,
  powerOn,
  loginFlood,
  serialFlood,
  inBandFlood,
];

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    keep: { type: 'string' },
  },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name));
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
if (unknown.length > 0 || !(rounds >= 1) || !(seconds > 0)) {
  process.stderr.write(
    `usage: npm run bench -- [--rounds N] [--seconds S] [--keep NAME] [${benches.map(({ name }) => name).join('|')} …]\n`,
  );
  process.exit(2);
}

const machine = {
  processors: cpus().length,
  model: cpus()[0]?.model,
  kernel: release(),
  node: process.version,
  /** In the minute before: what else went on. */
  load: loadavg()[0],
};
const kept: Record<string, unknown> = {};
const tables: string[] = [];
for (const bench of benches) {
  if (positionals.length > 0 && !positionals.includes(bench.name)) continue;
  let outcome: Outcome;
  try {
    outcome = await bench.run({ rounds, seconds });
  } catch (error) {
    if (!(error instanceof MissingError)) throw error;
    process.stdout.write(`### ${bench.name}: not measured: ${error.message}\n\n`);
    process.exitCode = 1;
    continue;
  }
  const { figures } = outcome;
  kept[bench.name] = { title: bench.title, rounds, seconds, figures, ratios: ratios(outcome) };
  const shown = table(bench, outcome);
  tables.push(shown);
  process.stdout.write(`${shown}\n`);
}
if (values.keep !== undefined) {
  const file = fileURLToPath(new URL(`../docs/benchmarks/${values.keep}`, import.meta.url));
  writeFileSync(`${file}.json`, `${JSON.stringify({ machine, benches: kept }, null, 2)}\n`);
  const on = `${machine.processors} × ${machine.model}, Linux ${machine.kernel}, Node ${machine.node}, load average ${machine.load?.toFixed(1)} before`;
  const title = `# ${values.keep}\n\n${on}; medians of ${rounds} rounds, least and most in brackets.\n\n`;
  writeFileSync(`${file}.md`, title + tables.join('\n'));
}
