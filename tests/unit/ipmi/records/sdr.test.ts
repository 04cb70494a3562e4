import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnalogSensor } from '../../../../src/bmc/sensors/analog-sensor.ts';
import { fromRaw, toRaw } from '../../../../src/ipmi/records/linearization.ts';
import {
  CompactSensorBody,
  ControllerLocatorBody,
  FruLocatorBody,
  FullSensorBody,
  ownSdrs,
  SdrHeader,
  SdrType,
} from '../../../../src/ipmi/records/sdr.ts';
import { DecodeError } from '../../../../src/lib/bytes.ts';
import { type Codec, decode, encode } from '../../../../src/lib/codec.ts';
import { LanBench } from '../../../support/lan-bench.ts';

const { bmc } = new LanBench();
const records = ownSdrs(bmc, 0x9f);
const bodies: Readonly<Record<number, Codec<unknown>>> = {
  [SdrType.full]: FullSensorBody as Codec<unknown>,
  [SdrType.compact]: CompactSensorBody as Codec<unknown>,
  [SdrType.fruLocator]: FruLocatorBody as Codec<unknown>,
  [SdrType.controllerLocator]: ControllerLocatorBody as Codec<unknown>,
};

test('each record says its own ID, version 51h and its true length', () => {
  for (const { id, bytes } of records) {
    const header = decode(SdrHeader, bytes.subarray(0, 5), 'header');
    expect(header).toMatchObject({ id, version: 0x51, length: bytes.length - 5 });
  }
  expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
});

test('each record is the same after being read and written', () => {
  for (const { bytes } of records) {
    const body = bodies[bytes[3] as number];
    if (!body) throw new Error(`record type ${bytes[3]}`);
    expect(encode(body, decode(body, bytes.subarray(5), 'body'))).toEqual(bytes.subarray(5));
  }
});

test('a full record has its fields where the specification prints them', () => {
  const cpu = records.find(({ id }) => id === 0x20)?.bytes ?? new Uint8Array();
  const at = (byte: number) => cpu[byte - 1];
  expect([at(4), at(6), at(8), at(9), at(10)]).toEqual([1, 0x20, 0x20, 0x03, 0x01]);
  expect([at(11), at(12), at(13), at(14)]).toEqual([0xfb, 0x68, 0x01, 0x01]);
  // Events 0, 2, 4, 7, 9, 11; all thresholds compared, readable and settable.
  expect([at(15), at(16), at(17), at(18), at(19), at(20)]).toEqual([0x95, 0x7a, 0x95, 0x7a, 0x3f, 0x3f]);
  expect([at(21), at(22), at(24), at(25), at(26)]).toEqual([0x00, 1, 0, 1, 0]);
  expect([...cpu.subarray(31, 43)]).toEqual([40, 75, 20, 127, 0, 95, 90, 85, 1, 3, 5, 2]);
  expect(at(48)).toBe(0xc0 | 'CPU Temp'.length);
  expect(Buffer.from(cpu.subarray(48)).toString()).toBe('CPU Temp');
});

describe('any bytes', () => {
  test.each(Object.entries(bodies))('as a record of type %s are read or refused', (_type, body) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          decode(body, bytes, 'body');
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });
});

test('every raw reading of every sensor comes back as itself', () => {
  for (const sensor of bmc.sensors.list()) {
    if (!(sensor instanceof AnalogSensor)) continue;
    for (let raw = 0; raw <= 0xff; raw++) {
      expect(toRaw(sensor.definition, fromRaw(sensor.definition, raw))).toBe(raw);
    }
  }
});
