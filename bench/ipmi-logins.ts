/**
 * Logins by RMCP+ with their logouts, five round trips each, against ipmi_sim; everything is warm.
 */
import { benchPassword, startAppliance } from './appliance.ts';
import type { Bench } from './bench.ts';
import { compile } from './compiled.ts';
import { ipmiContender } from './ipmi-contender.ts';
import { IpmiLoad } from './ipmi-load.ts';
import { startIpmiSim } from './ipmi-peers.ts';
import { type Contender, inRounds } from './rounds.ts';
import { scratchFolder, type Target } from './target.ts';

const atOnce = 8;

export const ipmiLogins: Bench = {
  name: 'ipmi-logins',
  title: `${atOnce} logins at once, suite 3: capabilities, Open Session, RAKP 1 and 3, Close Session`,
  async run({ rounds, seconds }) {
    const folder = scratchFolder();
    const program = compile('ipmi-load.c', folder.path, 'crypto');
    const stops: (() => unknown)[] = [];
    const contenders: Contender[] = [];
    const add = async (name: string, target: Target, port: number) => {
      const load = await IpmiLoad.open({
        ...{ program, kind: 'logins', port, sessions: atOnce, password: benchPassword },
      });
      stops.push(() => load.close());
      await load.warmUp(10_000);
      contenders.push(ipmiContender({ name, target, load, seconds, what: 'logins' }));
    };
    try {
      const appliance = await startAppliance();
      stops.push(() => appliance.stop());
      const peer = await startIpmiSim(folder.path);
      stops.push(() => peer.target.stop());
      await add('qemu-bmc', appliance.target, appliance.ipmiPort);
      await add('ipmi_sim', peer.target, peer.port);
      return { figures: await inRounds(contenders, rounds), ratiosOf: 'qemu-bmc', against: ['ipmi_sim'] };
    } finally {
      for (const stop of stops.reverse()) await stop();
      folder.remove();
    }
  },
};
