/**
 * The BMC's watchdog timer (IPMI 2.0 §27): software in the host winds it, and when it runs out the BMC acts on the
 * machine.
 *
 *     uninitialized ── set ──▶ stopped ── restart ──▶ running ── runs out ──▶ stopped, expired
 *                                 ▲                      │ restart: counts anew, until the pre-timeout
 *                                 └── set, reset, power ─┘
 *
 * It forgets everything when the BMC restarts: a watchdog that outlived the software that wound it would bite for
 * nothing. Likewise any reset or power-off of the machine stops it.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import type { Actor } from './actor.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { Power } from './power.ts';
import type { PowerAction } from './power-actions.ts';

export const watchdogUses = ['bios-frb2', 'bios-post', 'os-load', 'sms-os', 'oem'] as const;
/** Who is being watched. */
export type WatchdogUse = (typeof watchdogUses)[number];

export const watchdogActions = ['none', 'reset', 'power-off', 'power-cycle'] as const;
export type WatchdogAction = (typeof watchdogActions)[number];

export const watchdogInterrupts = ['none', 'diagnostic', 'messaging'] as const;
/** How the host is warned before: by NMI, or by a message on the system interface. */
export type WatchdogInterrupt = (typeof watchdogInterrupts)[number];

export interface WatchdogSettings {
  readonly use: WatchdogUse;
  readonly action: WatchdogAction;
  readonly interrupt: WatchdogInterrupt;
  /** How long before the end the interrupt comes. */
  readonly preTimeoutMs: number;
  readonly timeoutMs: number;
  /** Leaves no trace in the logs when it runs out: the next time only (§27.3). */
  readonly dontLog: boolean;
}

/** What happened to the timer, for logs and sensors. */
export interface WatchdogExpiry {
  readonly what: 'pre-timeout' | 'timeout';
  readonly use: WatchdogUse;
  readonly action: WatchdogAction;
  readonly interrupt: WatchdogInterrupt;
  /** False when the software asked for silence. */
  readonly log: boolean;
}

const watchdogActor: Actor = { name: 'the BMC watchdog', face: 'bmc' };
const powerActionOf: Record<Exclude<WatchdogAction, 'none'>, PowerAction> = {
  reset: 'reset',
  'power-off': 'off',
  'power-cycle': 'cycle',
};

export class Watchdog {
  readonly #clock: Clock;
  readonly #power: Power;
  readonly #events: EventLog;
  readonly #log: Logger;
  readonly #expiry = new Emitter<WatchdogExpiry>();
  readonly #changed = new Emitter<void>();
  readonly #expired = new Set<WatchdogUse>();
  #settings: WatchdogSettings | undefined;
  /** When it runs out, by the monotonic clock; undefined while it stands. */
  #endsAt: number | undefined;
  #leftMs = 0;
  /** Between the pre-timeout and the end. */
  #warned = false;
  #pending = false;
  #timers: Timer[] = [];

  constructor(options: { clock: Clock; power: Power; events: EventLog; log: Logger }) {
    this.#clock = options.clock;
    this.#power = options.power;
    this.#events = options.events;
    this.#log = options.log;
    options.power.onChange((state) => {
      if (state === 'off') this.stop();
    });
    options.power.onRestart(() => this.stop());
  }

  /** Undefined until somebody has set it. */
  get settings(): WatchdogSettings | undefined {
    return this.#settings;
  }

  get running(): boolean {
    return this.#endsAt !== undefined;
  }

  /** Which uses it has run out for since that was last cleared. */
  get expired(): ReadonlySet<WatchdogUse> {
    return this.#expired;
  }

  /** The interrupt before the end has come and nobody has taken notice. IPMI 2.0 §22.5. */
  get preTimeoutPending(): boolean {
    return this.#pending;
  }

  acknowledgePreTimeout(): void {
    this.#pending = false;
  }

  get leftMs(): number {
    return this.#endsAt === undefined ? this.#leftMs : Math.max(0, this.#endsAt - this.#clock.now());
  }

  /** Told when it begins or ceases to run, and when it is set anew; not each time it is wound. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** Told before the action is carried out. */
  onExpiry(listener: (expiry: WatchdogExpiry) => void): () => void {
    return this.#expiry.on(listener);
  }

