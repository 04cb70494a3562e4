import { describe, expect, test } from 'vitest';
import { command } from '../../../../src/ipmi/commands/command.ts';
import { PayloadType } from '../../../../src/ipmi/payload.ts';
import { empty, rest } from '../../../../src/lib/codec.ts';
import { type IpmiClient, ipmiRequest, plainPacket, readReply } from '../../../support/ipmi-client.ts';
import { type BenchOptions, LanBench, ownCommands } from '../../../support/lan-bench.ts';

const idBytes = (id: number) => [id & 255, (id >>> 8) & 255, (id >>> 16) & 255, id >>> 24];

/** A command that counts how often it ran; it answers at once, or when told to. */
function counter() {
  const seen = { runs: 0, finish: undefined as (() => void) | undefined };
  const quick = command({
    name: 'Count',
    netFn: 0x30,
    cmd: 0x01,
    privilege: 'user',
    spec: 'test',
    request: rest,
    response: rest,
    handle: () => Uint8Array.of(++seen.runs),
  });
  const slow = command({
    name: 'Count Slowly',
    netFn: 0x30,
    cmd: 0x02,
    privilege: 'user',
    spec: 'test',
    request: empty,
    response: empty,
    handle: () => {
      seen.runs++;
      return new Promise<Record<never, never>>((resolve) => {
        seen.finish = () => resolve({});
      });
    },
  });
  return { seen, commands: [...ownCommands, quick, slow] };
}

function benchWithCounter(options: BenchOptions = {}) {
  const { seen, commands } = counter();
  return { seen, bench: new LanBench({ ...options, commands }) };
}

