/** Nobody is reached through us: no answer where none can be wanted, none that is answered, none that is much longer. */
import { expect, test } from 'vitest';
import { ipmiRequest, plainPacket, v15Packet } from '../../../support/ipmi-client.ts';
import { LanBench } from '../../../support/lan-bench.ts';

const ping = Uint8Array.of(6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 5, 0, 0);
const capabilities = v15Packet(ipmiRequest(6, 0x38, [0x8e, 4]));

/** One of each kind that is answered without a session. */
function questions(bench: LanBench): readonly Uint8Array[] {
  const client = bench.client();
  const stale = bench.client();
  stale.managedSid = 0x01020304;
  return [
    ping,
    capabilities,
    v15Packet(ipmiRequest(6, 0x37, [])),
    v15Packet(ipmiRequest(6, 0x39, [2, ...Buffer.alloc(16, 0)])),
    v15Packet(ipmiRequest(6, 0x39, [2, ...Buffer.from('admin'.padEnd(16, '\0'))])),
    plainPacket(0, ipmiRequest(6, 0x54, [0x0e, 0, 0x80])),
    plainPacket(0, ipmiRequest(6, 0x38, [])),
    client.openRequest(),
    stale.rakp1(),
    stale.rakp3(),
  ];
}

test.each([
  ['192.0.2.1', 0],
  ['0.0.0.0', 40000],
  ['224.0.0.1', 40000],
  ['239.255.255.250', 40000],
  ['255.255.255.255', 623],
  ['::', 40000],
  ['ff02::1', 40000],
  ['FF05::2', 40000],
  ['::ffff:224.0.0.1', 40000],
])('what says it comes from %s, port %i, gets no answer', (address, port) => {
  const bench = new LanBench();
  for (const question of questions(bench)) expect(bench.from(address, port)(question)).toEqual([]);
  expect(bench.face.halfOpenCount).toBe(0);
});

test.each([
  '192.0.2.1',
  '2001:db8::1',
  'fe80::1%eth0',
  '::1',
  '::ffff:192.0.2.1',
  '223.255.255.255',
  '1.0.0.0',
])('what comes from %s is answered', (address) => {
  const bench = new LanBench();
  for (const question of questions(bench)) expect(bench.from(address)(question)).toHaveLength(1);
});

test('no answer is answered, so two BMCs that hear each other from port 623 fall silent', () => {
  const [bench, other] = [new LanBench({ ipmi15: true }), new LanBench({ ipmi15: true })];
  const client = bench.client();
  const answers = questions(bench).flatMap((question) => bench.from('192.0.2.1', 623)(question));
  client.takeOpenResponse(client.exchange(client.openRequest(1))[0] ?? Buffer.alloc(0));
  answers.push(...client.exchange(client.rakp1()), ...client.exchange(client.rakp3()));
  expect(answers).toHaveLength(12);
  for (const answer of answers) {
    expect(bench.from('192.0.2.1', 623)(answer)).toEqual([]);
    expect(other.from('192.0.2.1', 623)(answer)).toEqual([]);
  }
});

test('every answer before login is at most twice as long as its question, but for the pong of 28 bytes', () => {
  const bench = new LanBench({ ipmi15: true });
  for (const question of questions(bench)) {
    const [answer] = bench.from()(question);
    if (question === ping) expect(answer).toHaveLength(28);
    else expect(answer?.length ?? 0).toBeLessThanOrEqual(2 * question.length);
  }
});
