/** Looks, when the time has come, whose password has expired. */
import type { Clock, Timer } from '../lib/clock.ts';
import { BmcError } from './errors.ts';
import { hasExpired, type User } from './user.ts';

/** The longest time between two looks: the wall clock may be set meanwhile. */
const lookMs = 60_000;

export class PasswordExpiry {
  readonly #clock: Clock;
  readonly #list: () => readonly User[];
  readonly #expire: (user: User) => void;
  #timer: Timer | undefined;

  /** @param expire has this user choose another password; what it cannot keep is tried again */
  constructor(clock: Clock, list: () => readonly User[], expire: (user: User) => void) {
    this.#clock = clock;
    this.#list = list;
    this.#expire = expire;
  }

  look(): void {
    const now = this.#clock.wallTime();
    for (const user of this.#list()) {
      if (user.passwordChangeRequired || !hasExpired(user, now)) continue;
      try {
        this.#expire(user);
      } catch (error) {
        if (!(error instanceof BmcError)) throw error;
      }
    }
    this.arm();
  }

  /** To be called when the list has changed. */
  arm(): void {
    this.stop();
    const times = this.#list().flatMap(({ passwordExpiresAt: at, passwordChangeRequired: required }) =>
      at === null || required ? [] : [at],
    );
    if (times.length === 0) return;
    const left = Math.min(...times) - this.#clock.wallTime();
    const waitMs = Math.min(Math.max(left, 1), lookMs);
    this.#timer = this.#clock.after(waitMs, () => this.look());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
