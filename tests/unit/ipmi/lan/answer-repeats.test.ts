import { expect, test } from 'vitest';
import type { IpmiClient } from '../../../support/ipmi-client.ts';
import { LanBench } from '../../../support/lan-bench.ts';

const openResponse = 0x11;
const rakp2 = 0x13;
const rakp4 = 0x15;

/** Payload types and bytes of what was sent without being asked for. */
function unasked(bench: LanBench, ms: number): Uint8Array[] {
  bench.sent.length = 0;
  bench.clock.advance(ms);
  return bench.sent.map(({ datagram }) => datagram);
}

/** The steps of a login, each of which returns its answer. */
function stepsOf(client: IpmiClient): (() => Uint8Array | undefined)[] {
  const exchange = (datagram: Uint8Array) => client.exchange(datagram)[0];
  return [
    () => {
      const answer = exchange(client.openRequest(1));
      if (answer) client.takeOpenResponse(answer);
      return answer;
    },
    () => {
      const answer = exchange(client.rakp1(2));
      if (answer) client.takeRakp2(answer);
      return answer;
    },
    () => {
      const answer = exchange(client.rakp3(3));
      if (answer) client.takeRakp4(answer);
      return answer;
    },
  ];
}

test.each([
  ['Open Session Response', 0, openResponse],
  ['RAKP 2', 1, rakp2],
  ['RAKP 4', 2, rakp4],
] as const)('%s comes once more to a console that does not go on', (_name, last, payloadType) => {
  const bench = new LanBench();
  const steps = stepsOf(bench.client());
  let answer: Uint8Array | undefined;
  for (const step of steps.slice(0, last + 1)) answer = step();
  expect(answer?.[5]).toBe(payloadType);
  expect(unasked(bench, 699)).toEqual([]);
  expect(unasked(bench, 1)).toEqual([answer]);
  expect(unasked(bench, 5000)).toEqual([]);
});

test('nothing comes twice to a console that goes on within 700 ms, nor to one that is refused', () => {
  const bench = new LanBench();
  const client = bench.client();
  for (const step of stepsOf(client)) {
    expect(step()?.[17]).toBe(0);
    expect(unasked(bench, 600)).toEqual([]);
  }
  client.command(6, 1);
  expect(unasked(bench, 5000)).toEqual([]);
  const [open, rakp1] = stepsOf(bench.client({ user: 'nobody' }));
  open?.();
  expect(rakp1?.()?.[17]).toBe(0x0d);
  expect(unasked(bench, 5000)).toEqual([]);
});

test('nothing comes twice while many log in, be it in earnest or from forged addresses', () => {
  const bench = new LanBench();
  for (let i = 0; i < 1000; i++) {
    const exchange = bench.from(`192.0.2.${i % 250}`, 1024 + i);
    expect(exchange(bench.client({}, exchange).openRequest(1))).toHaveLength(1);
  }
  expect(unasked(bench, 10_000)).toEqual([]);
  stepsOf(bench.client())[0]?.();
  expect(unasked(bench, 10_000)).toHaveLength(1);
});

test('nothing comes any more when the BMC stops', () => {
  const bench = new LanBench();
  stepsOf(bench.client())[0]?.();
  bench.face.stop();
  expect(unasked(bench, 5000)).toEqual([]);
});
