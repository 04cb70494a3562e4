/** How much of its processors a machine may use: kept from one QEMU to the next. */
import type { Logger } from '../../lib/log.ts';
import type { CpuQuota } from './cpu-quota.ts';
import type { QemuRun } from './qemu-run.ts';

export class CpuLimit {
  readonly #quota: CpuQuota;
  /** The machine that is on. */
  readonly #running: () => QemuRun | undefined;
  readonly #log: Logger;
  #share: number | undefined;

  constructor(quota: CpuQuota, running: () => QemuRun | undefined, log: Logger) {
    this.#quota = quota;
    this.#running = running;
    this.#log = log;
  }

  /** @param share of all processors; undefined: no limit. For the machine that runs, and for those that come */
  set(share: number | undefined): void {
    this.#share = share;
    const run = this.#running();
    if (run) this.#apply(run);
  }

  /** A machine that starts, or was taken over: its limit is the one of now. */
  holdDown(run: QemuRun): void {
    try {
      this.#apply(run);
    } catch (error) {
      this.#log.error({ err: error }, 'processor time not limited');
    }
  }

  /** There is no machine to be held down. */
  remove(): void {
    this.#quota.remove().catch((error: unknown) => {
      // A machine that has been started meanwhile is in it again.
      if (!this.#running()) this.#log.warn({ err: error }, 'control group not removed');
    });
  }

  #apply(run: QemuRun): void {
    const processors = this.#share === undefined ? undefined : this.#share * run.hardware.cpus;
    this.#quota.limit(run.process.pid, processors);
  }
}
