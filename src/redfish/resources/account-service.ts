/**
 * Accounts and roles: the core's users, the same that log in to IPMI, and the policy against guessing, the same that
 * IPMI calls bad password threshold (LAN parameter 26). DSP0268: AccountService, ManagerAccount, Role.
 */
import { Type } from 'typebox';
import type { Bmc } from '../../bmc/bmc.ts';
import { BmcError } from '../../bmc/errors.ts';
import type { BadPasswordPolicy } from '../../bmc/lan-settings.ts';
import {
  maxNameBytes,
  maxPasswordBytes,
  maxUsers,
  nameProblem,
  type User,
  type UserChange,
} from '../../bmc/user.ts';
import { passwordDaysLimits } from '../../bmc/users.ts';
import type { Context } from '../context.ts';
import { always, collection, create, type Resource, resource, type Target } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import { about, inWords, message } from '../messages.ts';
import { together } from '../patch.ts';
import { link, root } from '../paths.ts';
import { type RoleId, roleIds, roleOf, roles } from '../roles.ts';
import { basicAuthStates } from '../settings.ts';
import { dateTime, timeOf } from './manager.ts';

const accountsUri = `${root}/AccountService/Accounts`;
const rolesUri = `${root}/AccountService/Roles`;
/** IPMI counts times in tens of seconds, in 16 bits. IPMI 2.0 Table 23-4, parameter 26. */
const stepS = 10;
const longestS = 655_350;

const accountService = resource({
  path: '/redfish/v1/AccountService',
  type: '#AccountService.v1_18_1.AccountService',
  privileges: { get: ['Login'], patch: ['ConfigureUsers'] },
  find: always,
  read: (_, { bmc, state }) => {
    const { threshold, forgetAfterS, lockoutS } = bmc.lan.configuration.badPasswords;
    return {
      Id: 'AccountService',
      Name: 'Accounts of the BMC',
      ServiceEnabled: true,
      Status: { State: 'Enabled', Health: 'OK' },
      MinPasswordLength: bmc.users.minPasswordBytes,
      MaxPasswordLength: maxPasswordBytes,
      PasswordExpirationDays: bmc.users.passwordDays ?? null,
      PasswordGuidanceMessage: passwordRule(bmc),
      AccountLockoutThreshold: threshold,
      // IPMI's 0, until an administrator enables the account again, is no time that Redfish has a number for.
      AccountLockoutDuration: lockoutS === 0 ? null : lockoutS,
      AccountLockoutCounterResetAfter: forgetAfterS,
      AccountLockoutCounterResetEnabled: forgetAfterS > 0,
      HTTPBasicAuth: state.settings.httpBasicAuth,
      LocalAccountAuth: 'Enabled',
      SupportedAccountTypes: [...accountTypes],
      Accounts: link(accountsUri),
      Roles: link(rolesUri),
      PrivilegeMap: link(`${root}/AccountService/PrivilegeMap`),
    };
  },
  patch: together(
    Type.Object({
      AccountLockoutThreshold: Type.Integer({ minimum: 0, maximum: 255 }),
      AccountLockoutDuration: Type.Union([Type.Integer({ minimum: stepS, maximum: longestS }), Type.Null()]),
      AccountLockoutCounterResetAfter: Type.Integer({ minimum: 0, maximum: longestS }),
      AccountLockoutCounterResetEnabled: Type.Boolean(),
      HTTPBasicAuth: Type.Enum([...basicAuthStates]),
      PasswordExpirationDays: Type.Union([
        Type.Integer({ minimum: passwordDaysLimits[0], maximum: passwordDaysLimits[1] }),
        Type.Null(),
      ]),
    }),
    ({ HTTPBasicAuth: basicAuth, PasswordExpirationDays: days, ...lockout }, _, { bmc, state, actor }) => {
      const badPasswords = lockoutPolicy(lockout, bmc.lan.configuration.badPasswords);
      bmc.lan.update({ badPasswords }, actor);
      if (days !== undefined) bmc.users.setPasswordDays(days ?? undefined, actor);
      if (basicAuth !== undefined) state.settings.setHttpBasicAuth(basicAuth, actor);
    },
  ),
});

