import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../../../../src/web/api/errors.ts';
import {
  type EventRecord,
  EventStream,
  openingMs,
  type StreamState,
  silenceMs,
} from '../../../../src/web/api/events.ts';

interface Line {
  readonly lastEventId: string | undefined;
  readonly signal: AbortSignal;
  say(text: string): void;
  end(): void;
}

const event = (id: string, messageId: string) =>
  `id: ${id}\ndata: ${JSON.stringify({ Events: [{ MessageId: messageId }] })}\n\n`;

/** A stream and the service at its other end. */
function bench(refuse: () => Error | undefined = () => undefined) {
  const lines: Line[] = [];
  const heard: string[] = [];
  const states: StreamState[] = [];
  let returns = 0;
  const stream = new EventStream({
    async open(lastEventId, signal) {
      const error = refuse();
      if (error) throw error;
      let output: ReadableStreamDefaultController<Uint8Array> | undefined;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          output = controller;
        },
      });
      const encoder = new TextEncoder();
      lines.push({
        lastEventId,
        signal,
        say: (text) => output?.enqueue(encoder.encode(text)),
        end: () => output?.close(),
      });
      return body;
    },
    heard: ({ MessageId }: EventRecord) => heard.push(MessageId),
    changed: (state) => states.push(state),
    returned: () => (returns += 1),
    now: () => Date.now(),
    random: () => 0.5,
  });
  const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
  return { stream, lines, heard, states, pass, returns: () => returns };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('event stream', () => {
  it('is live with the first word of the service, and hears events that come in pieces', async () => {
    const { stream, lines, heard, pass } = bench();
    stream.start();
    await pass();
    expect(stream.state.phase).toBe('connecting');
    lines[0]?.say(': connected\n\n');
    await pass();
    expect(stream.state.phase).toBe('live');
    const text = event('e-1', 'QemuBmc.1.0.PowerOn');
    lines[0]?.say(text.slice(0, 17));
    lines[0]?.say(text.slice(17));
    await pass();
    expect(heard).toEqual(['QemuBmc.1.0.PowerOn']);
    stream.stop();
  });

  it('comes back with the ID of the last event, and says that it was away', async () => {
    const { stream, lines, pass, returns } = bench();
    stream.start();
    await pass();
    lines[0]?.say(event('e-41', 'A.1.0.B'));
    await pass();
    lines[0]?.end();
    await pass();
    expect(stream.state).toMatchObject({ phase: 'waiting', attempt: 0 });
    await pass(600);
    expect(lines[1]?.lastEventId).toBe('e-41');
    expect(returns()).toBe(0);
    lines[1]?.say(': connected\n\n');
    await pass();
    expect(returns()).toBe(1);
    stream.stop();
  });

  it('waits longer after each failure, but never longer than 15 s', async () => {
    const { stream, states, pass } = bench(
      () => new ApiError({ kind: 'unreachable', method: 'GET', uri: '/' }),
    );
    stream.start();
    await pass(120_000);
    const waits = states.flatMap((state, index) => {
      const next = states[index + 1];
      return state.phase === 'connecting' && next?.phase === 'waiting' ? [next.attempt] : [];
    });
    expect(waits.slice(0, 4)).toEqual([1, 2, 3, 4]);
    // 0.5 + 1 + 2 + 4 + 8 s, then 15 s each.
    expect(waits.length).toBe(5 + Math.floor((120 - 15.5) / 15) + 1);
    stream.stop();
  });

  it('waits as long as the service asks', async () => {
    let refusals = 1;
    const busy = new ApiError({ kind: 'busy', method: 'GET', uri: '/', status: 503, retryAfterS: 20 });
    const { stream, lines, pass } = bench(() => (refusals-- > 0 ? busy : undefined));
    stream.start();
    await pass(19_900);
    expect(lines.length).toBe(0);
    await pass(200);
    expect(lines.length).toBe(1);
    stream.stop();
  });

  it('does not wait when it is told that the network is back', async () => {
    let refusals = 1;
    const lost = new ApiError({ kind: 'unreachable', method: 'GET', uri: '/' });
    const { stream, lines, pass } = bench(() => (refusals-- > 0 ? lost : undefined));
    stream.start();
    await pass();
    stream.retryNow();
    await pass();
    expect(lines.length).toBe(1);
    await pass(5_000);
    expect(lines.length).toBe(1);
    stream.stop();
  });

  it('leaves a line on which nothing is said any more', async () => {
    const { stream, lines, pass } = bench();
    stream.start();
    await pass();
    lines[0]?.say(': connected\n\n');
    await pass(silenceMs - 1);
    expect(stream.state.phase).toBe('live');
    await pass(1);
    expect(stream.state.phase).toBe('waiting');
    expect(lines[0]?.signal.aborted).toBe(true);
    await pass(1_000);
    expect(lines.length).toBe(2);
    stream.stop();
  });

  it('leaves an attempt that nobody answers', async () => {
    const signals: AbortSignal[] = [];
    const stream = new EventStream({
      open(_, signal) {
        signals.push(signal);
        return new Promise(() => undefined);
      },
      heard: () => undefined,
      changed: () => undefined,
      returned: () => undefined,
      now: () => Date.now(),
      random: () => 0.5,
    });
    stream.start();
    await vi.advanceTimersByTimeAsync(openingMs);
    expect(signals[0]?.aborted).toBe(true);
    expect(stream.state.phase).toBe('waiting');
    await vi.advanceTimersByTimeAsync(600);
    expect(signals.length).toBe(2);
    stream.stop();
  });

  it('rests when the session is over, and begins anew with the next one', async () => {
    let refusals = 1;
    const over = new ApiError({ kind: 'unauthorized', method: 'GET', uri: '/', status: 401 });
    const { stream, lines, pass } = bench(() => (refusals-- > 0 ? over : undefined));
    stream.start();
    await pass(60_000);
    expect(stream.state.phase).toBe('idle');
    expect(lines.length).toBe(0);
    stream.start();
    await pass();
    expect(lines[0]?.lastEventId).toBeUndefined();
    stream.stop();
  });

  it('goes on after something that is no event', async () => {
    const { stream, lines, heard, pass } = bench();
    stream.start();
    await pass();
    lines[0]?.say('data: {broken\n\ndata: {"Events":[null,3]}\n\n');
    lines[0]?.say(event('e-2', 'A.1.0.C'));
    await pass();
    expect(heard).toEqual(['A.1.0.C']);
    stream.stop();
  });

  it('is silent after its stop', async () => {
    const { stream, lines, heard, pass } = bench();
    stream.start();
    await pass();
    stream.stop();
    expect(lines[0]?.signal.aborted).toBe(true);
    lines[0]?.say(event('e-1', 'A.1.0.B'));
    await pass(60_000);
    expect(heard).toEqual([]);
    expect(lines.length).toBe(1);
  });
});
