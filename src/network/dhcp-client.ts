/**
 * The DHCP client of an interface that the BMC looks after: busybox' udhcpc, which needs nothing of the host but
 * itself. `scripts/dhcp-lease.sh` puts what it is given onto the interface.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Logger } from '../lib/log.ts';
import { NetworkError } from './host-commands.ts';

export interface DhcpClientOptions {
  /** The client's program with its first words. */
  readonly command: readonly [string, ...string[]];
  readonly script: string;
  /** Where the leased address stands. */
  readonly leaseFile: string;
  readonly log: Logger;
}

/** @returns the words to call udhcpc by; undefined where it is not installed */
export function installedDhcpClient(path: string): DhcpClientOptions['command'] | undefined {
  for (const folder of path.split(delimiter)) {
    if (isExecutable(join(folder, 'udhcpc'))) return [join(folder, 'udhcpc')];
    if (isExecutable(join(folder, 'busybox'))) return [join(folder, 'busybox'), 'udhcpc'];
  }
  return undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Five questions, two seconds apart, as a client that is waited for can afford. */
const patience = ['-t', '5', '-T', '2'] as const;
const lookEveryMs = 50;
const giveUpMs = 20_000;
const againMs = 10_000;

export class DhcpClient {
  readonly #options: DhcpClientOptions;
  #child: ChildProcess | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(options: DhcpClientOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#child !== undefined || this.#again !== undefined;
  }

  /**
   * Gets an address and keeps it until {@link stop}.
   * @returns the address
   * @throws {NetworkError} when no server gives one; then nothing runs
   */
  async start(interfaceName: string): Promise<string> {
    await this.stop();
    rmSync(this.#options.leaseFile, { force: true });
    this.#spawn(interfaceName);
    const deadline = performance.now() + giveUpMs;
    for (;;) {
      const leased = this.#leased();
      if (leased !== undefined) return leased;
      if (this.#child === undefined || performance.now() > deadline) {
        await this.stop();
        throw new NetworkError(`no DHCP server on ${interfaceName} gives an address`);
      }
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  }

  /** Ends the client. What it has put onto the interface stays. */
  async stop(): Promise<void> {
    clearTimeout(this.#again);
    this.#again = undefined;
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill('SIGKILL');
    });
  }

  #leased(): string | undefined {
    try {
      return readFileSync(this.#options.leaseFile, 'utf8').trim() || undefined;
    } catch {
      return undefined;
    }
  }

  #spawn(interfaceName: string): void {
    const { command, script, leaseFile, log } = this.#options;
    const [program, ...first] = command;
    const words = [...first, '-f', '-n', ...patience, '-i', interfaceName, '-s', script];
    // Ends with us, also when we are killed.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...words], {
      env: { ...process.env, LEASE_FILE: leaseFile },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => log.debug({ text }, 'DHCP client'));
    child.once('error', (error) => log.error({ err: error }, 'DHCP client'));
    child.once('close', (code) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      // One that never had a lease is for `start` to tell of.
      if (this.#leased() === undefined) return;
      log.warn({ code, interfaceName }, 'DHCP client ended; starting it again');
      this.#again = setTimeout(() => {
        this.#again = undefined;
        this.#spawn(interfaceName);
      }, againMs);
      this.#again.unref();
    });
  }
}
