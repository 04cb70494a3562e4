/**
 * The System Event Log: the bounded log of records that IPMI clients read, add to, delete from and clear, and that
 * Redfish shows as the log of a manager. IPMI 2.0 §31.
 *
 * It stands beside {@link EventLog}, which is the timeline for people: that one is never edited and loses its oldest
 * entries, this one belongs to its clients and stops when it is full (§31, as real controllers do), until somebody
 * clears it. So neither can be a view of the other. What happens is told once, to the event log; records follow from
 * there by one table (`ipmi/sel-feed.ts`). A record holds the numbers of the specification's tables and no text.
 *
 * Each change is on the disk before its call returns, and a change that the disk refuses has not happened.
 */
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import { type Actor, actorText } from './actor.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { Store } from './store.ts';

/** What a sensor, or somebody for it, reports. IPMI 2.0 §29.3; the meaning of the numbers is in §42. */
export interface SystemEvent {
  readonly kind: 'system';
  /** Who reports: slave address or software ID in the low byte, channel and LUN in the high one. Table 32-1. */
  readonly generatorId: number;
  /** 4 for IPMI 1.5 and later. */
  readonly messageRevision: number;
  readonly sensorType: number;
  readonly sensorNumber: number;
  /** False for the end of the state that the event is about. */
  readonly asserted: boolean;
  /** Event/reading type, 7 bits: 01h threshold, 6Fh sensor-specific, … */
  readonly eventType: number;
  /** The offset of the event in its low nibble, and what the other bytes hold in its high one; then those bytes. */
  readonly data: readonly [number, number, number];
}

/** A record of somebody's own, with our timestamp: 9 bytes, of which the first three name the manufacturer. */
export interface OemEvent {
  readonly kind: 'oem';
  /** C0h to DFh. */
  readonly type: number;
  readonly data: readonly number[];
}

/** A record of somebody's own: 13 bytes. */
export interface UntimedOemEvent {
  readonly kind: 'oem-untimed';
  /** E0h to FFh. */
  readonly type: number;
  readonly data: readonly number[];
}

export type SelContent = SystemEvent | OemEvent | UntimedOemEvent;

export interface SelEntry {
  /** 1 to FFFEh. Given in rising order; begins again at 1 after FFFEh or a clear. Never two entries with one ID. */
  readonly id: number;
  /** Seconds since 1970 by the SEL's clock, when the entry was made. */
  readonly time: number;
  readonly content: SelContent;
}

/** `cleared`: by a client. `nearly-full`: one place is left, for {@link Sel.addLast}. */
export type SelChange = 'added' | 'deleted' | 'cleared' | 'nearly-full' | 'overflowed' | 'clock-set';

/** As many 16-byte records as Get SEL Info can count in its 16 bits of free space: 65,520 bytes. */
export const selCapacity = 4095;
/** The store holds no more lines than so many for each place in the log. */
const maxLinesPerPlace = 2;
/** The SEL's clock has 32 bits. IPMI takes the last second, of 7 February 2106, for a time that is not known. */
const lastSelTime = 0xffff_ffff;
/** The greatest ID of an entry. */
export const lastSelId = 0xfffe;

export const maxUtcOffsetMinutes = 1440;

/** What of the log does not stand in its entries. */
interface SelSummary {
  readonly overflow: boolean;
  readonly lastAdded: number | undefined;
  readonly lastErased: number | undefined;
}

/** One line in the store: a change. When it is rewritten, a summary follows the entries. */
type SelLine =
  | { readonly summary: Partial<SelSummary> }
  | { readonly entry: SelEntry }
  | { readonly overflow: true }
  | { readonly deleted: { readonly id: number; readonly time: number } };

/** Whether this version knows what a line means; what is in it was written by us. */
function isSelLine(line: unknown): line is SelLine {
  if (typeof line !== 'object' || line === null) return false;
  const { entry, deleted } = line as { entry?: Partial<SelEntry>; deleted?: { id?: unknown } };
  if (entry) return typeof entry.id === 'number' && typeof entry.content === 'object';
  return typeof deleted?.id === 'number' || 'summary' in line || 'overflow' in line;
}

