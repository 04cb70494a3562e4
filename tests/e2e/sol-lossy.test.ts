import { expect, test } from 'vitest';
import { seededRandom } from '../support/seeded-random.ts';
import { solTransfer } from '../support/sol-transfer.ts';

function noise(bytes: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length: bytes }, () => random(256));
}

const mebibyte = 1024 * 1024;

test('a mebibyte each way arrives byte for byte while the network loses, doubles and reorders 30 % each', {
  timeout: 300_000,
}, async () => {
  const [spoken, typed] = [noise(mebibyte, 1), noise(mebibyte, 2)];
  // A network that is bad, not slow: long enough to be overtaken, and no longer.
  const network = { seed: 20261121, drop: 30, duplicate: 30, reorder: 30, reorderMs: 2, resendMs: 5 };
  const {
    shown,
    taken,
    network: counters,
  } = await solTransfer({ spoken, typed, ...network, limitMs: 280_000 });
  expect(Buffer.compare(shown, spoken)).toBe(0);
  expect(Buffer.compare(taken, typed)).toBe(0);
  const all = counters.passed + counters.dropped;
  for (const count of [counters.dropped, counters.duplicated, counters.reordered]) {
    expect(count / all).toBeGreaterThan(0.1);
  }
});
