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

  it('of endless names is not forgotten, whatever their length, and costs other names nothing at first', () => {
    const { throttle, fail } = bench();
    fail(9);
    const long = 'x'.repeat(100_000);
    fail(9, near, long);
    expect(throttle.waitMs(near, long)).toBe(16_000);
    for (let i = 0; i < 10_000; i++) fail(1, near, `name ${i}`);
    expect(throttle.waitMs(near, 'admin')).toBe(16_000);
    // The first eight are counted for themselves, all others as one.
    expect(throttle.waitMs(near, 'name 3')).toBe(0);
    expect(throttle.waitMs(near, 'name 9999')).toBe(60_000);
    expect(throttle.waitMs(near, 'never tried')).toBe(60_000);
    expect(throttle.waitMs(far, 'never tried')).toBe(0);
  });

  it('of a ninth name and further ones is counted together, and under no name that somebody could try', () => {
    const { throttle, fail } = bench();
    const stars = [31, 32, 40].map((length) => '*'.repeat(length));
    for (const name of stars.slice(0, 2)) fail(1, near, name);
    for (let i = 2; i < 8; i++) fail(1, near, `name ${i}`);
    fail(3, near, 'ninth');
    expect(throttle.waitMs(near, 'ninth')).toBe(0);
    fail(2, near, 'tenth');
    expect(['ninth', 'tenth', 'eleventh'].map((name) => throttle.waitMs(near, name))).toEqual([
      1000, 1000, 1000,
    ]);
    expect(stars.map((name) => throttle.waitMs(near, name))).toEqual([0, 0, 0]);
  });

  it('is told apart by the first 32 characters of a name, and by no more', () => {
    const { throttle, fail } = bench();
    const start = 'x'.repeat(31);
    fail(9, near, `${start}ab`);
    expect(throttle.waitMs(near, `${start}ac`)).toBe(16_000);
    expect(throttle.waitMs(near, `${start}ba`)).toBe(0);
    expect(throttle.waitMs(near, start)).toBe(0);
  });

  it('from endless sources takes bounded room: the source that failed longest ago goes first', () => {
    const { throttle, fail } = bench();
    fail(9);
    for (let i = 0; i < 4095; i++) fail(1, `203.0.${i >> 8}.${i & 255}`, 'x');
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

describe('guessing from many sources', () => {
  /** Each source is wrong as often as it may, for an hour. @returns how often it was all in all */
  function attack(sources: number): { readonly tries: number; readonly bench: ReturnType<typeof bench> } {
    const made = bench();
    let tries = 0;
    for (let minute = 0; minute < 60; minute++) {
      if (minute > 0) made.clock.advance(60_000);
      for (let i = 0; i < sources; i++) {
        const source = `198.51.${i >> 8}.${i & 255}`;
        while (made.throttle.waitMs(source, 'admin') === 0) {
          made.throttle.failed(source, 'admin');
          tries++;
        }
      }
    }
    return { tries, bench: made };
  }

  it.each([1, 2, 20, 100])('comes to 100 tries an hour for one name: %i of them', (sources) => {
    const { tries } = attack(sources);
    expect(tries).toBeGreaterThan(50);
    expect(tries).toBeLessThanOrEqual(100 + sources - 1);
  });

  it('comes to one try for each source beyond, 3,000 of them, and not to one more', () => {
    expect(attack(3000).tries).toBeLessThanOrEqual(100 + 3000);
  });

  it('leaves a source that nothing is held against its try, and other names alone', () => {
    const {
      bench: { throttle },
    } = attack(1000);
    expect(throttle.waitMs(far, 'admin')).toBe(0);
    expect(throttle.waitMs('198.51.0.1', 'guest')).toBe(0);
    expect(throttle.waitMs('198.51.0.1', 'admin')).toBeGreaterThan(0);
  });

  it('binds a source that was right before by its own mistakes only', () => {
    const { clock, throttle, fail } = bench();
    throttle.succeeded(near, 'admin');
    for (let i = 0; i < 200; i++) fail(1, `198.51.100.${i}`);
    fail(1, near);
    fail(1, far);
    expect(throttle.waitMs(near, 'admin')).toBe(0);
    expect(throttle.waitMs(far, 'admin')).toBe(3_600_000);
    clock.advance(3_600_000);
    expect(throttle.waitMs(far, 'admin')).toBe(0);
  });

  it('binds the 65th source back that was right, the one that was so last longest ago', () => {
    const { throttle, fail } = bench();
    for (let i = 0; i < 100; i++) fail(1, `198.51.100.${i}`);
    throttle.succeeded(near, 'admin');
    throttle.succeeded(far, 'admin');
    throttle.succeeded(near, 'admin');
    for (let i = 0; i < 62; i++) throttle.succeeded(`203.0.113.${i}`, 'admin');
    fail(1, near);
    fail(1, far);
    expect([near, far].map((source) => throttle.waitMs(source, 'admin'))).toEqual([0, 0]);
    throttle.succeeded('203.0.113.62', 'admin');
    expect([near, far].map((source) => throttle.waitMs(source, 'admin'))).toEqual([0, 3_600_000]);
    throttle.succeeded('203.0.113.63', 'admin');
    expect(throttle.waitMs(near, 'admin')).toBe(3_600_000);
  });

  it('is kept for 1,024 names, of which the one that was wrong longest ago goes first', () => {
    const { throttle, fail } = bench();
    const waitMs = (name: string) => throttle.waitMs('198.51.100.1', name);
    for (const name of ['first', 'second']) {
      for (let i = 0; i < 100; i++) fail(1, `198.51.100.${i}`, name);
    }
    for (let i = 0; i < 1022; i++) fail(1, `203.0.${i >> 8}.${i & 255}`, `nobody ${i}`);
    expect(['first', 'second'].map(waitMs)).toEqual([3_600_000, 3_600_000]);
    fail(1, '203.0.113.1', 'one more');
    expect(['first', 'second'].map(waitMs)).toEqual([0, 3_600_000]);
  });

  it('is not forgotten for the name of a user, however many other names are tried', () => {
    const clock = new ScriptedClock();
    const throttle = new GuessThrottle(clock, (name) => name === 'admin');
    for (let i = 0; i < 100; i++) throttle.failed(`198.51.100.${i}`, 'admin');
    for (let i = 0; i < 3000; i++) throttle.failed(`203.0.${i >> 8}.${i & 255}`, `nobody ${i}`);
    expect(throttle.waitMs('198.51.100.1', 'admin')).toBe(3_600_000);
  });

  it('is held against a source for an hour after its own mistake, whatever others do, and not longer', () => {
    const { clock, throttle, fail } = bench();
    fail(1);
    clock.advance(1_800_000);
    for (let i = 0; i < 100; i++) fail(1, `198.51.100.${i}`);
    clock.advance(1_799_999);
    expect(throttle.waitMs(near, 'admin')).toBe(1_800_001);
    clock.advance(1);
    expect(throttle.waitMs(near, 'admin')).toBe(0);
  });

  it('waits until the oldest of the hundred is an hour ago, to the millisecond', () => {
    const { clock, throttle, fail } = bench();
    for (let i = 0; i < 99; i++) fail(1, `198.51.100.${i}`);
    clock.advance(1_800_000);
    expect(throttle.waitMs('198.51.100.7', 'admin')).toBe(0);
    fail(1);
    expect(throttle.waitMs(near, 'admin')).toBe(1_800_000);
    clock.advance(1_800_000);
    expect(throttle.waitMs(near, 'admin')).toBe(0);
  });

  it('is counted for 1,024 names that nobody has: the one that was wrong longest ago goes first', () => {
    const { throttle, fail } = bench();
    const others = (from: number, count: number) => {
      for (let i = from; i < from + count; i++) fail(1, `203.0.${i >> 8}.${i & 255}`, `nobody ${i}`);
    };
    for (let i = 0; i < 100; i++) fail(1, `198.51.100.${i}`);
    others(0, 1023);
    expect(throttle.waitMs('198.51.100.1', 'admin')).toBe(3_600_000);
    // Wrong once more, and so the latest again.
    fail(1, '198.51.100.200');
    others(2000, 1023);
    expect(throttle.waitMs('198.51.100.1', 'admin')).toBe(3_600_000);
    others(4000, 1);
    expect(throttle.waitMs('198.51.100.1', 'admin')).toBe(0);
  });
});
