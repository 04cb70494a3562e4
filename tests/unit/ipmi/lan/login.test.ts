import { describe, expect, test, vi } from 'vitest';
import { cipherSuites } from '../../../../src/ipmi/crypto/cipher-suites.ts';
import { halfOpenCapacity, halfOpenPerSocket } from '../../../../src/ipmi/session/half-open.ts';
import {
  type IpmiClient,
  ipmiRequest,
  plainPacket,
  plainPayload,
  readReply,
} from '../../../support/ipmi-client.ts';
import { bench as actor, LanBench } from '../../../support/lan-bench.ts';

const allSuites = cipherSuites.map((suite) => suite.id);

describe('login', () => {
  test.each(allSuites)('works with cipher suite %i, checked by keys derived independently', (suite) => {
    const bench = new LanBench({ cipherSuites: allSuites });
    const client = bench.loggedIn({ suite });
    expect(client.command(6, 1)).toMatchObject({ completionCode: 0 });
    expect(client.command(6, 1)?.data).toHaveLength(15);
  });

  test.each([3, 17, 12])('works with a BMC key in suite %i, and not without', (suite) => {
    const bench = new LanBench({ cipherSuites: allSuites, kg: Buffer.from('two-key') });
    expect(bench.client({ suite, kg: 'two-key' }).login()).toBe('ok');
    expect(bench.client({ suite, kg: 'other' }, bench.from('192.0.2.2')).login()).toBe('rakp4: bad code');
  });

  test.each([
    [{ password: 'wrong' }, 'rakp4: 15'],
    [{ user: 'nobody' }, 'rakp2: 13'],
    [{ user: '' }, 'rakp2: 13'],
    [{ user: 'gone', password: 'g' }, 'rakp2: 13'],
    [{ user: 'oper', password: 'operator-20-bytes-xy' }, 'rakp2: 9'],
    [{ user: 'oper', password: 'operator-20-bytes-xy', role: 0x04 }, 'rakp2: 9'],
    [{ user: 'oper', password: 'operator-20-bytes-xy', role: 0x03 }, 'ok'],
    [{ user: 'admin', role: 0x02, openLevel: 0 }, 'ok'],
    [{ openLevel: 5 }, 'open: 10'],
    [{ openLevel: 6 }, 'open: 9'],
    [{ openLevel: 2, role: 0x14 }, 'rakp2: 10'],
    [{ suite: 8 }, 'open: 17'],
    [{ suite: 2 }, 'open: 17'],
    [{ suite: 15 }, 'open: 17'],
  ])('of %o ends with %s', (options, outcome) => {
    expect(new LanBench().client(options).login()).toBe(outcome);
  });

  test('is refused in Open Session for a console that calls its session 0', () => {
    const client = new LanBench().client();
    const request = client.openRequest();
    // Behind the headers: tag, level, two reserved bytes, then the ID.
    request.fill(0, 20, 24);
    const [response] = client.exchange(request);
    expect(response && plainPayload(response)[1]).toBe(0x02);
  });

  test('above the limit of the channel is refused in Open Session', () => {
    expect(new LanBench({ channelLimit: 'operator' }).client().login()).toBe('open: 10');
  });

  test('is refused in Open Session while the channel is closed', () => {
    const bench = new LanBench();
    bench.bmc.lan.setAccess({ mode: 'disabled' }, actor);
    expect(bench.client().login()).toBe('open: 10');
    bench.bmc.lan.setAccess({ mode: 'always' }, actor);
    expect(bench.client().login()).toBe('ok');
  });

  test('that has been overtaken by another one finds no room at its end', () => {
    const bench = new LanBench({ maxSessions: 1 });
    const slow = bench.client();
    slow.takeOpenResponse(slow.exchange(slow.openRequest())[0] ?? Buffer.alloc(0));
    slow.takeRakp2(slow.exchange(slow.rakp1())[0] ?? Buffer.alloc(0));
    expect(bench.client({}, bench.from('192.0.2.2')).login()).toBe('ok');
    const [refused] = slow.exchange(slow.rakp3());
    expect(refused && plainPayload(refused)[1]).toBe(1);
    expect(bench.face.sessions()).toHaveLength(1);
  });

  test('for level 0 names the highest level there is', () => {
    const bench = new LanBench({ channelLimit: 'operator' });
    const client = bench.client({ openLevel: 0 });
    const [response] = client.exchange(client.openRequest(7));
    expect(response && [...plainPayload(response).subarray(0, 4)]).toEqual([7, 0, 3, 0]);
    expect(response && plainPayload(response)).toHaveLength(36);
  });

  test('with hidden names looks alike for unknown users and wrong passwords', () => {
    const bench = new LanBench({ hideUserNames: true });
    for (const user of ['nobody', 'gone', '', 'admin']) {
      expect(bench.client({ user, password: 'wrong' }, bench.from('192.0.2.9')).login()).toBe('rakp4: 15');
    }
    expect(bench.client({ user: 'oper', password: 'wrong' }).login()).toBe('rakp4: 15');
    expect(bench.client({ user: 'oper', password: 'operator-20-bytes-xy' }).login()).toBe('rakp4: 9');
    expect(bench.client().login()).toBe('ok');
  });

  test('name too long is refused with 0Ch', () => {
    expect(new LanBench().client({ user: 'x'.repeat(17) }).login()).toBe('rakp2: 12');
  });

  test('given up by the console is dropped without a word', () => {
    const bench = new LanBench();
    const client = bench.client();
    client.takeOpenResponse(client.exchange(client.openRequest())[0] ?? Buffer.alloc(0));
    client.takeRakp2(client.exchange(client.rakp1())[0] ?? Buffer.alloc(0));
    const givenUp = client.rakp3(0, 2);
    expect(client.exchange(givenUp)).toEqual([]);
    // Nothing was said to it, so that there is nothing to say again.
    expect(client.exchange(givenUp)).toEqual([]);
    expect(client.exchange(client.rakp3())).toEqual([]);
    expect(bench.face.sessions()).toEqual([]);
  });

  test('with a wrong code is over: nothing but its very message is answered, and no other challenge is given', () => {
    const bench = new LanBench();
    const client = bench.client({ password: 'wrong' });
    client.takeOpenResponse(client.exchange(client.openRequest())[0] ?? Buffer.alloc(0));
    client.takeRakp2(client.exchange(client.rakp1())[0] ?? Buffer.alloc(0));
    const rakp3 = client.rakp3(1);
    const refused = client.exchange(rakp3);
    expect(refused).toHaveLength(1);
    expect(client.exchange(client.rakp1(2))).toEqual([]);
    expect(client.exchange(client.rakp3(3))).toEqual([]);
    expect(client.exchange(rakp3)).toEqual(refused);
  });

  test('takes the place of a session that is over but has not been looked at since', () => {
    const bench = new LanBench({ maxSessions: 1 });
    const client = bench.loggedIn();
    // Sessions are looked at each half second from now on: this one will be over between two of these.
    bench.clock.advance(100);
    expect(client.command(6, 1)?.completionCode).toBe(0);
    const [session] = bench.face.sessions();
    bench.clock.advance(59_999);
    expect(bench.client({}, bench.from('192.0.2.2')).login()).toBe('open: 1');
    bench.clock.advance(1);
    expect(session?.open).toBe(true);
    expect(bench.client({}, bench.from('192.0.2.2')).login()).toBe('ok');
    expect(session?.open).toBe(false);
  });

  test('messages that come again are answered identically and make no second session', () => {
    const bench = new LanBench();
    const client = bench.client();
    const open = client.exchange(client.openRequest(9));
    expect(client.exchange(client.openRequest(9))).toEqual(open);
    expect(bench.face.halfOpenCount).toBe(1);
    client.takeOpenResponse(open[0] ?? Buffer.alloc(0));
    const rakp2 = client.exchange(client.rakp1(9));
    expect(client.exchange(client.rakp1(9))).toEqual(rakp2);
    client.takeRakp2(rakp2[0] ?? Buffer.alloc(0));
    const rakp4 = client.exchange(client.rakp3(9));
    expect(client.exchange(client.rakp3(9))).toEqual(rakp4);
    expect(client.takeRakp4(rakp4[0] ?? Buffer.alloc(0))).toBe(0);
    expect(bench.face.sessions()).toHaveLength(1);
    expect(client.command(6, 1)?.completionCode).toBe(0);
  });

  test('RAKP messages from another address are refused', () => {
    const bench = new LanBench();
    const client = bench.client();
    client.takeOpenResponse(client.exchange(client.openRequest())[0] ?? Buffer.alloc(0));
    const [reply] = bench.from('192.0.2.66')(client.rakp1());
    expect(reply && plainPayload(reply)[1]).toBe(2);
  });

  test('setup messages with a session ID, a sequence number or protection bits are dropped', () => {
    const bench = new LanBench();
    const client = bench.client();
    const payload = plainPayload(client.openRequest());
    for (const bad of [
      plainPacket(0x10, payload, 1),
      plainPacket(0x10, payload, 0, 1),
      plainPacket(0x90, payload),
    ]) {
      expect(client.exchange(bad)).toEqual([]);
    }
    expect(bench.face.halfOpenCount).toBe(0);
  });

  test('exactly the configured algorithm triples pass, of all that a byte can hold', {
    timeout: 120_000,
  }, () => {
    const bench = new LanBench();
    const exchange = bench.from();
    const passed: string[] = [];
    const records = (...triple: number[]) =>
      triple.flatMap((algorithm, type) => [type, 0, 0, 8, algorithm, 0, 0, 0]);
    for (let auth = 0; auth < 64; auth++) {
      for (let integrity = 0; integrity < 64; integrity++) {
        for (let confidentiality = 0; confidentiality < 64; confidentiality++) {
          const body = [0, 4, 0, 0, 1, 2, 3, 4, ...records(auth, integrity, confidentiality)];
          const [reply] = exchange(plainPacket(0x10, Uint8Array.from(body)));
          if (reply?.[17] === 0) passed.push([auth, integrity, confidentiality].join());
        }
      }
    }
    expect(passed).toEqual(['1,1,1', '3,4,1']);
  });

  test.each([
    ['no authentication, as suite 0 has it', [0, 0, 0], 0x04],
    ['an authentication that does not exist', [4, 1, 1], 0x04],
    ['an integrity that does not exist', [1, 5, 1], 0x05],
    ['xRC4', [1, 1, 2], 0x10],
    ['algorithms of different suites', [3, 1, 1], 0x11],
    ['a suite that is not on offer', [2, 2, 1], 0x11],
  ])('of %s is told what is wrong', (_what, triple, status) => {
    const records = triple.flatMap((algorithm, type) => [type, 0, 0, 8, algorithm, 0, 0, 0]);
    const [reply] = new LanBench().from()(
      plainPacket(0x10, Uint8Array.of(7, 4, 0, 0, 1, 2, 3, 4, ...records)),
    );
    expect(reply && [...plainPayload(reply)]).toEqual([7, status, 0, 0, 1, 2, 3, 4]);
  });

  test('left to the BMC takes the preferred suite', () => {
    const records = [0, 1, 2].flatMap((type) => [type, 0, 0, 0, 0, 0, 0, 0]);
    const [reply] = new LanBench().from()(
      plainPacket(0x10, Uint8Array.of(0, 4, 0, 0, 1, 2, 3, 4, ...records)),
    );
    expect(reply && [20, 28, 36].map((at) => plainPayload(reply)[at - 4])).toEqual([3, 4, 1]);
  });
});

