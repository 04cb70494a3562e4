/** What the machine's next start is made of, and whether a QEMU that runs is made of the same. */
import { type BootOverride, isUefiTarget } from '../../bmc/boot.ts';
import { type MachineHardware, type MachineSetup, sameHardware } from '../../bmc/machine.ts';
import { hardwareOf, type QemuMachineConfig } from './config.ts';
import type { QemuFirmware } from './machine-firmware.ts';
import type { QemuRun } from './qemu-run.ts';
import type { QemuSecureBoot } from './secure-boot.ts';
import { isSecure, requireUefi } from './uefi-variables.ts';

export interface NextStartOptions {
  readonly config: QemuMachineConfig;
  /** What clients want of it. */
  readonly setup: () => MachineSetup;
  readonly firmware: QemuFirmware;
  /** Absent where there is no firmware for it. */
  readonly secureBoot?: QemuSecureBoot | undefined;
}

export class NextStart {
  readonly #options: NextStartOptions;

  constructor(options: NextStartOptions) {
    this.#options = options;
  }

  hardware(override: BootOverride | undefined): MachineHardware {
    const { config, setup } = this.#options;
    return hardwareOf(config, setup().hardware, override);
  }

  /** Changes of keys that waited for no QEMU to have them are made. */
  prepare(override: BootOverride | undefined): MachineHardware {
    const hardware = this.hardware(override);
    if (isSecure(hardware)) this.#options.secureBoot?.makeWaiting();
    return hardware;
  }

  /** The next boot is to find other hardware, firmware or variables of it than this QEMU has. */
  differs(run: QemuRun, override: BootOverride | undefined): boolean {
    const { setup, firmware, secureBoot } = this.#options;
    // QEMU holds the variables: they are changed between two of them only.
    if (override && isUefiTarget(override.target)) return true;
    const hardware = this.hardware(override);
    if (!sameHardware(hardware, run.hardware)) return true;
    if (isSecure(hardware) && secureBoot?.hasWaiting) return true;
    if (!run.firmware) return false;
    const next = firmware.inUse(hardware, setup().firmware ?? {});
    return next.file !== run.firmware.file || next.variables !== run.firmware.variables;
  }

  /** @throws {BmcError} where the firmware that it takes is not there */
  requireFirmware(override: BootOverride | undefined): void {
    const hardware = this.hardware(override);
    if (hardware.firmware === 'uefi') requireUefi(this.#options.config.firmware, hardware);
  }
}
