/**
 * One baseboard management controller: the hardware-neutral core that every face (IPMI over LAN, Redfish, …)
 * talks to. Nothing here is global: a process may hold a thousand of these.
 */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';
import { Boot } from './boot.ts';
import { ConsoleHub } from './console.ts';
import { EventLog } from './event-log.ts';
import type { Identity } from './identity.ts';
import type { Machine } from './machine.ts';
import { Power, type RestorePolicy } from './power.ts';
import { SolSettings } from './sol-settings.ts';
import type { Store } from './store.ts';
import { type UserSpec, Users } from './users.ts';

export interface BmcOptions {
  readonly machine: Machine;
  readonly identity: Identity;
  readonly users: readonly UserSpec[];
  readonly restorePolicy: RestorePolicy;
  /** How long a guest may take over an orderly shutdown before that is reported. */
  readonly softOffTimeoutMs: number;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export class Bmc {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly users: Users;
  readonly events: EventLog;
  readonly boot: Boot;
  readonly power: Power;
  readonly console: ConsoleHub;
  readonly sol: SolSettings;
  readonly #machine: Machine;

  constructor(options: BmcOptions) {
    const { machine, store, clock, log } = options;
    this.identity = options.identity;
    this.clock = clock;
    this.random = options.random;
    this.log = log;
    this.#machine = machine;
    this.users = new Users(options.users);
    this.events = new EventLog(clock, store, log);
    this.boot = new Boot({ clock, store, events: this.events, log });
    this.console = new ConsoleHub(machine.console, clock);
    this.sol = new SolSettings(store);
    this.power = new Power({
      machine,
      boot: this.boot,
      events: this.events,
      store,
      clock,
      log,
      restorePolicy: options.restorePolicy,
      softOffTimeoutMs: options.softOffTimeoutMs,
    });
  }

  /**
   * Takes over a machine that still runs, or does at power return what the restore policy and `powerOn` say.
   * @param powerReturned true when the server as a whole has just got power, false when only the BMC restarted
   * @param powerOn whether to power on at power return whatever the policy says
   */
  async start({ powerReturned, powerOn }: { powerReturned: boolean; powerOn: boolean }): Promise<void> {
    await this.#machine.open();
    await this.console.start();
    this.events.add('bmc-started', powerReturned ? 'appliance started' : 'BMC restarted');
    this.power.begin({ powerReturned, powerOn });
  }

  /**
   * @param options.shutdownGraceMs shut the guest down: by ACPI, and by force after so long; undefined leaves it running
   */
  async stop(options: { shutdownGraceMs?: number } = {}): Promise<void> {
    if (options.shutdownGraceMs !== undefined) await this.power.shutdown(options.shutdownGraceMs);
    this.events.add('bmc-stopped', 'BMC stopped');
    this.console.stop();
    await this.#machine.close();
  }
}
