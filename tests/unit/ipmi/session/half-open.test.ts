import { describe, expect, it } from 'vitest';
import { cipherSuite } from '../../../../src/ipmi/crypto/cipher-suites.ts';
import { type HalfOpen, HalfOpenTable, halfOpenLifetimeMs } from '../../../../src/ipmi/session/half-open.ts';
import type { HandshakeState } from '../../../../src/ipmi/session/handshake.ts';

let lastId = 0;

interface EntryOptions {
  readonly address?: string;
  readonly port?: number;
  readonly request?: Uint8Array;
  readonly at?: number;
}

function entry({ address = '192.0.2.1', port = 40_000, request, at = 0 }: EntryOptions = {}): HalfOpen {
  const id = ++lastId;
  return {
    state: {
      phase: 'opened',
      opened: {
        suite: cipherSuite(17),
        remoteConsoleSessionId: 1,
        managedSystemSessionId: id,
        openLevel: 'administrator',
      },
    },
    remote: { address, port },
    begunAt: at,
    openRequest: request ?? Uint8Array.of(id >> 8, id),
    last: undefined,
  };
}

const idOf = (one: HalfOpen) => one.state.opened.managedSystemSessionId;
/** It has been asked for its code. */
const advance = (table: HalfOpenTable, one: HalfOpen) =>
  table.move(one, { ...one.state, phase: 'challenged' } as HandshakeState);
const end = (table: HalfOpenTable, one: HalfOpen) =>
  table.move(one, { phase: 'closed', opened: one.state.opened, why: 'refused' });
/** Which of them are still there. */
const left = (table: HalfOpenTable, all: readonly HalfOpen[]) =>
  all.map((one) => table.get(idOf(one)) === one);

describe('a handshake on its way', () => {
  it('is found by its ID before and after its challenge, and when it is over, until it is forgotten', () => {
    const table = new HalfOpenTable();
    const one = entry();
    expect(table.add(one)).toBe(0);
    expect([table.get(idOf(one)), table.size]).toEqual([one, 1]);
    advance(table, one);
    expect([table.get(idOf(one)), table.size, one.state.phase]).toEqual([one, 1, 'challenged']);
    end(table, one);
    expect([table.get(idOf(one)), table.size, one.state.phase]).toEqual([one, 1, 'closed']);
    table.reap(halfOpenLifetimeMs);
    expect([table.get(idOf(one)), table.size]).toEqual([undefined, 0]);
  });

  it('is found again by the very request that began it, from the same socket, while it is not over', () => {
    const table = new HalfOpenTable();
    const one = entry({ request: Uint8Array.of(1, 2, 3) });
    table.add(entry({ request: Uint8Array.of(9, 9, 9) }));
    table.add(one);
    const find = (...bytes: number[]) => table.findRetransmitted(Uint8Array.from(bytes), one.remote);
    expect(find(1, 2, 3)).toBe(one);
    expect([find(1, 2), find(1, 2, 3, 0), find(1, 2, 4), find()]).toEqual(Array(4).fill(undefined));
    const elsewhere = { address: '192.0.2.1', port: 1 };
    expect(table.findRetransmitted(Uint8Array.of(1, 2, 3), elsewhere)).toBeUndefined();
    end(table, one);
    expect(find(1, 2, 3)).toBeUndefined();
  });

  it('is forgotten eight seconds after its console was last heard, and not before', () => {
    const table = new HalfOpenTable();
    const [silent, heard, advanced] = [entry(), entry(), entry()];
    for (const one of [silent, heard, advanced]) table.add(one);
    advance(table, advanced);
    table.reap(halfOpenLifetimeMs - 1);
    expect(table.size).toBe(3);
    table.heard(heard, 5000);
    table.heard(advanced, 6000);
    table.reap(halfOpenLifetimeMs);
    expect(left(table, [silent, heard, advanced])).toEqual([false, true, true]);
    table.reap(5000 + halfOpenLifetimeMs);
    expect(left(table, [heard, advanced])).toEqual([false, true]);
    table.reap(6000 + halfOpenLifetimeMs);
    expect(table.size).toBe(0);
  });

  it('that has gone does not come back by a word of its console, nor by its challenge', () => {
    const table = new HalfOpenTable();
    const one = entry();
    table.add(one);
    table.clear();
    table.heard(one, 1);
    advance(table, one);
    table.heard(one, 2);
    expect([table.size, table.get(idOf(one))]).toEqual([0, undefined]);
  });

  it('goes with all others when the table is cleared, and counts for nobody’s share then', () => {
    const table = new HalfOpenTable(8, 2);
    for (let i = 0; i < 2; i++) table.add(entry());
    table.clear();
    expect([table.size, table.add(entry()), table.add(entry())]).toEqual([0, 0, 0]);
  });
});

