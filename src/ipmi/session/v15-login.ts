/**
 * Logging in by IPMI 1.5: Get Session Challenge, then Activate Session, authenticated with the password by MD5.
 * Straight passwords, MD2 and no authentication are not there. IPMI 2.0 §22.16, §22.17.
 *
 *   console                                    BMC
 *   Get Session Challenge (name)      ───────▶
 *                                     ◀─────── session ID, challenge
 *   Activate Session, MD5 (challenge) ───────▶ verified by the packet's code
 *                                     ◀─────── first sequence number: the session is there
 */
import { atLeast, lowerOf, type PrivilegeLevel } from '../../bmc/actor.ts';
import type { Bmc } from '../../bmc/bmc.ts';
import { canLogIn, effectiveLimit, nullUserId, type User } from '../../bmc/user.ts';
import { bits8, bytes, decode, type Infer, struct, u32le } from '../../lib/codec.ts';
import { sameSecret } from '../../lib/same-secret.ts';
import { v15AuthCode } from '../crypto/v15-auth-code.ts';
import { CompletionCode, CompletionError } from '../message/completion-code.ts';
import type { IpmiRequest } from '../message/message.ts';
import { NetFn } from '../message/net-fn.ts';
import { levelOf } from '../message/privilege.ts';
import type { RemoteAddress } from './link.ts';
import { V15Challenges } from './v15-challenge.ts';
import { AuthType, type V15Packet } from './v15-packet.ts';

/** Command number of Activate Session. */
export const activateSessionCommand = 0x3a;

export const ActivateSessionRequest = struct({
  authType: bits8(['_reserved', 4], ['number', 4]),
  level: bits8(['_reserved', 4], ['number', 4]),
  challenge: bytes(16),
  firstOutbound: u32le,
});
export type ActivateSessionRequest = Infer<typeof ActivateSessionRequest>;

/** Completion codes of Get Session Challenge. IPMI 2.0 Table 22-20. */
const ChallengeRefusal = { unknownName: 0x81, nullUserOff: 0x82 } as const;

/** Completion codes of Activate Session. IPMI 2.0 Table 22-21. */
export const ActivationRefusal = {
  noSlot: 0x81,
  noSlotForUser: 0x82,
  badSequence: 0x84,
  badSessionId: 0x85,
  levelTooHigh: 0x86,
} as const;

export interface V15Challenge {
  readonly sessionId: number;
  readonly challenge: Uint8Array;
}

/** The session that the console will have. */
export interface V15Activated {
  readonly user: User;
  readonly sessionId: number;
  readonly level: PrivilegeLevel;
  readonly firstOutbound: number;
  /** The authentication type of the packets to come. */
  readonly authType: number;
}

export interface V15LoginOptions {
  readonly bmc: Bmc;
  readonly hideUserNames: boolean;
  /** Random bits that make a session ID, which is asked about by `isFree`. */
  readonly isFree: (sessionId: number) => boolean;
  /** How many more sessions there may be, and of this user. */
  readonly hasRoom: (user?: User) => boolean;
  readonly isLockedOut: (user: User) => boolean;
  /** How long a try for this name has to wait yet. */
  readonly waitMs: (remote: RemoteAddress, name: string) => number;
}

export class V15Login {
  readonly #options: V15LoginOptions;
  readonly #challenges: V15Challenges;

  constructor(options: V15LoginOptions) {
    this.#options = options;
    this.#challenges = new V15Challenges(options.bmc.clock, options.bmc.random);
  }