describe('packets of a session', () => {
  test('start at sequence 1, rise by one and are shared with other payloads', () => {
    const bench = new LanBench();
    const client = bench.loggedIn();
    const sequences: number[] = [];
    const send = () => {
      const [reply] = client.exchange(client.seal(ipmiRequest(6, 1, [], ++client.rqSeq)));
      if (reply) sequences.push(client.unseal(reply).sequence);
    };
    send();
    bench.face.sessions()[0]?.sendPayload(PayloadType.sol, Uint8Array.of(1, 2, 3), {
      encrypted: false,
      authenticated: true,
    });
    const sol = bench.sent[0];
    expect(sol?.remote).toEqual({ address: '192.0.2.1', port: 40000 });
    const opened = client.unseal(sol?.datagram ?? new Uint8Array());
    expect(opened).toMatchObject({ payloadType: 1, sid: client.consoleSid, payload: Buffer.of(1, 2, 3) });
    sequences.push(opened.sequence);
    send();
    expect(sequences).toEqual([1, 2, 3]);
  });

  test('that are sealed ahead are sent as they are if nothing else was sent first, and sealed anew if so', () => {
    const bench = new LanBench();
    const client = bench.loggedIn();
    const [session] = bench.face.sessions();
    const protection = { encrypted: true, authenticated: true };
    const [first, second] = [Buffer.from('first'), Buffer.from('second')];
    session?.preparePayload(PayloadType.sol, first, protection);
    session?.sendPayload(PayloadType.sol, first, protection);
    session?.preparePayload(PayloadType.sol, second, protection);
    session?.sendPayload(PayloadType.sol, first, protection);
    session?.sendPayload(PayloadType.sol, second, protection);
    session?.preparePayload(PayloadType.sol, first, protection);
    session?.sendPayload(PayloadType.sol, first, { encrypted: false, authenticated: true });
    const sent = bench.sent.map(({ datagram }) => client.unseal(datagram));
    expect(sent.map(({ sequence, payload }) => `${sequence} ${payload}`)).toEqual([
      '1 first',
      '2 first',
      '3 second',
      '4 first',
    ]);
    expect(bench.sent.map(({ datagram }) => (datagram[5] ?? 0) & 0x80)).toEqual([0x80, 0x80, 0x80, 0]);
  });

  test.each([3, 17])(
    'of suite %i with a wrong code, without code or without encryption do nothing',
    (suite) => {
      const { seen, bench } = benchWithCounter();
      const client = bench.loggedIn({ suite });
      const request = () => ipmiRequest(0x30, 1, [], ++client.rqSeq);
      const forged = client.seal(request());
      forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1;
      const unsigned = client.seal(request(), { authenticate: false });
      const unencrypted = client.seal(request(), { encrypt: false });
      const bare = client.seal(request(), { encrypt: false, authenticate: false });
      for (const datagram of [forged, unsigned, unencrypted, bare])
        expect(client.exchange(datagram)).toEqual([]);
      expect(seen.runs).toBe(0);
      expect(bench.face.counters).toMatchObject({ badAuthCode: 1, notProtected: 3 });
      expect(client.exchange(client.seal(request()))).toHaveLength(1);
    },
  );

  test('with wrong padding are dropped', () => {
    const { seen, bench } = benchWithCounter();
    const client = bench.loggedIn();
    const packet = client.seal(ipmiRequest(0x30, 1, [], 1));
    const end = 16 + packet.readUInt16LE(14);
    const broken = client.sign(
      Buffer.concat([
        packet.subarray(0, end - 17),
        Buffer.of((packet[end - 17] as number) ^ 0xff),
        packet.subarray(end - 16, end),
      ]),
    );
    expect(client.exchange(broken)).toEqual([]);
    expect(bench.face.counters.undecryptable).toBe(1);
    expect(seen.runs).toBe(0);
  });

  test('that are replayed, or lie outside the window, do nothing', () => {
    const { seen, bench } = benchWithCounter();
    const client = bench.loggedIn();
    const at = (sequence: number) =>
      client.exchange(client.seal(ipmiRequest(0x30, 1, [sequence & 255], sequence % 64), { sequence }))
        .length;
    const first = client.seal(ipmiRequest(0x30, 1, [], 63));
    expect(client.exchange(first)).toHaveLength(1);
    expect(client.exchange(first)).toEqual([]);
    expect([at(16), at(32), at(31), at(15), at(14), at(17)]).toEqual([1, 0, 1, 1, 0, 1]);
    expect(at(0)).toBe(0);
    expect(seen.runs).toBe(5);
  });

  test('without integrity come from the address of the login only', () => {
    const { seen, bench } = benchWithCounter({ cipherSuites: [1] });
    const client = bench.loggedIn({ suite: 1 });
    const packet = client.seal(ipmiRequest(0x30, 1, [], 1));
    expect(bench.from('192.0.2.1', 40001)(packet)).toEqual([]);
    expect(client.exchange(packet)).toHaveLength(1);
    expect(seen.runs).toBe(1);
  });

  test('with integrity may come from a new address, where the replies go then', () => {
    const bench = new LanBench();
    const client = bench.loggedIn();
    expect(bench.from('192.0.2.200', 555)(client.seal(ipmiRequest(6, 1, [], 5)))).toHaveLength(1);
    expect(bench.face.sessions()[0]?.remote).toEqual({ address: '192.0.2.200', port: 555 });
  });

  test('may come to another address of the BMC, which answers then', () => {
    const bench = new LanBench();
    const client = bench.loggedIn();
    const answers: Uint8Array[] = [];
    const other = { localPort: 623, send: (datagram: Uint8Array) => void answers.push(datagram) };
    client.rqSeq = (client.rqSeq + 1) % 64;
    const request = client.seal(ipmiRequest(6, 1, [], client.rqSeq));
    bench.sent.length = 0;
    bench.face.receive(request, { address: '192.0.2.1', port: 40000 }, other);
    expect([answers.length, bench.sent.length]).toEqual([1, 0]);
    const [datagram = new Uint8Array()] = answers;
    expect(readReply(client.unseal(datagram).payload).completionCode).toBe(0);
  });
});

