/**
 * How far the software in the host is trusted: the way from the host to its BMC has no login, so whoever is root there
 * may do what this says.
 *
 * The configuration gives the policy of the first start; afterwards what is changed at run time counts and is kept. A
 * configured policy that is another than at the last start takes the place of what was chosen meanwhile. Whether the
 * machine has such an interface at all is a matter of the configuration alone: without one, nothing can be permitted.
 */
import { Emitter } from '../lib/emitter.ts';
import type { Actor } from './actor.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { Store } from './store.ts';

/**
 * `full`: everything. `no-users`: users, passwords, keys and who may come in over the LAN are out of reach.
 * `read-only`: nothing is changed but the interface itself. `off`: nothing is answered but refusals.
 */
export const hostAccessPolicies = ['full', 'no-users', 'read-only', 'off'] as const;
export type HostAccessPolicy = (typeof hostAccessPolicies)[number];

export interface HostAccessOptions {
  /** Of the configuration; `off`: the machine has no such interface. */
  readonly configured: HostAccessPolicy;
  readonly store: Store;
  readonly events: EventLog;
}

interface Kept {
  readonly policy: HostAccessPolicy;
  /** The configured policy that it was chosen under. */
  readonly configured: HostAccessPolicy;
}

const storeName = 'host-access';

export class HostAccess {
  readonly #options: HostAccessOptions;
  readonly #changed = new Emitter<void>();
  #policy: HostAccessPolicy;

  constructor(options: HostAccessOptions) {
    const { configured, store, events } = options;
    this.#options = options;
    const kept = store.load<Partial<Kept>>(storeName);
    const chosen = hostAccessPolicies.find((each) => each === kept?.policy);
    const holds = chosen !== undefined && kept?.configured === configured;
    this.#policy = holds ? chosen : configured;
    if (kept === undefined || holds) return;
    this.#save(configured);
    events.add('configuration', `access from the host: ${configured}, set anew from the configuration`);
  }

  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  get policy(): HostAccessPolicy {
    return this.#policy;
  }

  /** Whether the machine has an interface that a policy could permit something on. */
  get fitted(): boolean {
    return this.#options.configured !== 'off';
  }

  /**
   * At once, for messages that are to come, and for good.
   * @throws {BmcError} `not-permitted` where there is no interface; `no-space` or `timed-out` when it cannot be kept:
   *   nothing has changed then
   */
  set(policy: HostAccessPolicy, actor: Actor): void {
    if (policy === this.#policy) return;
    if (!this.fitted) {
      throw new BmcError('not-permitted', 'the machine has no system interface: its configuration says off');
    }
    this.#save(policy);
    this.#options.events.changed(actor, 'access from the host', this.#policy, policy);
    this.#policy = policy;
    this.#changed.emit();
  }

  /** @throws {BmcError} when it cannot be kept; nothing has changed then */
  resetToDefaults(actor: Actor): void {
    this.set(this.#options.configured, actor);
  }

  #save(policy: HostAccessPolicy): void {
    this.#options.store.save(storeName, { policy, configured: this.#options.configured } satisfies Kept);
  }
}
