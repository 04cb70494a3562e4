import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import { EventLog } from '../../../src/bmc/event-log.ts';
import { memoryStore, type Store } from '../../../src/bmc/store.ts';
import {
  canLogIn,
  canLogInToRedfish,
  effectiveLimit,
  type ListedUser,
  type UserChange,
} from '../../../src/bmc/user.ts';
import type { UserSpec } from '../../../src/bmc/user-seeds.ts';
import { Users } from '../../../src/bmc/users.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { fileStore } from '../../../src/store/file-store.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const admin = { name: 'admin', password: 'password', limit: 'administrator' } as const;
const actor = { name: 'admin', face: 'ipmi', from: '192.0.2.1:40000' } as const;

function usersOf(specs: readonly UserSpec[], store: Store = memoryStore(), clock = new ScriptedClock()) {
  const events = new EventLog(clock, memoryStore(), silentLogger);
  return { users: new Users({ specs, store, events, clock, random: systemRandom() }), events };
}
const passwordOf = (users: Users, id: number) => Buffer.from(users.get(id)?.password ?? []).toString();

describe('users of the configuration', () => {
  it('take slots from 2 on, since slot 1 is the null user', () => {
    const { users } = usersOf([admin, { ...admin, name: 'guest', limit: 'user', sol: false }]);
    expect(
      users.list().map(({ id, name, limit, sol, enabled }) => ({ id, name, limit, sol, enabled })),
    ).toEqual([
      { id: 2, name: 'admin', limit: 'administrator', sol: true, enabled: true },
      { id: 3, name: 'guest', limit: 'user', sol: false, enabled: true },
    ]);
    expect(users.get(1)).toMatchObject({ name: '', enabled: false, limit: 'no-access' });
    expect([users.get(0), users.get(17), users.get(1.5)]).toEqual([undefined, undefined, undefined]);
  });

  it('are found by their whole name only, and never by the empty one', () => {
    const { users } = usersOf([admin]);
    expect(users.findByName('admin')?.id).toBe(2);
    for (const name of ['', 'Admin', 'admi', 'admin\0']) expect(users.findByName(name)).toBeUndefined();
  });

  it.each([
    ['an empty name', { ...admin, name: '' }, 'a name has 1 to 16 bytes, not 0'],
    ['a long name', { ...admin, name: 'x'.repeat(17) }, 'not 17'],
    ['a blank in the name', { ...admin, name: 'a b' }, 'visible ASCII'],
    ['a colon in the name', { ...admin, name: 'a:b' }, 'a name has no colon'],
    ['an empty password', { ...admin, password: '' }, 'a password has 1 to 20 bytes, not 0'],
    ['a long password', { ...admin, password: 'é'.repeat(11) }, 'not 22'],
  ])('with %s are refused', (_, user, message) => {
    expect(() => usersOf([user])).toThrow(BmcError);
    expect(() => usersOf([user])).toThrow(message);
  });

  it('of the same name, or more than 15, are refused', () => {
    expect(() => usersOf([admin, admin])).toThrow('the name admin is taken');
    const many = Array.from({ length: 16 }, (_, i) => ({ ...admin, name: `u${i}` }));
    expect(() => usersOf(many)).toThrow('at most 15, 16 given');
  });
});

describe('a change at run time', () => {
  it('is kept, told to listeners and recorded without the password', () => {
    const store = memoryStore();
    const { users, events } = usersOf([admin], store);
    const told: string[] = [];
    users.onChange(({ id, name }) => told.push(`${id} ${name}`));
    users.update(5, { name: 'bob' }, actor);
    users.update(5, { password: Buffer.from('topsecret'), passwordSize: 20 }, actor);
    users.update(5, { enabled: true, limit: 'operator' }, actor);
    expect(told).toEqual(['5 bob', '5 bob', '5 bob']);
    expect(usersOf([admin], store).users.get(5)).toMatchObject({
      name: 'bob',
      enabled: true,
      limit: 'operator',
    });
    const record = events.list().map(({ text }) => text);
    expect(record).toEqual([
      'user 5 bob: name changed by admin (192.0.2.1:40000)',
      'user 5 bob: password, password size changed by admin (192.0.2.1:40000)',
      'user 5 bob: enabled state (now on), privilege limit (now operator) changed by admin (192.0.2.1:40000)',
    ]);
    expect(JSON.stringify(record)).not.toContain('topsecret');
  });

  it('that changes nothing is not recorded', () => {
    const { users, events } = usersOf([admin]);
    users.update(2, { name: 'admin', enabled: true, password: Buffer.from('password') }, actor);
    users.update(1, { name: '', enabled: false }, actor);
    expect(events.list()).toEqual([]);
  });

  it('of the name to nothing frees the slot with all that was in it', () => {
    const { users, events } = usersOf([admin]);
    users.update(2, { name: '' }, actor);
    expect(users.list()).toEqual([]);
    expect(users.get(2)).toMatchObject({ name: '', enabled: false, limit: 'no-access', sol: false });
    expect(passwordOf(users, 2)).toBe('');
    expect(events.list().at(-1)?.text).toBe('user 2 admin: deleted by admin (192.0.2.1:40000)');
  });

  it.each([
    ['of the null user', 1, { enabled: true }, 'null user'],
    ['to a name that is taken', 3, { name: 'admin' }, 'the name admin is taken'],
    ['to a long name', 3, { name: 'x'.repeat(17) }, 'not 17'],
    ['to a long password', 3, { password: new Uint8Array(21).fill(65) }, 'not 21'],
    ['to a password with NUL', 3, { password: Uint8Array.of(65, 0, 65) }, 'no NUL'],
    ['to an impossible session limit', 3, { sessionLimit: 16 }, 'not 0 to 15'],
    ['of a slot that is not there', 17, { name: 'x' }, 'no user 17'],
  ])('%s is refused and changes nothing', (_, id, change, message) => {
    const { users, events } = usersOf([admin]);
    const before = [users.get(id), users.list()];
    expect(() => users.update(id, change, actor)).toThrow(message);
    expect([users.get(id), users.list()]).toEqual(before);
    expect(events.list()).toEqual([]);
  });

  it('that cannot be saved is refused and changes nothing', () => {
    const store = memoryStore();
    const { users } = usersOf([admin], store);
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    expect(() => users.update(2, { password: Buffer.from('new') }, actor)).toThrow('disk full');
    expect(passwordOf(users, 2)).toBe('password');
  });
});

