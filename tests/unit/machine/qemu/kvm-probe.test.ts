import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  AcceleratorError,
  chooseAccelerator,
  type KvmProbeOptions,
  kvmProbeRom,
  probeKvm,
} from '../../../../src/machine/qemu/kvm-probe.ts';

let folder: string;
let probeFolder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kvm-probe-test-'));
  probeFolder = join(folder, 'probe');
  await mkdir(probeFolder);
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A QEMU played by a shell script, in which $out is the debug console's file and $rom the ROM. */
async function fakeQemu(body: string, changes: Partial<KvmProbeOptions> = {}): Promise<KvmProbeOptions> {
  const qemuBinary = join(folder, 'qemu');
  const script = [
    '#!/bin/sh',
    `here='${folder}'`,
    `printf '%s\\n' "$@" > "$here/args"`,
    'while [ $# -gt 0 ]; do',
    '  case $1 in -debugcon) out=$' + '{2#file:};; -bios) rom=$2;; esac',
    '  shift',
    'done',
    body,
  ].join('\n');
  await writeFile(qemuBinary, script, { mode: 0o755 });
  return { ...fakeHost(qemuBinary), ...changes };
}

/** /dev/null stands for a /dev/kvm that opens. */
function fakeHost(qemuBinary: string): KvmProbeOptions {
  return { qemuBinary, cpuModel: 'qemu64', kvmDevice: '/dev/null', tmpDir: probeFolder };
}

const passing = 'printf RPLCIU > "$out"; exit 85';

/** A zombie counts as gone: its parent, not the probe, has to collect it. */
async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return status !== undefined && !/^\d+ \(.*\) [ZX]/.test(status);
}

