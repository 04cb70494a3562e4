import { describe, expect, it } from 'vitest';
import { type PowerAction, type PowerRequest, powerActions } from '../../../src/bmc/power-actions.ts';
import { PowerQueue } from '../../../src/bmc/power-queue.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

/** A machine that does what it is asked when the test says so. */
function setUp() {
  const clock = new ScriptedClock();
  const begun: PowerAction[] = [];
  const failed: [PowerAction, string][] = [];
  let done = 0;
  let running = 0;
  const ends: ((error?: Error) => void)[] = [];
  const queue = new PowerQueue({
    clock,
    log: silentLogger,
    carryOut: ({ action }) => {
      begun.push(action);
      running++;
      return new Promise((resolve, reject) => {
        ends.push((error) => {
          running--;
          if (error) reject(error);
          else resolve();
        });
      });
    },
    failed: ({ action }, error) => failed.push([action, (error as Error).message]),
    done: () => done++,
  });
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const add = (action: PowerAction) =>
    queue.add({ action, actor: { name: 'admin', face: 'ipmi' }, cause: 'command' } satisfies PowerRequest);
  return {
    ...{ clock, queue, begun, failed, add, settle },
    done: () => done,
    running: () => running,
    /** What is being carried out is over; or what was begun earlier, by its place in `begun`. */
    async finish(error?: Error, which = ends.length - 1) {
      ends[which]?.(error);
      await settle();
    },
  };
}

describe('the power queue', () => {
  it('carries out one request after the other, in the order of their coming', async () => {
    const { queue, add, begun, finish, running, done } = setUp();
    expect(queue.idle).toBe(true);
    for (const action of ['on', 'diag', 'cycle', 'off'] as const) add(action);
    expect(begun).toEqual(['on']);
    expect(queue.idle).toBe(false);
    for (const count of [2, 3, 4]) {
      await finish();
      expect(begun).toHaveLength(count);
      expect(running()).toBe(1);
    }
    await finish();
    expect(begun).toEqual(['on', 'diag', 'cycle', 'off']);
    expect(queue.idle).toBe(true);
    expect(done()).toBe(4);
  });

  it('takes the same action twice in a row for one, also while it is being carried out', async () => {
    const { add, begun, finish } = setUp();
    for (const action of ['cycle', 'cycle', 'off', 'off', 'cycle', 'cycle'] as const) add(action);
    for (let i = 0; i < 3; i++) await finish();
    expect(begun).toEqual(['cycle', 'off', 'cycle']);
    // It is over: another one is another one.
    add('cycle');
    expect(begun).toHaveLength(4);
  });

  it('tells of what fails, and goes on with the next', async () => {
    const { add, begun, failed, finish, done, queue } = setUp();
    add('on');
    add('reset');
    await finish(new Error('no QEMU'));
    expect(failed).toEqual([['on', 'no QEMU']]);
    expect(begun).toEqual(['on', 'reset']);
    await finish();
    expect(done()).toBe(2);
    expect(queue.idle).toBe(true);
  });

  it('says whether the machine will be on by what is still to be served', async () => {
    const { queue, add, finish } = setUp();
    expect([queue.willBeOn(true), queue.willBeOn(false), queue.leadsOn]).toEqual([true, false, false]);
    add('off');
    expect([queue.willBeOn(true), queue.leadsOn]).toEqual([false, false]);
    add('on');
    expect([queue.willBeOn(false), queue.leadsOn]).toEqual([true, true]);
    add('diag');
    expect(queue.willBeOn(false)).toBe(true);
    add('off');
    expect([queue.willBeOn(true), queue.leadsOn]).toEqual([false, true]);
    for (let i = 0; i < 4; i++) await finish();
    expect([queue.willBeOn(true), queue.willBeOn(false), queue.leadsOn]).toEqual([true, false, false]);
  });

  it('serves what comes while the last one is told to be over', async () => {
    const { queue, add, begun, finish, settle } = setUp();
    add('on');
    void queue.settled().then(() => add('off'));
    await finish();
    await settle();
    expect(begun).toEqual(['on', 'off']);
  });
});

