/** Many BMCs in one process: how soon all of them answer, what each costs, and how their rate compares with that of one. */
import { createSocket } from 'node:dgram';
import { freeUdpPort } from '../tests/support/processes.ts';
import type { Bench } from './bench.ts';
import { builtBench } from './built.ts';
import { fleetAddress, fleetPassword, fleetUser } from './fleet-addresses.ts';
import { type Contender, inRounds } from './rounds.ts';
import { SealedLoad } from './sealed-load.ts';
import { Target } from './target.ts';

const many = 1000;
const sessionsOnOne = 4;
const outstanding = 16;
const requestsPerSecond = 15_000;
const settleMs = 1500;
/** Young objects are few: with the default of 16 MB the process grows by the space they may take and never do. */
const nodeOptions = ['--max-semi-space-size=4'];

const presencePing = Buffer.from([6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 1, 0, 0]);

export const scale: Bench = {
  name: 'scale',
  title: `${many} BMCs in one process, each on an address of its own, against one`,
  async run({ rounds, seconds }) {
    const program = builtBench('fleet');
    const start = async (count: number, port: number) =>
      Target.start({
        name: `${count} BMCs`,
        program: process.execPath,
        command: [...nodeOptions, program, String(count), String(port)],
        ready: /ready/,
      });
    const targets: Target[] = [];
    const loads: SealedLoad[] = [];
    const startUp = (count: number): Contender => ({
      name: nameOf(count),
      async measure() {
        const port = await freeUdpPort();
        const startedAt = performance.now();
        const answering = allAnswer(count, port, startedAt);
        const target = await start(count, port);
        try {
          const allMs = await answering;
          const { cpuMs } = target;
          await settle();
          return {
            'all answer, ms after start': allMs,
            'CPU ms until all answer': cpuMs,
            'MB once all were asked': target.residentKb / 1024,
          };
        } finally {
          await target.stop();
        }
      },
    });
    const idle = (count: number): Contender => ({
      name: nameOf(count),
      async measure() {
        const target = await start(count, await freeUdpPort());
        try {
          await settle();
          return { 'MB idle': target.residentKb / 1024 };
        } finally {
          await target.stop();
        }
      },
    });
    const underLoad = async (count: number): Promise<Contender> => {
      const port = await freeUdpPort();
      const target = await start(count, port);
      targets.push(target);
      const addresses = Array.from({ length: Math.max(count, sessionsOnOne) }, (_, index) =>
        fleetAddress(index % count),
      );
      const load = await SealedLoad.open({ addresses, port, user: fleetUser, password: fleetPassword });
      loads.push(load);
      return {
        name: nameOf(count),
        async measure() {
          const [cpu, own] = [target.cpuMs, process.cpuUsage()];
          const asked = Math.round(requestsPerSecond * seconds);
          const { requests, seconds: took } = await load.run(asked, outstanding);
          const serverMs = target.cpuMs - cpu;
          const { user, system } = process.cpuUsage(own);
          return {
            'requests/s': requests / took,
            'requests/CPU-s': requests / (serverMs / 1000),
            'CPU µs/request': (1000 * serverMs) / requests,
            'server busy %': serverMs / took / 10,
            'generator busy %, sealing and checking included': (user + system) / 1000 / took / 10,
            'MB with all sessions, after the load': target.residentKb / 1024,
          };
        },
      };
    };
    try {
      const idles = await inRounds([idle(1), idle(many)], rounds);
      const starts = await inRounds([startUp(1), startUp(many)], rounds);
      const loaded = await inRounds([await underLoad(1), await underLoad(many)], rounds);
      const [one, all] = [idles[nameOf(1)]?.['MB idle'], idles[nameOf(many)]?.['MB idle']];
      const figures = Object.fromEntries(
        [nameOf(1), nameOf(many)].map((name) => [name, { ...idles[name], ...starts[name], ...loaded[name] }]),
      );
      if (one && all) {
        const each = (kb: number) => (1024 * kb) / (many - 1);
        const further = {
          median: each(all.median - one.median),
          min: each(all.min - one.max),
          max: each(all.max - one.min),
          p95: each(all.p95 - one.min),
        };
        figures[nameOf(many)] = { ...figures[nameOf(many)], 'KB for each further idle one': further };
      }
      return { figures, ratiosOf: nameOf(many), against: [nameOf(1)] };
    } finally {
      for (const load of loads) load.close();
      await Promise.all(targets.map((target) => target.stop()));
    }
  },
};

function nameOf(count: number): string {
  return count === 1 ? 'one BMC' : `${count} BMCs`;
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, settleMs));
}

/** @returns how long after `startedAt` the last of them had answered a presence ping */
function allAnswer(count: number, port: number, startedAt: number): Promise<number> {
  const socket = createSocket({
    type: 'udp4',
    recvBufferSize: 4 << 20,
    lookup: (host, _options, done) => done(null, host, 4),
  });
  const silent = new Set(Array.from({ length: count }, (_, index) => fleetAddress(index)));
  return new Promise((resolve, reject) => {
    const ask = () => {
      for (const address of silent) socket.send(presencePing, port, address);
    };
    // A BMC that has been asked is at work: to ask again at once would only keep it from that.
    const again = setInterval(ask, 250);
    const [first] = silent;
    // Until the first one answers nobody is there.
    const knock = setInterval(() => first !== undefined && socket.send(presencePing, port, first), 5);
    const end = () => {
      clearInterval(again);
      clearInterval(knock);
      clearTimeout(limit);
      socket.close();
    };
    const limit = setTimeout(() => {
      end();
      reject(new Error(`${silent.size} BMCs do not answer`));
    }, 30_000);
    socket.on('error', () => undefined);
    socket.on('message', (_pong, { address }) => {
      if (silent.size === count) clearInterval(knock);
      silent.delete(address);
      if (silent.size > 0) return;
      end();
      resolve(performance.now() - startedAt);
    });
  });
}
