import { describe, expect, it } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import { EventLog } from '../../../src/bmc/event-log.ts';
import { memoryStore, type Store } from '../../../src/bmc/store.ts';
import type { User, UserChange } from '../../../src/bmc/user.ts';
import type { UserSpec } from '../../../src/bmc/user-seeds.ts';
import { Users } from '../../../src/bmc/users.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { RedfishError } from '../../../src/redfish/errors.ts';
import { RedfishSessions } from '../../../src/redfish/sessions.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const actor = { name: 'admin', face: 'redfish', from: '192.0.2.1:40000' } as const;
const from = '192.0.2.1';

/** @param admin how the first user is configured */
function bench(store: Store = memoryStore(), wallTime?: number, admin: Partial<UserSpec> = {}) {
  const clock = new ScriptedClock(wallTime);
  const random = systemRandom();
  const events = new EventLog(clock, memoryStore(), silentLogger);
  const specs: UserSpec[] = Array.from({ length: 6 }, (_, i) => ({
    name: i === 0 ? 'admin' : `user${i}`,
    password: 'password',
    limit: 'administrator',
    ...(i === 0 && admin),
  }));
  const users = new Users({ specs, store: memoryStore(), events, clock, random });
  const sessions = new RedfishSessions({ users, events, store, clock, random });
  const ended: string[] = [];
  sessions.onEnd(({ session, why }) => ended.push(`${session.id} ${why}`));
  const user = (id: number) => users.get(id) as User;
  const texts = () => events.list().map(({ kind, text }) => `${kind}: ${text}`);
  return { clock, users, sessions, ended, user, texts };
}

