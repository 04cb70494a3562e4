/**
 * What the bodies of resources are read from, part by part, and how each part tells that it has changed. Which parts a
 * body rests on is not declared but seen while it is read: a definition is given a core that takes notes.
 *
 *   part changes ─▶ its signal ─▶ bodies that rest on it are made anew (bodies.ts) and compared (changes.ts)
 *
 * What is not in the table can be read like all else, but what is read from it is never kept, and nobody is told of its
 * changes; a test names such parts.
 */
import type { Bmc } from '../bmc/bmc.ts';
import type { Context } from './context.ts';
import type { RedfishState } from './state.ts';

type Listen = (listener: () => void) => () => void;

interface Part<T> {
  /** What tells of each change, but for what is {@link fresh}. */
  changes(part: T, bmc: Bmc): readonly Listen[];
  /** Members that change by themselves, such as readings and clocks: read anew each time. */
  readonly fresh?: readonly string[] | 'all';
  /** The only members that are not, where most are. */
  readonly kept?: readonly string[];
}

/** Whatever the machine is made of, or would be: what runs, what is wished for, and what the next boot is to take. */
function machineChanges(bmc: Bmc): readonly Listen[] {
  return [
    (listener) => bmc.onMachineEvent(listener),
    (listener) => bmc.power.onChange(listener),
    (listener) => bmc.boot.onChange(listener),
    (listener) => bmc.machineSettings.onChange(listener),
    (listener) => bmc.firmware.onChange(listener),
    ...(bmc.media ? [(listener: () => void) => bmc.media?.onChange(listener) ?? (() => undefined)] : []),
  ];
}

const constant = { changes: () => [] } as const;

type BmcParts = { readonly [K in keyof Bmc]?: Part<NonNullable<Bmc[K]>> };
type StateParts = { readonly [K in keyof RedfishState]?: Part<RedfishState[K]> };

const bmcParts: BmcParts = {
  identity: constant,
  power: {
    changes: (power) => [
      (listener) => power.onChange(listener),
      (listener) => power.onRestart(listener),
      (listener) => power.onSettingsChange(listener),
    ],
  },
  bootCertificates: { changes: (list) => [(listener) => list.onChange(listener)] },
  boot: { changes: (boot) => [(listener) => boot.onChange(listener)] },
  bootProgress: { changes: (progress) => [(listener) => progress.onChange(listener)] },
  identify: { changes: (identify) => [(listener) => identify.onChange(listener)] },
  asset: { changes: (asset) => [(listener) => asset.onChange(listener)] },
  watchdog: { changes: (watchdog) => [(listener) => watchdog.onChange(listener)], fresh: ['leftMs'] },
  users: {
    changes: (users) => [
      (listener) => users.onChange(listener),
      (listener) => users.onPolicyChange(listener),
    ],
  },
  openSessions: { changes: (sessions) => [(listener) => sessions.onChange(listener)] },
  hostAccess: { changes: (access) => [(listener) => access.onChange(listener)] },
  loginGuard: { changes: (guard) => [(listener) => guard.onChange(listener)], fresh: 'all' },
  sel: {
    changes: (sel) => [(listener) => sel.onChange(listener)],
    fresh: ['time'],
  },
  events: { changes: (events) => [(listener) => events.onAdd(listener)] },
  sol: { changes: (sol) => [(listener) => sol.onChange(listener)] },
  lan: {
    changes: (lan) => [(listener) => lan.onChange(listener), (listener) => lan.network.onChange(listener)],
    // The host's network is the kernel's.
    fresh: ['network'],
  },
  console: {
    changes: (console) => [(listener) => console.onChange(listener)],
    fresh: 'all',
    kept: ['attendees'],
  },
  screen: {
    changes: (screen) => [(listener) => screen.onChange(listener)],
    fresh: 'all',
    kept: ['attendees'],
  },
  pef: { changes: (pef) => [(listener) => pef.onChange(listener)] },
  sensors: {
    changes: (sensors) => [(listener) => sensors.onChange(listener)],
    fresh: 'all',
    kept: ['nameOf', 'severity', 'intruded', 'osStopped', 'coolingFault'],
  },
  machineSettings: { changes: (_, bmc) => machineChanges(bmc) },
  // The sizes of disks are those of their files.
  inventory: { changes: (_, bmc) => machineChanges(bmc), fresh: ['drives'] },
  nics: { changes: (_, bmc) => machineChanges(bmc), fresh: 'all' },
  secureBoot: { changes: (_, bmc) => machineChanges(bmc), fresh: 'all' },
  firmware: { changes: (_, bmc) => machineChanges(bmc) },
  media: { changes: (media) => [(listener) => media.onChange(listener)] },
};