  /** @throws {CompletionError} as {@link ChallengeRefusal}; C0h for a source that guesses passwords */
  challenge(authType: number, name: string, remote: RemoteAddress): V15Challenge {
    const { bmc, hideUserNames, isLockedOut, waitMs } = this.#options;
    if (authType !== AuthType.md5) {
      throw new CompletionError(CompletionCode.invalidField, `authentication type ${authType}`);
    }
    if (name === '') throw new CompletionError(ChallengeRefusal.nullUserOff, 'there is no null user');
    if (waitMs(remote, name) > 0) {
      throw new CompletionError(CompletionCode.nodeBusy, 'too many wrong passwords');
    }
    const found = bmc.users.findByName(name);
    const user = found && mayUseV15(found) && !isLockedOut(found) ? found : undefined;
    if (!user && !hideUserNames) throw new CompletionError(ChallengeRefusal.unknownName, `no user ${name}`);
    // The null user's challenge is one that nobody can meet.
    const sessionId = this.#freshId(user?.id ?? nullUserId);
    return { sessionId, challenge: this.#challenges.challenge(sessionId, remote) };
  }

  /**
   * Whether a packet with a temporary session ID is an Activate Session by who knows the password. Who has to wait
   * after wrong ones is not looked at.
   * @returns undefined when it is none; otherwise whose it is, and whether the password was right
   * @throws {DecodeError}
   */
  authenticate(
    packet: V15Packet,
    request: IpmiRequest,
    remote: RemoteAddress,
  ): { readonly user: User; readonly right: boolean | 'not looked at' } | undefined {
    if (packet.authType !== AuthType.md5 || packet.sequence !== 0) return undefined;
    if (request.netFn !== NetFn.app || request.cmd !== activateSessionCommand) return undefined;
    const { challenge } = decode(ActivateSessionRequest, request.data, 'Activate Session');
    const { sessionId } = packet;
    const isValid = this.#challenges.isValid(sessionId, challenge, remote);
    const user = isValid ? this.#options.bmc.users.get(this.#challenges.userIdOf(sessionId)) : undefined;
    if (!user) return undefined;
    // Before anything is kept of it: a flood of wrong ones takes no memory.
    if (this.#options.waitMs(remote, user.name) > 0) return { user, right: 'not looked at' };
    const usable = mayUseV15(user) && !this.#options.isLockedOut(user);
    const right = usable && sameSecret(v15AuthCode(user.password, packet), packet.authCode);
    // One try for each challenge: FreeIPMI 1.6 sends the same wrong one several times, which is one guess.
    if (!right) this.#challenges.use(sessionId);
    return { user, right };
  }

  /** @throws {CompletionError} as {@link ActivationRefusal} */
  activate(request: ActivateSessionRequest, user: User, sessionId: number): V15Activated {
    const { bmc, hasRoom } = this.#options;
    const { access } = bmc.lan;
    if (request.authType.number !== AuthType.md5) {
      throw new CompletionError(
        CompletionCode.invalidField,
        `authentication type ${request.authType.number}`,
      );
    }
    const level = levelOf(request.level.number);
    const limit = effectiveLimit(user);
    const reachable =
      level !== undefined &&
      access.mode === 'always' &&
      limit !== undefined &&
      atLeast(lowerOf(limit, access.limit), level) &&
      bmc.lan.configuration.md5Levels.includes(level);
    if (!reachable) {
      throw new CompletionError(ActivationRefusal.levelTooHigh, `level ${request.level.number}`);
    }
    if (request.firstOutbound === 0) throw new CompletionError(ActivationRefusal.badSequence, 'number 0');
    if (!hasRoom()) throw new CompletionError(ActivationRefusal.noSlot, 'no session is free');
    if (!hasRoom(user)) throw new CompletionError(ActivationRefusal.noSlotForUser, 'none for this user');
    this.#challenges.use(sessionId);
    const authType = access.perMessageAuthentication ? AuthType.md5 : AuthType.none;
    return { user, sessionId, level, firstOutbound: request.firstOutbound, authType };
  }

  #freshId(userId: number): number {
    for (;;) {
      const raw = this.#options.bmc.random.bytes(4);
      const seed = new DataView(raw.buffer, raw.byteOffset, 4).getUint32(0, true);
      const id = this.#challenges.sessionIdFor(userId, seed);
      if (id !== 0 && this.#options.isFree(id)) return id;
    }
  }
}

/** A password of 20 bytes does not fit into the authentication code. */
function mayUseV15(user: User): boolean {
  return canLogIn(user) && user.passwordSize === 16;
}