it('a user logs in only when enabled, named, with a password and with messaging', () => {
  const user = usersOf([admin]).users.get(2);
  if (!user) throw new Error('no user 2');
  expect(canLogIn(user)).toBe(true);
  for (const change of [
    { enabled: false },
    { name: '' },
    { password: new Uint8Array() },
    { messaging: false },
  ]) {
    expect(canLogIn({ ...user, ...change })).toBe(false);
  }
  expect(effectiveLimit({ ...user, callbackOnly: true })).toBe('callback');
  expect(effectiveLimit({ ...user, limit: 'no-access' })).toBeUndefined();
});

describe('configuration against what is kept', () => {
  it('leaves run-time changes alone as long as it stays the same', () => {
    const store = memoryStore();
    const { users } = usersOf([admin, { ...admin, name: 'guest' }], store);
    users.update(2, { password: Buffer.from('changed') }, actor);
    users.update(3, { name: '' }, actor);
    const again = usersOf([admin, { ...admin, name: 'guest' }], store);
    expect(passwordOf(again.users, 2)).toBe('changed');
    expect(again.users.list().map(({ name }) => name)).toEqual(['admin']);
    expect(again.events.list()).toEqual([]);
  });

  it('wins for a user whose entry has changed, as a whole, and says so', () => {
    const store = memoryStore();
    const { users } = usersOf([admin], store);
    users.update(2, { password: Buffer.from('changed'), enabled: false }, actor);
    const again = usersOf([{ ...admin, password: 'fresh' }], store);
    expect(passwordOf(again.users, 2)).toBe('fresh');
    expect(again.users.get(2)?.enabled).toBe(true);
    expect(again.events.list().map(({ kind, text }) => `${kind}: ${text}`)).toEqual([
      'user-changed: user 2 admin: set anew from the configuration',
    ]);
    expect(passwordOf(usersOf([{ ...admin, password: 'fresh' }], store).users, 2)).toBe('fresh');
  });

  it('takes a user away who has gone from it, and adds a new one beside those made at run time', () => {
    const store = memoryStore();
    usersOf([admin], store).users.update(3, { name: 'bob' }, actor);
    const { users } = usersOf(
      [
        { ...admin, name: 'root' },
        { ...admin, name: 'ops' },
      ],
      store,
    );
    expect(users.list().map(({ id, name }) => `${id} ${name}`)).toEqual(['2 root', '3 bob', '4 ops']);
  });

  it('is the same when it says what it would mean anyway', () => {
    const store = memoryStore();
    usersOf([admin], store).users.update(2, { password: Buffer.from('changed') }, actor);
    const again = usersOf([{ ...admin, enabled: true, sol: true }], store);
    expect([passwordOf(again.users, 2), again.events.list()]).toEqual(['changed', []]);
    expect(passwordOf(usersOf([{ ...admin, sol: false }], store).users, 2)).toBe('password');
    const disabled = usersOf([{ ...admin, sol: false, enabled: false }], store);
    expect([disabled.users.get(2)?.enabled, disabled.events.list().length]).toEqual([false, 1]);
  });

  it('is not told by what is kept: the fingerprint is salted', () => {
    const [a, b] = [memoryStore(), memoryStore()];
    usersOf([admin], a);
    usersOf([admin], b);
    const seedOf = (store: Store) => store.load<{ seeds: { hash: string }[] }>('users')?.seeds[0]?.hash;
    expect(seedOf(a)).not.toBe(seedOf(b));
  });
});

