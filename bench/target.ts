/** A server under test: a process of its own, whose processor time and memory the kernel counts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processStat } from '../src/lib/process-stat.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const readyMs = 30_000;
/** Of /proc: USER_HZ, the same on every Linux that Node runs on. */
const tickMs = 10;

export interface TargetOptions {
  readonly name: string;
  /**
   * Its program, from this folder on or with its whole path, and arguments; TypeScript is compiled as it is loaded. Where
   * `program` is given, that one's arguments.
   */
  readonly command: readonly string[];
  /** One that Node.js does not run. */
  readonly program?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What it prints when it can be asked; its first group is the port, where it chooses that itself. */
  readonly ready: RegExp;
}

export class Target {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #pid: number;
  #output = '';
  #port = Number.NaN;

  /** @throws {Error} with what it has said, when it does not come up */
  static async start(options: TargetOptions): Promise<Target> {
    const target = new Target(options);
    const deadline = performance.now() + readyMs;
    for (;;) {
      const match = options.ready.exec(target.#output);
      if (match) {
        target.#port = Number(match[1]);
        return target;
      }
      if (target.#child.exitCode !== null || performance.now() > deadline) {
        await target.stop();
        throw new Error(`${options.name} did not start: ${target.#output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  private constructor({ name, program, command, env = {} }: TargetOptions) {
    this.name = name;
    const [script = '', ...args] = command;
    const compiler = script.endsWith('.ts') ? ['--import', 'tsx'] : [];
    const [file, ...rest] =
      program === undefined
        ? [process.execPath, ...compiler, resolve(here, script), ...args]
        : [program, ...command];
    this.#child = spawn(file, rest, {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#pid = this.#child.pid ?? -1;
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-10_000);
      });
    }
  }

  get port(): number {
    return this.#port;
  }

  /** Processor time so far, user and system, of all its threads. */
  get cpuMs(): number {
    const stat = processStat(this.#pid);
    if (!stat) throw new Error(`${this.name} has ended: ${this.#output}`);
    return stat.cpuTicks * tickMs;
  }

  get residentKb(): number {
    return this.#status('VmRSS');
  }

  /** The most that was ever resident. */
  get peakKb(): number {
    return this.#status('VmHWM');
  }

  #status(name: string): number {
    const status = readFileSync(`/proc/${this.#pid}/status`, 'latin1');
    const [, kb] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
    return Number(kb);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(force);
  }
}

/** A folder that goes with the benchmark. */
export function scratchFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'qemu-bmc-bench-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject()));
    });
  });
}