describe('wrong passwords', () => {
  test('are in the log, with who was to log in and from where, and without the password', () => {
    const bench = new LanBench();
    const warn = vi.spyOn(bench.bmc.log, 'warn');
    bench.client({ password: 'a-wrong-one' }).login();
    expect(warn.mock.calls).toEqual([
      [{ user: 'admin', from: '192.0.2.1:40000' }, 'login with a wrong password'],
    ]);
    warn.mockRestore();
  });

  test('slow down their own source and name only, from 1 s doubling to 60 s', () => {
    const bench = new LanBench();
    const wrong = () => bench.client({ password: 'wrong' }).login();
    const right = () => bench.client().login();
    for (let i = 0; i < 5; i++) expect(wrong()).toBe('rakp4: 15');
    expect(right()).toBe('rakp2: 1');
    expect(bench.client({}, bench.from('192.0.2.2')).login()).toBe('ok');
    expect(bench.client({ user: 'user', password: 'u', role: 0x12 }).login()).toBe('ok');
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      bench.clock.advance(seconds * 1000 - 1);
      expect(wrong()).toBe('rakp2: 1');
      bench.clock.advance(1);
      expect(wrong()).toBe('rakp4: 15');
    }
    bench.clock.advance(60_000);
    expect(right()).toBe('ok');
    expect(wrong()).toBe('rakp4: 15');
    expect(right()).toBe('ok');
  });
});

