/** Sensors, SDRs, FRU and DCMI as real clients show them, ipmitool and FreeIPMI, against a machine in memory. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BmcOnLan } from '../support/bmc-on-lan.ts';
import { qemuFixture } from '../support/qemu.ts';
import type { Answer } from '../support/real-clients.ts';

let server: BmcOnLan;
beforeAll(async () => {
  server = await BmcOnLan.start({
    hardware: { cpus: 2, memoryMb: 4096 },
    powerOn: true,
    freeipmiOptions: ['-D', 'LAN_2_0'],
  });
});
afterAll(() => server?.stop());

/** What no human wants to read. */
const nonsense = /unknown|invalid|error|failed|fault/i;

async function sane(answer: Promise<Answer>): Promise<string> {
  const { code, output } = await answer;
  expect(output).not.toMatch(nonsense);
  expect(code).toBe(0);
  return output;
}

describe('ipmitool', () => {
  test('lists all analog sensors with values and units', async () => {
    const output = await sane(server.ipmitool('sdr', 'elist', 'full'));
    expect(output).toMatch(/^CPU Temp +\| 20h \| ok +\| +3\.1 \| \d+ degrees C$/m);
    expect(output).toMatch(/^System Temp +\| 21h \| ok +\| +7\.1 \| \d+ degrees C$/m);
    expect(output).toMatch(/^FAN1 +\| 30h \| ok +\| 29\.1 \| 2400 RPM$/m);
    expect(output).toMatch(/^FAN2 +\| 31h \| ok +\| 29\.2 \| 2400 RPM$/m);
    expect(output).toMatch(/^Pwr Consumption +\| 50h \| ok +\| 19\.1 \| [2-5]\d Watts$/m);
    expect(output).toMatch(/^Memory Usage +\| 51h \| ok +\| 32\.1 \| 25 percent$/m);
    expect(output.trim().split('\n')).toHaveLength(6);
  });

  test('lists all records, the discrete ones with their states', async () => {
    const output = await sane(server.ipmitool('sdr', 'elist', 'all'));
    expect(output).toMatch(/^CPU2 Status .*\| Presence detected$/m);
    expect(output).toMatch(/^DIMM1 Status .*\| Presence Detected$/m);
    expect(output).toMatch(/^ACPI State .*\| S0\/G0: working$/m);
    expect(output).toMatch(/^System Boot .*\| Initiated by power up$/m);
    expect(output).toMatch(/^BMC .*Dynamic MC @ 20h$/m);
    expect(output).toMatch(/^System FRU .*Logical FRU @00h$/m);
    const count = /Record Count +: (\d+)/.exec(await sane(server.ipmitool('sdr', 'info')))?.[1];
    expect(output.trim().split('\n')).toHaveLength(Number(count));
  });

  test('finds sensors by type and by entity', async () => {
    const temperatures = await sane(server.ipmitool('sdr', 'type', 'Temperature'));
    expect(temperatures.match(/degrees C/g)).toHaveLength(2);
    expect(await sane(server.ipmitool('sdr', 'type', 'Fan'))).toMatch(/FAN1[\s\S]*FAN2/);
    expect(await sane(server.ipmitool('sdr', 'entity', '3.1'))).toMatch(/CPU1 Status[\s\S]*CPU Temp/);
  });

  test('lists readings with their thresholds', async () => {
    const output = await sane(server.ipmitool('sensor', 'list'));
    expect(output).toMatch(
      /^FAN1 +\| 2400\.000 +\| RPM +\| ok +\| 300\.000 +\| 500\.000 +\| 700\.000 +\| 12000/m,
    );
  });

  test('shows one sensor in full', async () => {
    const output = await sane(server.ipmitool('sensor', 'get', 'Pwr Consumption', 'CPU1 Status'));
    expect(output).toMatch(/Sensor Reading +: \d+ \(\+\/- 0\) Watts/);
    expect(output).toMatch(/Upper Critical +: \d+/);
    expect(output).toContain('[Presence detected]');
  });

  test('moves three thresholds at once, up and down', async () => {
    await sane(server.ipmitool('sensor', 'thresh', 'System Temp', 'upper', '100', '110', '120'));
    expect(server.bmc.sensors.analog('systemTemp').settings.thresholds).toMatchObject({
      'upper-non-critical': 100,
      'upper-critical': 110,
      'upper-non-recoverable': 120,
    });
    await sane(server.ipmitool('sensor', 'thresh', 'System Temp', 'upper', '50', '55', '60'));
    await sane(server.ipmitool('sensor', 'thresh', 'System Temp', 'lower', '2', '4', '6'));
    const { thresholds } = server.bmc.sensors.analog('systemTemp').settings;
    expect(Object.values(thresholds).sort((a, b) => a - b)).toEqual([2, 4, 6, 50, 55, 60]);
  });

  test('sees a reading that a tester sets, its threshold and its place in the SEL', async () => {
    server.bmc.sensors.override('cpuTemp', 92);
    const shown = await server.ipmitool('sensor', 'get', 'CPU Temp');
    expect(shown.output).toMatch(/Sensor Reading +: 92/);
    expect(shown.output).toMatch(/Status +: Upper Critical/);
    server.bmc.sensors.release('cpuTemp');
    const log = await sane(server.ipmitool('sel', 'elist'));
    expect(log).toMatch(
      /CPU Temp \| Upper Critical going high \| Asserted \| Reading 92 > Threshold 90 degrees C/,
    );
    expect(log).toMatch(/CPU Temp \| Upper Critical going high \| Deasserted/);
  });

  test('sees the open case in chassis status', async () => {
    server.bmc.sensors.override('chassisIntrusion', ['intrusion']);
    expect((await server.ipmitool('chassis', 'status')).output).toMatch(/Chassis Intrusion +: active/);
    expect((await server.ipmitool('sdr', 'elist')).output).toMatch(
      /Chassis Intru .*General Chassis intrusion/,
    );
    server.bmc.sensors.release('chassisIntrusion');
    expect((await server.ipmitool('chassis', 'status')).output).toMatch(/Chassis Intrusion +: inactive/);
  });

  test('prints the FRU, edits it, and sees the asset tag that DCMI sets', async () => {
    const before = await sane(server.ipmitool('fru', 'print'));
    for (const line of [
      'Chassis Type +: Other',
      'Chassis Serial +: QB0123456789',
      'Board Mfg +: qemu-bmc',
      'Board Product +: QEMU Virtual Server',
      'Product Name +: QEMU Virtual Server',
      'Product Version +: 1.2.3',
      'Product Serial +: QB0123456789',
    ]) {
      expect(before).toMatch(new RegExp(`${line}$`, 'm'));
    }
    // ipmitool 1.8.19 ends with 1 when it has had to move what stands behind the field.
    const edited = await server.ipmitool('fru', 'edit', '0', 'field', 'p', '1', 'Edited and longer name');
    expect(edited.output).toMatch(/Done\.$/m);
    expect(await sane(server.ipmitool('fru', 'print'))).toMatch(/Product Name +: Edited and longer name$/m);
    expect(server.bmc.fru.fields.product.name).toBe('Edited and longer name');
    await sane(server.ipmitool('dcmi', 'set_asset_tag', 'rack 7, slot 12, row 3'));
    expect(await sane(server.ipmitool('fru', 'print'))).toMatch(
      /Product Asset Tag +: rack 7, slot 12, row 3$/m,
    );
    expect(await sane(server.ipmitool('dcmi', 'asset_tag'))).toContain('rack 7, slot 12, row 3');
  });

  test.each([
    ['discover', /Identification support available[\s\S]*Power management available[\s\S]*4095 SEL entries/],
    ['power reading', /Instantaneous power reading: +\d+ Watts[\s\S]*Power reading state is: +activated/],
    ['power reading 1_min', /Average power reading over sample period: +\d+ Watts/],
    ['power get_limit', /No Active Power Limit/],
    ['sensors', /CPU: 1 temperature sensor found:[\s\S]*CPU Temp[\s\S]*Baseboard: 1[\s\S]*System Temp/],
    ['get_temp_reading', /CPU temperature sensors\(41h\)\s+1\s+\+\d+ C/],
    ['get_mc_id_string', /bmc-QB0123456789/],
    ['get_conf_param', /DHCP Discovery method/],
  ])('dcmi %s', async (words, expected) => {
    expect(await sane(server.ipmitool('dcmi', ...words.split(' ')))).toMatch(expected);
  });

  test('is told honestly that power cannot be limited', async () => {
    const { output } = await server.ipmitool('dcmi', 'power', 'set_limit', 'limit', '100');
    expect(output).toContain('(d6)');
  });
});

