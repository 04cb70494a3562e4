/**
 * Slows down guessing, on every face together, by two measures:
 * - After five wrong passwords from one source for one user name, each further try has to wait, 1 s at first, twice as
 *   long each time, 60 s at most.
 * - A user name has 100 wrong tries an hour in all. When they are used up, sources that have been wrong about this name
 *   within the hour wait until there is room again.
 *
 * Nobody is locked out: a source that nothing is held against always has its try, and one that was right before is
 * bound by its own mistakes only. So whoever guesses from many addresses has one try for each beyond the hundred.
 */
import type { Clock } from '../lib/clock.ts';

const freeTries = 5;
const firstDelayMs = 1000;
const longestDelayMs = 60_000;
/** Quiet time after which the wrong tries of a source are forgotten. */
const memoryMs = 10 * 60_000;
const wrongInAll = 100;
const hourMs = 3_600_000;
/** What is kept of the outside is bounded: sources, names of each of them, names in all. */
const mostSources = 4096;
/** Further names of one source are counted as one: a guesser cannot make us forget by being wrong about others. */
const namesPerSource = 8;
const mostNames = 1024;
const familiarPerName = 64;
/** Longer names than users have are told apart no further. */
const keptLength = 32;
/** Stands for all names of a source beyond the first ones; no name is as long. */
const furtherNames = '*'.repeat(keptLength + 1);

interface Failures {
  readonly count: number;
  readonly lastAt: number;
}

export class GuessThrottle {
  readonly #clock: Clock;
  readonly #isUser: (name: string) => boolean;
  /** By source, the one that failed last at the end; then by name. */
  readonly #sources = new Map<string, Map<string, Failures>>();
  /** When each name was wrong within the last hour. */
  readonly #wrong = new Map<string, number[]>();
  /** Where each name logged in from, latest last. */
  readonly #familiar = new Map<string, Set<string>>();

  /** @param isUser whether a user has this name: what is known of it is kept before what others are */
  constructor(clock: Clock, isUser: (name: string) => boolean = () => false) {
    this.#clock = clock;
    this.#isUser = isUser;
  }

  /** How long a try by `source`, an address, for `name` has to wait yet; 0 when it may go on. */
  waitMs(source: string, name: string): number {
    const [from, kept, now] = [sourceOf(source), nameOf(name), this.#clock.now()];
    const failures = this.#failuresOf(from, kept);
    if (!failures) return 0;
    const passed = now - failures.lastAt;
    const forgotten = passed >= memoryMs || failures.count < freeTries;
    const delay = Math.min(firstDelayMs * 2 ** (failures.count - freeTries), longestDelayMs);
    const own = forgotten ? 0 : Math.max(0, delay - passed);
    if (passed >= hourMs || this.#familiar.get(kept)?.has(from)) return own;
    return Math.max(own, this.#roomInMs(kept, now));
  }

  failed(source: string, name: string): void {
    const [from, kept, now] = [sourceOf(source), nameOf(name), this.#clock.now()];
    const names = this.#sources.get(from) ?? new Map<string, Failures>();
    const key = names.has(kept) || names.size < namesPerSource ? kept : furtherNames;
    const known = names.get(key);
    const count = known && now - known.lastAt < memoryMs ? known.count + 1 : 1;
    names.set(key, { count: Math.min(count, 32), lastAt: now });
    this.#sources.delete(from);
    this.#sources.set(from, names);
    if (this.#sources.size > mostSources) deleteFirst(this.#sources);
    this.#countWrong(kept, now);
  }

  succeeded(source: string, name: string): void {
    const [from, kept] = [sourceOf(source), nameOf(name)];
    const names = this.#sources.get(from);
    names?.delete(kept);
    if (names?.size === 0) this.#sources.delete(from);
    const familiar = this.#familiar.get(kept) ?? new Set<string>();
    familiar.delete(from);
    familiar.add(from);
    if (familiar.size > familiarPerName) deleteFirst(familiar);
    this.#familiar.set(kept, familiar);
  }

  /** The user of this name has changed: what was wrong before says nothing about what is right now. */
  forget(name: string): void {
    const kept = nameOf(name);
    this.#wrong.delete(kept);
    this.#familiar.delete(kept);
    for (const [source, names] of this.#sources) {
      names.delete(kept);
      if (names.size === 0) this.#sources.delete(source);
    }
  }

  #failuresOf(from: string, name: string): Failures | undefined {
    const names = this.#sources.get(from);
    const own = names?.get(name);
    return own || !names || names.size < namesPerSource ? own : names.get(furtherNames);
  }

  #countWrong(name: string, now: number): void {
    const times = (this.#wrong.get(name) ?? []).filter((at) => now - at < hourMs);
    times.push(now);
    this.#wrong.delete(name);
    this.#wrong.set(name, times.slice(-wrongInAll));
    if (this.#wrong.size <= mostNames) return;
    for (const other of this.#wrong.keys()) {
      if (this.#isUser(other)) continue;
      this.#wrong.delete(other);
      return;
    }
  }

  /** @returns 0 unless the tries of an hour are used up */
  #roomInMs(name: string, now: number): number {
    const [oldest, ...others] = this.#wrong.get(name) ?? [];
    if (oldest === undefined || others.length + 1 < wrongInAll) return 0;
    return Math.max(0, oldest + hourMs - now);
  }
}

/** An IPv4 client that came through an IPv6 socket is the same source. */
function sourceOf(address: string): string {
  return address.includes(':') ? address.replace(/^::ffff:(?=\d+\.)/i, '') : address;
}

function nameOf(name: string): string {
  return name.slice(0, keptLength);
}

/** The one that was put in first. */
function deleteFirst<Key>(kept: { keys(): IterableIterator<Key>; delete(key: Key): boolean }): void {
  for (const key of kept.keys()) {
    kept.delete(key);
    return;
  }
}