describe('half-open sessions', () => {
  test('are reaped after 8 s', () => {
    const bench = new LanBench();
    const client = bench.client();
    client.exchange(client.openRequest());
    bench.clock.advance(7000);
    expect(bench.face.halfOpenCount).toBe(1);
    bench.clock.advance(1600);
    expect(bench.face.halfOpenCount).toBe(0);
    expect(bench.clock.pending).toBe(0);
  });

  test('live on while their console goes on, however lossy its link', () => {
    const bench = new LanBench();
    const client = bench.client();
    client.exchange(client.openRequest());
    bench.clock.advance(7000);
    expect(client.takeOpenResponse(client.exchange(client.openRequest())[0] ?? Buffer.alloc(0))).toBe(0);
    bench.clock.advance(7000);
    client.exchange(client.rakp1());
    bench.clock.advance(7000);
    expect(client.takeRakp2(client.exchange(client.rakp1())[0] ?? Buffer.alloc(0))).toBe(0);
    bench.clock.advance(7000);
    expect(client.takeRakp4(client.exchange(client.rakp3())[0] ?? Buffer.alloc(0))).toBe(0);
  });

  test('20,000 from forged addresses leave the right user alone, in the middle of a login too', () => {
    const bench = new LanBench();
    const rightful = bench.client({}, bench.from('198.51.100.1'));
    let done = 0;
    for (let i = 0; i < 20_000; i++) {
      const stranger = bench.client({}, bench.from(`127.7.${i >> 8}.${i & 255}`, 1000 + (i % 7)));
      stranger.exchange(stranger.openRequest(i & 255));
      if (i % 1000 === 0) {
        expect(
          rightful.takeOpenResponse(rightful.exchange(rightful.openRequest())[0] ?? Buffer.alloc(0)),
        ).toBe(0);
      } else if (i % 1000 === 400) {
        expect(rightful.takeRakp2(rightful.exchange(rightful.rakp1())[0] ?? Buffer.alloc(0))).toBe(0);
      } else if (i % 1000 === 900) {
        expect(rightful.takeRakp4(rightful.exchange(rightful.rakp3())[0] ?? Buffer.alloc(0))).toBe(0);
        done++;
      }
    }
    expect(done).toBe(20);
    expect(bench.face.halfOpenCount).toBeLessThanOrEqual(halfOpenCapacity);
  });

  test('of one socket, and of one address, push out their own first', () => {
    const bench = new LanBench({ halfOpenCapacity: 1000 });
    const begun = ['198.51.100.1', '203.0.113.1'].map((address) => {
      const client = bench.client({}, bench.from(address));
      client.takeOpenResponse(client.exchange(client.openRequest())[0] ?? Buffer.alloc(0));
      return client;
    });
    const flood = (times: number, port: (i: number) => number) => {
      for (let i = 0; i < times; i++) {
        const flooder = bench.client({}, bench.from('203.0.113.1', port(i)));
        flooder.exchange(flooder.openRequest(i & 255));
      }
    };
    flood(2000, () => 1000);
    expect(bench.face.halfOpenCount).toBe(2 + 64);
    // Other programs at the flooder’s address get on, even while it uses ever more ports.
    flood(400, (i) => 2000 + i);
    for (const client of begun) {
      expect(client.takeRakp2(client.exchange(client.rakp1())[0] ?? Buffer.alloc(0))).toBe(0);
    }
    flood(3000, (i) => 2000 + i);
    expect(bench.face.halfOpenCount).toBe(1 + 500);
    for (const client of begun) {
      expect(client.takeRakp4(client.exchange(client.rakp3())[0] ?? Buffer.alloc(0))).toBe(0);
    }
  });
});

