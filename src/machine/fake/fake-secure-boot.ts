/** Keys of secure boot in memory, with no firmware to look at them: what is changed is so at once. */
import {
  type BootKey,
  changedKeys,
  type KeyChange,
  type KeyDatabase,
  keyDatabases,
  type MachineSecureBoot,
  type SecureBootState,
} from '../../bmc/secure-boot.ts';

export class FakeSecureBoot implements MachineSecureBoot {
  readonly #keys = new Map<KeyDatabase, readonly BootKey[]>();
  readonly #runs: () => boolean;

  /** @param runs whether the machine runs with secure boot */
  constructor(runs: () => boolean) {
    this.#runs = runs;
  }

  state(): SecureBootState | undefined {
    if (!this.#runs()) return undefined;
    const setupMode = this.keys('PK').length === 0;
    return { setupMode, enabled: !setupMode };
  }

  keys(database: KeyDatabase): readonly BootKey[] {
    return this.#keys.get(database) ?? [];
  }

  change(change: KeyChange): void {
    for (const database of keyDatabases) {
      this.#keys.set(
        database,
        changedKeys(change, database, this.keys(database), () => []),
      );
    }
  }
}