describe('a session', () => {
  it('is found by its token alone, with its user as he is now', () => {
    const { sessions, user, users, clock } = bench();
    const { session, token } = sessions.open(user(2), from);
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(session).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      userId: 2,
      userName: 'admin',
      clientOrigin: from,
      createdTime: clock.wallTime(),
      lastUsedTime: clock.wallTime(),
    });
    clock.advance(1000);
    users.update(2, { limit: 'user' }, actor);
    const used = sessions.use(token);
    expect(used?.user.limit).toBe('user');
    const { lastUsedTime: _, ...facts } = session;
    expect(used?.session).toEqual(facts);
    expect(sessions.get(session.id)).toEqual({ ...facts, lastUsedTime: clock.wallTime() });
    for (const wrong of ['', session.id, token.slice(1), `${token}x`, token.toUpperCase()]) {
      expect(sessions.use(wrong)).toBeUndefined();
    }
  });

  it('has a token and an ID of its own, and the token is kept nowhere', () => {
    const store = memoryStore();
    const { sessions, user, texts } = bench(store);
    const opened = [sessions.open(user(2), from), sessions.open(user(2), from), sessions.open(user(3), from)];
    expect(new Set(opened.flatMap(({ session, token }) => [session.id, token])).size).toBe(6);
    const shown = JSON.stringify([sessions.list(), texts(), store.load('redfish-sessions')]);
    for (const { token } of opened) expect(shown).not.toContain(token);
  });

  it('ends by logout, once, and is told in the event log', () => {
    const { sessions, user, ended, texts } = bench();
    const { session, token } = sessions.open(user(2), from);
    expect(sessions.end(session.id, actor)).toBe(true);
    expect(sessions.end(session.id, actor)).toBe(false);
    expect(sessions.use(token)).toBeUndefined();
    expect(sessions.get(session.id)).toBeUndefined();
    expect(ended).toEqual([`${session.id} logout`]);
    const who = `admin (192.0.2.1, ${session.id})`;
    expect(texts()).toEqual([
      `session-opened: Redfish session of ${who}`,
      `session-closed: Redfish session of ${who}: logged out by admin (192.0.2.1:40000)`,
    ]);
  });

  it('ends after its idle time, which each use begins anew', () => {
    const { sessions, user, clock, ended, texts } = bench();
    const { session, token } = sessions.open(user(2), from);
    const { session: unused } = sessions.open(user(3), from);
    clock.advance(1_799_000);
    expect(sessions.use(token)).toBeDefined();
    clock.advance(1000);
    expect(ended).toEqual([`${unused.id} idle`]);
    clock.advance(1_798_999);
    expect(sessions.get(session.id)).toBeDefined();
    clock.advance(1);
    expect(ended).toEqual([`${unused.id} idle`, `${session.id} idle`]);
    expect(texts().at(-1)).toContain('timed out');
    expect(sessions.use(token)).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('does not notice when the wall clock jumps', () => {
    const { sessions, user, clock } = bench();
    const { token } = sessions.open(user(2), from);
    for (const jump of [10 * 365 * 86_400_000, -20 * 365 * 86_400_000]) {
      clock.jumpWallTime(jump);
      expect(sessions.use(token)).toBeDefined();
      expect(sessions.list()).toHaveLength(1);
    }
  });

  it('lasts as long as an answer to it is on its way, and the idle time begins after that', () => {
    const { sessions, user, clock, ended } = bench();
    const { session } = sessions.open(user(2), from);
    const first = sessions.hold(session.id);
    const second = sessions.hold(session.id);
    clock.advance(10_000_000);
    first();
    first();
    clock.advance(10_000_000);
    expect(ended).toEqual([]);
    second();
    clock.advance(1_799_999);
    expect(ended).toEqual([]);
    clock.advance(1);
    expect(ended).toEqual([`${session.id} idle`]);
    sessions.hold('no such session')();
  });

  it('survives a restart of the BMC, with the idle time it has had', () => {
    const store = memoryStore();
    const before = bench(store);
    const { session, token } = before.sessions.open(before.user(2), from);
    before.clock.advance(1_000_000);
    before.sessions.stop();
    expect(before.clock.pending).toBe(0);
    expect(before.sessions.use(token)).toBeUndefined();

    const after = bench(store, before.clock.wallTime() + 700_000);
    expect(after.sessions.list()).toEqual([session]);
    after.clock.advance(99_999);
    expect(after.sessions.get(session.id)).toBeDefined();
    expect(after.sessions.use(token)?.user.name).toBe('admin');
    expect(after.texts()).toEqual([]);

    const late = bench(store, after.clock.wallTime() + 1_800_000);
    expect(late.sessions.use(token)).toBeUndefined();
    expect(late.texts().at(-1)).toContain('timed out');
    expect(bench(store, before.clock.wallTime()).sessions.list()).toEqual([]);
  });

  it('survives the BMC’s being killed, too: one that is in use is at most a minute older than it was', () => {
    const store = memoryStore();
    const before = bench(store);
    const { session, token } = before.sessions.open(before.user(2), from);
    const over = before.sessions.open(before.user(2), from);
    before.sessions.hold(session.id);
    before.clock.advance(100_000_000);
    const after = bench(store, before.clock.wallTime() + 1_739_000);
    expect(after.sessions.use(token)).toBeDefined();
    expect(after.sessions.use(over.token)).toBeUndefined();
  });

  it('whose time ran out while there was no BMC ends when one is back, before anybody asks', () => {
    const store = memoryStore();
    const before = bench(store);
    const { session } = before.sessions.open(before.user(2), from);
    before.sessions.stop();
    const after = bench(store, before.clock.wallTime() + 1_800_000);
    expect(after.texts().at(-1)).toContain('timed out');
    expect(JSON.stringify(store.load('redfish-sessions'))).not.toContain(session.id);
  });

  it('does not survive a restart that finds another user or password in its user’s place', () => {
    const store = memoryStore();
    const before = bench(store);
    const { token } = before.sessions.open(before.user(2), from);
    const other = before.sessions.open(before.user(3), from);
    const after = bench(store, before.clock.wallTime(), { password: 'another' });
    expect(after.sessions.list().map(({ id }) => id)).toEqual([other.session.id]);
    expect(after.sessions.use(token)).toBeUndefined();
    expect(after.texts().at(-1)).toContain('ended, since its user has changed');
  });

  it('is not written anew at a start that changes nothing', () => {
    const store = memoryStore();
    const before = bench(store);
    const { token } = before.sessions.open(before.user(2), from);
    before.sessions.stop();
    const written: string[] = [];
    const noting: Store = {
      ...store,
      save: (name, value) => {
        written.push(name);
        store.save(name, value);
      },
    };
    const after = bench(noting, before.clock.wallTime());
    expect(written).toEqual([]);
    expect(after.sessions.use(token)?.user.name).toBe('admin');
    after.sessions.open(after.user(2), from);
    expect(written).toEqual(['redfish-sessions']);
  });

  it('begins and ends also on a disk that is full, and is noted when that has room again', () => {
    const store = memoryStore();
    const { save } = store;
    const { sessions, user, clock } = bench(store);
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    const first = sessions.open(user(2), from);
    const second = sessions.open(user(2), from);
    expect(sessions.end(first.session.id, actor)).toBe(true);
    expect(bench({ ...store, save }).sessions.list()).toEqual([]);
    store.save = save;
    clock.advance(60_000);
    expect(
      bench(store, clock.wallTime())
        .sessions.list()
        .map(({ id }) => id),
    ).toEqual([second.session.id]);
  });
});

