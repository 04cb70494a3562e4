/**
 * What happened to this server, oldest first: the one record that the SEL, Redfish and the command line show.
 * Bounded: the oldest entries go first. Each entry is on the disk before `add` returns; where the disk refuses,
 * the entry is still kept in memory and the refusal logged, since an event must never stop what it reports.
 */
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import { type Actor, actorText } from './actor.ts';
import { type Change, changesBetween, changesText } from './changes.ts';
import type { Store } from './store.ts';

export interface EventEntry {
  /** Rises by one with each entry, never used twice. */
  readonly id: number;
  /** Milliseconds since 1970, by the BMC's clock. */
  readonly time: number;
  readonly kind: EventKind;
  /** One line for people: who, why, what. */
  readonly text: string;
  /** Who asked for it; absent where nobody did, and in entries of earlier versions. */
  readonly actor?: Actor;
  /** What changed by it, value by value; absent where that is no matter of values. */
  readonly changes?: readonly Change[];
  /** What the text is made of, for faces that word it themselves; of the kinds that happen most. */
  readonly facts?: EventFacts;
}

/** Parts of an event's text by name. */
export interface EventFacts {
  /** Of a power action: who or what. */
  readonly By?: string;
  /** Of a console. */
  readonly Console?: 'serial' | 'screen';
  readonly Access?: 'write' | 'read';
  /** Of a session. */
  readonly Protocol?: 'Redfish' | 'IPMI';
  readonly End?: 'logout' | 'idle' | 'user-changed' | 'ended';
  /** Of a console or a session: the user's name, and from where. */
  readonly User?: string;
  /** Of a medium. */
  readonly Image?: string;
  readonly Slot?: string;
  /** Of a change of settings: of what. */
  readonly Setting?: string;
  /** Of a certificate that the BMC has made for itself: its SHA-256 fingerprint. */
  readonly SelfSigned?: string;
}

export const eventKinds = [
  'bmc-started',
  'bmc-stopped',
  'power-on',
  'power-off',
  'power-failed',
  'machine-crashed',
  'machine-adopted',
  'reset',
  'guest-shutdown',
  'soft-off-ignored',
  'diagnostic-interrupt',
  'paused',
  'resumed',
  'power-limit',
  'panic',
  'watchdog',
  'boot-override',
  'boot',
  'sol-activated',
  'sol-deactivated',
  'console-opened',
  'console-closed',
  'configuration',
  'user-changed',
  'session-opened',
  'session-closed',
  'state-damaged',
  'nic-missing',
  'nic-fallback',
  'nic-late',
  'wire-lost',
  'wire-returned',
  'media-inserted',
  'media-ejected',
  'media-failed',
  'tpm-failed',
  'firmware',
  'update-failed',
] as const;
export type EventKind = (typeof eventKinds)[number];

export const eventLogCapacity = 4096;

export class EventLog {
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #log: Logger;
  readonly #added = new Emitter<EventEntry>();
  #entries: EventEntry[];
  #nextId: number;

  constructor(clock: Clock, store: Store, log: Logger) {
    this.#clock = clock;
    this.#store = store;
    this.#log = log;
    this.#entries = store.records<EventEntry>('events');
    this.#nextId = (this.#entries.at(-1)?.id ?? 0) + 1;
    this.#trim();
  }

  /** @param changes what is another now, where the entry is about a setting */
  add(
    kind: EventKind,
    text: string,
    actor?: Actor,
    changes: readonly Change[] = [],
    facts?: EventFacts,
  ): EventEntry {
    const entry: EventEntry = {
      id: this.#nextId++,
      time: this.#clock.wallTime(),
      kind,
      text,
      ...(actor && { actor }),
      ...(changes.length > 0 && { changes }),
      ...(facts && { facts }),
    };
    this.#entries.push(entry);
    try {
      this.#store.append('events', entry);
      this.#trim();
    } catch (error) {
      this.#log.error({ err: error, event: entry }, 'event not kept');
    }
    this.#added.emit(entry);
    return entry;
  }

  /**
   * Somebody has changed a setting: the one way into the audit log. Without a difference there is no entry.
   * @param what the name of the setting, or of what it belongs to
   * @param before plain data: see {@link changesBetween}, which leaves out what is secret
   */
  changed(
    actor: Actor,
    what: string,
    before: unknown,
    after: unknown,
    kind: EventKind = 'configuration',
  ): void {
    const changes = changesBetween(before, after);
    if (changes.length === 0) return;
    const text = `${what}${changes[0]?.name === '' ? '' : ':'} ${changesText(changes)}`;
    this.add(kind, `${text}, by ${actorText(actor)}`, actor, changes, { Setting: what });
  }

  /** Oldest first. */
  list(): readonly EventEntry[] {
    return this.#entries;
  }

  /** @returns undefined when there is no such entry, or no longer */
  get(id: number): EventEntry | undefined {
    let from = 0;
    let to = this.#entries.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const entry = this.#entries[middle];
      if (entry === undefined) return undefined;
      if (entry.id === id) return entry;
      if (entry.id < id) from = middle + 1;
      else to = middle;
    }
    return undefined;
  }

  onAdd(listener: (entry: EventEntry) => void): () => void {
    return this.#added.on(listener);
  }

  /** Lets the log grow a quarter over its size before it is rewritten, so that rewriting stays rare. */
  #trim(): void {
    if (this.#entries.length <= eventLogCapacity * 1.25) return;
    this.#entries = this.#entries.slice(-eventLogCapacity);
    this.#store.rewrite('events', this.#entries);
  }
}
