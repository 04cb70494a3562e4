import { describe, expect, it } from 'vitest';
import { EventLog, eventLogCapacity } from '../../../src/bmc/event-log.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

describe('the event log', () => {
  it('goes on counting in its next life', () => {
    const store = memoryStore();
    const clock = new ScriptedClock(5_000);
    const first = new EventLog(clock, store, silentLogger);
    first.add('power-on', 'one');
    clock.advance(10);
    first.add('power-off', 'two');
    const second = new EventLog(clock, store, silentLogger);
    expect(second.list()).toEqual([
      { id: 1, time: 5_000, kind: 'power-on', text: 'one' },
      { id: 2, time: 5_010, kind: 'power-off', text: 'two' },
    ]);
    expect(second.add('reset', 'three').id).toBe(3);
  });

  it('loses its oldest entries, never its numbering, when it overflows', () => {
    const store = memoryStore();
    const log = new EventLog(new ScriptedClock(), store, silentLogger);
    const count = eventLogCapacity * 1.25 + 1;
    for (let i = 0; i < count; i++) log.add('reset', `${i}`);
    expect(log.list()).toHaveLength(eventLogCapacity);
    expect(log.list().at(-1)?.id).toBe(count);
    expect(new EventLog(new ScriptedClock(), store, silentLogger).list()).toEqual(log.list());
  });

  it('keeps and tells an event although the disk refuses it', () => {
    const store = memoryStore();
    store.append = () => {
      throw new Error('disk full');
    };
    const log = new EventLog(new ScriptedClock(), store, silentLogger);
    const heard: string[] = [];
    log.onAdd(({ text }) => heard.push(text));
    log.add('panic', 'kernel');
    expect(heard).toEqual(['kernel']);
    expect(log.list()).toHaveLength(1);
  });
});
