/** What was on the wire once, sent again: nothing is executed twice, whoever sends it, whenever and in whatever order. */
import { describe, expect, test } from 'vitest';
import { command } from '../../../../src/ipmi/commands/command.ts';
import { rest } from '../../../../src/lib/codec.ts';
import { type Exchange, ipmiRequest } from '../../../support/ipmi-client.ts';
import { V15Client } from '../../../support/ipmi-v15-client.ts';
import { LanBench, ownCommands } from '../../../support/lan-bench.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

function recorded() {
  const seen: number[] = [];
  const probe = command({
    name: 'Probe',
    netFn: 0x30,
    cmd: 1,
    privilege: 'user',
    spec: 'test',
    request: rest,
    response: rest,
    handle: (body) => {
      seen.push(Buffer.from(body as Uint8Array).readUInt16LE(0));
      return new Uint8Array();
    },
  });
  const bench = new LanBench({ commands: [...ownCommands, probe], ipmi15: true });
  const tape: Uint8Array[] = [];
  const exchange: Exchange = (datagram) => {
    tape.push(datagram.slice());
    return bench.from()(datagram);
  };
  return { bench, seen, tape, exchange };
}

const body = (n: number) => [n & 255, n >> 8];

const sessions = {
  'IPMI 2.0, suite 3': ({ bench, exchange }: ReturnType<typeof recorded>) =>
    bench.loggedIn({ suite: 3 }, 0, exchange),
  'IPMI 2.0, suite 17': ({ bench, exchange }: ReturnType<typeof recorded>) =>
    bench.loggedIn({ suite: 17 }, 0, exchange),
  'IPMI 1.5': ({ exchange }: ReturnType<typeof recorded>) =>
    new V15Client(exchange, { user: 'user', password: 'u', level: 2 }).login(),
} as const;

describe.each(Object.entries(sessions))('%s', (_name, login) => {
  test('a whole session sent again does nothing: at once, backwards, shuffled, from elsewhere, later, after its end', () => {
    const made = recorded();
    const { bench, seen, tape } = made;
    const client = login(made);
    for (let n = 0; n < 200; n++) expect(client.command(0x30, 1, body(n))?.completionCode).toBe(0);
    const expected = Array.from({ length: 200 }, (_, n) => n);
    expect(seen).toEqual(expected);
    const all = [...tape];
    const random = seededRandom(7);
    const shuffled = [...all].sort(() => random(3) - 1);
    const again = (datagrams: readonly Uint8Array[], from: Exchange) => {
      for (const datagram of datagrams) from(datagram);
      expect(seen).toEqual(expected);
    };
    for (const order of [all, [...all].reverse(), shuffled]) {
      again(order, bench.from());
      again(order, bench.from('203.0.113.9', 623));
      bench.clock.advance(6000);
    }
    // The session has not suffered.
    const before = tape.length;
    expect(client.command(0x30, 1, body(777))?.completionCode).toBe(0);
    expected.push(777);
    again(tape.slice(before), bench.from());
    for (const session of bench.face.sessions()) session.close('BMC stopped');
    again(all, bench.from());
    bench.clock.advance(60_000);
    again(all, bench.from());
    expect(bench.face.sessions()).toEqual([]);
  });

  test('each packet sent three times at once is executed once', () => {
    const made = recorded();
    const client = login({
      ...made,
      exchange: (datagram) => {
        const [first] = [1, 2, 3]
          .map(() => made.bench.from()(datagram))
          .filter((replies) => replies.length > 0);
        return first ?? [];
      },
    });
    for (let n = 0; n < 100; n++) expect(client.command(0x30, 1, body(n))?.completionCode).toBe(0);
    expect(made.seen).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });
});

test('packets of one session do nothing in another of the same user, nor after a new start of the BMC', () => {
  const first = recorded();
  const client = first.bench.loggedIn({}, 0, first.exchange);
  for (let n = 0; n < 20; n++) client.command(0x30, 1, body(n));
  const other = first.bench.loggedIn({}, 0, first.bench.from('192.0.2.2'));
  const newSid = (datagram: Uint8Array) => {
    const changed = Buffer.from(datagram);
    if (changed[4] === 6 && changed.readUInt32LE(6) !== 0) changed.writeUInt32LE(other.managedSid, 6);
    return changed;
  };
  for (const datagram of first.tape) first.bench.from('192.0.2.2')(newSid(datagram));
  expect(first.seen).toHaveLength(20);
  const second = recorded();
  for (const datagram of first.tape) second.bench.from()(datagram);
  expect(second.seen).toEqual([]);
  expect(second.bench.face.sessions()).toEqual([]);
});

test('numbers may rise over the highest one there is, and none is taken twice on the way', () => {
  const { bench, seen } = recorded();
  const client = bench.loggedIn();
  // As near to the end as the window goes in one step each time would take years: the window's own test goes there.
  let n = 0;
  for (let sequence = 1; sequence < 3000; sequence += 15) {
    const packet = client.seal(ipmiRequest(0x30, 1, body(n), n % 64), { sequence });
    expect(client.exchange(packet)).toHaveLength(1);
    expect(client.exchange(packet)).toHaveLength(0);
    n++;
  }
  expect(seen).toHaveLength(n);
});
