import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cold,
  fanLevels,
  fanRpm,
  maximumWatts,
  standbyWatts,
  warmed,
  watts,
} from '../../../../src/bmc/sensors/model.ts';

const load = fc.double({ min: 0, max: 1, noNaN: true });
const hourMs = 3_600_000;

describe('power', () => {
  test('is standby alone while the machine is off', () => {
    expect(watts(64, undefined)).toBe(standbyWatts);
  });

  test('grows with load and processors, and never beyond the maximum', () => {
    fc.assert(
      fc.property(load, load, fc.integer({ min: 1, max: 255 }), (a, b, cpus) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        expect(watts(cpus, low)).toBeLessThanOrEqual(watts(cpus, high));
        expect(watts(cpus, high)).toBeLessThan(watts(cpus + 1, high));
        expect(watts(cpus, high)).toBeLessThanOrEqual(maximumWatts(cpus));
        expect(watts(cpus, low)).toBeGreaterThan(standbyWatts);
      }),
    );
  });
});

describe('temperature', () => {
  test('after two spans is what it is after both at once', () => {
    const span = fc.integer({ min: 0, max: hourMs });
    fc.assert(
      fc.property(load, span, span, (busy, first, second) => {
        const inTwo = warmed(warmed(cold, busy, first), busy, second);
        const atOnce = warmed(cold, busy, first + second);
        expect(inTwo.cpuC).toBeCloseTo(atOnce.cpuC, 6);
        expect(inTwo.boardC).toBeCloseTo(atOnce.boardC, 6);
      }),
    );
  });

  test('settles between the air and 75 °C, higher under load', () => {
    const idle = warmed(cold, 0, hourMs);
    const busy = warmed(cold, 1, hourMs);
    expect(idle.cpuC).toBeCloseTo(35, 1);
    expect(busy.cpuC).toBeCloseTo(75, 1);
    expect(busy.boardC).toBeCloseTo(37, 1);
  });

  test('goes back to that of the air while the machine is off', () => {
    expect(warmed({ cpuC: 80, boardC: 40 }, undefined, hourMs)).toEqual({
      cpuC: expect.closeTo(cold.cpuC, 3),
      boardC: expect.closeTo(cold.boardC, 3),
    });
  });
});

describe('fans', () => {
  const levelsAfter = (...temperatures: number[]) =>
    temperatures.reduce((levels, cpuC) => fanLevels(levels, { cpuC, boardC: 25 }), { cpu: 0, system: 0 });

  test('take a step up as soon as it is due, and down only 3 °C below', () => {
    expect(levelsAfter(47).cpu).toBe(0);
    expect(levelsAfter(48).cpu).toBe(1);
    expect(levelsAfter(48, 46).cpu).toBe(1);
    expect(levelsAfter(48, 44).cpu).toBe(0);
    expect(levelsAfter(80).cpu).toBe(3);
    expect(levelsAfter(80, 30).cpu).toBe(0);
  });

  test('turn faster at every step', () => {
    const speeds = [0, 1, 2, 3].map(fanRpm);
    expect(speeds).toEqual([...speeds].sort((a, b) => a - b));
    expect(new Set(speeds).size).toBe(4);
  });
});
