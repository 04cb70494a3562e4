/**
 * From Open Session to a verified RAKP 3, as a pure function over data: randomness, time, tables and sockets are
 * the caller's. IPMI 2.0 §13.15 to §13.24.
 *
 *             open                 RAKP 1                 RAKP 3, right code
 *   (nothing) ───▶ opened ───────────────▶ challenged ──────────────────────▶ active
 *                    │ RAKP 1 refused        │  ▲ │ RAKP 3: wrong code, or the console gives up
 *                    │                       └──┘ │
 *                    └──────────▶ closed ◀────────┘   another RAKP 1 starts the challenge anew
 *
 * A message that comes again byte for byte is answered again byte for byte, in whatever phase its first copy left
 * the handshake. A closed one answers nothing else.
 */
import type { PrivilegeLevel } from '../../bmc/actor.ts';
import { atLeast, lowerOf } from '../../bmc/actor.ts';
import { canLogIn, effectiveLimit, type User } from '../../bmc/user.ts';
import { latin1Text } from '../../lib/bytes.ts';
import { sameSecret } from '../../lib/same-secret.ts';
import {
  AuthAlgorithm,
  type CipherSuite,
  ConfidentialityAlgorithm,
  cipherSuites,
  IntegrityAlgorithm,
} from '../crypto/cipher-suites.ts';
import {
  LoginKey,
  type RakpTranscript,
  rakp2Code,
  rakp3Code,
  rakp4CheckValue,
  sessionIntegrityKey,
  sessionKeys,
} from '../crypto/keys.ts';
import { levelOf, PrivilegeNumber } from '../message/privilege.ts';
import {
  type AlgorithmProposal,
  encodeOpenSessionResponse,
  encodeRakp2,
  encodeRakp4,
  encodeRefusal,
  maxUserNameLength,
  type OpenSessionRequest,
  type Rakp1,
  type Rakp3,
  RmcpStatus,
} from './rakp.ts';

/** What the handshake has to know of its BMC. */
export interface HandshakeRules {
  /** On offer, in order of preference. */
  readonly suites: readonly CipherSuite[];
  /** Highest level of a session with this suite; undefined when no session is let in. */
  limitOf(suite: CipherSuite): PrivilegeLevel | undefined;
  /** 16 bytes. */
  readonly guid: Uint8Array;
  /** The BMC key, when two-key login is on. */
  readonly kg: Uint8Array | undefined;
  findUser(name: string): User | undefined;
  /**
   * For names nobody has: a password that nobody knows, the same for the same name. Undefined refuses such names
   * openly, with 0Dh.
   */
  readonly decoyPassword: ((name: Uint8Array) => Uint8Array) | undefined;
}

/** What Open Session has agreed on: the same for the whole handshake. */
export interface Opened {
  readonly suite: CipherSuite;
  readonly remoteConsoleSessionId: number;
  readonly managedSystemSessionId: number;
  /** The level asked for in Open Session, 0 resolved. */
  readonly openLevel: PrivilegeLevel;
}

export interface LoginSecrets {
  /** Of the password. */
  readonly kuid: LoginKey;
  /** Undefined for a made-up challenge, which no code can meet. */
  readonly user: User | undefined;
}

export type HandshakeState =
  | { readonly phase: 'opened'; readonly opened: Opened }
  | {
      readonly phase: 'challenged';
      readonly opened: Opened;
      readonly transcript: RakpTranscript;
      readonly secrets: LoginSecrets;
      /** Highest level of the session to be. */
      readonly level: PrivilegeLevel;
      /** Said only after the right code, where names are hidden. */
      readonly lateRefusal: RmcpStatus | undefined;
    }
  | {
      readonly phase: 'active';
      readonly opened: Opened;
      readonly user: User;
      readonly level: PrivilegeLevel;
      readonly k1: Uint8Array;
      readonly k2: Uint8Array;
    }
  | { readonly phase: 'closed'; readonly opened: Opened; readonly why: HandshakeEnd };

export type ActiveHandshake = Extract<HandshakeState, { phase: 'active' }>;
export type HandshakeEnd = 'refused' | 'wrong-code' | 'given-up' | 'no-room' | 'logged-in';