describe('a socket', () => {
  const open = (client: IpmiClient, tag: number) => client.exchange(client.openRequest(tag)).length;

  test('that begins handshakes faster than anybody logs in gets no answer, until it slows down', () => {
    const bench = new LanBench();
    const client = bench.client();
    for (let i = 0; i < 64; i++) expect(open(client, i)).toBe(1);
    for (let i = 64; i < 200; i++) expect(open(client, i)).toBe(0);
    expect(bench.face.counters).toMatchObject({ halfOpenRefused: 136, halfOpenEvicted: 0 });
    // What was begun goes on, and is answered again.
    expect(open(client, 63)).toBe(1);
    const other = bench.client({}, bench.from('192.0.2.1', 2000));
    expect(other.login()).toBe('ok');
    bench.clock.advance(10);
    expect(open(client, 200)).toBe(1);
  });

  test('that logs in time and again is no such sender', () => {
    const bench = new LanBench();
    const exchange = bench.from();
    for (let i = 0; i < 200; i++) {
      const client = bench.loggedIn({}, 0, exchange);
      const id = client.managedSid;
      client.command(6, 0x3c, [id & 255, (id >>> 8) & 255, (id >>> 16) & 255, id >>> 24]);
    }
    expect(bench.face.counters).toMatchObject({ halfOpenRefused: 0, sessionsOpened: 200 });
  });
});

