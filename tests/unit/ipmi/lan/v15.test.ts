import { describe, expect, test } from 'vitest';
import { payloadCommands } from '../../../../src/ipmi/commands/payload.ts';
import { PayloadType } from '../../../../src/ipmi/payload.ts';
import { V15Challenges } from '../../../../src/ipmi/session/v15-challenge.ts';
import { V15Login } from '../../../../src/ipmi/session/v15-login.ts';
import { V15Session } from '../../../../src/ipmi/session/v15-session.ts';
import { systemRandom } from '../../../../src/lib/random.ts';
import { ipmiRequest, plainPacket, readReply, v15Packet } from '../../../support/ipmi-client.ts';
import { V15Client, type V15ClientOptions } from '../../../support/ipmi-v15-client.ts';
import { bench as actor, type BenchOptions, LanBench, ownCommands } from '../../../support/lan-bench.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';

function setUp(options: BenchOptions = {}) {
  const bench = new LanBench({ ipmi15: true, ...options });
  return { bench, client: (o: V15ClientOptions = {}, from = bench.from()) => new V15Client(from, o) };
}

describe('a login by IPMI 1.5', () => {
  test('is answered with our number first, and then counts on from there', () => {
    const { bench, client } = setUp();
    const console = client({ firstOutbound: 0xffffffff }).login();
    expect(console.command(6, 1)?.completionCode).toBe(0);
    expect(console.command(6, 1)?.completionCode).toBe(0);
    expect(console.received).toEqual([0xffffffff, 1, 2]);
    expect(bench.face.sessions()[0]).toMatchObject({ protocol: 'v15', userId: 2, privilege: 'user' });
    expect(console.command(6, 0x3b, [4])?.data[0]).toBe(4);
  });

  test('gets silence with a wrong password, and is slowed down after some', () => {
    const { bench, client } = setUp();
    for (let i = 0; i < 5; i++) {
      const guesser = client({ password: `guess${i}` });
      expect([guesser.getChallenge(), guesser.activate()]).toEqual([0, undefined]);
    }
    expect(bench.face.counters.loginsWrong).toBe(5);
    expect(client().getChallenge()).toBe(0xc0);
    expect(client({}, bench.from('198.51.100.9')).login().received).toHaveLength(1);
    bench.clock.advance(61_000);
    client().login();
  });

  test('counts a wrong one that is sent again as one guess', () => {
    const { bench, client } = setUp();
    const guesser = client({ password: 'wrong' });
    guesser.getChallenge();
    for (let i = 0; i < 8; i++) expect(guesser.activate()).toBeUndefined();
    expect(bench.face.counters.loginsWrong).toBe(1);
    client().login();
  });

  test.each([
    ['an unknown name', { user: 'nobody' }, 0x81],
    ['no name', { user: '' }, 0x82],
    ['a disabled user', { user: 'gone' }, 0x81],
    ['a user whose password has 20 bytes', { user: 'oper' }, 0x81],
  ])('is refused for %s', (_, options, code) => {
    expect(setUp().client(options).getChallenge()).toBe(code);
  });

  test('does not tell unknown names where names are hidden', () => {
    const { client } = setUp({ hideUserNames: true });
    const nobody = client({ user: 'nobody' });
    expect([nobody.getChallenge(), nobody.activate()]).toEqual([0, undefined]);
  });

  test('wants MD5: none, MD2 and a plain password are refused', () => {
    const { client } = setUp();
    for (const authType of [0, 1, 4, 5]) expect(client().getChallenge(authType)).toBe(0xcc);
    const console = client();
    console.getChallenge();
    expect(console.activate(console.activateRequest(4))).toBe(0xcc);
  });

  test.each([
    ['a level above the user', { user: 'user', password: 'u', level: 3 }, 0x86],
    ['the OEM level', { level: 5 }, 0x86],
    ['the number 0', { firstOutbound: 0 }, 0x84],
  ])('is refused for %s', (_, options, code) => {
    const console = setUp().client(options);
    expect([console.getChallenge(), console.activate()]).toEqual([0, code]);
  });

  test('is refused above the channel limit, when closed, and at levels without MD5', () => {
    const { bench, client } = setUp();
    const attempt = (options?: V15ClientOptions) => {
      const console = client(options);
      console.getChallenge();
      return console.activate();
    };
    bench.bmc.lan.setAccess({ limit: 'operator' }, actor);
    expect([attempt(), attempt({ level: 3 })]).toEqual([0x86, 0]);
    bench.bmc.lan.setAccess({ limit: 'administrator', mode: 'disabled' }, actor);
    expect(attempt()).toBe(0x86);
    bench.bmc.lan.setAccess({ mode: 'always' }, actor);
    bench.bmc.lan.update({ md5Levels: ['callback', 'user'] }, actor);
    expect([attempt(), attempt({ level: 2 })]).toEqual([0x86, 0]);
  });

  test('is refused when no session is free, or none for the user', () => {
    const { bench, client } = setUp({ maxSessions: 2 });
    bench.bmc.users.update(2, { sessionLimit: 1 }, actor);
    client().login();
    const second = client();
    expect([second.getChallenge(), second.activate()]).toEqual([0, 0x82]);
    client({ user: 'user', password: 'u', level: 2 }).login();
    const third = client({ user: 'user', password: 'u', level: 2 });
    expect([third.getChallenge(), third.activate()]).toEqual([0, 0x81]);
  });

  test('works with a challenge once, in time, and from the address it was given to', () => {
    const { bench, client } = setUp();
    const late = client();
    late.getChallenge();
    bench.clock.advance(21_000);
    expect(late.activate()).toBeUndefined();
    const elsewhere = client();
    elsewhere.getChallenge();
    expect(bench.from('203.0.113.5')(elsewhere.activateRequest())).toEqual([]);
    const used = client();
    used.getChallenge();
    const request = used.activateRequest();
    expect(used.activate(request)).toBe(0);
    bench.face.sessions()[0]?.close('idle');
    expect(used.exchange(request)).toEqual([]);
    expect(bench.face.sessions()).toEqual([]);
  });

  test('whose reply got lost is answered again, with one session', () => {
    const { bench, client } = setUp();
    const console = client();
    console.getChallenge();
    const request = console.activateRequest();
    expect([console.activate(request), console.activate(request)]).toEqual([0, 0]);
    expect(bench.face.sessions()).toHaveLength(1);
    expect(console.command(6, 1)?.completionCode).toBe(0);
  });

  test('is not there unless turned on, and outside of one Activate Session says 85h', () => {
    const request = v15Packet(ipmiRequest(6, 0x39, [2, ...Buffer.alloc(16, 97)]));
    const codeOf = (bench: LanBench, datagram: Uint8Array) => {
      const [reply] = bench.from()(datagram);
      return reply && readReply(reply.subarray(14)).completionCode;
    };
    expect(codeOf(new LanBench(), request)).toBe(0xc1);
    const activation = v15Packet(ipmiRequest(6, 0x3a, [2, 4, ...Buffer.alloc(16), 1, 0, 0, 0]));
    expect(codeOf(setUp().bench, activation)).toBe(0x85);
  });

  test('is Activate Session and nothing else: other commands with a temporary ID do nothing', () => {
    const { bench, client } = setUp();
    const console = client();
    console.getChallenge();
    for (const [netFn, cmd] of [
      [6, 1],
      [6, 0x3b],
      [0, 0x3a],
    ] as const) {
      const data = [2, 4, ...console.challenge, 1, 0, 0, 0];
      expect(console.exchange(console.packet(ipmiRequest(netFn, cmd, data), 0, 2))).toEqual([]);
    }
    // Nor under a number, nor without a code.
    const activation = ipmiRequest(6, 0x3a, [2, 4, ...console.challenge, 1, 0, 0, 0]);
    expect(console.exchange(console.packet(activation, 1, 2))).toEqual([]);
    expect(console.exchange(console.packet(activation, 0, 0))).toEqual([]);
    expect([bench.face.counters.unknownSession, bench.face.sessions()]).toEqual([5, []]);
    // The challenge has not been used up by any of it.
    expect(console.activate()).toBe(0);
  });

  test('that has to wait after wrong passwords is not looked at, even with a challenge from before', () => {
    const { bench, client } = setUp();
    const right = client();
    right.getChallenge();
    const guessers = Array.from({ length: 5 }, (_, i) => client({ password: `guess${i}` }));
    for (const guesser of guessers) guesser.getChallenge();
    for (const guesser of guessers) guesser.activate();
    expect(right.activate()).toBeUndefined();
    expect(bench.face.counters).toMatchObject({ loginsWrong: 5, loginsThrottled: 1 });
    bench.clock.advance(2000);
    expect(right.activate()).toBe(0);
  });

  test('whose activation comes again with a wrong code is not answered', () => {
    const { bench, client } = setUp();
    const console = client();
    console.getChallenge();
    const request = console.activateRequest();
    expect(console.activate(request)).toBe(0);
    const forged = Buffer.from(request);
    forged[13] = (forged[13] as number) ^ 1;
    expect(console.exchange(forged)).toEqual([]);
    expect(bench.face.counters.badAuthCode).toBe(1);
  });

  test('gets another session ID when the first one is taken', () => {
    const { bmc } = new LanBench();
    const asked: number[] = [];
    const login = new V15Login({
      ...{ bmc, hideUserNames: false, hasRoom: () => true, isLockedOut: () => false, waitMs: () => 0 },
      isFree: (id) => asked.push(id) === 3,
    });
    const { sessionId } = login.challenge(2, 'admin', { address: '192.0.2.1', port: 1 });
    expect([asked.length, asked[2]]).toEqual([3, sessionId]);
    expect(new Set(asked).size).toBe(3);
  });

  test('follows a policy against bad passwords', () => {
    const { bench, client } = setUp();
    const policy = { threshold: 2, event: true, forgetAfterS: 60, lockoutS: 30 };
    bench.bmc.lan.update({ badPasswords: policy }, actor);
    for (const from of ['192.0.2.10', '192.0.2.11']) {
      const guesser = client({ password: 'x' }, bench.from(from));
      guesser.getChallenge();
      guesser.activate();
    }
    expect(bench.bmc.events.list().at(-1)?.text).toContain('user 2 admin: locked out');
    expect(client().getChallenge()).toBe(0x81);
    expect(bench.client().login()).toBe('rakp2: 13');
    bench.clock.advance(30_000);
    client().login();
  });
});

