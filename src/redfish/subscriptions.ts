/**
 * Subscriptions: clients that are told what happens by a POST to an address of theirs. DSP0266 §14.2; DSP0268,
 * EventDestination.
 *
 *   happening ─▶ filters ─▶ queue of the subscription ─▶ POST ─▶ taken
 *                                     ▲                    └─▶ refused ─▶ wait ─▶ again, as often as is set
 *                                     └──────────────────────────────────────────┘  then by the policy: ended,
 *                                                                                    suspended, or tried for ever
 *
 * Subscriptions are kept; what waits to be sent is not. Each has a queue of its own, so that a silent receiver holds up
 * nobody else.
 */
import { type Actor, actorText } from '../bmc/actor.ts';
import { type Change, changesBetween } from '../bmc/changes.ts';
import type { EventLog } from '../bmc/event-log.ts';
import type { Store } from '../bmc/store.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';
import { RedfishError } from './errors.ts';
import { type EventType, eventBody, type Happening, type Happenings } from './happenings.ts';
import { message } from './messages.ts';

export const maxSubscriptions = 32;
/** Events that wait for one receiver; the oldest go first. */
export const deliveryQueue = 256;
export const retryAttempts = { least: 0, most: 100, usual: 3 } as const;
export const retryIntervalS = { least: 1, most: 3600, usual: 30 } as const;
/** With `RetryForeverWithBackoff` the wait doubles up to this. */
const longestBackoffS = 3600;

export const retryPolicies = [
  'TerminateAfterRetries',
  'SuspendRetries',
  'RetryForever',
  'RetryForeverWithBackoff',
] as const;
export type RetryPolicy = (typeof retryPolicies)[number];

export interface Subscription {
  /** 8 hexadecimal digits. */
  readonly id: string;
  readonly destination: string;
  readonly context: string;
  /** Empty for all, as with the following ones. */
  readonly eventTypes: readonly EventType[];
  readonly registryPrefixes: readonly string[];
  readonly resourceTypes: readonly string[];
  readonly messageIds: readonly string[];
  /** Sent with each event, and told to nobody. */
  readonly httpHeaders: Readonly<Record<string, string>>;
  readonly verifyCertificate: boolean;
  readonly retryPolicy: RetryPolicy;
}

type KeptSubscription = Omit<Subscription, 'eventTypes'> & Partial<Subscription>;

export interface DeliverySettings {
  readonly attempts: number;
  readonly intervalS: number;
}

/** Sends one event. @throws {Error} when it was not taken */
export type Deliver = (subscription: Subscription, body: string, stopped: AbortSignal) => Promise<void>;

export interface SubscriptionsOptions {
  readonly happenings: Happenings;
  readonly events: EventLog;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly deliver: Deliver;
}

interface Entry {
  subscription: Subscription;
  readonly queue: Happening[];
  readonly stop: AbortController;
  sending: boolean;
  suspended: boolean;
  failures: number;
  timer: Timer | undefined;
}

const storeName = 'redfish-subscriptions';
const settingsName = 'redfish-event-service';

