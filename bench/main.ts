/**
 * `npm run bench`: measures the product beside bare servers and peers, prints a table and keeps the figures as JSON.
 *
 *   npm run bench -- [--rounds N] [--seconds S] [--keep NAME] [BENCH …]
 *
 * With `--keep` figures go to docs/benchmarks/NAME.json and NAME.md.
 */
import { inBandFlood, serialFlood } from './guest-flood.ts';
import { ipmiBesideRedfish } from './ipmi-beside-redfish.ts';
import { ipmiLogins } from './ipmi-logins.ts';
import { ipmiRequests } from './ipmi-requests.ts';
import { ipmiSessions } from './ipmi-sessions.ts';
import { loginFlood } from './login-flood.ts';
import { powerOn } from './power-on.ts';
import { redfishClients, redfishStreams } from './redfish-clients.ts';
import { redfishCollection, redfishGet } from './redfish-get.ts';
import { redfishMemory } from './redfish-memory.ts';
import { runBenches } from './run-benches.ts';
import { scale } from './scale.ts';
import { sol } from './sol.ts';
import { solLossy } from './sol-lossy.ts';
import { start } from './start.ts';

await runBenches('npm run bench', [
  ipmiRequests,
  ipmiBesideRedfish,
  ipmiSessions,
  ipmiLogins,
  redfishGet,
  redfishCollection,
  redfishClients,
  redfishStreams,
  redfishMemory,
  sol,
  solLossy,
  scale,
  start,
  powerOn,
  loginFlood,
  serialFlood,
  inBandFlood,
]);
