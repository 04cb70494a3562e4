import { describe, expect, test } from 'vitest';
import { memoryStore } from '../../../../src/bmc/store.ts';
import { payloadCommands } from '../../../../src/ipmi/commands/payload.ts';
import type { IpmiClient } from '../../../support/ipmi-client.ts';
import { type BenchOptions, LanBench, ownCommands } from '../../../support/lan-bench.ts';

const name = (text: string) => [...Buffer.from(text.padEnd(16, '\0'))];
const password = (text: string, size: 16 | 20) => [...Buffer.from(text.padEnd(size, '\0'))];

function setUp(options: BenchOptions = {}) {
  const bench = new LanBench({ commands: [...ownCommands, ...payloadCommands], ...options });
  const client = bench.loggedIn({}, 4);
  return { bench, client, ask: asker(client) };
}
function asker(client: IpmiClient) {
  return (cmd: number, ...data: number[]) => {
    const reply = client.command(6, cmd, data);
    return reply && (reply.completionCode === 0 ? [...reply.data] : reply.completionCode);
  };
}
/** A login as this user from elsewhere. */
function login(bench: LanBench, user: string, secret: string, from = '192.0.2.77'): string {
  return bench.client({ user, password: secret, openLevel: 0, role: 0x10 }, bench.from(from)).login();
}

test('a user is made step by step, as ipmitool does, and then logs in', () => {
  const { bench, ask } = setUp();
  expect(ask(0x45, 9, ...name('bob'))).toEqual([]);
  expect(ask(0x47, 9, 2, ...password('secret', 16))).toEqual([]);
  expect(login(bench, 'bob', 'secret')).toBe('rakp2: 13');
  expect(ask(0x47, 9, 1)).toEqual([]);
  expect(login(bench, 'bob', 'secret')).toBe('rakp2: 9');
  expect(ask(0x43, 0x01, 9, 3)).toEqual([]);
  expect(login(bench, 'bob', 'secret')).toBe('ok');
  expect(ask(0x44, 1, 9)).toEqual([16, 0x45, 1, 0x13]);
  expect(ask(0x46, 9)).toEqual(name('bob'));
});

test('a user survives a BMC that was killed: what was acknowledged is there again', () => {
  const store = memoryStore();
  const { ask } = setUp({ store });
  ask(0x45, 9, ...name('bob'));
  ask(0x47, 0x89, 2, ...password('a-password-of-20-byt', 20));
  ask(0x47, 9, 1);
  ask(0x43, 0x91, 9, 4);
  ask(0x47, 3, 2, ...password('changed', 16));
  const next = new LanBench({ store });
  expect(login(next, 'bob', 'a-password-of-20-byt')).toBe('ok');
  expect(login(next, 'oper', 'operator-20-bytes-xy')).toBe('rakp4: 15');
  expect(login(next, 'oper', 'changed')).toBe('ok');
});

describe('Set User Password', () => {
  test('tests a password: 80h for a wrong one, 81h for the wrong size', () => {
    const { ask } = setUp();
    expect(ask(0x47, 2, 3, ...password('password', 16))).toEqual([]);
    expect(ask(0x47, 2, 3, ...password('passwork', 16))).toBe(0x80);
    expect(ask(0x47, 0x82, 3, ...password('password', 20))).toBe(0x81);
    expect(ask(0x47, 0x83, 3, ...password('operator-20-bytes-xy', 20))).toEqual([]);
    expect(ask(0x47, 3, 3, ...password('operator-20-byte', 16))).toBe(0x81);
    expect(ask(0x47, 9, 3, ...password('', 16))).toBe(0x80);
  });

  test('takes passwords of the size it was told only', () => {
    const { ask } = setUp();
    expect(ask(0x47, 3, 2, ...password('x', 20))).toBe(0xc7);
    expect(ask(0x47, 0x83, 2, ...password('x', 16))).toBe(0xc7);
    expect(ask(0x47, 3, 2)).toBe(0xc7);
    expect(ask(0x47, 3, 2, ...password('', 16))).toBe(0xcc);
    expect(ask(0x47, 3, 0, ...password('ignored', 16))).toEqual([]);
    expect(ask(0x47, 0x83, 1, ...password('ignored', 20))).toEqual([]);
    expect(ask(0x47, 3, 1, 1, 2, 3)).toBe(0xc7);
  });

  test("ends the user's other sessions, while the one that did it goes on", () => {
    const { bench, ask } = setUp();
    const other = bench.loggedIn({}, 4, bench.from('192.0.2.2'));
    expect(ask(0x47, 2, 2, ...password('another', 16))).toEqual([]);
    expect(ask(1)).toHaveLength(15);
    expect(other.command(6, 1)).toBeUndefined();
    bench.clock.advance(1000);
    expect(bench.face.sessions()).toHaveLength(1);
    expect(login(bench, 'admin', 'password')).toBe('rakp4: 15');
    expect(login(bench, 'admin', 'another')).toBe('ok');
  });

  test('disables at once: the live session ends and a new one is refused', () => {
    const { bench, ask } = setUp();
    const other = bench.loggedIn(
      { user: 'user', password: 'u', openLevel: 0, role: 0x10 },
      0,
      bench.from('192.0.2.2'),
    );
    expect(ask(0x47, 4, 0)).toEqual([]);
    bench.clock.advance(1000);
    expect(bench.face.sessions()).toHaveLength(1);
    expect(other.command(6, 1)).toBeUndefined();
    expect(login(bench, 'user', 'u')).toBe('rakp2: 13');
  });
});

