/**
 * A day in minutes: a BMC with a machine in memory, driven on a clock that a script moves, by logins and logouts, requests,
 * power cycles, Redfish sessions, subscriptions and events. Prints how memory, handles and timers go.
 *
 *     npm run soak [HOURS]        24 unless given; each hour holds the same work
 */
import { getActiveResourcesInfo } from 'node:process';
import { ipmiCommands } from '../src/ipmi/commands/commands.ts';
import { FakeMachine } from '../src/machine/fake/fake-machine.ts';
import { LanBench } from '../tests/support/lan-bench.ts';
import { RedfishBench } from '../tests/support/redfish-bench.ts';

const hours = Number(process.argv[2] ?? 24);
const settlingHours = Math.min(4, Math.floor(hours / 4));
/** Bounds of the note; in MB for each hour after those in which buffers and logs fill. */
const maxHeapSlope = 0.5;
const stepsAnHour = 60;
const stepMs = 60_000;

interface Sample {
  readonly heapMb: number;
  readonly rssMb: number;
  readonly handles: number;
  readonly timers: number;
  readonly sessions: number;
}

const lan = new LanBench({
  commands: ipmiCommands.definitions,
  machine: (clock) => new FakeMachine({ clock }),
});
await lan.bmc.start({ powerReturned: true, powerOn: true });
const redfish = new RedfishBench();
await redfish.start();
const done = { logins: 0, refused: 0, requests: 0, power: 0, events: 0, redfish: 0 };

function ipmiStep(step: number): void {
  const exchange = lan.from(`192.0.2.${1 + (step % 200)}`, 40_000 + (step % 1000));
  if (step % 10 === 9) {
    if (lan.client({ password: 'wrong' }, exchange).login() === 'ok')
      throw new Error('a wrong password works');
    done.refused++;
    return;
  }
  const client = lan.loggedIn({}, 4, exchange);
  done.logins++;
  const ask = (netFn: number, cmd: number, data: number[] = []) => {
    const reply = client.command(netFn, cmd, data);
    if (reply?.completionCode !== 0) throw new Error(`command ${netFn}/${cmd}: ${reply?.completionCode}`);
    done.requests++;
    return reply.data;
  };
  for (let n = 0; n < 20; n++) {
    ask(6, 1);
    ask(0, 1);
    ask(0x0a, 0x40);
  }
  ask(0x0a, 0x44, [0, 0, 0xc0, 0, 0, 0, 0, ...Array(9).fill(step & 0xff)]);
  done.events++;
  if (step % stepsAnHour === 0) {
    const reservation = ask(0x0a, 0x42);
    ask(0x0a, 0x47, [...reservation, 0x43, 0x4c, 0x52, 0xaa]);
  }
  if (step % 5 === 0) {
    ask(0, 2, [lan.bmc.power.isOn ? 2 : 1]);
    done.power++;
  }
  // Every third client goes without a word: its session runs out of time.
  if (step % 3 !== 0) {
    const own = client.command(6, 0x3d, [0]);
    const handle = own?.data[0];
    if (handle !== undefined && handle !== 0) client.command(6, 0x3c, [0, 0, 0, 0, handle]);
  }
}

async function redfishStep(step: number): Promise<void> {
  const urls = ['/redfish/v1/Systems/1', '/redfish/v1/Chassis/1', '/redfish/v1/Managers/1'];
  for (const url of urls) {
    if ((await redfish.ask('GET', url)).status !== 200) throw new Error(`GET ${url}`);
    done.redfish++;
  }
  const { status, headers } = await redfish.ask('POST', '/redfish/v1/SessionService/Sessions', {
    ...{ as: undefined, body: { UserName: 'reader', Password: 'reader' } },
  });
  if (status !== 201) throw new Error(`no session: ${status}`);
  const location = headers.location ?? '';
  if (step % 3 !== 0) {
    const gone = await redfish.ask('DELETE', location.replace(/^https?:\/\/[^/]+/, ''));
    if (gone.status >= 300) throw new Error(`DELETE ${location}: ${gone.status}`);
  }
  const ResetType = redfish.bmc.power.isOn ? 'ForceRestart' : 'On';
  if (step % 5 === 0) {
    await redfish.ask('POST', '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset', { body: { ResetType } });
  }
  redfish.bmc.events.add('configuration', `soak ${step}`);
}

function sample(): Sample {
  if (!global.gc) throw new Error('run by npm run soak: it needs --expose-gc');
  global.gc();
  const { heapUsed, rss } = process.memoryUsage();
  return {
    heapMb: heapUsed / 2 ** 20,
    rssMb: rss / 2 ** 20,
    handles: getActiveResourcesInfo().length,
    timers: lan.clock.pending + redfish.clock.pending,
    sessions: redfish.sessions.list().length,
  };
}

/** Least squares. @returns growth for each hour */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const over = values.reduce((sum, value, at) => sum + (at - middle) * (value - mean), 0);
  const under = values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0);
  return over / under;
}

const samples: Sample[] = [];
const startedAt = performance.now();
for (let hour = 0; hour < hours; hour++) {
  for (let minute = 0; minute < stepsAnHour; minute++) {
    const step = hour * stepsAnHour + minute;
    ipmiStep(step);
    await redfishStep(step);
    await lan.clock.advanceAsync(stepMs, 1000);
    await redfish.clock.advanceAsync(stepMs, 1000);
  }
  const now = sample();
  samples.push(now);
  process.stdout.write(
    `hour ${hour + 1}: heap ${now.heapMb.toFixed(1)} MB, RSS ${now.rssMb.toFixed(0)} MB, ${now.handles} handles, ` +
      `${now.timers} timers, ${now.sessions} Redfish sessions\n`,
  );
}
const later = samples.slice(settlingHours);
const heap = slope(later.map(({ heapMb }) => heapMb));
const rss = slope(later.map(({ rssMb }) => rssMb));
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
process.stdout.write(`${JSON.stringify(done)} in ${seconds} s\n`);
process.stdout.write(
  `after hour ${settlingHours}: heap ${heap.toFixed(3)} MB/h, RSS ${rss.toFixed(3)} MB/h\n`,
);
const problems: string[] = [];
if (heap >= maxHeapSlope) problems.push(`the heap grows by ${heap.toFixed(3)} MB/h`);
const [first, last] = [later[0], later.at(-1)];
if (first && last && last.handles > first.handles) problems.push('handles are left open');
if (first && last && last.timers > first.timers + 4) problems.push('timers are left');
await redfish.stop();
await lan.bmc.stop();
if (problems.length > 0) {
  process.stderr.write(`${problems.join('; ')}\n`);
  process.exitCode = 1;
}
