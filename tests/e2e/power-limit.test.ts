/**
 * Power limits with the whole appliance: a guest that computes without end, held down by a control group of this
 * host, watched by real clients.
 */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findCpuQuota } from '../../src/machine/qemu/cpu-quota.ts';
import { Appliance } from '../support/appliance.ts';
import { BmcOnLan } from '../support/bmc-on-lan.ts';
import { until } from '../support/processes.ts';
import { RealClients } from '../support/real-clients.ts';

const search = findCpuQuota(`qemu-bmc-test-${process.pid}`);
const reason = 'unavailable' in search ? ` (not here: ${search.unavailable})` : '';

/** Of one processor: 22 W idle, 38 W busy, less where this host has others to serve. */
const limitWatts = 24;
const busyWatts = 26;

describe.skipIf(reason !== '')(`the power limit of a guest that computes without end${reason}`, () => {
  let appliance: Appliance;
  let clients: RealClients;

  const watts = async (words: readonly string[] = []) => {
    const output = await appliance.ipmi('dcmi', 'power', 'reading', ...words);
    const [, current] = /Instantaneous power reading: +(\d+) Watts/.exec(output) ?? [];
    const [, average] = /Average power reading over sample period: +(\d+) Watts/.exec(output) ?? [];
    return { current: Number(current), average: Number(average) };
  };
  /** The control group that QEMU is in, of the hierarchy for processors. */
  const group = (pid: number) => {
    const lines = readFileSync(`/proc/${pid}/cgroup`, 'latin1').split('\n');
    const of = (pattern: RegExp) => lines.flatMap((line) => pattern.exec(line)?.[1] ?? [])[0];
    return of(/^\d+:(?:\w+,)*cpu(?:,\w+)*:(.*)$/) ?? of(/^0::(.*)$/) ?? '';
  };

  beforeAll(async () => {
    appliance = await Appliance.start();
    clients = new RealClients({ address: '127.0.0.1', port: appliance.port, home: appliance.folder });
    await until('the guest is there', () => appliance.serialLog().includes('demo login: '), 90_000, 100);
    const terminal = appliance.sol();
    await terminal.expect('SOL Session operational');
    await terminal.typeUntil('\r', 'demo login: ');
    terminal.type('root\r');
    await terminal.expect('root@demo:~# ');
    terminal.type('dd if=/dev/zero of=/dev/null bs=64k &\r');
    await terminal.expect('root@demo:~# ');
    terminal.type('\r~.');
    await terminal.expect('terminated ipmitool');
    await terminal.exited();
  }, 150_000);

  afterAll(async () => {
    await appliance?.stop();
    appliance?.clean();
  });

  test('is held within the correction time, as ipmitool and FreeIPMI see', { timeout: 180_000 }, async () => {
    await until('the guest is busy', async () => (await watts()).current >= busyWatts, 60_000, 500);
    for (const [name, value] of [
      ['limit', limitWatts],
      ['correction', 4000],
      ['sample', 10],
      ['action', 'sel_logging'],
    ]) {
      await appliance.ipmi('dcmi', 'power', 'set_limit', String(name), String(value));
    }
    await until('nothing holds it down yet', async () => (await watts()).current >= busyWatts, 20_000, 200);
    const activatedAt = performance.now();
    await appliance.ipmi('dcmi', 'power', 'activate');
    await until(
      'the power is below the limit',
      async () => (await watts()).current <= limitWatts,
      6_000,
      200,
    );
    expect(performance.now() - activatedAt).toBeLessThan(6_000);
    const shown = await appliance.ipmi('dcmi', 'power', 'get_limit');
    expect(shown).toMatch(/Current Limit State: Power Limit Active/);
    expect(shown).toMatch(new RegExp(`Power Limit: +${limitWatts} Watts`));
    // Every reading of the next seconds, and the mean over the sampling period.
    const until_ = performance.now() + 14_000;
    const seen: number[] = [];
    while (performance.now() < until_) {
      seen.push((await watts()).current);
      await new Promise((done) => setTimeout(done, 500));
    }
    expect(Math.max(...seen)).toBeLessThanOrEqual(limitWatts);
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(limitWatts - 2);
    const { average } = await watts();
    expect(average).toBeLessThanOrEqual(limitWatts);
    const { output } = await clients.freeipmi('ipmi-dcmi', '--get-power-limit');
    expect(output).toMatch(new RegExp(`Power Limit Requested\\s+: ${limitWatts} watts`));
    expect(await appliance.ipmi('sel', 'elist')).not.toContain('Pwr Consumption');
  });

  test('stays in force over a restart of the BMC and a power cycle', { timeout: 120_000 }, async () => {
    const { bmc, qemu } = appliance.status();
    process.kill(bmc, 'SIGKILL');
    await until(
      'another BMC answers',
      async () => {
        try {
          return appliance.status().bmc !== bmc && (await watts()).current > 0;
        } catch {
          return false;
        }
      },
      15_000,
    );
    expect(appliance.status().qemu).toBe(qemu);
    await until('it measures again', async () => (await watts()).current > 22, 10_000, 200);
    expect((await watts()).current).toBeLessThanOrEqual(limitWatts);
    const before = group(qemu ?? 0);
    expect(before).toMatch(/qemu-bmc-[0-9a-f]{12}$/);
    await appliance.ipmi('power', 'cycle');
    const next = await until(
      'another QEMU',
      () => {
        const { qemu: now } = appliance.status();
        return now === qemu ? undefined : now;
      },
      15_000,
    );
    expect(group(next)).toBe(before);
  });

  test('is lifted, and leaves no control group behind', { timeout: 60_000 }, async () => {
    await appliance.ipmi('dcmi', 'power', 'deactivate');
    expect(await appliance.ipmi('dcmi', 'power', 'get_limit')).toContain('No Active Power Limit');
    const { qemu = 0 } = appliance.status();
    const path = group(qemu);
    await appliance.ipmi('power', 'off');
    await until('the power is off', async () => !(await appliance.isOn()), 5_000);
    if (!('quota' in search)) throw new Error('no control groups');
    const directory = search.quota.directory.replace(/[^/]+$/, path.split('/').at(-1) ?? '');
    await until('the group is gone', () => !existsSync(directory), 5_000);
  });
});