describe('access to Redfish', () => {
  it('is open to a user of the configuration and to a new one, and can be taken and given for good', () => {
    const store = memoryStore();
    const { users, events } = usersOf([admin], store);
    users.update(5, { name: 'bob', password: Buffer.from('bobs'), enabled: true, limit: 'user' }, actor);
    const open = (of: Users) => of.list().map(canLogInToRedfish);
    expect(open(users)).toEqual([true, true]);
    users.update(5, { redfish: false }, actor);
    expect(events.list().at(-1)?.text).toContain('Redfish access (now off) changed');
    expect(open(usersOf([admin], store).users)).toEqual([true, false]);
    expect(users.list().map(canLogIn)).toEqual([true, true]);
    users.update(5, { redfish: true }, actor);
    expect(open(usersOf([admin], store).users)).toEqual([true, true]);
  });

  it.each<[string, UserChange]>([
    ['disabled', { enabled: false }],
    ['without a password', { password: new Uint8Array() }],
    ['without access', { limit: 'no-access' }],
    ['of the Callback level', { limit: 'callback' }],
    ['restricted to Callback', { callbackOnly: true }],
    ['without a name', { name: '' }],
  ])('is closed to a user %s', (_, change) => {
    const [user] = usersOf([admin]).users.list();
    expect(user && canLogInToRedfish(user)).toBe(true);
    expect(user && canLogInToRedfish({ ...user, ...change })).toBe(false);
  });

  it('is closed to the null user', () => {
    const nullUser = usersOf([admin]).users.get(1);
    expect(nullUser).toMatchObject({ redfish: false });
  });

  it('is left to a user whose name has a colon from before that was refused: the name stays, and no other gets one', () => {
    const store = memoryStore();
    usersOf([admin], store).users.update(5, { name: 'a_b', password: Buffer.from('p') }, actor);
    const kept = store.load<{ slots: { name: string }[] }>('users');
    const slots = kept?.slots.map((slot) => (slot.name === 'a_b' ? { ...slot, name: 'a:b' } : slot));
    store.save('users', { ...kept, slots });
    const { users } = usersOf([admin], store);
    expect(users.findByName('a:b')?.id).toBe(5);
    users.update(5, { name: 'a:b', password: Buffer.from('other') }, actor);
    expect(passwordOf(users, 5)).toBe('other');
    expect(() => users.checkList(users.list(), 'users')).not.toThrow();
    expect(() => users.update(5, { name: 'a:c' }, actor)).toThrow('a name has no colon');
    expect(users.get(5)?.name).toBe('a:b');
  });

  it('is open to users of a list that was kept before there was Redfish', () => {
    const store = memoryStore();
    usersOf([admin], store).users.update(2, { password: Buffer.from('kept'), sol: false }, actor);
    const kept = store.load<{ slots: UserChange[] }>('users');
    const older = kept?.slots.map(
      ({ redfish: _, passwordChangeRequired: __, passwordExpiresAt: ___, ...slot }) => slot,
    );
    store.save('users', { ...kept, slots: older });
    const { users, events } = usersOf([admin], store);
    expect(passwordOf(users, 2)).toBe('kept');
    expect(users.get(2)).toMatchObject({
      ...{ redfish: true, sol: false, passwordChangeRequired: false, passwordExpiresAt: null },
    });
    expect(events.list()).toEqual([]);
  });
});

describe('a password that must change', () => {
  const required = { passwordChangeRequired: true } as const;

  it('is good for a login to Redfish, which can ask for another, and not to IPMI, which cannot', () => {
    const { users } = usersOf([admin]);
    const user = users.update(2, required, actor);
    expect([canLogIn(user), canLogInToRedfish(user)]).toEqual([false, true]);
  });

  it('is over with another password, not with the same, and lasts over a restart', () => {
    const store = memoryStore();
    usersOf([admin], store).users.update(2, required, actor);
    const { users } = usersOf([admin], store);
    expect(users.get(2)?.passwordChangeRequired).toBe(true);
    users.update(2, { password: Buffer.from('password') }, actor);
    expect(users.get(2)?.passwordChangeRequired).toBe(true);
    users.update(2, { password: Buffer.from('another') }, actor);
    expect(users.get(2)?.passwordChangeRequired).toBe(false);
  });

  it('can be a new one that somebody else has chosen', () => {
    const { users } = usersOf([admin]);
    users.update(2, { password: Buffer.from('initial'), ...required }, actor);
    expect(users.get(2)?.passwordChangeRequired).toBe(true);
  });
});

