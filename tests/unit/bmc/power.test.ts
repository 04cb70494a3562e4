import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Actor } from '../../../src/bmc/actor.ts';
import { Boot } from '../../../src/bmc/boot.ts';
import { EventLog } from '../../../src/bmc/event-log.ts';
import { Power, restoreDelayMs } from '../../../src/bmc/power.ts';
import { type PowerAction, powerActions } from '../../../src/bmc/power-actions.ts';
import { powerCycleOffMs, type RestorePolicy } from '../../../src/bmc/power-record.ts';
import { memoryStore, type Store } from '../../../src/bmc/store.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { type FakeFaults, FakeMachine } from '../../../src/machine/fake/fake-machine.ts';
import { ScriptedClock } from '../../support/scripted-clock.ts';

const admin: Actor = { name: 'admin', face: 'ipmi' };

interface SetUp {
  store?: Store;
  faults?: Partial<FakeFaults>;
  running?: boolean;
  restorePolicy?: RestorePolicy;
}

function setUp({
  store = memoryStore(),
  faults = {},
  running = false,
  restorePolicy = 'always-off',
}: SetUp = {}) {
  const clock = new ScriptedClock();
  const machine = new FakeMachine({ clock, faults, running });
  const events = new EventLog(clock, store, silentLogger);
  const boot = new Boot({ clock, store, events, log: silentLogger });
  const power = new Power({
    machine,
    boot,
    events,
    store,
    clock,
    log: silentLogger,
    restorePolicy,
    softOffTimeoutMs: 60_000,
  });
  const kinds = () => events.list().map(({ kind }) => kind);
  /** Lets what has been accepted be carried out. */
  const settle = (ms = 0) => clock.advanceAsync(Math.max(ms, 20));
  return { clock, machine, events, boot, power, store, kinds, settle };
}

