/** What a command of benchmarks does: runs those that are asked for, prints their tables, and keeps the figures on request. */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Bench, type Outcome, ratios, table } from './bench.ts';
import { MissingError } from './compiled.ts';

/**
 * Reads the command line: `[--rounds N] [--seconds S] [--keep NAME] [BENCH …]`. With `--keep` figures go to
 * docs/benchmarks/NAME.json and NAME.md.
 * @param command as it is called: `npm run bench`
 */
export async function runBenches(command: string, benches: readonly Bench[]): Promise<void> {
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
      `usage: ${command} -- [--rounds N] [--seconds S] [--keep NAME] [${benches.map(({ name }) => name).join('|')} …]\n`,
    );
    process.exitCode = 2;
    return;
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
  if (values.keep === undefined) return;
  const file = fileURLToPath(new URL(`../docs/benchmarks/${values.keep}`, import.meta.url));
  writeFileSync(`${file}.json`, `${JSON.stringify({ machine, benches: kept }, null, 2)}\n`);
  const on = `${machine.processors} × ${machine.model}, Linux ${machine.kernel}, Node ${machine.node}, load average ${machine.load?.toFixed(1)} before`;
  const title = `# ${values.keep}\n\n${on}; medians of ${rounds} rounds, least and most in brackets.\n\n`;
  writeFileSync(`${file}.md`, title + tables.join('\n'));
}
