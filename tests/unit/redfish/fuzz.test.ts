/**
 * Whatever is written to whatever can be written, called on whatever action there is: never a 5xx, always a message of a
 * registry, and nothing has changed when the answer is a refusal. More of it: `npm run fuzz -- http`.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { bodyOf, RedfishFuzz, type Schema, stateOf } from '../../support/redfish-fuzz.ts';
import { redfishTargets } from '../../support/redfish-targets.ts';

const runs = 40;

describe.each(await redfishTargets())('$title', ({ method, uri, schema }) => {
  let bench: RedfishBench;
  beforeAll(async () => {
    bench = new RedfishBench();
    await bench.start();
  });
  afterAll(() => bench.stop());

  it('takes it or refuses it, and a refusal changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(bodyOf(schema as Schema), async (body) => {
        const admin = bench.bmc.users.get(2);
        if (!admin) throw new Error('the administrator has gone');
        const { token, session } = bench.sessions.open(admin, '192.0.2.9');
        const before = stateOf(bench);
        const reply = await bench.ask(method, uri, {
          body,
          as: undefined,
          headers: { 'x-auth-token': token },
        });
        const after = stateOf(bench);
        bench.sessions.end(session.id, { name: 'bench', face: 'bmc' });
        expect(reply.status, reply.text).toBeLessThan(500);
        if (reply.status < 400) return;
        const told = reply.body.error['@Message.ExtendedInfo'];
        expect(told.length).toBeGreaterThan(0);
        for (const { MessageId: id, Message: text, Resolution: resolution } of told) {
          expect(id).toMatch(/^\w+\.\d+\.\d+\.\w+$/);
          expect(text.length).toBeLessThan(1000);
          expect(resolution).toBeTypeOf('string');
        }
        expect(after).toBe(before);
      }),
      { numRuns: runs },
    );
  });
});

describe('requests that are wrong in any of their parts', () => {
  it('are answered in the words of a registry, and change nothing when refused', {
    timeout: 120_000,
  }, async () => {
    const { requests, taken, refused } = await new RedfishFuzz(7).run(2000);
    expect(requests).toBeGreaterThanOrEqual(2000);
    // Both get tested.
    expect(Math.min(taken, refused)).toBeGreaterThan(requests / 10);
  });
});