describe('power requests', () => {
  it('are answered at once and carried out afterwards', async () => {
    const { power, machine, settle } = setUp({ faults: { startMs: 300 } });
    power.request('on', admin);
    expect(power.state).toBe('turning-on');
    expect(power.isOn).toBe(false);
    await settle(400);
    expect(power.state).toBe('on');
    expect(machine.running).toBe(true);
  });

  it('without end are refused when too many wait, but a power-off is not', async () => {
    const { power, machine, settle } = setUp();
    power.request('on', admin);
    await settle();
    power.request('cycle', admin);
    const accepted = () => {
      for (let i = 1; i < 1000; i++) {
        try {
          power.request(i % 2 === 0 ? 'pause' : 'resume', admin);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'busy' });
          return i;
        }
      }
      throw new Error('never refused');
    };
    expect(accepted()).toBe(32);
    power.request('off', admin);
    await settle(60_000);
    expect(power.state).toBe('off');
    expect(machine.running).toBe(false);
  });

  it('for the state that is there do nothing', async () => {
    const { power, machine, settle, kinds } = setUp();
    power.request('off', admin);
    power.request('soft', admin);
    await settle();
    expect(power.state).toBe('off');
    power.request('on', admin);
    power.request('on', admin);
    await settle();
    power.request('on', admin);
    await settle();
    expect(machine.boots).toHaveLength(1);
    expect(kinds()).toEqual(['power-on']);
  });

  it('off directly followed by on end in on, with a new machine', async () => {
    const { power, machine, settle } = setUp({ faults: { stopMs: 50, startMs: 50 } });
    power.request('on', admin);
    await settle(100);
    power.request('off', admin);
    power.request('on', admin);
    await settle(500);
    expect(power.isOn).toBe(true);
    expect(machine.boots).toHaveLength(2);
  });

  it.each(['reset', 'cycle', 'diag'] as const)('%s of a machine that is off is refused', (action) => {
    const { power } = setUp();
    expect(() => power.request(action, admin)).toThrow(`power ${action}: the machine is off`);
  });

  it('cycle keeps the power off for a second and boots anew', async () => {
    const { power, machine, clock, settle } = setUp();
    power.request('on', admin);
    await settle();
    power.request('cycle', admin);
    await settle();
    expect(power.isOn).toBe(false);
    await clock.advanceAsync(powerCycleOffMs - 100);
    expect(power.isOn).toBe(false);
    await settle(200);
    expect(power.isOn).toBe(true);
    expect(machine.boots).toHaveLength(2);
  });

  it('diag and soft reach the machine', async () => {
    const { power, machine, settle, kinds } = setUp();
    power.request('on', admin);
    await settle();
    power.request('diag', admin);
    power.request('soft', admin);
    await settle();
    expect(machine.counts).toEqual({ diagnosticInterrupts: 1, powerButtonPresses: 1 });
    expect(power.isOn).toBe(false);
    expect(kinds()).toEqual(['power-on', 'diagnostic-interrupt', 'guest-shutdown']);
  });

  it('soft that the guest ignores is reported, and off still works', async () => {
    const { power, settle, kinds } = setUp({ faults: { ignoresPowerButton: true } });
    power.request('on', admin);
    await settle();
    power.request('soft', admin);
    await settle(61_000);
    expect(power.isOn).toBe(true);
    expect(kinds().at(-1)).toBe('soft-off-ignored');
    power.request('off', admin);
    await settle();
    expect(power.isOn).toBe(false);
  });

  it.each(['reset', 'soft', 'restart', 'diag', 'pause'] as const)(
    '%s that a machine that hangs does not answer gives way to off within a second',
    async (action) => {
      const { power, machine, settle, clock } = setUp();
      power.request('on', admin);
      await settle();
      machine.faults.hangs = true;
      power.request(action, admin);
      await settle(5_000);
      power.request('off', admin);
      await clock.advanceAsync(900);
      expect(machine.running).toBe(true);
      await clock.advanceAsync(200);
      expect(power.state).toBe('off');
      // Nothing of it comes later.
      machine.faults.hangs = false;
      await settle(5_000);
      expect(power.state).toBe('off');
      power.request('on', admin);
      await settle();
      expect(power.state).toBe('on');
    },
  );

  it('restart has the guest shut down, and the machine on again by who asked', async () => {
    const { power, machine, settle, kinds, store } = setUp({ faults: { shutdownMs: 5_000 } });
    power.request('on', admin);
    await settle();
    power.request('restart', admin);
    await settle(4_000);
    expect([power.state, machine.counts.powerButtonPresses]).toEqual(['on', 1]);
    // Neither asking for what is there nor an interrupt changes what is on its way.
    power.request('on', admin);
    power.request('diag', admin);
    await settle(2_000);
    expect(power.state).toBe('on');
    expect(machine.boots).toHaveLength(2);
    expect(power.lastRestart).toEqual({ cause: 'command', actor: admin });
    expect(kinds()).toEqual(['power-on', 'diagnostic-interrupt', 'guest-shutdown', 'power-on']);
    const again = setUp({ store, restorePolicy: 'previous' }).power;
    expect(again.lastRestartAt).toBe(power.lastRestartAt);
  });

  it('restart that the guest ignores leaves the machine as it is, and a later shutdown is none', async () => {
    const { power, machine, settle, kinds, events } = setUp({ faults: { ignoresPowerButton: true } });
    power.request('on', admin);
    await settle();
    power.request('restart', admin);
    await settle(61_000);
    expect(kinds().at(-1)).toBe('soft-off-ignored');
    expect(events.list().at(-1)?.text).toContain('not restarted');
    machine.guestShutdown();
    await settle(1_000);
    expect(power.state).toBe('off');
  });

  it.each(['off', 'soft'] as const)('%s after restart ends with the power off', async (action) => {
    const { power, settle } = setUp({ faults: { shutdownMs: 2_000 } });
    power.request('on', admin);
    await settle();
    power.request('restart', admin);
    await settle(500);
    power.request(action, admin);
    await settle(5_000);
    expect(power.state).toBe('off');
  });

  it('restart of a guest that crashes meanwhile is left to the restore policy', async () => {
    const { power, machine, settle } = setUp({ faults: { ignoresPowerButton: true } });
    power.request('on', admin);
    await settle();
    power.request('restart', admin);
    await settle();
    machine.crash();
    await settle(10_000);
    expect(power.state).toBe('off');
  });

  it('that fail are recorded with the reason, and the next one works', async () => {
    const { power, machine, settle, events } = setUp({ faults: { startFails: 'no disk' } });
    power.request('on', admin);
    await settle();
    expect(power.state).toBe('off');
    expect(events.list().at(-1)).toMatchObject({ kind: 'power-failed', text: 'power on failed: no disk' });
    machine.faults.startFails = undefined;
    power.request('on', admin);
    await settle();
    expect(power.isOn).toBe(true);
  });

  it('wait for the disk once before the machine is asked, and what they lead to is kept by then', async () => {
    const store = memoryStore();
    const saved: unknown[] = [];
    const { power, machine, settle } = setUp({
      store: {
        ...store,
        save(name, value) {
          saved.push([name, value]);
          store.save(name, value);
        },
      },
      faults: { startMs: 300 },
    });
    power.request('on', admin);
    await settle();
    expect(machine.running).toBe(false);
    expect(saved).toEqual([['power', { wanted: 'on', owesOn: true }]]);
    await settle(400);
    expect(machine.running).toBe(true);
    expect(store.load('power')).toEqual({ wanted: 'on' });
  });

  it('do not depend on a disk that takes anything', async () => {
    const store = memoryStore();
    store.save = () => {
      throw new Error('disk full');
    };
    const { power, settle } = setUp({ store });
    power.request('on', admin);
    await settle();
    expect(power.isOn).toBe(true);
  });
});

