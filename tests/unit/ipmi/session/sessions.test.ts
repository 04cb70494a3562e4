import { describe, expect, it } from 'vitest';
import type { CloseReason, Session } from '../../../../src/ipmi/session/session.ts';
import { noHandle, Sessions } from '../../../../src/ipmi/session/sessions.ts';

/** What the table knows of a session. */
class Stub {
  readonly checked: number[] = [];
  closeReason: CloseReason | undefined;
  readonly #listeners: (() => void)[] = [];

  readonly id: number;
  readonly handle: number;

  constructor(id: number, handle: number) {
    this.id = id;
    this.handle = handle;
  }

  onClose(listener: () => void): void {
    this.#listeners.push(listener);
  }

  check(now: number): void {
    this.checked.push(now);
  }

  close(reason: CloseReason): void {
    this.closeReason = reason;
    for (const listener of this.#listeners) listener();
  }
}

function bench(max?: number) {
  let now = 1000;
  const sessions = new Sessions(() => now, max);
  const add = (id: number, handle = sessions.freeHandle()) => {
    const stub = new Stub(id, handle);
    sessions.add(stub as unknown as Session);
    return stub;
  };
  return { sessions, add, advance: (ms: number) => (now += ms) };
}

describe('the table of sessions', () => {
  it('finds each by its whole ID, also one with the highest bit, until it ends', () => {
    const { sessions, add } = bench();
    const ids = [1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
    const stubs = ids.map((id) => add(id));
    expect(ids.map((id) => sessions.get(id))).toEqual(stubs);
    expect([sessions.get(2), sessions.get(0), sessions.size]).toEqual([undefined, undefined, 4]);
    stubs[2]?.close('idle');
    expect([sessions.get(0x8000_0000), sessions.size]).toEqual([undefined, 3]);
  });

  it('has room up to its bound, 63 unless another is given, and again when one ends', () => {
    const { sessions, add } = bench();
    const stubs = Array.from({ length: 63 }, (_, i) => {
      expect(sessions.hasRoom).toBe(true);
      return add(i + 1);
    });
    expect(sessions.hasRoom).toBe(false);
    stubs[5]?.close('idle');
    expect(sessions.hasRoom).toBe(true);
  });

  it('gives out each handle from 1 to 254 before it gives one again, and never one in use', () => {
    const { sessions, add } = bench(1000);
    const first = add(1);
    expect(first.handle).toBe(1);
    for (let i = 2; i <= 254; i++) add(i).close('idle');
    // 1 is still in use.
    expect(sessions.freeHandle()).toBe(2);
    first.close('idle');
    const given = Array.from({ length: 254 }, () => sessions.freeHandle());
    expect(new Set(given).size).toBe(254);
    expect([Math.min(...given), Math.max(...given)]).toEqual([1, 254]);
  });

  it('has none to give when 254 sessions have one, and lists those without last', () => {
    const { sessions, add } = bench(1000);
    const stubs = Array.from({ length: 256 }, (_, i) => add(i + 1));
    expect(stubs.map(({ handle }) => handle)).toEqual([
      ...Array.from({ length: 254 }, (_, i) => i + 1),
      noHandle,
      noHandle,
    ]);
    stubs[9]?.close('idle');
    expect(add(999).handle).toBe(10);
    const listed = sessions.list().map(({ handle }) => handle);
    expect(listed).toEqual([...Array.from({ length: 254 }, (_, i) => i + 1), noHandle, noHandle]);
  });

  it('looks at all of them when asked to', () => {
    const { sessions, add } = bench();
    const stubs = [add(1), add(2)];
    sessions.check(5000);
    expect(stubs.map(({ checked }) => checked)).toEqual([[5000], [5000]]);
  });
});

describe('a session that its console has closed', () => {
  it('is remembered for ten seconds, and one that ended otherwise is not', () => {
    const { sessions, add, advance } = bench();
    const closed = add(0x8000_0001);
    const idle = add(2);
    closed.close('closed by the console');
    idle.close('idle');
    expect([sessions.justClosed(0x8000_0001), sessions.justClosed(2)]).toEqual([closed, undefined]);
    expect([sessions.size, sessions.isIdle]).toEqual([0, false]);
    sessions.check(advance(9999));
    expect(sessions.justClosed(0x8000_0001)).toBe(closed);
    sessions.check(advance(1));
    expect([sessions.justClosed(0x8000_0001), sessions.isIdle]).toEqual([undefined, true]);
  });

  it('is forgotten alone: those that ended later stay for their time', () => {
    const { sessions, add, advance } = bench();
    add(1).close('closed by the console');
    advance(6000);
    const later = add(2);
    later.close('closed by the console');
    sessions.check(advance(6000));
    expect([sessions.justClosed(1), sessions.justClosed(2)]).toEqual([undefined, later]);
  });

  it('is one of 64 at most: the oldest goes first', () => {
    const { sessions, add } = bench();
    for (let id = 1; id <= 64; id++) add(id).close('closed by the console');
    expect(sessions.justClosed(1)).toBeDefined();
    add(65).close('closed by the console');
    expect(sessions.justClosed(1)).toBeUndefined();
    expect(sessions.justClosed(2)).toBeDefined();
    expect(sessions.justClosed(65)).toBeDefined();
  });

  it('leaves nothing to look at idle only when no session is there either', () => {
    const { sessions, add } = bench();
    expect(sessions.isIdle).toBe(true);
    const one = add(1);
    expect(sessions.isIdle).toBe(false);
    one.close('idle');
    expect(sessions.isIdle).toBe(true);
  });
});
