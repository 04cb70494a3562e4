/** Many sessions on one BMC: the rate of a thousand beside that of four, and ten thousand open at once. */
import { benchPassword, startAppliance } from './appliance.ts';
import type { Bench } from './bench.ts';
import { compile } from './compiled.ts';
import { ipmiContender } from './ipmi-contender.ts';
import { IpmiLoad } from './ipmi-load.ts';
import { type Contender, type Figures, figureOf, inRounds } from './rounds.ts';
import { scratchFolder } from './target.ts';

const few = { sessions: 4, outstanding: 4 };
const many = { sessions: 1000, outstanding: 1 };
const most = 10_000;

export const ipmiSessions: Bench = {
  name: 'ipmi-sessions',
  title: `${many.sessions} sessions with a request on the way in each, and ${most} open at once, suite 3`,
  async run({ rounds, seconds }) {
    const folder = scratchFolder();
    const program = compile('ipmi-load.c', folder.path, 'crypto');
    const appliance = await startAppliance({ IPMI_MAX_SESSIONS: '16384' });
    const { target, ipmiPort: port } = appliance;
    const loads: IpmiLoad[] = [];
    const open = async (options: { readonly sessions: number; readonly outstanding: number }) => {
      const load = await IpmiLoad.open({
        program,
        kind: 'requests',
        port,
        ...options,
        password: benchPassword,
      });
      loads.push(load);
      return load;
    };
    try {
      const contenders: Contender[] = [
        ipmiContender({ name: '1,000 sessions', target, load: await open(many), seconds }),
        ipmiContender({ name: '4 sessions', target, load: await open(few), seconds }),
      ];
      const figures = await inRounds(contenders, rounds);
      return {
        figures: { ...figures, '10,000 sessions': await openMost() },
        ratiosOf: '1,000 sessions',
        against: ['4 sessions'],
      };
    } finally {
      for (const load of loads) load.close();
      await appliance.stop();
      folder.remove();
    }

    /** Once: all logged in, then a request in each; one that is refused or lost ends the benchmark. */
    async function openMost(): Promise<Figures> {
      const [before, begin, cpu] = [target.residentKb, performance.now(), target.cpuMs];
      const load = await open({ sessions: most, outstanding: 1 });
      const loginMs = performance.now() - begin;
      const cpuMs = target.cpuMs - cpu;
      const kb = (target.residentKb - before) / most;
      const { count } = await load.run(0);
      return {
        'requests answered, one a session': figureOf([count]),
        'all logged in, s': figureOf([loginMs / 1000]),
        'CPU µs/login': figureOf([(1000 * cpuMs) / most]),
        'KB a session': figureOf([kb]),
      };
    }
  },
};
