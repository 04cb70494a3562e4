/**
 * Locks users out whose passwords are guessed at, by the policy in the LAN settings, which is off at first. The
 * throttle (throttle.ts) slows guessing down whatever the policy. IPMI 2.0 Table 23-4, parameter 26.
 */
import type { Bmc } from '../../bmc/bmc.ts';
import type { User } from '../../bmc/users.ts';

const policyActor = { name: 'bad password policy', face: 'bmc' } as const;

interface Record {
  wrong: number;
  lastWrong: number;
  lockedUntil: number;
}

export class BadPasswords {
  readonly #bmc: Bmc;
  readonly #records = new Map<number, Record>();

  constructor(bmc: Bmc) {
    this.#bmc = bmc;
  }

  isLockedOut(user: User): boolean {
    const record = this.#records.get(user.id);
    return record !== undefined && this.#bmc.clock.now() < record.lockedUntil;
  }

  failed(user: User): void {
    const { clock, events, lan, users } = this.#bmc;
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
    else record.lockedUntil = now + lockoutS * 1000;
  }

  succeeded(user: User): void {
    this.#records.delete(user.id);
  }
}
