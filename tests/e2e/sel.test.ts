/** The System Event Log with real clients, ipmitool and FreeIPMI, against a machine in memory. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileStore } from '../../src/store/file-store.ts';
import { BmcOnLan } from '../support/bmc-on-lan.ts';

let folder: string;
let server: BmcOnLan;

const store = () => fileStore(join(folder, 'state'), ({ reason }) => expect.fail(reason));

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-sel-'));
  server = await BmcOnLan.start({ store: store() });
});
afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** Lets what was asked for in the background happen. */
async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('it did not come to be');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function powerOn(): Promise<void> {
  await server.ipmitool('chassis', 'power', 'on');
  await until(() => server.bmc.power.isOn);
}

/** Events that real clients put into words of their own. */
async function liveThroughMuch(): Promise<void> {
  await server.ipmitool('chassis', 'bootdev', 'pxe');
  await powerOn();
  server.machine.guestReboot();
  server.machine.panic();
  server.machine.watchdogBites();
  await server.ipmitool('chassis', 'power', 'diag');
  await server.ipmitool('chassis', 'power', 'reset');
  await until(() => server.machine.boots.length === 4);
  server.machine.guestShutdown();
  await powerOn();
  server.machine.crash();
}

const expectedOfIpmitool = [
  ['Management Subsys Health BMC Health', 'Management controller off-line', 'Deasserted'],
  ['System Boot Initiated System Boot', 'User requested PXE boot', 'Asserted'],
  ['System Boot Initiated System Boot', 'Initiated by power up', 'Asserted'],
  ['Power Unit Pwr Unit Status', 'Power off/down', 'Deasserted'],
  ['System Boot Initiated System Boot', 'OS initiated hard reset', 'Asserted'],
  ['OS Critical Stop OS Critical Stop', 'Run-time critical stop', 'Asserted'],
  ['Watchdog2 Watchdog', 'Hard reset', 'Asserted'],
  ['System Boot Initiated System Boot', 'System Restart', 'Asserted'],
  ['Critical Interrupt Critical Int', 'NMI/Diag Interrupt', 'Asserted'],
  ['System Boot Initiated System Boot', 'Initiated by hard reset', 'Asserted'],
  ['OS Critical Stop OS Critical Stop', 'OS graceful shutdown', 'Asserted'],
  ['Power Unit Pwr Unit Status', 'Power off/down', 'Asserted'],
  ['System Boot Initiated System Boot', 'Initiated by power up', 'Asserted'],
  ['Power Unit Pwr Unit Status', 'Power off/down', 'Deasserted'],
  ['Power Unit Pwr Unit Status', 'Failure detected', 'Asserted'],
  ['Power Unit Pwr Unit Status', 'Power off/down', 'Asserted'],
];

const expectedOfFreeipmi = [
  ['BMC Health', 'management controller off-line'],
  ['System Boot', 'User requested PXE boot'],
  ['System Boot', 'Initiated by power up'],
  ['Pwr Unit Status', 'Power Off/Power Down'],
  ['System Boot', 'OS / run-time software initiated hard reset'],
  ['OS Critical Stop', 'Run-time Critical Stop'],
  ['Watchdog', 'Hard Reset ; Timer use at expiration = unspecified ; Interrupt type = none'],
  ['System Boot', 'System Restart ; Watchdog expiration'],
  ['Critical Int', 'Front Panel NMI/Diagnostic Interrupt'],
  ['System Boot', 'Initiated by hard reset'],
  ['OS Critical Stop', 'OS Graceful Shutdown'],
  ['Pwr Unit Status', 'Power Off/Power Down'],
  ['System Boot', 'Initiated by power up'],
  ['Pwr Unit Status', 'Power Off/Power Down'],
  ['Pwr Unit Status', 'Power Unit Failure detected'],
  ['Pwr Unit Status', 'Power Off/Power Down'],
];

describe('what happens to a machine', () => {
  test('reads as a story in ipmitool sel elist and in ipmi-sel', async () => {
    await liveThroughMuch();
    const { code, output } = await server.ipmitool('sel', 'elist');
    expect(code).toBe(0);
    const told = output
      .trim()
      .split('\n')
      .map((line) => line.split('|').map((field) => field.trim()));
    expect(told.map((fields) => fields.slice(3))).toEqual(expectedOfIpmitool);
    expect(told.map(([id = '']) => Number.parseInt(id, 16))).toEqual(told.map((_, index) => index + 1));

    const freeipmi = await server.freeipmi('ipmi-sel', '--quiet-cache', '--sdr-cache-directory', folder);
    const rows = freeipmi.output.split('\n').filter((line) => /^\d+ /.test(line));
    const words = rows.map((line) => line.split('|').map((field) => field.trim()));
    expect(words.map(([, , , name, , event]) => [name, event])).toEqual(expectedOfFreeipmi);
    for (const { output: text } of [{ output }, freeipmi]) expect(text).not.toMatch(/unknown|invalid|oem/i);
  });

  test('is still told after the BMC was restarted', async () => {
    await powerOn();
    const before = (await server.ipmitool('sel', 'list')).output;
    await server.stop();
    server = await BmcOnLan.start({ store: store() });
    const { output } = await server.ipmitool('sel', 'list');
    expect(output.startsWith(before)).toBe(true);
    const added = output.slice(before.length).trim().split('\n');
    expect(added.map((line) => line.split('|').slice(4).join().trim())).toEqual([
      'Management controller off-line , Asserted',
      'Management controller off-line , Deasserted',
    ]);
  });
});