const stateParts: StateParts = {
  endpoints: constant,
  deployment: constant,
  sensorKey: constant,
  destinations: constant,
  happenings: constant,
  settings: { changes: (settings) => [(listener) => settings.onChange(listener)] },
  sessions: { changes: (sessions) => [(listener) => sessions.onChange(listener)] },
  subscriptions: { changes: (subscriptions) => [(listener) => subscriptions.onChange(listener)] },
  tasks: { changes: (tasks) => [(listener) => tasks.onChange(listener)] },
  telemetry: {
    changes: (telemetry) => [(listener) => telemetry.onChange(listener)],
    fresh: ['latest', 'now', 'history'],
  },
  certificates: { changes: (certificates) => [(listener) => certificates.onChange(listener)] },
};

/** Notes taken while a body is read. */
export class Notes {
  readonly parts = new Set<string>();
  /** Something was read that changes without a word. */
  isFresh = false;
}

export class Parts {
  readonly #bmc: Bmc;
  readonly #state: RedfishState;
  /** When each part has last told of a change, as a number that rises. */
  readonly #changedAt = new Map<string, number>();
  readonly #listeners = new Set<(part: string) => void>();
  readonly #unsubscribe: (() => void)[] = [];
  #now = 0;

  constructor(bmc: Bmc, state: RedfishState) {
    this.#bmc = bmc;
    this.#state = state;
    this.#listen(bmc, bmcParts as Readonly<Record<string, Part<unknown>>>);
    this.#listen(state, stateParts as Readonly<Record<string, Part<unknown>>>);
  }

  /** A moment to compare with: see {@link changedSince}. */
  get now(): number {
    return this.#now;
  }

  changedSince(parts: Iterable<string>, moment: number): boolean {
    if (moment === this.#now) return false;
    for (const part of parts) if ((this.#changedAt.get(part) ?? 0) > moment) return true;
    return false;
  }

  /** Told of each change of each part, by its name. */
  onChange(listener: (part: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** What a definition reads by, with notes taken of it. */
  watched(context: Omit<Context, 'bmc' | 'state'>, notes: Notes): Context {
    const bmc = watchedWhole(this.#bmc, bmcParts as Readonly<Record<string, Part<unknown>>>, notes);
    const state = watchedWhole(this.#state, stateParts as Readonly<Record<string, Part<unknown>>>, notes);
    const asked = new Proxy(context, {
      get(target, name) {
        // What depends on who asks is nobody else's.
        notes.isFresh = true;
        return Reflect.get(target, name);
      },
    });
    return new Proxy({ bmc, state } as Context, {
      get: (target, name) =>
        name === 'bmc' ? bmc : name === 'state' ? state : Reflect.get(asked, name, target),
    });
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#listeners.clear();
  }

  #listen(whole: object, table: Readonly<Record<string, Part<unknown>>>): void {
    for (const [name, { changes }] of Object.entries(table)) {
      const part: unknown = Reflect.get(whole, name);
      if (part === undefined) continue;
      for (const listen of changes(part, this.#bmc)) this.#unsubscribe.push(listen(() => this.#tell(name)));
    }
  }

  #tell(part: string): void {
    this.#changedAt.set(part, ++this.#now);
    for (const listener of [...this.#listeners]) listener(part);
  }
}

/** What an object has, and what it makes when asked. */
function partNames(whole: object): string[] {
  const all = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(whole) as object);
  const made = Object.entries(all).flatMap(([name, { get }]) => (get && name !== '__proto__' ? [name] : []));
  return [...Object.keys(whole), ...made];
}

/** Parts of core and face that are in no table. */
export function unknownParts(bmc: Bmc, state: RedfishState): readonly string[] {
  return [
    ...partNames(bmc).filter((name) => !(name in bmcParts)),
    ...partNames(state).filter((name) => !(name in stateParts)),
  ];
}

function watchedWhole<T extends object>(
  whole: T,
  table: Readonly<Record<string, Part<unknown>>>,
  notes: Notes,
): T {
  const seen = new Map<PropertyKey, unknown>();
  return new Proxy(whole, {
    get(target, name) {
      const part = table[name as string];
      if (!part) {
        notes.isFresh = true;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      notes.parts.add(name as string);
      if (!seen.has(name)) seen.set(name, watchedPart(Reflect.get(target, name, target), part, notes));
      return seen.get(name);
    },
  });
}

function watchedPart(value: unknown, { fresh, kept }: Part<unknown>, notes: Notes): unknown {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  if (!isObject || fresh === undefined) return value;
  return new Proxy(value, {
    get(target, name) {
      const isFresh = fresh === 'all' ? !kept?.includes(name as string) : fresh.includes(name as string);
      if (isFresh) notes.isFresh = true;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