describe('a password that expires', () => {
  const dayMs = 86_400_000;
  const laterOf = (clock: ScriptedClock, days: number) => ({
    passwordExpiresAt: clock.wallTime() + days * dayMs,
  });

  it('has to be changed from then on, by itself: Redfish asks for another, IPMI lets nobody in', async () => {
    const clock = new ScriptedClock();
    const { users, events } = usersOf([admin], memoryStore(), clock);
    const told: boolean[] = [];
    users.onChange(({ passwordChangeRequired }) => told.push(passwordChangeRequired));
    users.update(2, laterOf(clock, 1), actor);
    await clock.advanceAsync(dayMs - 1000, 60_000);
    expect(users.get(2)?.passwordChangeRequired).toBe(false);
    await clock.advanceAsync(1000);
    const user = users.get(2);
    expect(user && [user.passwordChangeRequired, canLogIn(user), canLogInToRedfish(user)]).toEqual([
      true,
      false,
      true,
    ]);
    expect(told).toEqual([false, true]);
    expect(events.list().at(-1)?.text).toBe(
      'user 2 admin: password change (now required) changed by expiry of passwords',
    );
  });

  it('is over with another password, which never expires without a policy', () => {
    const clock = new ScriptedClock();
    const { users } = usersOf([admin], memoryStore(), clock);
    users.update(2, { passwordExpiresAt: clock.wallTime() - 1 }, actor);
    expect(users.get(2)?.passwordChangeRequired).toBe(true);
    users.update(2, { password: Buffer.from('another') }, actor);
    expect(users.get(2)).toMatchObject({ passwordChangeRequired: false, passwordExpiresAt: null });
  });

  it('is not made good by saying so, but by another time', () => {
    const clock = new ScriptedClock();
    const { users } = usersOf([admin], memoryStore(), clock);
    users.update(2, { passwordExpiresAt: clock.wallTime() - 1 }, actor);
    const good = { passwordChangeRequired: false };
    for (const passwordExpiresAt of [Number.NaN, 0.5, 9e15]) {
      expect(() => users.update(2, { passwordExpiresAt }, actor)).toThrow('is no time');
    }
    expect(() => users.update(2, good, actor)).toThrow('the password has expired');
    users.update(2, { ...laterOf(clock, 1), ...good }, actor);
    expect(users.get(2)?.passwordChangeRequired).toBe(false);
  });

  it('lives as long as the policy says, unless it comes with a time of its own', () => {
    const clock = new ScriptedClock();
    const store = memoryStore();
    const { users } = usersOf([admin], store, clock);
    users.setPasswordDays(90, actor);
    // The password that is there keeps the time it has.
    expect(users.get(2)?.passwordExpiresAt).toBeNull();
    users.update(2, { password: Buffer.from('second') }, actor);
    expect(users.get(2)).toMatchObject(laterOf(clock, 90));
    const own = laterOf(clock, 7);
    users.update(2, { password: Buffer.from('third'), ...own }, actor);
    expect(users.get(2)).toMatchObject(own);
    expect(usersOf([admin], store, clock).users.passwordDays).toBe(90);
    for (const days of [0, 3651, 1.5]) expect(() => users.setPasswordDays(days, actor)).toThrow(BmcError);
    users.setPasswordDays(undefined, actor);
    users.update(2, { password: Buffer.from('fourth') }, actor);
    expect(users.get(2)?.passwordExpiresAt).toBeNull();
  });

  it('has expired as well when its time has come while the BMC was off', () => {
    const clock = new ScriptedClock();
    const store = memoryStore();
    usersOf([admin], store, clock).users.update(2, laterOf(clock, 1), actor);
    const later = new ScriptedClock(clock.wallTime() + 2 * dayMs);
    expect(usersOf([admin], store, later).users.get(2)?.passwordChangeRequired).toBe(true);
  });

  it('and the policy are forgotten with all settings', () => {
    const clock = new ScriptedClock();
    const { users } = usersOf([admin], memoryStore(), clock);
    let policies = 0;
    users.onPolicyChange(() => policies++);
    users.setPasswordDays(30, actor);
    users.update(2, laterOf(clock, 3), actor);
    users.resetToDefaults(actor);
    expect([users.passwordDays, users.get(2)?.passwordExpiresAt, policies]).toEqual([undefined, null, 2]);
  });
});

describe('the last administrator', () => {
  it('is told from one of several, whatever the change takes', () => {
    const { users } = usersOf([admin]);
    const changes: UserChange[] = [
      { name: '' },
      { enabled: false },
      { limit: 'operator' },
      { redfish: false },
      { callbackOnly: true },
      { password: new Uint8Array() },
    ];
    for (const change of changes) expect(users.wouldLockOut(2, change), JSON.stringify(change)).toBe(true);
    expect(users.wouldLockOut(2, { password: Buffer.from('another') })).toBe(false);
    expect(users.wouldLockOut(3, { enabled: false })).toBe(false);
    const other = { name: 'other', password: Buffer.from('x'), enabled: true } as const;
    users.update(3, { ...other, limit: 'administrator' }, actor);
    for (const change of changes) expect(users.wouldLockOut(2, change)).toBe(false);
  });
});

it('nobody is the last administrator where there is none, and no user has a slot that is not there', () => {
  const { users } = usersOf([{ ...admin, limit: 'operator' }]);
  expect(users.wouldLockOut(2, { enabled: false })).toBe(false);
  expect(users.wouldLockOut(17, { name: '' })).toBe(false);
});

describe('a reset to defaults', () => {
  it('leaves the users of the configuration, tells of each that changed, and is kept', () => {
    const store = memoryStore();
    const { users } = usersOf([admin, { ...admin, name: 'guest', limit: 'user' }], store);
    users.update(2, { name: '' }, actor);
    users.update(3, { password: Buffer.from('changed') }, actor);
    users.update(7, { name: 'bob', password: Buffer.from('bobs'), enabled: true }, actor);
    const told: string[] = [];
    users.onChange(({ id, name }) => told.push(`${id} ${name}`));
    users.resetToDefaults(actor);
    expect(told).toEqual(['2 admin', '3 guest', '7 ']);
    expect(users.list().map(({ id, name }) => `${id} ${name}`)).toEqual(['2 admin', '3 guest']);
    expect(passwordOf(users, 3)).toBe('password');
    const again = usersOf([admin, { ...admin, name: 'guest', limit: 'user' }], store);
    expect(again.users.list()).toEqual(users.list());
    expect(again.events.list()).toEqual([]);
  });
});

