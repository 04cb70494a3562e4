import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { launcherScript } from '../../../src/config/package-paths.ts';
import { isAlive } from '../../../src/machine/qemu/process.ts';
import { RunDir } from '../../../src/machine/qemu/run-dir.ts';
import { launcherLockedExitCode } from '../../../src/supervise/launcher.ts';
import { ecosystem, Pm2Supervisor } from '../../../src/supervise/pm2.ts';
import { SupervisorError } from '../../../src/supervise/supervisor.ts';
import { ChildSupervisor } from '../../support/child-supervisor.ts';
import { eventually } from '../../support/qemu.ts';

let dir: string;
let run: RunDir;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'supervise-test-'));
  run = new RunDir(join(dir, 'run'));
  run.create();
});

afterEach(() => {
  const living = run.livingProcess();
  if (living) process.kill(living.pid, 'SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const launch = () => spawnSync('bash', [launcherScript, run.path], { encoding: 'utf8' });

describe('launcher', () => {
  test('becomes the program, with its arguments byte for byte and an empty environment but PATH', () => {
    const out = join(dir, 'out');
    const script = 'printf "%s|" "$@" >"$0"; env >>"$0"; echo trouble >&2; exit 3';
    run.writeArgs(['bash', '-c', script, out, 'a b', '$(id)', "quote'", 'new\nline', '', '-x']);
    process.env.SECRET_OF_THE_BMC = 'secret';
    const { status } = launch();
    delete process.env.SECRET_OF_THE_BMC;
    expect(status).toBe(3);
    const text = readFileSync(out, 'utf8');
    expect(text).toMatch(/^a b\|\$\(id\)\|quote'\|new\nline\|\|-x\|/);
    expect(text).toContain(`PATH=${process.env.PATH}`);
    expect(text).not.toContain('SECRET_OF_THE_BMC');
    expect(run.lastErrors()).toBe('trouble');
  });

  test('tells its process by number and start time before it becomes the program', async () => {
    run.writeArgs(['sleep', '60']);
    await new ChildSupervisor(run.path).start();
    await eventually(() => run.livingProcess() !== undefined, 'process', 5000);
    const living = run.livingProcess();
    await eventually(
      () => readFileSync(`/proc/${living?.pid}/comm`, 'utf8') === 'sleep\n',
      'program in the place of the launcher',
      5000,
    );
    expect(isAlive({ pid: living?.pid ?? 0, startTime: '1' })).toBe(false);
  });

  test('refuses a second program while the first lives, and leaves its files alone', async () => {
    run.writeArgs(['bash', '-c', 'echo first >&2; exec sleep 60']);
    const supervisor = new ChildSupervisor(run.path);
    await supervisor.start();
    await eventually(() => run.lastErrors() === 'first', 'first program', 5000);
    const first = run.livingProcess();
    const { status, stderr } = launch();
    expect(status).toBe(launcherLockedExitCode);
    expect(stderr).toContain('another QEMU holds');
    expect(run.livingProcess()).toEqual(first);
    expect(run.lastErrors()).toBe('first');
  });

  test('has INT, TERM and HUP blocked in the program', () => {
    const out = join(dir, 'out');
    run.writeArgs(['bash', '-c', `grep SigBlk /proc/self/status >"$0"`, out]);
    launch();
    const blocked = BigInt(`0x${readFileSync(out, 'utf8').split(/\s+/)[1]}`);
    for (const signal of [1n, 2n, 15n]) expect((blocked >> (signal - 1n)) & 1n).toBe(1n);
  });

  test('lets the program go behind the BMC where both want a processor', () => {
    const out = join(dir, 'out');
    run.writeArgs(['bash', '-c', 'nice >"$0"', out]);
    expect(launch().status).toBe(0);
    expect(Number(readFileSync(out, 'utf8'))).toBe(Math.min(19, getPriority() + 5));
  });

  test('has devices open that the program inherits, and nothing that is no device', () => {
    const out = join(dir, 'out');
    run.writeArgs(['bash', '-c', 'readlink /proc/$$/fd/30 /proc/$$/fd/31 >"$0"', out]);
    run.writeDescriptors([
      { fd: 30, path: '/dev/null' },
      { fd: 31, path: '/dev/zero' },
    ]);
    expect(launch().status).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe('/dev/null\n/dev/zero\n');
    const missing = join(dir, 'no device');
    run.writeDescriptors([{ fd: 30, path: missing }]);
    expect(launch().status).toBe(78);
    expect(run.lastErrors()).toContain(`${missing} is no device`);
    expect(existsSync(missing)).toBe(false);
  });

  test('puts the words of qemu.user in front, and leaves nothing that another user of the group could write', () => {
    const out = join(dir, 'out');
    run.writeArgs(['bash', '-c', 'echo "$USER_OF_QEMU" >"$0"; umask >>"$0"', out]);
    writeFileSync(join(run.path, 'qemu.user'), 'env\0USER_OF_QEMU=a user\0');
    launch();
    expect(readFileSync(out, 'utf8')).toBe('a user\n0007\n');
    for (const file of ['qemu.pid', 'qemu.err', 'lock']) {
      expect(statSync(join(run.path, file)).mode & 0o077).toBe(0);
    }
  });

  test('a program that is not there shows in the errors', () => {
    run.writeArgs(['no-such-qemu']);
    expect(launch().status).toBe(127);
    expect(run.lastErrors()).toContain('no-such-qemu');
    writeFileSync(join(run.path, 'qemu.args'), '');
    expect(launch().status).toBe(78);
  });
});

describe('child supervisor', () => {
  test('knows what became of its program, and does not start a second', async () => {
    const supervisor = new ChildSupervisor(run.path);
    expect(await supervisor.status()).toEqual({ state: 'unknown' });
    run.writeArgs(['bash', '-c', 'exit 7']);
    await supervisor.start();
    await eventually(() => run.readProcess() !== undefined && !run.livingProcess(), 'end', 5000);
    // Waits for the end to be noticed, if it has not been yet.
    run.writeArgs(['sleep', '60']);
    await supervisor.start();
    expect((await supervisor.status()).state).toBe('online');
    await eventually(() => run.livingProcess() !== undefined, 'process', 5000);
    await expect(supervisor.start()).rejects.toBeInstanceOf(SupervisorError);
  });
});

describe('pm2', () => {
  test('no daemon is an error at once', async () => {
    const startedAt = performance.now();
    await expect(new Pm2Supervisor(dir).start()).rejects.toBeInstanceOf(SupervisorError);
    await expect(new Pm2Supervisor(dir).status()).rejects.toBeInstanceOf(SupervisorError);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  test('QEMU is declared without being started, and the BMC comes back by itself', () => {
    const { apps } = ecosystem({
      runDir: run.path,
      pm2Home: dir,
      launcher: launcherScript,
      bmc: { script: '/app/main.js', args: ['run'], cwd: '/app', env: { A: 'b' } },
      stopGraceMs: 5000,
    });
    const [bmc, qemu] = apps;
    expect(bmc).toMatchObject({ name: 'bmc', autorestart: true, exp_backoff_restart_delay: 100 });
    expect(bmc?.kill_timeout).toBeGreaterThan(5000);
    expect(qemu).toMatchObject({ name: 'qemu', autostart: false, autorestart: false, interpreter: 'none' });
    expect(qemu?.args).toEqual([launcherScript, run.path]);
    for (const app of apps) expect(app).toMatchObject({ out_file: '/dev/null', error_file: '/dev/null' });
    expect(JSON.parse(JSON.stringify(apps))).toEqual(apps);
  });
});
