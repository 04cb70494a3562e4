/** Resets of the BMC, its admin socket and its system interface in the whole appliance. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAlive } from '../../src/processes.ts';
import { Appliance } from '../support/appliance.ts';
import { run, until } from '../support/processes.ts';

let appliance: Appliance;
const cli = (...args: string[]) => run(process.execPath, ['dist/main.js', ...args], { env: appliance.env });

beforeAll(async () => {
  appliance = await Appliance.start();
  await until('QEMU runs', () => appliance.status().qemu !== undefined, 60_000);
});
afterAll(async () => {
  await appliance?.stop();
  appliance?.clean();
});

test.each(['cold', 'warm'])(
  'after a %s reset the BMC is a new one and the machine the same',
  async (kind) => {
    const before = appliance.status();
    expect(await appliance.ipmi('mc', 'reset', kind)).toContain(`Sent ${kind} reset command to MC`);
    await until('a new BMC', () => appliance.status().bmc !== before.bmc, 20_000);
    await until(
      'it answers',
      async () => (await appliance.ipmitool('-N', '1', '-R', '1', 'mc', 'info')).code === 0,
      20_000,
    );
    expect(appliance.status().qemu).toBe(before.qemu);
    expect(isAlive(before.qemu as number)).toBe(true);
    expect(await appliance.isOn()).toBe(true);
  },
);

test('faults are injected and cleared from the command line', async () => {
  expect(await cli('inject', 'completion-code', 'command=Get Chassis Status', 'code=0xc0')).toMatchObject({
    code: 0,
  });
  expect((await appliance.ipmitool('-R', '1', 'chassis', 'status')).stderr).toContain('Node busy');
  expect((await cli('inject', 'list')).stdout).toContain('"Get Chassis Status": 192');
  const wrong = await cli('inject', 'nonsense');
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('expected list, clear or one of')]);
  expect(await cli('inject', 'clear')).toMatchObject({ code: 0 });
  expect(await appliance.isOn()).toBe(true);
});
