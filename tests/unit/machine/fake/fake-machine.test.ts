import { describe, expect, test } from 'vitest';
import type { BootOverride } from '../../../../src/bmc/boot.ts';
import type { MachineEvent } from '../../../../src/bmc/machine.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { type FakeFaults, FakeMachine } from '../../../../src/machine/fake/fake-machine.ts';

const pxe: BootOverride = { target: 'pxe', persistent: false };

function watched(faults: Partial<FakeFaults> = {}, running = false) {
  const machine = new FakeMachine({ clock: systemClock, faults, running });
  const events: MachineEvent[] = [];
  let output = '';
  machine.on((event) => events.push(event));
  machine.console.receive((bytes) => {
    output += Buffer.from(bytes).toString('latin1');
  });
  return { machine, events, output: () => output };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('fake machine', () => {
  test('goes on and off, and tells so once', async () => {
    const { machine, events } = watched();
    await machine.forceOff();
    await Promise.all([machine.powerOn(), machine.powerOn()]);
    await machine.powerOn();
    expect(machine.running).toBe(true);
    await machine.forceOff();
    expect(machine.running).toBe(false);
    expect(events).toEqual([
      { kind: 'started', adopted: false },
      { kind: 'stopped', why: 'forced' },
    ]);
  });

  test('records what each boot used', async () => {
    const { machine } = watched();
    machine.on((event) => {
      if (event.kind !== 'stopped') machine.setBootOverride(undefined);
    });
    machine.setBootOverride(pxe);
    await machine.powerOn();
    machine.guestReboot();
    machine.setBootOverride(pxe);
    await machine.reset();
    expect(machine.boots).toEqual([pxe, undefined, pxe]);
  });

  test('a command for a running machine is refused while it is off', async () => {
    const { machine } = watched();
    for (const command of ['reset', 'pressPowerButton', 'diagnosticInterrupt'] as const) {
      await expect(machine[command]()).rejects.toMatchObject({ kind: 'wrong-state' });
    }
  });

  test('the power button is obeyed or ignored', async () => {
    const { machine, events } = watched({ shutdownMs: 5 });
    await machine.powerOn();
    await machine.pressPowerButton();
    expect(machine.running).toBe(true);
    await pause(20);
    expect(events.at(-1)).toEqual({ kind: 'stopped', why: 'guest' });
    machine.faults.ignoresPowerButton = true;
    await machine.powerOn();
    await machine.pressPowerButton();
    await pause(20);
    expect(machine.running).toBe(true);
  });

  test('fails to start, is stuck, crashes and panics on request', async () => {
    const { machine, events } = watched({ startFails: 'no memory', stuck: true });
    await expect(machine.powerOn()).rejects.toMatchObject({ kind: 'wrong-state', message: 'no memory' });
    machine.faults.startFails = undefined;
    await machine.powerOn();
    await expect(machine.forceOff()).rejects.toMatchObject({ kind: 'timed-out' });
    machine.panic();
    machine.watchdogBites();
    machine.crash('bang');
    machine.crash();
    expect(events.slice(1)).toEqual([
      { kind: 'panic' },
      { kind: 'watchdog', action: 'reset' },
      { kind: 'reset', by: 'watchdog' },
      { kind: 'stopped', why: 'crashed', detail: 'bang' },
    ]);
  });

  test('force-off overtakes a slow start', async () => {
    const { machine, events } = watched({ startMs: 20 });
    const start = machine.powerOn();
    const off = machine.forceOff();
    await expect(start).rejects.toMatchObject({ kind: 'wrong-state' });
    await off;
    expect(machine.running).toBe(false);
    expect(events).toEqual([]);
  });

  test('is found running after a close, with its console history', async () => {
    const { machine, events } = watched();
    await machine.powerOn();
    await machine.close();
    await machine.open();
    expect(events.at(-1)).toEqual({ kind: 'started', adopted: true });
    expect(Buffer.from(await machine.console.history(1000)).toString()).toContain('fake login: ');
    expect(watched({}, true).machine.running).toBe(false);
  });

  test('logs in, echoes and answers on its console', async () => {
    const { machine, output } = watched();
    await machine.powerOn();
    machine.console.send(Buffer.from('root\rhelp\recho a b\r'));
    await pause(10);
    expect(output()).toMatch(/fake login: root[\s\S]*# help\r\nhelp {2}echo[\s\S]*# echo a b\r\na b\r\n# $/);
  });

  test('takes a bounded amount while the guest does not read, and says when there is room', async () => {
    const { machine } = watched({ consoleStalled: true });
    await machine.powerOn();
    let drained = 0;
    machine.console.drained(() => drained++);
    expect(machine.console.send(new Uint8Array(5000))).toBe(4096);
    expect(machine.console.send(new Uint8Array(1))).toBe(0);
    machine.faults.consoleStalled = false;
    await pause(20);
    expect(drained).toBe(1);
    await machine.forceOff();
    expect(machine.console.send(new Uint8Array(1))).toBe(0);
  });
});
