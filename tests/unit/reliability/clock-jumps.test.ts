/** Somebody sets the host's clock while the BMC works: what counts time goes on, what shows time shows the new one. */
import { describe, expect, it } from 'vitest';
import { ipmiCommands } from '../../../src/ipmi/commands/commands.ts';
import { LanBench } from '../../support/lan-bench.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';

const start = Date.UTC(2026, 0, 1);
const hour = 3_600_000;
const year = 365.25 * 24 * hour;
const jumps: readonly (readonly [string, number])[] = [
  ['an hour forward', hour],
  ['an hour back', -hour],
  ['ten years forward', 10 * year],
  ['ten years back', -10 * year],
  ['to before 19 January 2038', Date.UTC(2038, 0, 19, 3, 14, 5) - start],
  ['to before 7 February 2106', Date.UTC(2106, 1, 7, 6, 28, 13) - start],
  ['to the year 2150', Date.UTC(2150, 0, 1) - start],
  ['to 1970', 60_000 - start],
];
const record = [0, 0, 0xc0, 0, 0, 0, 0, ...Array(9).fill(1)];

describe.each(jumps)('a clock that jumps %s', (_, ms) => {
  it('ends no IPMI session, keeps the SEL in the order of its IDs, and lets the watchdog run', async () => {
    const bench = new LanBench({ commands: ipmiCommands.definitions });
    await bench.bmc.start({ powerReturned: true, powerOn: false });
    const client = bench.loggedIn({}, 4);
    const ask = (...request: [number, number, number[]?]) => {
      const reply = client.command(...request);
      expect(reply?.completionCode, `command ${request[1].toString(16)}`).toBe(0);
      return reply?.data ?? Buffer.alloc(0);
    };
    const ids = [ask(0x0a, 0x44, record).readUInt16LE()];
    // SMS/OS, no action, 10 s.
    ask(6, 0x24, [0x04, 0, 0, 0, 100, 0]);
    ask(6, 0x22);
    bench.clock.advance(2_000);
    bench.clock.jump(ms);
    expect(ask(6, 0x25).readUInt16LE(6)).toBe(80);
    // Over the end of 31 and of 32 bits, a second each.
    for (let n = 0; n < 6; n++) {
      bench.clock.advance(1_000);
      ids.push(ask(0x0a, 0x44, record).readUInt16LE());
      ask(0x0a, 0x48);
      ask(0x0a, 0x40);
    }
    const listed: number[] = [];
    for (let id = 0; id !== 0xffff; ) {
      const data = ask(0x0a, 0x43, [0, 0, id & 0xff, id >> 8, 0, 0xff]);
      listed.push(data.readUInt16LE(2));
      id = data.readUInt16LE(0);
    }
    expect(ids.every((id, at) => at === 0 || id > (ids[at - 1] ?? 0))).toBe(true);
    expect(listed).toEqual([...listed].sort((a, b) => a - b));
    expect(ids.every((id) => listed.includes(id))).toBe(true);
    expect(bench.client().login()).toBe('ok');
    expect(ask(6, 0x25).readUInt16LE(6)).toBe(20);
    bench.clock.advance(2_500);
    expect(ask(6, 0x25)[3]).not.toBe(0);
    await bench.bmc.stop({});
  });

  it('ends no Redfish session before its time, nor lets it live longer; logs can be read', async () => {
    const bench = new RedfishBench();
    await bench.start();
    const { headers, status } = await bench.ask('POST', '/redfish/v1/SessionService/Sessions', {
      ...{ as: undefined, body: { UserName: 'admin', Password: 'admin' } },
    });
    expect(status).toBe(201);
    const token = headers['x-auth-token'] ?? '';
    const get = (url: string) => bench.ask('GET', url, { as: undefined, headers: { 'x-auth-token': token } });
    bench.clock.jump(ms);
    expect((await get('/redfish/v1/Systems/1')).status).toBe(200);
    for (const url of [
      '/redfish/v1/Managers/1',
      '/redfish/v1/TaskService',
      '/redfish/v1/SessionService/Sessions',
    ]) {
      expect((await get(url)).status, url).toBe(200);
    }
    bench.bmc.events.add('configuration', 'after the jump');
    const { body } = await get('/redfish/v1/Managers/1/LogServices');
    for (const { '@odata.id': log } of body.Members)
      expect((await get(`${log}/Entries`)).status, log).toBe(200);
    bench.clock.advance(1_700_000);
    expect((await get('/redfish/v1/Systems/1')).status).toBe(200);
    bench.clock.advance(1_801_000);
    expect((await get('/redfish/v1/Systems/1')).status).toBe(401);
    await bench.stop();
  });
});
