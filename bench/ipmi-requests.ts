/**
 * Get Device ID in sessions, against ipmi_sim, and against echoes of datagrams as long: processor time, rate, latency.
 * Suite 17 stands beside suite 3; ipmi_sim has none.
 */
import { benchPassword, startAppliance } from './appliance.ts';
import type { Bench } from './bench.ts';
import { compile } from './compiled.ts';
import { ipmiContender } from './ipmi-contender.ts';
import { IpmiLoad, type IpmiLoadOptions } from './ipmi-load.ts';
import { startCEcho, startIpmiSim, startNodeEcho } from './ipmi-peers.ts';
import { type Contender, inRounds } from './rounds.ts';
import { scratchFolder, type Target } from './target.ts';

const sessions = 4;
const outstanding = 4;

export const ipmiRequests: Bench = {
  name: 'ipmi-requests',
  title: `Get Device ID, ${sessions} sessions with ${outstanding} requests on the way in each`,
  async run({ rounds, seconds }) {
    const folder = scratchFolder();
    const program = compile('ipmi-load.c', folder.path, 'crypto');
    const stops: (() => unknown)[] = [];
    const contenders: Contender[] = [];
    const add = async (
      name: string,
      target: Target,
      port: number,
      options: Partial<IpmiLoadOptions> = {},
    ) => {
      const load = await IpmiLoad.open({
        ...{ program, kind: 'requests', port, sessions, outstanding, password: benchPassword },
        ...options,
      });
      stops.push(() => load.close());
      await load.warmUp(50_000);
      contenders.push(ipmiContender({ name, target, load, seconds }));
    };
    try {
      const appliance = await startAppliance();
      stops.push(() => appliance.stop());
      const peer = await startIpmiSim(folder.path);
      stops.push(() => peer.target.stop());
      const nodeEcho = await startNodeEcho();
      stops.push(() => nodeEcho.stop());
      const cEcho = await startCEcho(folder.path);
      stops.push(() => cEcho.stop());
      await add('qemu-bmc, suite 3', appliance.target, appliance.ipmiPort);
      await add('qemu-bmc, suite 17', appliance.target, appliance.ipmiPort, { suite: 17 });
      await add('ipmi_sim', peer.target, peer.port);
      await add('Node dgram echo', nodeEcho, nodeEcho.port, { kind: 'echo' });
      await add('C echo', cEcho, cEcho.port, { kind: 'echo' });
      return {
        figures: await inRounds(contenders, rounds),
        ratiosOf: 'qemu-bmc, suite 3',
        against: ['ipmi_sim', 'Node dgram echo', 'C echo', 'qemu-bmc, suite 17'],
      };
    } finally {
      for (const stop of stops.reverse()) await stop();
      folder.remove();
    }
  },
};