describe('a machine that does not answer', () => {
  const conversations = ['reset', 'soft', 'restart', 'diag', 'pause', 'resume'] as const;

  it.each(conversations)('%s is given up a second after a power-off has been asked for', async (action) => {
    const { queue, add, begun, clock, settle, finish, failed } = setUp();
    add(action);
    add('off');
    queue.endConversations();
    await settle();
    clock.advance(999);
    await settle();
    expect(begun).toEqual([action]);
    clock.advance(1);
    await settle();
    expect(begun).toEqual([action, 'off']);
    await finish();
    expect(queue.idle).toBe(true);
    expect(failed).toEqual([]);
  });

  it('costs all that wait before the power-off one second together', async () => {
    const { queue, add, begun, clock, settle } = setUp();
    for (const action of [...conversations, 'off'] as const) add(action);
    queue.endConversations();
    await settle();
    clock.advance(1000);
    for (let i = 0; i < conversations.length; i++) {
      await settle();
      clock.advance(0);
    }
    await settle();
    expect(begun).toEqual([...conversations, 'off']);
  });

  it('is not asked less patiently by a power-off that is over', async () => {
    const { queue, add, begun, clock, settle, finish } = setUp();
    add('off');
    queue.endConversations();
    await finish();
    add('on');
    await finish();
    add('reset');
    clock.advance(60_000);
    await settle();
    expect(queue.idle).toBe(false);
    expect(begun).toEqual(['off', 'on', 'reset']);
    await finish();
    expect(queue.idle).toBe(true);
  });

  it('may answer within that second, or fail, as ever', async () => {
    const { queue, add, begun, failed, finish } = setUp();
    add('reset');
    add('off');
    queue.endConversations();
    await finish(new Error('refused'));
    expect(failed).toEqual([['reset', 'refused']]);
    expect(begun).toEqual(['reset', 'off']);
  });

  it('is waited for by what switches it: that needs no answer, and is never given up', async () => {
    const { queue, add, begun, clock, settle } = setUp();
    add('cycle');
    add('off');
    queue.endConversations();
    clock.advance(60_000);
    await settle();
    expect(begun).toEqual(['cycle']);
  });

  it('fails later than it is given up, and nobody falls over that', async () => {
    const { queue, add, clock, settle, finish, begun, failed } = setUp();
    add('reset');
    add('off');
    queue.endConversations();
    await settle();
    clock.advance(1000);
    await settle();
    await finish(new Error('too late'), begun.indexOf('reset'));
    expect(begun).toEqual(['reset', 'off']);
    expect(failed).toEqual([]);
  });
});

describe('a client that asks without end', () => {
  it('fills the queue and no more; a power-off, and what asks for nothing new, still find room', () => {
    const { queue, add } = setUp();
    add('on');
    let added = 1;
    for (; added < 10_000; added++) {
      const action = added % 2 === 0 ? 'pause' : 'resume';
      if (!queue.hasRoomFor(action)) break;
      add(action);
    }
    expect(added).toBe(32);
    const refused = powerActions.filter((action) => !queue.hasRoomFor(action));
    expect(refused).toEqual(powerActions.filter((action) => action !== 'off' && action !== 'resume'));
    add('off');
    expect(powerActions.filter((action) => queue.hasRoomFor(action))).toEqual(['off']);
  });
});

describe('a queue that is closed', () => {
  it('ends with what is being carried out, and begins nothing more', async () => {
    const { queue, add, begun, finish, settle } = setUp();
    add('on');
    add('reset');
    add('cycle');
    queue.close();
    let settled = false;
    void queue.settled().then(() => {
      settled = true;
    });
    await settle();
    expect(settled).toBe(false);
    await finish();
    expect(settled).toBe(true);
    add('off');
    await settle();
    expect(begun).toEqual(['on']);
  });

  it('has nothing to wait for when it was idle', async () => {
    const { queue, add, begun } = setUp();
    queue.close();
    await queue.settled();
    add('on');
    expect(begun).toEqual([]);
  });
});