describe('challenges', () => {
  /** A handshake up to its RAKP 1. @returns whether that was answered at once */
  const challenge = (bench: LanBench, address: string, port: number): boolean => {
    const client = bench.client({}, bench.from(address, port));
    client.takeOpenResponse(client.exchange(client.openRequest())[0] ?? Buffer.alloc(0));
    return client.exchange(client.rakp1()).length === 1;
  };

  test('that nobody meets are given out ten a second to a source, and the right login is not limited', () => {
    const bench = new LanBench();
    let given = 0;
    for (let ms = 0; ms < 60_000; ms += 50) {
      bench.clock.advance(50);
      bench.sent.length = 0;
      for (let i = 0; i < 3; i++) if (challenge(bench, '203.0.113.1', 1 + ((ms / 50) % 40) + i)) given++;
    }
    expect(given).toBeLessThanOrEqual(10 + 60 * 10);
    expect(bench.client({}, bench.from('198.51.100.1')).login()).toBe('ok');
    expect(bench.face.halfOpenCount).toBeLessThanOrEqual(2048);
  });

  test('are given out a hundred a second in all, and one to each source that has taken none', () => {
    const bench = new LanBench();
    const flood = (): number => {
      let given = 0;
      for (let i = 0; i < 100; i++) {
        for (let n = 0; n < 20; n++) if (challenge(bench, `203.0.113.${i}`, 1 + n)) given++;
      }
      return given;
    };
    expect(flood()).toBeLessThanOrEqual(100 + 100);
    bench.clock.advance(900);
    // The sources have room again, all of them together have not.
    expect(flood()).toBeLessThanOrEqual(100);
    expect(bench.client({}, bench.from('198.51.100.1')).login()).toBe('ok');
  });

  test('that are met cost nothing: 500 logins of one source at the same moment', () => {
    const bench = new LanBench({ maxSessions: 1000 });
    for (let i = 0; i < 250; i++) {
      const client = bench.loggedIn({}, 0, bench.from('192.0.2.1', 1 + i));
      const sid = client.managedSid;
      client.command(6, 0x3c, [sid & 255, (sid >>> 8) & 255, (sid >>> 16) & 255, sid >>> 24]);
      bench.loggedIn({}, 0, bench.from('192.0.2.1', 1000 + (i % 50)));
      for (const session of bench.face.sessions()) session.close('BMC stopped');
    }
    expect(bench.face.counters).toMatchObject({ sessionsOpened: 500, challengesDelayed: 0 });
  });

  test('and push out what is over, not each other: 600 logins of one address, two of them always on their way', () => {
    const bench = new LanBench({ maxSessions: 600, halfOpenCapacity: 200 });
    const begun = Array.from({ length: 600 }, (_, i) => bench.client({}, bench.from('192.0.2.1', 1 + i)));
    const open = (client: (typeof begun)[number] | undefined) =>
      client?.takeOpenResponse(client.exchange(client.openRequest())[0] ?? Buffer.alloc(0));
    open(begun[0]);
    for (const [i, client] of begun.entries()) {
      open(begun[i + 1]);
      expect(client.takeRakp2(client.exchange(client.rakp1())[0] ?? Buffer.alloc(0))).toBe(0);
      expect(client.takeRakp4(client.exchange(client.rakp3())[0] ?? Buffer.alloc(0))).toBe(0);
    }
    expect(bench.face.counters.sessionsOpened).toBe(600);
  });

  test('wait for room, the next one as soon as another is met: 40 logins begun at once all succeed', () => {
    const bench = new LanBench();
    const clients = Array.from({ length: 40 }, (_, i) => bench.client({}, bench.from('192.0.2.1', 1 + i)));
    for (const client of clients) {
      client.takeOpenResponse(client.exchange(client.openRequest())[0] ?? Buffer.alloc(0));
    }
    const rakp2 = new Map<number, Uint8Array>();
    const take = (sent: typeof bench.sent) => {
      for (const { datagram, remote } of sent.splice(0)) {
        if (plainPayload(datagram).length > 40) rakp2.set(remote.port, datagram);
      }
    };
    for (const [i, client] of clients.entries()) {
      bench.face.receive(client.rakp1(), { address: '192.0.2.1', port: 1 + i }, bench.link);
      // Again, as a client does that hears nothing: it has still one place.
      bench.face.receive(client.rakp1(), { address: '192.0.2.1', port: 1 + i }, bench.link);
    }
    take(bench.sent);
    expect(rakp2.size).toBe(10);
    const before = bench.clock.now();
    for (const [i, client] of clients.entries()) {
      expect(client.takeRakp2(rakp2.get(1 + i) ?? Buffer.alloc(0))).toBe(0);
      bench.face.receive(client.rakp3(), { address: '192.0.2.1', port: 1 + i }, bench.link);
      take(bench.sent);
    }
    expect(bench.clock.now()).toBe(before);
    expect(bench.face.counters.sessionsOpened).toBe(40);
  });

  test('that wait come by themselves when there is room, unless their handshake is gone', () => {
    const bench = new LanBench();
    for (let i = 0; i < 10; i++) expect(challenge(bench, '192.0.2.1', 1 + i)).toBe(true);
    expect(challenge(bench, '192.0.2.1', 100)).toBe(false);
    bench.clock.advance(200);
    expect(bench.sent.map(({ remote }) => remote.port)).toEqual([100]);
    bench.face.stop();
    expect(bench.clock.pending).toBe(0);
  });

  test('that wait are not given to handshakes that their own socket has pushed out', () => {
    const bench = new LanBench();
    for (let i = 0; i < 10; i++) challenge(bench, '192.0.2.1', 1 + i);
    expect(challenge(bench, '192.0.2.1', 100)).toBe(false);
    const other = bench.client({}, bench.from('192.0.2.1', 100));
    for (let tag = 1; tag < halfOpenPerSocket; tag++) other.exchange(other.openRequest(tag));
    // Not too fast, since a socket that hurries gets nothing.
    bench.clock.advance(20);
    expect(other.exchange(other.openRequest(halfOpenPerSocket))).toHaveLength(1);
    bench.sent.length = 0;
    bench.clock.advance(1000);
    // Answers that were given may come again; the challenge that was waited for does not come.
    const rakp2 = ({ datagram, remote }: (typeof bench.sent)[number]) =>
      datagram[5] === 0x13 && remote.port === 100;
    expect(bench.sent.filter(rakp2)).toEqual([]);
    // Nobody waits any more.
    expect(challenge(bench, '192.0.2.1', 200)).toBe(true);
  });
});

