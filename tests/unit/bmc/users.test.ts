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
  type UserChange,
  type UserSpec,
  Users,
} from '../../../src/bmc/users.ts';
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

  it('is open to users of a list that was kept before there was Redfish', () => {
    const store = memoryStore();
    usersOf([admin], store).users.update(2, { password: Buffer.from('kept'), sol: false }, actor);
    const kept = store.load<{ slots: { redfish?: boolean }[] }>('users');
    for (const slot of kept?.slots ?? []) delete slot.redfish;
    store.save('users', kept);
    const { users, events } = usersOf([admin], store);
    expect(passwordOf(users, 2)).toBe('kept');
    expect(users.get(2)).toMatchObject({ redfish: true, sol: false });
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