export type HandshakeEvent =
  /** `rc`: 16 fresh random bytes. */
  | { readonly kind: 'rakp1'; readonly message: Rakp1; readonly rc: Uint8Array }
  /** `hasRoom`: whether one more session may become active. */
  | { readonly kind: 'rakp3'; readonly message: Rakp3; readonly hasRoom: boolean };

export interface HandshakeStep {
  readonly next: HandshakeState;
  /** The payload of RAKP 2 or RAKP 4; undefined says nothing. */
  readonly send: Uint8Array | undefined;
}

/**
 * Answers Open Session.
 * @param managedSystemSessionId fresh, random, not 0
 * @returns a refusal without `next`
 */
export function openSession(
  request: OpenSessionRequest,
  managedSystemSessionId: number,
  rules: HandshakeRules,
): { readonly next: HandshakeState | undefined; readonly send: Uint8Array } {
  const { tag, remoteConsoleSessionId } = request;
  const refuse = (status: RmcpStatus) => ({
    next: undefined,
    send: encodeRefusal({ tag, status, remoteConsoleSessionId }),
  });
  if (remoteConsoleSessionId === 0) return refuse(RmcpStatus.invalidSessionId);
  const suite = matchSuite(request.algorithms, rules.suites);
  if (typeof suite === 'number') return refuse(suite);
  const limit = rules.limitOf(suite);
  if (limit === undefined) return refuse(RmcpStatus.unauthorizedRole);
  const openLevel = requestedLevel(request.privilegeLevel, limit);
  if (typeof openLevel === 'number') return refuse(openLevel);
  const opened = { suite, remoteConsoleSessionId, managedSystemSessionId, openLevel };
  return { next: { phase: 'opened', opened }, send: openSessionResponse(tag, opened) };
}

/** The answer to the request of this tag, the same each time. */
export function openSessionResponse(tag: number, opened: Opened): Uint8Array {
  const { suite, remoteConsoleSessionId, managedSystemSessionId, openLevel } = opened;
  return encodeOpenSessionResponse({
    tag,
    privilegeLevel: PrivilegeNumber[openLevel],
    remoteConsoleSessionId,
    managedSystemSessionId,
    algorithms: {
      auth: AuthAlgorithm[suite.auth],
      integrity: IntegrityAlgorithm[suite.integrity],
      confidentiality: ConfidentialityAlgorithm[suite.confidentiality],
    },
  });
}

export function step(state: HandshakeState, event: HandshakeEvent, rules: HandshakeRules): HandshakeStep {
  if (state.phase === 'closed' || state.phase === 'active') return { next: state, send: undefined };
  if (event.kind === 'rakp1') return challenge(state.opened, event.message, event.rc, rules);
  if (state.phase === 'challenged') return verify(state, event.message, event.hasRoom, rules);
  return { next: state, send: undefined };
}

function challenge(opened: Opened, rakp1: Rakp1, rc: Uint8Array, rules: HandshakeRules): HandshakeStep {
  const { suite, remoteConsoleSessionId, managedSystemSessionId, openLevel } = opened;
  const { tag, role, userName, nameLength, rm } = rakp1;
  const refuse = (status: RmcpStatus): HandshakeStep => ({
    next: { phase: 'closed', opened, why: 'refused' },
    send: encodeRefusal({ tag, status, remoteConsoleSessionId }),
  });
  if (nameLength > maxUserNameLength) return refuse(RmcpStatus.invalidNameLength);
  const asked = requestedLevel(role & 0x0f, openLevel);
  if (typeof asked === 'number') return refuse(asked);

  const found = rules.findUser(latin1Text(userName));
  const user = found && canLogIn(found) ? found : undefined;
  const userLimit = user && effectiveLimit(user);
  const password = user ? user.password : rules.decoyPassword?.(userName);
  if (!password) return refuse(RmcpStatus.unauthorizedName);
  // The level 0 means the user's highest one. Whichever way the name is looked up (role bit 4), the user found
  // has to reach the level: demanding equality would keep the higher ones out.
  const level = (role & 0x0f) === 0 && userLimit ? lowerOf(asked, userLimit) : asked;
  const tooHigh = user !== undefined && (userLimit === undefined || !atLeast(userLimit, level));
  // 09h and no other: pyghmi tries again as Operator after it.
  if (tooHigh && !rules.decoyPassword) return refuse(RmcpStatus.invalidRole);

  const transcript: RakpTranscript = {
    remoteConsoleSessionId,
    managedSystemSessionId,
    rm,
    rc,
    guid: rules.guid,
    role,
    userName,
  };
  const kuid = new LoginKey(suite.auth, password);
  const code = rakp2Code(kuid, transcript);
  return {
    next: {
      phase: 'challenged',
      opened,
      transcript,
      secrets: { kuid, user },
      level,
      lateRefusal: tooHigh ? RmcpStatus.invalidRole : undefined,
    },
    send: encodeRakp2({ tag, remoteConsoleSessionId, rc, guid: rules.guid, code }),
  };
}

