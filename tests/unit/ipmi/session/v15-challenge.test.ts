import { describe, expect, it } from 'vitest';
import { challengeLifetimeMs, V15Challenges } from '../../../../src/ipmi/session/v15-challenge.ts';
import { systemRandom } from '../../../../src/lib/random.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';

const remote = { address: '192.0.2.1', port: 40_000 };

function bench() {
  const clock = new ScriptedClock();
  return { clock, challenges: new V15Challenges(clock, systemRandom()) };
}

describe('a temporary session ID', () => {
  it('leads back to its user, whatever the random bits, and shows nobody else which one that is', () => {
    const { challenges } = bench();
    const seeds = Array.from({ length: 64 }, (_, i) => (i * 0x9e37_79b1) >>> 0);
    for (let id = 1; id <= 16; id++) {
      for (const seed of seeds) expect(challenges.userIdOf(challenges.sessionIdFor(id, seed))).toBe(id);
    }
    const lowBits = new Set(seeds.map((seed) => challenges.sessionIdFor(2, seed) & 0x0f));
    expect(lowBits.size).toBeGreaterThan(8);
  });

  it('is a number of 32 bits without a sign, with the upper 28 random ones as they came', () => {
    const { challenges } = bench();
    const id = challenges.sessionIdFor(16, 0xffff_ffff);
    expect(id).toBeGreaterThanOrEqual(0xffff_fff0);
    expect(id).toBeLessThanOrEqual(0xffff_ffff);
    expect(challenges.sessionIdFor(2, 0x1234_5670) >>> 4).toBe(0x0123_4567);
  });
});

describe('a challenge', () => {
  it('is good for its ID, address and port alone, and of the BMC that gave it', () => {
    const { challenges } = bench();
    const given = challenges.challenge(0x1000, remote);
    expect(given).toHaveLength(16);
    expect(challenges.isValid(0x1000, given, remote)).toBe(true);
    expect(challenges.isValid(0x1001, given, remote)).toBe(false);
    expect(challenges.isValid(0x1000, given, { ...remote, port: 40_001 })).toBe(false);
    expect(challenges.isValid(0x1000, given, { ...remote, address: '192.0.2.2' })).toBe(false);
    expect(challenges.isValid(0x1000, given.subarray(1), remote)).toBe(false);
    expect(bench().challenges.isValid(0x1000, given, remote)).toBe(false);
  });

  it('lives for ten seconds at least and for twenty at most', () => {
    for (const begun of [0, 5000, 9999]) {
      const { clock, challenges } = bench();
      clock.advance(challengeLifetimeMs - (clock.now() % challengeLifetimeMs) + begun);
      const given = challenges.challenge(0x1000, remote);
      clock.advance(challengeLifetimeMs);
      expect(challenges.isValid(0x1000, given, remote), `begun at ${begun}`).toBe(true);
      clock.advance(challengeLifetimeMs);
      expect(challenges.isValid(0x1000, given, remote), `begun at ${begun}`).toBe(false);
    }
  });

  it('that was used is used for as long as it could live, however many others are', () => {
    const { clock, challenges } = bench();
    const given = challenges.challenge(0x1000, remote);
    challenges.use(0x1000);
    expect(challenges.isValid(0x1000, given, remote)).toBe(false);
    for (let second = 1; second < 20; second++) {
      clock.advance(1000);
      challenges.use(0x2000 + second);
      expect(challenges.isValid(0x1000, challenges.challenge(0x1000, remote), remote)).toBe(false);
    }
    clock.advance(1000);
    challenges.use(0x3000);
    // Forgotten: the same ID may be given out again, and what was given out first has long expired.
    expect(challenges.isValid(0x1000, challenges.challenge(0x1000, remote), remote)).toBe(true);
    expect(challenges.isValid(0x1000, given, remote)).toBe(false);
    expect(challenges.isValid(0x2001, challenges.challenge(0x2001, remote), remote)).toBe(false);
  });
});
