import fc from 'fast-check';
import { expect, test } from 'vitest';
import { meterWindowMs, PowerMeter } from '../../../../src/bmc/sensors/power-meter.ts';

test('knows nothing before its first measurement', () => {
  expect(new PowerMeter().statistics(1000, 1000)).toBeUndefined();
});

test('weights by time, and what held at the start of the window counts', () => {
  const meter = new PowerMeter();
  meter.record(0, 10);
  meter.record(60_000, 50);
  meter.record(80_000, 30);
  expect(meter.statistics(100_000, 60_000)).toEqual({
    minimum: 10,
    maximum: 50,
    average: (20 * 10 + 20 * 50 + 20 * 30) / 60,
    periodMs: 60_000,
  });
  expect(meter.statistics(100_000, 10_000)).toEqual({
    minimum: 30,
    maximum: 30,
    average: 30,
    periodMs: 10_000,
  });
});

test('says how far it really reaches back', () => {
  const meter = new PowerMeter();
  meter.record(5_000, 20);
  expect(meter.statistics(8_000, 60_000)).toEqual({ minimum: 20, maximum: 20, average: 20, periodMs: 3_000 });
});

test('agrees with a sum over every millisecond', () => {
  const step = fc.record({ gap: fc.integer({ min: 1, max: 40 }), watts: fc.integer({ min: 1, max: 500 }) });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 300 }),
      (steps, windowMs) => {
        const meter = new PowerMeter();
        const each: number[] = [];
        for (const { gap, watts } of steps) {
          meter.record(each.length, watts);
          for (let ms = 0; ms < gap; ms++) each.push(watts);
        }
        const seen = each.slice(-windowMs);
        const found = meter.statistics(each.length, windowMs);
        expect(found?.periodMs).toBe(seen.length);
        expect(found?.minimum).toBe(Math.min(...seen));
        expect(found?.maximum).toBe(Math.max(...seen));
        expect(found?.average).toBeCloseTo(seen.reduce((sum, watts) => sum + watts, 0) / seen.length, 6);
      },
    ),
  );
});

test('forgets what is older than its window, but for the step that held then', () => {
  const meter = new PowerMeter();
  for (let at = 0; at <= 2 * meterWindowMs; at += 10_000) meter.record(at, at / 1000);
  const found = meter.statistics(2 * meterWindowMs, 2 * meterWindowMs);
  expect(found?.periodMs).toBe(meterWindowMs);
});
