/**
 * `npm run fuzz`: hostile datagrams in numbers that no test run has time for, each seed against a BMC of its own.
 *
 *   npm run fuzz -- [--seeds N] [--datagrams N] [--first SEED]
 *
 * Ends with status 1 at the first thing that goes wrong; the seed and the number of the datagram find it again.
 */
import { parseArgs } from 'node:util';
import { DatagramFuzz } from '../tests/support/datagram-fuzz.ts';

const longestLoginMs = 100;
const mostGrownBytes = 8 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    datagrams: { type: 'string', default: '1000000' },
    first: { type: 'string', default: '1' },
  },
});
const [seeds, datagrams, first] = [values.seeds, values.datagrams, values.first].map(Number);
if (!(seeds && datagrams && first)) {
  process.stderr.write('usage: npm run fuzz -- [--seeds N] [--datagrams N] [--first SEED]\n');
  process.exit(2);
}
for (let seed = first; seed < first + seeds; seed++) {
  const start = performance.now();
  try {
    const { replies, counters, loginMs, grownBytes } = await new DatagramFuzz(seed).run(datagrams);
    const seconds = (performance.now() - start) / 1000;
    const figures = [
      `${datagrams} datagrams in ${seconds.toFixed(0)} s`,
      `${counters.requests} requests ran`,
      `${replies} answers`,
      `login right after ${loginMs.toFixed(1)} ms`,
      `memory ${(grownBytes / 1024 / 1024).toFixed(2)} MiB more than before`,
    ];
    process.stdout.write(`seed ${seed}: ${figures.join(', ')}\n`);
    if (loginMs > longestLoginMs) throw new Error(`the login took longer than ${longestLoginMs} ms`);
    if (grownBytes > mostGrownBytes) throw new Error(`memory grew by more than ${mostGrownBytes} bytes`);
  } catch (error) {
    process.stderr.write(`seed ${seed}: ${error instanceof Error ? error.message : error}\n`);
    process.exit(1);
  }
}