describe('KVM probe', () => {
  it('believes status 85 with all six letters', async () => {
    const result = await probeKvm(await fakeQemu(passing));
    expect(result).toEqual({
      usable: true,
      reason: 'KVM with CPU model qemu64 runs a guest up to ring 3 and back',
      stages: 'RPLCIU',
      durationMs: expect.any(Number),
    });
  });

  it('hands QEMU a 64 KiB ROM, the CPU model as given', async () => {
    const options = await fakeQemu(`wc -c < "$rom" > "$here/size"; ${passing}`, { cpuModel: 'max,+vmx' });
    expect((await probeKvm(options)).usable).toBe(true);
    expect((await readFile(join(folder, 'size'), 'utf8')).trim()).toBe('65536');
    const args = (await readFile(join(folder, 'args'), 'utf8')).trimEnd().split('\n');
    expect(args).toEqual([
      ...'-accel kvm -cpu max,+vmx -M q35 -m 16 -nodefaults -no-user-config -display none'.split(' '),
      '-no-reboot',
      '-bios',
      expect.stringMatching(/probe\.rom$/),
      '-device',
      'isa-debug-exit,iobase=0xf4,iosize=1',
      '-debugcon',
      expect.stringMatching(/^file:.*stages$/),
    ]);
  });

  it('kills a QEMU that hangs, its children too, within 2 s', async () => {
    const options = await fakeQemu(
      'printf RPL > "$out"; sleep 60 & echo "$! $$" > "$here/pids"; while :; do sleep 60; done',
    );
    const result = await probeKvm(options);
    expect(result.usable).toBe(false);
    expect(result.stages).toBe('RPL');
    expect(result.reason).toBe(
      'KVM with CPU model qemu64: no result within 1500 ms, QEMU killed; ' +
        'test program stopped after long mode with paging ("RPL" of "RPLCIU")',
    );
    expect(result.durationMs).toBeGreaterThanOrEqual(1490);
    expect(result.durationMs).toBeLessThanOrEqual(2000);
    const pids = (await readFile(join(folder, 'pids'), 'utf8')).trim().split(' ').map(Number);
    expect(pids).toHaveLength(2);
    for (const pid of pids) {
      await expect.poll(() => isAlive(pid)).toBe(false);
    }
  });

  it('is not held up by a process that keeps the stderr of an ended QEMU', async () => {
    const options = await fakeQemu(`sleep 3 & ${passing}`);
    const result = await probeKvm(options);
    expect(result.usable).toBe(true);
    expect(result.durationMs).toBeLessThan(1500);
  });

  it('tells what an aborting QEMU says last, and the error before an assertion', async () => {
    const options = await fakeQemu(
      [
        "echo 'qemu: warning: host lacks a feature' >&2",
        "echo 'qemu: error: failed to set MSR 0x10a' >&2",
        "echo 'qemu: kvm.c:1: Assertion failed.' >&2",
        'kill -ABRT $$',
      ].join('\n'),
    );
    const result = await probeKvm(options);
    expect(result).toMatchObject({ usable: false, stages: '' });
    expect(result.reason).toBe(
      'KVM with CPU model qemu64: QEMU ended by SIGABRT; test program did not start; ' +
        'QEMU says: qemu: error: failed to set MSR 0x10a; qemu: kvm.c:1: Assertion failed.',
    );
  });

  it('picks the headline out of the register dump of a KVM internal error', async () => {
    const options = await fakeQemu(
      "printf RP > $out; printf 'KVM internal error. Suberror: 1\\nRAX=0000 RBX=0000\\nCode=00 00\\n' >&2; exec sleep 60",
      { timeoutMs: 200 },
    );
    expect((await probeKvm(options)).reason).toMatch(/; QEMU says: KVM internal error\. Suberror: 1$/);
  });

  it.each([
    ['exit 85', '', 'QEMU status 85; test program did not start'],
    ['printf R > "$out"; exit 85', 'R', 'QEMU status 85; test program stopped after real mode ("R" of'],
    ['printf RPLCI > "$out"; exit 85', 'RPLCI', 'stopped after an exception ("RPLCI" of "RPLCIU")'],
    ['printf RPLICU > "$out"; exit 85', 'RPLICU', 'wrote "RPLICU", expected "RPLCIU"'],
    ['printf RPLCIUU > "$out"; exit 85', 'RPLCIUU', 'wrote "RPLCIUU", expected "RPLCIU"'],
    ['printf "R\\001 " > "$out"; exit 85', 'R??', 'wrote "R??", expected "RPLCIU"'],
    ['printf RPLCIU > "$out"; exit 0', 'RPLCIU', 'QEMU status 0 (the guest reset itself); test program took'],
    ['printf RPLC > "$out"; exit 87', 'RPLC', 'QEMU status 87 (wrong result or unexpected exception)'],
    [
      'echo "no such machine" >&2; exit 1',
      '',
      'QEMU status 1; test program did not start; QEMU says: no such',
    ],
  ])('does not believe a QEMU that does: %s', async (body, stages, reason) => {
    const result = await probeKvm(await fakeQemu(body));
    expect(result).toMatchObject({ usable: false, stages });
    expect(result.reason).toContain(reason);
    expect(result.reason).not.toContain('\n');
  });

  it('says that the QEMU binary is missing or not executable', async () => {
    const missing = join(folder, 'no-qemu');
    expect((await probeKvm(fakeHost(missing))).reason).toBe(`QEMU binary not found: ${missing}`);
    expect((await probeKvm(fakeHost('no-such-qemu-binary'))).reason).toMatch(
      /^QEMU binary not found.*: no-such-qemu-binary$/,
    );
    await writeFile(missing, '', { mode: 0o644 });
    expect((await probeKvm(fakeHost(missing))).reason).toBe(`QEMU binary is not executable: ${missing}`);
    expect(await probeKvm(fakeHost(''))).toMatchObject({ usable: false, stages: '' });
  });

  it('starts no QEMU without a character device to open, and makes none', async () => {
    const options = await fakeQemu(passing);
    const absent = join(folder, 'kvm');
    expect((await probeKvm({ ...options, kvmDevice: absent })).reason).toBe(`${absent} does not exist`);
    await expect(stat(absent)).rejects.toThrow('ENOENT');
    await writeFile(absent, '');
    expect((await probeKvm({ ...options, kvmDevice: absent })).reason).toBe(
      `${absent} is not a character device`,
    );
    await expect(stat(join(folder, 'args'))).rejects.toThrow('ENOENT');
  });

  const asRoot = process.geteuid?.() === 0;
  it.skipIf(!asRoot)(
    `names the device's group and the process's groups without permission${asRoot ? '' : ' (skipped: needs root to make a device)'}`,
    async ({ skip }) => {
      const device = join(folder, 'kvm');
      if (spawnSync('mknod', ['-m', '0600', device, 'c', '1', '3']).status !== 0)
        skip('mknod is not allowed');
      await chmod(folder, 0o755);
      const options = { ...(await fakeQemu(passing)), kvmDevice: device };
      process.seteuid?.(65534);
      try {
        const { reason } = await probeKvm(options);
        expect(reason).toMatch(/no permission: the device has user 0, group 0, mode 0600; this process has/);
        expect(reason).toMatch(/has user 65534, groups \d+/);
      } finally {
        process.seteuid?.(0);
      }
    },
  );

  it.each(['', 'max -S', 'max;reboot', 'host\n', '$(id)', 'max,path=/x'])(
    'refuses the CPU model %j',
    async (cpuModel) => {
      const result = await probeKvm(await fakeQemu(passing, { cpuModel }));
      expect(result).toMatchObject({ usable: false, stages: '' });
      expect(result.reason).toContain(`got ${JSON.stringify(cpuModel)}`);
    },
  );

  it('tells of a folder it cannot write to', async () => {
    const result = await probeKvm(await fakeQemu(passing, { tmpDir: join(folder, 'absent') }));
    expect(result.usable).toBe(false);
    expect(result.reason).toMatch(/^probe files: ENOENT/);
  });

  it.each([
    ['passes', passing],
    ['hangs', 'exec sleep 60'],
    ['aborts', 'echo core > core; kill -ABRT $$'],
  ])('leaves no file and no listener behind when QEMU %s', async (_, body) => {
    const listeners = process.listenerCount('exit');
    await probeKvm(await fakeQemu(body, { timeoutMs: 300 }));
    expect(await readdir(probeFolder)).toEqual([]);
    expect(process.listenerCount('exit')).toBe(listeners);
  });

  it('needs no device for TCG', async () => {
    const result = await probeKvm(
      await fakeQemu(passing, { accelerator: 'tcg', kvmDevice: join(folder, 'no') }),
    );
    expect(result).toMatchObject({ usable: true, stages: 'RPLCIU' });
    expect(result.reason).toMatch(/^TCG with/);
  });
});

