import { describe, expect, test } from 'vitest';
import { memoryStore } from '../../../../src/bmc/store.ts';
import { type BenchOptions, LanBench } from '../../../support/lan-bench.ts';

function setUp(options: BenchOptions = {}) {
  const bench = new LanBench(options);
  const client = bench.loggedIn({}, 4);
  const ask = (cmd: number, ...data: number[]) => {
    const reply = client.command(6, cmd, data);
    return reply && (reply.completionCode === 0 ? [...reply.data] : reply.completionCode);
  };
  return { bench, ask };
}
const [kept, inForce] = [0x40, 0x80];

describe('Set Channel Access', () => {
  test('changes what is in force, what is kept, both or neither', () => {
    const { ask } = setUp();
    const read = () => [ask(0x41, 1, kept), ask(0x41, 1, inForce)];
    expect(ask(0x40, 1, 0x3a, 0x03)).toEqual([]);
    expect(read()).toEqual([
      [2, 4],
      [2, 4],
    ]);
    expect(ask(0x40, 1, inForce | 0x3a, kept | 3)).toEqual([]);
    expect(read()).toEqual([
      [2, 3],
      [0x3a, 4],
    ]);
    expect(ask(0x40, 1, kept | 0x22, 0)).toEqual([]);
    expect(read()).toEqual([
      [0x22, 3],
      [0x3a, 4],
    ]);
  });

  test('lets no level above its limit, in live sessions neither', () => {
    const { bench, ask } = setUp();
    ask(0x40, 1, 0, inForce | 3);
    expect(bench.client().login()).toBe('open: 10');
    expect(ask(0x45, 9, ...Buffer.alloc(16))).toBe(0xd4);
    expect(bench.client({ openLevel: 3, role: 0x13 }).login()).toBe('ok');
  });

  test('closed lets nobody new in, until the BMC restarts', () => {
    const store = memoryStore();
    const { bench, ask } = setUp({ store });
    ask(0x40, 1, inForce | 0, 0);
    expect(bench.client().login()).toBe('open: 10');
    expect(ask(1)).toHaveLength(15);
    expect(new LanBench({ store }).client().login()).toBe('ok');
    ask(0x40, 1, kept | 0, 0);
    expect(new LanBench({ store }).client().login()).toBe('open: 10');
  });

  test('refuses modes of other media, channels and levels', () => {
    const { ask } = setUp();
    expect([ask(0x40, 1, inForce | 1, 0), ask(0x40, 1, inForce | 3, 0)]).toEqual([0x83, 0x83]);
    expect([ask(0x40, 0x0f, inForce | 2, 0), ask(0x41, 0x0f, inForce)]).toEqual([0x82, 0x82]);
    expect([ask(0x40, 7, inForce | 2, 0), ask(0x40, 1, 0, inForce | 5)]).toEqual([0xcc, 0xcc]);
    expect(ask(0x41, 1, inForce)).toEqual([2, 4]);
  });
});

test('the system interface has a channel of its own', () => {
  expect(setUp().ask(0x42, 0x0f)).toEqual([0x0f, 0x0c, 5, 0, 0xf2, 0x1b, 0, 0xff, 0xff]);
});

describe('Set Channel Security Keys', () => {
  const key = [...Buffer.from('a-key'), ...Buffer.alloc(15)];
  const none = [...Buffer.alloc(20)];

  test('turns two-key logins on and off, at once and for good', () => {
    const store = memoryStore();
    const { bench, ask } = setUp({ store });
    expect(ask(0x56, 1, 0, 1)).toEqual([2, ...none]);
    expect(ask(0x56, 1, 1, 1, ...key)).toEqual([2]);
    expect(ask(0x56, 1, 0, 1)).toEqual([2, ...key]);
    expect(ask(0x38, 0x81, 4)).toMatchObject({ 2: 0x24 });
    expect(bench.client().login()).toBe('rakp4: bad code');
    expect(bench.client({ kg: 'a-key' }).login()).toBe('ok');
    const next = new LanBench({ store });
    expect(next.client({ kg: 'a-key' }).login()).toBe('ok');
    expect(JSON.stringify(bench.bmc.events.list())).not.toMatch(/a-key|612d6b6579/);
    expect(ask(0x56, 1, 1, 1, ...none)).toEqual([2]);
    expect(bench.client().login()).toBe('ok');
  });

  test('locked can neither be read nor changed', () => {
    const { bench, ask } = setUp();
    ask(0x56, 1, 1, 1, ...key);
    expect(ask(0x56, 1, 2, 1)).toEqual([1]);
    expect(ask(0x56, 1, 0, 1)).toEqual([1]);
    expect(ask(0x56, 1, 1, 1, ...none)).toBe(0x80);
    expect(bench.client({ kg: 'a-key' }).login()).toBe('ok');
  });

  test('refuses K_R, other sizes and other keys', () => {
    const { ask } = setUp();
    expect([ask(0x56, 1, 0, 0), ask(0x56, 1, 1, 0, ...key)]).toEqual([0x84, 0x84]);
    expect([ask(0x56, 1, 1, 1, 1), ask(0x56, 1, 1, 1, ...key, 0)]).toEqual([0x81, 0x82]);
    expect([ask(0x56, 1, 0, 2), ask(0x56, 1, 3, 1), ask(0x56, 7, 0, 1)]).toEqual([0xcc, 0xcc, 0xcc]);
  });

  test('of the configuration wins when it changes, and only then', () => {
    const store = memoryStore();
    const first = new LanBench({ store, kg: Buffer.from('configured') });
    const client = first.loggedIn({ kg: 'configured' }, 4);
    expect(client.command(6, 0x56, [1, 1, 1, ...key])?.completionCode).toBe(0);
    const attempt = (kg: string, configured?: string) => {
      const bench = new LanBench({ store, ...(configured && { kg: Buffer.from(configured) }) });
      return bench.client({ kg }).login();
    };
    expect(attempt('a-key', 'configured')).toBe('ok');
    expect(attempt('other', 'other')).toBe('ok');
    expect(new LanBench({ store }).client().login()).toBe('ok');
  });

  test('that is lost with the settings is replaced by one that nobody knows', () => {
    const store = memoryStore();
    const { ask } = setUp({ store });
    ask(0x56, 1, 1, 1, ...key);
    const load = store.load.bind(store);
    store.load = <T>(name: string) => (name === 'lan' ? undefined : load<T>(name));
    const damaged = new LanBench({ store });
    expect(damaged.bmc.events.list().map(({ kind }) => kind)).toContain('state-damaged');
    for (const kg of ['a-key', undefined]) {
      expect(damaged.client({ ...(kg && { kg }) }).login()).toBe('rakp4: bad code');
    }
    store.load = load;
    expect(new LanBench({ store, kg: Buffer.from('fresh') }).client({ kg: 'fresh' }).login()).toBe('ok');
  });
});