describe('a message', () => {
  test('that is no request to the BMC is dropped, in a session and outside of one', () => {
    const { seen, bench } = benchWithCounter();
    const client = bench.loggedIn();
    const elsewhere = ipmiRequest(0x30, 1, [], 1);
    elsewhere[0] = 0x24;
    elsewhere[2] = (0x100 - 0x24 - (elsewhere[1] as number)) & 0xff;
    const reply = ipmiRequest(0x31, 1, [], 1);
    for (const message of [elsewhere, reply]) {
      expect(client.exchange(client.seal(message))).toEqual([]);
      expect(client.exchange(plainPacket(0, message))).toEqual([]);
    }
    expect([seen.runs, bench.face.counters.malformed]).toEqual([0, 4]);
  });

  test('outside of a session is answered when its command is done, to who asked', async () => {
    let finish: (() => void) | undefined;
    const slow = command({
      ...{ name: 'Wait', netFn: 0x30, cmd: 0x03, privilege: 'none', spec: 'test' },
      ...{ request: empty, response: empty },
      handle: () =>
        new Promise<Record<never, never>>((resolve) => {
          finish = () => resolve({});
        }),
    });
    const bench = new LanBench({ commands: [...ownCommands, slow] });
    expect(bench.from('192.0.2.7', 777)(plainPacket(0, ipmiRequest(0x30, 3, [])))).toEqual([]);
    finish?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(bench.sent.map(({ remote }) => remote)).toEqual([{ address: '192.0.2.7', port: 777 }]);
  });

  test('to another port of ours runs with what that one says of itself', () => {
    const { bench } = benchWithCounter();
    const client = bench.loggedIn();
    client.command(6, 1);
    const answers: Uint8Array[] = [];
    const other = { localPort: 6230, send: (datagram: Uint8Array) => void answers.push(datagram) };
    const request = client.seal(ipmiRequest(6, 1, [], 60));
    bench.face.receive(request, { address: '192.0.2.1', port: 40000 }, other);
    expect(answers).toHaveLength(1);
    expect(bench.face.sessions()[0]?.localPort).toBe(6230);
  });
});

describe('a request that comes again', () => {
  test('under a new sequence number is executed once and answered again', () => {
    const { seen, bench } = benchWithCounter();
    const client = bench.loggedIn();
    const again = () => {
      const [reply] = client.exchange(client.seal(ipmiRequest(0x30, 1, [7], 9)));
      return reply && readReply(client.unseal(reply).payload).data[0];
    };
    expect([again(), again(), again()]).toEqual([1, 1, 1]);
    expect(seen.runs).toBe(1);
    bench.clock.advance(4_900);
    expect(again()).toBe(1);
    bench.clock.advance(5_000);
    expect(again()).toBe(2);
    client.command(0x30, 1, [8]);
    expect(seen.runs).toBe(3);
  });

  test('late is still the same one from a console that counts its requests up, until the next one', () => {
    const { seen, bench } = benchWithCounter();
    const client = bench.loggedIn();
    const ask = (rqSeq: number) => {
      const [reply] = client.exchange(client.seal(ipmiRequest(0x30, 1, [7], rqSeq)));
      return reply && readReply(client.unseal(reply).payload).data[0];
    };
    expect([ask(62), ask(63)]).toEqual([1, 2]);
    bench.clock.advance(20_000);
    expect(ask(63)).toBe(2);
    expect(ask(0)).toBe(3);
    bench.clock.advance(20_000);
    expect([ask(0), ask(63), ask(62)]).toEqual([3, 4, 5]);
    // One that does not count uses its number again for something new.
    bench.clock.advance(20_000);
    expect(ask(62)).toBe(6);
    expect(seen.runs).toBe(6);
  });

  test('while it runs is answered by nothing but its own reply', async () => {
    const { seen, bench } = benchWithCounter();
    const client = bench.loggedIn();
    const ask = () => client.exchange(client.seal(ipmiRequest(0x30, 2, [], 9)));
    expect(ask()).toEqual([]);
    expect(ask()).toEqual([]);
    seen.finish?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(bench.sent).toHaveLength(1);
    expect(ask()).toHaveLength(1);
    expect(seen.runs).toBe(1);
  });
});

