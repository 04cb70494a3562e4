/** Roles: the levels of the core's users in Redfish's words, and what they may do. DSP0266 §13.4.3. */
import { effectiveLimit, type User, type UserLimit } from '../bmc/user.ts';
import type { Privilege } from './definition.ts';

export const roles = {
  Administrator: {
    description: 'May do everything.',
    privileges: ['Login', 'ConfigureManager', 'ConfigureUsers', 'ConfigureComponents', 'ConfigureSelf'],
    limit: 'administrator',
  },
  Operator: {
    description: 'May operate the server: power, boot, media; its own account.',
    privileges: ['Login', 'ConfigureComponents', 'ConfigureSelf'],
    limit: 'operator',
  },
  ReadOnly: {
    description: 'May look at everything and change its own password.',
    privileges: ['Login', 'ConfigureSelf'],
    limit: 'user',
  },
  NoAccess: {
    description: 'May not log in: IPMI users of the Callback level, or without access.',
    privileges: [],
    limit: 'no-access',
  },
} as const satisfies Record<
  string,
  { readonly description: string; readonly privileges: readonly Privilege[]; readonly limit: UserLimit }
>;
export type RoleId = keyof typeof roles;
export const roleIds = Object.keys(roles) as readonly RoleId[];

export function roleOf(user: User): RoleId {
  switch (effectiveLimit(user)) {
    case 'administrator':
      return 'Administrator';
    case 'operator':
      return 'Operator';
    case 'user':
      return 'ReadOnly';
    case 'callback':
    case undefined:
      return 'NoAccess';
  }
}
