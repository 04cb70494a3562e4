import { expect, test } from 'vitest';
import { command } from '../../../../src/ipmi/commands/command.ts';
import { rest } from '../../../../src/lib/codec.ts';
import { ipmiRequest, plainPacket, plainPayload, v15Packet } from '../../../support/ipmi-client.ts';
import { LanBench, ownCommands } from '../../../support/lan-bench.ts';

/** Small seeded generator, so that a failure can be run again. */
function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test('40,000 random and mutated datagrams do no harm, inside and outside of sessions', () => {
  let runs = 0;
  const probe = command({
    name: 'Probe',
    netFn: 0x30,
    cmd: 1,
    privilege: 'administrator',
    spec: 'test',
    request: rest,
    response: rest,
    handle: () => Uint8Array.of(++runs),
  });
  const bench = new LanBench({ commands: [...ownCommands, probe] });
  const errors: unknown[] = [];
  bench.bmc.log.error = (...args: unknown[]) => void errors.push(args);
  const random = seeded(20260101);
  const victim = bench.loggedIn({}, 4);
  const mutator = bench.loggedIn(
    { user: 'user', password: 'u', openLevel: 0, role: 0x10 },
    0,
    bench.from('192.0.2.9'),
  );
  const fresh = bench.client({}, bench.from('192.0.2.10'));
  const valid = (): Buffer => {
    switch (random(9)) {
      case 0:
        return Buffer.from([6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, random(256), 0, 0]);
      case 1:
        return v15Packet(ipmiRequest(6, 0x38, [0x8e, 4]));
      case 2:
        return plainPacket(0, ipmiRequest(6, 0x54, [0x0e, 0, 0x80]));
      case 3:
        return fresh.openRequest(random(256));
      case 4:
        return fresh.rakp1(random(256));
      case 5:
        return fresh.rakp3(random(256));
      case 6:
        return plainPacket(0, ipmiRequest(0x30, 1, [1]), victim.managedSid, 1 + random(40));
      case 7:
        // Right keys, wrong inside.
        return mutator.seal(mutate(ipmiRequest(random(64), random(256), [random(256)], random(64)), random));
      default:
        return mutator.seal(Buffer.from(Array.from({ length: random(40) }, () => random(256))), {
          payloadType: random(64),
        });
    }
  };
  for (let i = 0; i < 40_000; i++) {
    const datagram =
      random(10) === 0 ? Buffer.from(Array.from({ length: random(80) }, () => random(256))) : valid();
    const replies = bench.from('192.0.2.9', 40000)(random(3) === 0 ? datagram : mutate(datagram, random));
    for (const reply of replies) expect(reply.length).toBeLessThan(300);
  }
  expect(errors).toEqual([]);
  expect(runs).toBe(0);
  expect(victim.command(6, 1)?.completionCode).toBe(0);
  expect(victim.command(0x30, 1)?.data[0]).toBe(1);
});

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

function mutate(bytes: Uint8Array, random: (below: number) => number): Buffer {
  const changed = Buffer.from(bytes);
  for (let n = random(3); n >= 0; n--) {
    if (changed.length > 0) changed[random(changed.length)] = random(256);
  }
  if (random(4) === 0) return changed.subarray(0, random(changed.length + 1));
  if (random(8) === 0) return Buffer.concat([changed, Buffer.alloc(random(20), random(256))]);
  return changed;
}