describe('Set User Name', () => {
  test('refuses a name that is taken, and any for the null user', () => {
    const { ask } = setUp();
    expect(ask(0x45, 9, ...name('admin'))).toBe(0xcc);
    expect(ask(0x45, 1, ...name('root'))).toBe(0xcc);
    expect(ask(0x45, 1, ...name(''))).toEqual([]);
    expect(ask(0x45, 17, ...name('x'))).toBe(0xcc);
    expect(ask(0x45, 9, ...name('a:b'))).toBe(0xcc);
    expect(ask(0x46, 9)).toEqual(name(''));
    expect(ask(0x45, 9, 65)).toBe(0xc7);
    expect(ask(0x45, 2, ...name('admin'))).toEqual([]);
  });

  test('with an empty name deletes the user, whose sessions end', () => {
    const { bench, ask } = setUp();
    bench.loggedIn({ user: 'user', password: 'u', openLevel: 0, role: 0x10 }, 0, bench.from('192.0.2.2'));
    expect(ask(0x45, 4, ...name(''))).toEqual([]);
    bench.clock.advance(1000);
    expect(bench.face.sessions()).toHaveLength(1);
    expect(ask(0x44, 1, 4)).toEqual([16, 0x83, 1, 0x1f]);
  });
});

describe('Set User Access', () => {
  test('changes the bits only when told to, and the limit always', () => {
    const { ask } = setUp();
    expect(ask(0x43, 0xf1, 4, 4)).toEqual([]);
    expect(ask(0x44, 1, 4)).toEqual([16, 0x44, 1, 0x74]);
    expect(ask(0x43, 0x01, 4, 2)).toEqual([]);
    expect(ask(0x44, 1, 4)).toEqual([16, 0x44, 1, 0x72]);
    expect(ask(0x43, 0x81, 4, 0x0f)).toEqual([]);
    expect(ask(0x44, 1, 4)).toEqual([16, 0x44, 1, 0x0f]);
  });

  test('refuses levels that nobody can have, other channels and the null user', () => {
    const { ask } = setUp();
    for (const limit of [0, 5, 6, 14]) expect(ask(0x43, 0x91, 4, limit)).toBe(0xcc);
    expect(ask(0x43, 0x92, 4, 4)).toBe(0xcc);
    expect(ask(0x43, 0x91, 1, 4)).toBe(0xcc);
    expect(ask(0x43, 0x81, 1, 0x0f)).toEqual([]);
  });

  test('takes effect in live sessions and new logins', () => {
    const { bench, ask } = setUp();
    const oper = { user: 'oper', password: 'operator-20-bytes-xy', openLevel: 3, role: 0x13 };
    const live = asker(bench.loggedIn(oper, 3, bench.from('192.0.2.2')));
    expect(live(0x44, 1, 2)).toHaveLength(4);
    ask(0x43, 0x91, 3, 2);
    expect(live(0x44, 1, 2)).toBe(0xd4);
    expect(bench.client(oper, bench.from('192.0.2.3')).login()).toBe('rakp2: 9');
    ask(0x43, 0xd1, 3, 3);
    expect(login(bench, 'oper', oper.password)).toBe('ok');
    expect(live(0x3b, 2)).toBe(0xd4);
    ask(0x43, 0x81, 3, 3);
    bench.clock.advance(1000);
    expect(bench.face.sessions()).toHaveLength(1);
    expect(login(bench, 'oper', oper.password)).toBe('rakp2: 13');
  });

  test("limits how many sessions a user has, without counting others'", () => {
    const { bench, ask } = setUp();
    ask(0x43, 0x01, 4, 2, 1);
    expect(login(bench, 'user', 'u')).toBe('ok');
    expect(login(bench, 'user', 'u', '192.0.2.78')).toBe('rakp4: 1');
    bench.clock.advance(61_000);
    expect(login(bench, 'user', 'u', '192.0.2.78')).toBe('ok');
  });
});

test('Set User Payload Access gives and takes the right to SOL, and leaves the rest', () => {
  const { bench, ask } = setUp();
  expect(ask(0x4c, 1, 0x44, 2, 0, 0, 0)).toEqual([]);
  expect(ask(0x4d, 1, 4)).toEqual([0, 0, 0, 0]);
  expect(bench.bmc.users.get(4)?.sol).toBe(false);
  expect(ask(0x4c, 1, 0x04, 0, 0, 0, 0)).toEqual([]);
  expect(ask(0x4d, 1, 4)).toEqual([0, 0, 0, 0]);
  expect(ask(0x4c, 1, 0x04, 2, 0, 0, 0)).toEqual([]);
  expect(ask(0x4d, 1, 4)).toEqual([2, 0, 0, 0]);
  expect(ask(0x4c, 1, 0x11, 2, 0, 0, 0)).toBe(0xcc);
  expect(bench.bmc.events.list().at(-1)?.text).toContain('user 4 user: Serial-over-LAN right (now on)');
});
