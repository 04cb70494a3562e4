/**
 * Finds out whether KVM runs a guest here, by running one: a small test ROM that
 * climbs from real mode to ring 3 (`kvm-probe.S`). Opening /dev/kvm proves nothing,
 * and neither does a boot sector: some hosts accept both and emulate real mode
 * instruction by instruction, yet never run an operating system.
 *
 * It does not choose a CPU model, and it says nothing about the speed of KVM.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync, type Stats } from 'node:fs';
import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve as resolvePath } from 'node:path';
import { performance } from 'node:perf_hooks';
import { kvmProbeCodeHex } from './kvm-probe-rom.ts';

export interface KvmProbeOptions {
  /** A name looked up in PATH, or a path. */
  qemuBinary: string;
  /** The value of `-cpu` that the machine will run with: models fail in different ways. */
  cpuModel: string;
  /** Looked at before QEMU is started; QEMU itself always opens /dev/kvm. */
  kvmDevice?: string;
  timeoutMs?: number;
  /** `tcg` needs no device; it proves the ROM itself in tests. */
  accelerator?: 'kvm' | 'tcg';
  /** Where the probe makes its folder, which it removes again. */
  tmpDir?: string;
}

export interface KvmProbeResult {
  usable: boolean;
  /** One line for people: why, or why not. */
  reason: string;
  /** Letters the test program wrote, at best `RPLCIU`. */
  stages: string;
  durationMs: number;
}

/** The setting ENABLE_KVM. */
export type AcceleratorMode = 'auto' | 'true' | 'false';

export interface AcceleratorChoice {
  accelerator: 'kvm' | 'tcg';
  reason: string;
}

/** KVM was demanded and does not work; the message says why. */
export class AcceleratorError extends Error {
  override readonly name = 'AcceleratorError';
}

/**
 * Run the test ROM. Whatever is wrong is told in the result; this does not throw.
 * It takes at most `timeoutMs` (1500 by default) and 0.3 s for the end of a killed
 * QEMU, and leaves neither a process nor a file behind.
 */
export async function probeKvm(options: KvmProbeOptions): Promise<KvmProbeResult> {
  return probeWithRom(kvmProbeRom(), options);
}

/**
 * Decide what the machine runs with. `auto` falls back to `tcg`; `false` does not probe.
 * @throws {AcceleratorError} for mode `true` where KVM is not usable
 */
export async function chooseAccelerator(
  mode: AcceleratorMode,
  options: KvmProbeOptions,
): Promise<AcceleratorChoice> {
  if (mode === 'false') return { accelerator: 'tcg', reason: 'KVM is switched off by configuration' };
  const { usable, reason } = await probeKvm(options);
  if (usable) return { accelerator: 'kvm', reason };
  if (mode === 'true') throw new AcceleratorError(`KVM is required but not usable: ${reason}`);
  return { accelerator: 'tcg', reason };
}

/** @returns the test ROM, 64 KiB: its code lies at the end, where the processor starts */
export function kvmProbeRom(): Buffer {
  const rom = Buffer.alloc(romBytes, 0xff);
  const code = Buffer.from(kvmProbeCodeHex, 'hex');
  code.copy(rom, romBytes - code.length);
  return rom;
}

/** {@link probeKvm} with another ROM: lets tests show that a false one is not believed. */
export async function probeWithRom(rom: Uint8Array, options: KvmProbeOptions): Promise<KvmProbeResult> {
  const startMs = performance.now();
  const verdict = await attempt(rom, options);
  return { ...verdict, durationMs: Math.round(performance.now() - startMs) };
}

const romBytes = 64 * 1024;
const defaultDevice = '/dev/kvm';
const defaultTimeoutMs = 1500;
/** For a killed QEMU to be gone. */
const killWaitMs = 300;
/** For the rest of stderr once QEMU is gone: another process may still hold the pipe. */
const stderrWaitMs = 100;

const stageNames = {
  R: 'real mode',
  P: 'protected mode',
  L: 'long mode with paging',
  C: 'a loop of 10^6',
  I: 'an exception',
  U: 'ring 3 and back',
} as const;
const allStages = Object.keys(stageNames).join('');