export class Subscriptions {
  /** Events: taken by their destinations, tries that failed, given up without having been taken. */
  readonly counters = { delivered: 0, failures: 0, dropped: 0 };
  readonly #options: SubscriptionsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #changed = new Emitter<void>();
  readonly #unsubscribe: () => void;
  #settings: DeliverySettings;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    const { store, happenings } = options;
    this.#settings = {
      attempts: retryAttempts.usual,
      intervalS: retryIntervalS.usual,
      ...store.load<Partial<DeliverySettings>>(settingsName),
    };
    // Those that were kept by earlier versions ask for no types of events.
    for (const subscription of store.load<readonly KeptSubscription[]>(storeName) ?? [])
      this.#enter({ eventTypes: [], ...subscription });
    this.#unsubscribe = happenings.on((happening) => {
      for (const entry of [...this.#entries.values()]) this.#offer(entry, happening);
    });
  }

  get settings(): DeliverySettings {
    return this.#settings;
  }

  /** For all subscriptions, at once and for good. @throws {BmcError} when it cannot be saved */
  setDelivery(change: Partial<DeliverySettings>, actor: Actor): void {
    const next = { ...this.#settings, ...change };
    this.#options.store.save(settingsName, next);
    const changes = changesBetween(this.#settings, next);
    this.#settings = next;
    this.#changed.emit();
    const { attempts, intervalS } = next;
    this.#say(
      `events: ${attempts} retries, ${intervalS} s apart, set by ${actorText(actor)}`,
      actor,
      changes,
    );
  }

  /** Told when a subscription has come, changed or gone, and of other settings of delivery. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  list(): readonly Subscription[] {
    return [...this.#entries.values()].map(({ subscription }) => subscription);
  }

  get(id: string): Subscription | undefined {
    return this.#entries.get(id)?.subscription;
  }

  /** Whether its receiver was given up for now. */
  isSuspended(id: string): boolean {
    return this.#entries.get(id)?.suspended === true;
  }

  /** @throws {RedfishError} when there are too many; {BmcError} when it cannot be saved */
  add(wanted: Omit<Subscription, 'id'>, actor: Actor): Subscription {
    if (this.#entries.size >= maxSubscriptions) {
      throw new RedfishError(message('EventSubscriptionLimitExceeded'));
    }
    const id = Buffer.from(this.#options.random.bytes(4)).toString('hex');
    const subscription = { id, ...wanted };
    this.#save([...this.list(), subscription]);
    this.#enter(subscription);
    this.#say(`event subscription ${id} to ${hostOf(subscription)} made by ${actorText(actor)}`, actor);
    this.#changed.emit();
    return subscription;
  }

  /** @throws {BmcError} when it cannot be saved */
  change(id: string, change: Partial<Omit<Subscription, 'id' | 'destination'>>, actor: Actor): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    const next = { ...entry.subscription, ...change };
    this.#save(this.list().map((each) => (each.id === id ? next : each)));
    const changes = changesBetween(entry.subscription, next);
    entry.subscription = next;
    this.#say(`event subscription ${id} changed by ${actorText(actor)}`, actor, changes);
    this.#changed.emit();
    if (entry.suspended) this.resume(id);
  }

  /** Sends what is new again to a receiver that was given up. */
  resume(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.suspended = false;
    entry.failures = 0;
    this.#changed.emit();
    this.#send(entry);
  }

  /** @throws {BmcError} when it cannot be saved */
  remove(id: string, actor: Actor): void {
    this.#remove(id, `removed by ${actorText(actor)}`, actor);
  }

  stop(): void {
    this.#unsubscribe();
    for (const entry of this.#entries.values()) halt(entry);
    this.#entries.clear();
  }

  #enter(subscription: Subscription): void {
    this.#entries.set(subscription.id, {
      subscription,
      queue: [],
      stop: new AbortController(),
      sending: false,
      suspended: false,
      failures: 0,
      timer: undefined,
    });
  }

  #remove(id: string, why: string, actor?: Actor): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#save(this.list().filter((each) => each.id !== id));
    halt(entry);
    this.#entries.delete(id);
    this.#say(`event subscription ${id} to ${hostOf(entry.subscription)}: ${why}`, actor);
    this.#changed.emit();
  }

  #save(subscriptions: readonly Subscription[]): void {
    this.#options.store.save(storeName, subscriptions);
  }

  #say(text: string, actor?: Actor, changes: readonly Change[] = []): void {
    this.#options.events.add('configuration', text, actor, changes);
  }

  #offer(entry: Entry, happening: Happening): void {
    if (entry.suspended || !isWanted(entry.subscription, happening)) return;
    entry.queue.push(happening);
    if (entry.queue.length > deliveryQueue) {
      entry.queue.shift();
      this.counters.dropped++;
    }
    this.#send(entry);
  }

  #send(entry: Entry): void {
    const [next] = entry.queue;
    if (!next || entry.sending || entry.timer || entry.suspended || entry.stop.signal.aborted) return;
    entry.sending = true;
    const { subscription } = entry;
    const body = JSON.stringify(eventBody(next, subscription.context, subscription.eventTypes));
    this.#options
      .deliver(subscription, body, entry.stop.signal)
      .then(
        () => {
          entry.failures = 0;
          this.counters.delivered++;
          // The queue may have let go of it meanwhile.
          if (entry.queue[0] === next) entry.queue.shift();
        },
        (error: unknown) => this.#failed(entry, next, error),
      )
      .finally(() => {
        entry.sending = false;
        this.#send(entry);
      });
  }

  #failed(entry: Entry, happening: Happening, error: unknown): void {
    if (entry.stop.signal.aborted) return;
    const { id, retryPolicy } = entry.subscription;
    const { attempts, intervalS } = this.#settings;
    entry.failures++;
    this.counters.failures++;
    this.#options.log.info({ subscription: id, failures: entry.failures, err: error }, 'event not delivered');
    if (
      retryPolicy === 'RetryForever' ||
      retryPolicy === 'RetryForeverWithBackoff' ||
      entry.failures <= attempts
    ) {
      const doubled = intervalS * 2 ** Math.min(entry.failures - 1, 12);
      const waitS =
        retryPolicy === 'RetryForeverWithBackoff' ? Math.min(doubled, longestBackoffS) : intervalS;
      entry.timer = this.#options.clock.after(waitS * 1000, () => {
        entry.timer = undefined;
        this.#send(entry);
      });
      return;
    }
    const reason = error instanceof Error ? error.message : String(error);
    if (entry.queue[0] === happening) {
      this.counters.dropped += entry.queue.length;
      entry.queue.length = 0;
    }
    if (retryPolicy === 'SuspendRetries') {
      entry.suspended = true;
      this.#changed.emit();
      this.#say(`event subscription ${id} suspended: ${reason}`);
      return;
    }
    try {
      this.#remove(id, `ended: ${reason}`);
    } catch (problem) {
      // It cannot be forgotten for good: it waits until it can.
      entry.suspended = true;
      this.#changed.emit();
      this.#options.log.error({ err: problem, subscription: id }, 'event subscription not removed');
    }
  }
}

