/** The whole appliance as a user starts it, with its own port, folders and password. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readStatus } from '../../src/config/run-files.ts';
import { noteEventLoop } from './event-loop-report.ts';
import { type Finished, freeTcpPort, freeUdpPort, run, until } from './processes.ts';
import { Terminal } from './terminal.ts';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export class Appliance {
  readonly port: number;
  /** TCP port of Redfish. */
  readonly redfishPort: number;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** In front of each program, such as those that run it in another network namespace. */
  readonly #words: readonly string[];
  readonly #child: ChildProcess;
  #output = '';
  #code: number | null | undefined;

  /** Starts it, behind `words` if given; resolves when it answers IPMI. */
  static async start(env: NodeJS.ProcessEnv = {}, words: readonly string[] = []): Promise<Appliance> {
    const appliance = new Appliance(await freeUdpPort(), await freeTcpPort(), env, words);
    try {
      await until(
        'the appliance answers',
        async () => {
          if (appliance.#code !== undefined) throw new Error(`it ended: ${appliance.#output}`);
          return (await appliance.ipmitool('-N', '1', '-R', '1', 'mc', 'info')).code === 0;
        },
        120_000,
      );
    } catch (error) {
      await appliance.stop();
      throw new Error(`the appliance said: ${appliance.#output}`, { cause: error });
    }
    return appliance;
  }

  private constructor(port: number, redfishPort: number, env: NodeJS.ProcessEnv, words: readonly string[]) {
    this.port = port;
    this.redfishPort = redfishPort;
    this.#words = words;
    this.folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-e2e-'));
    this.env = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      BMC_ADDR: '127.0.0.1',
      IPMI_PORT: String(port),
      REDFISH_PORT: String(redfishPort),
      STATE_DIR: join(this.folder, 'state'),
      RUN_DIR: join(this.folder, 'run'),
      // A guest that is still booting, or none, hears no button: whoever wants more of it says so.
      SHUTDOWN_GRACE: '1',
      ...env,
    };
    const [program = '', ...args] = [...words, process.execPath, main, 'run'];
    this.#child = spawn(program, args, {
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.#child.once('exit', (code) => {
      this.#code = code;
    });
  }

  /** Of the command that was started. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('it has not been started');
    return this.#child.pid;
  }

  /** Undefined while it runs; null when a signal ended it. */
  get exitCode(): number | null | undefined {
    return this.#code;
  }

  /** What it has printed. */
  get output(): string {
    return this.#output;
  }

  get stateDir(): string {
    return this.env.STATE_DIR ?? '';
  }

  get runDir(): string {
    return this.env.RUN_DIR ?? '';
  }

  ipmitoolArgs(...args: readonly string[]): string[] {
    return [
      '-I',
      'lanplus',
      '-H',
      '127.0.0.1',
      '-p',
      String(this.port),
      '-U',
      'admin',
      '-P',
      this.env.IPMI_PASS ?? 'password',
      ...args,
    ];
  }

  ipmitool(...args: readonly string[]): Promise<Finished> {
    const [program = '', ...rest] = [...this.#words, 'ipmitool', ...this.ipmitoolArgs(...args)];
    return run(program, rest);
  }

  /** @throws {Error} unless ipmitool says yes; @returns what it printed */
  async ipmi(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.ipmitool(...args);
    if (code !== 0) throw new Error(`ipmitool ${args.join(' ')}: ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  async isOn(): Promise<boolean> {
    return (await this.ipmi('power', 'status')).trim() === 'Chassis Power is on';
  }

  /** ipmitool's `sol activate` in a terminal of its own. */
  sol(...args: readonly string[]): Terminal {
    const words = [...this.#words, 'ipmitool', ...this.ipmitoolArgs('sol', 'activate', ...args)];
    return new Terminal(words[0] ?? '', words.slice(1));
  }

  /** Process numbers, as the appliance tells them. */
  status(): { readonly bmc: number; readonly qemu: number | undefined } {
    const status = readStatus(this.runDir);
    if (status?.pid === undefined) throw new Error('no status yet');
    return { bmc: status.pid, qemu: status.machine?.pid };
  }

  /** What the host's serial port has said since the first power-on. */
  serialLog(): string {
    return readFileSync(join(this.runDir, 'serial.log'), 'latin1');
  }

  /** Ends it as Ctrl-C does. @returns its exit code */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    if (this.#code === undefined) {
      this.#child.kill(signal);
      await until('the appliance has ended', () => this.#code !== undefined, 100_000).catch((error) => {
        this.#child.kill('SIGKILL');
        throw error;
      });
      noteEventLoop(join(this.stateDir, 'log/appliance.log'));
    }
    return this.#code ?? null;
  }

  /** Removes its folders. */
  clean(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