describe('packets of an IPMI 1.5 session', () => {
  test('with a wrong code, without one, or from a closed session do nothing', () => {
    const { bench, client } = setUp();
    const console = client().login();
    const forged = console.packet(ipmiRequest(6, 1, []), console.sequence);
    forged[14] = (forged[14] ?? 0) ^ 1;
    expect(console.exchange(forged)).toEqual([]);
    expect(console.exchange(console.packet(ipmiRequest(6, 1, []), console.sequence, 0))).toEqual([]);
    expect(bench.face.counters).toMatchObject({ badAuthCode: 1, notProtected: 1 });
    expect(console.command(6, 1)?.completionCode).toBe(0);
  });

  test('are taken once each, up to 8 ahead of and 8 behind the highest', () => {
    const { client } = setUp();
    const console = client().login();
    const first = console.sequence;
    const at = (offset: number) =>
      console.exchange(console.packet(ipmiRequest(6, 1, [], offset & 63), first + offset)).length;
    expect([at(0), at(0), at(7), at(16), at(15), at(7), at(6), at(8), at(1), at(14)]).toEqual([
      1, 0, 1, 0, 1, 0, 0, 1, 0, 1,
    ]);
  });

  test('of an RMCP+ session or with an RMCP+ header do not mix', () => {
    const { bench, client } = setUp();
    const console = client().login();
    const v20 = bench.loggedIn();
    expect(console.exchange(plainPacket(0, ipmiRequest(6, 1, []), console.sessionId, 1))).toEqual([]);
    console.sessionId = v20.managedSid;
    expect(console.command(6, 1)).toBeUndefined();
  });

  test('need no code where per-message authentication is off', () => {
    const { bench, client } = setUp();
    bench.bmc.lan.setAccess({ perMessageAuthentication: false }, actor);
    const console = client().login();
    expect(console.authType).toBe(0);
    expect(console.command(6, 1)?.completionCode).toBe(0);
    expect(bench.from('203.0.113.5')(console.packet(ipmiRequest(6, 1, []), console.next()))).toEqual([]);
  });

  test('need no code for the User level where that is off, but for anything above', () => {
    const { bench, client } = setUp();
    bench.bmc.lan.setAccess({ userLevelAuthentication: false }, actor);
    const console = client().login();
    console.command(6, 0x3b, [4]);
    expect(console.command(6, 1, [], 0)?.completionCode).toBe(0);
    expect(console.command(6, 0x44, [1, 2], 0)).toBeUndefined();
    expect(console.command(6, 0x44, [1, 2])?.completionCode).toBe(0);
  });
});