interface LockoutChange {
  readonly AccountLockoutThreshold?: number;
  readonly AccountLockoutDuration?: number | null;
  readonly AccountLockoutCounterResetAfter?: number;
  readonly AccountLockoutCounterResetEnabled?: boolean;
}

/**
 * The policy after a change. Without a reset of the counter a lock-out lasts until an administrator ends it, as the
 * schema has it; a reset that is enabled without a time of its own comes after the time of the lock-out.
 */
function lockoutPolicy(
  {
    AccountLockoutThreshold: threshold,
    AccountLockoutDuration: duration,
    AccountLockoutCounterResetAfter: resetAfter,
    AccountLockoutCounterResetEnabled: resetEnabled,
  }: LockoutChange,
  before: BadPasswordPolicy,
): BadPasswordPolicy {
  checkStep('AccountLockoutDuration', duration);
  checkStep('AccountLockoutCounterResetAfter', resetAfter);
  if (resetEnabled === false && (duration || resetAfter)) {
    throw conflict('AccountLockoutCounterResetEnabled', duration ? 'AccountLockoutDuration' : resetAfterName);
  }
  const never = resetEnabled === false;
  const lockoutS = never ? 0 : duration === undefined ? before.lockoutS : (duration ?? 0);
  let forgetAfterS = never ? 0 : (resetAfter ?? before.forgetAfterS);
  if (resetEnabled === true && forgetAfterS === 0) {
    if (lockoutS === 0 || resetAfter === 0)
      throw conflict('AccountLockoutCounterResetEnabled', resetAfterName);
    forgetAfterS = lockoutS;
  }
  const changesTimes = duration !== undefined || resetAfter !== undefined;
  if (changesTimes && lockoutS > 0 && forgetAfterS > lockoutS) {
    throw conflict(
      resetAfter === undefined ? 'AccountLockoutDuration' : resetAfterName,
      resetAfter === undefined ? resetAfterName : 'AccountLockoutDuration',
    );
  }
  return { ...before, threshold: threshold ?? before.threshold, lockoutS, forgetAfterS };
}

const resetAfterName = 'AccountLockoutCounterResetAfter';

function conflict(name: string, other: string): RedfishError {
  return new RedfishError(about(`#/${name}`, message('PropertyValueConflict', name, other)));
}

function checkStep(name: string, seconds: number | null | undefined): void {
  if (seconds === undefined || seconds === null || seconds % stepS === 0) return;
  throw new RedfishError(
    about(
      `#/${name}`,
      inWords(
        `${name} is kept in steps of ${stepS} seconds, as IPMI counts it: ${seconds} is none.`,
        message('PropertyValueIncorrect', name, String(seconds)),
      ),
    ),
  );
}

/** Where an account can be used. `HostConsole`: Serial-over-LAN. */
const accountTypes = ['Redfish', 'IPMI', 'HostConsole'] as const;
type AccountType = (typeof accountTypes)[number];

const nameSchema = Type.String({ minLength: 1, maxLength: maxNameBytes });
const roleSchema = Type.Enum([...roleIds]);
const expirationSchema = Type.Union([Type.String(), Type.Null()]);
const accountTypesSchema = Type.Array(Type.Enum([...accountTypes]), { minItems: 1, maxItems: 8 });

const accounts = collection({
  path: '/redfish/v1/AccountService/Accounts',
  type: '#ManagerAccountCollection.ManagerAccountCollection',
  name: 'Accounts',
  privileges: { get: ['Login'], post: ['ConfigureUsers'] },
  find: always,
  members: (_, { bmc }) => bmc.users.list().map(({ id }) => `${accountsUri}/${id}`),
  create: create({
    schema: Type.Object({
      UserName: nameSchema,
      Password: Type.String(),
      RoleId: roleSchema,
      Enabled: Type.Optional(Type.Boolean()),
      AccountTypes: Type.Optional(accountTypesSchema),
      PasswordChangeRequired: Type.Optional(Type.Boolean()),
      PasswordExpiration: Type.Optional(expirationSchema),
    }),
    run({ UserName: name, Password: password, RoleId: roleId, ...others }, _, { bmc, actor }) {
      const { users } = bmc;
      const free = freeSlot((id) => users.get(id));
      const change: UserChange = {
        ...nameChange(name, free, bmc),
        ...passwordChange(password, bmc),
        ...limitChange(roleId),
        ...typesChange(others.AccountTypes ?? accountTypes),
        enabled: others.Enabled ?? true,
        passwordChangeRequired: others.PasswordChangeRequired ?? false,
        ...expirationChange(others.PasswordExpiration),
      };
      if (free === undefined) throw new RedfishError(message('CreateLimitReachedForResource'));
      users.update(free, change, actor);
      const uri = `${accountsUri}/${free}`;
      return {
        status: 201,
        headers: { location: uri },
        body: { '@odata.id': uri, '@odata.type': accountType, ...accountBody(users.get(free), bmc) },
      };
    },
  }),
});

