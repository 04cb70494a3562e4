import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { ConsoleLine, sendWindowBytes } from '../../../../src/http/sockets/console-line.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';
import { frame } from '../../../support/web-console.ts';

/** The library's socket, which takes what it is given only when the test says so. */
class Wire extends EventEmitter {
  bufferedAmount = 0;
  binaryType = '';
  readonly did: string[] = [];
  readonly said: string[] = [];
  readonly #taken: (() => void)[] = [];

  send(data: Uint8Array | string, options: object | (() => void), done = options as () => void): void {
    this.bufferedAmount += data.length;
    this.said.push(typeof data === 'string' ? data : Buffer.from(data).toString('latin1'));
    this.#taken.push(done);
  }

  /** The client has taken all of it. */
  take(): void {
    this.bufferedAmount = 0;
    for (const done of this.#taken.splice(0)) done();
  }

  pause = () => void this.did.push('pause');
  resume = () => void this.did.push('resume');
  ping = () => void this.did.push('ping');
  close = (code: number, reason: string) => void this.did.push(`close ${code} ${reason}`);
  terminate = () => void this.did.push('terminate');
}

function bench() {
  const clock = new ScriptedClock();
  const [wire, raw] = [new Wire(), new EventEmitter() as EventEmitter & { destroy(): void }];
  raw.destroy = () => void wire.did.push('destroy');
  const state = { revoked: undefined as string | undefined, held: 1, listening: 1, changed: () => {} };
  const line = new ConsoleLine({
    socket: wire as unknown as WebSocket,
    raw: raw as unknown as Socket,
    ...{ clock, log: silentLogger },
    grant: {
      ...{ purpose: 'serial', mayWrite: true, wantsToWrite: true, userName: 'admin', name: 'admin' },
      revoked: () => state.revoked,
      onChange: (listener) => {
        state.changed = listener;
        return () => state.listening--;
      },
      hold: () => () => state.held--,
    },
  });
  const hear = (bytes: Uint8Array) => raw.emit('data', bytes);
  const get = (data: string, isBinary = false) => wire.emit('message', Buffer.from(data), isBinary);
  return { clock, wire, line, state, hear, get };
}
const cut = ['terminate', 'destroy'];

describe('a console’s line', () => {
  it('hands over bytes and messages, and ends with what is neither', () => {
    const { line, get, wire } = bench();
    const heard: unknown[] = [];
    line.onBytes((bytes) => heard.push(Buffer.from(bytes).toString()));
    line.onControl((message) => heard.push(message));
    get('keys', true);
    get('{"type":"size","rows":1}');
    expect(heard).toEqual(['keys', { type: 'size', rows: 1 }]);
    for (const wrong of ['', '[]', 'null', '7', '{"type":1}', '{}', 'type']) {
      const other = bench();
      other.get(wrong);
      expect(other.wire.did, wrong).toEqual([
        'close 1008 not a control message: an object in JSON with a type',
      ]);
      expect(other.line.open).toBe(false);
      // What comes afterwards is for nobody.
      other.line.onBytes(() => heard.push('too late'));
      other.get('keys', true);
    }
    expect([heard.length, wire.did]).toEqual([2, []]);
  });

  it('is asked for a sign of life after 15 silent seconds, once, and cut off after 30', () => {
    const { clock, wire } = bench();
    clock.advance(14_999);
    expect(wire.did).toEqual([]);
    clock.advance(1);
    expect(wire.did).toEqual(['ping']);
    clock.advance(14_999);
    expect(wire.did).toEqual(['ping']);
    clock.advance(1);
    expect(wire.did).toEqual(['ping', ...cut]);
    const living = bench();
    for (let i = 0; i < 10; i++) {
      living.clock.advance(20_000);
      living.hear(frame(10));
    }
    expect(living.wire.did).toEqual(Array(10).fill('ping'));
  });

  it('is cut off when it takes nothing for three and a half seconds, and not while something goes out', () => {
    const { clock, wire, line } = bench();
    line.send(Buffer.alloc(100));
    clock.advance(3499);
    expect(wire.did).toEqual([]);
    clock.advance(1);
    expect(wire.did).toEqual(cut);
    const slow = bench();
    slow.line.send(Buffer.alloc(100));
    for (let i = 0; i < 5; i++) {
      slow.clock.advance(3000);
      slow.wire.take();
      slow.line.send(Buffer.alloc(100));
    }
    expect(slow.wire.did).toEqual(['ping']);
  });

  it('is cut off with a message that does not end, and at once with too many control frames', () => {
    const { clock, wire, hear } = bench();
    hear(frame(2, Buffer.from('x'), { last: false }));
    clock.advance(4000);
    expect(wire.did).toEqual([]);
    clock.advance(500);
    expect(wire.did).toEqual(cut);
    const flood = bench();
    flood.hear(Buffer.concat(Array.from({ length: 41 }, () => frame(9))));
    expect(flood.wire.did).toEqual(cut);
  });

  it('is not blamed for the time in which nothing of it was read', () => {
    const { clock, wire, line, hear } = bench();
    hear(frame(2, Buffer.from('x'), { last: false }));
    line.pause();
    clock.advance(120_000);
    expect(wire.did).toEqual(['pause']);
    line.resume();
    line.resume();
    clock.advance(3500);
    expect(wire.did).toEqual(['pause', 'resume']);
    clock.advance(1000);
    expect(wire.did).toEqual(['pause', 'resume', ...cut]);
  });

  it('has room up to its window, and says when there is some again', () => {
    const { wire, line } = bench();
    let told = 0;
    line.onWritable(() => told++);
    line.send(Buffer.alloc(sendWindowBytes - 1));
    expect(line.hasRoom).toBe(true);
    line.send(Buffer.alloc(1));
    expect(line.hasRoom).toBe(false);
    wire.take();
    expect([line.hasRoom, told]).toEqual([true, 2]);
  });

  it('is ended with more notices waiting than 4 MiB', () => {
    const { wire, line } = bench();
    line.tell({ text: 'x'.repeat(4 * 1024 * 1024 - 11) });
    expect([wire.bufferedAmount, wire.did]).toEqual([4 * 1024 * 1024, []]);
    line.tell({});
    expect(wire.did).toEqual(['terminate']);
  });

  it('ends when its right does, as soon as that is told, or within half a second otherwise', () => {
    const { wire, state, clock, line } = bench();
    state.changed();
    expect(line.open).toBe(true);
    state.revoked = 'the role of this user has changed';
    state.changed();
    expect(wire.did).toEqual(['close 1008 the role of this user has changed']);
    expect(JSON.parse(wire.said.at(-1) ?? '')).toEqual({ type: 'end', reason: state.revoked });
    // One that does not close is not waited for.
    clock.advance(1000);
    expect(wire.did.at(-1)).toBe('terminate');
    const unheard = bench();
    unheard.state.revoked = 'gone';
    unheard.clock.advance(500);
    expect(unheard.wire.did).toEqual(['close 1008 gone']);
  });

  it('that is closed says and takes nothing more, and closes once', () => {
    const { wire, line } = bench();
    line.pause();
    line.close(1001, 'the BMC stops');
    line.close(1000, 'again');
    line.send(Buffer.from('x'));
    line.tell({ type: 'x' });
    expect(wire.did).toEqual(['pause', 'resume', 'close 1001 the BMC stops']);
    expect(wire.said).toHaveLength(1);
    expect(line.hasRoom).toBe(false);
  });

  it('lets go of everything when it is over, tells so once, and at once to who asks afterwards', () => {
    const { wire, line, state, clock, hear } = bench();
    const told: string[] = [];
    line.onEnd(() => told.push('before'));
    wire.emit('close');
    wire.emit('close');
    line.onEnd(() => told.push('after'));
    expect([told, state.held, state.listening, clock.pending]).toEqual([['before', 'after'], 0, 0, 0]);
    hear(Buffer.concat(Array.from({ length: 41 }, () => frame(9))));
    clock.advance(60_000);
    expect([wire.did, line.open]).toEqual([[], false]);
  });
});
