/**
 * QEMU as a program that pm2 looks after. pm2 (AGPL-3.0) stays a program of its own: we speak its socket
 * protocol and never load its code.
 *
 * The program is declared in the ecosystem file without being started (`autostart: false`), and pm2 never
 * restarts it (`autorestart: false`): the BMC alone decides when a machine is on.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type SupervisedState,
  type SupervisedStatus,
  type Supervisor,
  SupervisorError,
  staleWaitMs,
} from './supervisor.ts';

const callTimeoutMs = 5000;

/**
 * Packages of pm2's protocol, read when pm2 is first spoken to. They stay in node_modules: elsewhere Node warns of their
 * `new Buffer()` and `url.parse()` whenever they run.
 */
const load = createRequire(import.meta.url);

/** What we read of pm2's description of a program. */
interface Program {
  readonly pid?: number;
  readonly pm_id: number;
  readonly name: string;
  readonly pm2_env: { readonly status: string; readonly exit_code?: number; readonly autostart?: boolean };
}

const stateOf: Readonly<Record<string, SupervisedState>> = {
  online: 'online',
  launching: 'starting',
  'waiting restart': 'starting',
  'one-launch-status': 'starting',
  stopping: 'stopping',
  stopped: 'stopped',
  errored: 'stopped',
};

export class Pm2Supervisor implements Supervisor {
  readonly #socketPath: string;
  readonly #programName: string;

  /**
   * @param pm2Home the daemon's PM2_HOME
   * @param programName the program's name in the ecosystem file
   */
  constructor(pm2Home: string, programName = 'qemu') {
    this.#socketPath = join(pm2Home, 'rpc.sock');
    this.#programName = programName;
  }

  async start(): Promise<void> {
    await this.#connected(async (call) => {
      const deadline = performance.now() + staleWaitMs;
      for (;;) {
        const program = await this.#program(call);
        const state = stateOf[program.pm2_env.status] ?? 'unknown';
        // Between QEMU's end and pm2's notice of it, pm2 would refuse, or restart what it believes to run.
        if (state === 'stopped' && !program.pid) {
          await startStopped(call, program);
          return;
        }
        if (performance.now() >= deadline) {
          throw new SupervisorError(
            `pm2: ${this.#programName} is ${program.pm2_env.status}, pid ${program.pid ?? 0}, and cannot be started`,
          );
        }
        await sleep(20);
      }
    });
  }

  status(): Promise<SupervisedStatus> {
    return this.#connected(async (call) => {
      const { pm2_env: env } = await this.#program(call);
      const state = stateOf[env.status] ?? 'unknown';
      return { state, ...(env.exit_code !== undefined && { exitCode: env.exit_code }) };
    });
  }

  async #program(call: Call): Promise<Program> {
    const programs = (await call('getMonitorData', {})) as Program[];
    const program = programs.find(({ name }) => name === this.#programName);
    if (!program)
      throw new SupervisorError(`pm2: no program named ${this.#programName} at ${this.#socketPath}`);
    return program;
  }

  /** One connection for each use: it costs a few milliseconds and leaves no reconnecting socket behind. */
  async #connected<T>(use: (call: Call) => Promise<T>): Promise<T> {
    const axon: typeof import('pm2-axon') = load('pm2-axon');
    const rpc: typeof import('pm2-axon-rpc') = load('pm2-axon-rpc');
    const socket = axon.socket('req');
    socket.set('retry timeout', 0);
    let failure: Error | undefined;
    let fail: (error: Error) => void = () => undefined;
    const failed = new Promise<never>((_, reject) => {
      fail = (error) => {
        failure ??= error;
        reject(failure);
      };
    });
    failed.catch(() => undefined);
    socket.on('socket error', (cause: Error) =>
      fail(new SupervisorError(`pm2: ${this.#socketPath}: ${cause.message}`, { cause })),
    );
    // Errors that axon does not ignore are thrown when nobody listens; they came as `socket error` already.
    socket.on('error', () => undefined);
    socket.on('close', () => fail(new SupervisorError(`pm2: ${this.#socketPath}: connection closed`)));
    socket.connect(`unix:${this.#socketPath}`);
    const client = new rpc.Client(socket);
    const call: Call = (method, ...given) =>
      Promise.race([
        failed,
        new Promise<unknown>((resolve, reject) => {
          const timer = setTimeout(
            () => reject(new SupervisorError(`pm2 ${method}: no answer within ${callTimeoutMs} ms`)),
            callTimeoutMs,
          );
          client.call(method, ...given, (error: Error | null, result: unknown) => {
            clearTimeout(timer);
            if (error) reject(new SupervisorError(`pm2 ${method}: ${error.message}`, { cause: error }));
            else resolve(result);
          });
          failed.catch(() => clearTimeout(timer));
        }),
      ]);
    try {
      return await use(call);
    } finally {
      socket.close();
    }
  }
}

