/** Sessions of IPMI beside those of Redfish: who sees them, and who ends them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedfishBench } from '../../support/redfish-bench.ts';

const sessions = '/redfish/v1/SessionService/Sessions';

describe('a session of IPMI', () => {
  let bench: RedfishBench;
  let ended: string[];
  beforeEach(async () => {
    bench = new RedfishBench();
    await bench.start();
    ended = [];
  });
  afterEach(() => bench.stop());

  /** Of the user with this name. @returns its resource */
  function open(userName: string): string {
    const { users, openSessions, clock } = bench.bmc;
    const about = {
      protocol: 'IPMI' as const,
      userId: users.findByName(userName)?.id ?? 0,
      userName,
      from: '192.0.2.77',
    };
    const over = openSessions.opened({ ...about, openedAt: clock.wallTime() }, () => {
      ended.push(userName);
      over();
    });
    return `${sessions}/ipmi${openSessions.list().at(-1)?.id}`;
  }
  const remove = async (uri: string, as: string) => (await bench.ask('DELETE', uri, { as })).status;

  it('is a member of the sessions, with its user, where it comes from and since when', async () => {
    const uri = open('operator');
    const { body } = await bench.ask('GET', sessions);
    expect(body.Members).toContainEqual({ '@odata.id': uri });
    expect((await bench.ask('GET', uri)).body).toMatchObject({
      UserName: 'operator',
      SessionType: 'IPMI',
      ClientOriginIPAddress: '192.0.2.77',
      CreatedTime: new Date(bench.clock.wallTime()).toISOString(),
      Roles: ['Operator'],
    });
  });

  it('is ended by an administrator, by its own user, and by nobody else', async () => {
    const [first, second] = [open('operator'), open('operator')];
    expect(await remove(first, 'reader')).toBe(403);
    expect(ended).toEqual([]);
    expect(await remove(first, 'operator')).toBe(204);
    expect(await remove(second, 'admin')).toBe(204);
    expect(ended).toEqual(['operator', 'operator']);
    expect(await remove(second, 'admin')).toBe(404);
    expect((await bench.ask('GET', sessions)).body.Members).toEqual([]);
    expect(bench.bmc.events.list().at(-1)).toMatchObject({
      kind: 'session-closed',
      actor: { name: 'admin', face: 'redfish' },
    });
  });

  it('is none under any other name', async () => {
    open('operator');
    for (const id of ['ipmi', 'ipmi0', 'ipmi2', 'ipmi01', 'xipmi1', 'ipmi1ipmi1', '1']) {
      expect([id, (await bench.ask('GET', `${sessions}/${id}`)).status]).toEqual([id, 404]);
    }
  });
});
