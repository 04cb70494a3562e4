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
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Random } from '../lib/random.ts';
import { sameSecret } from '../lib/same-secret.ts';
import { type Actor, actorText, privilegeLevels } from './actor.ts';
import { changesBetween } from './changes.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import { keptUsers, readKeptUsers, type UserList } from './kept-users.ts';
import { PasswordExpiry } from './password-expiry.ts';
import type { Store } from './store.ts';
import {
  differences,
  emptySlot,
  hasExpired,
  isAdministrator,
  isTime,
  type ListedUser,
  maxUsers,
  nameProblem,
  nullUserId,
  passwordProblem,
  type User,
  type UserChange,
} from './user.ts';
import { applySpecs, checkSpecs, type Seed, seedAll, type UserSpec } from './user-seeds.ts';

export interface UsersOptions {
  readonly specs: readonly UserSpec[];
  readonly store: Store;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly random: Random;
  /** In bytes; passwords set from now on are no shorter. 1 if absent. */
  readonly minPasswordBytes?: number;
}

/** After how many days passwords may be made to expire. */
export const passwordDaysLimits = [1, 3650] as const;
const dayMs = 86_400_000;
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
  readonly #expiry: PasswordExpiry;
  #kept: UserList;

  /** @throws {BmcError} `bad-argument` naming the user for a bad name or password, `no-space` for too many */
  constructor({ specs, store, events, clock, random, minPasswordBytes = 1 }: UsersOptions) {
    checkSpecs(specs);
    this.minPasswordBytes = minPasswordBytes;
    this.#specs = specs;
    this.#random = random;
    this.#clock = clock;
    this.#store = store;
    this.#events = events;
    this.#expiry = new PasswordExpiry(
      clock,
      () => this.list(),
      (user) => this.update(user.id, { passwordChangeRequired: true }, expiryActor),
    );
    const kept = readKeptUsers(store.load(storeName));
    const wasThere =
      store.load(markName) !== undefined || store.wasDamaged(markName) || store.wasDamaged(storeName);
    const lost = kept === undefined && wasThere;
    this.#kept = kept ?? { slots: new Map(), seeds: [], passwordDays: undefined };
    this.#applyConfiguration(lost, kept === undefined);
    if (store.load(markName) === undefined) store.save(markName, { kept: true });
    this.#expiry.look();
  }

  /** Passwords set from now on expire after so many days, unless they come with a time of their own; undefined: never. */
  get passwordDays(): number | undefined {
    return this.#kept.passwordDays;
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
    const before = this.passwordDays;
    if (days === before) return;
    this.#save({ ...this.#kept, passwordDays: days });
    this.#events.changed(actor, 'users', { passwordDays: before ?? null }, { passwordDays: days ?? null });
    this.#policyChanged.emit();
  }

  /** Told of another {@link passwordDays}. */
  onPolicyChange(listener: () => void): () => void {
    return this.#policyChanged.on(listener);
  }

  stop(): void {
    this.#expiry.stop();
  }

  /** All slots with a name, by rising ID. */
  list(): User[] {
    return [...this.#kept.slots.values()].filter(({ name }) => name !== '').sort((a, b) => a.id - b.id);
  }

  /** @returns the slot, free or not; undefined unless `id` is 1 to 16 */
  get(id: number): User | undefined {
    if (!Number.isInteger(id) || id < nullUserId || id > maxUsers) return undefined;
    return this.#kept.slots.get(id) ?? emptySlot(id);
  }

  /** @returns the user of exactly this name, enabled or not; never the null user */
  findByName(name: string): User | undefined {
    if (name === '') return undefined;
    for (const user of this.#kept.slots.values()) if (user.name === name) return user;
    return undefined;
  }

  /** Whether there is one, of those with a name, that is such. */
  some(isSuch: (user: User) => boolean): boolean {
    for (const user of this.#kept.slots.values()) if (user.name !== '' && isSuch(user)) return true;
    return false;
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
    this.#check(before, after, change);
    this.#save({ ...this.#kept, slots: new Map(this.#kept.slots).set(id, after) });
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
    return !this.some((user) => user.id !== id && isAdministrator(user));
  }

  /**
   * Makes the list what a first start would make it: the users of the configuration, and nobody else.
   * @throws {BmcError} `no-space` or `timed-out` when it cannot be saved; nothing has changed then
   */
  resetToDefaults(actor: Actor): void {
    const { slots: before, passwordDays } = this.#kept;
    const { slots, seeds } = seedAll(this.#specs, this.#random);
    this.#save({ slots, seeds, passwordDays: undefined });
    this.#events.add(
      'user-changed',
      `all users set anew from the configuration by ${actorText(actor)}`,
      actor,
    );
    for (let id = nullUserId; id <= maxUsers; id++) {
      const after = slots.get(id) ?? emptySlot(id);
      if (differences(before.get(id) ?? emptySlot(id), after).length > 0) this.#changed.emit(after);
    }
    if (passwordDays !== undefined) this.#policyChanged.emit();
  }

  /**
   * Whether the list could take the place of the present one: names that fit and are there once, and somebody left who
   * can log in as administrator.
   * @param at what the list is called @throws {BmcError} `bad-argument` naming the place
   */
  checkList(wanted: readonly ListedUser[], at: string): void {
    for (const [index, { id, name }] of wanted.entries()) {
      // Who is here already may stay: see #check.
      const problem = this.findByName(name) ? undefined : nameProblem(name);
      if (problem) throw new BmcError('bad-argument', `${at}.${index}.name: ${problem}`);
      const twice = wanted.findIndex((other) => other.id === id || other.name === name) < index;
      if (twice) throw new BmcError('bad-argument', `${at}.${index}: another user has this id or name`);
    }
    if ([...this.#slotsOf(wanted).values()].some(isAdministrator) || !this.some(isAdministrator)) return;
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
    const { slots: before, seeds } = this.#kept;
    const moved = (seed: Seed) => wanted.find(({ name }) => name === seed.name)?.id ?? seed.id;
    const others: User[] = [];
    for (let id = nullUserId; id <= maxUsers; id++) {
      const after = slots.get(id) ?? emptySlot(id);
      if (differences(before.get(id) ?? emptySlot(id), after).length > 0) others.push(after);
    }
    if (others.length === 0) return;
    const nullUser = before.get(nullUserId);
    if (nullUser) slots.set(nullUserId, nullUser);
    this.#save({ ...this.#kept, slots, seeds: seeds.map((seed) => ({ ...seed, id: moved(seed) })) });
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

  /** Told of each slot after it has changed. */
  onChange(listener: (user: User) => void): () => void {
    return this.#changed.on(listener);
  }

  #check(before: User, after: User, change: UserChange): void {
    // A name that was taken by an earlier version may stay.
    const problem =
      (after.name !== '' && after.name !== before.name ? nameProblem(after.name) : undefined) ??
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

  #save(list: UserList): void {
    this.#store.save(storeName, keptUsers(list));
    this.#kept = list;
    this.#expiry.arm();
  }

  /**
   * A slot after a change. A new password is what `passwordChangeRequired` waits for, unless the change itself says that
   * it waits on, and lives as long as the policy says, unless the change itself says until when.
   */
  #after(before: User, change: UserChange): User {
    const isOther = change.password !== undefined && !sameSecret(before.password, change.password);
    const now = this.#clock.wallTime();
    const days = this.passwordDays;
    const fresh = {
      passwordChangeRequired: false,
      passwordExpiresAt: days === undefined ? null : now + days * dayMs,
    };
    const after = { ...before, ...(isOther && fresh), ...change };
    return hasExpired(after, now) ? { ...after, passwordChangeRequired: true } : after;
  }

  #applyConfiguration(lost: boolean, first: boolean): void {
    const { seeds: before } = this.#kept;
    const { slots, seeds, news } = applySpecs(this.#specs, this.#kept, { lost, first, random: this.#random });
    const isOther = first || news.length > 0 || seeds.length !== before.length;
    if (isOther) this.#save({ ...this.#kept, slots, seeds });
    if (lost) {
      this.#events.add(
        'state-damaged',
        'the list of users is lost; users are those of the configuration, with passwords chosen there only',
      );
    }
    for (const text of news) this.#events.add('user-changed', text);
  }
}
