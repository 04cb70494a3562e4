/**
 * kill -9 of BMC, QEMU and pm2 while the guest's own driver and ipmitool add to the SEL over KCS: what the guest was told
 * is in the SEL, and the guest's driver works again by itself when its BMC is back.
 *
 * KILL_MATRIX=full (`npm run kill-matrix`) does every cell three times.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Appliance } from '../support/appliance.ts';
import { GuestShell } from '../support/guest-shell.ts';
import { processesMentioning, until } from '../support/processes.ts';
import { bmcIsForgiven, machineIsOn, pm2Of, qemusOf, Recoveries, recoveryMs } from '../support/recovery.ts';

const rounds = process.env.KILL_MATRIX === 'full' ? 3 : 1;
const recoveries = new Recoveries();
const old: Appliance[] = [];
let appliance: Appliance;
/** Records that guests were told of which have no log of their serial port any more. */
let acknowledgedBefore = 0;

beforeAll(async () => {
  appliance = await Appliance.start({ SHUTDOWN_GRACE: '2' });
  await appliance.ipmi('chassis', 'policy', 'always-on');
  await appliance.ipmi('power', 'on');
}, 120_000);
afterAll(async () => {
  recoveries.print();
  await appliance?.stop();
  expect(processesMentioning(appliance.runDir)).toEqual([]);
  for (const each of [...old, appliance]) each.clean();
}, 60_000);

/** As the guest says on its serial port, which goes on without a BMC. */
const acknowledged = () => appliance.serialLog().split('kcs-ack').length - 1;

async function recordsOfGuest(): Promise<number> {
  return (await appliance.ipmi('sel', 'list')).split('\n').filter((line) => /OEM record c0/.test(line))
    .length;
}

/** Has a guest that has just booted add one record after the other. */
async function guestWrites(): Promise<void> {
  const shell = await GuestShell.open(appliance, 240_000);
  try {
    await shell.run('until test -e /dev/ipmi0; do sleep 1; done', 120_000);
    const add = 'ipmitool raw 0x0a 0x44 0 0 0xc0 0 0 0 0 1 2 3 4 5 6 7 8 9';
    // The mark is put together by the shell, so that the echo of the line does not hold it.
    const loop = `while :; do if ${add} >/dev/null 2>&1; then echo kcs-''ack >/dev/ttyS0; else sleep 1; fi; done`;
    await shell.run(`echo "${loop}" >/tmp/writes; setsid sh /tmp/writes </dev/null >/dev/null 2>&1 & true`);
    // In order: a session whose client is gone would keep the next one from the console for a minute.
    await shell.close();
  } finally {
    shell.kill();
  }
  await writesGoOn();
}

async function writesGoOn(): Promise<void> {
  const before = acknowledged();
  await until('the guest is told of three more records', () => acknowledged() >= before + 3, 120_000);
}

async function nothingIsLost(): Promise<void> {
  expect(await recordsOfGuest()).toBeGreaterThanOrEqual(acknowledgedBefore + acknowledged());
}

describe('kill -9 during KCS transactions', () => {
  it(`of the BMC: the guest goes on, and so do its records when the BMC is back within 3 s (${rounds} times)`, {
    timeout: 900_000,
  }, async () => {
    await guestWrites();
    for (let round = 0; round < rounds; round++) {
      await bmcIsForgiven(appliance);
      await writesGoOn();
      const { qemu, bmc } = appliance.status();
      process.kill(bmc, 'SIGKILL');
      const tookMs = await recoveries.measure('BMC during KCS transactions', appliance);
      await writesGoOn();
      await nothingIsLost();
      expect(appliance.status().qemu).toBe(qemu);
      expect(qemusOf(appliance)).toHaveLength(1);
      expect(tookMs).toBeLessThan(recoveryMs);
    }
  });

  it(`of QEMU: what the guest was told is kept, the next guest goes on (${rounds} times)`, {
    timeout: 900_000,
  }, async () => {
    for (let round = 0; round < rounds; round++) {
      const { qemu } = appliance.status();
      expect(qemu).toBeDefined();
      process.kill(qemu as number, 'SIGKILL');
      const tookMs = await recoveries.measure('QEMU during KCS transactions', appliance);
      await until('another QEMU runs', () => ![undefined, qemu].includes(appliance.status().qemu));
      await nothingIsLost();
      await guestWrites();
      expect(qemusOf(appliance)).toHaveLength(1);
      expect(tookMs).toBeLessThan(recoveryMs);
    }
  });

  it(`of pm2: it ends with code 1, what the guest was told is kept, the next start goes on (${rounds} times)`, {
    timeout: 900_000,
  }, async () => {
    for (let round = 0; round < rounds; round++) {
      acknowledgedBefore += acknowledged();
      process.kill(pm2Of(appliance), 'SIGKILL');
      expect(await until('it has ended', () => appliance.exitCode, 60_000)).toBe(1);
      const { stateDir, runDir } = appliance;
      expect(processesMentioning(runDir)).toEqual([]);
      old.push(appliance);
      appliance = await Appliance.start({ SHUTDOWN_GRACE: '2', STATE_DIR: stateDir, RUN_DIR: runDir });
      await recoveries.measure('pm2 during KCS transactions, next start', appliance);
      await machineIsOn(appliance);
      expect(await recordsOfGuest()).toBeGreaterThanOrEqual(acknowledgedBefore);
      await guestWrites();
      expect(qemusOf(appliance)).toHaveLength(1);
    }
  });
});
