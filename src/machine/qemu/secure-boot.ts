/**
 * The keys of secure boot in the file of the machine's UEFI variables. A QEMU that runs with the file has it to itself:
 * until its end, changes wait in a file of their own, and are made before the next start.
 */
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BmcError, savingError } from '../../bmc/errors.ts';
import {
  type BootKey,
  certificateType,
  changedKeys,
  type KeyChange,
  type KeyDatabase,
  keyDatabases,
  type MachineSecureBoot,
  type SecureBootState,
} from '../../bmc/secure-boot.ts';
import { replaceFile } from '../../lib/replace-file.ts';
import type { FirmwarePaths } from './config.ts';
import { decodeSignatureLists, encodeSignatureLists } from './signature-list.ts';
import {
  globalVendor,
  ordinaryAttributes,
  type UefiVariableStore,
  VariableAttribute,
  type VariableId,
} from './uefi-variable-store.ts';
import {
  changeUefiVariables,
  readUefiVariables,
  secure,
  secureBootEnable,
  uefiVariables,
  variablesFile,
} from './uefi-variables.ts';

const imageSecurityVendor = 'd719b2cb-3d3a-4596-a3bc-dad00e67656f';
const variableOf: Readonly<Record<KeyDatabase, VariableId>> = {
  PK: { vendor: globalVendor, name: 'PK' },
  KEK: { vendor: globalVendor, name: 'KEK' },
  db: { vendor: imageSecurityVendor, name: 'db' },
  dbx: { vendor: imageSecurityVendor, name: 'dbx' },
};
/** The firmware's own signature checks know no other keys. */
const rsaBits = { least: 2048, most: 4096 } as const;

export interface QemuSecureBootOptions {
  readonly paths: FirmwarePaths;
  readonly stateDir: string;
  /** A machine runs with them. */
  readonly runs: () => boolean;
  /** A QEMU has them open, or is about to. */
  readonly inUse: () => boolean;
}

/** What a change is on the disk. */
type KeptKey = Omit<BootKey, 'data'> & { readonly data: string };

export class QemuSecureBoot implements MachineSecureBoot {
  readonly #options: QemuSecureBootOptions;

  constructor(options: QemuSecureBootOptions) {
    this.#options = options;
  }