  /**
   * Sets the timer and stops it, or with `keepRunning` lets a running one count on from the new time.
   * @param options.clear uses whose expiry is forgotten
   * @throws {BmcError} `bad-argument` for an interrupt that would come before the start
   */
  set(
    settings: WatchdogSettings,
    actor: Actor,
    options: { keepRunning?: boolean; clear?: Iterable<WatchdogUse> } = {},
  ): void {
    if (settings.interrupt !== 'none' && settings.preTimeoutMs > settings.timeoutMs) {
      throw new BmcError('bad-argument', 'watchdog: the pre-timeout is longer than the timeout');
    }
    const before = this.#facts;
    const goesOn = this.running && options.keepRunning === true;
    this.#halt();
    for (const use of options.clear ?? []) this.#expired.delete(use);
    this.#settings = settings;
    this.#leftMs = settings.timeoutMs;
    if (goesOn) this.#start(settings);
    this.#changed.emit();
    this.#events.changed(actor, 'BMC watchdog', before, this.#facts);
  }

  get #facts() {
    return { running: this.running, ...this.#settings, expired: [...this.#expired] };
  }

  /**
   * Winds it: counts anew from the full time. Without effect between the pre-timeout and the end (§27.5).
   * @throws {BmcError} `wrong-state` when nobody has set it yet
   */
  restart(actor: Actor): void {
    if (!this.#settings) throw new BmcError('wrong-state', 'watchdog: nobody has set it');
    if (this.#warned) return;
    const wasRunning = this.running;
    this.#start(this.#settings);
    // Who winds a clock that goes changes nothing.
    if (wasRunning) return;
    this.#events.changed(actor, 'BMC watchdog', { running: false }, { running: true });
    this.#changed.emit();
  }

  /** Stops counting for a client; the settings stay. */
  end(actor: Actor): void {
    this.#events.changed(actor, 'BMC watchdog', { running: this.running }, { running: false });
    this.stop();
  }

  /** Stops counting; the settings stay. */
  stop(): void {
    const wasRunning = this.running;
    this.#halt();
    if (wasRunning) this.#changed.emit();
  }

  #halt(): void {
    this.#leftMs = this.leftMs;
    this.#endsAt = undefined;
    this.#warned = false;
    this.#pending = false;
    for (const timer of this.#timers.splice(0)) timer.cancel();
  }

  #start(settings: WatchdogSettings): void {
    this.#halt();
    this.#endsAt = this.#clock.now() + settings.timeoutMs;
    if (settings.interrupt !== 'none') {
      const untilWarning = settings.timeoutMs - settings.preTimeoutMs;
      this.#timers.push(this.#clock.after(untilWarning, () => this.#warn(settings)));
    }
    this.#timers.push(this.#clock.after(settings.timeoutMs, () => this.#runOut(settings)));
  }

  #warn(settings: WatchdogSettings): void {
    this.#warned = true;
    this.#pending = true;
    this.#tell('pre-timeout', settings);
    if (settings.interrupt === 'diagnostic') this.#request('diag');
  }

  #runOut(settings: WatchdogSettings): void {
    const pending = this.#pending;
    this.stop();
    this.#pending = pending;
    this.#leftMs = 0;
    this.#expired.add(settings.use);
    this.#settings = { ...settings, dontLog: false };
    this.#tell('timeout', settings);
    if (settings.action !== 'none') this.#request(powerActionOf[settings.action]);
  }

  #tell(what: WatchdogExpiry['what'], { use, action, interrupt, dontLog }: WatchdogSettings): void {
    if (!dontLog) {
      const then = what === 'timeout' ? `action ${action}` : `${interrupt} interrupt, ${action} follows`;
      this.#events.add('watchdog', `BMC watchdog (${use}): ${what}, ${then}`);
    }
    this.#expiry.emit({ what, use, action, interrupt, log: !dontLog });
  }

  /** Nobody waits for an answer here: a machine that cannot obey is reported. */
  #request(action: PowerAction): void {
    try {
      this.#power.request(action, watchdogActor, 'watchdog');
    } catch (error) {
      this.#log.warn({ err: error, action }, 'watchdog action not possible');
    }
  }
}