describe('a damaged list', () => {
  let folder = '';
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const wellKnown = { ...admin, wellKnownPassword: true };
  const chosen = { name: 'chosen', password: 'chosen-one', limit: 'operator' } as const;

  const damages: readonly [string, (file: string) => void][] = [
    ['empty', (file) => writeFileSync(file, '')],
    ['cut short', (file) => writeFileSync(file, readFileSync(file).subarray(0, 100))],
    ['flipped in one bit', (file) => flip(file, 0.5)],
    ['flipped near its end', (file) => flip(file, 0.97)],
    ['replaced by something else', (file) => writeFileSync(file, '{"sha256":"","value":{}}\n')],
    ['gone', (file) => rmSync(file)],
  ];
  function flip(file: string, where: number): void {
    const raw = readFileSync(file);
    const at = Math.floor(raw.length * where);
    raw[at] = (raw[at] ?? 0) ^ 1;
    writeFileSync(file, raw);
  }

  it.each(damages)('%s never brings a well-known or an old password back', (_, damage) => {
    folder = mkdtempSync(join(tmpdir(), 'users-'));
    const open = () => fileStore(folder, () => undefined);
    const first = usersOf([wellKnown, chosen], open()).users;
    first.update(2, { password: Buffer.from('at-run-time') }, actor);
    first.update(5, { name: 'bob', password: Buffer.from('bobs'), enabled: true }, actor);
    damage(join(folder, 'users.json'));
    for (const round of [1, 2]) {
      const { users, events } = usersOf([wellKnown, chosen], open());
      expect(users.get(2)).toMatchObject({ name: 'admin', password: Buffer.alloc(0) });
      expect(passwordOf(users, 3)).toBe('chosen-one');
      expect(users.list()).toHaveLength(2);
      const kinds = events.list().map(({ kind }) => kind);
      expect(kinds).toEqual(round === 1 ? ['state-damaged', 'user-changed'] : []);
    }
    const { users } = usersOf([wellKnown, chosen], open());
    users.update(2, { password: Buffer.from('anew') }, actor);
    expect(passwordOf(usersOf([wellKnown, chosen], open()).users, 2)).toBe('anew');
  });

  it('whose values make no sense is damaged too, whatever its checksum', () => {
    const store = memoryStore();
    usersOf([wellKnown], store);
    const kept = store.load<{ slots: object[]; seeds: object[] }>('users');
    for (const change of [
      { password: 'zz' },
      { limit: 'god' },
      { enabled: 'yes' },
      { id: '2' },
      { redfish: 1 },
    ]) {
      store.save('users', { ...kept, slots: [{ ...kept?.slots[0], ...change }] });
      expect(passwordOf(usersOf([wellKnown], store).users, 2)).toBe('');
    }
  });
});

describe('what can be kept of a user', () => {
  it('is refused at a level that is none, at a session limit that is none, and with too short a password', () => {
    const events = new EventLog(new ScriptedClock(), memoryStore(), silentLogger);
    const users = new Users({
      ...{ specs: [admin], store: memoryStore(), events, clock: new ScriptedClock(), random: systemRandom() },
      minPasswordBytes: 12,
    });
    const changes: readonly [UserChange, string][] = [
      [{ limit: 'god' as 'user' }, 'no level god'],
      [{ sessionLimit: -1 }, 'session limit -1 is not 0 to 15'],
      [{ sessionLimit: 0.5 }, 'session limit 0.5 is not 0 to 15'],
      [{ password: Buffer.from('eleven more') }, 'a password has 12 to 20 bytes, not 11'],
    ];
    const before = users.list();
    for (const [change, message] of changes) expect(() => users.update(2, change, actor)).toThrow(message);
    expect(users.list()).toEqual(before);
    users.update(2, { password: Buffer.from('twelve bytes'), sessionLimit: 15 }, actor);
    expect([passwordOf(users, 2), users.get(2)?.sessionLimit]).toEqual(['twelve bytes', 15]);
    users.update(2, { sessionLimit: 0, limit: 'no-access' }, actor);
    expect(users.get(2)).toMatchObject({ sessionLimit: 0, limit: 'no-access' });
  });

  it('is as long as the limits say, to the byte: names of 16, passwords of 1 and of 20', () => {
    const { users } = usersOf([{ ...admin, name: 'n'.repeat(16), password: 'p'.repeat(20) }]);
    expect(users.get(2)).toMatchObject({ name: 'n'.repeat(16), passwordSize: 20 });
    expect(usersOf([{ ...admin, password: 'p'.repeat(17) }]).users.get(2)?.passwordSize).toBe(20);
    expect(usersOf([{ ...admin, password: 'p'.repeat(16) }]).users.get(2)?.passwordSize).toBe(16);
    users.update(3, { name: '~', password: Buffer.from('p') }, actor);
    users.update(4, { name: '!', password: new Uint8Array(20).fill(65) }, actor);
    expect(users.list()).toHaveLength(3);
    for (const name of ['a\x7f', 'a\x1f', 'é']) {
      expect(() => users.update(5, { name }, actor)).toThrow('visible ASCII');
    }
    expect(() => users.update(5, { name: 'a:b' }, actor)).toThrow('a name has no colon');
    const full = Array.from({ length: 15 }, (_, i) => ({ ...admin, name: `u${i}` }));
    expect(usersOf(full).users.get(16)?.name).toBe('u14');
  });

  it('is told in words for each thing that changes, and to which state', () => {
    const { users, events } = usersOf([admin]);
    const words = (change: UserChange) => {
      users.update(2, change, actor);
      return events
        .list()
        .at(-1)
        ?.text.match(/admin: (.*) changed by/)?.[1];
    };
    const at = Date.UTC(2030, 0, 1);
    expect([
      words({ sol: false }),
      words({ sol: true }),
      words({ messaging: false }),
      words({ messaging: true }),
      words({ redfish: false }),
      words({ redfish: true }),
      words({ enabled: false }),
      words({ linkAuthentication: true }),
      words({ callbackOnly: true }),
      words({ sessionLimit: 3 }),
      words({ passwordChangeRequired: true }),
      words({ passwordChangeRequired: false }),
      words({ passwordExpiresAt: at }),
      words({ passwordExpiresAt: null }),
    ]).toEqual([
      'Serial-over-LAN right (now off)',
      'Serial-over-LAN right (now on)',
      'IPMI messaging (now off)',
      'IPMI messaging (now on)',
      'Redfish access (now off)',
      'Redfish access (now on)',
      'enabled state (now off)',
      'link authentication',
      'restriction to Callback',
      'session limit',
      'password change (now required)',
      'password change (no longer required)',
      'expiry of the password (now 2030-01-01T00:00:00.000Z)',
      'expiry of the password (now never)',
    ]);
  });
});

