/** An account as the user wishes it, and as Redfish and ipmitool are told. */
import type { AccountType } from './schema.ts';

export const roleIds = ['Administrator', 'Operator', 'ReadOnly', 'NoAccess'] as const;

export interface Wish {
  readonly UserName: string;
  readonly RoleId: string;
  readonly Enabled: boolean;
  readonly AccountTypes: readonly AccountType[];
  readonly PasswordChangeRequired: boolean;
  /** RFC 3339; null: never, or as the policy has it for a new one. */
  readonly PasswordExpiration: string | null;
}

/** As IPMI wants names, visible ASCII, 16 at most; and Basic authentication, without a colon. IPMI 2.0 §22.28 */
export function isName(text: string): boolean {
  return /^[\x21-\x39\x3b-\x7e]{1,16}$/.test(text);
}

/** Of a POST to the accounts. */
export function accountBody(wish: Wish, password: string): Readonly<Record<string, unknown>> {
  const { PasswordExpiration: expires, ...others } = wish;
  return { ...others, ...(expires !== null && { PasswordExpiration: expires }), Password: password };
}

/** The day on which a time is here, as a field for dates has it; empty for none. */
export function dayOf(time: string | null | undefined): string {
  if (!time) return '';
  const at = new Date(time);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** The beginning of a day here. */
export function timeOfDay(day: string): string | null {
  return day === '' ? null : new Date(`${day}T00:00:00`).toISOString();
}

/** IPMI 2.0 §6.8; 15: no access. */
const levels: Readonly<Record<string, string>> = {
  Administrator: '4',
  Operator: '3',
  ReadOnly: '2',
  NoAccess: '15',
};

/** @returns words for ipmitool; undefined where one line of it does not do the same */
export function ipmiAccount(id: string, changes: Partial<Wish>): readonly string[] | undefined {
  const [only, ...others] = Object.keys(changes);
  if (others.length > 0) return undefined;
  const { UserName: name, RoleId: role, Enabled: enabled } = changes;
  if (only === 'UserName' && name !== undefined) return ['user', 'set', 'name', id, name];
  if (only === 'Enabled') return ['user', enabled ? 'enable' : 'disable', id];
  const level = role === undefined ? undefined : levels[role];
  if (only === 'RoleId' && level !== undefined) return ['user', 'priv', id, level, '1'];
  return undefined;
}
