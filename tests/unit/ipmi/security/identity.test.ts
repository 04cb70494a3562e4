import { expect, test } from 'vitest';
import { randomNumber } from '../../../../src/ipmi/lan/logins.ts';
import { systemRandom } from '../../../../src/lib/random.ts';
import type { IpmiClient } from '../../../support/ipmi-client.ts';
import { LanBench } from '../../../support/lan-bench.ts';

/** Of 255 degrees of freedom: more than this comes once in 10,000 times. */
const chiSquaredLimit = 347.7;

test('a million session IDs have no 0 among them and bytes that are evenly spread', () => {
  const ids = 1_000_000;
  /** By byte of the ID, then by its value. */
  const draw = (): number[] => {
    const random = systemRandom();
    const counts = Array.from({ length: 4 }, () => new Uint32Array(256));
    for (let i = 0; i < ids; i++) {
      const id = randomNumber(random);
      if (id === 0) throw new Error('an ID of 0');
      counts.forEach((count, byte) => {
        const value = (id >>> (8 * byte)) & 0xff;
        count[value] = (count[value] ?? 0) + 1;
      });
    }
    return counts.map((count) => count.reduce((sum, n) => sum + (n - ids / 256) ** 2 / (ids / 256), 0));
  };
  // What comes by chance once in 2,500 times does not come three times running.
  const outcomes: number[][] = [];
  do outcomes.push(draw());
  while (outcomes.length < 3 && outcomes.at(-1)?.some((value) => value > chiSquaredLimit));
  expect(Math.max(...(outcomes.at(-1) ?? []))).toBeLessThan(chiSquaredLimit);
});

test('an ID that a handshake or a session has is not given out again, even if it is drawn again', () => {
  const system = systemRandom();
  const [first, second] = [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5, 6, 7, 8)];
  let drawn: Uint8Array[] = [];
  const bench = new LanBench({
    random: { bytes: (length) => (length === 4 ? drawn.shift() : undefined) ?? system.bytes(length) },
  });
  const idOf = (client: IpmiClient, ...draws: Uint8Array[]) => {
    drawn = draws;
    client.takeOpenResponse(client.exchange(client.openRequest())[0] ?? Buffer.alloc(0));
    expect(drawn).toEqual([]);
    return client.managedSid;
  };
  const one = bench.client();
  expect(idOf(one, first)).toBe(0x04030201);
  expect(idOf(bench.client({}, bench.from('192.0.2.2')), first, second)).toBe(0x08070605);
  one.takeRakp2(one.exchange(one.rakp1())[0] ?? Buffer.alloc(0));
  expect(one.takeRakp4(one.exchange(one.rakp3())[0] ?? Buffer.alloc(0))).toBe(0);
  // What its handshake has left goes; the session stays.
  for (let silent = 0; silent < 10; silent++) {
    bench.clock.advance(1000);
    expect(one.command(6, 1)?.completionCode).toBe(0);
  }
  expect(bench.face.halfOpenCount).toBe(0);
  expect(idOf(bench.client({}, bench.from('192.0.2.3')), first, second)).toBe(0x08070605);
});

test('4,000 handshakes on their way have as many IDs', () => {
  const bench = new LanBench();
  const live = new Set<number>();
  for (let i = 0; i < 4000; i++) {
    const client = bench.client({}, bench.from(`203.0.${i >> 8}.${i & 255}`));
    expect(client.takeOpenResponse(client.exchange(client.openRequest())[0] ?? Buffer.alloc(0))).toBe(0);
    live.add(client.managedSid);
  }
  expect(live.size).toBe(4000);
  expect(bench.face.halfOpenCount).toBe(4000);
});