describe('an IPMI 1.5 session', () => {
  test('that begins at 1 has seen the number before it, which is the highest there is', () => {
    const { bmc, link, clock } = new LanBench();
    const user = bmc.users.get(2);
    if (!user) throw new Error('no user 2');
    const remote = { address: '192.0.2.1', port: 40_000 };
    const session = new V15Session({
      ...{ id: 0x100, handle: 1, channel: 1, user, level: 'user', link, remote, clock },
      ...{ channelLimit: () => 'administrator', findUser: (id) => bmc.users.get(id) },
      ...{ firstOutbound: 1, firstInbound: 1, activation: new Uint8Array() },
      acceptsUnauthenticated: () => true,
    });
    const take = (sequence: number) => {
      const packet = { authType: 0, sequence, sessionId: 0x100, authCode: new Uint8Array() };
      return session.unseal({ ...packet, payload: Uint8Array.of(7) }, remote, link, clock.now());
    };
    expect([take(0xffff_ffff), take(0), take(1), take(1), take(2)]).toEqual([
      'replayed',
      'replayed',
      Uint8Array.of(7),
      'replayed',
      Uint8Array.of(7),
    ]);
  });

  test('sends nothing but IPMI messages, none of them encrypted, and none when it is closed', () => {
    const { bench, client } = setUp();
    client().login();
    const [session] = bench.face.sessions();
    bench.sent.length = 0;
    expect(session?.canEncrypt).toBe(false);
    session?.sendProtected(PayloadType.sol, Uint8Array.of(1));
    expect(bench.sent).toHaveLength(0);
    session?.sendProtected(PayloadType.ipmi, Uint8Array.of(1));
    expect(bench.sent).toHaveLength(1);
    session?.close('BMC stopped');
    session?.sendProtected(PayloadType.ipmi, Uint8Array.of(1));
    expect(bench.sent).toHaveLength(1);
  });

  test('shows as such in Get Session Info', () => {
    const console = setUp().client().login();
    expect([...(console.command(6, 0x3d, [0])?.data ?? [])].slice(0, 6)).toEqual([1, 63, 1, 2, 2, 0x01]);
  });

  test('carries no payload but IPMI messages', () => {
    const { client } = setUp({ commands: [...ownCommands, ...payloadCommands] });
    const console = client().login();
    console.command(6, 0x3b, [4]);
    expect(console.command(6, 0x48, [1, 1, 0, 0, 0, 0])?.completionCode).toBe(0xd5);
  });

  test('ends after 60 s of silence, when closed, and with its user', () => {
    const { bench, client } = setUp();
    const idle = client().login();
    bench.clock.advance(61_000);
    expect(idle.command(6, 1)).toBeUndefined();
    const closing = client().login();
    expect(
      closing.command(6, 0x3c, [...Buffer.from(Uint32Array.of(closing.sessionId).buffer)])?.completionCode,
    ).toBe(0);
    expect(bench.face.sessions()).toEqual([]);
    client().login();
    bench.bmc.users.update(2, { enabled: false }, actor);
    bench.clock.advance(1000);
    expect(bench.face.sessions()).toEqual([]);
  });
});