describe('what the machine does by itself', () => {
  it('a crash is a fault, not a power-off, and stays off under always-off', async () => {
    const { power, machine, settle, kinds } = setUp();
    power.request('on', admin);
    await settle();
    machine.crash();
    expect(power.state).toBe('off');
    expect(power.lastEvent).toEqual({ onByRequest: false, fault: true, powerReturned: false });
    await settle(restoreDelayMs * 2);
    expect(power.state).toBe('off');
    expect(kinds()).toEqual(['power-on', 'machine-crashed']);
  });

  it.each(['previous', 'always-on'] as const)(
    'a crash is undone under %s after a while',
    async (restorePolicy) => {
      const { power, machine, settle } = setUp({ restorePolicy });
      power.request('on', admin);
      await settle();
      machine.crash();
      await settle(restoreDelayMs - 100);
      expect(power.state).toBe('off');
      await settle(200);
      expect(power.state).toBe('on');
    },
  );

  it('a request meanwhile takes the place of the restore policy', async () => {
    const { power, machine, settle } = setUp({ restorePolicy: 'always-on' });
    power.request('on', admin);
    await settle();
    machine.crash();
    power.request('off', admin);
    await settle(restoreDelayMs * 2);
    expect(power.state).toBe('off');
  });

  it('a shutdown by the guest stays, under any policy', async () => {
    const { power, machine, settle } = setUp({ restorePolicy: 'always-on' });
    power.request('on', admin);
    await settle();
    machine.guestShutdown();
    await settle(restoreDelayMs * 2);
    expect(power.state).toBe('off');
  });

  it('panic, watchdog and guest resets are recorded', async () => {
    const { power, machine, settle, events } = setUp();
    power.request('on', admin);
    await settle();
    machine.panic();
    machine.watchdogBites();
    machine.guestReboot();
    expect(events.list().map(({ text }) => text)).toEqual([
      'power on by admin',
      "the guest's kernel reported a panic",
      'watchdog expired, action reset',
      'reset by the watchdog',
      'reset by the guest',
    ]);
    expect(power.isOn).toBe(true);
  });
});

describe('a pause', () => {
  it('leaves the machine on, and ends with a resume, a reset or the power', async () => {
    const { power, machine, kinds, settle } = setUp();
    const states: string[] = [];
    power.onChange((state) => states.push(state));
    power.request('on', admin);
    power.request('pause', admin);
    await settle();
    expect([power.state, power.isOn]).toEqual(['paused', true]);
    power.request('pause', admin);
    power.request('resume', admin);
    await settle();
    expect(power.state).toBe('on');
    power.request('pause', admin);
    power.request('reset', admin);
    await settle();
    expect([power.state, machine.boots.length]).toEqual(['on', 2]);
    power.request('pause', admin);
    power.request('off', admin);
    await settle();
    expect(states).toEqual(['turning-on', 'on', 'paused', 'on', 'paused', 'on', 'paused', 'off']);
    expect(kinds().filter((kind) => kind === 'paused' || kind === 'resumed')).toEqual([
      'paused',
      'resumed',
      'paused',
      'paused',
    ]);
  });

  it.each(['pause', 'resume'] as const)('of a machine that is off is refused: %s', (action) => {
    expect(() => setUp().power.request(action, admin)).toThrow('the machine is off');
  });

  it('outlives the BMC', async () => {
    const { power, machine, settle } = setUp({ running: true });
    await machine.open();
    power.request('pause', admin);
    await settle();
    await machine.close();
    await machine.open();
    expect(power.state).toBe('paused');
  });

  it('ends when the appliance stops, so that the guest can shut down', async () => {
    const { power, machine, events, settle } = setUp();
    power.request('on', admin);
    power.request('pause', admin);
    await settle();
    const stopped = power.shutdown(10_000);
    await settle(100);
    await stopped;
    expect(machine.running).toBe(false);
    expect(events.list().at(-1)?.kind).toBe('guest-shutdown');
  });
});