describe('the list as a whole', () => {
  const specs = [admin, { ...admin, name: 'guest', limit: 'user' }] as const;
  const listed = (users: Users): ListedUser[] =>
    users.list().map(({ password: _, passwordSize: __, ...rest }) => rest);
  const entry = (users: Users, id: number, change: Partial<ListedUser>): ListedUser => {
    const [first] = listed(users);
    if (!first) throw new Error('no user');
    return { ...first, id, ...change };
  };

  it('is taken when its names fit and are there once, and says where it does not', () => {
    const { users } = usersOf(specs);
    expect(() => users.checkList(listed(users), 'users')).not.toThrow();
    const wrong: readonly [ListedUser[], string][] = [
      [[...listed(users), entry(users, 5, { name: 'a b' })], 'users.2.name: a name has visible ASCII'],
      [[...listed(users), entry(users, 5, { name: '' })], 'users.2.name: a name has 1 to 16 bytes'],
      [[...listed(users), entry(users, 5, {})], 'users.2: another user has this id or name'],
      [[...listed(users), entry(users, 3, { name: 'third' })], 'users.2: another user has this id or name'],
    ];
    for (const [list, message] of wrong) {
      expect(() => users.checkList(list, 'users')).toThrow(BmcError);
      expect(() => users.checkList(list, 'users')).toThrow(message);
    }
  });

  it('is refused when it leaves no administrator who has a password here, unless there was none before', () => {
    const { users } = usersOf(specs);
    const nobody = 'nobody who has a password here could log in as administrator';
    expect(() => users.checkList([], 'users')).toThrow(nobody);
    expect(() => users.checkList([entry(users, 2, { enabled: false })], 'users')).toThrow(nobody);
    // One who is not known here has no password to log in with.
    expect(() => users.checkList([entry(users, 2, { name: 'root' })], 'users')).toThrow(nobody);
    expect(() => users.checkList([entry(users, 9, {})], 'users')).not.toThrow();
    users.update(2, { enabled: false }, actor);
    expect(() => users.checkList([], 'users')).not.toThrow();
  });

  it('is put in the place of the present one: who has the name keeps the password, others have none', () => {
    const store = memoryStore();
    const { users, events } = usersOf(specs, store);
    users.update(2, { password: Buffer.from('at-run-time') }, actor);
    const told: string[] = [];
    users.onChange(({ id, name }) => told.push(`${id} ${name}`));
    const before = events.list().length;
    users.replaceList([entry(users, 7, {}), entry(users, 3, { name: 'new', limit: 'operator' })], actor);
    expect(users.list().map(({ id, name, limit }) => [id, name, limit])).toEqual([
      [3, 'new', 'operator'],
      [7, 'admin', 'administrator'],
    ]);
    expect([passwordOf(users, 7), passwordOf(users, 3), passwordOf(users, 2)]).toEqual([
      'at-run-time',
      '',
      '',
    ]);
    expect(told).toEqual(['2 ', '3 new', '7 admin']);
    const texts = events.list().slice(before);
    expect(texts.map(({ text }) => text.split(' by ')[0])).toEqual([
      'user 2 admin: deleted',
      expect.stringMatching(/^user 3 new: name, password, .*privilege limit \(now operator\).* changed$/),
      expect.stringMatching(/^user 7 admin: name, password, enabled state \(now on\), .* changed$/),
    ]);
    // The configuration knows where its users are now: the next start takes nobody for new.
    const again = usersOf(specs, store);
    expect(again.users.list().map(({ id, name }) => `${id} ${name}`)).toEqual(['3 new', '7 admin']);
    expect(passwordOf(again.users, 7)).toBe('at-run-time');
    expect(again.events.list()).toEqual([]);
  });

  it('that is as it is changes nothing, tells nobody and is not recorded', () => {
    const { users, events } = usersOf(specs);
    let told = 0;
    users.onChange(() => told++);
    users.replaceList(listed(users), actor);
    expect([told, events.list()]).toEqual([0, []]);
  });

  it('is another when one thing of one user is', () => {
    const { users } = usersOf(specs);
    const [first, second] = listed(users) as [ListedUser, ListedUser];
    users.replaceList([first, { ...second, sol: false }], actor);
    expect(users.get(3)).toMatchObject({ name: 'guest', sol: false });
  });

  it('is not replaced when it cannot be kept', () => {
    const store = memoryStore();
    const { users } = usersOf(specs, store);
    const before = users.list();
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    expect(() => users.replaceList([entry(users, 2, {})], actor)).toThrow('disk full');
    expect(() => users.resetToDefaults(actor)).toThrow('disk full');
    expect(users.list()).toEqual(before);
  });

  it('takes users of the configuration with it who go from it wherever they have been put', () => {
    const store = memoryStore();
    const { users } = usersOf(specs, store);
    users.replaceList([entry(users, 2, {}), entry(users, 9, { name: 'guest', limit: 'user' })], actor);
    expect(
      usersOf([admin], store)
        .users.list()
        .map(({ name }) => name),
    ).toEqual(['admin']);
  });
});