describe('privilege', () => {
  test('starts at User and rises to the limits only', () => {
    const bench = new LanBench();
    const client = bench.loggedIn({
      user: 'oper',
      password: 'operator-20-bytes-xy',
      openLevel: 3,
      role: 0x13,
    });
    const level = (n: number) => {
      const reply = client.command(6, 0x3b, [n]);
      return reply && [reply.completionCode, ...reply.data];
    };
    expect(level(0)).toEqual([0, 2]);
    expect(client.command(6, 0x44, [1, 2])?.completionCode).toBe(0xd4);
    expect(level(4)).toEqual([0x81]);
    expect(level(5)).toEqual([0x80]);
    expect(level(1)).toEqual([0xcc]);
    expect(level(6)).toEqual([0xcc]);
    expect(level(3)).toEqual([0, 3]);
    expect(client.command(6, 0x44, [1, 2])?.completionCode).toBe(0);
    expect(level(2)).toEqual([0, 2]);
  });

  test('never exceeds what the login asked for', () => {
    const client = new LanBench().loggedIn({ role: 0x12 });
    expect(client.command(6, 0x3b, [3])?.completionCode).toBe(0x81);
  });

  test('follows a user who is demoted, at the next command', () => {
    const bench = new LanBench();
    const client = bench.loggedIn({}, 4);
    expect(client.command(6, 0x44, [1, 2])?.completionCode).toBe(0);
    bench.changeUser(2, { limit: 'user' });
    expect(client.command(6, 0x44, [1, 2])?.completionCode).toBe(0xd4);
    expect(client.command(6, 0x3b, [4])?.completionCode).toBe(0x81);
  });

  test.each([
    ['disabled', { enabled: false }],
    ['removed', undefined],
    ['given another password', { password: Buffer.from('other') }],
    ['renamed', { name: 'other' }],
  ])('ends with a user who is %s, within a second and before the next command', (_how, change) => {
    const bench = new LanBench();
    const client = bench.loggedIn({}, 4);
    const idle = bench.loggedIn({}, 4, bench.from('192.0.2.2'));
    bench.changeUser(2, change);
    expect(client.command(6, 1)).toBeUndefined();
    bench.clock.advance(1000);
    expect(bench.face.sessions()).toEqual([]);
    expect(idle.command(6, 1)).toBeUndefined();
  });
});

