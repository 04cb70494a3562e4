import { describe, expect, it } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import type { EventFilter } from '../../../src/bmc/event-filter.ts';
import { EventReceiver } from '../../../src/bmc/event-receiver.ts';
import { Pef, type PefAlert } from '../../../src/bmc/pef.ts';
import type { Power } from '../../../src/bmc/power.ts';
import type { PowerAction } from '../../../src/bmc/power-actions.ts';
import type { Restart, RestartCause } from '../../../src/bmc/restart.ts';
import { Sel } from '../../../src/bmc/sel.ts';
import { memoryStore, type Store } from '../../../src/bmc/store.ts';
import { Emitter } from '../../../src/lib/emitter.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { eventLog, tester } from '../../support/actors.ts';
import { alertAlways, osStopped as event } from '../../support/event-filters.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const catchAll: EventFilter = { ...alertAlways, policyNumber: 3 };

function setUp(store: Store = memoryStore()) {
  const clock = new ScriptedClock();
  const events = eventLog(clock);
  const sel = new Sel({ clock, store, events });
  const eventReceiver = new EventReceiver({ sel, events, log: silentLogger });
  const restarts = new Emitter<Restart>();
  const requests: [PowerAction, RestartCause | undefined][] = [];
  const power = {
    request(action: PowerAction, _actor: unknown, cause?: RestartCause) {
      requests.push([action, cause]);
    },
    onRestart: (listener: (restart: Restart) => void) => restarts.on(listener),
  } as unknown as Power;
  const pef = new Pef({ sel, events, eventReceiver, power, store, clock, log: silentLogger });
  const alerts: PefAlert[] = [];
  pef.onAlert((alert) => alerts.push(alert));
  return { clock, sel, eventReceiver, restarts, requests, pef, alerts, store };
}