function verify(
  state: Extract<HandshakeState, { phase: 'challenged' }>,
  rakp3: Rakp3,
  hasRoom: boolean,
  rules: HandshakeRules,
): HandshakeStep {
  const { opened, transcript, secrets } = state;
  const { suite, remoteConsoleSessionId } = opened;
  const close = (why: HandshakeEnd, status?: RmcpStatus): HandshakeStep => ({
    next: { phase: 'closed', opened, why },
    send:
      status === undefined ? undefined : encodeRefusal({ tag: rakp3.tag, status, remoteConsoleSessionId }),
  });
  if (rakp3.status !== RmcpStatus.ok) return close('given-up');
  const expected = rakp3Code(secrets.kuid, transcript);
  const right = sameSecret(expected, rakp3.code);
  if (!right || !secrets.user) return close('wrong-code', RmcpStatus.invalidIntegrityCheck);
  if (state.lateRefusal !== undefined) return close('refused', state.lateRefusal);
  if (!hasRoom) return close('no-room', RmcpStatus.insufficientResources);

  const { kg } = rules;
  const kgKey = kg ? new LoginKey(suite.auth, kg) : secrets.kuid;
  const sik = new LoginKey(suite.auth, sessionIntegrityKey(kgKey, transcript));
  const checkValue = rakp4CheckValue(sik, transcript);
  const { k1, k2 } = sessionKeys(sik);
  return {
    next: { phase: 'active', opened, user: secrets.user, level: state.level, k1, k2 },
    send: encodeRakp4({ tag: rakp3.tag, remoteConsoleSessionId, checkValue }),
  };
}

/** @returns the level of a number in a request, at most `limit`; or why not */
function requestedLevel(number: number, limit: PrivilegeLevel): PrivilegeLevel | RmcpStatus {
  if (number === 0) return limit;
  const level = levelOf(number);
  if (level) return atLeast(limit, level) ? level : RmcpStatus.unauthorizedRole;
  return number === PrivilegeNumber.oem ? RmcpStatus.unauthorizedRole : RmcpStatus.invalidRole;
}

/**
 * @returns the first suite on offer that the proposal allows; or what is wrong with the proposal: an algorithm that
 *   is none of ours whatever is configured, or else that no suite fits, on which Ironic tries its next one
 */
function matchSuite(proposal: AlgorithmProposal, suites: readonly CipherSuite[]): CipherSuite | RmcpStatus {
  const allows = (asked: number | undefined, offered: number) => asked === undefined || asked === offered;
  const auth = (suite: CipherSuite) => allows(proposal.auth, AuthAlgorithm[suite.auth]);
  const integrity = (suite: CipherSuite) => allows(proposal.integrity, IntegrityAlgorithm[suite.integrity]);
  const confidentiality = (suite: CipherSuite) =>
    allows(proposal.confidentiality, ConfidentialityAlgorithm[suite.confidentiality]);
  const match = suites.find((suite) => auth(suite) && integrity(suite) && confidentiality(suite));
  if (match) return match;
  if (!cipherSuites.some(auth)) return RmcpStatus.invalidAuthAlgorithm;
  if (!cipherSuites.some(integrity)) return RmcpStatus.invalidIntegrityAlgorithm;
  if (!cipherSuites.some(confidentiality)) return RmcpStatus.invalidConfidentialityAlgorithm;
  return RmcpStatus.noCipherSuiteMatch;
}
