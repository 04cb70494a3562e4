/**
 * Tickets for WebSockets: a browser cannot put its token into the request that opens one, and an address with a token
 * in it would stay in histories and logs. A ticket is asked for with the token, is worth one connection for one
 * purpose within half a minute, and carries the rights of whoever asked; those are looked at again when it is used, and
 * all the time afterwards.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';

export const ticketLifeMs = 30_000;
/** That wait to be used, of one user: a further one takes the place of the oldest. */
export const maxTicketsOfUser = 16;

export type SocketPurpose = 'serial' | 'screen';

/** What a ticket is worth. */
export interface SocketGrant {
  readonly purpose: SocketPurpose;
  /** May type; looks on otherwise. */
  readonly mayWrite: boolean;
  /** Types from the beginning on, where nobody else does. */
  readonly wantsToWrite: boolean;
  readonly userName: string;
  /** As others are told: `admin (192.0.2.1)`. */
  readonly name: string;
  /** Why it is worth nothing any more; undefined while it is. */
  revoked(): string | undefined;
  /** Told when it may have become worthless. @returns a function that ends the subscription */
  onChange(listener: () => void): () => void;
  /** Keeps the session it came from in use. @returns a function that ends that */
  hold(): () => void;
}

export interface TicketsOptions {
  readonly clock: Clock;
  readonly random: Random;
}

interface Entry {
  readonly grant: SocketGrant;
  readonly expiresAt: number;
}

export class SocketTickets {
  readonly #clock: Clock;
  readonly #random: Random;
  /** By hash, oldest first. */
  readonly #entries = new Map<string, Entry>();

  constructor({ clock, random }: TicketsOptions) {
    this.#clock = clock;
    this.#random = random;
  }

  /** @returns 43 characters */
  issue(grant: SocketGrant): string {
    this.#forgetExpired();
    const own = [...this.#entries].filter(([, each]) => each.grant.userName === grant.userName);
    for (const [hash] of own.slice(0, Math.max(0, own.length + 1 - maxTicketsOfUser)))
      this.#entries.delete(hash);
    const ticket = Buffer.from(this.#random.bytes(32)).toString('base64url');
    this.#entries.set(hashOf(ticket), { grant, expiresAt: this.#clock.now() + ticketLifeMs });
    return ticket;
  }

  /** The ticket is used up, whatever comes of it. @returns undefined when it is worth nothing for this */
  redeem(ticket: string, purpose: SocketPurpose): SocketGrant | undefined {
    this.#forgetExpired();
    const hash = hashOf(ticket);
    const grant = this.#entries.get(hash)?.grant;
    this.#entries.delete(hash);
    return grant?.purpose === purpose && grant.revoked() === undefined ? grant : undefined;
  }

  #forgetExpired(): void {
    const now = this.#clock.now();
    for (const [hash, { expiresAt }] of this.#entries) {
      if (now < expiresAt) return;
      this.#entries.delete(hash);
    }
  }
}

function hashOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('base64');
}