describe('a socket with all it may have', () => {
  it('loses one that is over first, then its oldest without a challenge, then its oldest', () => {
    const table = new HalfOpenTable(100, 3);
    const [first, second, third] = [entry(), entry(), entry()];
    for (const one of [first, second, third]) table.add(one);
    advance(table, first);
    end(table, third);
    const fourth = entry();
    expect(table.add(fourth)).toBe(1);
    expect(left(table, [first, second, third, fourth])).toEqual([true, true, false, true]);
    const fifth = entry();
    table.add(fifth);
    expect(left(table, [first, second, fourth, fifth])).toEqual([true, false, true, true]);
    for (const one of [fourth, fifth]) advance(table, one);
    table.add(entry());
    expect(left(table, [first, fourth, fifth])).toEqual([false, true, true]);
  });

  it('is hurried for ten milliseconds after it began the one that would go, unless that is over', () => {
    const table = new HalfOpenTable(100, 2);
    const [first, second] = [entry({ at: 1000 }), entry({ at: 1005 })];
    table.add(first);
    expect(table.isHurried(first.remote, 1000)).toBe(false);
    table.add(second);
    expect([1000, 1009, 1010].map((now) => table.isHurried(first.remote, now))).toEqual([true, true, false]);
    expect(table.isHurried({ address: '192.0.2.9', port: 1 }, 1000)).toBe(false);
    end(table, first);
    expect(table.isHurried(first.remote, 1000)).toBe(false);
  });
});

it('a socket may have 64 and an address 8,192 of 16,384, unless the table is told otherwise', () => {
  const table = new HalfOpenTable();
  const gone = (count: number, options: (i: number) => EntryOptions) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += table.add(entry(options(i)));
    return sum;
  };
  expect([gone(64, () => ({})), gone(1, () => ({}))]).toEqual([0, 1]);
  expect(gone(8192 - 64, (i) => ({ port: 1 + i }))).toBe(0);
  expect(gone(1, () => ({ port: 50_000 }))).toBe(1);
  expect(gone(8192, (i) => ({ address: '192.0.2.2', port: 1 + i }))).toBe(0);
  expect([table.size, gone(1, () => ({ address: '192.0.2.3' })), table.size]).toEqual([16_384, 1, 16_384]);
});

describe('an address with half of the table', () => {
  const from = (address: string, count: number) =>
    Array.from({ length: count }, (_, i) => entry({ address, port: 1000 + i }));

  it('loses its oldest if that is over, then its oldest without a challenge, then its oldest', () => {
    const table = new HalfOpenTable(8, 1);
    const own = from('192.0.2.1', 4);
    for (const one of own) table.add(one);
    const [first, second, third, fourth] = own as [HalfOpen, HalfOpen, HalfOpen, HalfOpen];
    advance(table, first);
    const more = [entry({ port: 1 }), entry({ port: 2 }), entry({ port: 3 })];
    table.add(more[0] as HalfOpen);
    expect(left(table, own)).toEqual([true, false, true, true]);
    end(table, first);
    table.add(more[1] as HalfOpen);
    expect(left(table, own)).toEqual([false, false, true, true]);
    for (const one of [third, fourth, ...more.slice(0, 2)]) advance(table, one);
    table.add(more[2] as HalfOpen);
    expect(left(table, [second, third, fourth])).toEqual([false, false, true]);
  });

  it('may have a socket’s share in any case, however small the table is', () => {
    const table = new HalfOpenTable(4, 3);
    expect([table.add(entry()), table.add(entry()), table.add(entry())]).toEqual([0, 0, 0]);
    expect(table.add(entry({ port: 2 }))).toBe(1);
  });
});

describe('a full table', () => {
  it('loses its oldest that is over after its challenge, then its oldest without one, then its oldest', () => {
    const table = new HalfOpenTable(3, 1);
    const at = (i: number) => entry({ address: `192.0.2.${i}` });
    const [first, second, third] = [at(1), at(2), at(3)];
    for (const one of [first, second, third]) table.add(one);
    advance(table, first);
    const fourth = at(4);
    expect(table.add(fourth)).toBe(1);
    expect(left(table, [first, second, third, fourth])).toEqual([true, false, true, true]);
    end(table, first);
    const fifth = at(5);
    table.add(fifth);
    expect(left(table, [first, third, fourth, fifth])).toEqual([false, true, true, true]);
    for (const one of [third, fourth, fifth]) advance(table, one);
    table.add(at(6));
    expect(left(table, [third, fourth, fifth])).toEqual([false, true, true]);
    expect(table.size).toBe(3);
  });
});
