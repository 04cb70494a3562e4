/**
 * Guards the users' passwords against guessing, the same for every face: each tells what was tried and asks before it
 * lets somebody try. Two measures, which do not replace each other:
 * - The throttle (guess-throttle.ts) slows guessing down, always.
 * - The policy in the LAN settings locks users out whose passwords are guessed at. It is off at first. IPMI 2.0
 *   Table 23-4, parameter 26.
 */
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { EventLog } from './event-log.ts';
import { GuessThrottle } from './guess-throttle.ts';
import type { LanSettings } from './lan-settings.ts';
import type { User } from './user.ts';
import type { Users } from './users.ts';

const policyActor = { name: 'bad password policy', face: 'bmc' } as const;

interface Record {
  wrong: number;
  lastWrong: number;
  lockedUntil: number;
}

export interface LoginGuardOptions {
  readonly users: Users;
  readonly lan: LanSettings;
  readonly events: EventLog;
  readonly clock: Clock;
}

export class LoginGuard {
  readonly #options: LoginGuardOptions;
  readonly #throttle: GuessThrottle;
  /** By user ID. */
  readonly #records = new Map<number, Record>();
  readonly #changed = new Emitter<void>();

  constructor(options: LoginGuardOptions) {
    this.#options = options;
    const isUser = (name: string) => options.users.findByName(name) !== undefined;
    this.#throttle = new GuessThrottle(options.clock, isUser);
    options.users.onChange(({ name }) => this.#throttle.forget(name));
  }

  /** How long a try by `source`, an address, for this name has to wait yet; 0 when it may go on. */
  waitMs(source: string, name: string): number {
    return this.#throttle.waitMs(source, name);
  }

  isLockedOut(user: User): boolean {
    const record = this.#records.get(user.id);
    return record !== undefined && this.#options.clock.now() < record.lockedUntil;
  }

  /** Told when a lock-out begins or ends. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** Ends a lock-out, and forgets the tries that led to it. */
  unlock(user: User): void {
    this.#throttle.forget(user.name);
    this.#records.delete(user.id);
    this.#changed.emit();
  }

  /** A try has failed for another reason than the password, which the client is not to learn: it counts the same. */
  refused(source: string, name: string): void {
    this.#throttle.failed(source, name);
  }

  /** The password was wrong, or there is no user of this name. */
  wrongPassword(source: string, name: string): void {
    this.#throttle.failed(source, name);
    const user = this.#options.users.findByName(name);
    if (user) this.#countAgainst(user);
  }

  /** The password was right: earlier tries from there, and for this user, are forgotten. */
  succeeded(source: string, user: User): void {
    this.#throttle.succeeded(source, user.name);
    this.#records.delete(user.id);
  }

  #countAgainst(user: User): void {
    const { clock, events, lan, users } = this.#options;
    const { threshold, forgetAfterS, lockoutS, event } = lan.configuration.badPasswords;
    if (threshold === 0) return;
    const now = clock.now();
    const known = this.#records.get(user.id);
    const fresh = !known || (forgetAfterS > 0 && now - known.lastWrong >= forgetAfterS * 1000);
    const record = fresh ? { wrong: 0, lastWrong: now, lockedUntil: 0 } : known;
    this.#records.set(user.id, record);
    record.wrong++;
    record.lastWrong = now;
    if (record.wrong < threshold) return;
    record.wrong = 0;
    if (event) {
      const until = lockoutS === 0 ? 'until enabled again' : `for ${lockoutS} s`;
      events.add('user-changed', `user ${user.id} ${user.name}: locked out after wrong passwords, ${until}`);
    }
    if (lockoutS === 0) users.update(user.id, { enabled: false }, policyActor);
    else {
      record.lockedUntil = now + lockoutS * 1000;
      this.#changed.emit();
      clock.after(lockoutS * 1000, () => this.#changed.emit());
    }
  }
}
