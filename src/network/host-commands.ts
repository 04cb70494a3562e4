/**
 * The few things that can be done to the host's network, as one interface: iproute2's programs, files of /proc and
 * /sys, device nodes. Tests put a scripted host in its place.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';

/** Something that the host's network would not do; the message says what and why, in one line. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
}

export interface NetworkHost {
  /** @returns standard output @throws {NetworkError} with the program's own words */
  run(program: 'ip' | 'tc' | 'mknod', args: readonly string[]): Promise<string>;
  /** @throws {NodeJS.ErrnoException} */
  read(file: string): Promise<string>;
  /** @throws {NodeJS.ErrnoException} */
  write(file: string, text: string): Promise<void>;
  /** @throws {NodeJS.ErrnoException} */
  list(folder: string): Promise<readonly string[]>;
  /** Opens a device for reading and writing, and closes it. @throws {NodeJS.ErrnoException} when that is not allowed */
  tryOpen(file: string): Promise<void>;
  remove(file: string): Promise<void>;
}

const timeoutMs = 10_000;

export const systemNetworkHost: NetworkHost = {
  run(program, args) {
    return new Promise((resolve, reject) => {
      execFile(program, args, { timeout: timeoutMs, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        if (!error) resolve(stdout);
        else reject(new NetworkError(`${program} ${args.join(' ')}: ${reasonOf(error, stderr)}`));
      });
    });
  },
  read: (file) => readFile(file, 'utf8'),
  write: (file, text) => writeFile(file, text),
  list: (folder) => readdir(folder),
  async tryOpen(file) {
    await access(file, constants.F_OK);
    const handle = await open(file, constants.O_RDWR);
    await handle.close();
  },
  remove: (file) => rm(file, { force: true }),
};

function reasonOf(error: Error & { code?: unknown; killed?: boolean }, stderr: string): string {
  if (error.code === 'ENOENT') return 'not installed (Debian package iproute2)';
  if (error.killed) return `no answer within ${timeoutMs / 1000} s`;
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^We have an error talking to the kernel/.test(line));
  return lines.at(-1)?.replace(/^(RTNETLINK answers|Error): /, '') ?? `ended with ${String(error.code)}`;
}
