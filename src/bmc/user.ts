/** One user: what it may do, by which face it can log in, and what its name and password must be like. IPMI 2.0 §22.26 */
import { sameSecret } from '../lib/same-secret.ts';
import { lowerOf, type PrivilegeLevel } from './actor.ts';

export const maxUsers = 16;
/** The null user: its name is empty for good and it can never log in. */
export const nullUserId = 1;
export const maxNameBytes = 16;
export const maxPasswordBytes = 20;

/** `no-access`: may not log in whatever the level. */
export type UserLimit = PrivilegeLevel | 'no-access';

export interface User {
  /** 1 to 16; 1 is the null user. */
  readonly id: number;
  /** Empty for a slot that is free. */
  readonly name: string;
  /** Up to 20 bytes, without the NULs that fill it up. Empty: none, and no login. Never logged. */
  readonly password: Uint8Array;
  /** The form it was set in. One of 20 bytes does not work in IPMI 1.5 sessions. */
  readonly passwordSize: PasswordSize;
  readonly enabled: boolean;
  /** The highest level this user can work at. */
  readonly limit: UserLimit;
  /** May open Serial-over-LAN. IPMI 2.0 §24.6 */
  readonly sol: boolean;
  /** May log in to send IPMI messages. */
  readonly messaging: boolean;
  /** May log in to Redfish and what works through it. */
  readonly redfish: boolean;
  /** For serial lines with PPP, which this BMC has not: kept and told. */
  readonly linkAuthentication: boolean;
  /** Works at the Callback level at most. */
  readonly callbackOnly: boolean;
  /** How many sessions at once; 0 for as many as there are. */
  readonly sessionLimit: number;
  /** May do nothing but choose another password; any new password ends this. */
  readonly passwordChangeRequired: boolean;
  /** When the password expires, in milliseconds since 1970; null for never. Of this password: the next has its own. */
  readonly passwordExpiresAt: number | null;
}

export type PasswordSize = 16 | 20;

/** A user as lists show it that hold no secret. */
export type ListedUser = Omit<User, 'password' | 'passwordSize'>;

export type UserChange = Partial<Omit<User, 'id'>>;

/** Whether this user can log in to IPMI at all. There nobody can be asked for another password. */
export function canLogIn(user: User): boolean {
  return (
    !user.passwordChangeRequired &&
    user.enabled &&
    user.messaging &&
    user.name !== '' &&
    user.password.length > 0
  );
}

/** Whether this user can log in to Redfish at all. There nothing is open to the Callback level. */
export function canLogInToRedfish(user: User): boolean {
  const limit = effectiveLimit(user);
  const allowed = user.enabled && user.redfish && limit !== undefined && limit !== 'callback';
  return allowed && user.name !== '' && user.password.length > 0;
}

/** The level above which this user gets nothing; undefined for no level at all. */
export function effectiveLimit({ limit, callbackOnly }: User): PrivilegeLevel | undefined {
  if (limit === 'no-access') return undefined;
  return callbackOnly ? lowerOf(limit, 'callback') : limit;
}

/** Whether this user can log in to Redfish as administrator. */
export function isAdministrator(user: User): boolean {
  return canLogInToRedfish(user) && effectiveLimit(user) === 'administrator';
}

/** Milliseconds since 1970, as far as dates reach. */
export function isTime(value: unknown): value is number {
  return Number.isInteger(value) && !Number.isNaN(new Date(Number(value)).getTime());
}

/** @param now in milliseconds since 1970 */
export function hasExpired({ passwordExpiresAt: at }: User, now: number): boolean {
  return at !== null && at <= now;
}

/** A slot that nobody has. */
export function emptySlot(id: number): User {
  return {
    id,
    name: '',
    password: new Uint8Array(),
    passwordSize: 16,
    enabled: false,
    limit: 'no-access',
    sol: false,
    // On, since clients that set up a user (ipmitool 1.8.19 `user set name`, `priv`, `enable`) never turn it on.
    messaging: id !== nullUserId,
    redfish: id !== nullUserId,
    linkAuthentication: false,
    callbackOnly: false,
    sessionLimit: 0,
    passwordChangeRequired: false,
    passwordExpiresAt: null,
  };
}

/** What of a slot is different, in words; never values. */
export function differences(before: User, after: User): string[] {
  const words: [keyof User, string][] = [
    ['name', 'name'],
    ['password', 'password'],
    ['passwordSize', 'password size'],
    ['enabled', after.enabled ? 'enabled state (now on)' : 'enabled state (now off)'],
    ['limit', `privilege limit (now ${after.limit})`],
    ['sol', after.sol ? 'Serial-over-LAN right (now on)' : 'Serial-over-LAN right (now off)'],
    ['messaging', after.messaging ? 'IPMI messaging (now on)' : 'IPMI messaging (now off)'],
    ['redfish', after.redfish ? 'Redfish access (now on)' : 'Redfish access (now off)'],
    ['linkAuthentication', 'link authentication'],
    ['callbackOnly', 'restriction to Callback'],
    ['sessionLimit', 'session limit'],
    [
      'passwordChangeRequired',
      after.passwordChangeRequired
        ? 'password change (now required)'
        : 'password change (no longer required)',
    ],
    [
      'passwordExpiresAt',
      after.passwordExpiresAt === null
        ? 'expiry of the password (now never)'
        : `expiry of the password (now ${new Date(after.passwordExpiresAt).toISOString()})`,
    ],
  ];
  return words
    .filter(([key]) =>
      key === 'password' ? !sameSecret(before.password, after.password) : before[key] !== after[key],
    )
    .map(([, word]) => word);
}

/**
 * The rule for names that are given from now on, whichever face gives them. A colon is visible too, but ends the name in
 * Basic authentication (RFC 7617 §2), which every user may use to whom Redfish is open. IPMI, whose new users all have
 * that right and which cannot take it away, is no exception.
 * @returns what is wrong with a name, in words
 */
export function nameProblem(name: string): string | undefined {
  const length = Buffer.byteLength(name, 'utf8');
  if (length === 0 || length > maxNameBytes) return `a name has 1 to ${maxNameBytes} bytes, not ${length}`;
  if (!/^[\x21-\x7e]+$/.test(name)) return 'a name has visible ASCII characters only';
  if (name.includes(':')) return 'a name has no colon, which ends it in HTTP’s Basic authentication';
  return undefined;
}

/** @returns what is wrong with a password, in words; its bytes never */
export function passwordProblem(password: Uint8Array, least = 1): string | undefined {
  const { length } = password;
  if (length < least || length > maxPasswordBytes) {
    return `a password has ${least} to ${maxPasswordBytes} bytes, not ${length}`;
  }
  return password.includes(0) ? 'a password holds no NUL' : undefined;
}
