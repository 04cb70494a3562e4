/**
 * The BMC's users: one list of 16 slots for every face. Slot numbers are IPMI user IDs (§22.26).
 *
 * The configuration gives the first users; afterwards what is changed at run time counts and is kept in the store.
 * The rule between the two, applied at each start:
 * - An entry of the configuration is applied when it is new or differs from what was last applied (told by a
 *   salted hash), whole and over whatever was changed at run time. Changing IPMI_PASS so resets that user.
 * - An entry that is the same as last time changes nothing: run-time changes, a deletion too, stay.
 * - An entry that has gone from the configuration takes its user with it.
 *
 * When the kept list is damaged or missing although there was one, nobody can say which passwords were valid. Then
 * users come back from the configuration, but one whose password nobody chose comes back without any, and cannot
 * log in until a password is set: a damaged file never brings a well-known password back.
 *
 * A password may expire. Its user then has to choose another one first, as if that had been asked for
 * (`passwordChangeRequired`): Redfish takes a new password and nothing else, IPMI, which cannot ask for one, lets
 * nobody in.
 */
import { createHmac } from 'node:crypto';
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Random } from '../lib/random.ts';
import { sameSecret } from '../lib/same-secret.ts';
import { type Actor, actorText, lowerOf, type PrivilegeLevel, privilegeLevels } from './actor.ts';
import { changesBetween } from './changes.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { Store } from './store.ts';

export const maxUsers = 16;
/** The null user: its name is empty for good and it can never log in. */
export const nullUserId = 1;
export const maxNameBytes = 16;
export const maxPasswordBytes = 20;

/** `no-access`: may not log in whatever the level. */
export type UserLimit = PrivilegeLevel | 'no-access';

export interface User {
  /** 1 to 16; 1 is the null user. */
  readonly id: number;
  /** Empty for a slot that is free. */
  readonly name: string;
  /** Up to 20 bytes, without the NULs that fill it up. Empty: none, and no login. Never logged. */
  readonly password: Uint8Array;
  /** The form it was set in. One of 20 bytes does not work in IPMI 1.5 sessions. */
  readonly passwordSize: PasswordSize;
  readonly enabled: boolean;
  /** The highest level this user can work at. */
  readonly limit: UserLimit;
  /** May open Serial-over-LAN. IPMI 2.0 §24.6 */
  readonly sol: boolean;
  /** May log in to send IPMI messages. */
  readonly messaging: boolean;
  /** May log in to Redfish and what works through it. */
  readonly redfish: boolean;
  /** For serial lines with PPP, which this BMC has not: kept and told. */
  readonly linkAuthentication: boolean;
  /** Works at the Callback level at most. */
  readonly callbackOnly: boolean;
  /** How many sessions at once; 0 for as many as there are. */
  readonly sessionLimit: number;
  /** May do nothing but choose another password; any new password ends this. */
  readonly passwordChangeRequired: boolean;
  /** When the password expires, in milliseconds since 1970; null for never. Of this password: the next has its own. */
  readonly passwordExpiresAt: number | null;
}

export type PasswordSize = 16 | 20;

export interface UserSpec {
  readonly name: string;
  readonly password: string;
  /** True when nobody chose the password: it is the one in the manual. */
  readonly wellKnownPassword?: boolean;
  readonly limit: PrivilegeLevel;
  readonly enabled?: boolean;
  readonly sol?: boolean;
}

/** A user as lists show it that hold no secret. */
export type ListedUser = Omit<User, 'password' | 'passwordSize'>;

export type UserChange = Partial<Omit<User, 'id'>>;

export interface UsersOptions {
  readonly specs: readonly UserSpec[];
  readonly store: Store;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly random: Random;
  /** In bytes; passwords set from now on are no shorter. 1 if absent. */
  readonly minPasswordBytes?: number;
}

/** What was last applied of the configuration. */
interface Seed {
  readonly name: string;
  /** The slot it went to. */
  readonly id: number;
  readonly salt: string;
  readonly hash: string;
}

