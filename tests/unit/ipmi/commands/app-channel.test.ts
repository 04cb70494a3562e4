import { describe, expect, test } from 'vitest';
import { cipherSuites } from '../../../../src/ipmi/crypto/cipher-suites.ts';
import { encodeGuid } from '../../../../src/ipmi/message/guid.ts';
import {
  ipmiRequest,
  plainPacket,
  plainPayload,
  readReply,
  v15Packet,
} from '../../../support/ipmi-client.ts';
import { type BenchOptions, LanBench } from '../../../support/lan-bench.ts';

function admin(options: BenchOptions = {}) {
  const client = new LanBench(options).loggedIn({ ...(options.kg && { kg: 'k' }) }, 4);
  return (cmd: number, ...data: number[]) => {
    const reply = client.command(6, cmd, data);
    return reply && (reply.completionCode === 0 ? [...reply.data] : reply.completionCode);
  };
}

test("Get Device ID tells version, IPMI 2.0 and nobody else's enterprise number", () => {
  expect(admin()(1)).toEqual([0x20, 1, 1, 0x23, 2, 0x9f, 0xff, 0xff, 0x0f, 1, 0, 4, 0, 0, 0]);
});

test('Get Self Test Results says 55h', () => {
  expect(admin()(4)).toEqual([0x55, 0]);
});

test('device and system GUID are the UUID in SMBIOS byte order', () => {
  const guid = [...Buffer.from('78563412bc9aef4d8123456789abcdef', 'hex')];
  expect(admin()(8)).toEqual(guid);
  expect(admin()(0x37)).toEqual(guid);
  expect(() => encodeGuid('1234')).toThrow('2 bytes, not 16');
});

describe('Get Channel Authentication Capabilities', () => {
  const ask = (options: BenchOptions, ...data: number[]) => {
    const [reply] = new LanBench(options).from()(v15Packet(ipmiRequest(6, 0x38, data)));
    const decoded = reply && readReply(reply.subarray(14));
    return decoded && (decoded.completionCode === 0 ? [...decoded.data] : decoded.completionCode);
  };
  test('offers version 2.0 with named users only', () => {
    expect(ask({}, 0x8e, 4)).toEqual([1, 0x80, 0x04, 0x02, 0, 0, 0, 0]);
    expect(ask({}, 0x81, 4)).toEqual([1, 0x80, 0x04, 0x02, 0, 0, 0, 0]);
  });
  test('asked in the old form offers nothing', () => {
    expect(ask({}, 0x0e, 4)).toEqual([1, 0, 0x04, 0, 0, 0, 0, 0]);
  });
  test('tells that a BMC key is wanted', () => {
    expect(ask({ kg: Buffer.from('k') }, 0x8e, 4)).toEqual([1, 0x80, 0x24, 0x02, 0, 0, 0, 0]);
  });
  test('of another channel or level is refused, not ignored', () => {
    expect([ask({}, 0x82, 4), ask({}, 0x80, 4), ask({}, 0x8e, 0), ask({}, 0x8e, 6)]).toEqual([
      0xcc, 0xcc, 0xcc, 0xcc,
    ]);
  });
});

describe('Get Channel Cipher Suites', () => {
  const ask = (suites: number[], ...data: number[]) => {
    const [reply] = new LanBench({ cipherSuites: suites }).from()(plainPacket(0, ipmiRequest(6, 0x54, data)));
    return [...(reply ? readReply(plainPayload(reply)).data : [])];
  };
  test('lists records with all three algorithms', () => {
    expect(ask([17, 3], 0x0e, 0, 0x80)).toEqual([1, 0xc0, 17, 3, 0x44, 0x81, 0xc0, 3, 1, 0x41, 0x81]);
    expect(ask([1], 0x01, 1, 0x80)).toEqual([1, 0xc0, 1, 1, 0x40, 0x80]);
  });
  test('comes in pieces of 16 bytes, the last one shorter', () => {
    const ids = cipherSuites.map((suite) => suite.id);
    const pieces = [0, 1, 2, 3, 4].map((index) => ask(ids, 0x0e, 0, 0x80 | index));
    expect(pieces.map((piece) => piece.length)).toEqual([17, 17, 17, 8, 1]);
    expect(ids.length * 5).toBe(16 + 16 + 16 + 7);
  });
  test('lists the algorithms each once', () => {
    expect(ask([17, 3, 2], 0x0e, 0, 0)).toEqual([1, 1, 3, 0x41, 0x44, 0x80, 0x81]);
  });
});

test('channel information and access', () => {
  const ask = admin();
  expect(ask(0x42, 0x0e)).toEqual([1, 4, 1, 0x81, 0xf2, 0x1b, 0, 0, 0]);
  expect(ask(0x42, 1)).toEqual([1, 4, 1, 0x81, 0xf2, 0x1b, 0, 0, 0]);
  expect(ask(0x42, 7)).toBe(0xcc);
  expect(ask(0x41, 0x0e, 0x40)).toEqual([2, 4]);
  expect(ask(0x41, 0x0e, 0x80)).toEqual([2, 4]);
  expect(ask(0x41, 0x0e, 0x00)).toBe(0xcc);
});

test('users as the channel sees them', () => {
  const ask = admin();
  expect(ask(0x44, 0x0e, 2)).toEqual([16, 0x44, 1, 0x14]);
  expect(ask(0x44, 1, 3)).toEqual([16, 0x44, 1, 0x13]);
  expect(ask(0x44, 1, 6)).toEqual([16, 0x84, 1, 0x11 + 3]);
  expect(ask(0x44, 1, 9)).toEqual([16, 0x84, 1, 0x1f]);
  expect(ask(0x44, 1, 1)).toEqual([16, 0x84, 1, 0x0f]);
  expect(ask(0x44, 1, 0)).toBe(0xcc);
  expect(ask(0x44, 1, 17)).toBe(0xcc);
  expect(ask(0x46, 2)).toEqual([...Buffer.from('admin'.padEnd(16, '\0'))]);
  expect(ask(0x46, 1)).toEqual(Array(16).fill(0));
  expect(ask(0x46, 17)).toBe(0xcc);
});
