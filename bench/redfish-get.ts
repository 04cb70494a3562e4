/**
 * GET of a System against bare servers that answer the same bytes, and against large collections, all over TLS:
 * processor time and rate.
 */
import { writeFileSync } from 'node:fs';
import { openSession, startAppliance } from './appliance.ts';
import type { Bench } from './bench.ts';
import { HttpLoad, quantile } from './http-load.ts';
import { type Contender, inRounds } from './rounds.ts';
import { scratchFolder, Target } from './target.ts';

const path = '/redfish/v1/Systems/1';
const connections = 32;

export const redfishGet: Bench = {
  name: 'redfish-get',
  title: `GET ${path}, ${connections} connections, one request at a time on each, TLS on all sides`,
  async run({ rounds, seconds }) {
    const folder = scratchFolder();
    const appliance = await startAppliance();
    const targets: Target[] = [];
    const loads: HttpLoad[] = [];
    try {
      const headers = { 'x-auth-token': appliance.token };
      const own = await HttpLoad.open({ port: appliance.port, connections, path, headers });
      loads.push(own);
      const file = `${folder.path}/system.json`;
      writeFileSync(file, await own.first());
      const contenders: Contender[] = [contender('qemu-bmc', appliance.target, own, seconds)];
      for (const [kind, name] of [
        ['node', 'node:https, body ready'],
        ['fastify', 'bare Fastify route'],
      ] as const) {
        const target = await Target.start({
          name,
          command: ['floors/https.ts', kind, file],
          ready: /ready (\d+)/,
        });
        targets.push(target);
        const load = await HttpLoad.open({ port: target.port, connections, path, headers });
        loads.push(load);
        contenders.push(contender(name, target, load, seconds));
      }
      const figures = await inRounds(contenders, rounds);
      return { figures, against: ['node:https, body ready', 'bare Fastify route'], ratiosOf: 'qemu-bmc' };
    } finally {
      for (const load of loads) load.close();
      await Promise.all(targets.map((target) => target.stop()));
      await appliance.stop();
      folder.remove();
    }
  },
};

export const redfishCollection: Bench = {
  name: 'redfish-collection',
  title: `GET of a collection of 1,000 members, and of a page of 1,000 log entries, beside GET ${path}; ${connections} connections`,
  async run({ rounds, seconds }) {
    const target = await Target.start({
      name: 'collections',
      command: ['floors/collections.ts'],
      ready: /ready (\d+)/,
    });
    const loads: HttpLoad[] = [];
    try {
      const { port } = target;
      const headers = { 'x-auth-token': await openSession(port, 'admin') };
      const contenders: Contender[] = [];
      for (const [name, each] of [
        ['a System', path],
        ['a collection of 1,000', '/redfish/v1/Thousand'],
        ['100 of 1,000 log entries', `${path}/LogServices/SEL/Entries`],
      ] as const) {
        const load = await HttpLoad.open({ port, connections, path: each, headers });
        loads.push(load);
        contenders.push(contender(name, target, load, seconds));
      }
      const figures = await inRounds(contenders, rounds);
      return {
        figures,
        against: ['a collection of 1,000', '100 of 1,000 log entries'],
        ratiosOf: 'a System',
      };
    } finally {
      for (const load of loads) load.close();
      await target.stop();
    }
  },
};

function contender(name: string, target: Target, load: HttpLoad, seconds: number): Contender {
  return {
    name,
    async measure() {
      const [cpu, own] = [target.cpuMs, process.cpuUsage()];
      const { requests, seconds: took, latencies } = await load.run(seconds);
      const { user, system } = process.cpuUsage(own);
      const serverMs = target.cpuMs - cpu;
      return {
        'requests/s': requests / took,
        'requests/CPU-s': requests / (serverMs / 1000),
        'CPU µs/request': (1000 * serverMs) / requests,
        'server busy %': serverMs / took / 10,
        'generator busy %': (user + system) / 1000 / took / 10,
        'p50 ms': quantile(latencies, 0.5),
        'p99 ms': quantile(latencies, 0.99),
      };
    },
  };
}