type Call = (method: string, ...given: unknown[]) => Promise<unknown>;

/**
 * pm2 7 will not start a program declared with `autostart: false` by `startProcessId`: it only stores it again.
 * `restartProcessId` can change that setting on its way, and starts a stopped program. It is called for the
 * first start only; from then on `startProcessId` does it, which refuses a running program.
 */
async function startStopped(call: Call, program: Program): Promise<void> {
  if (program.pm2_env.autostart === false) {
    await call('restartProcessId', { id: program.pm_id, env: { current_conf: { autostart: true } } });
  } else {
    await call('startProcessId', program.pm_id);
  }
}

export interface EcosystemInput {
  readonly runDir: string;
  readonly pm2Home: string;
  /** The script that starts QEMU. */
  readonly launcher: string;
  /** The BMC, as an executable with arguments. */
  readonly bmc: {
    readonly script: string;
    readonly args: readonly string[];
    readonly cwd: string;
    readonly env?: Readonly<Record<string, string>>;
    /** `none` unless given. With an interpreter pm2 would load its own (AGPL) code into the BMC's process. */
    readonly interpreter?: string;
  };
  /** How long the BMC may take to shut the guest down in order. */
  readonly stopGraceMs: number;
  readonly qemuName?: string;
  readonly bmcName?: string;
}

/** pm2 kills a program this much later than the BMC's own grace ends. */
const killMarginMs = 10_000;

/**
 * What to write into `*.config.json` and give to `pm2-runtime start`. Set PM2_DISABLE_VERSION_CHECK and PM2_HOME
 * (see {@link pm2Environment}) for that process.
 */
export function ecosystem(input: EcosystemInput): { apps: Record<string, unknown>[] } {
  const { bmc, runDir } = input;
  const common = {
    exec_mode: 'fork',
    out_file: '/dev/null',
    error_file: '/dev/null',
    // Both programs get the signal at a stop; QEMU has it blocked and goes when the BMC has shut the guest down.
    kill_timeout: input.stopGraceMs + killMarginMs,
    pmx: false,
    vizion: false,
    treekill: false,
    watch: false,
  };
  return {
    apps: [
      {
        ...common,
        name: input.bmcName ?? 'bmc',
        script: bmc.script,
        args: [...bmc.args],
        cwd: bmc.cwd,
        env: { ...pm2Environment(input.pm2Home), ...bmc.env },
        interpreter: bmc.interpreter ?? 'none',
        autorestart: true,
        exp_backoff_restart_delay: 100,
      },
      {
        ...common,
        name: input.qemuName ?? 'qemu',
        script: '/bin/bash',
        args: [input.launcher, runDir],
        interpreter: 'none',
        cwd: '/',
        autostart: false,
        autorestart: false,
      },
    ],
  };
}

/** How long a BMC has to live for its next fall to be taken for its first; looked at as often. */
const forgivenAfterMs = 5_000;

/**
 * Environment for pm2's own process: no look-up of newer versions, state in our directory, and restarts without delay
 * of a program that falls now and then (pm2 would forgive after 30 to 60 s).
 */
export function pm2Environment(pm2Home: string): Record<string, string> {
  return {
    PM2_HOME: pm2Home,
    PM2_DISABLE_VERSION_CHECK: 'true',
    PM2_WORKER_INTERVAL: String(forgivenAfterMs),
    EXP_BACKOFF_RESET_TIMER: String(forgivenAfterMs),
  };
}
