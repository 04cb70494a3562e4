/** Chassis, controller and bridging commands with real clients, against a machine in memory. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BmcOnLan } from '../support/bmc-on-lan.ts';
import { until } from '../support/processes.ts';

let server: BmcOnLan;
const ipmitool = async (...args: string[]) => (await server.ipmitool(...args)).output;
const freeipmi = async (...args: [string, ...string[]]) => (await server.freeipmi(...args)).output;

beforeAll(async () => {
  server = await BmcOnLan.start({ powerOn: true });
});
afterAll(() => server?.stop());

describe('ipmitool', () => {
  test('shows a chassis without unknowns, and identify', async () => {
    const status = await ipmitool('chassis', 'status');
    expect(status).toContain('System Power         : on');
    expect(status).toContain('Power Button Disabled: false');
    expect(status).not.toMatch(/unknown|invalid/i);
    expect(await ipmitool('chassis', 'identify', 'force')).toContain('indefinite');
    expect(server.bmc.identify.state).toBe('on');
    expect(await ipmitool('chassis', 'identify', '0')).toContain('off');
    expect(server.bmc.identify.state).toBe('off');
  });

  test('tells why the machine started last', async () => {
    expect(await ipmitool('chassis', 'restart_cause')).toContain('always-restore power policy');
    await ipmitool('chassis', 'power', 'reset');
    await until('the reset', () => server.bmc.power.lastRestart.cause === 'command');
    expect(await ipmitool('chassis', 'restart_cause')).toContain('chassis power control command');
    server.machine.guestReboot();
    expect(await ipmitool('chassis', 'restart_cause')).toContain('soft reset');
    expect(await ipmitool('chassis', 'poh')).toContain('0 days, 0 hours');
  });

  test.each([
    ['pxe', [], 'Force PXE'],
    ['disk', ['options=persistent'], 'Force Boot from default Hard-Drive'],
    ['cdrom', ['options=efiboot'], 'Force Boot from CD/DVD'],
    ['bios', ['options=efiboot,persistent'], 'Force Boot into BIOS Setup'],
  ])('bootdev %s %j reads back', async (device, options, text) => {
    expect(await ipmitool('chassis', 'bootdev', device, ...options)).toContain(
      `Set Boot Device to ${device}`,
    );
    const read = await ipmitool('chassis', 'bootparam', 'get', '5');
    expect(read).toContain(text);
    expect(read).toContain(JSON.stringify(options).includes('efiboot') ? 'BIOS EFI boot' : 'PC Compatible');
    expect(read).toContain(
      JSON.stringify(options).includes('persistent') ? 'all future boots' : 'only next boot',
    );
  });

  test('reads all boot parameters and writes the mailbox', async () => {
    for (const parameter of ['0', '1', '2', '3', '4', '5', '6', '7']) {
      const { code, output } = await server.ipmitool('chassis', 'bootparam', 'get', parameter);
      expect([code, output]).toEqual([
        0,
        expect.stringContaining(`Boot parameter ${parameter} is valid/unlocked`),
      ]);
    }
    await ipmitool('chassis', 'bootmbox', 'set', 'text', '1234', 'hello mailbox, in two blocks');
    expect(await ipmitool('chassis', 'bootmbox', 'get', 'text')).toContain("'hello mailbox");
  });

  test('asks the controller: self test, enables, names, resets', async () => {
    expect(await ipmitool('mc', 'selftest')).toContain('Selftest: passed');
    expect(await ipmitool('mc', 'getenables')).toMatch(/System Event Logging\s+: enabled/);
    for (const [name, text] of [
      ['system_name', 'n17'],
      ['primary_os_name', 'a name that needs more than one block'],
      ['os_name', 'Linux'],
      ['system_fw_version', '1.0'],
    ] as const) {
      expect((await server.ipmitool('mc', 'setsysinfo', name, text)).code).toBe(0);
      expect(await ipmitool('mc', 'getsysinfo', name)).toContain(text);
    }
    const asked: string[] = [];
    server.bmc.onResetRequest(({ kind }) => asked.push(kind));
    expect((await server.ipmitool('mc', 'reset', 'warm')).output).toContain('Sent warm reset command to MC');
    expect((await server.ipmitool('mc', 'reset', 'cold')).output).toContain('Sent cold reset command to MC');
    expect(asked).toEqual(['warm', 'cold']);
  });

  test('finds the LAN face where it was after it has started anew', async () => {
    const { port } = server.lan.address;
    await server.lan.restart();
    expect(server.lan.address.port).toBe(port);
    expect((await server.ipmitool('mc', 'info')).code).toBe(0);
  });

  test('reaches the satellite, and nobody elsewhere', async () => {
    expect(await ipmitool('-t', '0x82', 'mc', 'info')).toMatch(/Device ID\s+: 33/);
    expect(await ipmitool('-t', '0x82', 'raw', '6', '0xee')).toContain('Invalid command');
    expect((await server.ipmitool('-t', '0x84', 'mc', 'info')).code).not.toBe(0);
  });
});

describe('FreeIPMI', () => {
  test('shows the chassis', async () => {
    expect(await freeipmi('ipmi-chassis', '--get-chassis-capabilities')).toMatch(
      /Front Panel Lockout\s+: provided/,
    );
    const status = await freeipmi('ipmi-chassis', '--get-chassis-status');
    expect(status).toMatch(/System Power\s+: on/);
    expect(status).toMatch(/Chassis Identify state\s+: off/);
    expect(await freeipmi('ipmi-chassis', '--get-power-on-hours-counter')).toContain('0 Hours');
    expect((await server.freeipmi('ipmi-chassis', '--set-power-cycle-interval=3')).code).toBe(0);
    expect(server.bmc.power.cycleOffMs).toBe(3_000);
  });

  test('commits and finds again what it checked out of the chassis', async () => {
    const commit = await server.freeipmi(
      'ipmi-config',
      '--category=chassis',
      '--commit',
      '--key-pair=Chassis_Front_Panel_Buttons:Enable_Reset_Button=No',
      '--key-pair=Chassis_Boot_Flags:Boot_Device=PXE',
      '--key-pair=Chassis_Boot_Flags:BIOS_Boot_Type=EFI',
    );
    expect(commit).toMatchObject({ code: 0, output: '' });
    expect([...server.bmc.frontPanel.disabled]).toContain('reset');
    const checkout = await freeipmi('ipmi-config', '--category=chassis', '--checkout');
    expect(checkout).toMatch(/Enable_Reset_Button\s+No/);
    expect(checkout).toMatch(/Boot_Device\s+PXE/);
    expect(checkout).toMatch(/BIOS_Boot_Type\s+EFI/);
  });

  test('asks the controller', async () => {
    expect(await freeipmi('bmc-device', '--get-acpi-power-state')).toContain('S0/G0');
    expect(await freeipmi('bmc-device', '--get-self-test-results')).toContain('No Error');
    expect(await freeipmi('bmc-info', '--get-system-info')).toMatch(/System Name\s+: n17/);
  });

  test('reaches the satellite', async () => {
    const satellite = ['--target-channel-number=0', '--target-slave-address=0x82'];
    expect(await freeipmi('ipmi-raw', ...satellite, '0', '6', '1')).toContain('rcvd: 01 00 21 01');
  });
});