/** As in the store: bytes as hexadecimal digits. */
interface Kept {
  readonly slots: readonly (Omit<User, 'password'> & { readonly password: string })[];
  readonly seeds: readonly Seed[];
  /** Absent in lists of before there was such a thing, and for never. */
  readonly passwordDays?: number;
}

/** After how many days passwords may be made to expire. */
export const passwordDaysLimits = [1, 3650] as const;
const dayMs = 86_400_000;
/** The longest time between two looks at what expires: the wall clock may be set meanwhile. */
const expiryLookMs = 60_000;
const expiryActor: Actor = { name: 'expiry of passwords', face: 'bmc' };

/** Says, in a file of its own, that there was a list: without it a first start looks like a lost list. */
const markName = 'users-mark';
const storeName = 'users';

export class Users {
  /** Passwords that are set are no shorter, whichever face sets them. */
  readonly minPasswordBytes: number;
  readonly #specs: readonly UserSpec[];
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #events: EventLog;
  readonly #changed = new Emitter<User>();
  readonly #policyChanged = new Emitter<void>();
  #passwordDays: number | undefined;
  #expiry: Timer | undefined;
  #slots: ReadonlyMap<number, User>;
  #seeds: readonly Seed[];

  /** @throws {BmcError} `bad-argument` naming the user for a bad name or password, `no-space` for too many */
  constructor({ specs, store, events, clock, random, minPasswordBytes = 1 }: UsersOptions) {
    checkSpecs(specs);
    this.minPasswordBytes = minPasswordBytes;
    this.#specs = specs;
    this.#random = random;
    this.#clock = clock;
    this.#store = store;
    this.#events = events;
    const kept = readKept(store.load<Kept>(storeName));
    const wasThere =
      store.load(markName) !== undefined || store.wasDamaged(markName) || store.wasDamaged(storeName);
    const lost = kept === undefined && wasThere;
    this.#slots = new Map(kept?.slots.map((slot) => [slot.id, slot]));
    this.#seeds = kept?.seeds ?? [];
    this.#passwordDays = kept?.passwordDays;
    this.#applyConfiguration(specs, lost, kept === undefined);
    if (store.load(markName) === undefined) store.save(markName, { kept: true });
    this.#lookAtExpiry();
  }

  /** Passwords set from now on expire after so many days, unless they come with a time of their own; undefined: never. */
  get passwordDays(): number | undefined {
    return this.#passwordDays;
  }

  /**
   * For passwords that are set afterwards; those that are there keep the time they have.
   * @throws {BmcError} `bad-argument` unless 1 to 3650 or undefined; `no-space` or `timed-out` when it cannot be saved
   */
  setPasswordDays(days: number | undefined, actor: Actor): void {
    const [least, most] = passwordDaysLimits;
    if (days !== undefined && !(Number.isInteger(days) && days >= least && days <= most)) {
      throw new BmcError('bad-argument', `passwords expire after ${least} to ${most} days, not ${days}`);
    }
    const before = this.#passwordDays;
    if (days === before) return;
    this.#save(this.#slots, this.#seeds, days);
    this.#events.changed(actor, 'users', { passwordDays: before ?? null }, { passwordDays: days ?? null });
    this.#policyChanged.emit();
  }

  /** Told of another {@link passwordDays}. */
  onPolicyChange(listener: () => void): () => void {
    return this.#policyChanged.on(listener);
  }

  stop(): void {
    this.#expiry?.cancel();
    this.#expiry = undefined;
  }

