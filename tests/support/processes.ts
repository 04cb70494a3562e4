/** Running programs in tests: with a time limit, and never leaving one behind. */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/** Runs a program to its end; killed after `timeoutMs` (30 s by default), which shows as code null. */
export function run(
  program: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; timeoutMs?: number; input?: string; cwd?: string } = {},
): Promise<Finished> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: options.env ?? process.env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 30_000);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdin.on('error', () => undefined).end(options.input ?? '');
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr, ms: performance.now() - started });
    });
  });
}

/**
 * Waits until `probe` gives something other than undefined or false.
 * @throws {Error} naming `what` after `timeoutMs`, with the last error of the probe as its cause
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 60_000,
  everyMs = 50,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms in vain until ${what}`, { cause });
    }
    await sleep(everyMs);
  }
}

/**
 * A UDP port of 127.0.0.1 that was free a moment ago. It lies below 32,768: FreeIPMI's ipmiconsole 1.6.10 takes a host
 * with a higher port for an invalid name, and the kernel gives none of these to somebody else by itself.
 */
export async function freeUdpPort(): Promise<number> {
  for (let tries = 0; ; tries++) {
    const port = randomInt(20_000, 32_000);
    try {
      return await bindAndRelease(port);
    } catch (error) {
      if (tries > 100) throw error;
    }
  }
}

function bindAndRelease(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(port)));
  });
}

/** A TCP port of 127.0.0.1, `from` or higher, that was free a moment ago. */
export async function freeTcpPort(from = 20_000): Promise<number> {
  for (let tries = 0; ; tries++) {
    const port = randomInt(from, 32_000);
    try {
      return await new Promise((resolve, reject) => {
        const server = createServer();
        server.once('error', reject);
        server.listen(port, '127.0.0.1', () => server.close(() => resolve(port)));
      });
    } catch (error) {
      if (tries > 100) throw error;
    }
  }
}

/** Processes whose command line or environment mentions `mark`, as `pid: command line`. */
export function processesMentioning(mark: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    try {
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      if (commandLine.includes(mark) || environment.includes(mark)) found.push(`${pid}: ${commandLine}`);
    } catch {
      // It has ended meanwhile, or is a kernel thread.
    }
  }
  return found;
}

/** Containers often have no IPv6 at all. */
export const hasIpv6Loopback = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
);
/** For the title of a test that is skipped without it. */
export const withoutIpv6 = hasIpv6Loopback ? '' : ' (skipped: this machine has no IPv6 loopback address)';
