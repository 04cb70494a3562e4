/**
 * The boot entries in the variables of the machine's UEFI firmware. Firmware and guests write them without a word, into a
 * file that QEMU has open: it is looked at once a second, and read only when it has changed.
 */
import type { FirmwareBootEntry } from '../../bmc/inventory.ts';
import type { MachineHardware } from '../../bmc/machine.ts';
import type { Logger } from '../../lib/log.ts';
import { bootEntries } from './uefi-boot.ts';
import { readUefiVariables, variablesFile, variablesVersion } from './uefi-variables.ts';

type Choice = Pick<MachineHardware, 'firmware' | 'secureBoot'>;

interface Known {
  readonly version: string | undefined;
  readonly entries: readonly FirmwareBootEntry[];
}

const lookEveryMs = 1000;

export class UefiBootEntries {
  readonly #stateDir: string;
  readonly #log: Logger;
  readonly #known = new Map<string, Known>();

  constructor(stateDir: string, log: Logger) {
    this.#stateDir = stateDir;
    this.#log = log;
  }

  /** @returns none before the firmware first ran, nor where its variables cannot be read */
  of(choice: Choice): readonly FirmwareBootEntry[] {
    return this.#at(variablesFile(this.#stateDir, choice));
  }

  /** @param changed told when an entry is another one than before @returns ends it */
  watch(changed: () => void): () => void {
    const paths = [true, false].map((secureBoot) =>
      variablesFile(this.#stateDir, { firmware: 'uefi', secureBoot }),
    );
    const look = () => JSON.stringify(paths.map((path) => this.#at(path)));
    let told = look();
    const timer = setInterval(() => {
      const now = look();
      if (now === told) return;
      told = now;
      changed();
    }, lookEveryMs);
    timer.unref();
    return () => clearInterval(timer);
  }

  #at(path: string): readonly FirmwareBootEntry[] {
    const version = variablesVersion(path);
    const known = this.#known.get(path);
    if (known && version === known.version) return known.entries;
    const entries = this.#read(path);
    this.#known.set(path, { version, entries });
    return entries;
  }

  #read(path: string): readonly FirmwareBootEntry[] {
    try {
      return bootEntries(readUefiVariables(path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#log.warn({ err: error }, 'UEFI boot entries cannot be read');
      }
      return [];
    }
  }
}