describe('a session', () => {
  test('ends after 60 s without a valid packet', () => {
    const bench = new LanBench();
    const client = bench.loggedIn();
    bench.clock.advance(59_000);
    expect(client.command(6, 1)?.completionCode).toBe(0);
    bench.clock.advance(59_000);
    client.exchange(plainPacket(0xc0, new Uint8Array(64), client.managedSid, client.sequence + 1));
    bench.clock.advance(2000);
    expect(client.command(6, 1)).toBeUndefined();
    expect(bench.clock.pending).toBe(0);
  });

  test('that carries another payload counts as active for longer', () => {
    const bench = new LanBench();
    bench.loggedIn();
    const [session] = bench.face.sessions();
    let closed = 0;
    session?.onPayload(PayloadType.sol, () => undefined);
    session?.onClose(() => closed++);
    bench.clock.advance(170_000);
    expect(session?.open).toBe(true);
    bench.clock.advance(11_000);
    expect(session?.open).toBe(false);
    expect(closed).toBe(1);
  });

  test('ends after 60 s again when the payload has gone, also with a last answer for its client', () => {
    const bench = new LanBench();
    bench.loggedIn();
    const [session] = bench.face.sessions();
    session?.onPayload(PayloadType.sol, () => undefined);
    bench.clock.advance(100_000);
    expect(session?.open).toBe(true);
    session?.onPayload(PayloadType.sol, () => undefined, { keepAlive: false });
    bench.clock.advance(1000);
    expect(session?.closeReason).toBe('idle');
  });

  test('delivers payloads to who asked for them, and tells how they came', () => {
    const bench = new LanBench();
    const client = bench.loggedIn();
    const received: unknown[] = [];
    bench.face
      .sessions()[0]
      ?.onPayload(PayloadType.sol, (payload, { encrypted }) => received.push([[...payload], encrypted]));
    client.exchange(client.seal(Uint8Array.of(1, 2), { payloadType: 1 }));
    client.exchange(client.seal(Uint8Array.of(3), { payloadType: 1, encrypt: false }));
    client.exchange(client.seal(Uint8Array.of(4), { payloadType: 0x20 }));
    expect(received).toEqual([
      [[1, 2], true],
      [[3], false],
    ]);
    expect(bench.face.counters.unknownPayload).toBe(1);
  });

  const close = (client: IpmiClient, data: number[]) => client.command(6, 0x3c, data)?.completionCode;

  test('closes itself by ID, by handle, and others as Administrator only', () => {
    const bench = new LanBench();
    const admin = bench.loggedIn({}, 4);
    const user = bench.loggedIn(
      { user: 'user', password: 'u', openLevel: 0, role: 0x10 },
      0,
      bench.from('192.0.2.2'),
    );
    expect(close(user, idBytes(admin.managedSid))).toBe(0xd4);
    expect(close(user, idBytes(12345))).toBe(0x87);
    expect(close(user, [0, 0, 0, 0, 200])).toBe(0x88);
    expect(close(user, [0, 0, 0, 0])).toBe(0x87);
    expect(close(admin, idBytes(user.managedSid))).toBe(0);
    expect(user.command(6, 1)).toBeUndefined();
    const [own] = bench.face.sessions();
    expect(close(admin, [0, 0, 0, 0, own?.handle ?? 0])).toBe(0);
    expect(bench.face.sessions()).toEqual([]);
  });

  test('beyond the 254th has no handle, and nobody means it by one', () => {
    const bench = new LanBench({ maxSessions: 300 });
    const admin = bench.loggedIn({}, 4);
    const clients = Array.from({ length: 259 }, (_, n) =>
      bench.loggedIn({}, 0, bench.from('192.0.2.9', 1 + n)),
    );
    const handles = bench.face.sessions().map(({ handle }) => handle);
    expect(handles).toEqual([...Array.from({ length: 254 }, (_, n) => n + 1), 0, 0, 0, 0, 0, 0]);
    expect(close(admin, [0, 0, 0, 0, 0])).toBe(0x88);
    expect(admin.command(6, 0x3d, [0xfe, 0])?.data).toHaveLength(3);
    expect(bench.face.sessions()).toHaveLength(260);
    // Those without one work all the same, and a handle that comes free is given out again.
    expect(clients.at(-1)?.command(6, 1)?.completionCode).toBe(0);
    expect(close(admin, [0, 0, 0, 0, 100])).toBe(0);
    bench.loggedIn({}, 0, bench.from('192.0.2.9', 1000));
    expect(bench.face.sessions().filter(({ handle }) => handle === 100)).toHaveLength(1);
  });

  test('shows up in Get Session Info in all index forms', () => {
    const bench = new LanBench();
    const admin = bench.loggedIn({}, 4);
    const user = bench.loggedIn(
      { user: 'user', password: 'u', openLevel: 0, role: 0x10 },
      0,
      bench.from('198.51.100.7', 0x1234),
    );
    const info = (...data: number[]) => [...(admin.command(6, 0x3d, data)?.data ?? [])];
    const theirs = [2, 63, 2, 4, 2, 0x11, 198, 51, 100, 7, 0, 0, 0, 0, 0, 0, 0x34, 0x12];
    expect(info(0).slice(0, 6)).toEqual([1, 63, 2, 2, 4, 0x11]);
    expect(info(1)[0]).toBe(1);
    expect(info(2)).toEqual(theirs);
    expect(info(3)).toEqual([0, 63, 2]);
    expect(info(0xfe, 2)).toEqual(theirs);
    expect(info(0xff, ...idBytes(user.managedSid))).toEqual(theirs);
    expect(info(0xff, 1, 2, 3, 4)).toEqual([0, 63, 2]);
    expect(admin.command(6, 0x3d, [0xff])?.completionCode).toBe(0xc7);
  });
});

test('everything that comes and goes is counted', () => {
  const bench = new LanBench();
  const client = bench.loggedIn({}, 4);
  client.command(6, 1);
  client.exchange(Uint8Array.of(1, 2, 3));
  expect(bench.face.counters).toMatchObject({
    received: 6,
    sent: 5,
    requests: 2,
    malformed: 1,
    sessionsOpened: 1,
  });
});

