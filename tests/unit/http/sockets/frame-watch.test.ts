import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameWatch } from '../../../../src/http/sockets/frame-watch.ts';
import { frame } from '../../../support/web-console.ts';

const [continuation, binary, ping] = [0, 2, 9];

describe('the watch over frames', () => {
  it('finds nothing wrong with whole messages, however they are cut and whatever is in them', () => {
    const message = fc.uint8Array({ maxLength: 70_000 });
    const cuts = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), cuts, (messages, lengths) => {
        const watch = new FrameWatch(0);
        const all = Buffer.concat(messages.map((each) => frame(binary, each)));
        for (let at = 0, i = 0; at < all.length; i++) {
          const length = lengths[i % lengths.length] ?? 1;
          expect(watch.see(all.subarray(at, at + length), 1)).toBeUndefined();
          at += length;
        }
        // Nothing is under way any more.
        expect(watch.overdue(1_000_000)).toBeUndefined();
      }),
    );
  });

  it.each([
    ['a frame whose bytes do not come', frame(binary, Buffer.alloc(10), { length: 1000 })],
    ['a frame of 1 GiB', frame(binary, Buffer.alloc(10), { length: 2 ** 30 })],
    ['a frame of more than 4 GiB', frame(binary, Buffer.alloc(10), { length: 2 ** 40 })],
    ['a header in part', frame(binary, Buffer.alloc(300)).subarray(0, 3)],
    ['a first fragment', frame(binary, Buffer.from('x'), { last: false })],
  ])('notices %s', (_, said) => {
    const watch = new FrameWatch(0);
    expect(watch.see(said, 100)).toBeUndefined();
    expect(watch.overdue(4000)).toBeUndefined();
    expect(watch.overdue(4101)).toBe('a message that does not end');
  });

  it('is not deceived by pings between the fragments, nor by fragments of nothing', () => {
    const watch = new FrameWatch(0);
    watch.see(frame(binary, Buffer.from('x'), { last: false }), 0);
    for (let now = 500; now <= 4000; now += 500) {
      const more = Buffer.concat([frame(ping), frame(continuation, undefined, { last: false })]);
      expect(watch.see(more, now)).toBeUndefined();
    }
    expect(watch.see(frame(ping), 4500)).toBe('a message that does not end');
  });

  it('counts fragments, and forgets them when the message ends', () => {
    const watch = new FrameWatch(0);
    const fragments = (count: number) =>
      Array.from({ length: count }, () => frame(continuation, Buffer.from('x'), { last: false }));
    expect(
      watch.see(
        Buffer.concat([frame(binary, undefined, { last: false }), ...fragments(62), frame(continuation)]),
        0,
      ),
    ).toBeUndefined();
    expect(watch.overdue(100_000)).toBeUndefined();
    expect(watch.see(Buffer.concat([frame(binary, undefined, { last: false }), ...fragments(64)]), 0)).toBe(
      'a message in too many pieces',
    );
  });

  it('takes pings at the pace of a client, and no flood of them', () => {
    const calm = new FrameWatch(0);
    for (let now = 0; now < 60_000; now += 100) expect(calm.see(frame(ping), now)).toBeUndefined();
    const flood = Buffer.concat(Array.from({ length: 41 }, () => frame(ping)));
    expect(new FrameWatch(0).see(flood, 0)).toBe('too many control frames');
  });

  it('does not count the time in which nothing was read', () => {
    const watch = new FrameWatch(0);
    watch.see(frame(binary, Buffer.alloc(10), { length: 1000 }), 0);
    watch.forgive(60_000);
    expect(watch.overdue(60_001)).toBeUndefined();
    expect(watch.overdue(65_000)).toBe('a message that does not end');
  });
});