describe('the boot override', () => {
  it('is used by one boot when set once, whoever causes it', async () => {
    const { power, boot, machine, settle } = setUp();
    boot.set({ target: 'pxe', persistent: false }, admin);
    power.request('on', admin);
    await settle();
    expect(boot.override).toBeUndefined();
    machine.guestReboot();
    boot.set({ target: 'cdrom', persistent: false }, admin);
    machine.guestReboot();
    machine.guestReboot();
    expect(machine.boots.map((used) => used?.target)).toEqual(['pxe', undefined, 'cdrom', undefined]);
  });

  it('brings its firmware for the boots that it covers, and for no other', async () => {
    const { power, boot, machine, settle } = setUp();
    boot.set({ target: 'disk', persistent: false, firmware: 'uefi' }, admin);
    power.request('on', admin);
    await settle();
    expect(machine.hardware.firmware).toBe('uefi');
    machine.guestReboot();
    boot.set({ target: 'disk', persistent: true, firmware: 'uefi' }, admin);
    power.request('reset', admin);
    await settle();
    machine.guestReboot();
    boot.set({ target: 'disk', persistent: true }, admin);
    machine.guestReboot();
    expect(machine.firmwares).toEqual(['uefi', 'bios', 'uefi', 'uefi', 'bios']);
  });

  it('is used by every boot when persistent, also after the BMC has restarted', async () => {
    const first = setUp();
    first.boot.set({ target: 'cdrom', persistent: true, firmware: 'uefi' }, admin);
    first.power.request('on', admin);
    await first.settle();
    const second = setUp({ store: first.store });
    second.power.request('on', admin);
    await second.settle();
    second.power.request('reset', admin);
    await second.settle();
    expect(second.machine.boots.map((used) => used?.target)).toEqual(['cdrom', 'cdrom']);
  });
});

describe('the start', () => {
  it.each([
    ['always-off', 'on', false],
    ['always-on', 'off', true],
    ['previous', 'on', true],
    ['previous', 'off', false],
  ] as const)('under %s after %s', async (restorePolicy, before, on) => {
    const store = memoryStore();
    const first = setUp({ store });
    if (before === 'on') first.power.request('on', admin);
    await first.settle();
    const second = setUp({ store, restorePolicy });
    second.power.begin({ powerReturned: true, powerOn: false });
    await second.settle();
    expect(second.power.isOn).toBe(on);
  });

  it('powers on when asked to, but not when only the BMC restarted', async () => {
    const first = setUp();
    first.power.begin({ powerReturned: true, powerOn: true });
    await first.settle();
    expect(first.power.isOn).toBe(true);
    const second = setUp();
    second.power.begin({ powerReturned: false, powerOn: true });
    await second.settle();
    expect(second.power.isOn).toBe(false);
  });

  it.each([
    ['in the middle of a cycle', ['cycle'], true],
    ['before it has carried out a power-on', ['off', 'on'], true],
    ['in the middle of a cycle that was taken back', ['cycle', 'off'], false],
  ] as const)('of a BMC that died %s does what was accepted, under any policy', async (_, actions, on) => {
    const store = memoryStore();
    const first = setUp({ store });
    first.power.request('on', admin);
    await first.settle();
    for (const action of actions) first.power.request(action, admin);
    // The machine is off, and nobody moves the clock any more: this life is over.
    await first.clock.advanceAsync(actions[0] === 'cycle' ? powerCycleOffMs / 2 : 0);
    const second = setUp({ store, restorePolicy: 'always-off' });
    second.power.begin({ powerReturned: false, powerOn: false });
    await second.settle();
    expect(second.power.isOn).toBe(on);
    // Done once: whoever comes after that owes nothing.
    second.power.request('off', admin);
    await second.settle();
    const third = setUp({ store });
    third.power.begin({ powerReturned: false, powerOn: false });
    await third.settle();
    expect(third.power.isOn).toBe(false);
  });

  it('takes over a machine that runs', async () => {
    const { power, machine, kinds, settle } = setUp({ running: true });
    await machine.open();
    power.begin({ powerReturned: true, powerOn: true });
    await settle();
    expect(power.isOn).toBe(true);
    expect(machine.boots).toEqual([]);
    expect(kinds()).toEqual(['machine-adopted']);
  });
});