  /** All slots with a name, by rising ID. */
  list(): User[] {
    return [...this.#slots.values()].filter(({ name }) => name !== '').sort((a, b) => a.id - b.id);
  }

  /** @returns the slot, free or not; undefined unless `id` is 1 to 16 */
  get(id: number): User | undefined {
    if (!Number.isInteger(id) || id < nullUserId || id > maxUsers) return undefined;
    return this.#slots.get(id) ?? emptySlot(id);
  }

  /** @returns the user of exactly this name, enabled or not; never the null user */
  findByName(name: string): User | undefined {
    if (name === '') return undefined;
    return this.list().find((user) => user.name === name);
  }

  /**
   * Changes a slot, at once and for good. Taking the name away frees the slot: all else of it goes, too.
   * @throws {BmcError} `not-found` for no such slot; `bad-argument` for a name that is taken or not allowed, for any
   *   change of the null user, and for a password that has expired and is to be good all the same; `no-space` or
   *   `timed-out` when it cannot be saved: then nothing is changed
   */
  update(id: number, change: UserChange, actor: Actor): User {
    const before = this.get(id);
    if (!before) throw new BmcError('not-found', `there is no user ${id}`);
    const { passwordExpiresAt: expires = null } = change;
    if (expires !== null && !isTime(expires)) {
      throw new BmcError('bad-argument', `user ${id}: ${expires} is no time`);
    }
    const freed = change.name === '' && before.name !== '';
    const after = freed ? emptySlot(id) : this.#after(before, change);
    const what = differences(before, after);
    const staysExpired = change.passwordChangeRequired === false && after.passwordChangeRequired;
    if (what.length === 0 && !staysExpired) return before;
    if (id === nullUserId) throw new BmcError('bad-argument', 'user 1, the null user, cannot be changed');
    this.#check(after, change);
    this.#save(new Map(this.#slots).set(id, after), this.#seeds, this.#passwordDays);
    const name = after.name || before.name;
    const text = freed ? 'deleted' : `${what.join(', ')} changed`;
    this.#events.add(
      'user-changed',
      `user ${id}${name && ` ${name}`}: ${text} by ${actorText(actor)}`,
      actor,
      changesBetween(before, after),
    );
    this.#changed.emit(after);
    return after;
  }

  /**
   * Whether a change would leave nobody who can log in to Redfish as administrator, though there is somebody now.
   * IPMI allows that (§22.26), and in-band IPMI mends it; a face that has no such way out asks here first.
   */
  wouldLockOut(id: number, change: UserChange): boolean {
    const before = this.get(id);
    if (!before || !isAdministrator(before)) return false;
    const after = change.name === '' ? emptySlot(id) : this.#after(before, change);
    if (isAdministrator(after)) return false;
    return !this.list().some((user) => user.id !== id && isAdministrator(user));
  }