describe('ipmitool', () => {
  test('shows what the log can do and how full it is', async () => {
    const { output } = await server.ipmitool('sel', 'info');
    expect(output).toMatch(/Version +: 1\.5 \(v1\.5, v2 compliant\)/);
    expect(output).toMatch(/Entries +: 1\n/);
    expect(output).toMatch(/Free Space +: 65504 bytes/);
    expect(output).toMatch(/Overflow +: false/);
    expect(output).toMatch(/Supported Cmds +: 'Delete' 'Partial Add' 'Reserve' 'Get Alloc Info'/);
    expect(output).toMatch(/# of Alloc Units +: 4095/);
  });

  test('sends its sample events, and reads one in all detail', async () => {
    for (const number of ['1', '2', '3']) expect((await server.ipmitool('event', number)).code).toBe(0);
    const { output } = await server.ipmitool('sel', 'list', 'last', '3');
    expect(output).toMatch(/Temperature #0x30 \| Upper Critical going high +\| Asserted/);
    expect(output).toMatch(/Voltage #0x60 \| Lower Critical going low +\| Asserted/);
    expect(output).toMatch(/Memory #0x53 \| Correctable ECC +\| Asserted/);
    const one = await server.ipmitool('sel', 'get', '4');
    expect(one.output).toMatch(/Generator ID +: 1081/);
    expect(one.output).toMatch(/Sensor Type +: Memory/);
    expect(one.output).toMatch(/Description +: Correctable ECC/);
  });

  test('makes an event of one of our sensors', async () => {
    expect((await server.ipmitool('event', 'CPU Temp', 'ucr')).code).toBe(0);
    expect((await server.ipmitool('sel', 'list', 'last', '1')).output).toContain('Upper Critical going high');
  });

  test('deletes, saves, clears and adds', async () => {
    for (const number of ['1', '2', '3']) await server.ipmitool('event', number);
    expect(await server.ipmitool('sel', 'delete', '2', '3')).toMatchObject({ code: 0 });
    const file = join(folder, 'sel.save');
    expect((await server.ipmitool('sel', 'save', file)).code).toBe(0);
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
    expect((await server.ipmitool('sel', 'clear')).code).toBe(0);
    expect((await server.ipmitool('sel', 'list')).output).toMatch(
      /^ +1 \|.*\| Event Logging Disabled #0x06 \| Log area reset\/cleared \| Asserted\n$/,
    );
    expect((await server.ipmitool('sel', 'add', file)).code).toBe(0);
    const { output } = await server.ipmitool('sel', 'list');
    expect(output.trim().split('\n')).toHaveLength(3);
    expect(output).toContain('Memory #0x53 | Correctable ECC');
  });

  test('sets the clock of the log, not that of the machine', async () => {
    expect(await server.ipmitool('sel', 'time', 'set', '01/02/27 10:00:00')).toMatchObject({ code: 0 });
    expect((await server.ipmitool('sel', 'time', 'get')).output).toMatch(/^01\/02\/27 10:00:0\d UTC/);
    await server.ipmitool('event', '1');
    const { output } = await server.ipmitool('sel', 'list');
    expect(output.match(/Timestamp Clock Sync/g)).toHaveLength(2);
    expect(output).toMatch(/01\/02\/27 \| 10:00:0\d UTC \| Temperature/);
    expect(Math.abs(server.bmc.clock.wallTime() - Date.now())).toBeLessThan(1000);
  });
});

describe('ipmi-sel', () => {
  const ipmiSel = (...args: string[]) =>
    server.freeipmi('ipmi-sel', '--quiet-cache', '--sdr-cache-directory', folder, ...args);

  test('shows what the log can do', async () => {
    const { code, output } = await ipmiSel('--info');
    expect(code).toBe(0);
    expect(output).toMatch(/SEL version +: 1\.5/);
    expect(output).toMatch(/Delete SEL Command +: supported/);
    expect(output).toMatch(/Events dropped due to lack of space +: No/);
  });

  test('displays, deletes and clears', async () => {
    for (const number of ['1', '2', '3']) await server.ipmitool('event', number);
    const shown = await ipmiSel('--display=3', '--no-header-output');
    expect(shown.output).toMatch(/^3 +\| .* \| Voltage +\| Lower Critical - going low\s*$/);
    expect((await ipmiSel('--delete=3')).code).toBe(0);
    const rest = await ipmiSel('--tail=10', '--no-header-output');
    expect(
      rest.output
        .trim()
        .split('\n')
        .map((line) => Number.parseInt(line, 10)),
    ).toEqual([1, 2, 4]);
    expect((await ipmiSel('--clear')).code).toBe(0);
    const cleared = await ipmiSel('--no-header-output');
    expect(cleared.output).toMatch(
      /^1 +\|.*\| Event Log +\| Event Logging Disabled +\| Log Area Reset\/Cleared\s*$/,
    );
  });
});