describe('the power limit as FreeIPMI configures it', () => {
  test('is checked out, committed as it is and key by key, and does not differ', async () => {
    const server = await BmcOnLan.start({ powerOn: true, limitable: true });
    try {
      const file = server.file('dcmi.conf');
      const config = (...args: string[]) => server.freeipmi('ipmi-config', '--category=dcmi', ...args);
      expect((await config('--checkout', '--filename', file)).code).toBe(0);
      const delivered = readFileSync(file, 'utf8');
      expect(delivered).toMatch(/Power_Limit_Requested\s+38/);
      expect(await config('--commit', '--filename', file)).toMatchObject({ code: 0, output: '' });
      for (const [key, value] of [
        ['Exception_Actions', 'LOG_EVENT_TO_SEL_ONLY'],
        ['Power_Limit_Requested', '30'],
        ['Correction_Time_Limit', '5000'],
        ['Management_Application_Statistics_Sampling_Period', '20'],
      ]) {
        const pair = `--key-pair=DCMI_Conf:${key}=${value}`;
        expect([key, await config('--commit', pair)]).toEqual([
          key,
          expect.objectContaining({ code: 0, output: '' }),
        ]);
      }
      expect(server.bmc.powerLimit.setting).toEqual({
        watts: 30,
        correctionMs: 5000,
        samplingSeconds: 20,
        action: 'log',
      });
      expect((await config('--diff', '--filename', file)).output).toContain('Power_Limit_Requested');
    } finally {
      await server.stop();
    }
  });
});

describe('a power limit that does not hold', () => {
  test.each([
    ['sel_logging', 'on'],
    ['power_off', 'off'],
  ])('with the action %s leaves a record, and the power %s', async (action, power) => {
    const server = await BmcOnLan.start({ powerOn: true, limitable: true });
    try {
      server.machine.load.cpu = 1;
      server.machine.load.unlimited = true;
      await until('the guest is busy', () => (server.bmc.sensors.analog('power').reading ?? 0) > 37, 10_000);
      for (const [name, value] of [
        ['limit', '30'],
        ['correction', '1000'],
        ['action', action],
      ] as const) {
        expect((await server.ipmitool('dcmi', 'power', 'set_limit', name, value)).code).toBe(0);
      }
      const refused = await server.ipmitool('dcmi', 'power', 'set_limit', 'limit', '20');
      expect([refused.code, refused.output]).toEqual([1, expect.stringMatching(/limit out of range \(84\)/)]);
      await server.ipmitool('dcmi', 'power', 'activate');
      const log = async () => (await server.ipmitool('sel', 'elist')).output;
      await until('a record', async () => (await log()).includes('Pwr Consumption'), 15_000, 200);
      expect(await log()).toMatch(
        /Pwr Consumption \| Upper Critical going high.*\| Asserted \| Reading 38 > Threshold 30 Watts/,
      );
      await until('the action', () => server.bmc.power.state === power, 5_000);
    } finally {
      await server.stop();
    }
  });
});
