/**
 * Logins that nobody means to end, from one address or from thousands, at a pace: login-flood-process.ts sends them from
 * a process of its own, so that neither the BMC nor who measures it pays for them.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface LoginFloodOptions {
  /** Of the BMC. */
  readonly address: string;
  readonly port: number;
  /** So many addresses of 127.7.0.0/16, with a socket each. */
  readonly sources: number;
}

/** Every so many of the handshakes that the BMC has opened ask for a challenge, too, as user `admin`. */
export const challengeEvery = 5;

/** To the process: datagrams a second. */
export interface FloodPace {
  readonly perSecond: number;
}

/** From the process, on each change of pace: what it has sent so far. */
export interface FloodCount {
  readonly sent: number;
}

export class LoginFlood {
  readonly #child: ChildProcess;

  /** Resolves when its sockets are open; it sends nothing yet. */
  static async start({ address, port, sources }: LoginFloodOptions): Promise<LoginFlood> {
    const program = fileURLToPath(new URL('login-flood-process.ts', import.meta.url));
    const child = fork(program, [address, String(port), String(sources)], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`the flood ended with ${code}`);
      }),
    ]);
    return new LoginFlood(child);
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @returns how many were sent so far */
  async pace(perSecond: number): Promise<number> {
    const answer = once(this.#child, 'message');
    this.#child.send({ perSecond } satisfies FloodPace);
    const [{ sent }] = (await answer) as [FloodCount];
    return sent;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}
