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

  it('has nothing to forgive a client that has begun nothing', () => {
    const watch = new FrameWatch(0);
    watch.forgive(1000);
    expect(watch.overdue(1_000_000)).toBeUndefined();
  });

  it('reads headers without a mask, too, whose frames the library refuses', () => {
    const watch = new FrameWatch(0);
    // Seven bytes, and then as many more in each longer form; what follows begins another frame.
    const plain = (head: readonly number[], length: number) =>
      Buffer.concat([Buffer.from(head), Buffer.alloc(length)]);
    const forms = [
      plain([0x82, 7], 7),
      plain([0x82, 126, 0, 200], 200),
      plain([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], 65_536),
      plain([0x82, 0], 0),
    ];
    for (const form of forms) {
      expect(watch.see(form, 0)).toBeUndefined();
      expect(watch.overdue(1_000_000)).toBeUndefined();
      watch.see(form.subarray(0, 1), 0);
      expect(watch.overdue(4001)).toBe('a message that does not end');
      watch.see(form.subarray(1), 0);
    }
  });

  it('gives a client 40 control frames at once, and ten more for each second that has passed', () => {
    const watch = new FrameWatch(0);
    const pings = (count: number) => Buffer.concat(Array.from({ length: count }, () => frame(ping)));
    expect(watch.see(pings(40), 0)).toBeUndefined();
    expect(watch.see(pings(10), 1000)).toBeUndefined();
    expect(watch.see(pings(40), 60_000)).toBeUndefined();
    expect(watch.see(pings(1), 60_000)).toBe('too many control frames');
  });

  it('takes 64 pieces of a message, and a message as long as four seconds and no longer', () => {
    const pieces = (count: number) =>
      Buffer.concat([
        frame(binary, Buffer.from('x'), { last: false }),
        ...Array.from({ length: count - 2 }, () => frame(continuation, Buffer.from('x'), { last: false })),
        frame(continuation, Buffer.from('x')),
      ]);
    const watch = new FrameWatch(0);
    expect(watch.see(pieces(64), 0)).toBeUndefined();
    expect(watch.see(pieces(64), 0)).toBeUndefined();
    expect(watch.see(pieces(65), 0)).toBe('a message in too many pieces');
    const slow = new FrameWatch(0);
    slow.see(frame(binary, Buffer.from('x'), { last: false }), 100);
    expect([slow.overdue(4100), slow.overdue(4101)]).toEqual([undefined, 'a message that does not end']);
  });
});
