import { expect, it } from 'vitest';
import { EventLog } from '../../../src/bmc/event-log.ts';
import { OpenSessions } from '../../../src/bmc/open-sessions.ts';
import { memoryStore } from '../../../src/bmc/store.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const session = { protocol: 'IPMI', userId: 2, userName: 'admin', from: '192.0.2.1', openedAt: 0 } as const;

function bench() {
  const events = new EventLog(new ScriptedClock(), memoryStore(), silentLogger);
  const sessions = new OpenSessions(events);
  let told = 0;
  sessions.onChange(() => told++);
  return { sessions, events, told: () => told };
}

it('a session is known from its beginning to its end, which is told once however often it is said', () => {
  const { sessions, told } = bench();
  const first = sessions.opened(session, () => undefined);
  const second = sessions.opened({ ...session, userName: 'oper' }, () => undefined);
  expect(sessions.list()).toEqual([
    { id: '1', ...session },
    { id: '2', ...session, userName: 'oper' },
  ]);
  expect([sessions.get('2')?.userName, sessions.get('3'), told()]).toEqual(['oper', undefined, 2]);
  first();
  first();
  expect([sessions.list().map(({ id }) => id), told()]).toEqual([['2'], 3]);
  second();
  sessions.opened(session, () => undefined);
  // Never given twice.
  expect(sessions.list().map(({ id }) => id)).toEqual(['3']);
});

it('a session can be ended by another face, which is recorded with who did it, and only while it is there', () => {
  const { sessions, events } = bench();
  let ended = 0;
  const over = sessions.opened(session, () => {
    ended++;
    over();
  });
  const actor = { name: 'root', face: 'redfish' } as const;
  expect([sessions.end('2', actor), sessions.end('1', actor), sessions.end('1', actor), ended]).toEqual([
    false,
    true,
    false,
    1,
  ]);
  expect(events.list().map(({ kind, text }) => `${kind}: ${text}`)).toEqual([
    'session-closed: IPMI session of admin (192.0.2.1): ended by root',
  ]);
});
