/**
 * The table of the host's links, and word of its changes. The kernel's messages (`ip monitor`) only say when to look
 * again: what is true is always read anew, so that a message lost or misread cannot leave a wrong picture.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import type { NetworkHost } from './host-commands.ts';
import { type Link, parseLinks } from './links.ts';

export interface LinkTable {
  /** Begins to tell of changes. What happened before is found by reading. */
  watch(): void;
  stop(): void;
  /** @throws {NetworkError} */
  read(): Promise<readonly Link[]>;
  /** Told a moment after something may have changed, once for many changes. */
  onChange(listener: () => void): () => void;
}

const quietMs = 20;
const restartMs = 1000;

export class SystemLinkTable implements LinkTable {
  readonly #host: NetworkHost;
  readonly #log: Logger;
  readonly #changed = new Emitter<void>();
  #watching = false;
  #monitor: ChildProcess | undefined;
  #soon: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(host: NetworkHost, log: Logger) {
    this.#host = host;
    this.#log = log;
  }

  watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#start();
  }

  stop(): void {
    this.#watching = false;
    clearTimeout(this.#soon);
    clearTimeout(this.#again);
    this.#soon = undefined;
    this.#monitor?.kill('SIGKILL');
    this.#monitor = undefined;
  }

  async read(): Promise<readonly Link[]> {
    return parseLinks(await this.#host.run('ip', ['-j', '-d', 'address', 'show']));
  }

  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  #start(): void {
    // Ends with us, also when we are killed.
    const monitor = spawn('setpriv', ['--pdeathsig', 'KILL', 'ip', '-o', 'monitor', 'link'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#monitor = monitor;
    monitor.unref();
    monitor.stdout.on('data', () => this.#tellSoon());
    (monitor.stdout as unknown as { unref(): void }).unref();
    monitor.on('error', (error) => this.#log.error({ err: error }, 'network changes are not seen'));
    monitor.on('close', () => {
      if (this.#monitor !== monitor || !this.#watching) return;
      this.#again = setTimeout(() => {
        this.#start();
        this.#tellSoon();
      }, restartMs);
      this.#again.unref();
    });
  }

  #tellSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#changed.emit();
    }, quietMs);
    this.#soon.unref();
  }
}