  /**
   * Makes the list what a first start would make it: the users of the configuration, and nobody else.
   * @throws {BmcError} `no-space` or `timed-out` when it cannot be saved; nothing has changed then
   */
  resetToDefaults(actor: Actor): void {
    const slots = new Map<number, User>();
    const seeds = this.#specs.map((spec, index): Seed => {
      const id = nullUserId + 1 + index;
      slots.set(id, seeded(id, spec, false));
      return this.#seedOf(spec, id);
    });
    const before = this.#slots;
    const hadPolicy = this.#passwordDays !== undefined;
    this.#save(slots, seeds, undefined);
    this.#events.add(
      'user-changed',
      `all users set anew from the configuration by ${actorText(actor)}`,
      actor,
    );
    for (let id = nullUserId; id <= maxUsers; id++) {
      const after = slots.get(id) ?? emptySlot(id);
      if (differences(before.get(id) ?? emptySlot(id), after).length > 0) this.#changed.emit(after);
    }
    if (hadPolicy) this.#policyChanged.emit();
  }

  /**
   * Whether the list could take the place of the present one: names that fit and are there once, and somebody left who
   * can log in as administrator.
   * @param at what the list is called @throws {BmcError} `bad-argument` naming the place
   */
  checkList(wanted: readonly ListedUser[], at: string): void {
    for (const [index, { id, name }] of wanted.entries()) {
      const problem = nameProblem(name);
      if (problem) throw new BmcError('bad-argument', `${at}.${index}.name: ${problem}`);
      const twice = wanted.findIndex((other) => other.id === id || other.name === name) < index;
      if (twice) throw new BmcError('bad-argument', `${at}.${index}: another user has this id or name`);
    }
    if ([...this.#slotsOf(wanted).values()].some(isAdministrator) || !this.list().some(isAdministrator))
      return;
    throw new BmcError('bad-argument', `${at}: nobody who has a password here could log in as administrator`);
  }

  /**
   * Puts another list in the place of the present one. Users keep the password that somebody of their name has here;
   * others have none, and cannot log in.
   * @param wanted as {@link checkList} takes it
   * @throws {BmcError} `no-space` or `timed-out` when it cannot be saved; nothing has changed then
   */
  replaceList(wanted: readonly ListedUser[], actor: Actor): void {
    const slots = this.#slotsOf(wanted);
    const before = this.#slots;
    const moved = (seed: Seed) => wanted.find(({ name }) => name === seed.name)?.id ?? seed.id;
    const others: User[] = [];
    for (let id = nullUserId; id <= maxUsers; id++) {
      const after = slots.get(id) ?? emptySlot(id);
      if (differences(before.get(id) ?? emptySlot(id), after).length > 0) others.push(after);
    }
    if (others.length === 0) return;
    const nullUser = before.get(nullUserId);
    if (nullUser) slots.set(nullUserId, nullUser);
    this.#save(
      slots,
      this.#seeds.map((seed) => ({ ...seed, id: moved(seed) })),
      this.#passwordDays,
    );
    for (const after of others) {
      const was = before.get(after.id) ?? emptySlot(after.id);
      const what = after.name === '' ? 'deleted' : `${differences(was, after).join(', ')} changed`;
      this.#events.add(
        'user-changed',
        `user ${after.id} ${after.name || was.name}: ${what} by ${actorText(actor)}`,
        actor,
        changesBetween(was, after),
      );
      this.#changed.emit(after);
    }
  }

  #slotsOf(wanted: readonly ListedUser[]): Map<number, User> {
    return new Map(
      wanted.map((user) => {
        const { password, passwordSize } = this.findByName(user.name) ?? emptySlot(user.id);
        return [user.id, { ...user, password, passwordSize }];
      }),
    );
  }

  #seedOf(spec: UserSpec, id: number): Seed {
    const salt = toHex(this.#random.bytes(16));
    return { name: spec.name, id, salt, hash: fingerprint(spec, salt) };
  }

  /** Told of each slot after it has changed. */
  onChange(listener: (user: User) => void): () => void {
    return this.#changed.on(listener);
  }

  #check(after: User, change: UserChange): void {
    const problem =
      (change.name ? nameProblem(after.name) : undefined) ??
      (change.password ? passwordProblem(after.password, this.minPasswordBytes) : undefined);
    if (problem) throw new BmcError('bad-argument', `user ${after.id}: ${problem}`);
    const { sessionLimit, limit } = after;
    if (change.passwordChangeRequired === false && after.passwordChangeRequired) {
      throw new BmcError('bad-argument', `user ${after.id}: the password has expired`);
    }
    if (!Number.isInteger(sessionLimit) || sessionLimit < 0 || sessionLimit > 15) {
      throw new BmcError('bad-argument', `user ${after.id}: session limit ${sessionLimit} is not 0 to 15`);
    }
    if (limit !== 'no-access' && !privilegeLevels.includes(limit)) {
      throw new BmcError('bad-argument', `user ${after.id}: no level ${String(limit)}`);
    }
    const other = change.name ? this.findByName(after.name) : undefined;
    if (other && other.id !== after.id) {
      throw new BmcError('bad-argument', `user ${after.id}: the name ${after.name} is taken`);
    }
  }

  #save(slots: ReadonlyMap<number, User>, seeds: readonly Seed[], passwordDays: number | undefined): void {
    const kept: Kept = {
      slots: [...slots.values()].map((slot) => ({ ...slot, password: toHex(slot.password) })),
      seeds,
      ...(passwordDays !== undefined && { passwordDays }),
    };
    this.#store.save(storeName, kept);
    this.#slots = slots;
    this.#seeds = seeds;
    this.#passwordDays = passwordDays;
    this.#armExpiry();
  }

  /**
   * A slot after a change. A new password is what `passwordChangeRequired` waits for, unless the change itself says that
   * it waits on, and lives as long as the policy says, unless the change itself says until when.
   */
  #after(before: User, change: UserChange): User {
    const isOther = change.password !== undefined && !sameSecret(before.password, change.password);
    const now = this.#clock.wallTime();
    const days = this.#passwordDays;
    const fresh = {
      passwordChangeRequired: false,
      passwordExpiresAt: days === undefined ? null : now + days * dayMs,
    };
    const after = { ...before, ...(isOther && fresh), ...change };
    return hasExpired(after, now) ? { ...after, passwordChangeRequired: true } : after;
  }

  #armExpiry(): void {
    this.stop();
    const times = this.list().flatMap(({ passwordExpiresAt: at, passwordChangeRequired: required }) =>
      at === null || required ? [] : [at],
    );
    if (times.length === 0) return;
    const left = Math.min(...times) - this.#clock.wallTime();
    const waitMs = Math.min(Math.max(left, 1), expiryLookMs);
    this.#expiry = this.#clock.after(waitMs, () => this.#lookAtExpiry());
  }

  /** Those whose password has expired have to choose another one. What cannot be kept is tried again. */
  #lookAtExpiry(): void {
    const now = this.#clock.wallTime();
    for (const user of this.list()) {
      if (user.passwordChangeRequired || !hasExpired(user, now)) continue;
      try {
        this.update(user.id, { passwordChangeRequired: true }, expiryActor);
      } catch (error) {
        if (!(error instanceof BmcError)) throw error;
      }
    }
    this.#armExpiry();
  }

  #applyConfiguration(specs: readonly UserSpec[], lost: boolean, first: boolean): void {
    const slots = new Map(this.#slots);
    const seeds: Seed[] = [];
    const news: string[] = [];
    for (const seed of this.#seeds) {
      if (specs.some((spec) => spec.name === seed.name)) continue;
      news.push(`user ${seed.name} is no longer in the configuration`);
      if (slots.get(seed.id)?.name === seed.name) slots.delete(seed.id);
    }
    for (const spec of specs) {
      const seed = this.#seeds.find(({ name }) => name === spec.name);
      if (seed && sameText(seed.hash, fingerprint(spec, seed.salt))) {
        seeds.push(seed);
        continue;
      }
      const id = slotFor(spec.name, seed?.id, slots);
      if (id === undefined) {
        news.push(`no slot is free for user ${spec.name} of the configuration`);
        continue;
      }
      const locked = lost && spec.wellKnownPassword === true;
      slots.set(id, seeded(id, spec, locked));
      seeds.push(this.#seedOf(spec, id));
      if (locked) news.push(`user ${spec.name} is locked until a password is set`);
      else if (!first) news.push(`user ${id} ${spec.name}: set anew from the configuration`);
    }
    const isOther = first || news.length > 0 || seeds.length !== this.#seeds.length;
    if (isOther) this.#save(slots, seeds, this.#passwordDays);
    if (lost) {
      this.#events.add(
        'state-damaged',
        'the list of users is lost; users are those of the configuration, with passwords chosen there only',
      );
    }
    for (const text of news) this.#events.add('user-changed', text);
  }
}