const accountType = '#ManagerAccount.v1_14_1.ManagerAccount';

const account = resource({
  path: '/redfish/v1/AccountService/Accounts/:accountId',
  type: accountType,
  privileges: {
    get: ['ConfigureManager', 'ConfigureUsers', 'ConfigureSelf'],
    patch: ['ConfigureUsers', 'ConfigureSelf'],
    delete: ['ConfigureUsers'],
  },
  find: findAccount,
  isSelf: ({ found }, { user }) => found.id === user?.id,
  selfProperties: ['Password'],
  beforePasswordChange: true,
  read: ({ found }, { bmc }) => accountBody(found, bmc),
  patch: together(
    Type.Object({
      UserName: nameSchema,
      Password: Type.String(),
      RoleId: roleSchema,
      Enabled: Type.Boolean(),
      /** Wrong passwords alone lock an account; administrators end that. */
      Locked: Type.Literal(false),
      AccountTypes: accountTypesSchema,
      PasswordChangeRequired: Type.Boolean(),
      PasswordExpiration: expirationSchema,
    }),
    (
      { UserName: name, Password: password, RoleId: roleId, Enabled: enabled, ...others },
      { found }: Target<unknown, User>,
      { bmc, state, sessionId, actor },
    ) => {
      const { AccountTypes: types, PasswordChangeRequired: passwordChangeRequired } = others;
      const change: UserChange = {
        ...(name !== undefined && nameChange(name, found.id, bmc)),
        ...(password !== undefined && passwordChange(password, bmc)),
        ...(roleId !== undefined && limitChange(roleId)),
        ...(types !== undefined && typesChange(types)),
        ...(enabled !== undefined && { enabled }),
        ...(passwordChangeRequired !== undefined && { passwordChangeRequired }),
        ...expirationChange(others.PasswordExpiration),
      };
      refuseExpired(found, change, bmc);
      refuseLockOut(found, change, bmc);
      state.sessions.duringChangeBy(sessionId, () => bmc.users.update(found.id, change, actor));
      if (others.Locked === false) bmc.loginGuard.unlock(found);
    },
  ),
  remove({ found }, { bmc, actor }) {
    refuseLockOut(found, { name: '' }, bmc);
    bmc.users.update(found.id, { name: '' }, actor);
    return undefined;
  },
});

function findAccount({ accountId }: { accountId: string }, { bmc }: Context): User | undefined {
  if (!/^[1-9]\d?$/.test(accountId)) return undefined;
  const user = bmc.users.get(Number(accountId));
  return user?.name ? user : undefined;
}

function accountBody(user: User | undefined, { loginGuard }: Bmc) {
  if (!user) throw new BmcError('not-found', 'the account has gone');
  const roleId = roleOf(user);
  return {
    Id: String(user.id),
    Name: `Account of ${user.name}`,
    UserName: user.name,
    Password: null,
    PasswordChangeRequired: user.passwordChangeRequired,
    PasswordExpiration: user.passwordExpiresAt === null ? null : dateTime(user.passwordExpiresAt),
    Enabled: user.enabled,
    Locked: loginGuard.isLockedOut(user),
    RoleId: roleId,
    AccountTypes: accountTypes.filter((type) => user[rightOf[type]]),
    Links: { Role: link(`${rolesUri}/${roleId}`) },
  };
}

const rightOf = {
  Redfish: 'redfish',
  IPMI: 'messaging',
  HostConsole: 'sol',
} as const satisfies Record<AccountType, keyof User>;

function typesChange(types: readonly AccountType[]): UserChange {
  return Object.fromEntries(accountTypes.map((type) => [rightOf[type], types.includes(type)]));
}

