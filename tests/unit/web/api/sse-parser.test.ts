import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SseParser } from '../../../../src/web/api/sse-parser.ts';

describe('SSE parser', () => {
  it('joins lines of data, keeps the last ID, and passes over comments', () => {
    const parser = new SseParser();
    expect(parser.push(': hello\n\nid: 1\ndata: a\ndata:b\n\ndata: c\n\n')).toEqual([
      { id: '1', data: 'a\nb' },
      { id: '1', data: 'c' },
    ]);
  });

  it('takes all three ends of a line', () => {
    expect(new SseParser().push('data: a\r\n\r\ndata: b\r\rdata: c\n\n').map(({ data }) => data)).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  it('hears the same in whatever pieces the text comes', () => {
    const text = 'id: 7\r\ndata: {"a":1}\r\n\r\n: beat\n\nid: 8\ndata: x\ndata: y\n\n';
    const whole = new SseParser().push(text);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 8 }), (cuts) => {
        const parser = new SseParser();
        const at = [0, ...cuts.sort((a, b) => a - b), text.length];
        const heard = at.slice(1).flatMap((end, index) => parser.push(text.slice(at[index], end)));
        expect(heard).toEqual(whole);
      }),
    );
  });
});
