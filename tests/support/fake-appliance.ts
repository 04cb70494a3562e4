/** The whole appliance with the machine in memory, for what needs no guest. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freeTcpPort, freeUdpPort, until } from './processes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export class FakeAppliance {
  readonly url: string;
  /** UDP ports: of IPMI, and where its alerts go. */
  readonly ipmiPort: number;
  readonly trapPort: number;
  readonly #folder: string;
  readonly #child: ChildProcess;

  /** Resolves when it takes connections. What it has to complain of goes to our own stderr. */
  static async start(): Promise<FakeAppliance> {
    const appliance = new FakeAppliance(await freeTcpPort(), await freeUdpPort(), await freeUdpPort());
    try {
      await until('the appliance listens', () => appliance.#listens(), 30_000);
    } catch (error) {
      await appliance.stop();
      throw error;
    }
    return appliance;
  }

  private constructor(port: number, ipmiPort: number, trapPort: number) {
    this.ipmiPort = ipmiPort;
    this.trapPort = trapPort;
    this.url = `https://127.0.0.1:${port}`;
    this.#folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-fake-'));
    this.#child = spawn(process.execPath, [join(root, 'dist/main.js'), 'run', '--fake'], {
      cwd: root,
      env: {
        ...process.env,
        BMC_ADDR: '127.0.0.1',
        IPMI_PORT: String(ipmiPort),
        IPMI_TRAP_PORT: String(trapPort),
        REDFISH_PORT: String(port),
        STATE_DIR: join(this.#folder, 'state'),
        RUN_DIR: join(this.#folder, 'run'),
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  /** Ends it, and removes what it has written. */
  async stop(): Promise<void> {
    if (!this.#hasEnded) {
      this.#child.kill('SIGTERM');
      await until('the appliance has ended', () => this.#hasEnded, 20_000);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #listens(): Promise<boolean> {
    if (this.#hasEnded) throw new Error(`the appliance ended with code ${this.#child.exitCode}`);
    return new Promise((resolve) => {
      const socket = connect(Number(new URL(this.url).port), '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
  }
}