describe('a slot for a user of the configuration', () => {
  it('is the one he had when he comes again with another entry and it is still free', () => {
    const store = memoryStore();
    const specs = [admin, { ...admin, name: 'guest' }];
    usersOf(specs, store).users.update(2, { name: '' }, actor);
    const { users } = usersOf(
      [
        { ...admin, password: 'other' },
        { ...admin, name: 'guest' },
      ],
      store,
    );
    expect(users.findByName('admin')?.id).toBe(2);
  });

  it('is the first free one when another has taken his', () => {
    const store = memoryStore();
    const { users } = usersOf([admin, { ...admin, name: 'guest' }], store);
    users.update(2, { name: '' }, actor);
    users.update(2, { name: 'bob' }, actor);
    const again = usersOf(
      [
        { ...admin, password: 'other' },
        { ...admin, name: 'guest' },
      ],
      store,
    ).users;
    expect(again.list().map(({ id, name }) => `${id} ${name}`)).toEqual(['2 bob', '3 guest', '4 admin']);
  });

  it('is the one of whoever has the name already, and his settings are those of the configuration then', () => {
    const store = memoryStore();
    const { users } = usersOf([admin], store);
    users.update(6, { name: 'ops', password: Buffer.from('own'), limit: 'user' }, actor);
    const again = usersOf([admin, { ...admin, name: 'ops', enabled: false }], store).users;
    expect(again.findByName('ops')).toMatchObject({ id: 6, limit: 'administrator', enabled: false });
    expect(passwordOf(again, 6)).toBe('password');
  });

  it('is said to be missing when there is none, and is given when there is one', () => {
    const store = memoryStore();
    const { users } = usersOf([admin], store);
    for (let id = 3; id <= 16; id++) users.update(id, { name: `u${id}` }, actor);
    const specs = [admin, { ...admin, name: 'late' }];
    const full = usersOf(specs, store);
    expect(full.events.list().map(({ text }) => text)).toEqual([
      'no slot is free for user late of the configuration',
    ]);
    expect(full.users.findByName('late')).toBeUndefined();
    full.users.update(11, { name: '' }, actor);
    expect(usersOf(specs, store).users.findByName('late')?.id).toBe(11);
  });

  it('stays with another who has taken it when its user goes from the configuration', () => {
    const store = memoryStore();
    const { users } = usersOf([admin, { ...admin, name: 'guest' }], store);
    users.update(3, { name: 'bob' }, actor);
    const again = usersOf([admin], store);
    expect(again.users.list().map(({ name }) => name)).toEqual(['admin', 'bob']);
    expect(again.events.list().map(({ text }) => text)).toEqual([
      'user guest is no longer in the configuration',
    ]);
  });
});

