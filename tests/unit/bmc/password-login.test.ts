import { describe, expect, it, vi } from 'vitest';
import { EventLog } from '../../../src/bmc/event-log.ts';
import { defaultLanConfiguration, LanSettings } from '../../../src/bmc/lan-settings.ts';
import { LoginGuard } from '../../../src/bmc/login-guard.ts';
import { PasswordLogin } from '../../../src/bmc/password-login.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
import type { UserChange } from '../../../src/bmc/user.ts';
import { Users } from '../../../src/bmc/users.ts';
import { type Logger, silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const actor = { name: 'admin', face: 'redfish' } as const;
const [near, far] = ['192.0.2.1', '192.0.2.2'];
const refused = { refused: 'credentials' };

function bench() {
  const clock = new ScriptedClock();
  const random = systemRandom();
  const store = memoryStore();
  const events = new EventLog(clock, store, silentLogger);
  const specs = [
    { name: 'admin', password: 'password', limit: 'administrator' },
    { name: 'reader', password: 'grün', limit: 'user' },
    { name: 'caller', password: 'call', limit: 'callback' },
  ] as const;
  const users = new Users({ specs, store, events, clock, random });
  const lan = new LanSettings({}, { store, events, random, clock });
  const guard = new LoginGuard({ users, lan, events, clock });
  const warn = vi.fn();
  const log = { ...silentLogger, warn } as unknown as Logger;
  const login = new PasswordLogin({ users, guard, random, clock, log });
  return { clock, users, lan, guard, login, warn, events };
}

describe('a login', () => {
  it('with the right name and password is that of the user', () => {
    const { login, users } = bench();
    expect(login.check('admin', 'password', near)).toEqual({ user: users.get(2) });
    expect(login.check('reader', 'grün', near)).toEqual({ user: users.get(3) });
  });

  it.each([
    ['a wrong password', 'admin', 'Password'],
    ['a part of the password', 'admin', 'passwor'],
    ['more than the password', 'admin', 'password\0'],
    ['a very long password', 'admin', 'x'.repeat(100_000)],
    ['no password', 'admin', ''],
    ['an unknown name', 'nobody', 'password'],
    ['an unknown name without a password', 'nobody', ''],
    ['no name, as the null user', '', ''],
    ['a user of the Callback level', 'caller', 'call'],
  ])('with %s is refused', (_, name, password) => {
    expect(bench().login.check(name, password, near)).toEqual(refused);
  });

  it.each<[string, UserChange]>([
    ['is disabled', { enabled: false }],
    ['has no access', { limit: 'no-access' }],
    ['may use IPMI only', { redfish: false }],
    ['has been restricted to Callback', { callbackOnly: true }],
    ['has another name', { name: 'root' }],
    ['has another password', { password: Buffer.from('other') }],
    ['has been deleted', { name: '' }],
  ])('of a user who %s is refused at once, and works again when that is undone', (_, change) => {
    const { login, users } = bench();
    const before = users.get(2);
    users.update(2, change, actor);
    for (let i = 0; i < 5; i++) expect(login.check('admin', 'password', near)).toEqual(refused);
    if (before) users.update(2, { ...before }, actor);
    expect(login.check('admin', 'password', near)).toHaveProperty('user');
  });

  it('of a user who may not send IPMI messages works', () => {
    const { login, users } = bench();
    users.update(2, { messaging: false }, actor);
    expect(login.check('admin', 'password', near)).toHaveProperty('user');
  });

  it.each([
    ['of a user', 'admin', 'wrong'],
    ['of nobody', 'nobody', 'wrong'],
    ['of a user who may not log in, with the right password', 'caller', 'call'],
  ])(
    '%s that was refused five times waits, even with the right password, and from there alone',
    (_, name, password) => {
      const { login, clock } = bench();
      for (let i = 0; i < 5; i++) expect(login.check(name, password, near)).toEqual(refused);
      for (const each of [password, 'password']) {
        expect(login.check(name, each, near)).toEqual({ refused: 'throttled', waitMs: 1000 });
      }
      expect(login.check('admin', 'password', far)).toHaveProperty('user');
      expect(login.check('reader', 'grün', near)).toHaveProperty('user');
      clock.advance(1000);
      expect(login.check(name, 'wrong', near)).toEqual(refused);
      expect(login.check(name, 'wrong', near)).toEqual({ refused: 'throttled', waitMs: 2000 });
      clock.advance(2000);
      if (name === 'admin') expect(login.check('admin', 'password', near)).toHaveProperty('user');
    },
  );

  it('from a hundred sources at a time does not keep the right one out', () => {
    const { login } = bench();
    for (let i = 0; i < 100; i++)
      for (let j = 0; j < 10; j++) login.check('admin', `${j}`, `198.51.100.${i}`);
    expect(login.check('admin', 'password', near)).toHaveProperty('user');
  });

  it('is not looked at to the last millisecond of the wait', () => {
    const { login, clock } = bench();
    for (let i = 0; i < 5; i++) login.check('admin', `guess ${i}`, near);
    expect(login.check('admin', 'password', near)).toEqual({ refused: 'throttled', waitMs: 1000 });
    clock.advance(999);
    expect(login.check('admin', 'password', near)).toEqual({ refused: 'throttled', waitMs: 1 });
    clock.advance(1);
    expect(login.check('admin', 'password', near)).toHaveProperty('user');
  });

  it('counts together with the tries over IPMI', () => {
    const { login, guard } = bench();
    for (let i = 0; i < 5; i++) guard.wrongPassword(near, 'admin');
    expect(login.check('admin', 'password', near)).toEqual({ refused: 'throttled', waitMs: 1000 });
    expect(guard.waitMs(near, 'admin')).toBe(1000);
  });

  it('of a locked-out user is refused until the time is over, by the policy IPMI has, too', () => {
    const { login, lan, clock, events } = bench();
    const badPasswords = { threshold: 3, event: true, forgetAfterS: 0, lockoutS: 120 };
    lan.update({ badPasswords: { ...defaultLanConfiguration.badPasswords, ...badPasswords } }, actor);
    for (let i = 0; i < 3; i++) login.check('admin', 'wrong', `198.51.100.${i}`);
    expect(login.check('admin', 'password', near)).toEqual(refused);
    expect(events.list().at(-1)?.text).toBe('user 2 admin: locked out after wrong passwords, for 120 s');
    clock.advance(120_000);
    expect(login.check('admin', 'password', near)).toHaveProperty('user');
  });

  it('that is refused is logged with its reason, never with a password, and not without end', () => {
    const { login, warn, clock } = bench();
    for (let i = 0; i < 100; i++) login.check('x'.repeat(1000), 'topsecret', `198.51.100.${i}`);
    expect(warn).toHaveBeenCalledTimes(10);
    clock.advance(10_000);
    login.check('caller', 'call', near);
    expect(warn).toHaveBeenLastCalledWith(
      { user: 'caller', from: near, why: 'may not log in here', alsoRefused: 90 },
      'login refused',
    );
    const said = JSON.stringify(warn.mock.calls);
    expect(said).not.toContain('topsecret');
    expect(said).not.toContain('x'.repeat(33));
  });
});