interface SelClockSettings {
  /** Added to the BMC's clock. */
  readonly offsetSeconds: number;
  readonly utcOffsetMinutes?: number;
}

export interface SelDependencies {
  readonly clock: Clock;
  readonly events: EventLog;
  readonly store: Store;
  /** {@link selCapacity} if absent. */
  readonly capacity?: number;
}

export class Sel {
  readonly capacity: number;
  readonly #clock: Clock;
  readonly #events: EventLog;
  readonly #store: Store;
  readonly #changed = new Emitter<SelChange>();
  #entries: SelEntry[] = [];
  /** Index in `#entries` by ID. */
  #positions = new Map<number, number>();
  #summary: SelSummary = { overflow: false, lastAdded: undefined, lastErased: undefined };
  /** Lines in the store. */
  #lines = 0;
  #clockSettings: SelClockSettings;

  constructor({ clock, events, store, capacity = selCapacity }: SelDependencies) {
    this.#clock = clock;
    this.#events = events;
    this.#store = store;
    this.capacity = capacity;
    this.#clockSettings = store.load<SelClockSettings>('sel-clock') ?? { offsetSeconds: 0 };
    let unknown = 0;
    for (const line of store.records<unknown>('sel')) {
      if (isSelLine(line)) this.#apply(line);
      else unknown++;
    }
    if (unknown > 0) {
      events.add('state-damaged', `SEL: ${unknown} lines are not of this version and are left out`);
    }
  }

  /** Oldest first. */
  get entries(): readonly SelEntry[] {
    return this.#entries;
  }

  /** Whether events were lost for lack of space since the last clear. */
  get overflow(): boolean {
    return this.#summary.overflow;
  }

  /** Places left. */
  get free(): number {
    return this.capacity - this.#entries.length;
  }

  /** When the last entry was made, be it still there or not; undefined when there never was one. */
  get lastAdded(): number | undefined {
    return this.#summary.lastAdded;
  }

  /** When something was last deleted or cleared. */
  get lastErased(): number | undefined {
    return this.#summary.lastErased;
  }

