/** The list of users as the store has it: read with care, since it says who may log in. */
import { privilegeLevels } from './actor.ts';
import { emptySlot, isTime, nullUserId, type User } from './user.ts';
import type { Seed, SeededUsers } from './user-seeds.ts';

/** What is kept: users, what of the configuration was applied, and after how many days passwords expire. */
export interface UserList extends SeededUsers {
  /** Undefined: never. */
  readonly passwordDays: number | undefined;
}

type KeptUser = Omit<User, 'password'> & { readonly password: string };

/** As in the store: bytes as hexadecimal digits. */
export interface KeptUsers {
  readonly slots: readonly KeptUser[];
  readonly seeds: readonly Seed[];
  /** Absent in lists of before there was such a thing, and for never. */
  readonly passwordDays?: number;
}

/** For the store. */
export function keptUsers({ slots, seeds, passwordDays }: UserList): KeptUsers {
  return {
    slots: [...slots.values()].map((slot) => ({
      ...slot,
      password: Buffer.from(slot.password).toString('hex'),
    })),
    seeds,
    ...(passwordDays !== undefined && { passwordDays }),
  };
}

/** What the store gave, if it is a list of users from beginning to end; a part of one is none. */
export function readKeptUsers(kept: unknown): UserList | undefined {
  if (!isRecord(kept) || !Array.isArray(kept.slots) || !Array.isArray(kept.seeds)) return undefined;
  const { passwordDays: days } = kept;
  const slots = kept.slots.map(readSlot);
  if (slots.some((slot) => slot === undefined) || !kept.seeds.every(isSeed)) return undefined;
  return {
    slots: new Map(slots.filter((slot) => slot !== undefined).map((slot) => [slot.id, slot])),
    seeds: kept.seeds,
    passwordDays: typeof days === 'number' ? days : undefined,
  };
}

function readSlot(found: unknown): User | undefined {
  if (!isRecord(found)) return undefined;
  // Lists kept before there was Redfish do not speak of these.
  const later = { redfish: true, passwordChangeRequired: false, passwordExpiresAt: null };
  const kept: Record<string, unknown> = { ...later, ...found };
  const { passwordExpiresAt: expires } = kept;
  if (expires !== null && !isTime(expires)) return undefined;
  const { passwordExpiresAt: _, ...model } = emptySlot(nullUserId);
  for (const key of Object.keys(model) as (keyof typeof model)[]) {
    const expected = key === 'password' ? 'string' : typeof model[key];
    if (typeof kept[key] !== expected) return undefined;
  }
  const slot = kept as unknown as KeptUser;
  const known = slot.limit === 'no-access' || privilegeLevels.includes(slot.limit);
  if (!known || !/^([0-9a-f]{2}){0,20}$/.test(slot.password)) return undefined;
  return { ...slot, password: Buffer.from(slot.password, 'hex') };
}

function isSeed(kept: unknown): kept is Seed {
  return (
    isRecord(kept) &&
    typeof kept.name === 'string' &&
    typeof kept.id === 'number' &&
    typeof kept.salt === 'string' &&
    typeof kept.hash === 'string'
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