describe('FreeIPMI', () => {
  test.each([
    ['with a new cache', ['--sdr-cache-recreate', '--quiet-cache']],
    ['with the cache it has', ['--quiet-cache']],
  ])('shows sensors %s', async (_name, options) => {
    const output = await sane(server.freeipmi('ipmi-sensors', ...options));
    expect(output).toMatch(/^32 +\| CPU Temp +\| Temperature +\| \d+\.\d+ +\| C +\| 'OK'$/m);
    expect(output).toMatch(/^48 +\| FAN1 +\| Fan +\| 2400\.00 +\| RPM +\| 'OK'$/m);
    expect(output).toMatch(/^80 +\| Pwr Consumption .*\| W +\| 'OK'$/m);
    expect(output).toMatch(/^81 +\| Memory Usage .*\| % +\| 'OK'$/m);
    expect(output).toMatch(/'Processor Presence detected'/);
  });

  test('takes in its own check-out of all sensor settings without a difference', async () => {
    const file = server.file('sensors.conf');
    await sane(server.freeipmi('ipmi-sensors-config', '--quiet-cache', '--checkout', '--filename', file));
    await sane(server.freeipmi('ipmi-sensors-config', '--quiet-cache', '--commit', '--filename', file));
    const { code, output } = await server.freeipmi(
      'ipmi-sensors-config',
      '--quiet-cache',
      '--diff',
      '--filename',
      file,
    );
    expect([code, output.trim()]).toEqual([0, '']);
  });

  test('shows the FRU with the system’s ID', async () => {
    const output = await sane(server.freeipmi('ipmi-fru', '--quiet-cache'));
    expect(output).toMatch(/FRU Board Product Name: QEMU Virtual Server/);
    expect(output).toMatch(/FRU Management Access System Unique ID:/);
  });

  test.each([
    ['--get-dcmi-capability-info', /DCMI Specification Conformance +: 1\.5[\s\S]*Asset Tag +: Available/],
    ['--get-system-power-statistics', /Current Power +: \d+ Watts[\s\S]*Power Measurement +: Active/],
    ['--get-enhanced-system-power-statistics', /Rolling Average Time Period 15 Minutes/],
    ['--get-dcmi-sensor-info', /CPU Temperature SDR Record IDs\s+32/],
    ['--get-management-controller-identifier-string', /bmc-QB0123456789/],
  ])('ipmi-dcmi %s', async (option, expected) => {
    expect(await sane(server.freeipmi('ipmi-dcmi', option))).toMatch(expected);
  });
});

