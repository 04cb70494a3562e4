/** Who does things in tests, and where that is recorded. */
import type { Actor } from '../../src/bmc/actor.ts';
import { EventLog } from '../../src/bmc/event-log.ts';
import { memoryStore, type Store } from '../../src/bmc/store.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { ScriptedClock } from './scripted-clock.ts';

export const tester: Actor = { name: 'tester', face: 'ipmi', from: '192.0.2.1:40000' };

/** An event log for what is tested by itself. */
export function eventLog(clock = new ScriptedClock(), store: Store = memoryStore()): EventLog {
  return new EventLog(clock, store, silentLogger);
}
