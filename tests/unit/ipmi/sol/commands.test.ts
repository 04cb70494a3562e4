import { beforeEach, describe, expect, test } from 'vitest';
import type { Bmc } from '../../../../src/bmc/bmc.ts';
import { ConsoleHub } from '../../../../src/bmc/console.ts';
import { EventLog } from '../../../../src/bmc/event-log.ts';
import { Faults } from '../../../../src/bmc/faults.ts';
import { SolSettings } from '../../../../src/bmc/sol-settings.ts';
import { memoryStore } from '../../../../src/bmc/store.ts';
import { Users } from '../../../../src/bmc/users.ts';
import type { CommandContext } from '../../../../src/ipmi/commands/command.ts';
import { payloadCommands } from '../../../../src/ipmi/commands/payload.ts';
import { CommandRegistry } from '../../../../src/ipmi/commands/registry.ts';
import { solCommands } from '../../../../src/ipmi/commands/sol.ts';
import type { IpmiState } from '../../../../src/ipmi/ipmi-state.ts';
import type { Session } from '../../../../src/ipmi/session/session.ts';
import { SolService } from '../../../../src/ipmi/sol/sol-service.ts';
import { fromHex, toHex } from '../../../../src/lib/bytes.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { systemRandom } from '../../../../src/lib/random.ts';
import { eventLog } from '../../../support/actors.ts';
import { ScriptedClock } from '../../../support/scripted-clock.ts';
import { FakeSession } from './fake-session.ts';
import { ScriptedConsole } from './scripted-console.ts';

const registry = new CommandRegistry([...solCommands, ...payloadCommands]);

let sol: SolService;
let bmc: Bmc;
let session: FakeSession;

beforeEach(async () => {
  const [clock, store, log] = [new ScriptedClock(), memoryStore(), silentLogger];
  const console = new ConsoleHub(new ScriptedConsole(), clock);
  await console.start();
  const settings = new SolSettings({ store, events: eventLog() });
  const events = new EventLog(clock, store, log);
  const users = new Users({
    specs: [
      { name: 'admin', password: 'password', limit: 'administrator' },
      { name: 'nosol', password: 'password', limit: 'administrator', sol: false },
    ],
    store,
    events,
    clock,
    random: systemRandom(),
  });
  sol = new SolService({ console, settings, events, users, clock, log, replayBytes: 0 });
  // What these commands touch of a BMC; the rest needs a machine.
  bmc = { sol: settings, users, events, console, clock, log, faults: new Faults() } as unknown as Bmc;
  session = new FakeSession();
});

/** @param request NetFn, command and data in hexadecimal */
function send(request: string, from: FakeSession | 'no session' = session): string {
  const [netFn = 0, cmd = 0, ...data] = fromHex(request);
  const context: CommandContext = {
    bmc,
    state: {} as IpmiState,
    actor: { name: 'admin', face: 'ipmi' },
    channel: 1,
    session: from === 'no session' ? undefined : (from as unknown as Session),
    lan: {
      port: 623,
      sol,
      sessions: () => [],
      session: () => undefined,
      sessionWithHandle: () => undefined,
      maxSessions: 16,
      cipherSuites: [17, 3],
      ipmi15: false,
      statistics: () => ({ received: 0, sent: 0, validRmcp: 0 }),
      clearStatistics: () => undefined,
    },
  };
  const reply = registry.dispatch(
    { netFn, cmd, rsLun: 0, data: Uint8Array.from(data) },
    context,
    from === 'no session' ? 'administrator' : from.privilege,
  );
  if (reply instanceof Promise) throw new Error('answers at once');
  return toHex(reply).replace(/(..)(?=.)/g, '$1 ');
}

describe('Get SOL Configuration Parameters', () => {
  test.each([
    ['0c 22 01 00 00 00', '00 11 00'],
    ['0c 22 01 01 00 00', '00 11 01'],
    ['0c 22 01 02 00 00', '00 11 c3'],
    ['0c 22 01 03 00 00', '00 11 01 60'],
    ['0c 22 01 04 00 00', '00 11 07 32'],
    ['0c 22 01 05 00 00', '00 11 0a'],
    ['0c 22 01 06 00 00', '00 11 0a'],
    ['0c 22 01 07 00 00', '00 11 01'],
    ['0c 22 01 08 00 00', '00 11 6f 02'],
    ['0c 22 0e 08 05 07', '00 11 6f 02'],
    ['0c 22 81 02 00 00', '00 11'],
    ['0c 22 01 09 00 00', '80'],
    ['0c 22 02 01 00 00', 'cc'],
    ['0c 22 01 01 00', 'c7'],
  ])('%s is answered %s', (request, reply) => {
    expect(send(request)).toBe(reply);
  });
});

