/** Latency of IPMI requests while clients of Redfish keep the same BMC busy, against an ipmi_sim that is left alone. */
import { benchPassword, startAppliance } from './appliance.ts';
import type { Bench } from './bench.ts';
import { compile } from './compiled.ts';
import { HttpLoad } from './http-load.ts';
import { ipmiContender } from './ipmi-contender.ts';
import { IpmiLoad } from './ipmi-load.ts';
import { startIpmiSim } from './ipmi-peers.ts';
import { inRounds } from './rounds.ts';
import { scratchFolder } from './target.ts';

const sessions = 4;
const outstanding = 4;
/** Each with the next request as soon as the last one is answered. */
const redfishClients = 4;
const path = '/redfish/v1/Systems/1';

export const ipmiBesideRedfish: Bench = {
  name: 'ipmi-beside-redfish',
  title: `Get Device ID, ${sessions} sessions × ${outstanding}, suite 3, beside ${redfishClients} clients with GET ${path} over TLS`,
  async run({ rounds, seconds }) {
    const folder = scratchFolder();
    const stops: (() => unknown)[] = [];
    try {
      const program = compile('ipmi-load.c', folder.path, 'crypto');
      const appliance = await startAppliance();
      stops.push(() => appliance.stop());
      const peer = await startIpmiSim(folder.path);
      stops.push(() => peer.target.stop());
      const open = async (port: number) => {
        const options = { program, kind: 'requests', port, sessions, outstanding } as const;
        const load = await IpmiLoad.open({ ...options, password: benchPassword });
        stops.push(() => load.close());
        await load.warmUp(50_000);
        return load;
      };
      const headers = { 'x-auth-token': appliance.token };
      const own = ipmiContender({
        ...{ name: 'qemu-bmc', target: appliance.target, load: await open(appliance.ipmiPort), seconds },
      });
      const figures = await inRounds(
        [
          {
            name: 'qemu-bmc beside Redfish',
            async measure() {
              // New connections: those of the last round have been idle for too long.
              const { port } = appliance;
              const redfish = await HttpLoad.open({ port, connections: redfishClients, path, headers });
              await redfish.first();
              const [ipmi, { requests, seconds: took }] = await Promise.all([
                own.measure(),
                redfish.run(seconds),
              ]);
              redfish.close();
              const { 'requests/s': rate, 'p50 µs': p50, 'p99 µs': p99, 'p99.9 µs': p999 } = ipmi;
              return {
                ...{ 'requests/s': Number(rate), 'p50 µs': Number(p50), 'p99 µs': Number(p99) },
                ...{ 'p99.9 µs': Number(p999), 'Redfish answers/s': requests / took },
              };
            },
          },
          own,
          ipmiContender({ name: 'ipmi_sim', target: peer.target, load: await open(peer.port), seconds }),
        ],
        rounds,
      );
      return { figures, ratiosOf: 'qemu-bmc beside Redfish', against: ['ipmi_sim', 'qemu-bmc'] };
    } finally {
      for (const stop of stops.reverse()) await stop();
      folder.remove();
    }
  },
};
