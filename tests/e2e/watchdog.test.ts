/** The BMC watchdog with real clients, against a machine in memory. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BmcOnLan } from '../support/bmc-on-lan.ts';
import { until } from '../support/processes.ts';

let server: BmcOnLan;
const ipmitool = async (...args: string[]) => (await server.ipmitool(...args)).output;

beforeAll(async () => {
  server = await BmcOnLan.start({ powerOn: true });
});
afterAll(() => server?.stop());

test('ipmitool cannot wind what nobody has set', async () => {
  expect(await ipmitool('mc', 'watchdog', 'reset')).toContain('Attempt to reset uninitialized watchdog');
  expect(await ipmitool('mc', 'watchdog', 'get')).toMatch(/Watchdog Timer Is:\s+Stopped/);
});

test('ipmitool sets, shows, winds and stops it', async () => {
  await ipmitool(
    'mc',
    'watchdog',
    'set',
    'use=oem',
    'action=cycle',
    'timeout=100',
    'int=msg',
    'pretimeout=5',
  );
  await ipmitool('mc', 'watchdog', 'reset');
  const shown = await ipmitool('mc', 'watchdog', 'get');
  expect(shown).toMatch(/Watchdog Timer Use:\s+OEM \(0x45\)/);
  expect(shown).toMatch(/Watchdog Timer Is:\s+Started\/Running/);
  expect(shown).toMatch(/Watchdog Timer Action:\s+Power Cycle \(0x33\)/);
  expect(shown).toMatch(/Pre-timeout interrupt:\s+Messaging/);
  expect(shown).toMatch(/Initial Countdown:\s+100.0 sec/);
  expect(shown).toMatch(/Present Countdown:\s+(100|99)\.\d sec/);
  await ipmitool('mc', 'watchdog', 'off');
  expect(server.bmc.watchdog.running).toBe(false);
});

test('ipmitool starts one that resets the machine', async () => {
  const before = server.machine.boots.length;
  expect(await ipmitool('raw', '6', '0x24', '4', '1', '0', '0', '10', '0')).not.toContain('Unable');
  await ipmitool('mc', 'watchdog', 'reset');
  await until('the reset', () => server.machine.boots.length > before);
  expect(await ipmitool('chassis', 'restart_cause')).toContain('watchdog');
  expect(await ipmitool('mc', 'watchdog', 'get')).toMatch(/Timer Expiration Flags:\s+\* SMS\/OS|SMS\/OS/);
});
