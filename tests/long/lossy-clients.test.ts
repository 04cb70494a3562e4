/** Real clients through a network that loses, doubles and reorders: most get through, and nothing is done twice. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BmcOnLan } from '../support/bmc-on-lan.ts';
import { LossyProxy } from '../support/lossy-proxy.ts';
import { run } from '../support/processes.ts';

const runs = 200;
/** They wait for most of their time. */
const atOnce = 20;
/**
 * ipmitool 1.8.19 sends each message of a login once, whatever `-R` says, and begins the login anew after a lost one, four
 * times in all. After the fourth it goes on as if it had a session, and nobody may answer. Our answers come twice
 * (lan/answer-repeats.ts), its own messages do not: at 10 % lost 0.5 to 1 % of all calls end so. Chance and a busy machine
 * have room here; without the repeats it is 5 %.
 */
const least = 0.97;
/** ipmitool waits a second longer for each answer that it asks for once more. */
const longestMs = 200_000;
const proxyAddress = '127.0.0.2';
/** Percent of the datagrams of each way. */
const network = { drop: 10, duplicate: 10, reorder: 10 };

let server: BmcOnLan;
let proxy: LossyProxy;
beforeAll(async () => {
  server = await BmcOnLan.start();
  const { address, port } = server.lan.address;
  proxy = new LossyProxy({ address: proxyAddress, target: { address, port }, seed: 20261122, ...network });
  await proxy.start();
});
afterAll(async () => {
  await proxy.stop();
  await server.stop();
});

/** @returns which of `runs` calls of ipmitool succeeded */
async function succeeded(argsOf: (run: number) => readonly string[]): Promise<readonly number[]> {
  const { port } = server.lan.address;
  const login = ['-I', 'lanplus', '-H', proxyAddress, '-p', `${port}`, '-U', 'admin', '-P', 'password'];
  const good: number[] = [];
  let next = 0;
  const worker = async () => {
    for (let number = next++; number < runs; number = next++) {
      const args = [...login, '-N', '1', '-R', '12', ...argsOf(number)];
      const { code } = await run('ipmitool', args, { timeoutMs: longestMs });
      if (code === 0) good.push(number);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return good;
}

test(`${runs} × ipmitool -N 1 -R 12 mc info`, async () => {
  expect((await succeeded(() => ['mc', 'info'])).length / runs).toBeGreaterThanOrEqual(least);
  const all = proxy.counters.passed + proxy.counters.dropped;
  for (const count of [proxy.counters.dropped, proxy.counters.duplicated, proxy.counters.reordered]) {
    expect(count / all).toBeGreaterThan(0.05);
  }
});

test(`${runs} × a command that leaves a trace: it is done once where ipmitool says so, and never twice`, async () => {
  // Add SEL Entry: an OEM record with the number of the run.
  const record = (run: number) => ['0', '0', '0xe0', ...Array(11).fill('0'), `${run >> 8}`, `${run & 255}`];
  const good = await succeeded((run) => ['raw', '0x0a', '0x44', ...record(run)]);
  const numbers = server.bmc.sel.entries.flatMap(({ content }) => {
    if (content.kind !== 'oem-untimed') return [];
    const [high = 0, low = 0] = content.data.slice(-2);
    return [(high << 8) | low];
  });
  expect(numbers.filter((number, at) => numbers.indexOf(number) !== at)).toEqual([]);
  expect(good.filter((run) => !numbers.includes(run))).toEqual([]);
  expect(server.lan.counters.retransmittedRequests).toBeGreaterThan(10);
  expect(good.length / runs).toBeGreaterThanOrEqual(least);
});