describe('of a machine that is off', () => {
  test('only standby power and board temperature are told', async () => {
    server.bmc.power.request('off', { name: 'test', face: 'bmc' });
    await expect.poll(() => server.bmc.power.state).toBe('off');
    const output = await sane(server.ipmitool('sdr', 'elist', 'full'));
    expect(output).toMatch(/^CPU Temp .*\| ns .*No Reading$/m);
    expect(output).toMatch(/^FAN1 .*\| ns .*No Reading$/m);
    expect(output).toMatch(/^System Temp .*\| ok .*\d+ degrees C$/m);
    expect(output).toMatch(/^Pwr Consumption .*\| ok .*\| 6 Watts$/m);
  });
});

describe('a QEMU machine', () => {
  test('tells what it uses while it is on, and nothing while it is off', async () => {
    const lab = qemuFixture();
    try {
      const { machine, until } = lab.machine();
      await machine.open();
      expect(await machine.telemetry()).toBeUndefined();
      await machine.powerOn();
      await until('tiny: boot=D');
      const first = await machine.telemetry();
      expect(first?.cpuSeconds).toBeGreaterThan(0);
      expect(first?.memoryUsedMb).toBeGreaterThan(1);
      // Under way again, the guest's firmware costs processor time.
      await machine.reset();
      await until('tiny: boot=D');
      await expect
        .poll(async () => (await machine.telemetry())?.cpuSeconds)
        .toBeGreaterThan(first?.cpuSeconds ?? Number.POSITIVE_INFINITY);
      await machine.forceOff();
      expect(await machine.telemetry()).toBeUndefined();
    } finally {
      await lab.cleanUp();
    }
  });
});
