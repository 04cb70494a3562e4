/**
 * The challenges of IPMI 1.5 logins, without a table: Get Session Challenge gives out a temporary session ID in
 * which the user's slot is hidden, and a challenge that is a keyed hash of it, so that a flood of requests costs
 * no memory. A challenge is good for one login, from the address it was given to, for {@link challengeLifetimeMs}
 * or a little longer. IPMI 2.0 §22.16.
 */
import { createHmac } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import { sameSecret } from '../../lib/same-secret.ts';
import type { RemoteAddress } from './link.ts';

export const challengeLifetimeMs = 10_000;
const challengeBytes = 16;
/** The ID holds a slot number of 4 bits below random bits. */
const slotBits = 0x0f;
const firstSlot = 1;

export class V15Challenges {
  readonly #clock: Clock;
  readonly #secret: Uint8Array;
  /** Session IDs that have been logged in with, and when. */
  readonly #used = new Map<number, number>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#secret = random.bytes(32);
  }

  /**
   * @param seed 32 random bits
   * @returns a session ID that leads back to the user; 0, which cannot be one, for unlucky bits
   */
  sessionIdFor(userId: number, seed: number): number {
    const random = (seed & ~slotBits) >>> 0;
    return (random | ((userId - firstSlot) ^ this.#mask(random))) >>> 0;
  }

  userIdOf(sessionId: number): number {
    const random = (sessionId & ~slotBits) >>> 0;
    return ((sessionId & slotBits) ^ this.#mask(random)) + firstSlot;
  }

  /** 16 bytes that `remote` has to send back. */
  challenge(sessionId: number, remote: RemoteAddress): Uint8Array {
    return this.#challenge(sessionId, remote, this.#period());
  }

  /** Whether the challenge is the one given out, in time, and has not been logged in with. */
  isValid(sessionId: number, challenge: Uint8Array, remote: RemoteAddress): boolean {
    if (this.#used.has(sessionId)) return false;
    const period = this.#period();
    return [period, period - 1].some((p) => sameSecret(this.#challenge(sessionId, remote, p), challenge));
  }

  /** No second login with this ID. */
  use(sessionId: number): void {
    const now = this.#clock.now();
    for (const [id, at] of this.#used) {
      if (now - at < 2 * challengeLifetimeMs) break;
      this.#used.delete(id);
    }
    this.#used.set(sessionId, now);
  }

  #mask(random: number): number {
    return (createHmac('sha256', this.#secret).update(`slot ${random}`).digest()[0] as number) & slotBits;
  }

  #challenge(sessionId: number, { address, port }: RemoteAddress, period: number): Uint8Array {
    return createHmac('sha256', this.#secret)
      .update(`challenge ${sessionId} ${period} ${port} ${address}`)
      .digest()
      .subarray(0, challengeBytes);
  }

  #period(): number {
    return Math.floor(this.#clock.now() / challengeLifetimeMs);
  }
}
