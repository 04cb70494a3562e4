/** QEMU as a plain child process in a session of its own. It outlives us, like a machine outlives its BMC. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { launcherScript } from '../../src/config/package-paths.ts';
import {
  type SupervisedStatus,
  type Supervisor,
  SupervisorError,
  staleWaitMs,
} from '../../src/supervise/supervisor.ts';

export class ChildSupervisor implements Supervisor {
  readonly #runDir: string;
  #child: ChildProcess | undefined;

  constructor(runDir: string) {
    this.#runDir = runDir;
  }

  async start(): Promise<void> {
    const deadline = performance.now() + staleWaitMs;
    while (isRunning(this.#child)) {
      if (performance.now() >= deadline)
        throw new SupervisorError(`QEMU runs already, pid ${this.#child?.pid}`);
      await sleep(5);
    }
    const child = spawn('bash', [launcherScript, this.#runDir], { detached: true, stdio: 'ignore' });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => reject(new SupervisorError(`launcher: ${cause.message}`, { cause })));
    });
    child.unref();
  }

  status(): Promise<SupervisedStatus> {
    const child = this.#child;
    if (!child) return Promise.resolve({ state: 'unknown' });
    if (isRunning(child)) return Promise.resolve({ state: 'online' });
    return Promise.resolve({
      state: 'stopped',
      ...(child.exitCode !== null && { exitCode: child.exitCode }),
    });
  }
}

function isRunning(child: ChildProcess | undefined): boolean {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