/** isa-debug-exit ends QEMU with value * 2 + 1. */
const QemuStatus = { reset: 0, passed: 0x2a * 2 + 1, failed: 0x2b * 2 + 1 } as const;

type Verdict = Omit<KvmProbeResult, 'durationMs'>;

type Ending =
  | { kind: 'not-started'; error: unknown }
  | { kind: 'exited'; status: number }
  | { kind: 'signalled'; signal: string }
  | { kind: 'timed-out'; gone: boolean };

interface Run {
  ending: Ending;
  stderr: string;
}

async function attempt(rom: Uint8Array, options: KvmProbeOptions): Promise<Verdict> {
  const { accelerator = 'kvm', cpuModel } = options;
  if (!/^[A-Za-z0-9_.,+=-]+$/.test(cpuModel)) {
    return unusable(`CPU model: need letters, digits and _.,+=- only, got ${JSON.stringify(cpuModel)}`);
  }
  if (accelerator === 'kvm') {
    const obstacle = await deviceObstacle(options.kvmDevice ?? defaultDevice);
    if (obstacle !== undefined) return unusable(obstacle);
  }

  let folder: string | undefined;
  const removeFolder = () => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', removeFolder);
  try {
    folder = await mkdtemp(join(resolvePath(options.tmpDir ?? tmpdir()), 'kvm-probe-'));
    const romPath = join(folder, 'probe.rom');
    const outputPath = join(folder, 'stages');
    await writeFile(romPath, rom);
    const run = await runQemu(options, accelerator, folder, romPath, outputPath);
    return judge(run, await readStages(outputPath), options, accelerator);
  } catch (error) {
    return unusable(`probe files: ${messageOf(error)}`);
  } finally {
    process.off('exit', removeFolder);
    // A folder that cannot be removed does not change the answer.
    if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

/** @returns why the device cannot be used, or undefined where this process can open it */
async function deviceObstacle(path: string): Promise<string | undefined> {
  let stats: Stats;
  try {
    stats = await stat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return `${path} does not exist`;
    return `${path}: ${messageOf(error)}`;
  }
  if (!stats.isCharacterDevice()) return `${path} is not a character device`;
  try {
    const handle = await open(path, 'r+');
    await handle.close();
    return undefined;
  } catch (error) {
    if (codeOf(error) === 'EACCES') return `${path}: no permission: ${ownership(stats)}`;
    if (codeOf(error) === 'EPERM') return `${path}: the container's device rules forbid it (EPERM)`;
    return `${path}: ${messageOf(error)}`;
  }
}

function ownership(stats: Stats): string {
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
  const groups = new Set([process.getegid?.() ?? -1, ...(process.getgroups?.() ?? [])]);
  return (
    `the device has user ${stats.uid}, group ${stats.gid}, mode ${mode}; ` +
    `this process has user ${process.geteuid?.()}, groups ${[...groups].join(' ')}`
  );
}

function runQemu(
  { qemuBinary, cpuModel, timeoutMs = defaultTimeoutMs }: KvmProbeOptions,
  accelerator: string,
  folder: string,
  romPath: string,
  outputPath: string,
): Promise<Run> {
  const args = ['-accel', accelerator, '-cpu', cpuModel, '-M', 'q35', '-m', '16'];
  args.push('-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-bios', romPath);
  args.push('-device', 'isa-debug-exit,iobase=0xf4,iosize=1', '-debugcon', `file:${outputPath}`);
  const binary = qemuBinary.includes('/') ? resolvePath(qemuBinary) : qemuBinary;

  return new Promise((resolve) => {
    let child: ChildProcess;
    try {
      // A process group of its own, so that a wrapper script's QEMU is killed with it;
      // and a core file, should QEMU abort, is written to the folder that is removed.
      child = spawn(binary, args, { cwd: folder, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    } catch (error) {
      resolve({ ending: { kind: 'not-started', error }, stderr: '' });
      return;
    }
    const killGroup = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has just ended by itself.
      }
    };
    const settle = (ending: Ending) => {
      clearTimeout(timer);
      process.off('exit', killGroup);
      child.stderr?.destroy();
      resolve({ ending, stderr });
    };

    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-16_384);
    });
    let timedOut = false;
    let timer = setTimeout(() => {
      timedOut = true;
      killGroup();
      timer = setTimeout(() => settle({ kind: 'timed-out', gone: false }), killWaitMs);
    }, timeoutMs);
    process.once('exit', killGroup);
    child.once('error', (error) => settle({ kind: 'not-started', error }));
    child.once('exit', (status, signal) => {
      const ending: Ending =
        status !== null
          ? { kind: 'exited', status }
          : timedOut
            ? { kind: 'timed-out', gone: true }
            : { kind: 'signalled', signal: signal ?? 'an unknown signal' };
      clearTimeout(timer);
      timer = setTimeout(() => settle(ending), stderrWaitMs);
      child.once('close', () => settle(ending));
    });
  });
}