describe('a change of a user', () => {
  it.each<[string, UserChange]>([
    ['disabled', { enabled: false }],
    ['deleted', { name: '' }],
    ['renamed', { name: 'root' }],
    ['given another password', { password: Buffer.from('other') }],
    ['taken Redfish access', { redfish: false }],
    ['left without access', { limit: 'no-access' }],
    ['restricted to Callback', { callbackOnly: true }],
  ])('who is %s ends his sessions at once, and no others', (_, change) => {
    const { sessions, users, user, ended } = bench();
    const mine = [sessions.open(user(2), from), sessions.open(user(2), from)];
    const other = sessions.open(user(3), from);
    users.update(2, change, actor);
    expect(ended).toEqual(mine.map(({ session }) => `${session.id} user-changed`));
    for (const { token } of mine) expect(sessions.use(token)).toBeUndefined();
    expect(sessions.use(other.token)).toBeDefined();
  });

  it('that is undone does not bring the sessions back, nor does a new user of the same slot or name', () => {
    const { sessions, users, user } = bench();
    const { token } = sessions.open(user(2), from);
    const before = user(2);
    users.update(2, { enabled: false }, actor);
    users.update(2, { enabled: true }, actor);
    expect(sessions.use(token)).toBeUndefined();
    const again = sessions.open(user(2), from);
    users.update(2, { name: '' }, actor);
    users.update(2, { ...before }, actor);
    expect(sessions.use(again.token)).toBeUndefined();
  });

  it('of the role, or of what concerns IPMI alone, ends nothing', () => {
    const { sessions, users, user, ended } = bench();
    const { token } = sessions.open(user(2), from);
    users.update(2, { limit: 'operator', sol: false, messaging: false, sessionLimit: 1 }, actor);
    expect(ended).toEqual([]);
    expect(sessions.use(token)?.user.limit).toBe('operator');
  });

  it('of the own password spares the session that asks for it, but no other', () => {
    const { sessions, users, user, ended } = bench();
    const own = sessions.open(user(2), from);
    const other = sessions.open(user(2), from);
    const password = Buffer.from('other');
    sessions.duringChangeBy(own.session.id, () => users.update(2, { password }, actor));
    expect(ended).toEqual([`${other.session.id} user-changed`]);
    expect(sessions.use(own.token)).toBeDefined();
    users.update(2, { password: Buffer.from('third') }, actor);
    expect(sessions.use(own.token)).toBeUndefined();
  });

  it.each<[string, UserChange]>([
    ['disables himself', { enabled: false }],
    ['renames himself', { name: 'root' }],
    ['takes Redfish access from himself', { redfish: false, password: Buffer.from('other') }],
  ])('by which a user %s ends also the session that asks for it', (_, change) => {
    const { sessions, users, user } = bench();
    const { session, token } = sessions.open(user(2), from);
    sessions.duringChangeBy(session.id, () => users.update(2, change, actor));
    expect(sessions.use(token)).toBeUndefined();
  });

  it('that is refused spares nothing later', () => {
    const { sessions, users, user } = bench();
    const { session, token } = sessions.open(user(2), from);
    const change = () => users.update(2, { password: Buffer.alloc(30) }, actor);
    expect(() => sessions.duringChangeBy(session.id, change)).toThrow(BmcError);
    expect(sessions.use(token)).toBeDefined();
    users.update(2, { password: Buffer.from('other') }, actor);
    expect(sessions.use(token)).toBeUndefined();
  });
});

