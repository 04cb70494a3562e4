/**
 * Platform event filtering: what the BMC does about events. IPMI 2.0 §17.
 *
 *     event ──▶ held back? ── yes ──▶ waits in the SEL until the hold ends
 *                  │ no
 *                  ▼
 *               enabled filters ──▶ alerts of each match, by policy; then the weightiest power action of them all
 *
 * Held back means: the postpone timer runs, filtering is switched off for a time, or the start-up delay is not over.
 * When the hold ends, the events are taken from the SEL, from the last one on that was processed, by us or by system
 * software in our place. Alerts are only told of here; who carries them is not this file's business.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import { type Actor, actorText } from './actor.ts';
import { BmcError } from './errors.ts';
import { type EventSeverity, matches, type PefAction, pefActions } from './event-filter.ts';
import type { EventLog } from './event-log.ts';
import type { EventReceiver, ReceivedEvent } from './event-receiver.ts';
import {
  type AlertPolicy,
  type AlertStringKey,
  factorySettings,
  noStringKey,
  type PefSettings,
} from './pef-settings.ts';
import type { Power } from './power.ts';
import type { PowerAction } from './power-actions.ts';
import type { RestartCause } from './restart.ts';
import { lastSelId, type Sel, type SelEntry } from './sel.ts';
import type { Store } from './store.ts';

export interface PefAlert {
  readonly received: ReceivedEvent;
  readonly severity: EventSeverity;
  readonly policyNumber: number;
  /** 1 and up. */
  readonly filterNumber: number;
}

/** Up to which SEL entry events have been processed, by whom; 0 for none. */
export interface LastProcessed {
  readonly bmc: number;
  readonly software: number;
}

/** What became of an alert. */
export type AlertOutcome = 'sent' | 'not-sent' | 'not-acknowledged';

/** Sends an alert about nothing to a destination, by its number. @throws {BmcError} `not-found` for one without an address */
export type SendTestAlert = (destination: number) => Promise<AlertOutcome>;

export interface PefDependencies {
  readonly sel: Sel;
  readonly eventReceiver: EventReceiver;
  readonly power: Power;
  readonly events: EventLog;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

const pefActor: Actor = { name: 'platform event filtering', face: 'bmc' };

const powerActionOf = {
  'power-off': ['off', 'command'],
  'power-cycle': ['cycle', 'event-filter-cycle'],
  reset: ['reset', 'event-filter-reset'],
  'diagnostic-interrupt': ['diag', 'command'],
} as const satisfies Record<Exclude<PefAction, 'alert'>, readonly [PowerAction, RestartCause]>;

export class Pef {
  readonly #dependencies: PefDependencies;
  readonly #alerts = new Emitter<PefAlert>();
  readonly #acting = new Emitter<readonly PefAction[]>();
  readonly #changed = new Emitter<void>();
  #sendTest: SendTestAlert | undefined;
  #settings: PefSettings;
  #processed: LastProcessed;
  #postpone: { readonly endsAt: number; readonly timer: Timer } | 'until-rearmed' | undefined;
  /** When the machine last started, by the monotonic clock. */
  #startedAt: number | undefined;
  #startup: Timer | undefined;
  /** Events of our own about our actions: none of our business. */
  #telling = false;
  /** Alert string 0: for the moment only. */
  #volatileString = '';
  #volatileStringKey: AlertStringKey = noStringKey;