describe('a time after which a password expires', () => {
  it('is looked at again after a minute when the expiry could not be kept', () => {
    const clock = new ScriptedClock();
    const store = memoryStore();
    const { users } = usersOf([admin], store, clock);
    users.update(2, { passwordExpiresAt: clock.wallTime() + 1000 }, actor);
    const save = store.save;
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    clock.advance(1000);
    expect(users.get(2)?.passwordChangeRequired).toBe(false);
    store.save = save;
    clock.advance(60_000);
    expect(users.get(2)?.passwordChangeRequired).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('hides no fault that is none of the disk', () => {
    const clock = new ScriptedClock();
    const store = memoryStore();
    const { users } = usersOf([admin], store, clock);
    users.update(2, { passwordExpiresAt: clock.wallTime() + 1000 }, actor);
    store.save = () => {
      throw new TypeError('a fault');
    };
    expect(() => clock.advance(1000)).toThrow('a fault');
  });

  it('follows the wall clock when that is set, within a minute', () => {
    const clock = new ScriptedClock();
    const { users } = usersOf([admin], memoryStore(), clock);
    users.update(2, { passwordExpiresAt: clock.wallTime() + 86_400_000 }, actor);
    clock.jumpWallTime(86_400_000);
    clock.advance(60_000);
    expect(users.get(2)?.passwordChangeRequired).toBe(true);
  });

  it('waits for nothing when the users are stopped, or when nothing expires any more', () => {
    const clock = new ScriptedClock();
    const { users } = usersOf([admin], memoryStore(), clock);
    users.update(2, { passwordExpiresAt: clock.wallTime() + 1000 }, actor);
    expect(clock.pending).toBe(1);
    users.update(2, { passwordExpiresAt: null }, actor);
    expect(clock.pending).toBe(0);
    users.update(2, { passwordExpiresAt: clock.wallTime() + 1000 }, actor);
    users.stop();
    clock.advance(120_000);
    expect([clock.pending, users.get(2)?.passwordChangeRequired]).toEqual([0, false]);
  });

  it('comes from a policy of 1 to 3,650 days, which is recorded and told when it changes and only then', () => {
    const { users, events } = usersOf([admin]);
    let told = 0;
    users.onPolicyChange(() => told++);
    users.setPasswordDays(undefined, actor);
    expect([told, events.list()]).toEqual([0, []]);
    for (const days of [1, 3650, 3650]) users.setPasswordDays(days, actor);
    expect([users.passwordDays, told, events.list().length]).toEqual([3650, 2, 2]);
    users.resetToDefaults(actor);
    users.resetToDefaults(actor);
    expect([users.passwordDays, told]).toEqual([undefined, 3]);
  });
});

describe('a list that was kept', () => {
  const wellKnown = { ...admin, wellKnownPassword: true };

  /** @returns whether the password of the configuration has come back, or the user has none */
  function passwordAfter(
    change: (kept: { slots: object[]; seeds: object[]; passwordDays?: unknown }) => unknown,
  ): string {
    const store = memoryStore();
    const { users } = usersOf([wellKnown], store);
    users.setPasswordDays(30, actor);
    users.update(2, { password: Buffer.from('own') }, actor);
    const kept = store.load<{ slots: object[]; seeds: object[] }>('users');
    if (!kept) throw new Error('nothing kept');
    store.save('users', change(kept));
    return passwordOf(usersOf([wellKnown], store).users, 2);
  }

  it('counts as a whole only: what is no list, no slot and no entry of the configuration makes it damaged', () => {
    expect(passwordAfter((kept) => kept)).toBe('own');
    const [slot, seed] = [{}, {}];
    expect([
      passwordAfter(() => null),
      passwordAfter(() => 'text'),
      passwordAfter(({ seeds }) => ({ seeds })),
      passwordAfter(({ slots }) => ({ slots })),
      passwordAfter(({ slots }) => ({ slots, seeds: {} })),
      passwordAfter(({ slots, seeds }) => ({ slots: [...slots, null], seeds })),
      passwordAfter(({ slots, seeds }) => ({ slots: [...slots, slot], seeds })),
      passwordAfter(({ slots, seeds }) => ({ slots, seeds: [...seeds, seed] })),
      passwordAfter(({ slots, seeds }) => ({ slots, seeds: [...seeds, null] })),
      ...['name', 'id', 'salt', 'hash'].map((key) =>
        passwordAfter(({ slots, seeds }) => ({ slots, seeds: [{ ...seeds[0], [key]: null }] })),
      ),
      ...[{ passwordExpiresAt: 'soon' }, { password: 'AA' }, { password: '0'.repeat(42) }, { sol: null }].map(
        (wrong) => passwordAfter(({ slots, seeds }) => ({ slots: [{ ...slots[0], ...wrong }], seeds })),
      ),
    ]).toEqual(Array.from({ length: 17 }, () => ''));
  });

  it('may speak of a time and of a policy, or not', () => {
    const store = memoryStore();
    const { users } = usersOf([wellKnown], store);
    users.update(2, { password: Buffer.from('own'), passwordExpiresAt: Date.UTC(2030, 0, 1) }, actor);
    const kept = store.load<object>('users');
    store.save('users', { ...kept, passwordDays: 'many' });
    const again = usersOf([wellKnown], store).users;
    expect(again.get(2)?.passwordExpiresAt).toBe(Date.UTC(2030, 0, 1));
    expect([passwordOf(again, 2), again.passwordDays]).toEqual(['own', undefined]);
  });

  it('is lost when either of its two files is damaged, and not on a first start', () => {
    for (const name of ['users', 'users-mark']) {
      const store = { ...memoryStore(), wasDamaged: (asked: string) => asked === name };
      const { users, events } = usersOf([wellKnown], store);
      expect(passwordOf(users, 2)).toBe('');
      expect(events.list().map(({ kind }) => kind)).toEqual(['state-damaged', 'user-changed']);
    }
    const fresh = usersOf([wellKnown]);
    expect([passwordOf(fresh.users, 2), fresh.events.list()]).toEqual(['password', []]);
  });

  it('is not lost with its mark alone, which is written anew', () => {
    const store = memoryStore();
    usersOf([wellKnown], store).users.update(2, { password: Buffer.from('own') }, actor);
    const load = store.load;
    let isThere = false;
    const save = store.save;
    store.load = (name) => (name === 'users-mark' && !isThere ? undefined : load(name));
    store.save = (name, value) => {
      isThere ||= name === 'users-mark';
      save(name, value);
    };
    expect(passwordOf(usersOf([wellKnown], store).users, 2)).toBe('own');
    expect(isThere).toBe(true);
  });
});
