/** What of the power outlives the BMC: what was wanted, what was set, and why the machine last started anew. */
import type { Logger } from '../lib/log.ts';
import type { Restart, RestartCause } from './restart.ts';
import type { Store } from './store.ts';

/** What to do when power returns, or the machine dies without being asked. IPMI 2.0 §28.8. */
export const restorePolicies = ['always-off', 'previous', 'always-on'] as const;
export type RestorePolicy = (typeof restorePolicies)[number];

/** How long the power stays off in a cycle, unless set. IPMI 2.0 §28.3 asks for at least 1 s. */
export const powerCycleOffMs = 1_000;

interface Kept {
  readonly wanted: 'on' | 'off';
  readonly restorePolicy?: RestorePolicy;
  readonly cycleOffMs?: number;
  readonly owesOn?: boolean;
}

interface KeptRestart {
  readonly cause: RestartCause;
  /** Wall time; records of earlier versions have none. */
  readonly at?: number;
}

export class PowerRecord {
  readonly #store: Store;
  readonly #log: Logger;
  #wanted: 'on' | 'off';
  #owesOn: boolean;
  #restorePolicy: RestorePolicy | undefined;
  #cycleOffMs: number;
  #restart: Restart;
  #restartAt: number | undefined;

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
    const kept = store.load<Kept>('power');
    this.#wanted = kept?.wanted ?? 'off';
    this.#owesOn = kept?.owesOn ?? false;
    this.#restorePolicy = kept?.restorePolicy;
    this.#cycleOffMs = kept?.cycleOffMs ?? powerCycleOffMs;
    const restart = store.load<KeptRestart>('restart');
    this.#restart = { cause: restart?.cause ?? 'unknown', actor: undefined };
    this.#restartAt = restart?.at;
  }

  /** What the last request or the guest itself left the power at: what `previous` restores. */
  get wanted(): 'on' | 'off' {
    return this.#wanted;
  }

  /** A request that leads to `on` has been accepted and not been carried out: whoever comes next owes it. */
  get owesOn(): boolean {
    return this.#owesOn;
  }

  /** What a client has set, over what is configured. */
  get restorePolicy(): RestorePolicy | undefined {
    return this.#restorePolicy;
  }

  get cycleOffMs(): number {
    return this.#cycleOffMs;
  }

  get restart(): Restart {
    return this.#restart;
  }

  /** Wall time; undefined before the first start. */
  get restartAt(): number | undefined {
    return this.#restartAt;
  }

  /** @throws {BmcError} when it cannot be kept; nothing has changed then */
  setRestorePolicy(restorePolicy: RestorePolicy): void {
    this.#save({ restorePolicy });
    this.#restorePolicy = restorePolicy;
  }

  /** @throws {BmcError} when it cannot be kept; nothing has changed then */
  setCycleOffMs(cycleOffMs: number): void {
    this.#save({ cycleOffMs });
    this.#cycleOffMs = cycleOffMs;
  }

  /** A full disk must not keep the power from being switched: then only the memory of it suffers. */
  want(wanted: 'on' | 'off'): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    try {
      this.#save({ wanted });
    } catch (error) {
      this.#log.error({ err: error, wanted }, 'power state not kept');
    }
  }

  /** As with what is wanted, the power itself does not depend on the disk. */
  owe(owesOn: boolean, wanted: 'on' | 'off' = this.#wanted): void {
    if (owesOn === this.#owesOn && wanted === this.#wanted) return;
    this.#owesOn = owesOn;
    this.#wanted = wanted;
    try {
      this.#save({});
    } catch (error) {
      this.#log.error({ err: error, owesOn }, 'power request not kept');
    }
  }

  /** Nor does a start. @param at wall time */
  restarted(restart: Restart, at: number): void {
    this.#restart = restart;
    this.#restartAt = at;
    try {
      this.#store.save('restart', { cause: restart.cause, at } satisfies KeptRestart);
    } catch (error) {
      this.#log.error({ err: error }, 'restart cause not kept');
    }
  }

  #save(change: Partial<Kept>): void {
    const kept: Kept = {
      wanted: this.#wanted,
      ...(this.#restorePolicy === undefined ? {} : { restorePolicy: this.#restorePolicy }),
      ...(this.#owesOn && { owesOn: true }),
      ...(this.#cycleOffMs === powerCycleOffMs ? {} : { cycleOffMs: this.#cycleOffMs }),
      ...change,
    };
    this.#store.save('power', kept);
  }
}
