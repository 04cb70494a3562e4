/** The machine's firmware: the host's packages, and images that were sent, which are files in the state directory. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { savingError } from '../../bmc/errors.ts';
import type {
  ExaminedFirmware,
  FirmwareSlot,
  MachineFirmware,
  RunningFirmware,
} from '../../bmc/firmware-update.ts';
import type { MachineHardware } from '../../bmc/machine.ts';
import { replaceFile } from '../../lib/replace-file.ts';
import type { FirmwarePaths } from './config.ts';
import { examineFirmware, type FlashLayout } from './firmware-image.ts';
import { firmwareVersion } from './firmware-version.ts';
import {
  firmwareFiles,
  hasSecureFirmware,
  isSecure,
  replaceVariables,
  variablesMark,
} from './uefi-variables.ts';

type Choice = Pick<MachineHardware, 'firmware' | 'secureBoot'>;

/** What of the firmware a QEMU was started with, to tell whether the next start would be another one. */
export interface FirmwareInUse {
  /** In place of the one that comes with the host. */
  readonly file?: string;
  /** Of the file with the variables. */
  readonly variables?: string;
}

export interface QemuFirmwareOptions {
  readonly paths: FirmwarePaths;
  readonly stateDir: string;
  running(): RunningFirmware | undefined;
}

const choices: Readonly<Record<FirmwareSlot, Choice>> = {
  bios: { firmware: 'bios', secureBoot: false },
  uefi: { firmware: 'uefi', secureBoot: false },
  'uefi-secure-boot': { firmware: 'uefi', secureBoot: true },
};

export function slotOf(choice: Choice): FirmwareSlot {
  return choice.firmware === 'bios' ? 'bios' : isSecure(choice) ? 'uefi-secure-boot' : 'uefi';
}

export class QemuFirmware implements MachineFirmware {
  readonly #options: QemuFirmwareOptions;
  readonly #directory: string;

  constructor(options: QemuFirmwareOptions) {
    this.#options = options;
    this.#directory = join(options.stateDir, 'firmware');
  }

  get slots(): readonly FirmwareSlot[] {
    const { paths } = this.#options;
    return [
      'bios',
      ...(this.#layout ? (['uefi'] as const) : []),
      ...(hasSecureFirmware(paths) ? (['uefi-secure-boot'] as const) : []),
    ];
  }

  get running(): RunningFirmware | undefined {
    return this.#options.running();
  }

  packagedVersion(slot: FirmwareSlot): string | undefined {
    return firmwareVersion(choices[slot].firmware);
  }

  examine(bytes: Uint8Array): ExaminedFirmware {
    const { kind, version, image } = examineFirmware(bytes, this.#layout);
    if (kind === 'bios') return { kind: 'code', slots: ['bios'], version };
    const slots = ['uefi', 'uefi-secure-boot'] as const;
    if (kind === 'variables') return { kind, slots, version };
    // A build that we know has a version, and works in its own place alone.
    const packaged = slots.find((slot) => this.#isPackaged(slot, image));
    if (packaged) return { kind: 'code', slots: [packaged], version: this.packagedVersion(packaged) };
    return { kind: 'code', slots, version };
  }

  #isPackaged(slot: FirmwareSlot, image: Uint8Array): boolean {
    const { ovmfCode } = firmwareFiles(this.#options.paths, choices[slot]);
    return existsSync(ovmfCode) && readFileSync(ovmfCode).equals(image);
  }

  keep(slot: FirmwareSlot, bytes: Uint8Array): string {
    const { image } = examineFirmware(bytes, this.#layout);
    const digest = createHash('sha256').update(image).digest('hex').slice(0, 16);
    const file = join(this.#directory, `${slot}-${digest}.fd`);
    asBmcError(() => {
      // QEMU's process may be another user's of our group: it is told the name of what it may open.
      mkdirSync(this.#directory, { recursive: true });
      chmodSync(this.#directory, 0o710);
      replaceFile(file, image, 0o640);
    });
    return file;
  }

  has(file: string): boolean {
    return existsSync(file);
  }

  removeAllBut(files: readonly string[]): void {
    if (!existsSync(this.#directory)) return;
    for (const name of readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      if (!files.includes(path)) rmSync(path, { recursive: true, force: true });
    }
  }

  replaceVariables(slot: FirmwareSlot, bytes: Uint8Array): void {
    const { image } = examineFirmware(bytes, this.#layout);
    asBmcError(() => replaceVariables(this.#options.stateDir, choices[slot], image));
  }

  /** Of a start with these: what it would use. */
  inUse(choice: Choice, files: Readonly<Partial<Record<FirmwareSlot, string>>>): FirmwareInUse {
    const file = files[slotOf(choice)];
    const variables = choice.firmware === 'uefi' ? variablesMark(this.#options.stateDir, choice) : undefined;
    return { ...(file !== undefined && { file }), ...(variables !== undefined && { variables }) };
  }

  /** Undefined where UEFI firmware is not installed. */
  get #layout(): FlashLayout | undefined {
    const { ovmfCode, ovmfVarsTemplate } = firmwareFiles(this.#options.paths, choices.uefi);
    const code = statSync(ovmfCode, { throwIfNoEntry: false });
    const variables = statSync(ovmfVarsTemplate, { throwIfNoEntry: false });
    return code && variables && { code: code.size, variables: variables.size };
  }
}

function asBmcError(run: () => void): void {
  try {
    run();
  } catch (cause) {
    throw savingError('the firmware cannot be kept', cause);
  }
}
