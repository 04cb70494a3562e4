/**
 * Firmware of the machine in memory. An image for it is a line of text: `FIRMWARE uefi 1.2`, or `VARIABLES` and
 * whatever else.
 */
import { BmcError } from '../../bmc/errors.ts';
import {
  type ExaminedFirmware,
  type FirmwareSlot,
  firmwareSlots,
  type MachineFirmware,
  type RunningFirmware,
} from '../../bmc/firmware-update.ts';
import type { MachineHardware } from '../../bmc/machine.ts';

export class FakeFirmware implements MachineFirmware {
  readonly slots: readonly FirmwareSlot[] = firmwareSlots;
  readonly files = new Map<string, Uint8Array>();
  /** What took the place of the variables. */
  readonly variables = new Map<FirmwareSlot, Uint8Array>();
  /** No image can be kept. */
  full = false;
  readonly #running: () => RunningFirmware | undefined;

  constructor(running: () => RunningFirmware | undefined) {
    this.#running = running;
  }

  get running(): RunningFirmware | undefined {
    return this.#running();
  }

  packagedVersion(slot: FirmwareSlot): string {
    return `${slot === 'bios' ? 'bios' : 'uefi'}-in-memory-1`;
  }

  examine(image: Uint8Array): ExaminedFirmware {
    const text = Buffer.from(image.subarray(0, 100)).toString('latin1');
    if (text.startsWith('VARIABLES')) {
      return { kind: 'variables', slots: ['uefi', 'uefi-secure-boot'], version: undefined };
    }
    const [, kind, version] = /^FIRMWARE (bios|uefi) ?([\w.]+)?/.exec(text) ?? [];
    if (kind === undefined) throw new BmcError('bad-argument', 'the firmware image is refused: no firmware');
    return { kind: 'code', slots: kind === 'bios' ? ['bios'] : ['uefi', 'uefi-secure-boot'], version };
  }

  keep(slot: FirmwareSlot, image: Uint8Array): string {
    if (this.full) throw new BmcError('no-space', 'the firmware cannot be kept: the disk is full');
    const file = `/memory/${slot}-${Buffer.from(image).toString('hex', 0, 40)}`;
    this.files.set(file, image);
    return file;
  }

  has(file: string): boolean {
    return this.files.has(file);
  }

  removeAllBut(files: readonly string[]): void {
    for (const file of [...this.files.keys()]) if (!files.includes(file)) this.files.delete(file);
  }

  replaceVariables(slot: FirmwareSlot, image: Uint8Array): void {
    this.variables.set(slot, image);
  }
}

export function slotOf({
  firmware,
  secureBoot,
}: Pick<MachineHardware, 'firmware' | 'secureBoot'>): FirmwareSlot {
  return firmware === 'bios' ? 'bios' : secureBoot ? 'uefi-secure-boot' : 'uefi';
}