describe('an appliance stop', () => {
  it('waits for the guest, then uses force, and takes no more requests', async () => {
    const { power, machine, settle, clock } = setUp({ faults: { ignoresPowerButton: true } });
    power.request('on', admin);
    await settle();
    const stopped = power.shutdown(5_000);
    expect(() => power.request('on', admin)).toThrow('shutting down');
    await clock.advanceAsync(4_900);
    expect(machine.running).toBe(true);
    await clock.advanceAsync(200);
    await stopped;
    expect(machine.running).toBe(false);
  });

  it('ends a machine that hangs when the grace is over, also when somebody waits for its answer', async () => {
    const { power, machine, settle, clock } = setUp();
    power.request('on', admin);
    await settle();
    machine.faults.hangs = true;
    power.request('reset', admin);
    await settle(100);
    const stopped = power.shutdown(5_000);
    await clock.advanceAsync(5_900);
    expect(machine.running).toBe(true);
    await clock.advanceAsync(200);
    await stopped;
    expect(machine.running).toBe(false);
  });

  it('ends a paused machine that hangs when the grace is over', async () => {
    const { power, machine, settle, clock } = setUp();
    power.request('on', admin);
    await settle();
    power.request('pause', admin);
    await settle();
    machine.faults.hangs = true;
    const stopped = power.shutdown(5_000);
    await clock.advanceAsync(5_100);
    await stopped;
    expect(machine.running).toBe(false);
  });

  it('interrupts a machine that is still starting: its guest never begins', async () => {
    const { power, machine, clock, settle } = setUp({ faults: { startMs: 60_000 } });
    power.request('on', admin);
    await settle(100);
    const stopped = power.shutdown(10_000);
    // The fake machine notices only at the end of its time that it was interrupted.
    await clock.advanceAsync(60_000, 500);
    await stopped;
    expect(machine.boots).toEqual([]);
    expect(power.state).toBe('off');
  });

  it('during a power-on ends the machine that comes up', async () => {
    const { power, machine, clock } = setUp({ faults: { startMs: 100 } });
    power.request('on', admin);
    const stopped = power.shutdown(0);
    await clock.advanceAsync(300);
    await stopped;
    expect(machine.running).toBe(false);
  });

  it('remembers that the power was on', async () => {
    const first = setUp();
    first.power.request('on', admin);
    await first.settle();
    await first.power.shutdown(0);
    const second = setUp({ store: first.store, restorePolicy: 'previous' });
    second.power.begin({ powerReturned: true, powerOn: false });
    await second.settle();
    expect(second.power.isOn).toBe(true);
  });
});

describe('any order of requests and happenings', () => {
  type Step = PowerAction | 'crash' | 'guestShutdown' | 'guestReboot' | 'wait';
  const steps: readonly Step[] = [...powerActions, 'crash', 'guestShutdown', 'guestReboot', 'wait'];

  it('leaves the machine as the last request says, and the state true', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...steps), { maxLength: 25 }),
        fc.constantFrom<PowerAction>('on', 'off'),
        fc.record({ startMs: fc.constantFrom(0, 70), stopMs: fc.constantFrom(0, 70) }),
        async (sequence, last, faults) => {
          const { power, machine, clock } = setUp({ faults });
          for (const step of sequence) {
            if (step === 'wait') await clock.advanceAsync(100, 50);
            else if (step === 'crash' || step === 'guestShutdown' || step === 'guestReboot') machine[step]();
            else {
              try {
                power.request(step, admin);
              } catch (error) {
                expect(String(error)).toContain('the machine is off');
              }
            }
            expect(power.isOn).toBe(machine.running);
          }
          await clock.advanceAsync(powerCycleOffMs * 26, 500);
          power.request(last, admin);
          await clock.advanceAsync(500, 50);
          // A paused machine is on already: `on` does not resume it.
          expect(last === 'on' ? ['on', 'paused'] : ['off']).toContain(power.state);
          expect(machine.running).toBe(last === 'on');
        },
      ),
      { numRuns: 200 },
    );
  });
});