describe('choice of the accelerator', () => {
  it('is KVM where the probe passes, whether demanded or automatic', async () => {
    const options = await fakeQemu(passing);
    for (const mode of ['auto', 'true'] as const) {
      expect(await chooseAccelerator(mode, options)).toEqual({
        accelerator: 'kvm',
        reason: 'KVM with CPU model qemu64 runs a guest up to ring 3 and back',
      });
    }
  });

  it('falls back to TCG with the reason when automatic', async () => {
    const choice = await chooseAccelerator('auto', await fakeQemu('exit 1'));
    expect(choice.accelerator).toBe('tcg');
    expect(choice.reason).toContain('QEMU status 1');
  });

  it('throws with the reason when KVM is demanded and not usable', async () => {
    const demanded = chooseAccelerator('true', await fakeQemu('exit 1'));
    await expect(demanded).rejects.toBeInstanceOf(AcceleratorError);
    await expect(demanded).rejects.toThrow(
      /^KVM is required but not usable: KVM with CPU model qemu64: QEMU status 1/,
    );
  });

  it('is TCG without a probe when KVM is switched off', async () => {
    expect(await chooseAccelerator('false', await fakeQemu(passing))).toEqual({
      accelerator: 'tcg',
      reason: 'KVM is switched off by configuration',
    });
    await expect(stat(join(folder, 'args'))).rejects.toThrow('ENOENT');
  });
});

describe('KVM probe ROM', () => {
  it('is 64 KiB and starts with a far jump into the segment at F0000h', () => {
    const rom = kvmProbeRom();
    expect(rom).toHaveLength(65536);
    expect(rom[0xfff0]).toBe(0xea);
    expect(rom.readUInt16LE(0xfff3)).toBe(0xf000);
    expect(rom[rom.readUInt16LE(0xfff1)]).toBe(0xfa); // cli
  });

  const obstacle = assemblerObstacle();
  it.skipIf(obstacle !== undefined)(
    `is what its source assembles to${obstacle === undefined ? '' : ` (skipped: ${obstacle})`}`,
    () => {
      const script = fileURLToPath(new URL('../../../../scripts/build-kvm-probe.mjs', import.meta.url));
      execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' });
    },
  );
});

function assemblerObstacle(): string | undefined {
  const { stdout, error } = spawnSync('as', ['--version'], { encoding: 'utf8' });
  if (error !== undefined) return 'no assembler: as --version does not run';
  if (!/^GNU assembler/.test(stdout)) return 'as is not the GNU assembler';
  if (!/target of `(x86_64|i[3-6]86)/.test(stdout)) return 'as does not assemble for x86';
  return undefined;
}
