import { expect, test } from 'vitest';
import { DatagramFuzz } from '../../../support/datagram-fuzz.ts';
import { ipmiRequest, plainPacket, plainPayload, v15Packet } from '../../../support/ipmi-client.ts';
import { LanBench } from '../../../support/lan-bench.ts';

test.each([1, 2])(
  'seed %i: 30,000 hostile datagrams of every kind, some in sessions and rightly signed, do no harm',
  { timeout: 60_000 },
  async (seed) => {
    const { counters, loginMs, grownBytes } = await new DatagramFuzz(seed).run(30_000);
    expect(loginMs).toBeLessThan(100);
    expect(grownBytes).toBeLessThan(8 * 1024 * 1024);
    // It got everywhere: not all of it stuck at the first check.
    for (const reason of [
      ...[
        'pings',
        'acks',
        'malformed',
        'unknownClass',
        'unknownPayload',
        'sessionRequired',
        'unknownSession',
      ],
      ...['notProtected', 'badAuthCode', 'undecryptable', 'replayed', 'loginsRefused'],
    ]) {
      expect(counters[reason], reason).toBeGreaterThan(10);
    }
    expect(counters.requests).toBeGreaterThan(2000);
  },
);

test('answers before login are at most twice as long as the question, but for the pong', () => {
  const bench = new LanBench();
  const client = bench.client({ user: 'a' });
  const asked = [
    v15Packet(ipmiRequest(6, 0x38, [0x8e, 4])),
    v15Packet(ipmiRequest(6, 0x37, [])),
    plainPacket(0, ipmiRequest(6, 0x54, [0x0e, 0, 0x80])),
    client.openRequest(),
  ];
  for (const datagram of asked) {
    const replies = client.exchange(datagram);
    expect(replies).toHaveLength(1);
    expect(replies[0]?.length).toBeLessThanOrEqual(2 * datagram.length);
  }
  const login = bench.client({ user: 'user', password: 'u', role: 0x12 });
  login.takeOpenResponse(login.exchange(login.openRequest())[0] ?? Buffer.alloc(0));
  const rakp1 = login.rakp1();
  const [rakp2] = login.exchange(rakp1);
  expect(rakp2 && plainPayload(rakp2)).toHaveLength(40 + 32);
  expect(rakp2?.length).toBeLessThanOrEqual(2 * rakp1.length);
});

test('source port 0, acknowledges and replies get no answer', () => {
  const bench = new LanBench();
  const ask = v15Packet(ipmiRequest(6, 0x38, [0x8e, 4]));
  expect(bench.from('192.0.2.1', 0)(ask)).toEqual([]);
  expect(bench.from()(Uint8Array.of(6, 0, 1, 0x87))).toEqual([]);
  expect(bench.from()(v15Packet(ipmiRequest(7, 0x38, [0])))).toEqual([]);
  const [pong] = bench.from()(Uint8Array.of(6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 5, 0, 0));
  expect(pong && bench.from()(pong)).toEqual([]);
});