test.each([
  [0x8e, [1, 0x84, 0x04, 0x03, 0, 0, 0, 0]],
  [0x0e, [1, 0x04, 0x04, 0, 0, 0, 0, 0]],
])('Get Channel Authentication Capabilities (%i) offers MD5', (channel, expected) => {
  const { bench } = setUp();
  const ask = () => {
    const [reply] = bench.from()(v15Packet(ipmiRequest(6, 0x38, [channel, 4])));
    return reply && [...readReply(reply.subarray(14)).data];
  };
  expect(ask()).toEqual(expected);
  bench.bmc.lan.update({ md5Levels: ['user'] }, actor);
  expect((ask()?.[1] ?? 0xff) & 0x3f).toBe(0);
});

test('a temporary session ID hides the slot and leads back to it', () => {
  const challenges = new V15Challenges(new ScriptedClock(), systemRandom());
  const nibbles = new Set<number>();
  for (let i = 0; i < 400; i++) {
    const userId = (i % 16) + 1;
    const id = challenges.sessionIdFor(userId, Math.floor(Math.random() * 2 ** 32));
    expect(challenges.userIdOf(id)).toBe(userId);
    if (userId === 2) nibbles.add(id & 15);
  }
  expect(nibbles.size).toBeGreaterThan(5);
});