function halt(entry: Entry): void {
  entry.timer?.cancel();
  entry.timer = undefined;
  entry.queue.length = 0;
  entry.stop.abort();
}

export function uriOfSubscription(id: string): string {
  return `/redfish/v1/EventService/Subscriptions/${id}`;
}

/** Without what may be secret in a path or a query. */
function hostOf({ destination }: Subscription): string {
  return new URL(destination).host;
}

/** Registries and messages are one list: an event is sent that either of them names. DSP0268, EventDestination. */
function isWanted(subscription: Subscription, happening: Happening): boolean {
  const { eventTypes, registryPrefixes, resourceTypes, messageIds } = subscription;
  const isAnyType = eventTypes.length === 0 || eventTypes.includes('Other');
  const isAnyMessage = registryPrefixes.length === 0 && messageIds.length === 0;
  const key = withoutVersion(happening.messageId);
  return (
    (isAnyType || happening.eventTypes.some((type) => eventTypes.includes(type))) &&
    (resourceTypes.length === 0 || resourceTypes.includes(happening.resourceType)) &&
    (isAnyMessage ||
      registryPrefixes.includes(happening.registryPrefix) ||
      messageIds.some((id) => withoutVersion(id) === key))
  );
}

/** `Base.1.22.Success` → `Base.Success`: whichever version a client names, and whether it does, is all the same. */
export function withoutVersion(messageId: string): string {
  return messageId.replace(/^(\w+)\.[\d.]+\.(\w+)$/, '$1.$2');
}
