/**
 * The keys by which UEFI firmware decides what it boots: four databases, of which `PK` names who owns the platform, `KEK`
 * who may change the others, `db` what runs and `dbx` what does not. UEFI 2.10 §32. How the firmware keeps them is the
 * driver's affair.
 */
import type { Actor } from './actor.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { Machine } from './machine.ts';

export const keyDatabases = ['PK', 'KEK', 'db', 'dbx'] as const;
export type KeyDatabase = (typeof keyDatabases)[number];

/** The type of a key that is an X.509 certificate. */
export const certificateType = 'EFI_CERT_X509_GUID';
/** Types of keys that are the hash of one program, with its length in bytes. */
export const hashTypes = {
  EFI_CERT_SHA256_GUID: 32,
  EFI_CERT_SHA384_GUID: 48,
  EFI_CERT_SHA512_GUID: 64,
} as const;

export interface BootKey {
  /** UEFI's name of its type, or the type's GUID where that has no name here. UEFI 2.10 §32.4.1. */
  readonly type: string;
  /** Who has put it in: a GUID in lower case. */
  readonly owner: string;
  /** Of a certificate its DER form. */
  readonly data: Uint8Array;
}

/** One step from some keys to others. */
export type KeyChange =
  | { readonly kind: 'add' | 'remove'; readonly database: KeyDatabase; readonly key: BootKey }
  /** To what comes with the firmware, or to nothing. */
  | {
      readonly kind: 'reset';
      readonly databases: readonly KeyDatabase[];
      readonly to: 'defaults' | 'nothing';
    };

export interface SecureBootState {
  /** Nobody owns the platform yet: everybody can put keys in. */
  readonly setupMode: boolean;
  /** Signatures are checked. */
  readonly enabled: boolean;
}

/** What a machine has for booting signed systems only. */
export interface MachineSecureBoot {
  /** Of the running machine, as its firmware has it; undefined while it runs without. */
  state(): SecureBootState | undefined;
  /** What the next start with secure boot finds. @throws {BmcError} `wrong-state` when they cannot be read */
  keys(database: KeyDatabase): readonly BootKey[];
  /**
   * From the next start with secure boot on; at once where the firmware does not run with them.
   * @throws {BmcError} `bad-argument` for what the firmware could not use, `no-space` when it does not fit
   */
  change(change: KeyChange): void;
}

export function sameKey(a: BootKey, b: BootKey): boolean {
  return a.type === b.type && a.owner === b.owner && Buffer.from(a.data).equals(b.data);
}

export class SecureBoot {
  readonly #machine: MachineSecureBoot;
  readonly #events: EventLog;

  constructor(machine: MachineSecureBoot, events: EventLog) {
    this.#machine = machine;
    this.#events = events;
  }

  /** Of the running machine; undefined while it runs without. */
  get state(): SecureBootState | undefined {
    return this.#machine.state();
  }

  /** What the next start with secure boot finds. */
  keys(database: KeyDatabase): readonly BootKey[] {
    return this.#machine.keys(database);
  }

  /**
   * @throws {BmcError} `bad-argument` for a key that has no effect in this database, `wrong-state` for a second
   * owner of the platform; as {@link MachineSecureBoot.change}
   */
  add(database: KeyDatabase, key: BootKey, actor: Actor): void {
    if (key.type !== certificateType) {
      const length: number | undefined = hashTypes[key.type as keyof typeof hashTypes];
      if (length === undefined) throw new BmcError('bad-argument', `${key.type}: no type that can be added`);
      if (key.data.length !== length) {
        throw new BmcError('bad-argument', `${key.type}: ${length} bytes, not ${key.data.length}`);
      }
      if (database === 'PK' || database === 'KEK') {
        throw new BmcError('bad-argument', `${database} takes certificates alone`);
      }
    }
    const keys = this.keys(database);
    if (keys.some((each) => sameKey(each, key))) return;
    if (database === 'PK' && keys.length > 0) {
      throw new BmcError('wrong-state', 'PK holds one certificate: delete it first');
    }
    this.#change({ kind: 'add', database, key }, `a key was added to ${database}`, actor);
  }

  remove(database: KeyDatabase, key: BootKey, actor: Actor): void {
    this.#change({ kind: 'remove', database, key }, `a key was removed from ${database}`, actor);
  }

  reset(databases: readonly KeyDatabase[], to: 'defaults' | 'nothing', actor: Actor): void {
    const what = to === 'defaults' ? 'reset to those of the firmware' : 'deleted';
    this.#change({ kind: 'reset', databases, to }, `the keys in ${databases.join(', ')} were ${what}`, actor);
  }

  #change(change: KeyChange, text: string, actor: Actor): void {
    this.#machine.change(change);
    this.#events.add('configuration', `secure boot: ${text} by ${actor.name}`, actor);
  }
}

/** @returns undefined for a machine that has nothing for it */
export function secureBootOf({ secureBoot }: Machine, events: EventLog): SecureBoot | undefined {
  return secureBoot && new SecureBoot(secureBoot, events);
}

/** What keys a database has after a change. For drivers. */
export function changedKeys(
  change: KeyChange,
  database: KeyDatabase,
  keys: readonly BootKey[],
  defaults: () => readonly BootKey[],
): readonly BootKey[] {
  if (change.kind === 'reset') {
    if (!change.databases.includes(database)) return keys;
    return change.to === 'defaults' ? defaults() : [];
  }
  if (change.database !== database) return keys;
  const others = keys.filter((key) => !sameKey(key, change.key));
  return change.kind === 'add' ? [...others, change.key] : others;
}