  /** Seconds since 1970 by this log's clock: the BMC's clock, shifted as clients have set it. */
  get time(): number {
    const seconds = Math.floor(this.#clock.wallTime() / 1000) + this.#clockSettings.offsetSeconds;
    return Math.min(Math.max(seconds, 0), lastSelTime);
  }

  /** Minutes that local time is ahead of UTC; undefined when nobody has said. */
  get utcOffsetMinutes(): number | undefined {
    return this.#clockSettings.utcOffsetMinutes;
  }

  get(id: number): SelEntry | undefined {
    const position = this.#positions.get(id);
    return position === undefined ? undefined : this.#entries[position];
  }

  /** The entry made after this one. */
  after(id: number): SelEntry | undefined {
    const position = this.#positions.get(id);
    return position === undefined ? undefined : this.#entries[position + 1];
  }

  /** The ID that the next entry will get. */
  get nextId(): number {
    let id = this.#entries.at(-1)?.id ?? 0;
    do id = id >= lastSelId ? 1 : id + 1;
    while (this.#positions.has(id));
    return id;
  }

  onChange(listener: (change: SelChange) => void): () => void {
    return this.#changed.on(listener);
  }

  /** @throws {BmcError} `no-space` when the log is full (the loss is noted) or the store refuses (nothing changed) */
  add(content: SelContent): SelEntry {
    if (this.free <= 1) throw this.#full();
    const entry = this.#append(content);
    if (this.free === 1) this.#changed.emit('nearly-full');
    return entry;
  }

  /**
   * Takes the last place, kept for the entry that says that the log is full.
   * @throws {BmcError} like {@link add}
   */
  addLast(content: SelContent): SelEntry {
    if (this.free === 0) throw this.#full();
    return this.#append(content);
  }

  /** @throws {BmcError} `not-found`, or as the store refuses; nothing has changed then */
  delete(id: number, actor: Actor): void {
    if (!this.#positions.has(id)) throw new BmcError('not-found', `SEL: no entry ${id}`);
    this.#keep({ deleted: { id, time: this.time } });
    this.#events.add('configuration', `SEL entry ${id} deleted by ${actorText(actor)}`, actor);
    this.#changed.emit('deleted');
  }

  /** @throws {BmcError} as the store refuses; nothing has changed then */
  clear(actor: Actor): void {
    const entries = this.#entries.length;
    this.#rewrite([], { ...this.#summary, overflow: false, lastErased: this.time });
    this.#events.add('configuration', `SEL cleared by ${actorText(actor)}`, actor, [
      { name: 'entries', before: entries, after: 0 },
    ]);
    this.#changed.emit('cleared');
  }

  /** Sets this log's clock; nobody else's. @param seconds since 1970, 0 to FFFFFFFFh */
  setTime(seconds: number, actor: Actor): void {
    const offsetSeconds = this.#clockSettings.offsetSeconds + seconds - this.time;
    this.#setClock({ ...this.#clockSettings, offsetSeconds }, actor);
  }

  /** @param minutes −1440 to 1440; undefined for unspecified @throws {BmcError} `bad-argument` */
  setUtcOffset(minutes: number | undefined, actor: Actor): void {
    const { offsetSeconds } = this.#clockSettings;
    if (minutes !== undefined && !(Number.isInteger(minutes) && Math.abs(minutes) <= maxUtcOffsetMinutes)) {
      throw new BmcError(
        'bad-argument',
        `UTC offset: ${minutes} is not within ±${maxUtcOffsetMinutes} minutes`,
      );
    }
    this.#setClock({ offsetSeconds, ...(minutes !== undefined && { utcOffsetMinutes: minutes }) }, actor);
  }

  #setClock(settings: SelClockSettings, actor: Actor): void {
    this.#store.save('sel-clock', settings);
    this.#events.changed(actor, 'clock of the SEL', this.#clockSettings, settings);
    this.#clockSettings = settings;
    this.#changed.emit('clock-set');
  }

  #append(content: SelContent): SelEntry {
    const entry: SelEntry = { id: this.nextId, time: this.time, content };
    this.#keep({ entry });
    this.#changed.emit('added');
    return entry;
  }

  /** Notes that something is lost. @returns what to say about it */
  #full(): BmcError {
    if (!this.overflow) {
      this.#keep({ overflow: true });
      this.#changed.emit('overflowed');
    }
    return new BmcError('no-space', `SEL: all of its ${this.capacity} places are taken`);
  }

  /** Saves a change, then makes it. What entries were deleted before is dropped from the store now and then. */
  #keep(line: SelLine): void {
    if (this.#lines >= maxLinesPerPlace * this.capacity) this.#rewrite(this.#entries, this.#summary);
    this.#store.append('sel', line);
    this.#apply(line);
  }

  #rewrite(entries: SelEntry[], summary: SelSummary): void {
    const lines: SelLine[] = [...entries.map((entry) => ({ entry })), { summary }];
    this.#store.rewrite('sel', lines);
    this.#summary = summary;
    this.#lines = lines.length;
    this.#hold(entries);
  }

  #apply(line: SelLine): void {
    this.#lines++;
    if ('summary' in line) {
      this.#summary = { overflow: false, lastAdded: undefined, lastErased: undefined, ...line.summary };
    } else if ('entry' in line) {
      const { entry } = line;
      this.#positions.set(entry.id, this.#entries.length);
      this.#entries.push(entry);
      this.#summary = { ...this.#summary, lastAdded: entry.time };
    } else if ('overflow' in line) {
      this.#summary = { ...this.#summary, overflow: true };
    } else {
      const { id, time } = line.deleted;
      this.#summary = { ...this.#summary, lastErased: time };
      this.#hold(this.#entries.filter((entry) => entry.id !== id));
    }
  }

  #hold(entries: SelEntry[]): void {
    this.#entries = entries;
    this.#positions = new Map(entries.map(({ id }, index) => [id, index]));
  }
}