describe('sessions', () => {
  it('are at most 16 of one user, and one more when one has ended', () => {
    const { sessions, user } = bench();
    const opened = Array.from({ length: 16 }, () => sessions.open(user(2), from));
    expect(() => sessions.open(user(2), from)).toThrow(RedfishError);
    expect(() => sessions.open(user(2), from)).toThrow('SessionLimitExceeded');
    sessions.open(user(3), from);
    sessions.end(opened[0]?.session.id ?? '', actor);
    sessions.open(user(2), from);
  });

  it('are at most 64 in all; those that have timed out make room', () => {
    const { sessions, user, clock } = bench();
    for (const id of [2, 3, 4, 5]) for (let i = 0; i < 16; i++) sessions.open(user(id), from);
    expect(sessions.list()).toHaveLength(64);
    expect(() => sessions.open(user(6), from)).toThrow('SessionLimitExceeded');
    clock.advance(1_800_000);
    sessions.open(user(6), from);
    expect(sessions.list().map(({ userName }) => userName)).toEqual(['user4']);
  });

  it('are told of when one comes, when one goes, and when their idle time changes', () => {
    const { sessions, user } = bench();
    let told = 0;
    const ignore = sessions.onChange(() => told++);
    const { session } = sessions.open(user(2), from);
    expect(told).toBe(1);
    sessions.setIdleTimeoutS(60, actor);
    expect(told).toBe(2);
    sessions.setIdleTimeoutS(60, actor);
    expect(told).toBe(2);
    sessions.end(session.id, actor);
    expect(told).toBe(3);
    ignore();
    sessions.open(user(2), from);
    expect(told).toBe(3);
  });

  it('have an idle time that can be set, for living ones too and for good', () => {
    const store = memoryStore();
    const { sessions, user, clock, texts } = bench(store);
    expect(sessions.idleTimeoutS).toBe(1800);
    const { token } = sessions.open(user(2), from);
    clock.advance(40_000);
    sessions.setIdleTimeoutS(86_400, actor);
    clock.advance(86_359_000);
    expect(sessions.use(token)).toBeDefined();
    clock.advance(40_000);
    sessions.setIdleTimeoutS(30, actor);
    expect(sessions.use(token)).toBeUndefined();
    expect(texts().at(-2)).toBe('configuration: idle time of sessions now 30 s by admin (192.0.2.1:40000)');
    expect(bench(store).sessions.idleTimeoutS).toBe(30);
  });

  it.each([29, 86_401, 30.5, Number.NaN, -1])('refuse an idle time of %d s, and keep theirs', (seconds) => {
    const { sessions } = bench();
    expect(() => sessions.setIdleTimeoutS(seconds, actor)).toThrow('30 to 86400 s');
    expect(sessions.idleTimeoutS).toBe(1800);
  });

  it('keep their idle time when another cannot be saved, and take none that was kept wrong', () => {
    const store = memoryStore();
    const { sessions } = bench(store);
    const save = store.save;
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    expect(() => sessions.setIdleTimeoutS(60, actor)).toThrow('disk full');
    expect(sessions.idleTimeoutS).toBe(1800);
    save('redfish-sessions', { idleTimeoutS: 5 });
    expect(bench(store).sessions.idleTimeoutS).toBe(1800);
  });
});

describe('a session that has lost its ground before anybody could say so', () => {
  it('is refused when its time is over, although no timer has run', () => {
    const clock = new ScriptedClock();
    let lateMs = 0;
    const busy = {
      now: () => clock.now() + lateMs,
      wallTime: () => clock.wallTime() + lateMs,
      after: clock.after.bind(clock),
      every: clock.every.bind(clock),
    };
    const random = systemRandom();
    const events = new EventLog(clock, memoryStore(), silentLogger);
    const specs = [{ name: 'admin', password: 'password', limit: 'administrator' }] as const;
    const users = new Users({ specs, store: memoryStore(), events, clock, random });
    const sessions = new RedfishSessions({ users, events, store: memoryStore(), clock: busy, random });
    const ended: string[] = [];
    sessions.onEnd(({ why }) => ended.push(why));
    const { token } = sessions.open(users.get(2) as User, from);
    lateMs = 30 * 60_000 - 1;
    expect(sessions.use(token)?.user.name).toBe('admin');
    lateMs += 30 * 60_000;
    expect([sessions.use(token), ended]).toEqual([undefined, ['idle']]);
  });

  it('is refused to who is told of its user’s change before the sessions are', () => {
    const clock = new ScriptedClock();
    const random = systemRandom();
    const events = new EventLog(clock, memoryStore(), silentLogger);
    const specs = [{ name: 'admin', password: 'password', limit: 'administrator' }] as const;
    const users = new Users({ specs, store: memoryStore(), events, clock, random });
    let token = '';
    const seen: unknown[] = [];
    users.onChange(() => seen.push(sessions.use(token)));
    const sessions = new RedfishSessions({ users, events, store: memoryStore(), clock, random });
    const ended: string[] = [];
    sessions.onEnd(({ why }) => ended.push(why));
    token = sessions.open(users.get(2) as User, from).token;
    users.update(2, { password: Buffer.from('another') }, actor);
    expect([seen, ended]).toEqual([[undefined], ['user-changed']]);
  });

  it('hides no fault of ours behind a full disk', () => {
    const store = memoryStore();
    const { sessions, user, clock } = bench(store);
    const { token } = sessions.open(user(2), from);
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    clock.advance(1000);
    sessions.use(token);
    expect(() => clock.advance(60_000)).not.toThrow();
    store.save = () => {
      throw new TypeError('a fault');
    };
    expect(() => clock.advance(60_000)).toThrow('a fault');
  });
});