  constructor(dependencies: PefDependencies) {
    this.#dependencies = dependencies;
    const { store, sel, eventReceiver, power } = dependencies;
    this.#settings = { ...factorySettings, ...store.load<Partial<PefSettings>>('pef') };
    const kept = store.load<LastProcessed>('pef-processed');
    // Events are processed as they come, so all that an earlier life has logged it has processed.
    this.#processed = { bmc: sel.entries.at(-1)?.id ?? 0, software: kept?.software ?? 0 };
    eventReceiver.onRecord((received) => this.#take(received));
    sel.onChange((change) => {
      if (change === 'cleared') this.#startOver();
    });
    power.onRestart(() => this.#machineStarted());
  }

  get volatileString(): string {
    return this.#volatileString;
  }

  get volatileStringKey(): AlertStringKey {
    return this.#volatileStringKey;
  }

  setVolatileString(text: string, actor: Actor): void {
    this.#told(actor, 'PEF alert string 0', this.#volatileString, text);
    this.#volatileString = text;
  }

  setVolatileStringKey(key: AlertStringKey, actor: Actor): void {
    this.#told(actor, 'PEF key of alert string 0', this.#volatileStringKey, key);
    this.#volatileStringKey = key;
  }

  #told(actor: Actor, what: string, before: unknown, after: unknown): void {
    this.#dependencies.events.changed(actor, what, before, after);
  }

  get settings(): PefSettings {
    return this.#settings;
  }

  /** Changes some settings, at once and for good. @throws {BmcError} when it cannot be kept; nothing has changed then */
  update(change: Partial<PefSettings>, actor: Actor): void {
    const next = { ...this.#settings, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.#settings)) return;
    this.#dependencies.store.save('pef', next);
    this.#told(actor, 'PEF', this.#settings, next);
    this.#settings = next;
    this.#changed.emit();
  }

  /** Told when {@link settings} have changed. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** Who carries alerts says how one is sent to try a destination. */
  testBy(send: SendTestAlert): void {
    this.#sendTest = send;
  }

  /**
   * Tries a destination; an entry in the event log says who did.
   * @throws {BmcError} `not-found` for a destination without an address, `not-supported` where nobody carries alerts
   */
  async test(destination: number, actor: Actor): Promise<AlertOutcome> {
    if (!this.#sendTest) throw new BmcError('not-supported', 'nobody carries alerts here');
    const outcome = await this.#sendTest(destination);
    const text = `test alert to destination ${destination}: ${outcome}, by ${actorText(actor)}`;
    this.#dependencies.events.add('configuration', text, actor);
    return outcome;
  }

  /** @throws {BmcError} when it cannot be kept; nothing has changed then */
  resetToDefaults(actor: Actor): void {
    this.update(factorySettings, actor);
    this.setVolatileString('', actor);
    this.setVolatileStringKey(noStringKey, actor);
  }

  get lastProcessed(): LastProcessed {
    return this.#processed;
  }

  /** @throws {BmcError} `not-found` for an ID that no entry has, or as the store refuses */
  setLastProcessed(by: keyof LastProcessed, id: number, actor: Actor): void {
    const { sel, store } = this.#dependencies;
    if (id !== 0 && !sel.get(id)) throw new BmcError('not-found', `SEL: no entry ${id}`);
    const next = { ...this.#processed, [by]: id };
    store.save('pef-processed', next);
    this.#told(actor, 'PEF last processed event', this.#processed, next);
    this.#processed = next;
  }

  /** Seconds until filtering goes on; 0 when nothing postpones it; `until-rearmed` when it is off for the time being. */
  get postponedS(): number | 'until-rearmed' {
    if (this.#postpone === undefined || this.#postpone === 'until-rearmed') return this.#postpone ?? 0;
    return Math.max(0, Math.ceil((this.#postpone.endsAt - this.#dependencies.clock.now()) / 1000));
  }

  /** @param seconds 0 ends the hold at once; `until-rearmed` stops filtering until this is called again, or a restart */
  postpone(seconds: number | 'until-rearmed', actor: Actor): void {
    const { clock } = this.#dependencies;
    this.#told(actor, 'PEF postponed, seconds', this.postponedS, seconds);
    if (typeof this.#postpone === 'object') this.#postpone.timer.cancel();
    this.#postpone = undefined;
    if (seconds === 'until-rearmed') {
      this.#postpone = seconds;
    } else if (seconds === 0) {
      this.#catchUp();
    } else {
      const endsAt = clock.now() + seconds * 1000;
      const timer = clock.after(seconds * 1000, () => {
        this.#postpone = undefined;
        this.#catchUp();
      });
      this.#postpone = { endsAt, timer };
    }
  }

  /** The string that belongs to an alert by this entry of a policy; empty when there is none. §17.12 */
  alertString(
    { eventSpecificString, stringSelector }: Pick<AlertPolicy, 'eventSpecificString' | 'stringSelector'>,
    filterNumber: number,
  ): string {
    const keys = [this.volatileStringKey, ...this.#settings.stringKeys];
    const number = eventSpecificString
      ? keys.findIndex((key) => key.filterNumber === filterNumber && key.set === stringSelector)
      : stringSelector;
    const whole = [this.volatileString, ...this.#settings.strings][number] ?? '';
    return whole.split('\0', 1)[0] ?? '';
  }

  /** Told of each alert to be sent. */
  onAlert(listener: (alert: PefAlert) => void): () => void {
    return this.#alerts.on(listener);
  }

  /** Told before actions are taken, when that is to be logged. An event recorded then is not filtered itself. */
  onActing(listener: (actions: readonly PefAction[]) => void): () => void {
    return this.#acting.on(listener);
  }

  stop(): void {
    if (typeof this.#postpone === 'object') this.#postpone.timer.cancel();
    this.#startup?.cancel();
  }

  get #held(): boolean {
    return this.#postpone !== undefined || this.#startup !== undefined;
  }

  #machineStarted(): void {
    const { startupDelayEnabled, startupDelayS } = this.#settings;
    const { clock } = this.#dependencies;
    this.#startedAt = clock.now();
    if (!startupDelayEnabled || startupDelayS === 0) return;
    this.#startup?.cancel();
    this.#startup = clock.after(startupDelayS * 1000, () => {
      this.#startup = undefined;
      this.#catchUp();
    });
  }

  #take(received: ReceivedEvent): void {
    if (!this.#settings.enabled || this.#held) return;
    if (received.entry) this.#processed = { ...this.#processed, bmc: received.entry.id };
    if (!this.#telling) this.#process(received);
  }

  /** The SEL was cleared: its next entry has an ID that there was before. */
  #startOver(): void {
    const { store, log } = this.#dependencies;
    const before = this.#processed;
    this.#processed = { bmc: 0, software: 0 };
    if (before.software === 0) return;
    try {
      store.save('pef-processed', this.#processed);
    } catch (error) {
      log.error({ err: error }, 'last processed event not kept');
    }
  }

  /** Processes what came in while filtering was held back. */
  #catchUp(): void {
    if (!this.#settings.enabled || this.#held) return;
    const { sel } = this.#dependencies;
    const waiting = this.#unprocessed();
    const last = sel.entries.at(-1);
    if (last) this.#processed = { ...this.#processed, bmc: last.id };
    for (const entry of waiting) {
      const { content: event, time } = entry;
      if (event.kind === 'system') this.#process({ event, time, entry });
    }
  }

  /** The entries after the last processed one, be that by us or by system software, whichever is later. */
  #unprocessed(): readonly SelEntry[] {
    const { entries } = this.#dependencies.sel;
    const { bmc, software } = this.#processed;
    return entries.slice(entries.findLastIndex(({ id }) => isUpTo(id, bmc) || isUpTo(id, software)) + 1);
  }

  #process(received: ReceivedEvent): void {
    const { filters, allowedActions, logActions } = this.#settings;
    const wanted = new Set<PefAction>();
    const alerts: PefAlert[] = [];
    filters.forEach((filter, index) => {
      if (!filter.enabled || !matches(filter, received.event)) return;
      const { severity, policyNumber } = filter;
      for (const action of filter.actions) if (allowedActions.includes(action)) wanted.add(action);
      if (!filter.actions.includes('alert') || !wanted.has('alert') || policyNumber === 0) return;
      alerts.push({ received, severity, policyNumber, filterNumber: index + 1 });
    });
    const powerAction = pefActions.find((action) => action !== 'alert' && wanted.has(action));
    const taken = [...(powerAction ? [powerAction] : []), ...(alerts.length > 0 ? (['alert'] as const) : [])];
    if (taken.length === 0) return;
    if (logActions) this.#tell(taken);
    for (const alert of alerts) this.#alert(alert);
    if (powerAction !== undefined && powerAction !== 'alert') this.#act(powerAction);
  }

  #tell(actions: readonly PefAction[]): void {
    this.#telling = true;
    try {
      this.#acting.emit(actions);
    } finally {
      this.#telling = false;
    }
  }

  #alert(alert: PefAlert): void {
    const { clock } = this.#dependencies;
    const { alertStartupDelayEnabled, alertStartupDelayS } = this.#settings;
    const earliest = (this.#startedAt ?? clock.now()) + alertStartupDelayS * 1000;
    const waitMs = alertStartupDelayEnabled ? earliest - clock.now() : 0;
    if (waitMs > 0) clock.after(waitMs, () => this.#alerts.emit(alert));
    else this.#alerts.emit(alert);
  }

  /** Nobody waits for an answer here: what the machine cannot do is reported. */
  #act(action: Exclude<PefAction, 'alert'>): void {
    const { power, log } = this.#dependencies;
    const [request, cause] = powerActionOf[action];
    try {
      power.request(request, pefActor, cause);
    } catch (error) {
      log.warn({ err: error, action }, 'event filter action not possible');
    }
  }
}

/** Whether an entry was made no later than the one with ID `last`, which may be gone; IDs run in a circle. */
function isUpTo(id: number, last: number): boolean {
  return last !== 0 && (last - id + lastSelId) % lastSelId < lastSelId / 2;
}
