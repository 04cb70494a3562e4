/** Logins beside a flood of half-open ones: whether they succeed, how long they take, and what the flood leaves behind. */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { challengeEvery, LoginFlood } from '../tests/support/login-flood.ts';
import { run } from '../tests/support/processes.ts';
import { UdpConsole } from '../tests/support/udp-console.ts';
import { ask, type BenchAppliance, benchPassword, startAppliance } from './appliance.ts';
import type { Bench } from './bench.ts';
import { quantile } from './http-load.ts';
import { type Contender, inRounds } from './rounds.ts';

const rates = [500, 2000, 20_000];
const manySources = 4000;
/** Between two logins of our own client, and so many of these for each of ipmitool's. */
const pauseMs = 10;
const ownForEachOther = 10;
/** Half-open handshakes live that long; each round begins without those of the one before. */
const lifetimeMs = 8500;

export const loginFlood: Bench = {
  name: 'login-flood',
  title:
    `logins while handshakes are begun from 127.7.0.0/16 that nobody ends, every ${challengeEvery}th opened one ` +
    'asking for a challenge',
  async run({ rounds, seconds }) {
    const appliance = await startAppliance();
    const floods: LoginFlood[] = [];
    try {
      const contenders: Contender[] = [contender('no flood', appliance, undefined, 0, seconds)];
      for (const sources of [1, manySources]) {
        const flood = await LoginFlood.start({ address: '127.0.0.1', port: appliance.ipmiPort, sources });
        floods.push(flood);
        for (const rate of rates) {
          const name = `${rate}/s, ${sources === 1 ? 'one source' : `${sources} sources`}`;
          contenders.push(contender(name, appliance, flood, rate, seconds));
        }
      }
      return { figures: await inRounds(contenders, rounds) };
    } finally {
      await Promise.all(floods.map((flood) => flood.stop()));
      await appliance.stop();
    }
  },
};

function contender(
  name: string,
  appliance: BenchAppliance,
  flood: LoginFlood | undefined,
  rate: number,
  seconds: number,
): Contender {
  const { target, ipmiPort } = appliance;
  return {
    name,
    async measure() {
      const before = {
        cpu: target.cpuMs,
        drops: kernelDrops(ipmiPort),
        sent: (await flood?.pace(rate)) ?? 0,
      };
      const started = performance.now();
      const outcome = await logins(appliance, seconds);
      const took = performance.now() - started;
      const [sent, residentKb, cpu] = [(await flood?.pace(0)) ?? 0, target.residentKb, target.cpuMs];
      const halfOpen = await metric(appliance, 'qemu_bmc_ipmi_half_open');
      if (flood) await sleep(lifetimeMs);
      return {
        logins: outcome.own.length,
        'logins of ipmitool': outcome.ipmitool.length,
        'failed, of both': outcome.failed,
        'login p50 ms': quantile(outcome.own, 0.5),
        'login p99 ms': quantile(outcome.own, 0.99),
        'longest login ms': Math.max(...outcome.own),
        'asked again': outcome.askedAgain,
        'ipmitool p50 ms': quantile(outcome.ipmitool, 0.5),
        'longest ipmitool ms': Math.max(...outcome.ipmitool),
        'flood sent/s': ((sent - before.sent) / took) * 1000,
        'lost by the kernel': kernelDrops(ipmiPort) - before.drops,
        'BMC busy %': ((cpu - before.cpu) / took) * 100,
        'half-open handshakes': halfOpen,
        'half-open handshakes after': await metric(appliance, 'qemu_bmc_ipmi_half_open'),
        'BMC RSS MB': residentKb / 1024,
      };
    },
  };
}

/** Our own client and ipmitool log in by turns. @returns how long each took, failed ones too */
async function logins({ ipmiPort }: BenchAppliance, seconds: number) {
  const end = performance.now() + seconds * 1000;
  const [own, ipmitool]: [number[], number[]] = [[], []];
  let [askedAgain, failed] = [0, 0];
  while (performance.now() < end) {
    for (let i = 0; i < ownForEachOther && performance.now() < end; i++) {
      const socket = createSocket('udp4');
      try {
        const options = { address: '127.0.0.1', port: ipmiPort, login: { password: benchPassword } };
        const remote = new UdpConsole(socket, options);
        const started = performance.now();
        await remote.login().catch(() => failed++);
        own.push(performance.now() - started);
        askedAgain += remote.askedAgain;
        await remote.leave();
        await sleep(pauseMs);
      } finally {
        socket.close();
      }
    }
    const login = ['-H', '127.0.0.1', '-p', String(ipmiPort), '-U', 'admin', '-P', benchPassword];
    const { code, ms } = await run('ipmitool', ['-I', 'lanplus', ...login, 'mc', 'info']);
    if (code !== 0) failed++;
    ipmitool.push(ms);
  }
  return {
    own: Float64Array.from(own).sort(),
    ipmitool: Float64Array.from(ipmitool).sort(),
    askedAgain,
    failed,
  };
}

/** Datagrams to this port that found no room in the socket's buffer. */
export function kernelDrops(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/udp', 'latin1').split('\n').slice(1);
  const own = lines.map((line) => line.trim().split(/\s+/)).filter(([, at]) => at?.endsWith(local));
  return own.reduce((sum, columns) => sum + Number(columns.at(-1)), 0);
}

async function metric({ port, token }: BenchAppliance, name: string): Promise<number> {
  const { status, text } = await ask(port, 'GET', '/metrics', undefined, token);
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? [];
  if (status !== 200 || value === undefined) throw new Error(`no metric ${name}: ${status}`);
  return Number(value);
}
