/**
 * What logins of both protocols have in common: free session IDs, room for one more, wrong passwords and their
 * consequences, the opening of the session. How a login goes is told in handshakes.ts and v15-receiver.ts.
 */
import type { PrivilegeLevel } from '../../bmc/actor.ts';
import type { Bmc } from '../../bmc/bmc.ts';
import type { User } from '../../bmc/user.ts';
import { ByteReader } from '../../lib/bytes.ts';
import type { Random } from '../../lib/random.ts';
import { Channel } from '../commands/command.ts';
import type { HalfOpenTable } from '../session/half-open.ts';
import { type DatagramLink, type RemoteAddress, remoteText } from '../session/link.ts';
import type { Session, SessionOptions } from '../session/session.ts';
import type { Sessions } from '../session/sessions.ts';
import type { Tally } from './tally.ts';

export interface LoginsOptions {
  readonly bmc: Bmc;
  readonly tally: Tally;
  readonly sessions: Sessions;
  readonly halfOpen: HalfOpenTable;
  /** Sees to it that the sessions are looked at before long. */
  readonly armSweep: () => void;
}

export class Logins {
  readonly #bmc: Bmc;
  readonly #tally: Tally;
  readonly #sessions: Sessions;
  readonly #halfOpen: HalfOpenTable;
  readonly #armSweep: () => void;
  /** The same for every session. */
  readonly #channelLimit = () => this.#bmc.lan.access.limit;
  readonly #findUser = (id: number) => this.#bmc.users.get(id);

  constructor({ bmc, tally, sessions, halfOpen, armSweep }: LoginsOptions) {
    this.#bmc = bmc;
    this.#tally = tally;
    this.#sessions = sessions;
    this.#halfOpen = halfOpen;
    this.#armSweep = armSweep;
  }

  freshSessionId(): number {
    for (;;) {
      const id = randomNumber(this.#bmc.random);
      if (this.isFree(id)) return id;
    }
  }

  isFree(sessionId: number): boolean {
    return !this.#sessions.get(sessionId) && !this.#halfOpen.get(sessionId);
  }

  /** Whether one more session may be; with a user, whether one more of his may be. */
  hasRoom(user?: User): boolean {
    if (!this.#sessions.hasRoom || (user && !this.#hasRoomFor(user)))
      this.#sessions.check(this.#bmc.clock.now());
    return this.#sessions.hasRoom && (!user || this.#hasRoomFor(user));
  }

  isLockedOut(user: User): boolean {
    return this.#bmc.loginGuard.isLockedOut(user);
  }

  /** How long a try for this name has to wait yet; 0 when it may go on. */
  waitMs(remote: RemoteAddress, name: string): number {
    return this.#bmc.loginGuard.waitMs(remote.address, name);
  }

  refused(why: string, remote: RemoteAddress, user: string | undefined): void {
    this.#tally.counters.loginsRefused++;
    this.#tally.warn({ user, why, from: remoteText(remote) }, 'login refused');
  }

  wrongPassword(remote: RemoteAddress, name: string): void {
    this.#tally.counters.loginsWrong++;
    this.#tally.warn({ user: name, from: remoteText(remote) }, 'login with a wrong password');
    this.#bmc.loginGuard.wrongPassword(remote.address, name);
  }

  /** The password was right: earlier tries from there, and for this user, are forgotten. */
  succeeded(remote: RemoteAddress, user: User): void {
    this.#bmc.loginGuard.succeeded(remote.address, user);
  }

  /** What a new session is made of, whatever its protocol; takes a handle. @param level the highest asked for */
  sessionOptions(
    id: number,
    user: User,
    level: PrivilegeLevel,
    remote: RemoteAddress,
    link: DatagramLink,
  ): SessionOptions {
    return {
      id,
      user,
      level,
      handle: this.#sessions.freeHandle(),
      channel: Channel.lan,
      channelLimit: this.#channelLimit,
      link,
      remote: { address: remote.address, port: remote.port },
      clock: this.#bmc.clock,
      findUser: this.#findUser,
    };
  }

  /** @param how what the log is to say of it besides */
  begin(session: Session, { cipherSuite, protocol }: { cipherSuite?: number; protocol?: string }): void {
    const { counters } = this.#tally;
    this.#sessions.add(session);
    counters.sessionsOpened++;
    const { log } = this.#bmc;
    const { id: sessionId, userId, actor, establishedAt, remote } = session;
    const { name: user, from } = actor;
    log.info({ sessionId, user, from, cipherSuite, protocol }, 'session opened');
    const over = this.#bmc.openSessions.opened(
      {
        protocol: 'IPMI',
        userId,
        userName: user,
        from: remote.address,
        openedAt: establishedAt,
      },
      () => session.close('ended over another face'),
    );
    session.onClose(() => {
      over();
      counters.sessionsClosed++;
      log.info({ sessionId, user, from, reason: session.closeReason }, 'session closed');
    });
    this.#armSweep();
  }

  #hasRoomFor({ id, sessionLimit }: User): boolean {
    if (sessionLimit === 0) return true;
    return this.#sessions.countOf(id) < sessionLimit;
  }
}

/** 32 random bits, not all of them 0. */
export function randomNumber(random: Random): number {
  for (;;) {
    const number = new ByteReader(random.bytes(4)).u32le();
    if (number !== 0) return number;
  }
}