/** @param id of the slot the name is for @throws {RedfishError} for a name that is none, or taken */
function nameChange(name: string, id: number | undefined, { users }: Bmc): UserChange {
  if (name !== users.get(id ?? 0)?.name && nameProblem(name) !== undefined) {
    throw new RedfishError(
      about(
        '#/UserName',
        inWords(
          `A user name has 1 to ${maxNameBytes} visible ASCII characters as IPMI wants it, no blanks, and no colon, which ends it in Basic authentication.`,
          message('PropertyValueFormatError', name, 'UserName'),
        ),
      ),
    );
  }
  const other = users.findByName(name);
  if (other && other.id !== id) {
    throw new RedfishError(
      about('#/UserName', message('ResourceAlreadyExists', 'ManagerAccount', 'UserName', name)),
    );
  }
  return { name };
}

function limitChange(roleId: RoleId): UserChange {
  return { limit: roles[roleId].limit, callbackOnly: false };
}

function passwordRule({ users }: Bmc): string {
  return `A password has ${users.minPasswordBytes} to ${maxPasswordBytes} bytes of UTF-8; the limit is IPMI's.`;
}

/** @throws {RedfishError} for a password of another length, or that holds a NUL or half a character */
function passwordChange(text: string, bmc: Bmc): UserChange {
  const password = Buffer.from(text, 'utf8');
  if (password.length < bmc.users.minPasswordBytes || password.length > maxPasswordBytes) {
    const told = inWords(
      `${passwordRule(bmc)} This one has ${password.length}.`,
      message('PasswordIncorrectLength'),
    );
    throw new RedfishError(about('#/Password', told));
  }
  if (/[\0\p{Surrogate}]/u.test(text)) {
    const told = inWords(
      'A password holds no NUL, and characters of Unicode only.',
      message('PropertyValueError', 'Password'),
    );
    throw new RedfishError(about('#/Password', told));
  }
  return { password, passwordSize: password.length > 16 ? 20 : 16 };
}

/** @param text RFC 3339; null for never @throws {RedfishError} for what is no such time */
function expirationChange(text: string | null | undefined): UserChange {
  if (text === undefined) return {};
  return { passwordExpiresAt: text === null ? null : timeOf(text, 'PasswordExpiration') };
}

/** What has expired stays so until there is another password, or another time. */
function refuseExpired({ passwordExpiresAt: before }: User, change: UserChange, { clock }: Bmc): void {
  const { passwordExpiresAt: at = before, password, passwordChangeRequired: required } = change;
  if (required !== false || password !== undefined || at === null || at > clock.wallTime()) return;
  throw new RedfishError(
    about(
      '#/PasswordChangeRequired',
      message('PropertyValueConflict', 'PasswordChangeRequired', 'PasswordExpiration'),
    ),
  );
}

/** The last administrator stays: there would be no way back but the system interface of the machine. */
function refuseLockOut({ id, name }: User, change: UserChange, { users }: Bmc): void {
  if (!users.wouldLockOut(id, change)) return;
  throw new RedfishError(
    inWords(
      `${name} is the last account that can log in as Administrator. Make another one first.`,
      message('ResourceInUse'),
    ),
  );
}

/** The first slot without a name, of those that can have one. */
function freeSlot(get: (id: number) => User | undefined): number | undefined {
  for (let id = 2; id <= maxUsers; id++) if (get(id)?.name === '') return id;
  return undefined;
}

const roleCollection = collection({
  path: '/redfish/v1/AccountService/Roles',
  type: '#RoleCollection.RoleCollection',
  name: 'Roles',
  privileges: { get: ['Login'] },
  find: always,
  members: () => roleIds.map((id) => `${rolesUri}/${id}`),
});

const role = resource({
  path: '/redfish/v1/AccountService/Roles/:roleId',
  type: '#Role.v1_3_3.Role',
  privileges: { get: ['Login'] },
  find: ({ roleId }) => roleIds.find((id) => id === roleId),
  read: ({ found }) => ({
    Id: found,
    Name: `Role ${found}`,
    Description: roles[found].description,
    RoleId: found,
    IsPredefined: found !== 'NoAccess',
    AssignedPrivileges: [...roles[found].privileges],
  }),
});

export const accountServiceResources: readonly Resource[] = [
  accountService,
  accounts,
  account,
  roleCollection,
  role,
];
