import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventFilter, matches } from '../../../src/bmc/event-filter.ts';
import { alertAlways, anyData as any, osStopped as event } from '../../support/event-filters.ts';

describe('a filter', () => {
  it.each<[string, Partial<EventFilter>, boolean]>([
    ['for everything', {}, true],
    ['for the sensor type', { sensorType: 0x20 }, true],
    ['for another sensor type', { sensorType: 0x21 }, false],
    ['for the sensor', { sensorNumber: 0x05 }, true],
    ['for another sensor', { sensorNumber: 0x06 }, false],
    ['for the generator', { generatorAddress: 0x20, generatorChannel: 0 }, true],
    ['for another generator', { generatorAddress: 0x81 }, false],
    ['for another channel', { generatorChannel: 0x10 }, false],
    ['for the trigger', { trigger: 0x6f }, true],
    ['for the end of the state', { trigger: 0xef }, false],
    ['for the offset', { offsets: 0b10 }, true],
    ['for other offsets', { offsets: 0xfffd }, false],
    ['for all of some bits', { data: [{ mask: 0x0f, exact: 0x0f, value: 0x01 }, any, any] }, true],
    ['for all of other bits', { data: [{ mask: 0x0f, exact: 0x0f, value: 0x03 }, any, any] }, false],
    ['for one of some bits', { data: [{ mask: 0x03, exact: 0, value: 0x03 }, any, any] }, true],
    ['for one of bits that are not so', { data: [{ mask: 0x02, exact: 0, value: 0x02 }, any, any] }, false],
    ['for bits of byte 3', { data: [any, any, { mask: 0xff, exact: 0xff, value: 0xfe }] }, false],
  ])('%s applies as it should', (_what, change, expected) => {
    expect(matches({ ...alertAlways, ...change }, event)).toBe(expected);
  });

  it('compares event data bit by bit, as §17.7 tells it', () => {
    const byte = fc.nat(0xff);
    const bits = [0, 1, 2, 3, 4, 5, 6, 7];
    const match = fc.record({ mask: byte, exact: byte, value: byte });
    fc.assert(
      fc.property(fc.tuple(byte, byte, byte), fc.tuple(match, match, match), (data, conditions) => {
        const expected = conditions.every(({ mask, exact, value }, index) => {
          const isSet = (of: number, bit: number) => ((of >> bit) & 1) === 1;
          const counted = bits.filter((bit) => isSet(mask, bit));
          const equal = (bit: number) => isSet(data[index] ?? 0, bit) === isSet(value, bit);
          const oneOf = counted.filter((bit) => !isSet(exact, bit));
          return (
            counted.filter((bit) => isSet(exact, bit)).every(equal) &&
            (oneOf.length === 0 || oneOf.some(equal))
          );
        });
        expect(matches({ ...alertAlways, data: conditions }, { ...event, data })).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });
});