  state(): SecureBootState | undefined {
    if (!this.#options.runs()) return undefined;
    const variables = this.#read();
    const setupMode = variables.get(variableOf.PK) === undefined;
    // EDK II: checks unless the owner of the platform has switched that off.
    const [checks] = variables.get(secureBootEnable)?.data ?? [];
    return { setupMode, enabled: !setupMode && checks === 1 };
  }

  keys(database: KeyDatabase): readonly BootKey[] {
    const variables = this.#read();
    return this.#waiting().reduce<readonly BootKey[]>(
      (keys, change) => changedKeys(change, database, keys, () => this.#defaults(database)),
      keysIn(variables, database),
    );
  }

  change(change: KeyChange): void {
    if (change.kind === 'add') checkCertificate(change.key);
    const changes = [...this.#waiting(), change];
    if (!this.#options.inUse()) {
      this.#makeChanges(changes);
      return;
    }
    // Tried out on what is read, so that a refusal comes now.
    this.#apply(this.#read(), changes);
    saving(() => replaceFile(this.#waitingPath, JSON.stringify(changes.map(kept))));
  }

  /** The next start with secure boot finds other keys than this one did. */
  get hasWaiting(): boolean {
    return existsSync(this.#waitingPath);
  }

  /** Before a start with secure boot. @throws {BmcError} as {@link change} */
  makeWaiting(): void {
    if (this.hasWaiting) this.#makeChanges(this.#waiting());
  }

  #makeChanges(changes: readonly KeyChange[]): void {
    const { paths, stateDir } = this.#options;
    saving(() => {
      changeUefiVariables(uefiVariables(paths, stateDir, secure), (variables) =>
        this.#apply(variables, changes),
      );
      rmSync(this.#waitingPath, { force: true });
    });
  }

  #apply(variables: UefiVariableStore, changes: readonly KeyChange[]): void {
    const owner = variables.get(variableOf.PK);
    for (const database of keyDatabases) {
      const before = keysIn(variables, database);
      const after = changes.reduce<readonly BootKey[]>(
        (keys, change) => changedKeys(change, database, keys, () => this.#defaults(database)),
        before,
      );
      if (after !== before) setKeys(variables, database, after);
    }
    const { nonVolatile, bootService } = VariableAttribute;
    // Another owner of the platform wants his keys looked at: the switch of the earlier one goes with him.
    const newOwner = variables.get(variableOf.PK);
    if (newOwner && newOwner !== owner) {
      variables.set({ ...secureBootEnable, attributes: nonVolatile | bootService, data: Uint8Array.of(1) });
    }
  }

  #defaults(database: KeyDatabase): BootKey[] {
    return keysIn(readUefiVariables(this.#options.paths.secure.ovmfVarsTemplate), database);
  }

  /** Before the first start those that it will begin with. */
  #read(): UefiVariableStore {
    const { paths, stateDir } = this.#options;
    const file = variablesFile(stateDir, secure);
    try {
      return readUefiVariables(existsSync(file) ? file : paths.secure.ovmfVarsTemplate);
    } catch (cause) {
      if (cause instanceof BmcError) throw cause;
      throw new BmcError('wrong-state', `UEFI variables: ${(cause as Error).message}`, { cause });
    }
  }

  get #waitingPath(): string {
    return join(this.#options.stateDir, 'secure-boot-changes.json');
  }

  #waiting(): KeyChange[] {
    if (!this.hasWaiting) return [];
    try {
      const changes = JSON.parse(readFileSync(this.#waitingPath, 'utf8')) as ReturnType<typeof kept>[];
      return changes.map((change) => {
        if (change.kind === 'reset') return change;
        const data = new Uint8Array(Buffer.from(change.key.data, 'base64'));
        return { ...change, key: { ...change.key, data } };
      });
    } catch (cause) {
      throw new BmcError(
        'wrong-state',
        `keys of secure boot that wait in ${this.#waitingPath} cannot be read: ${(cause as Error).message}`,
        { cause },
      );
    }
  }
}

/** What the disk refuses is told as what it is; what the firmware's store refuses, as before. */
function saving(run: () => void): void {
  try {
    run();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).errno === undefined) throw cause;
    throw savingError('the keys of secure boot cannot be kept', cause);
  }
}

function kept(change: KeyChange) {
  if (change.kind === 'reset') return change;
  const key: KeptKey = { ...change.key, data: Buffer.from(change.key.data).toString('base64') };
  return { ...change, key };
}

function keysIn(variables: UefiVariableStore, database: KeyDatabase): BootKey[] {
  const found = variables.get(variableOf[database]);
  return found ? decodeSignatureLists(found.data) : [];
}

function setKeys(variables: UefiVariableStore, database: KeyDatabase, keys: readonly BootKey[]): void {
  const id = variableOf[database];
  if (keys.length === 0) {
    variables.delete(id);
    return;
  }
  // A signed change of the operating system's is judged by the time of the one before.
  const timeStamp = variables.get(id)?.timeStamp;
  const attributes = ordinaryAttributes | VariableAttribute.timeBasedAuthentication;
  try {
    variables.set({ ...id, attributes, data: encodeSignatureLists(keys), ...(timeStamp && { timeStamp }) });
  } catch (cause) {
    throw new BmcError('no-space', (cause as Error).message, { cause });
  }
}

function checkCertificate({ type, data }: BootKey): void {
  if (type !== certificateType) return;
  const { asymmetricKeyType, asymmetricKeyDetails } = new X509Certificate(data).publicKey;
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  if (asymmetricKeyType === 'rsa' && bits >= rsaBits.least && bits <= rsaBits.most) return;
  throw new BmcError(
    'bad-argument',
    `the firmware knows keys of RSA with ${rsaBits.least} to ${rsaBits.most} bits, not ${asymmetricKeyType} ${bits || ''}`.trim(),
  );
}
