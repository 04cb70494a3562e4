import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encodeVmCommand,
  encodeVmMessage,
  longestFrameBytes,
  VmCommand,
  VmFrameReader,
  vmProtocolVersion,
} from '../../../../src/ipmi/in-band/vm-protocol.ts';
import { frame } from '../../../support/in-band-bench.ts';

const byte = fc.integer({ min: 0, max: 255 });
const message = fc.record({
  id: byte,
  netFn: fc.integer({ min: 0, max: 63 }),
  lun: fc.integer({ min: 0, max: 3 }),
  cmd: byte,
  data: fc.uint8Array({ maxLength: 300 }),
});

describe('the VM protocol', () => {
  test('reads what QEMU 7.2 sends for Get Device ID', () => {
    const [read] = new VmFrameReader().push(Uint8Array.of(0x00, 0x18, 0x01, 0xe7, 0xa0));
    expect(read).toEqual({ kind: 'message', id: 0, netFn: 6, lun: 0, cmd: 1, data: new Uint8Array() });
  });

  test('escapes its own marks by bit 10h, both ways', () => {
    const data = [0xa0, 0xa1, 0xaa, 0xb0];
    const wire = [0x05, 0x1c, 0x01, 0xaa, 0xb0, 0xaa, 0xb1, 0xaa, 0xba, 0xb0, 0x43, 0xa0];
    expect([...encodeVmMessage({ id: 5, netFn: 7, lun: 0, cmd: 1, data: Uint8Array.from(data) })]).toEqual(
      wire,
    );
    const [read] = new VmFrameReader().push(Uint8Array.from(wire));
    expect(read).toMatchObject({ data: Uint8Array.from(data) });
  });

  test('any message survives the way there and back, in pieces of any size', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), fc.integer({ min: 1, max: 40 }), (messages, size) => {
        const wire = messages.flatMap((each) => [...encodeVmMessage(each)]);
        const reader = new VmFrameReader();
        const read = [];
        for (let at = 0; at < wire.length; at += size) {
          read.push(...reader.push(Uint8Array.from(wire.slice(at, at + size))));
        }
        expect(read).toEqual(messages.map((each) => ({ kind: 'message', ...each })));
        expect(reader.bad).toBe(0);
      }),
    );
  });

  test('is version 1, which is said first', () => {
    expect([...encodeVmCommand(VmCommand.version, vmProtocolVersion)]).toEqual([0xff, 0x01, 0xa1]);
  });

  test('drops a frame with an escape of nothing or of another escape, and too short ones, and reads the next', () => {
    const good = [0x00, 0x18, 0x01, 0xe7, 0xa0];
    // Right but for the second escape mark in a row; one that ends in a mark; and fewer than four bytes.
    const bad = [
      [0x00, 0x18, 0xaa, 0xaa, 0x11, 0xe7, 0xa0],
      [0x00, 0x18, 0x01, 0xe7, 0xaa, 0xa0],
      [0x00, 0x18, 0xe8, 0xa0],
      [0x00, 0x00, 0xa0],
      [0x00, 0xa0],
      [0xa0],
      [0xa1],
    ];
    for (const frame of bad) {
      const reader = new VmFrameReader();
      expect(reader.push(Uint8Array.from(frame)), String(frame)).toEqual([]);
      expect(reader.bad).toBe(1);
      expect(reader.push(Uint8Array.from(good))).toHaveLength(1);
    }
  });

  test('writes what an independent sender writes', () => {
    fc.assert(
      fc.property(message, ({ id, netFn, lun, cmd, data }) => {
        expect([...encodeVmMessage({ id, netFn, lun, cmd, data })]).toEqual(
          frame(id, netFn, cmd, [...data], lun),
        );
      }),
    );
  });

  test('after any bytes at all, the next sound message is read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        const reader = new VmFrameReader();
        reader.push(bytes);
        reader.push(Uint8Array.of(0xa1));
        expect(reader.push(Uint8Array.from(frame(9, 6, 1, [0xa0])))).toEqual([
          { kind: 'message', id: 9, netFn: 6, lun: 0, cmd: 1, data: Uint8Array.of(0xa0) },
        ]);
      }),
    );
  });

  test('drops and counts what is too long, too short, wrongly summed or wrongly escaped', () => {
    const reader = new VmFrameReader();
    const bad = [
      [...Array(longestFrameBytes + 1).fill(0), 0xa0],
      [0, 0, 0xa0],
      [0, 0x18, 1, 0xe8, 0xa0],
      [0, 0x18, 1, 0xaa, 0xa0],
      [0, 0xaa, 0xaa, 0xb0, 0xa0],
      [0xa1],
    ];
    expect(reader.push(Uint8Array.from(bad.flat()))).toEqual([]);
    expect(reader.bad).toBe(bad.length);
  });

  test('commands are an opcode with arguments', () => {
    expect([...encodeVmCommand(VmCommand.version, 1)]).toEqual([0xff, 1, 0xa1]);
    expect(new VmFrameReader().push(Uint8Array.of(0x08, 0x3f, 0xa1))).toEqual([
      { kind: 'command', opcode: 8, args: Uint8Array.of(0x3f) },
    ]);
  });
});
