import { describe, expect, it } from 'vitest';
import { GuessThrottle } from '../../../src/bmc/guess-throttle.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const [near, far] = ['192.0.2.1', '192.0.2.2'];

function bench() {
  const clock = new ScriptedClock();
  const throttle = new GuessThrottle(clock);
  const fail = (times: number, source = near, name = 'admin') => {
    for (let i = 0; i < times; i++) throttle.failed(source, name);
  };
  return { clock, throttle, fail };
}

describe('guessing', () => {
  it('is free five times, then waits 1 s, twice as long each time, 60 s at most', () => {
    const { clock, throttle, fail } = bench();
    fail(4);
    expect(throttle.waitMs(near, 'admin')).toBe(0);
    const waits = Array.from({ length: 10 }, () => {
      fail(1);
      const wait = throttle.waitMs(near, 'admin');
      clock.advance(wait - 1);
      expect(throttle.waitMs(near, 'admin')).toBe(1);
      clock.advance(1);
      expect(throttle.waitMs(near, 'admin')).toBe(0);
      return wait;
    });
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]);
  });

  it('comes to at most 100 tries an hour from one source for one name', () => {
    const { clock, throttle, fail } = bench();
    let tries = 0;
    for (
      const end = clock.now() + 3_600_000;
      clock.now() < end;
      clock.advance(throttle.waitMs(near, 'admin'))
    ) {
      fail(1);
      tries++;
    }
    expect(tries).toBeLessThanOrEqual(100);
    expect(tries).toBeGreaterThan(50);
  });

  it('from one source slows down no other source, and no other name', () => {
    const { throttle, fail } = bench();
    fail(20);
    expect(throttle.waitMs(near, 'admin')).toBe(60_000);
    expect(throttle.waitMs(far, 'admin')).toBe(0);
    expect(throttle.waitMs(near, 'guest')).toBe(0);
  });

  it('over IPv4 is the same source whichever socket it came through', () => {
    const { throttle, fail } = bench();
    fail(3, near);
    fail(3, `::ffff:${near}`);
    expect(throttle.waitMs(near, 'admin')).toBe(2000);
    expect(throttle.waitMs(`::FFFF:${near}`, 'admin')).toBe(2000);
    expect(throttle.waitMs('::1', 'admin')).toBe(0);
  });

  it('is forgotten after a right password, a change of the user, and ten quiet minutes', () => {
    const { clock, throttle, fail } = bench();
    fail(9);
    throttle.succeeded(near, 'admin');
    expect(throttle.waitMs(near, 'admin')).toBe(0);
    fail(9, near);
    fail(9, far);
    fail(9, near, 'guest');
    throttle.forget('admin');
    expect([near, far].map((source) => throttle.waitMs(source, 'admin'))).toEqual([0, 0]);
    expect(throttle.waitMs(near, 'guest')).toBe(16_000);
    clock.advance(600_000);
    fail(1, near, 'guest');
    expect(throttle.waitMs(near, 'guest')).toBe(0);
  });

  it('of endless names and sources takes bounded room, and names of any length', () => {
    const { throttle, fail } = bench();
    fail(9);
    const long = 'x'.repeat(100_000);
    fail(9, near, long);
    expect(throttle.waitMs(near, long)).toBe(16_000);
    for (let i = 0; i < 4094; i++) fail(1, `192.0.2.${i}`, 'x');
    expect(throttle.waitMs(near, 'admin')).toBe(16_000);
    fail(1, '198.51.100.1', 'x');
    expect(throttle.waitMs(near, 'admin')).toBe(0);
  });

  it('does not notice when the wall clock jumps', () => {
    const { clock, throttle, fail } = bench();
    fail(6);
    clock.jumpWallTime(10 * 365 * 86_400_000);
    expect(throttle.waitMs(near, 'admin')).toBe(2000);
  });
});
