/** The BMC's users: one list for every face. Slot numbers are IPMI user IDs (§22.26). */
import type { PrivilegeLevel } from './actor.ts';
import { BmcError } from './errors.ts';

export const maxUsers = 16;
export const maxNameBytes = 16;
export const maxPasswordBytes = 20;

export interface User {
  /** 1 to 16; 1 is the null user, whose name is empty and who can never log in. */
  readonly id: number;
  readonly name: string;
  /** Up to 20 bytes. Never logged. */
  readonly password: Uint8Array;
  readonly enabled: boolean;
  /** The highest level this user can work at. */
  readonly limit: PrivilegeLevel;
  /** May open Serial-over-LAN. IPMI 2.0 §24.6 */
  readonly sol: boolean;
}

export interface UserSpec {
  readonly name: string;
  readonly password: string;
  readonly limit: PrivilegeLevel;
  readonly enabled?: boolean;
  readonly sol?: boolean;
}

export class Users {
  readonly #slots = new Map<number, User>();

  /** @throws {BmcError} `bad-argument` naming the user for a bad name or password, `no-space` for too many */
  constructor(specs: readonly UserSpec[]) {
    specs.forEach((spec, index) => {
      const id = index + 2;
      if (id > maxUsers)
        throw new BmcError('no-space', `users: at most ${maxUsers - 1}, ${specs.length} given`);
      const problem = nameProblem(spec.name) ?? passwordProblem(spec.password);
      if (problem) throw new BmcError('bad-argument', `user ${index + 1}: ${problem}`);
      if (this.findByName(spec.name)) {
        throw new BmcError('bad-argument', `user ${index + 1}: the name ${spec.name} is taken`);
      }
      this.#slots.set(id, {
        id,
        name: spec.name,
        password: Buffer.from(spec.password, 'utf8'),
        enabled: spec.enabled ?? true,
        limit: spec.limit,
        sol: spec.sol ?? true,
      });
    });
  }

  /** All slots in use, by rising ID. */
  list(): User[] {
    return [...this.#slots.values()];
  }

  get(id: number): User | undefined {
    return this.#slots.get(id);
  }

  /** @returns the user of exactly this name, enabled or not; never the null user */
  findByName(name: string): User | undefined {
    if (name === '') return undefined;
    return this.list().find((user) => user.name === name);
  }
}

function nameProblem(name: string): string | undefined {
  const length = Buffer.byteLength(name, 'utf8');
  if (length === 0 || length > maxNameBytes) return `a name has 1 to ${maxNameBytes} bytes, not ${length}`;
  if (!/^[\x21-\x7e]+$/.test(name)) return 'a name has visible ASCII characters only';
  return undefined;
}

function passwordProblem(password: string): string | undefined {
  const length = Buffer.byteLength(password, 'utf8');
  if (length === 0 || length > maxPasswordBytes) {
    return `a password has 1 to ${maxPasswordBytes} bytes, not ${length}`;
  }
  return password.includes('\0') ? 'a password holds no NUL' : undefined;
}