/** A program gone wild may write without end; a few more letters than expected are enough to see it. */
async function readStages(path: string): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(2 * allStages.length));
      return buffer.toString('latin1', 0, bytesRead).replace(/[^A-Z]/g, '?');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return ''; // QEMU ended before it opened the file
    throw error;
  }
}

function judge(
  { ending, stderr }: Run,
  stages: string,
  options: KvmProbeOptions,
  accelerator: string,
): Verdict {
  const subject = `${accelerator.toUpperCase()} with CPU model ${options.cpuModel}`;
  if (ending.kind === 'exited' && ending.status === QemuStatus.passed && stages === allStages) {
    return { usable: true, reason: `${subject} runs a guest up to ring 3 and back`, stages };
  }
  if (ending.kind === 'not-started') return unusable(startFailure(options.qemuBinary, ending.error));
  const said = telling(stderr);
  const reason = `${subject}: ${describe(ending, options)}; test program ${progress(stages)}`;
  return { usable: false, reason: said === '' ? reason : `${reason}; QEMU says: ${said}`, stages };
}

function describe(ending: Exclude<Ending, { kind: 'not-started' }>, options: KvmProbeOptions): string {
  switch (ending.kind) {
    case 'timed-out': {
      const timeout = `no result within ${options.timeoutMs ?? defaultTimeoutMs} ms`;
      return ending.gone ? `${timeout}, QEMU killed` : `${timeout}, and QEMU has yet to obey SIGKILL`;
    }
    case 'signalled':
      return `QEMU ended by ${ending.signal}`;
    case 'exited':
      return `QEMU status ${ending.status}${statusMeaning(ending.status)}`;
  }
}

function statusMeaning(status: number): string {
  switch (status) {
    case QemuStatus.reset:
      return ' (the guest reset itself)';
    case QemuStatus.failed:
      return ' (wrong result or unexpected exception)';
    default:
      return '';
  }
}

function progress(stages: string): string {
  if (stages === '') return 'did not start';
  if (!allStages.startsWith(stages)) return `wrote "${stages}", expected "${allStages}"`;
  const last = stageNames[stages.at(-1) as keyof typeof stageNames];
  return stages === allStages ? 'took every step' : `stopped after ${last} ("${stages}" of "${allStages}")`;
}

function startFailure(binary: string, error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOENT':
      return `QEMU binary not found: ${binary}`;
    case 'EACCES':
      // A search through PATH also ends so where one of its folders is closed to this user.
      return `QEMU binary ${binary.includes('/') ? 'is not executable' : 'not found or not executable'}: ${binary}`;
    default:
      return `QEMU binary ${binary} did not start: ${messageOf(error)}`;
  }
}

/**
 * What QEMU's stderr says of the failure: the last line, and before an assertion the
 * error that led to it. A KVM failure is followed by a register dump, so that its
 * headline counts. Warnings tell of missing CPU features, which are not the cause.
 */
function telling(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/\p{Cc}/gu, ' ').trim())
    .filter((line) => line !== '' && !line.includes('warning:'));
  const headline = lines.findLast((line) => /^(KVM internal error|KVM: entry failed)/.test(line));
  const last = lines.at(-1) ?? '';
  const before = lines.at(-2);
  const chosen =
    headline ?? (last.includes('Assertion') && before !== undefined ? `${before}; ${last}` : last);
  return chosen.slice(0, 300);
}

function unusable(reason: string): Verdict {
  return { usable: false, reason, stages: '' };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
