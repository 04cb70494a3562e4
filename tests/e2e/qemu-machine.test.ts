/** The QEMU driver with real QEMU under TCG, mostly with a guest that boots in a fraction of a second. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { launcherScript } from '../../src/config/package-paths.ts';
import { debianFirmware } from '../../src/machine/qemu/config.ts';
import { isAlive } from '../../src/machine/qemu/process.ts';
import { ecosystem, Pm2Supervisor, pm2Environment } from '../../src/supervise/pm2.ts';
import { ChildSupervisor } from '../support/child-supervisor.ts';
import { eventually, type QemuFixture, qemuFixture } from '../support/qemu.ts';

const fixtures: QemuFixture[] = [];
function fixture(...args: Parameters<typeof qemuFixture>): QemuFixture {
  const made = qemuFixture(...args);
  fixtures.push(made);
  return made;
}

afterEach(async () => {
  for (const each of fixtures.splice(0)) await each.cleanUp();
});

describe('power', () => {
  test('on, off and on again; off leaves no process', async () => {
    const lab = fixture();
    const { machine, events, until, clearOutput } = lab.machine();
    await machine.open();
    expect(machine.running).toBe(false);
    for (let round = 0; round < 2; round++) {
      await machine.powerOn();
      expect(machine.running).toBe(true);
      await until('tiny: boot=D');
      const process = lab.process();
      await machine.forceOff();
      expect(machine.running).toBe(false);
      expect(isAlive(process)).toBe(false);
      clearOutput();
    }
    expect(events).toEqual([
      { kind: 'started', adopted: false },
      { kind: 'stopped', why: 'forced' },
      { kind: 'started', adopted: false },
      { kind: 'stopped', why: 'forced' },
    ]);
  });

  test('power-on while on, and force-off while off, do nothing', async () => {
    const lab = fixture();
    const { machine, events } = lab.machine();
    await machine.forceOff();
    await Promise.all([machine.powerOn(), machine.powerOn()]);
    const { pid } = lab.process();
    await machine.powerOn();
    expect(lab.process().pid).toBe(pid);
    expect(events).toEqual([{ kind: 'started', adopted: false }]);
  });

  test('the guest switches itself off', async () => {
    const { machine, event, until } = fixture().machine();
    await machine.powerOn();
    await until('tiny: boot=D');
    machine.console.send(Buffer.from('s'));
    expect(await event('stopped')).toEqual({ kind: 'stopped', why: 'guest' });
    expect(machine.running).toBe(false);
  });

  test('the guest obeys the power button', async () => {
    const { machine, event, until } = fixture().machine();
    await machine.powerOn();
    await until('tiny: boot=D');
    await machine.pressPowerButton();
    expect(await event('stopped')).toEqual({ kind: 'stopped', why: 'guest' });
  });

  test('kill -9 of QEMU is a crash, told without being asked', async () => {
    const lab = fixture();
    const { machine, event, until } = lab.machine();
    await machine.powerOn();
    await until('tiny: boot=D');
    process.kill(lab.process().pid, 'SIGKILL');
    expect(await event('stopped')).toMatchObject({ kind: 'stopped', why: 'crashed' });
    await machine.powerOn();
    expect(machine.running).toBe(true);
  });

  test('SIGINT and SIGTERM do not cut the power', async () => {
    const lab = fixture();
    const { machine, until } = lab.machine();
    await machine.powerOn();
    await until('tiny: boot=D');
    process.kill(lab.process().pid, 'SIGINT');
    process.kill(lab.process().pid, 'SIGTERM');
    await sleep(500);
    expect(isAlive(lab.process())).toBe(true);
    await machine.forceOff();
  });

  test('force-off ends a QEMU that is stopped by SIGSTOP within 8 s', async () => {
    const lab = fixture();
    const { machine, event } = lab.machine();
    await machine.powerOn();
    process.kill(lab.process().pid, 'SIGSTOP');
    const askedAt = performance.now();
    await machine.forceOff();
    expect(performance.now() - askedAt).toBeLessThan(8000);
    expect(await event('stopped')).toEqual({ kind: 'stopped', why: 'forced' });
  });

  test('a start that fails says what QEMU said', async () => {
    const { machine, events } = fixture({ extraArgs: ['-device', 'no-such-device'] }).machine();
    await expect(machine.powerOn()).rejects.toMatchObject({
      kind: 'wrong-state',
      message: expect.stringContaining('no-such-device'),
    });
    expect(machine.running).toBe(false);
    expect(events).toEqual([]);
  });

  test('a missing disk and a missing QEMU are told apart', async () => {
    const noDisk = fixture({ disks: [{ path: '/nonexistent/disk.img', format: 'raw' }] }).machine();
    await expect(noDisk.machine.powerOn()).rejects.toThrow('/nonexistent/disk.img');
    const noQemu = fixture({ qemuBinary: 'qemu-that-is-not-there' }).machine();
    await expect(noQemu.machine.powerOn()).rejects.toThrow('qemu-that-is-not-there');
  });
});

describe('console', () => {
  test('shows everything from the first byte, echoes, and nothing is doubled', async () => {
    const lab = fixture();
    const { machine, until, output } = lab.machine();
    await machine.powerOn();
    await until('tiny: boot=D');
    expect(machine.console.connected).toBe(true);
    machine.console.send(Buffer.from('hello'));
    await until('hello');
    expect(output()).toBe(readFileSync(join(lab.runDir, 'serial.log'), 'latin1'));
    expect(output().split('SeaBIOS (version')).toHaveLength(2);
  });
});

describe('a second life', () => {
  test('adopts a running QEMU: power, console, history', async () => {
    const lab = fixture();
    const first = lab.machine();
    await first.machine.powerOn();
    await first.until('tiny: boot=D');
    const { pid } = lab.process();
    await first.machine.close();
    expect(first.machine.running).toBe(false);

    const second = lab.machine();
    await second.machine.open();
    expect(second.events).toEqual([{ kind: 'started', adopted: true }]);
    expect(second.machine.running).toBe(true);
    expect(lab.process().pid).toBe(pid);
    const history = Buffer.from(await second.machine.console.history(65536)).toString('latin1');
    expect(history).toContain('SeaBIOS');
    expect(history).toContain('tiny: boot=D\r\n');
    second.machine.console.send(Buffer.from('again'));
    await second.until('again');
    second.machine.console.send(Buffer.from('s'));
    expect(await second.event('stopped')).toEqual({ kind: 'stopped', why: 'guest' });
  });

  test('adopts a QEMU that does not answer, and can end it', async () => {
    const lab = fixture();
    const first = lab.machine();
    await first.machine.powerOn();
    const process_ = lab.process();
    process.kill(process_.pid, 'SIGSTOP');
    await first.machine.close();
    const second = lab.machine();
    await second.machine.open();
    expect(second.machine.running).toBe(true);
    await second.machine.forceOff();
    expect(isAlive(process_)).toBe(false);
  });

  test('adopts a QEMU that does not answer, and serves it fully once it does', async () => {
    const lab = fixture();
    const first = lab.machine();
    await first.machine.powerOn();
    await first.until('tiny: boot=D');
    process.kill(lab.process().pid, 'SIGSTOP');
    await first.machine.close();
    const second = lab.machine();
    await second.machine.open();
    await expect(second.machine.reset()).rejects.toMatchObject({ kind: 'timed-out' });
    process.kill(lab.process().pid, 'SIGCONT');
    await eventually(() => second.machine.console.connected, 'console', 10_000);
    second.machine.console.send(Buffer.from('hello'));
    await second.until('hello');
    await second.machine.reset();
    await second.until('tiny: boot=D');
    expect(second.events).toEqual([
      { kind: 'started', adopted: true },
      { kind: 'reset', by: 'bmc' },
    ]);
  });

  test('a QEMU that ended while nobody watched has crashed', async () => {
    const lab = fixture();
    const first = lab.machine();
    await first.machine.powerOn();
    const process_ = lab.process();
    await first.machine.close();
    process.kill(process_.pid, 'SIGKILL');
    await eventually(() => !isAlive(process_), 'end of QEMU', 5000);
    const second = lab.machine();
    await second.machine.open();
    expect(second.events).toMatchObject([{ kind: 'stopped', why: 'crashed' }]);
    expect(second.machine.running).toBe(false);
  });

  test('a machine that another object holds cannot be started twice', async () => {
    const lab = fixture();
    const first = lab.machine();
    await first.machine.powerOn();
    const second = lab.machine();
    await expect(second.machine.powerOn()).rejects.toMatchObject({ kind: 'wrong-state' });
    expect(second.machine.running).toBe(false);
    expect(first.machine.running).toBe(true);
    await first.machine.forceOff();
  });

  test('the launcher refuses a second QEMU on a locked run directory', async () => {
    const lab = fixture();
    const { machine } = lab.machine();
    await machine.powerOn();
    const { pid } = lab.process();
    const supervisor = new ChildSupervisor(lab.runDir);
    await supervisor.start();
    await eventually(() => isAlive(lab.process()), 'machine', 1000);
    await sleep(300);
    expect(await supervisor.status()).toEqual({ state: 'stopped', exitCode: 75 });
    expect(lab.process().pid).toBe(pid);
    await machine.reset();
  });
});

describe('resets and boot devices', () => {
  test('each reset is told once, and by whom', async () => {
    const { machine, events, until, clearOutput } = fixture().machine();
    await machine.powerOn();
    await until('tiny: boot=D');
    await sleep(1600);
    clearOutput();
    await machine.reset();
    await until('tiny: boot=D');
    await sleep(1600);
    clearOutput();
    machine.console.send(Buffer.from('r'));
    await until('tiny: boot=D');
    await sleep(500);
    expect(events).toEqual([
      { kind: 'started', adopted: false },
      { kind: 'reset', by: 'bmc' },
      { kind: 'reset', by: 'guest' },
    ]);
  });

  test('a panic is told and the machine goes on', async () => {
    const { machine, event, until } = fixture().machine();
    await machine.powerOn();
    await until('tiny: boot=D');
    machine.console.send(Buffer.from('p'));
    expect(await event('panic')).toEqual({ kind: 'panic' });
    machine.console.send(Buffer.from('alive'));
    await until('alive');
  });

  test('a one-time override holds for one power-on', async () => {
    const { machine, until, clearOutput } = fixture().machine();
    machine.on((event) => {
      if (event.kind === 'started') machine.setBootOverride(undefined);
    });
    machine.setBootOverride({ target: 'cdrom', persistent: false });
    await machine.powerOn();
    await until('tiny: boot=C');
    await machine.forceOff();
    clearOutput();
    await machine.powerOn();
    await until('tiny: boot=D');
  });

  test('a one-time override set while running holds for one reset', async () => {
    const { machine, until, clearOutput, output } = fixture().machine();
    machine.on((event) => {
      if (event.kind !== 'stopped') machine.setBootOverride(undefined);
    });
    await machine.powerOn();
    await until('tiny: boot=D');
    machine.setBootOverride({ target: 'cdrom', persistent: false });
    clearOutput();
    await machine.reset();
    await until('tiny: boot=C');
    clearOutput();
    await machine.reset();
    await until('tiny: boot=D');
    expect(output()).not.toContain('boot=C');
  });

  test("a guest's own reboot uses the override", async () => {
    const { machine, until, clearOutput } = fixture().machine();
    machine.on((event) => {
      if (event.kind !== 'stopped') machine.setBootOverride(undefined);
    });
    await machine.powerOn();
    await until('tiny: boot=D');
    machine.setBootOverride({ target: 'cdrom', persistent: false });
    await sleep(2000);
    clearOutput();
    machine.console.send(Buffer.from('r'));
    await until('tiny: boot=C');
    await sleep(2000);
    clearOutput();
    machine.console.send(Buffer.from('r'));
    await until('tiny: boot=D');
  });

  test('an override survives adoption', async () => {
    const lab = fixture();
    const first = lab.machine();
    await first.machine.powerOn();
    await first.until('tiny: boot=D');
    first.machine.setBootOverride({ target: 'cdrom', persistent: true });
    await first.machine.close();
    const second = lab.machine();
    second.machine.setBootOverride({ target: 'cdrom', persistent: true });
    await second.machine.open();
    await second.machine.reset();
    await second.until('tiny: boot=C');
  });

  test('bios-setup shows the boot menu of SeaBIOS, once', async () => {
    const { machine, until, clearOutput } = fixture().machine();
    machine.on((event) => {
      if (event.kind !== 'stopped') machine.setBootOverride(undefined);
    });
    machine.setBootOverride({ target: 'bios-setup', persistent: false });
    await machine.powerOn();
    await until('Select boot device');
    await sleep(1000);
    // The menu is still there: 2 is the CD.
    machine.console.send(Buffer.from('2'));
    await until('tiny: boot=');
    clearOutput();
    await machine.reset();
    await until('tiny: boot=D');

    machine.setBootOverride({ target: 'bios-setup', persistent: false });
    clearOutput();
    await machine.reset();
    await until('Select boot device');
  });

  test.skipIf(!existsSync('/usr/share/OVMF/OVMF_CODE_4M.fd'))(
    'bios-setup shows the setup utility of OVMF',
    async () => {
      const lab = fixture({ bootMode: 'uefi', memoryMb: 256 });
      const { machine, until, output } = lab.machine();
      machine.setBootOverride({ target: 'bios-setup', persistent: false });
      await machine.powerOn();
      await until('Boot Maintenance Manager');
      await sleep(1000);
      expect(output()).toContain('UiApp');
      expect(statSync(join(lab.dir, 'state/ovmf-vars.fd')).size).toBeGreaterThan(0);
      await machine.forceOff();
    },
  );

  test('missing UEFI firmware names the package', async () => {
    const { machine } = fixture({
      bootMode: 'uefi',
      firmware: {
        ...debianFirmware,
        ovmfCode: '/nonexistent/CODE.fd',
        ovmfVarsTemplate: '/nonexistent/VARS.fd',
      },
    }).machine();
    await expect(machine.powerOn()).rejects.toThrow(/ovmf/);
  });
});

describe('under pm2', () => {
  let pm2: ChildProcess | undefined;

  afterEach(async () => {
    const daemon = pm2;
    if (!daemon?.pid || daemon.exitCode !== null) return;
    // In order: a killed daemon would leave its programs behind.
    const ended = new Promise((done) => daemon.once('exit', done));
    daemon.kill('SIGINT');
    const late = setTimeout(() => daemon.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(late);
  });

  test('starts, sees the end, starts again, and never restarts a running QEMU', async () => {
    const lab = fixture();
    const pm2Home = join(lab.dir, 'pm2');
    mkdirSync(pm2Home, { mode: 0o700 });
    const bmc = join(lab.dir, 'bmc.js');
    writeFileSync(bmc, 'setInterval(() => {}, 1000);');
    const file = join(lab.dir, 'ecosystem.config.json');
    writeFileSync(
      file,
      JSON.stringify(
        ecosystem({
          runDir: lab.runDir,
          pm2Home,
          launcher: launcherScript,
          bmc: { script: process.execPath, args: [bmc], cwd: lab.dir },
          stopGraceMs: 1000,
        }),
      ),
    );
    pm2 = spawn(process.execPath, [resolve('node_modules/pm2/bin/pm2-runtime'), 'start', file], {
      env: { ...process.env, ...pm2Environment(pm2Home) },
      stdio: 'ignore',
    });
    const supervisor = new Pm2Supervisor(pm2Home);
    await eventually(() => existsSync(join(pm2Home, 'rpc.sock')), 'pm2', 20_000);
    for (let tries = 0; ; tries++) {
      const status = await supervisor.status().catch(() => undefined);
      if (status) {
        expect(status.state).toBe('stopped');
        break;
      }
      if (tries > 100) throw new Error('pm2 does not know qemu');
      await sleep(100);
    }

    const { machine, events, until, event, clearOutput } = lab.machine({ supervisor });
    await machine.powerOn();
    await until('tiny: boot=D');
    expect((await supervisor.status()).state).toBe('online');
    const first = lab.process();
    await expect(supervisor.start()).rejects.toThrow(/online/);
    expect(isAlive(first)).toBe(true);

    // At once after the end: pm2 may not have noticed yet.
    await machine.forceOff();
    clearOutput();
    await machine.powerOn();
    await until('tiny: boot=D');
    expect(lab.process().pid).not.toBe(first.pid);
    process.kill(lab.process().pid, 'SIGKILL');
    expect(await event('stopped')).toBeDefined();
    await eventually(() => events.filter(({ kind }) => kind === 'stopped').length === 2, 'crash', 1000);
    expect(events.at(-1)).toMatchObject({ kind: 'stopped', why: 'crashed' });
    await sleep(500);
    expect((await supervisor.status()).state).toBe('stopped');
    for (let round = 0; round < 3; round++) {
      await machine.powerOn();
      await machine.forceOff();
    }
  });
});

const demoDisk = resolve('build/demo/demo.qcow2');
const demoIso = resolve('build/demo/demo.iso');

describe.skipIf(!existsSync(demoDisk) || !existsSync(demoIso))('with the demo guest', () => {
  test.each(['bios', 'uefi'] as const)(
    '%s: override, reset, power button',
    async (bootMode) => {
      const lab = fixture({ memoryMb: 512, bootMode, cdrom: demoIso });
      const disk = join(lab.dir, 'demo.qcow2');
      copyFileSync(demoDisk, disk);
      const watched = lab.machine({ config: { disks: [{ path: disk, format: 'qcow2' }] } });
      const { machine, until, clearOutput, event, events } = watched;
      machine.on(({ kind }) => {
        if (kind !== 'stopped') machine.setBootOverride(undefined);
      });
      machine.setBootOverride({ target: 'cdrom', persistent: false });
      await machine.powerOn();
      await until('demo: ready boot=cdrom', 100_000);
      clearOutput();
      await machine.reset();
      await until('demo: ready boot=disk', 100_000);
      await machine.pressPowerButton();
      await event('stopped', 60_000);
      expect(events).toEqual([
        { kind: 'started', adopted: false },
        { kind: 'reset', by: 'bmc' },
        { kind: 'stopped', why: 'guest' },
      ]);
    },
    240_000,
  );

  test("a watchdog's reset is told as such", async () => {
    const lab = fixture({ memoryMb: 256 });
    const disk = join(lab.dir, 'demo.qcow2');
    copyFileSync(demoDisk, disk);
    const { machine, until, event, events } = lab.machine({
      config: { disks: [{ path: disk, format: 'qcow2' }] },
    });
    await machine.powerOn();
    await until('login:', 100_000);
    machine.console.send(Buffer.from('root\r'));
    await until('# ', 30_000);
    const commands = ['modprobe -r i6300esb', 'modprobe i6300esb heartbeat=2', 'echo x >/dev/watchdog'];
    machine.console.send(Buffer.from(`${commands.join('; ')}\r`));
    await event('reset');
    expect(events).toEqual([
      { kind: 'started', adopted: false },
      { kind: 'watchdog', action: 'reset' },
      { kind: 'reset', by: 'watchdog' },
    ]);
  }, 180_000);
});
