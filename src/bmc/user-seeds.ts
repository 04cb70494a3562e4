/**
 * Users of the configuration, and what of it has been applied already. An entry is applied when it is new or differs
 * from what was last applied, told by a salted hash; one that has gone takes its user with it.
 */
import { createHmac } from 'node:crypto';
import type { Random } from '../lib/random.ts';
import { sameSecret } from '../lib/same-secret.ts';
import type { PrivilegeLevel } from './actor.ts';
import { BmcError } from './errors.ts';
import { emptySlot, maxUsers, nameProblem, nullUserId, passwordProblem, type User } from './user.ts';

export interface UserSpec {
  readonly name: string;
  readonly password: string;
  /** True when nobody chose the password: it is the one in the manual. */
  readonly wellKnownPassword?: boolean;
  readonly limit: PrivilegeLevel;
  readonly enabled?: boolean;
  readonly sol?: boolean;
}

/** What was last applied of the configuration. */
export interface Seed {
  readonly name: string;
  /** The slot it went to. */
  readonly id: number;
  readonly salt: string;
  readonly hash: string;
}

/** Users by slot, and the seeds that some of them have grown from. */
export interface SeededUsers {
  readonly slots: ReadonlyMap<number, User>;
  readonly seeds: readonly Seed[];
}

/** @throws {BmcError} `bad-argument` naming the user for a bad name or password, `no-space` for too many */
export function checkSpecs(specs: readonly UserSpec[]): void {
  if (specs.length > maxUsers - 1) {
    throw new BmcError('no-space', `users: at most ${maxUsers - 1}, ${specs.length} given`);
  }
  specs.forEach((spec, index) => {
    const problem = nameProblem(spec.name) ?? passwordProblem(Buffer.from(spec.password, 'utf8'));
    if (problem) throw new BmcError('bad-argument', `user ${index + 1}: ${problem}`);
    if (specs.findIndex(({ name }) => name === spec.name) < index) {
      throw new BmcError('bad-argument', `user ${index + 1}: the name ${spec.name} is taken`);
    }
  });
}

/** What a first start makes: the users of the configuration, and nobody else. */
export function seedAll(specs: readonly UserSpec[], random: Random): SeededUsers {
  const slots = new Map<number, User>();
  const seeds = specs.map((spec, index) => {
    const id = nullUserId + 1 + index;
    slots.set(id, seeded(id, spec, false));
    return seedOf(spec, id, random);
  });
  return { slots, seeds };
}

/**
 * Applies to what there is what is new in the configuration.
 * @param lost nobody can say which passwords were valid: one that nobody chose comes back as none
 * @returns as well what was done, a sentence for each user
 */
export function applySpecs(
  specs: readonly UserSpec[],
  before: SeededUsers,
  { lost, first, random }: { readonly lost: boolean; readonly first: boolean; readonly random: Random },
): SeededUsers & { readonly news: readonly string[] } {
  const slots = new Map(before.slots);
  const seeds: Seed[] = [];
  const news: string[] = [];
  for (const seed of before.seeds) {
    if (specs.some((spec) => spec.name === seed.name)) continue;
    news.push(`user ${seed.name} is no longer in the configuration`);
    if (slots.get(seed.id)?.name === seed.name) slots.delete(seed.id);
  }
  for (const spec of specs) {
    const seed = before.seeds.find(({ name }) => name === spec.name);
    if (seed && sameText(seed.hash, fingerprint(spec, seed.salt))) {
      seeds.push(seed);
      continue;
    }
    const id = slotFor(spec.name, seed?.id, slots);
    if (id === undefined) {
      news.push(`no slot is free for user ${spec.name} of the configuration`);
      continue;
    }
    const locked = lost && spec.wellKnownPassword === true;
    slots.set(id, seeded(id, spec, locked));
    seeds.push(seedOf(spec, id, random));
    if (locked) news.push(`user ${spec.name} is locked until a password is set`);
    else if (!first) news.push(`user ${id} ${spec.name}: set anew from the configuration`);
  }
  return { slots, seeds, news };
}

function seeded(id: number, spec: UserSpec, locked: boolean): User {
  const password = locked ? Buffer.alloc(0) : Buffer.from(spec.password, 'utf8');
  return {
    ...emptySlot(id),
    name: spec.name,
    password,
    passwordSize: password.length > 16 ? 20 : 16,
    enabled: spec.enabled ?? true,
    limit: spec.limit,
    sol: spec.sol ?? true,
  };
}

/** The slot that has the name, or the one it had, or the first free one. */
function slotFor(
  name: string,
  before: number | undefined,
  slots: ReadonlyMap<number, User>,
): number | undefined {
  const isFree = (id: number) => (slots.get(id)?.name ?? '') === '';
  for (const slot of slots.values()) if (slot.name === name) return slot.id;
  if (before !== undefined && isFree(before)) return before;
  for (let id = nullUserId + 1; id <= maxUsers; id++) if (isFree(id)) return id;
  return undefined;
}

function seedOf(spec: UserSpec, id: number, random: Random): Seed {
  const salt = Buffer.from(random.bytes(16)).toString('hex');
  return { name: spec.name, id, salt, hash: fingerprint(spec, salt) };
}

function fingerprint(spec: UserSpec, salt: string): string {
  const { name, password, limit, enabled = true, sol = true } = spec;
  return createHmac('sha256', Buffer.from(salt, 'hex'))
    .update(JSON.stringify([name, password, limit, enabled, sol]))
    .digest('hex');
}

function sameText(a: string, b: string): boolean {
  return sameSecret(Buffer.from(a), Buffer.from(b));
}
