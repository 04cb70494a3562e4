/**
 * System boot options as IPMI sees them (IPMI 2.0 §28.12–28.14, Table 28-14): parameters 0 to 5. The override
 * itself is the core's; this keeps what only IPMI knows (set in progress, acknowledge bits, the flags' other
 * bits) and shows the core's override as boot flags, whoever set it.
 */
import type { Actor } from '../bmc/actor.ts';
import type { Boot, BootOverride, BootTarget } from '../bmc/boot.ts';
import { bits8, type Infer, struct } from '../lib/codec.ts';
import type { PayloadSession } from './payload.ts';

/** Boot device selectors. Table 28-14, parameter 5, data 2. */
export const BootDevice = {
  none: 0,
  pxe: 1,
  disk: 2,
  diskSafeMode: 3,
  diagnosticPartition: 4,
  cdrom: 5,
  biosSetup: 6,
  remoteFloppy: 7,
  remoteCdrom: 8,
  primaryRemoteMedia: 9,
  remoteDisk: 0x0b,
  floppy: 0x0f,
} as const;
export type BootDevice = keyof typeof BootDevice;

/** Parameter 5. */
export const BootFlags = struct({
  how: bits8(['valid', 1], ['persistent', 1], ['efi', 1], ['_reserved', 5]),
  device: bits8(
    ['clearCmos', 1],
    ['lockKeyboard', 1],
    ['selector', 4, BootDevice],
    ['blankScreen', 1],
    ['lockResetButton', 1],
  ),
  console: bits8(
    ['lockPowerButton', 1],
    ['verbosity', 2],
    ['forceProgressTraps', 1],
    ['bypassPassword', 1],
    ['lockSleepButton', 1],
    ['redirection', 2],
  ),
  bios: bits8(['_reserved', 4], ['sharedMode', 1], ['muxControl', 3]),
  instance: bits8(['_reserved', 3], ['device', 5]),
});
export type BootFlags = Infer<typeof BootFlags>;

/** Parameter 3: when the valid bit stays although it would be cleared. */
export const ValidBitClearing = bits8(
  ['_reserved', 3],
  ['keepOnPefReset', 1],
  ['keepWithoutControl', 1],
  ['keepOnWatchdog', 1],
  ['keepOnResetButton', 1],
  ['keepOnPowerButton', 1],
);
export type ValidBitClearing = Infer<typeof ValidBitClearing>;

const targetOf: Record<BootDevice, BootTarget | undefined> = {
  none: undefined,
  pxe: 'pxe',
  disk: 'disk',
  diskSafeMode: 'safe-mode',
  diagnosticPartition: 'diagnostic',
  cdrom: 'cdrom',
  biosSetup: 'bios-setup',
  remoteFloppy: 'floppy',
  remoteCdrom: 'cdrom',
  primaryRemoteMedia: 'usb',
  remoteDisk: 'disk',
  floppy: 'floppy',
};

const deviceOf: Record<BootTarget, BootDevice> = {
  pxe: 'pxe',
  disk: 'disk',
  cdrom: 'cdrom',
  usb: 'primaryRemoteMedia',
  floppy: 'floppy',
  'bios-setup': 'biosSetup',
  diagnostic: 'diagnosticPartition',
  'safe-mode': 'diskSafeMode',
};

export class BootOptions {
  readonly #boot: Boot;
  #flags: BootFlags;
  #settingFlags = false;
  /** Parameter 0: the session that has said it is setting options. */
  setBy: PayloadSession | undefined;
  /** Parameter 1. */
  servicePartition = 0;
  /** Parameter 2. */
  servicePartitionScan = 0;
  /** Parameter 3. */
  clearing: ValidBitClearing = {
    keepOnPefReset: false,
    keepWithoutControl: false,
    keepOnWatchdog: false,
    keepOnResetButton: false,
    keepOnPowerButton: false,
  };
  /** Parameter 4: which parties have handled the boot options; bits as in Table 28-14. */
  acknowledged = 0;
  /** Parameters that a client has marked invalid or locked. */
  readonly locked = new Set<number>();

  constructor(boot: Boot) {
    this.#boot = boot;
    this.#flags = flagsOf(boot.override);
    boot.onChange((override) => {
      if (!this.#settingFlags) this.#flags = flagsOf(override);
    });
  }

  get flags(): BootFlags {
    return this.#flags;
  }

  setFlags(flags: BootFlags, actor: Actor): void {
    const target = flags.how.valid ? targetOf[flags.device.selector] : undefined;
    this.#settingFlags = true;
    try {
      this.#boot.set(target && { target, persistent: flags.how.persistent, uefi: flags.how.efi }, actor, {
        expires: !this.clearing.keepWithoutControl,
      });
    } finally {
      this.#settingFlags = false;
    }
    this.#flags = flags;
  }
}

function flagsOf(override: BootOverride | undefined): BootFlags {
  return {
    how: {
      valid: override !== undefined,
      persistent: override?.persistent ?? false,
      efi: override?.uefi ?? false,
    },
    device: {
      clearCmos: false,
      lockKeyboard: false,
      selector: override ? deviceOf[override.target] : 'none',
      blankScreen: false,
      lockResetButton: false,
    },
    console: {
      lockPowerButton: false,
      verbosity: 0,
      forceProgressTraps: false,
      bypassPassword: false,
      lockSleepButton: false,
      redirection: 0,
    },
    bios: { sharedMode: false, muxControl: 0 },
    instance: { device: 0 },
  };
}