test('stopping closes all sessions and answers nothing more', () => {
  const bench = new LanBench();
  const client = bench.loggedIn();
  const [session] = bench.face.sessions();
  bench.face.stop();
  expect(session?.closeReason).toBe('BMC stopped');
  expect(client.command(6, 1)).toBeUndefined();
  expect(client.exchange(client.openRequest())).toEqual([]);
  expect(bench.clock.pending).toBe(0);
});

describe('a session over the LAN', () => {
  test('is known to the other faces with its user and where it came from, until it ends', () => {
    const bench = new LanBench();
    const client = bench.loggedIn();
    const [open] = bench.bmc.openSessions.list();
    expect(open).toMatchObject({ id: '1', userName: 'admin', openedAt: bench.clock.wallTime() });
    expect(open?.from).toBe(bench.face.sessions()[0]?.remote.address);
    client.command(6, 0x3c, idBytes(bench.face.sessions()[0]?.id ?? 0));
    expect(bench.bmc.openSessions.list()).toEqual([]);
    bench.loggedIn();
    expect(bench.bmc.openSessions.list().map(({ id }) => id)).toEqual(['2']);
  });

  test('is ended by another face, which is told in the event log; it gets no answer any more', () => {
    const bench = new LanBench();
    const client = bench.loggedIn();
    let changes = 0;
    bench.bmc.openSessions.onChange(() => changes++);
    expect(bench.bmc.openSessions.end('1', { name: 'root', face: 'redfish', from: '192.0.2.9' })).toBe(true);
    expect([bench.face.sessions(), bench.bmc.openSessions.list(), changes]).toEqual([[], [], 1]);
    expect(bench.bmc.events.list().at(-1)).toMatchObject({
      kind: 'session-closed',
      text: expect.stringMatching(/^IPMI session of admin \([\d.]+\): ended by root/),
      actor: { name: 'root' },
    });
    expect(client.exchange(client.seal(ipmiRequest(6, 1, [], ++client.rqSeq)))).toEqual([]);
    expect(bench.bmc.openSessions.end('1', { name: 'root', face: 'redfish' })).toBe(false);
  });
});

describe('a session that its console has closed', () => {
  const idOf = ({ managedSid }: IpmiClient) => idBytes(managedSid);
  const asked = (client: IpmiClient, netFn: number, cmd: number, data: readonly number[] = []) =>
    client.exchange(client.seal(ipmiRequest(netFn, cmd, data, client.rqSeq)));

  test('answers again what closed it, as after a lost answer, and nothing else', () => {
    const bench = new LanBench();
    const client = bench.loggedIn({}, 4);
    const close = idOf(client);
    expect(client.command(6, 0x3c, close)?.completionCode).toBe(0);
    expect(bench.face.sessions()).toEqual([]);
    const { requests } = bench.face.counters;
    const [again] = asked(client, 6, 0x3c, close);
    expect(again && readReply(client.unseal(again).payload).completionCode).toBe(0);
    // Another request, the same bytes once more, and somebody who does not know the key.
    expect(asked(client, 6, 1)).toEqual([]);
    const sealed = client.seal(ipmiRequest(6, 0x3c, close, client.rqSeq));
    expect(client.exchange(sealed)).toHaveLength(1);
    expect(client.exchange(sealed)).toEqual([]);
    const forged = client.seal(ipmiRequest(6, 0x3c, close, client.rqSeq));
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    expect(client.exchange(forged)).toEqual([]);
    expect(bench.face.counters.requests).toBe(requests);
  });

  test('is forgotten after a while, and so is one that an administrator has closed, at once', () => {
    const bench = new LanBench();
    const client = bench.loggedIn({}, 4);
    const close = idOf(client);
    client.command(6, 0x3c, close);
    bench.clock.advance(11_000);
    expect(asked(client, 6, 0x3c, close)).toEqual([]);
    const [other, admin] = [bench.loggedIn({}, 4, bench.from('192.0.2.2')), bench.loggedIn({}, 4)];
    expect(admin.command(6, 0x3c, idOf(other))?.completionCode).toBe(0);
    expect(asked(other, 6, 0x3c, idOf(other))).toEqual([]);
  });
});