/** Whether this user can log in to IPMI at all. There nobody can be asked for another password. */
export function canLogIn(user: User): boolean {
  return (
    !user.passwordChangeRequired &&
    user.enabled &&
    user.messaging &&
    user.name !== '' &&
    user.password.length > 0
  );
}

/** Whether this user can log in to Redfish at all. There nothing is open to the Callback level. */
export function canLogInToRedfish(user: User): boolean {
  const limit = effectiveLimit(user);
  const allowed = user.enabled && user.redfish && limit !== undefined && limit !== 'callback';
  return allowed && user.name !== '' && user.password.length > 0;
}

/** The level above which this user gets nothing; undefined for no level at all. */
export function effectiveLimit({ limit, callbackOnly }: User): PrivilegeLevel | undefined {
  if (limit === 'no-access') return undefined;
  return callbackOnly ? lowerOf(limit, 'callback') : limit;
}

function isAdministrator(user: User): boolean {
  return canLogInToRedfish(user) && effectiveLimit(user) === 'administrator';
}

/** Milliseconds since 1970, as far as dates reach. */
function isTime(value: unknown): value is number {
  return Number.isInteger(value) && !Number.isNaN(new Date(Number(value)).getTime());
}

function hasExpired({ passwordExpiresAt: at }: User, now: number): boolean {
  return at !== null && at <= now;
}

