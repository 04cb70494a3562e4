/** The load generator of the IPMI benchmarks, ipmi-load.c, as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface IpmiLoadOptions {
  /** What {@link compile} made of ipmi-load.c. */
  readonly program: string;
  readonly kind: 'requests' | 'logins' | 'echo';
  readonly port: number;
  /** Of `logins`: how many go on at once. */
  readonly sessions: number;
  /** Requests on the way in each session. */
  readonly outstanding?: number;
  readonly suite?: 3 | 17;
  readonly user?: string;
  readonly password?: string;
}

/** One run of it. Every answer was verified: a wrong or missing one ends the program, and the benchmark with it. */
export interface IpmiLoadRun {
  readonly count: number;
  readonly seconds: number;
  /** Of the generator. */
  readonly cpuSeconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
}

export class IpmiLoad {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #complaint = '';

  /** Resolves when all sessions are open. @throws {Error} when one is refused */
  static async open(options: IpmiLoadOptions): Promise<IpmiLoad> {
    const load = new IpmiLoad(options);
    const line = await load.#line();
    if (line !== 'ready') throw new Error(`the load generator says ${line}`);
    return load;
  }

  private constructor(options: IpmiLoadOptions) {
    const { program, kind, port, sessions, outstanding = 1, suite = 3 } = options;
    const { user = 'admin', password = '' } = options;
    this.#child = spawn(
      program,
      [kind, ...[port, sessions, outstanding, suite].map(String), user, password],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    const { stdout, stderr } = this.#child;
    if (!stdout || !stderr) throw new Error('no pipes');
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint += text;
    });
  }

  async run(seconds: number): Promise<IpmiLoadRun> {
    this.#child.stdin?.write(`run ${seconds}\n`);
    return JSON.parse(await this.#line()) as IpmiLoadRun;
  }

  /** So many that a compiler that watches what runs often is done with it, however busy the machine is. */
  async warmUp(count: number): Promise<void> {
    for (let done = 0; done < count; ) done += (await this.run(1)).count;
  }

  close(): void {
    this.#child.stdin?.end();
  }

  async #line(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(`the load generator has ended: ${this.#complaint}`);
    return value;
  }
}
