/**
 * How many challenges (RAKP 2) may be given out that nobody meets. A RAKP 2 holds a hash over the user's password, which
 * whoever has it can try passwords against, so they are not given away: 10 a second to each source, 100 a second in
 * all. A right RAKP 3 gives back what its challenge took, so that who knows passwords is not limited; and a source with
 * nothing on its account is served whatever the others do.
 */
import type { Clock } from '../../lib/clock.ts';

export const challengesPerSource = 10;
export const challengesInAll = 100;
const mostSources = 8192;

interface Account {
  left: number;
  at: number;
}

export class ChallengeBudget {
  readonly #clock: Clock;
  readonly #all: Account;
  /** Those with something on their account, by address. */
  readonly #sources = new Map<string, Account>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#all = { left: challengesInAll, at: clock.now() };
  }

  /** @returns false when there is none for this source now */
  take(source: string): boolean {
    const now = this.#clock.now();
    const all = refill(this.#all, challengesInAll, now);
    const known = this.#sources.get(source);
    const account = known && refill(known, challengesPerSource, now);
    const clean = !account || account.left >= challengesPerSource;
    if (!clean && (account.left < 1 || all.left < 1)) return false;
    all.left = Math.max(0, all.left - 1);
    this.#sources.delete(source);
    this.#sources.set(source, { left: (clean ? challengesPerSource : account.left) - 1, at: now });
    if (this.#sources.size > mostSources) this.#forget(now);
    return true;
  }

  /** A challenge of this source has been met, or was none in the end. */
  giveBack(source: string): void {
    const account = this.#sources.get(source);
    if (!account) return;
    account.left = Math.min(challengesPerSource, account.left + 1);
    if (account.left === challengesPerSource) this.#sources.delete(source);
    this.#all.left = Math.min(challengesInAll, this.#all.left + 1);
  }

  /** Those whose account is even again; the one that was served longest ago if there is none. */
  #forget(now: number): void {
    for (const [source, account] of this.#sources) {
      if (refill(account, challengesPerSource, now).left < challengesPerSource) break;
      this.#sources.delete(source);
    }
    if (this.#sources.size <= mostSources) return;
    for (const oldest of this.#sources.keys()) {
      this.#sources.delete(oldest);
      return;
    }
  }
}

/** As many as there may be come in a second. */
function refill(account: Account, most: number, now: number): Account {
  account.left = Math.min(most, account.left + ((now - account.at) / 1000) * most);
  account.at = now;
  return account;
}