function emptySlot(id: number): User {
  return {
    id,
    name: '',
    password: new Uint8Array(),
    passwordSize: 16,
    enabled: false,
    limit: 'no-access',
    sol: false,
    // On, since clients that set up a user (ipmitool 1.8.19 `user set name`, `priv`, `enable`) never turn it on.
    messaging: id !== nullUserId,
    redfish: id !== nullUserId,
    linkAuthentication: false,
    callbackOnly: false,
    sessionLimit: 0,
    passwordChangeRequired: false,
    passwordExpiresAt: null,
  };
}

function seeded(id: number, spec: UserSpec, locked: boolean): User {
  const password = locked ? Buffer.alloc(0) : Buffer.from(spec.password, 'utf8');
  return {
    ...emptySlot(id),
    name: spec.name,
    password,
    passwordSize: password.length > 16 ? 20 : 16,
    enabled: spec.enabled ?? true,
    limit: spec.limit,
    sol: spec.sol ?? true,
  };
}

/** The slot that has the name, or the one it had, or the first free one. */
function slotFor(
  name: string,
  before: number | undefined,
  slots: ReadonlyMap<number, User>,
): number | undefined {
  const isFree = (id: number) => (slots.get(id)?.name ?? '') === '';
  for (const slot of slots.values()) if (slot.name === name) return slot.id;
  if (before !== undefined && isFree(before)) return before;
  for (let id = nullUserId + 1; id <= maxUsers; id++) if (isFree(id)) return id;
  return undefined;
}

function fingerprint(spec: UserSpec, salt: string): string {
  const { name, password, limit, enabled = true, sol = true } = spec;
  return createHmac('sha256', Buffer.from(salt, 'hex'))
    .update(JSON.stringify([name, password, limit, enabled, sol]))
    .digest('hex');
}

/** What of a slot is different, in words; never values. */
function differences(before: User, after: User): string[] {
  const words: [keyof User, string][] = [
    ['name', 'name'],
    ['password', 'password'],
    ['passwordSize', 'password size'],
    ['enabled', after.enabled ? 'enabled state (now on)' : 'enabled state (now off)'],
    ['limit', `privilege limit (now ${after.limit})`],
    ['sol', after.sol ? 'Serial-over-LAN right (now on)' : 'Serial-over-LAN right (now off)'],
    ['messaging', after.messaging ? 'IPMI messaging (now on)' : 'IPMI messaging (now off)'],
    ['redfish', after.redfish ? 'Redfish access (now on)' : 'Redfish access (now off)'],
    ['linkAuthentication', 'link authentication'],
    ['callbackOnly', 'restriction to Callback'],
    ['sessionLimit', 'session limit'],
    [
      'passwordChangeRequired',
      after.passwordChangeRequired
        ? 'password change (now required)'
        : 'password change (no longer required)',
    ],
    [
      'passwordExpiresAt',
      after.passwordExpiresAt === null
        ? 'expiry of the password (now never)'
        : `expiry of the password (now ${new Date(after.passwordExpiresAt).toISOString()})`,
    ],
  ];
  return words
    .filter(([key]) =>
      key === 'password' ? !sameSecret(before.password, after.password) : before[key] !== after[key],
    )
    .map(([, word]) => word);
}

