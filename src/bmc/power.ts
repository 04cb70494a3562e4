/**
 * Power: the one owner of the machine's life.
 *
 *           request on             started         paused
 *     off ────────────▶ turning-on ────────▶ on ◀──────────▶ paused
 *      ▲                    │ failed          │  resumed, reset   │
 *      └────────────────────┘◀────────────────┴───────────────────┘ stopped (forced, guest, crashed)
 *
 * A paused machine is on: it has its power, its memory and its console, only its processors stand still.
 *
 * Requests of every face enter one queue and are answered at once; a driver carries them out one by one. A
 * request is judged by the state the queue will lead to, so «off» directly followed by «on» ends in on. What
 * the machine does by itself comes as events and is believed at once, whatever the queue holds. A crash is never
 * taken for a power-off: only then does the restore policy decide.
 */
import { type Clock, delay, type Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import type { Actor } from './actor.ts';
import type { Boot } from './boot.ts';
import { changesBetween } from './changes.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { Faults } from './faults.ts';
import type { Machine, MachineEvent } from './machine.ts';
import { endsRestart, leadsOn, type PowerAction, type PowerRequest } from './power-actions.ts';
import { PowerQueue } from './power-queue.ts';
import { PowerRecord, powerCycleOffMs, type RestorePolicy } from './power-record.ts';
import type { Restart, RestartCause } from './restart.ts';
import type { Store } from './store.ts';

export const powerStates = ['off', 'turning-on', 'on', 'paused'] as const;
export type PowerState = (typeof powerStates)[number];

/** Why the power last went down or up. IPMI 2.0 §28.2, last power event. */
export interface LastPowerEvent {
  readonly onByRequest: boolean;
  /** The machine died without being asked. */
  readonly fault: boolean;
  /** Power returned to the server as a whole. */
  readonly powerReturned: boolean;
}

export interface PowerOptions {
  readonly machine: Machine;
  readonly boot: Boot;
  readonly events: EventLog;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly restorePolicy: RestorePolicy;
  readonly softOffTimeoutMs: number;
  readonly faults?: Faults;
  /** Fails what the machine's reset would have to wait for. @returns to be called when it has been reset */
  readonly holdMedia?: () => () => void;
}

/** How often an appliance stop presses the power button. */
const buttonAgainMs = 3_000;
/** How long a crashed machine stays off before the restore policy brings it back: long enough to be seen. */
export const restoreDelayMs = 3_000;

const policyActor: Actor = { name: 'restore policy', face: 'bmc' };
const owingActor: Actor = { name: 'the BMC that restarted meanwhile', face: 'bmc' };
const startActor: Actor = { name: 'power-on at start', face: 'bmc' };

export class Power {
  readonly #options: PowerOptions;
  readonly #record: PowerRecord;
  readonly #queue: PowerQueue;
  readonly #changed = new Emitter<PowerState>();
  readonly #restarted = new Emitter<Restart>();
  readonly #settingsChanged = new Emitter<void>();
  /** The restart that is being carried out. */
  #restart: Restart | undefined;
  #state: PowerState = 'off';
  /** Who has the machine paused at this moment. */
  #pausing: Actor | undefined;
  #closing = false;
  #lastEvent: LastPowerEvent = { onByRequest: false, fault: false, powerReturned: false };
  #softOff: Timer | undefined;
  /** Who wants the machine on again once the guest has shut down. */
  #onAgain: { readonly actor: Actor; readonly cause: RestartCause } | undefined;
  #restore: Timer | undefined;

  constructor(options: PowerOptions) {
    this.#options = options;
    this.#record = new PowerRecord(options.store, options.log);
    this.#queue = new PowerQueue({
      clock: options.clock,
      log: options.log,
      carryOut: (request) => this.#carryOut(request),
      failed: (request, error) => this.#failed(request, error),
      done: () => this.#record.owe(this.#record.owesOn && this.#queue.leadsOn),
    });
    options.machine.on((event) => this.#machineEvent(event));
    options.boot.onChange(() => options.machine.setBootOverride(options.boot.forMachine));
    options.machine.setBootOverride(options.boot.forMachine);
  }

  /** What is true of the machine now, not what was asked for. */
  get state(): PowerState {
    return this.#state;
  }

  get isOn(): boolean {
    return this.#state === 'on' || this.#state === 'paused';
  }

  get restorePolicy(): RestorePolicy {
    return this.#record.restorePolicy ?? this.#options.restorePolicy;
  }

  get lastEvent(): LastPowerEvent {
    return this.#lastEvent;
  }

  /** Why the machine last started anew, by power-on or reset. */
  get lastRestart(): Restart {
    return this.#record.restart;
  }

  /** When that was, as wall time; undefined before the first start. */
  get lastRestartAt(): number | undefined {
    return this.#record.restartAt;
  }

  /** How long the power stays off in a cycle. */
  get cycleOffMs(): number {
    return this.#record.cycleOffMs;
  }

  onChange(listener: (state: PowerState) => void): () => void {
    return this.#changed.on(listener);
  }

  /** Told of each power-on and reset, whoever caused it, when it has happened. */
  onRestart(listener: (restart: Restart) => void): () => void {
    return this.#restarted.on(listener);
  }

  /** Told when restore policy or cycle interval have changed. */
  onSettingsChange(listener: () => void): () => void {
    return this.#settingsChanged.on(listener);
  }

  /** @throws {BmcError} when it cannot be kept; nothing has changed then */
  setCycleOffMs(cycleOffMs: number, actor: Actor): void {
    if (cycleOffMs === this.cycleOffMs) return;
    const changes = changesBetween({ cycleOffMs: this.cycleOffMs }, { cycleOffMs });
    this.#record.setCycleOffMs(cycleOffMs);
    this.#settingsChanged.emit();
    const { events } = this.#options;
    const text = `power cycle interval set to ${cycleOffMs / 1000} s by ${actor.name}`;
    events.add('configuration', text, actor, changes);
  }

  setRestorePolicy(policy: RestorePolicy, actor: Actor): void {
    if (policy === this.restorePolicy) return;
    const changes = changesBetween({ restorePolicy: this.restorePolicy }, { restorePolicy: policy });
    this.#record.setRestorePolicy(policy);
    this.#settingsChanged.emit();
    this.#options.events.add(
      'configuration',
      `power restore policy set to ${policy} by ${actor.name}`,
      actor,
      changes,
    );
  }

  /** Restore policy and cycle interval become what they are at first. @throws {BmcError} when it cannot be kept */
  resetToDefaults(actor: Actor): void {
    this.setRestorePolicy(this.#options.restorePolicy, actor);
    this.setCycleOffMs(powerCycleOffMs, actor);
  }

  /** Decides, once, whether to power on at start. See `Bmc.start`. */
  begin({ powerReturned, powerOn }: { powerReturned: boolean; powerOn: boolean }): void {
    const { owesOn } = this.#record;
    this.#record.owe(false);
    if (this.#state !== 'off') return;
    if (!powerReturned) {
      if (owesOn) this.request('on', owingActor);
    } else if (powerOn) {
      this.#queue.add({ action: 'on', actor: startActor, cause: 'always-on' });
    } else if (
      this.restorePolicy === 'always-on' ||
      (this.restorePolicy === 'previous' && this.#record.wanted === 'on')
    ) {
      this.#queue.add({ action: 'on', actor: policyActor, cause: this.#policyCause() });
      this.#lastEvent = { ...this.#lastEvent, powerReturned: true };
    }
  }

  /**
   * Accepts a request; it is carried out in the background. Asking for the state that is already there, or on
   * its way, is accepted and does nothing.
   * @param cause what the restart that may follow is put down to
   * @throws {BmcError} `wrong-state` for what only a machine that is on can be asked, `busy` when too many requests wait
   */
  request(action: PowerAction, actor: Actor, cause: RestartCause = 'command'): void {
    if (this.#closing) throw new BmcError('wrong-state', 'power: the appliance is shutting down');
    this.#options.boot.keep();
    const willBeOn = this.#queue.willBeOn(this.#state !== 'off');
    if (!willBeOn && action !== 'on' && action !== 'off' && action !== 'soft') {
      throw new BmcError('wrong-state', `power ${action}: the machine is off`);
    }
    this.#cancelRestore();
    // What ends the machine otherwise, or for good, takes the place of a restart that awaits the guest's shutdown.
    if (endsRestart(action)) this.#onAgain = undefined;
    const alone = this.#queue.idle;
    const pointless =
      (action === 'on' && willBeOn) || ((action === 'off' || action === 'soft') && !willBeOn && alone);
    this.#options.log.info({ action, actor: actor.name, face: actor.face, pointless }, 'power request');
    if (pointless) return;
    if (!this.#queue.hasRoomFor(action)) throw new BmcError('busy', 'power: too many requests wait');
    // One wait for the disk in place of two, where nothing is to be carried out before.
    if (leadsOn(action)) this.#record.owe(true, alone && action === 'on' ? 'on' : this.#record.wanted);
    else if (action === 'off' || action === 'soft') this.#record.owe(false);
    this.#queue.add({ action, actor, cause });
    if (action === 'off') this.#queue.endConversations();
  }

  /**
   * Ends the machine for an appliance stop: requests no longer count, the guest is asked by ACPI and after
   * `graceMs` ended by force. What `previous` restores stays as it was.
   */
  async shutdown(graceMs: number): Promise<void> {
    this.#closing = true;
    this.#queue.close();
    this.#cancelRestore();
    // One that still waits for its wires, or the like, is not waited for.
    if (this.#state === 'turning-on') await this.#options.machine.forceOff();
    this.#queue.endConversations();
    await this.#queue.settled();
    const { machine, clock, log } = this.#options;
    if (!machine.running) return;
    const deadline = clock.now() + graceMs;
    // A guest that stands still does not hear the button.
    if (this.#state === 'paused') {
      const resumed = machine
        .resume()
        .catch((error) => log.warn({ err: error }, 'paused machine not resumed'));
      await Promise.race([resumed, delay(clock, graceMs)]);
    }
    const stopped = new Promise<void>((resolve) => {
      const off = machine.on((event) => {
        if (event.kind !== 'stopped') return;
        off();
        resolve();
      });
    });
    // A guest that is still booting does not hear the button: press it again until one does. One that hangs keeps even
    // the button waiting.
    for (let left = deadline - clock.now(); left > 0 && machine.running; left = deadline - clock.now()) {
      machine.pressPowerButton().catch((error) => log.warn({ err: error }, 'power button'));
      await Promise.race([stopped, delay(clock, Math.min(left, buttonAgainMs))]);
    }
    if (machine.running) await machine.forceOff();
  }

  #failed({ action }: PowerRequest, error: unknown): void {
    this.#options.log.error({ err: error, action }, 'power action failed');
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.events.add('power-failed', `power ${action} failed: ${reason}`);
    if (!this.#options.machine.running) this.#setState('off');
  }

  async #carryOut({ action, actor, cause }: PowerRequest): Promise<void> {
    const { machine, events, boot, faults } = this.#options;
    if (faults?.current.powerStuck)
      throw new BmcError('timed-out', 'the machine does not obey (injected fault)');
    switch (action) {
      case 'on':
        return this.#turnOn(actor, cause);
      case 'off':
        return this.#turnOff(actor);
      case 'cycle':
        if (!machine.running) return;
        await this.#turnOff(actor);
        await delay(this.#options.clock, this.cycleOffMs);
        if (this.#closing) return;
        return this.#turnOn(actor, cause);
      case 'reset':
        if (!machine.running) return;
        events.add('reset', `reset by ${actor.name}`, actor, [], { By: actor.name });
        boot.restarting(cause);
        this.#restart = { cause, actor };
        await this.#reset();
        return;
      case 'pause':
        if (this.#state !== 'on') return;
        this.#pausing = actor;
        try {
          return await machine.pause();
        } finally {
          this.#pausing = undefined;
        }
      case 'resume':
        if (this.#state !== 'paused') return;
        await machine.resume();
        events.add('resumed', `resumed by ${actor.name}`, actor, [], { By: actor.name });
        return;
      case 'diag':
        if (!machine.running) return;
        events.add('diagnostic-interrupt', `diagnostic interrupt by ${actor.name}`, actor, [], {
          By: actor.name,
        });
        return machine.diagnosticInterrupt();
      case 'soft':
        return this.#softShutdown(actor);
      case 'restart':
        if (!machine.running) return;
        this.#onAgain = { actor, cause };
        try {
          return await this.#softShutdown(actor);
        } catch (error) {
          this.#onAgain = undefined;
          throw error;
        }
    }
  }

  async #turnOn(actor: Actor, cause: RestartCause): Promise<void> {
    const { machine, events, boot } = this.#options;
    this.#record.want('on');
    if (machine.running) return;
    boot.restarting(cause);
    this.#restart = { cause, actor };
    this.#setState('turning-on');
    await machine.powerOn();
    this.#lastEvent = {
      onByRequest: actor.face !== 'bmc',
      fault: false,
      powerReturned: actor === policyActor,
    };
    events.add('power-on', `power on by ${actor.name}`, actor, [], { By: actor.name });
  }

  async #reset(): Promise<void> {
    const { machine, holdMedia } = this.#options;
    const release = holdMedia?.();
    try {
      await machine.reset();
    } finally {
      release?.();
    }
  }

  async #turnOff(actor: Actor): Promise<void> {
    this.#record.want('off');
    if (!this.#options.machine.running) return;
    await this.#options.machine.forceOff();
    this.#options.events.add('power-off', `power off by ${actor.name}`, actor, [], { By: actor.name });
  }

  async #softShutdown(actor: Actor): Promise<void> {
    const { machine, events, clock, softOffTimeoutMs } = this.#options;
    if (!machine.running) return;
    await machine.pressPowerButton();
    this.#options.log.info({ actor: actor.name }, 'power button pressed');
    this.#softOff?.cancel();
    this.#softOff = clock.after(softOffTimeoutMs, () => {
      this.#softOff = undefined;
      const restart = this.#onAgain ? ', and is not restarted' : '';
      this.#onAgain = undefined;
      events.add(
        'soft-off-ignored',
        `the guest did not shut down within ${softOffTimeoutMs / 1000} s${restart}`,
      );
    });
  }

  #machineEvent(event: MachineEvent): void {
    const { events } = this.#options;
    switch (event.kind) {
      case 'started':
        this.#setState('on');
        if (event.adopted) {
          this.#record.want('on');
          events.add('machine-adopted', 'took over the running machine');
        } else {
          this.#bootBegins(this.#restart ?? { cause: 'unknown', actor: undefined });
        }
        return;
      case 'reset':
        if (event.by !== 'bmc')
          events.add('reset', `reset by the ${event.by}`, undefined, [], { By: `the ${event.by}` });
        this.#bootBegins(
          event.by === 'bmc'
            ? (this.#restart ?? { cause: 'unknown', actor: undefined })
            : { cause: event.by, actor: undefined },
        );
        return;
      case 'panic':
        events.add('panic', "the guest's kernel reported a panic");
        return;
      case 'paused':
        this.#setState('paused');
        events.add('paused', this.#pausing ? `paused by ${this.#pausing.name}` : standsStill(event.why));
        return;
      case 'resumed':
        this.#setState('on');
        return;
      case 'watchdog':
        events.add('watchdog', `watchdog expired, action ${event.action}`);
        return;
      case 'stopped': {
        const again = this.#onAgain;
        this.#onAgain = undefined;
        this.#softOff?.cancel();
        this.#softOff = undefined;
        this.#setState('off');
        if (event.why === 'guest') {
          if (!this.#closing) this.#record.want('off');
          events.add('guest-shutdown', 'the guest shut down');
          if (again && !this.#closing) this.#queue.add({ action: 'on', ...again });
        } else if (event.why === 'crashed') {
          this.#lastEvent = { onByRequest: false, fault: true, powerReturned: false };
          events.add('machine-crashed', `the machine died${event.detail ? `: ${event.detail}` : ''}`);
          this.#restoreAfterCrash();
        }
        return;
      }
    }
  }

  #bootBegins(restart: Restart): void {
    const { boot, events, clock } = this.#options;
    this.#restart = undefined;
    this.#record.restarted(restart, clock.wallTime());
    if (boot.override) {
      const { target, persistent, firmware } = boot.override;
      const by = firmware ? ` by ${firmware}` : '';
      events.add('boot', `boot from ${target}${by}${persistent ? '' : ', this once'}`);
    }
    boot.booted();
    this.#restarted.emit(restart);
  }

  #policyCause(): RestartCause {
    return this.restorePolicy === 'always-on' ? 'always-on' : 'previous';
  }

  #restoreAfterCrash(): void {
    if (this.#closing || this.restorePolicy === 'always-off' || this.#record.wanted === 'off') return;
    this.#cancelRestore();
    this.#restore = this.#options.clock.after(restoreDelayMs, () => {
      this.#restore = undefined;
      if (this.#state === 'off')
        this.#queue.add({ action: 'on', actor: policyActor, cause: this.#policyCause() });
    });
  }

  #cancelRestore(): void {
    this.#restore?.cancel();
    this.#restore = undefined;
  }

  #setState(state: PowerState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.log.info({ state }, 'power state');
    this.#changed.emit(state);
  }
}

function standsStill(why: string | undefined): string {
  return `the machine stands still${why === undefined ? '' : `: ${why}`}`;
}
