import { describe, expect, it } from 'vitest';
import { EventLog } from '../../../src/bmc/event-log.ts';
import {
  type BadPasswordPolicy,
  defaultLanConfiguration,
  LanSettings,
} from '../../../src/bmc/lan-settings.ts';
import { LoginGuard } from '../../../src/bmc/login-guard.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
import type { User } from '../../../src/bmc/user.ts';
import { Users } from '../../../src/bmc/users.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const actor = { name: 'admin', face: 'ipmi' } as const;
/** Each try from another address, so that the throttle has nothing to say. */
const sources = Array.from({ length: 200 }, (_, i) => `192.0.2.${i}`);

function bench(policy: Partial<BadPasswordPolicy> = {}) {
  const clock = new ScriptedClock();
  const random = systemRandom();
  const store = memoryStore();
  const events = new EventLog(clock, store, silentLogger);
  const specs = [
    { name: 'admin', password: 'password', limit: 'administrator' },
    { name: 'guest', password: 'password', limit: 'user' },
  ] as const;
  const users = new Users({ specs, store, events, clock, random });
  const lan = new LanSettings({}, { store, events, random, clock });
  lan.update({ badPasswords: { ...defaultLanConfiguration.badPasswords, ...policy } }, actor);
  const guard = new LoginGuard({ users, lan, events, clock });
  let tries = 0;
  const wrong = (times: number, name = 'admin') => {
    for (let i = 0; i < times; i++) guard.wrongPassword(sources[tries++] ?? '', name);
  };
  const user = (id = 2) => users.get(id) as User;
  let told = 0;
  guard.onChange(() => told++);
  const texts = () => events.list().flatMap(({ text }) => (text.includes('locked out') ? [text] : []));
  return { clock, users, guard, wrong, user, told: () => told, texts };
}

describe('the policy against bad passwords', () => {
  it('locks nobody out unless it is set', () => {
    const { guard, wrong, user, texts } = bench();
    wrong(50);
    expect([guard.isLockedOut(user()), texts()]).toEqual([false, []]);
  });

  it('locks a user out at the threshold and not before, for the time it says, and nobody else', () => {
    const { guard, wrong, user, clock, told, texts } = bench({ threshold: 3, lockoutS: 30, event: true });
    wrong(2);
    expect([guard.isLockedOut(user()), told()]).toEqual([false, 0]);
    wrong(1);
    expect([guard.isLockedOut(user()), guard.isLockedOut(user(3)), told()]).toEqual([true, false, 1]);
    expect(texts()).toEqual(['user 2 admin: locked out after wrong passwords, for 30 s']);
    clock.advance(29_999);
    expect([guard.isLockedOut(user()), told()]).toEqual([true, 1]);
    clock.advance(1);
    expect([guard.isLockedOut(user()), told()]).toEqual([false, 2]);
  });

  it('counts from the beginning after a lock-out, and is silent where no event is wanted', () => {
    const { guard, wrong, user, clock, texts } = bench({ threshold: 2, lockoutS: 30 });
    wrong(2);
    clock.advance(30_000);
    wrong(1);
    expect(guard.isLockedOut(user())).toBe(false);
    wrong(1);
    expect([guard.isLockedOut(user()), texts()]).toEqual([true, []]);
  });

  it('disables a user when there is no time after which the lock-out ends', () => {
    const { guard, wrong, user, texts } = bench({ threshold: 2, lockoutS: 0, event: true });
    wrong(2);
    expect([user().enabled, guard.isLockedOut(user())]).toEqual([false, false]);
    expect(texts()).toEqual(['user 2 admin: locked out after wrong passwords, until enabled again']);
  });

  it('forgets wrong ones after the time it says, counted from the last of them, or never', () => {
    const { guard, wrong, user, clock } = bench({ threshold: 3, lockoutS: 30, forgetAfterS: 60 });
    wrong(1);
    clock.advance(59_999);
    wrong(1);
    clock.advance(60_000);
    wrong(2);
    expect(guard.isLockedOut(user())).toBe(false);
    clock.advance(59_999);
    wrong(1);
    expect(guard.isLockedOut(user())).toBe(true);
    const patient = bench({ threshold: 2, lockoutS: 30, forgetAfterS: 0 });
    patient.wrong(1);
    patient.clock.advance(100 * 86_400_000);
    patient.wrong(1);
    expect(patient.guard.isLockedOut(patient.user())).toBe(true);
  });

  it('counts nothing against a name that nobody has', () => {
    const { guard, wrong, user, texts } = bench({ threshold: 2, lockoutS: 30, event: true });
    wrong(9, 'nobody');
    expect([guard.isLockedOut(user()), texts()]).toEqual([false, []]);
  });

  it('begins anew after a right password, and a lock-out ends when somebody unlocks the user', () => {
    const { guard, wrong, user, told } = bench({ threshold: 2, lockoutS: 30 });
    wrong(1);
    guard.succeeded('192.0.2.1', user());
    wrong(1);
    expect(guard.isLockedOut(user())).toBe(false);
    wrong(1);
    expect([guard.isLockedOut(user()), told()]).toEqual([true, 1]);
    guard.unlock(user());
    expect([guard.isLockedOut(user()), told()]).toEqual([false, 2]);
    wrong(1);
    expect(guard.isLockedOut(user())).toBe(false);
  });
});

describe('the throttle behind it', () => {
  it('counts refusals of every kind alike, and forgets them when the user changes or is unlocked', () => {
    const { guard, users, user } = bench();
    const waits = () => guard.waitMs('192.0.2.7', 'admin');
    for (let i = 0; i < 3; i++) {
      guard.refused('192.0.2.7', 'admin');
      guard.wrongPassword('192.0.2.7', 'admin');
    }
    expect(waits()).toBe(2000);
    users.update(2, { password: Buffer.from('another') }, actor);
    expect(waits()).toBe(0);
    for (let i = 0; i < 5; i++) guard.refused('192.0.2.7', 'admin');
    expect(waits()).toBe(1000);
    guard.unlock(user());
    expect(waits()).toBe(0);
    for (let i = 0; i < 5; i++) guard.refused('192.0.2.7', 'admin');
    guard.succeeded('192.0.2.7', user());
    expect(waits()).toBe(0);
  });

  it('forgets nothing about the name of a user, however many others are tried', () => {
    const { guard } = bench();
    for (const source of sources.slice(0, 100)) guard.wrongPassword(source, 'admin');
    for (let i = 0; i < 3000; i++) guard.wrongPassword(`203.0.${i >> 8}.${i & 255}`, `nobody ${i}`);
    expect(guard.waitMs(sources[1] ?? '', 'admin')).toBe(3_600_000);
  });
});