describe('Set SOL Configuration Parameters', () => {
  test.each([
    ['0c 21 01 01 00', '0c 22 01 01 00 00', '00 11 00'],
    ['0c 21 01 02 82', '0c 22 01 02 00 00', '00 11 82'],
    ['0c 21 01 03 0c 20', '0c 22 01 03 00 00', '00 11 0c 20'],
    ['0c 21 01 04 02 ff', '0c 22 01 04 00 00', '00 11 02 ff'],
    ['0c 21 01 05 09', '0c 22 01 05 00 00', '00 11 09'],
    ['0c 21 01 06 06', '0c 22 01 06 00 00', '00 11 06'],
    ['0c 21 01 00 01', '0c 22 01 00 00 00', '00 11 01'],
    ['0c 21 01 00 02', '0c 22 01 00 00 00', '00 11 00'],
  ])('%s shows in %s', (set, get, reply) => {
    expect(send(set)).toBe('00');
    expect(send(get)).toBe(reply);
  });

  test.each([
    ['0c 21 01 07 01', '82'],
    ['0c 21 01 08 6f 02', '82'],
    ['0c 21 01 09 00', '80'],
    ['0c 21 01 02 80', 'cc'],
    ['0c 21 01 03 00 20', 'cc'],
    ['0c 21 01 05 01', 'cc'],
    ['0c 21 01 04 02', 'c7'],
    ['0c 21 01 01 00 00', 'c7'],
  ])('%s is refused with %s', (request, reply) => {
    expect(send(request)).toBe(reply);
  });

  test('a set in progress keeps others from beginning one, until its session ends', () => {
    expect(send('0c 21 01 00 01')).toBe('00');
    const other = new FakeSession();
    expect(send('0c 21 01 00 01', other)).toBe('81');
    session.close();
    expect(send('0c 21 01 00 01', other)).toBe('00');
  });

  test('needs the administrator', () => {
    session.privilege = 'operator';
    expect(send('0c 21 01 01 00')).toBe('d4');
  });
});

describe('payload commands', () => {
  test('activate, show and deactivate SOL', () => {
    expect(send('06 4a 01')).toBe('00 04 00 00');
    expect(send('06 48 01 01 c6 00 00 00')).toBe('00 00 00 00 00 03 01 03 01 6f 02 ff ff');
    expect(send('06 4a 01')).toBe('00 04 01 00');
    const id = toHex(Uint8Array.of(session.id, session.id >> 8)).replace(/(..)(..)/, '$1 $2');
    expect(send('06 4b 01 01')).toBe(`00 ${id} 00 00 01 00 00 00 00 00 00 00`);
    expect(send('06 4b 01 02')).toBe('00 00 00 00 00 01 00 00 00 00 00 00 00');
    expect(send('06 48 01 01 c6 00 00 00')).toMatch(/^00 /);
    expect(send('06 48 01 01 c6 00 00 00', new FakeSession())).toBe('80');
    expect(send('06 48 01 02 46 00 00 00', new FakeSession())).toBe('84');
    expect(send('06 55 01 01 00')).toBe('81');
    expect(send('06 55 01 01 01')).toBe('00');
    expect(send('06 55 01 01 02')).toBe('80');
    expect(send('06 49 01 01 00 00 00 00')).toBe('00');
    expect(send('06 49 01 01 00 00 00 00')).toBe('80');
    expect(send('06 55 01 01 01')).toBe('83');
  });

  test.each([
    ['06 48 00 01 c6 00 00 00', 'cc'],
    ['06 48 01 01 c6', 'c7'],
    ['06 48 01 05 c6 00 00 00', '82'],
    ['06 4a 00', 'cc'],
    ['06 4b 01 00', 'cc'],
    ['06 4d 01 02', '00 02 00 00 00'],
    ['06 4d 01 03', '00 00 00 00 00'],
    ['06 4d 01 00', 'cc'],
    ['06 4c 01 02 02 00 00 00', '00'],
    ['06 4c 01 42 02 00 00 00', '00'],
    ['06 4c 01 03 02 00 00 00', '00'],
    ['06 4e 0e', '00 03 00 3f 00 00 00 00 00'],
    ['06 4e 02', 'cc'],
    ['06 4f 01 01', '00 10'],
    ['06 4f 01 00', '00 10'],
    ['06 4f 01 20', '80'],
  ])('%s is answered %s', (request, reply) => {
    expect(send(request)).toBe(reply);
  });

  test('without a session cannot be activated', () => {
    expect(send('06 48 01 01 c6 00 00 00', 'no session')).toBe('d5');
  });
});