describe('event filtering', () => {
  it('alerts by every filter that applies, and takes the weightiest power action once', () => {
    const { pef, eventReceiver, alerts, requests } = setUp();
    pef.update(
      {
        allowedActions: ['alert', 'reset', 'power-cycle'],
        filters: [
          { ...catchAll, actions: ['alert', 'reset'] },
          { ...catchAll, enabled: false, actions: ['power-off'] },
          { ...catchAll, actions: ['alert', 'power-cycle'], policyNumber: 4 },
          { ...catchAll, actions: ['power-off'] },
        ],
      },
      tester,
    );
    const { entry } = eventReceiver.receive(event);
    expect(alerts.map(({ filterNumber, policyNumber }) => [filterNumber, policyNumber])).toEqual([
      [1, 3],
      [3, 4],
    ]);
    expect(alerts[0]?.received).toMatchObject({ event, entry });
    // Power-off would weigh more, but is not allowed at all.
    expect(requests).toEqual([['cycle', 'event-filter-cycle']]);
  });

  it.each([
    ['switched off', { enabled: false }],
    ['when alerts are not allowed', { allowedActions: [] }],
    ['of a filter without a policy', { filters: [{ ...catchAll, policyNumber: 0 }] }],
  ])('does nothing %s', (_what, change) => {
    const { pef, eventReceiver, alerts, requests } = setUp();
    pef.update({ filters: [catchAll], ...change }, tester);
    eventReceiver.receive(event);
    expect([alerts, requests]).toEqual([[], []]);
  });

  it('records that it acts, if wanted, and does not filter that record', () => {
    const { pef, eventReceiver, alerts, sel } = setUp();
    pef.update({ filters: [catchAll], logActions: true }, tester);
    const told: unknown[] = [];
    pef.onActing((actions) => {
      told.push(actions);
      eventReceiver.receive({ ...event, sensorType: 0x12 });
    });
    eventReceiver.receive(event);
    expect(told).toEqual([['alert']]);
    expect(alerts).toHaveLength(1);
    expect(sel.entries).toHaveLength(2);
  });

  it('acts on an event that the full SEL did not take', () => {
    const { pef, eventReceiver, alerts, sel } = setUp();
    pef.update({ filters: [catchAll] }, tester);
    while (sel.free > 1) sel.add(event);
    expect(eventReceiver.receive(event).entry).toBeUndefined();
    expect(alerts).toHaveLength(1);
  });

  it('while postponed leaves events in the SEL, and takes them up when the time is over', () => {
    const { pef, eventReceiver, alerts, clock } = setUp();
    pef.update({ filters: [catchAll] }, tester);
    pef.postpone(10, tester);
    eventReceiver.receive(event);
    clock.advance(4000);
    eventReceiver.receive(event);
    expect([pef.postponedS, alerts.length]).toEqual([6, 0]);
    clock.advance(6000);
    expect([pef.postponedS, alerts.length]).toEqual([0, 2]);
    expect(pef.lastProcessed.bmc).toBe(2);
    eventReceiver.receive(event);
    expect(alerts).toHaveLength(3);
  });

  it('leaves to software what software says it has processed', () => {
    const { pef, eventReceiver, alerts, clock } = setUp();
    pef.update({ filters: [catchAll] }, tester);
    pef.postpone('until-rearmed', tester);
    for (let i = 0; i < 3; i++) eventReceiver.receive(event);
    clock.advance(1_000_000);
    expect(pef.postponedS).toBe('until-rearmed');
    pef.setLastProcessed('software', 2, tester);
    pef.postpone(0, tester);
    expect(alerts.map(({ received }) => received.entry?.id)).toEqual([3]);
  });

  it('takes up no old events when the last processed one was deleted', () => {
    const { pef, eventReceiver, alerts, sel } = setUp();
    pef.update({ filters: [catchAll] }, tester);
    for (let i = 0; i < 3; i++) eventReceiver.receive(event);
    pef.postpone('until-rearmed', tester);
    eventReceiver.receive(event);
    sel.delete(3, tester);
    pef.postpone(0, tester);
    expect(alerts.map(({ received }) => received.entry?.id)).toEqual([1, 2, 3, 4]);
  });

  it('never filters its own record, not even after a hold', () => {
    const { pef, eventReceiver, alerts } = setUp();
    pef.update({ filters: [catchAll], logActions: true }, tester);
    pef.onActing(() => void eventReceiver.receive({ ...event, sensorType: 0x12 }));
    eventReceiver.receive(event);
    pef.postpone(5, tester);
    pef.postpone(0, tester);
    expect(alerts).toHaveLength(1);
  });

  it('starts over with a cleared SEL', () => {
    const store = memoryStore();
    const { pef, eventReceiver, alerts, sel } = setUp(store);
    pef.update({ filters: [catchAll] }, tester);
    for (let i = 0; i < 3; i++) eventReceiver.receive(event);
    pef.setLastProcessed('software', 3, tester);
    sel.clear(tester);
    expect(pef.lastProcessed).toEqual({ bmc: 0, software: 0 });
    pef.postpone('until-rearmed', tester);
    eventReceiver.receive(event);
    pef.postpone(0, tester);
    expect(alerts).toHaveLength(4);
    expect(setUp(store).pef.lastProcessed.software).toBe(0);
  });

  it('waits after each start of the machine, if told to', () => {
    const { pef, eventReceiver, alerts, clock, restarts } = setUp();
    pef.update({ filters: [catchAll], startupDelayEnabled: true, startupDelayS: 5 }, tester);
    restarts.emit({ cause: 'command', actor: undefined });
    eventReceiver.receive(event);
    clock.advance(4999);
    expect(alerts).toHaveLength(0);
    clock.advance(1);
    expect(alerts).toHaveLength(1);
  });

  it('holds alerts alone back after a start, if told to', () => {
    const { pef, eventReceiver, alerts, requests, clock, restarts } = setUp();
    pef.update(
      {
        filters: [{ ...catchAll, actions: ['alert', 'reset'] }],
        allowedActions: ['alert', 'reset'],
        alertStartupDelayEnabled: true,
        alertStartupDelayS: 5,
      },
      tester,
    );
    restarts.emit({ cause: 'command', actor: undefined });
    eventReceiver.receive(event);
    expect([alerts.length, requests.length]).toEqual([0, 1]);
    clock.advance(5000);
    expect(alerts).toHaveLength(1);
  });

  it('keeps its settings, and changes nothing that cannot be kept', () => {
    const store = memoryStore();
    const { pef } = setUp(store);
    pef.update({ filters: [catchAll], strings: ['one'], alertGuidHex: 'ab'.repeat(16) }, tester);
    expect(setUp(store).pef.settings).toEqual(pef.settings);
    store.save = () => {
      throw new BmcError('no-space', 'disk full');
    };
    expect(() => pef.update({ enabled: false }, tester)).toThrow('disk full');
    expect(pef.settings.enabled).toBe(true);
    expect(() => pef.setLastProcessed('software', 0, tester)).toThrow('disk full');
  });

  it('refuses a last processed record that is not there', () => {
    expect(() => setUp().pef.setLastProcessed('bmc', 7, tester)).toThrow(BmcError);
  });

  it('finds the string of an alert by its number, or by the filter', () => {
    const { pef } = setUp();
    pef.setVolatileString('for now', tester);
    pef.update(
      {
        strings: ['first\0rest', 'second'],
        stringKeys: [
          { filterNumber: 0, set: 0 },
          { filterNumber: 7, set: 2 },
        ],
      },
      tester,
    );
    const by = (eventSpecificString: boolean, stringSelector: number, filter = 7) =>
      pef.alertString({ eventSpecificString, stringSelector }, filter);
    expect([by(false, 0), by(false, 1), by(false, 2), by(false, 9)]).toEqual([
      'for now',
      'first',
      'second',
      '',
    ]);
    expect([by(true, 2), by(true, 1), by(true, 2, 8)]).toEqual(['second', '', '']);
  });
});
