import { describe, expect, test } from 'vitest';
import type { IpmiRequest } from '../../../../src/ipmi/message/message.ts';
import { RequestCache } from '../../../../src/ipmi/session/request-cache.ts';

function request(rqSeq: number, data: readonly number[] = [], cmd = 1): IpmiRequest {
  return {
    rsAddr: 0x20,
    netFn: 6,
    rsLun: 0,
    rqAddr: 0x81,
    rqSeq,
    rqLun: 0,
    cmd,
    data: Uint8Array.from(data),
  };
}

function reply(length: number, first = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (first + index) & 0xff);
}

describe('the requests that a session remembers', () => {
  test('are running until they are answered, and then have that answer', () => {
    const cache = new RequestCache();
    const asked = request(1);
    expect(cache.find(asked, 0)).toBeUndefined();
    const ticket = cache.add(asked, 0);
    expect(cache.find(asked, 10)).toBe('running');
    cache.answered(ticket, reply(23));
    expect(cache.find(asked, 20)).toEqual(reply(23));
  });

  test('differ by their number, their command and each byte of their data', () => {
    const cache = new RequestCache();
    cache.answered(cache.add(request(1, [7, 8]), 0), reply(9));
    expect(cache.find(request(1, [7, 8]), 0)).toEqual(reply(9));
    for (const other of [
      request(2, [7, 8]),
      request(1, [7, 8], 2),
      request(1, [7, 9]),
      request(1, [7]),
      request(1, [7, 8, 0]),
      request(1),
    ]) {
      expect(cache.find(other, 0)).toBeUndefined();
    }
  });

  test('are told apart by each bit of their fields, whatever the others are', () => {
    const widths = { netFn: 6, rsLun: 2, rqAddr: 8, rqSeq: 6, rqLun: 2, cmd: 8 } as const;
    const fields = Object.keys(widths) as (keyof typeof widths)[];
    for (const fill of [0, 0xff]) {
      const base = {
        ...request(0),
        ...Object.fromEntries(fields.map((field) => [field, fill & ((1 << widths[field]) - 1)])),
      };
      const cache = new RequestCache();
      cache.add(base, 0);
      expect(cache.find(base, 1)).toBe('running');
      for (const field of fields) {
        for (let bit = 0; bit < widths[field]; bit++) {
          const other = { ...base, [field]: base[field] ^ (1 << bit) };
          expect(cache.find(other, 1), `${field}, bit ${bit}`).toBeUndefined();
        }
      }
    }
  });

  test('include the latest one of a console that counts up past 63 for as long as it takes, and no other', () => {
    const cache = new RequestCache();
    cache.add(request(63), 0);
    cache.add(request(0), 0);
    expect(cache.find(request(0), 1_000_000)).toBe('running');
    expect(cache.find(request(63), 1_000_000)).toBeUndefined();
    cache.add(request(9), 0);
    expect(cache.find(request(9), 5000)).toBeUndefined();
  });

  test.each([0, 1, 20, 43, 44, 45, 300])(
    'keep data of %i bytes apart from replies of any length',
    (length) => {
      const cache = new RequestCache();
      const data = [...reply(length, 100)];
      // Three times around: places that a long one has had serve a short one again, and the other way.
      for (let n = 0; n < 24; n++) {
        const bytes = reply([8, 44 - length, 45, 700][n % 4] ?? 8, n);
        const answer = bytes.length > 0 ? bytes : reply(8, n);
        cache.answered(cache.add(request(n, data), n), answer);
        const kept = cache.find(request(n, data), n);
        expect(kept).toEqual(answer);
        if (n > 0) expect(cache.find(request(n - 1, data), n)).toBeInstanceOf(Uint8Array);
      }
    },
  );

  test('are eight: the ninth takes the place of the first, whose late answer changes nothing', () => {
    const cache = new RequestCache();
    const tickets = Array.from({ length: 9 }, (_, n) => cache.add(request(n), 0));
    expect(cache.find(request(0), 0)).toBeUndefined();
    cache.answered(tickets[0] as number, reply(8));
    expect(cache.find(request(8), 0)).toBe('running');
    cache.answered(tickets[1] as number, reply(9));
    expect(cache.find(request(1), 0)).toEqual(reply(9));
  });

  test('are new again after five seconds in which nobody asked, but for the latest of a console that counts', () => {
    const cache = new RequestCache();
    cache.answered(cache.add(request(3), 0), reply(8));
    expect(cache.find(request(3), 4999)).toEqual(reply(8));
    expect(cache.find(request(3), 9998)).toEqual(reply(8));
    expect(cache.find(request(3), 14_998)).toBeUndefined();
    cache.answered(cache.add(request(4), 20_000), reply(9));
    expect(cache.find(request(4), 90_000)).toEqual(reply(9));
    expect(cache.find(request(3), 20_000)).toBeUndefined();
  });

  test('age as they should when 32 bits of milliseconds come round', () => {
    for (const at of [2 ** 31 - 1, 2 ** 32 - 1, 2 ** 32 + 0.7]) {
      const cache = new RequestCache();
      cache.answered(cache.add(request(1), at), reply(8));
      expect(cache.find(request(1), at + 4990)).toEqual(reply(8));
      expect(cache.find(request(1), at + 10_000)).toBeUndefined();
    }
  });

  test('give out answers that later ones do not change', () => {
    const cache = new RequestCache();
    cache.answered(cache.add(request(0), 0), reply(8));
    const first = cache.find(request(0), 0);
    for (let n = 1; n < 10; n++) cache.answered(cache.add(request(n), 0), reply(8, 50));
    expect(first).toEqual(reply(8));
  });
});
