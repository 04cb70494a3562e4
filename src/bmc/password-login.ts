/**
 * Logins by name and password, for every face that is given both (Redfish, and what works through it; IPMI proves its
 * passwords in handshakes of its own). A login says only that it is refused, and takes as long whether or not there is
 * such a user: who has no password learns nothing about names. The reason is for the log.
 */
import { createHmac } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';
import { sameSecret } from '../lib/same-secret.ts';
import type { LoginGuard } from './login-guard.ts';
import { canLogInToRedfish, type User } from './user.ts';
import type { Users } from './users.ts';

export type LoginOutcome =
  | { readonly user: User }
  /** After too many wrong tries, and without a look at the password. */
  | { readonly refused: 'throttled'; readonly waitMs: number }
  | { readonly refused: 'credentials' };

export interface PasswordLoginOptions {
  readonly users: Users;
  readonly guard: LoginGuard;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Lines about refused logins that are worth writing in each period; the rest is counted in the next one. */
const logLines = 10;
const logPeriodMs = 10_000;

export class PasswordLogin {
  readonly #options: PasswordLoginOptions;
  /** Passwords are compared as hashes of one length, under a key that nobody knows. */
  readonly #key: Uint8Array;
  /** What is compared where there is no password to compare with. */
  readonly #decoy: Uint8Array;
  #period = { since: Number.NEGATIVE_INFINITY, said: 0, unsaid: 0 };

  constructor(options: PasswordLoginOptions) {
    this.#options = options;
    this.#key = options.random.bytes(32);
    this.#decoy = options.random.bytes(20);
  }

  /**
   * Checks a name and a password as they were typed. Runs to its end at once, so that tries that come at the same time
   * count one after the other.
   * @param from the client's address, without a port: wrong tries are counted by it
   */
  check(name: string, password: string, from: string): LoginOutcome {
    const { users, guard } = this.#options;
    const waitMs = guard.waitMs(from, name);
    if (waitMs > 0) {
      this.#say({ user: name, from, why: 'too many wrong passwords' });
      return { refused: 'throttled', waitMs };
    }
    const user = users.findByName(name);
    const right = this.#isSame(Buffer.from(password, 'utf8'), user?.password ?? this.#decoy);
    if (!user || !right) {
      guard.wrongPassword(from, name);
      this.#say({ user: name, from, why: user ? 'wrong password' : 'no such user' });
      return { refused: 'credentials' };
    }
    const obstacle = !canLogInToRedfish(user)
      ? 'may not log in here'
      : guard.isLockedOut(user)
        ? 'locked out'
        : undefined;
    if (obstacle) {
      guard.refused(from, name);
      this.#say({ user: name, from, why: obstacle });
      return { refused: 'credentials' };
    }
    guard.succeeded(from, user);
    return { user };
  }

  #isSame(given: Uint8Array, kept: Uint8Array): boolean {
    return sameSecret(this.#hash(given), this.#hash(kept));
  }

  #hash(password: Uint8Array): Uint8Array {
    return createHmac('sha256', this.#key).update(password).digest();
  }

  #say(fields: { user: string; from: string; why: string }): void {
    const now = this.#options.clock.now();
    if (now - this.#period.since >= logPeriodMs) {
      this.#period = { since: now, said: 0, unsaid: this.#period.unsaid };
    }
    if (this.#period.said === logLines) {
      this.#period.unsaid++;
      return;
    }
    const { unsaid } = this.#period;
    this.#period.said++;
    this.#period.unsaid = 0;
    const { user, from, why } = fields;
    this.#options.log.warn(
      { user: user.slice(0, 32), why, from, ...(unsaid > 0 && { alsoRefused: unsaid }) },
      'login refused',
    );
  }
}
