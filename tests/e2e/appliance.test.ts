/** The whole appliance with its demo machine, driven as a user drives it. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive } from '../../src/processes.ts';
import { Appliance } from '../support/appliance.ts';
import { boots, leave, login, ready } from '../support/demo-boots.ts';
import { processesMentioning, run, until } from '../support/processes.ts';
import { expectOneIdentity } from '../support/server-identity.ts';

describe('the appliance with its demo machine', () => {
  let appliance: Appliance;
  beforeAll(async () => {
    appliance = await Appliance.start();
    await ready(appliance, 1);
  });
  afterAll(async () => {
    await appliance?.stop();
    appliance?.clean();
  });

  it('tells what it is', async () => {
    const info = await appliance.ipmi('mc', 'info');
    expect(info).toMatch(/IPMI Version\s+: 2\.0/);
    expect(info).toMatch(/Manufacturer Name\s+: Unspecified/);
    expect(await appliance.ipmi('power', 'status')).toBe('Chassis Power is on\n');
    expect(await appliance.ipmi('chassis', 'status')).toMatch(/System Power\s+: on/);
  });

  it('has Node warn of nothing, at its start and when it is asked how it is', async () => {
    const { env } = appliance;
    // Each change of power speaks to pm2, in the BMC's process.
    expect(appliance.output).not.toMatch(/Warning/);
    const { stdout, stderr } = await run(process.execPath, ['dist/main.js', 'status'], { env });
    expect(stdout).toMatch(/pm2 qemu\s+online/);
    expect(stderr).toBe('');
  });

  it('opens the console: login, a command, and out by ~.', async () => {
    const terminal = appliance.sol();
    try {
      await login(terminal);
      terminal.type('echo $((6*7)) $(uname -s)\r');
      await terminal.expect('42 Linux');
      terminal.type('exit\r');
      await leave(terminal);
    } finally {
      terminal.kill();
    }
    const again = await appliance.ipmitool('sol', 'deactivate');
    expect(again.stdout + again.stderr).toContain('SOL payload already de-activated');
  });

  it('has its guest read in SMBIOS what is written on its parts: as delivered', async () => {
    const seen = await expectOneIdentity(appliance);
    expect(seen.product_serial).toMatch(/^QB/);
    expect(seen.chassis_asset_tag ?? '').toBe('');
    // For the next power-on.
    await appliance.ipmi('dcmi', 'set_asset_tag', 'rack 7, slot 12');
    for (const change of [
      ['b', '1', 'Blade, rev. 2'],
      ['p', '4', 'SN=12,34'],
    ]) {
      // ipmitool 1.8.19 ends with 1 when all went well.
      expect((await appliance.ipmitool('fru', 'edit', '0', 'field', ...change)).stdout).toContain('Done.');
    }
  });

  it('carries 1 MB through the console without a wrong byte', { timeout: 240_000 }, async () => {
    const terminal = appliance.sol();
    try {
      await login(terminal);
      terminal.type('head -c 1048576 /dev/urandom > /tmp/sample; md5sum < /tmp/sample\r');
      const [, sum] = await terminal.expect(/\r\n([0-9a-f]{32}) {2}-/, 60_000);
      await terminal.expect('root@demo:~# ');
      terminal.type('base64 /tmp/sample; echo E"N"D\r');
      await terminal.expect('\r\n');
      const start = terminal.output.length;
      await terminal.expect('END\r\n', 200_000);
      const body = terminal.output.slice(start).replace(/END\r\n[\s\S]*$/, '');
      const raw = Buffer.from(body.replace(/[^A-Za-z0-9+/=]/g, ''), 'base64');
      expect(raw.length).toBe(1048576);
      expect(createHash('md5').update(raw).digest('hex')).toBe(sum);
      terminal.type('exit\r');
      await leave(terminal);
    } finally {
      terminal.kill();
    }
  });

  it('lets one session write and tells the second that the console is taken', async () => {
    const first = appliance.sol();
    try {
      await first.expect('SOL Session operational');
      const second = await appliance.ipmitool('sol', 'activate');
      expect(second.code).not.toBe(0);
      expect(second.stdout + second.stderr).toContain('SOL payload already active on another session');
      await appliance.ipmi('sol', 'deactivate');
      expect(await first.exited()).toBeDefined();
    } finally {
      first.kill();
    }
  });

  it('resets and cycles, and keeps the console open meanwhile', async () => {
    const count = boots(appliance.serialLog()).length;
    const pid = appliance.status().qemu;
    const terminal = appliance.sol();
    try {
      await terminal.expect('SOL Session operational');
      await appliance.ipmi('power', 'reset');
      await terminal.expect('Linux version', 90_000);
      expect(appliance.status().qemu).toBe(pid);
      await appliance.ipmi('power', 'cycle');
      await until('a new QEMU runs', async () => {
        const now = appliance.status().qemu;
        return now !== undefined && now !== pid;
      });
      await terminal.expect('demo: ready boot=disk', 90_000);
      await ready(appliance, count + 1);
      expect(await appliance.isOn()).toBe(true);
      await leave(terminal);
    } finally {
      terminal.kill();
    }
  });

  it('has its guest read what clients have written into FRU and asset tag, from the next power-on on', async () => {
    expect(await expectOneIdentity(appliance)).toMatchObject({
      chassis_asset_tag: 'rack 7, slot 12',
      board_name: 'Blade, rev. 2',
      product_serial: 'SN=12,34',
    });
  });

  it('takes off and on in any order, again and again', async () => {
    await appliance.ipmi('power', 'off');
    await until('the power is off', async () => !(await appliance.isOn()), 5_000);
    expect(processesMentioning(appliance.runDir).filter((line) => line.includes('qemu-system'))).toEqual([]);
    expect(await appliance.ipmi('power', 'off')).toContain('Down/Off');
    for (const action of ['reset', 'cycle', 'diag']) {
      const refused = await appliance.ipmitool('power', action);
      expect(refused.stderr).toContain('Command not supported in present state');
    }
    expect((await appliance.ipmitool('power', 'soft')).code).toBe(0);
    await appliance.ipmi('power', 'on');
    await appliance.ipmi('power', 'on');
    await until('the power is on', () => appliance.isOn(), 5_000);
    const pid = appliance.status().qemu;
    await appliance.ipmi('power', 'on');
    expect(appliance.status().qemu).toBe(pid);
    await appliance.ipmi('power', 'off');
    await appliance.ipmi('power', 'on');
    await until('a new QEMU runs', async () => {
      const now = appliance.status().qemu;
      return now !== undefined && now !== pid && (await appliance.isOn());
    });
  });

  it('shuts the guest down in order by power soft', async () => {
    const count = boots(appliance.serialLog()).length;
    if (!(await appliance.isOn())) await appliance.ipmi('power', 'on');
    await ready(appliance, count + 1);
    await appliance.ipmi('power', 'soft');
    await until('the power is off', async () => !(await appliance.isOn()), 10_000);
    expect(appliance.serialLog()).toContain('demo: power button, shutting down');
    await appliance.ipmi('power', 'on');
    await ready(appliance, count + 2);
  });

  it.each([
    ['wrong password', ['-P', 'wrong'], /RAKP 2 HMAC is invalid|Unable to establish/],
    ['unknown user', ['-U', 'nobody'], /unauthorized name|Unable to establish/],
    ['cipher suite 0', ['-C', '0'], /Unable to establish|invalid|no matching/i],
  ])('refuses a %s', async (_, args, message) => {
    const base = ['-I', 'lanplus', '-H', '127.0.0.1', '-p', String(appliance.port)];
    const all = [...base, '-U', 'admin', '-P', 'password', ...args, 'mc', 'info'];
    const refused = await run('ipmitool', all);
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toMatch(message);
  });

  it('survives kill -9 of its BMC: the guest goes on, IPMI comes back by itself, the console works', async () => {
    const { bmc, qemu } = appliance.status();
    process.kill(bmc, 'SIGKILL');
    // How soon is a matter of the kill matrix, on a machine that does nothing else.
    await until(
      'IPMI answers again',
      async () => (await appliance.ipmitool('-N', '1', '-R', '1', 'mc', 'info')).code === 0,
      20_000,
    );
    expect(await appliance.isOn()).toBe(true);
    expect(appliance.status().qemu).toBe(qemu);
    expect(appliance.status().bmc).not.toBe(bmc);
    const terminal = appliance.sol();
    try {
      await login(terminal);
      terminal.type('exit\r');
      await leave(terminal);
    } finally {
      terminal.kill();
    }
  });

  it('reaches the kernel with a diagnostic interrupt', async () => {
    const seen = appliance.serialLog().length;
    await appliance.ipmi('power', 'diag');
    await until('the kernel panics', () => /Kernel panic/.test(appliance.serialLog().slice(seen)), 20_000);
    expect(await appliance.isOn()).toBe(true);
  });

  it('notices kill -9 of QEMU by itself and records it as a crash, not a power-off', async () => {
    const { qemu } = appliance.status();
    process.kill(qemu ?? 0, 'SIGKILL');
    await until('the power is off', async () => !(await appliance.isOn()), 5_000);
    expect(await appliance.ipmi('chassis', 'status')).toMatch(/Last Power Event\s+: fault/);
    await sleep(4_000);
    expect(await appliance.isOn()).toBe(false);
    await appliance.ipmi('chassis', 'policy', 'always-on');
    await appliance.ipmi('power', 'on');
    const pid = await until('QEMU runs', () => appliance.status().qemu);
    await until('the power is on', () => appliance.isOn(), 5_000);
    process.kill(pid, 'SIGKILL');
    await until('the power is off', async () => !(await appliance.isOn()), 2_000);
    await until('the restore policy powers on', () => appliance.isOn(), 15_000);
    await appliance.ipmi('chassis', 'policy', 'always-off');
  });

  it('ends in order on Ctrl-C and leaves nothing behind', async () => {
    const pids = [appliance.status().bmc, appliance.status().qemu ?? 0];
    expect(await appliance.stop('SIGINT')).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(processesMentioning(appliance.folder)).toEqual([]);
    expect(existsSync(appliance.runDir)).toBe(false);
  });
});

describe('two appliances on one host', () => {
  it('each run their own demo machine', async () => {
    const [first, second] = await Promise.all([Appliance.start(), Appliance.start()]);
    try {
      await Promise.all([first, second].map((each) => until('it is on', () => each.isOn(), 10_000)));
      expect(first.status().qemu).not.toBe(second.status().qemu);
      await first.ipmi('power', 'off');
      await until('the first is off', async () => !(await first.isOn()), 5_000);
      expect(await second.isOn()).toBe(true);
    } finally {
      await Promise.all([first, second].map((each) => each.stop()));
      first.clean();
      second.clean();
    }
  });
});
