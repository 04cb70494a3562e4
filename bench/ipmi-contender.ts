/** One server under load, as a contender: the rounds' figures from its process and from the load generator. */
import type { IpmiLoad } from './ipmi-load.ts';
import type { Contender } from './rounds.ts';
import type { Target } from './target.ts';

export interface IpmiContender {
  readonly name: string;
  readonly target: Target;
  readonly load: IpmiLoad;
  readonly seconds: number;
  /** What the load counts. */
  readonly what?: 'requests' | 'logins';
}

export function ipmiContender({ name, target, load, seconds, what = 'requests' }: IpmiContender): Contender {
  return {
    name,
    async measure() {
      const before = target.cpuMs;
      const run = await load.run(seconds);
      const serverMs = target.cpuMs - before;
      return {
        [`${what}/s`]: run.count / run.seconds,
        [`${what}/CPU-s`]: run.count / (serverMs / 1000),
        [`CPU µs/${what.slice(0, -1)}`]: (1000 * serverMs) / run.count,
        'server busy %': serverMs / run.seconds / 10,
        'generator busy %': (100 * run.cpuSeconds) / run.seconds,
        'p50 µs': run.p50Us,
        'p99 µs': run.p99Us,
        'p99.9 µs': run.p999Us,
      };
    },
  };
}
