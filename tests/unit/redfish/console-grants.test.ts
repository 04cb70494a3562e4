import { describe, expect, it } from 'vitest';
import type { Bmc } from '../../../src/bmc/bmc.ts';
import { EventLog } from '../../../src/bmc/event-log.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
import type { User, UserChange } from '../../../src/bmc/user.ts';
import { Users } from '../../../src/bmc/users.ts';
import type { HttpRequest } from '../../../src/http/exchange.ts';
import type { SocketPurpose } from '../../../src/http/sockets/tickets.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { consoleGrant } from '../../../src/redfish/console-grants.ts';
import { RedfishSessions } from '../../../src/redfish/sessions.ts';
import type { RedfishState } from '../../../src/redfish/state.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const actor = { name: 'admin', face: 'redfish' } as const;

function bench() {
  const clock = new ScriptedClock();
  const random = systemRandom();
  const events = new EventLog(clock, memoryStore(), silentLogger);
  const specs = [
    { name: 'admin', password: 'password', limit: 'administrator' },
    { name: 'oper', password: 'password', limit: 'operator' },
    { name: 'reader', password: 'password', limit: 'user' },
  ] as const;
  const users = new Users({ specs, store: memoryStore(), events, clock, random });
  const sessions = new RedfishSessions({ users, events, store: memoryStore(), clock, random });
  const user = (id: number) => users.get(id) as User;
  const open = (id: number) => sessions.open(user(id), '192.0.2.1').session.id;
  const grant = (
    id: number,
    purpose: SocketPurpose = 'serial',
    wantsToWrite = true,
    sessionId: string | undefined = open(id),
  ) =>
    consoleGrant(purpose, wantsToWrite, user(id), {
      bmc: { users } as Bmc,
      state: { sessions } as RedfishState,
      sessionId,
      request: { address: '192.0.2.1' } as HttpRequest,
    });
  /** As with Basic authentication. */
  const basic = (id: number, purpose: SocketPurpose = 'serial') =>
    consoleGrant(purpose, true, user(id), {
      bmc: { users } as Bmc,
      state: { sessions } as RedfishState,
      sessionId: undefined,
      request: { address: '192.0.2.1' } as HttpRequest,
    });
  const change = (id: number, what: UserChange) => users.update(id, what, actor);
  return { users, sessions, clock, open, grant, basic, change };
}

describe('the right to a console', () => {
  it('is to write for who may operate the machine and asked to, to look on for others', () => {
    const { grant } = bench();
    const rights = [2, 3, 4].map((id) => grant(id).mayWrite);
    expect(rights).toEqual([true, true, false]);
    expect([grant(2, 'screen', false).mayWrite, grant(2, 'screen', false).wantsToWrite]).toEqual([
      false,
      false,
    ]);
    expect(grant(3)).toMatchObject({ purpose: 'serial', userName: 'oper', name: 'oper (192.0.2.1)' });
  });

  it.each<[string, UserChange, string]>([
    ['is disabled', { enabled: false }, 'this user may not log in any more'],
    ['may not use Redfish any more', { redfish: false }, 'this user may not log in any more'],
    ['is another now', { name: 'other' }, 'this user may not log in any more'],
    ['is deleted', { name: '' }, 'this user may not log in any more'],
    ['has another role', { limit: 'user' }, 'the role of this user has changed'],
    ['may not use the serial console', { sol: false }, 'this user may not use the serial console any more'],
    ['has another password', { password: Buffer.from('another') }, 'the password has changed'],
  ])('ends at once when its user %s', (_, what, why) => {
    const { basic, change } = bench();
    const given = basic(3);
    expect(given.revoked()).toBeUndefined();
    change(3, what);
    expect(given.revoked()).toBe(why);
  });

  it('to the screen does not end with the right to the serial console', () => {
    const { basic, change } = bench();
    const given = basic(3, 'screen');
    change(3, { sol: false });
    expect(given.revoked()).toBeUndefined();
  });

  it('lasts as long as the session it came with', () => {
    const { grant, open, sessions } = bench();
    const id = open(2);
    const given = grant(2, 'serial', true, id);
    let told = 0;
    const ignore = given.onChange(() => told++);
    expect(given.revoked()).toBeUndefined();
    sessions.end(id, actor);
    expect([given.revoked(), told]).toEqual(['the session has ended', 1]);
    ignore();
  });

  it('is told of changes of users and of ends of sessions, until nobody listens any more', () => {
    const { basic, change, open, sessions } = bench();
    let told = 0;
    const ignore = basic(2).onChange(() => told++);
    change(3, { limit: 'user' });
    sessions.end(open(4), actor);
    expect(told).toBe(2);
    ignore();
    change(3, { limit: 'operator' });
    sessions.end(open(4), actor);
    expect(told).toBe(2);
  });

  it('keeps its session in use while the console is open, and without a session holds nothing', () => {
    const { grant, basic, open, sessions, clock } = bench();
    const id = open(2);
    const release = grant(2, 'serial', true, id).hold();
    clock.advance(86_400_000);
    expect(sessions.get(id)).toBeDefined();
    release();
    clock.advance(86_400_000);
    expect(sessions.get(id)).toBeUndefined();
    expect(() => basic(2).hold()()).not.toThrow();
  });
});
