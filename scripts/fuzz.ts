/**
 * `npm run fuzz`: hostile datagrams, or hostile requests to Redfish, in numbers that no test run has time for; each seed
 * against BMCs of its own.
 *
 *   npm run fuzz -- [--seeds N] [--datagrams N] [--first SEED]
 *   npm run fuzz -- http [--seeds N] [--requests N] [--first SEED]
 *
 * Ends with status 1 at the first thing that goes wrong; the seed and the number of the datagram, or the request that is
 * printed, find it again.
 */
import { parseArgs } from 'node:util';
import { DatagramFuzz } from '../tests/support/datagram-fuzz.ts';
import { RedfishFuzz } from '../tests/support/redfish-fuzz.ts';

const longestLoginMs = 100;
const mostGrownBytes = 8 * 1024 * 1024;

const { values, positionals } = parseArgs({
  options: {
    seeds: { type: 'string' },
    datagrams: { type: 'string', default: '1000000' },
    requests: { type: 'string', default: '200000' },
    first: { type: 'string', default: '1' },
  },
  allowPositionals: true,
});
const isHttp = positionals[0] === 'http';
const wanted = [values.seeds ?? (isHttp ? '1' : '10'), values.datagrams, values.requests, values.first];
const [seeds, datagrams, requests, first] = wanted.map(Number);
if (!(seeds && datagrams && requests && first) || positionals.length > (isHttp ? 1 : 0)) {
  process.stderr.write(
    'usage: npm run fuzz -- [http] [--seeds N] [--datagrams N | --requests N] [--first SEED]\n',
  );
  process.exit(2);
}
for (let seed = first; seed < first + seeds; seed++) {
  const start = performance.now();
  try {
    if (isHttp) {
      const { requests: asked, taken, refused, grownBytes } = await new RedfishFuzz(seed).run(requests);
      const seconds = (performance.now() - start) / 1000;
      process.stdout.write(
        `seed ${seed}: ${asked} requests in ${seconds.toFixed(0)} s, ${taken} taken, ${refused} refused, memory ${(grownBytes / 1024 / 1024).toFixed(2)} MiB more than before\n`,
      );
      if (grownBytes > mostGrownBytes) throw new Error(`memory grew by more than ${mostGrownBytes} bytes`);
      continue;
    }
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