describe('session slots', () => {
  test('are taken by verified logins only, and a full house says 01h until one leaves or idles out', () => {
    const bench = new LanBench({ maxSessions: 2 });
    bench.client({ password: 'wrong' }).login();
    const first = bench.loggedIn({}, 4);
    bench.loggedIn({}, 4, bench.from('192.0.2.2'));
    expect(bench.client({}, bench.from('192.0.2.3')).login()).toBe('open: 1');
    const sid = Buffer.alloc(4);
    sid.writeUInt32LE(first.managedSid);
    expect(first.command(6, 0x3c, [...sid])?.completionCode).toBe(0);
    expect(first.command(6, 1)).toBeUndefined();
    bench.loggedIn({}, 4, bench.from('192.0.2.3'));
    bench.clock.advance(60_000);
    bench.loggedIn({}, 4, bench.from('192.0.2.4'));
    expect(bench.face.sessions()).toHaveLength(1);
  });

  test('IDs are never 0 and never those of live sessions', () => {
    const queue = [0, 0, 5, 5, 5, 6];
    const bench = new LanBench({
      random: {
        bytes: (length) => {
          if (length !== 4) return new Uint8Array(length).fill(9);
          return Uint8Array.of(queue.shift() ?? 7, 0, 0, 0);
        },
      },
    });
    const a = bench.loggedIn();
    const b = bench.loggedIn({}, 0, bench.from('192.0.2.2'));
    expect([a.managedSid, b.managedSid]).toEqual([5, 6]);
  });
});

test('a command outside a session does nothing and says nothing, but for the three', () => {
  const bench = new LanBench();
  const exchange = bench.from();
  expect(exchange(plainPacket(0, ipmiRequest(6, 1, [])))).toEqual([]);
  expect(exchange(plainPacket(0, ipmiRequest(0, 2, [1])))).toEqual([]);
  expect(bench.face.counters.sessionRequired).toBe(2);
  const [guid] = exchange(plainPacket(0, ipmiRequest(6, 0x37, [])));
  expect(guid && readReply(plainPayload(guid)).data.toString('hex')).toBe('78563412bc9aef4d8123456789abcdef');
});