function checkSpecs(specs: readonly UserSpec[]): void {
  if (specs.length > maxUsers - 1) {
    throw new BmcError('no-space', `users: at most ${maxUsers - 1}, ${specs.length} given`);
  }
  specs.forEach((spec, index) => {
    const problem = nameProblem(spec.name) ?? passwordProblem(Buffer.from(spec.password, 'utf8'));
    if (problem) throw new BmcError('bad-argument', `user ${index + 1}: ${problem}`);
    if (specs.findIndex(({ name }) => name === spec.name) < index) {
      throw new BmcError('bad-argument', `user ${index + 1}: the name ${spec.name} is taken`);
    }
  });
}

/** What the store gave, if it is a list of users from beginning to end; a part of one is none. */
function readKept(
  kept: unknown,
): (Pick<Kept, 'seeds' | 'passwordDays'> & { readonly slots: readonly User[] }) | undefined {
  if (!isRecord(kept) || !Array.isArray(kept.slots) || !Array.isArray(kept.seeds)) return undefined;
  const { passwordDays: days } = kept;
  const slots = kept.slots.map(readSlot);
  if (slots.some((slot) => slot === undefined) || !kept.seeds.every(isSeed)) return undefined;
  return {
    slots: slots.filter((slot) => slot !== undefined),
    seeds: kept.seeds,
    ...(typeof days === 'number' && { passwordDays: days }),
  };
}

function readSlot(found: unknown): User | undefined {
  if (!isRecord(found)) return undefined;
  // Lists kept before there was Redfish do not speak of these.
  const later = { redfish: true, passwordChangeRequired: false, passwordExpiresAt: null };
  const kept: Record<string, unknown> = { ...later, ...found };
  const { passwordExpiresAt: expires } = kept;
  if (expires !== null && !isTime(expires)) return undefined;
  const { passwordExpiresAt: _, ...model } = emptySlot(nullUserId);
  for (const key of Object.keys(model) as (keyof typeof model)[]) {
    const expected = key === 'password' ? 'string' : typeof model[key];
    if (typeof kept[key] !== expected) return undefined;
  }
  const slot = kept as unknown as Kept['slots'][number];
  const known = slot.limit === 'no-access' || privilegeLevels.includes(slot.limit);
  if (!known || !/^([0-9a-f]{2}){0,20}$/.test(slot.password)) return undefined;
  return { ...slot, password: Buffer.from(slot.password, 'hex') };
}

function isSeed(kept: unknown): kept is Seed {
  return (
    isRecord(kept) &&
    typeof kept.name === 'string' &&
    typeof kept.id === 'number' &&
    typeof kept.salt === 'string' &&
    typeof kept.hash === 'string'
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function sameText(a: string, b: string): boolean {
  return sameSecret(Buffer.from(a), Buffer.from(b));
}

function toHex(raw: Uint8Array): string {
  return Buffer.from(raw).toString('hex');
}

function nameProblem(name: string): string | undefined {
  const length = Buffer.byteLength(name, 'utf8');
  if (length === 0 || length > maxNameBytes) return `a name has 1 to ${maxNameBytes} bytes, not ${length}`;
  if (!/^[\x21-\x7e]+$/.test(name)) return 'a name has visible ASCII characters only';
  return undefined;
}

function passwordProblem(password: Uint8Array, least = 1): string | undefined {
  const { length } = password;
  if (length < least || length > maxPasswordBytes) {
    return `a password has ${least} to ${maxPasswordBytes} bytes, not ${length}`;
  }
  return password.includes(0) ? 'a password holds no NUL' : undefined;
}
