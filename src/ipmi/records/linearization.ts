/**
 * Readings as single bytes: y = M × x, with M the sensor's resolution. B and the exponents are 0, for all our
 * quantities begin at 0 and have whole numbers as steps. IPMI 2.0 §36.3.
 */
import type { AnalogDefinition } from '../../bmc/sensors/sensor.ts';
import { bits8, struct, u8 } from '../../lib/codec.ts';

const highestRaw = 0xff;

/** The nearest byte; values beyond the range become its end. */
export function toRaw({ resolution }: AnalogDefinition, value: number): number {
  return Math.min(highestRaw, Math.max(0, Math.round(value / resolution)));
}

export function fromRaw({ resolution }: AnalogDefinition, raw: number): number {
  return raw * resolution;
}

/** The factors as SDRs and Get Sensor Reading Factors hold them: six bytes. Table 43-1 bytes 25 to 30. */
export const ReadingFactors = struct({
  mLow: u8,
  mHigh: bits8(['bits', 2], ['tolerance', 6]),
  bLow: u8,
  bHigh: bits8(['bits', 2], ['accuracyLow', 6]),
  accuracy: bits8(['high', 4], ['exponent', 2], ['direction', 2]),
  exponents: bits8(['result', 4], ['b', 4]),
});

/** @throws {RangeError} for a resolution that is not a whole number below 512 */
export function readingFactors({ resolution }: AnalogDefinition) {
  // M has ten bits, one of them the sign.
  if (!Number.isInteger(resolution) || resolution < 1 || resolution > 511) {
    throw new RangeError(`resolution ${resolution}: not a whole number from 1 to 511`);
  }
  return {
    mLow: resolution & 0xff,
    mHigh: { bits: resolution >> 8, tolerance: 0 },
    bLow: 0,
    bHigh: { bits: 0, accuracyLow: 0 },
    accuracy: { high: 0, exponent: 0, direction: 0 },
    exponents: { result: 0, b: 0 },
  };
}
