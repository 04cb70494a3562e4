/**
 * System boot options as IPMI sees them (IPMI 2.0 §28.12–28.14, Table 28-14): parameters 0 to 7. The override
 * itself is the core's; this keeps what only IPMI knows (set in progress, acknowledge bits, the flags' other
 * bits, what the initiator left) and shows the core's override as boot flags, whoever set it. All but the set in
 * progress survives a restart of the BMC.
 */
import type { Actor } from '../bmc/actor.ts';
import {
  type Boot,
  type BootDropCause,
  type BootOverride,
  type BootTarget,
  sameOverride,
} from '../bmc/boot.ts';
import type { EventLog } from '../bmc/event-log.ts';
import { SetInProgress } from '../bmc/set-in-progress.ts';
import type { Store } from '../bmc/store.ts';
import { fromHex, toHex } from '../lib/bytes.ts';
import { bits8, decode, encode, type Infer, struct, u32le } from '../lib/codec.ts';

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

/**
 * An override that boots by more than a device has no selector: shown are valid flags for a boot by UEFI and no device,
 * rather than a device that is not meant.
 */
const deviceOf: Record<BootTarget, BootDevice> = {
  pxe: 'pxe',
  disk: 'disk',
  cdrom: 'cdrom',
  usb: 'primaryRemoteMedia',
  floppy: 'floppy',
  'bios-setup': 'biosSetup',
  diagnostic: 'diagnosticPartition',
  'safe-mode': 'diskSafeMode',
  'uefi-http': 'none',
  'uefi-shell': 'none',
  'uefi-target': 'none',
  'uefi-boot-next': 'none',
};

/** Parameter 6: who set the boot options, and when. All 0 when nobody said. */
export const InitiatorInfo = struct({
  channel: bits8(['_reserved', 4], ['number', 4]),
  sessionId: u32le,
  /** Seconds since 1970, as the SEL counts. */
  time: u32le,
});
export type InitiatorInfo = Infer<typeof InitiatorInfo>;

export const mailboxBlockBytes = 16;
/** Parameter 7 has 80 bytes at least. */
export const mailboxBlocks = 5;

const dropRule: Record<BootDropCause, keyof ValidBitClearing> = {
  watchdog: 'keepOnWatchdog',
  'reset-button': 'keepOnResetButton',
  'power-button': 'keepOnPowerButton',
  'event-filter-reset': 'keepOnPefReset',
  'event-filter-cycle': 'keepOnPefReset',
};

/** What is kept on the disk; flags in their binary form, in hexadecimal digits. */
interface BootOptionsRecord {
  readonly servicePartition: number;
  readonly servicePartitionScan: number;
  readonly clearing: ValidBitClearing;
  readonly acknowledged: number;
  readonly flags: string;
  readonly initiator: InitiatorInfo;
  readonly mailbox: string;
  readonly locked: readonly number[];
}

const storeName = 'boot-options';

export class BootOptions {
  readonly setInProgress = new SetInProgress('boot options');
  readonly #boot: Boot;
  readonly #store: Store;
  readonly #events: EventLog;
  #settingFlags = false;
  #kept: BootOptionsRecord;
  #flags: BootFlags;

  constructor({ boot, store, events }: { boot: Boot; store: Store; events: EventLog }) {
    this.#boot = boot;
    this.#store = store;
    this.#events = events;
    this.#kept = store.load<BootOptionsRecord>(storeName) ?? {
      servicePartition: 0,
      servicePartitionScan: 0,
      clearing: {
        keepOnPefReset: false,
        keepWithoutControl: false,
        keepOnWatchdog: false,
        keepOnResetButton: false,
        keepOnPowerButton: false,
      },
      acknowledged: 0,
      flags: toHex(encode(BootFlags, flagsOf(undefined))),
      initiator: { channel: { number: 0 }, sessionId: 0, time: 0 },
      mailbox: '00'.repeat(mailboxBlocks * mailboxBlockBytes),
      locked: [],
    };
    // The other bits are worth something only as long as the override that they came with is in force.
    const kept = decode(BootFlags, fromHex(this.#kept.flags), 'kept boot flags');
    const stillMeant = boot.override !== undefined && sameOverride(overrideOf(kept), boot.override);
    this.#flags = stillMeant ? kept : flagsOf(boot.override);
    boot.onChange((override) => {
      if (!this.#settingFlags) this.#flags = flagsOf(override);
    });
  }

  /** Parameter 1. */
  get servicePartition(): number {
    return this.#kept.servicePartition;
  }

  /** Parameter 2. */
  get servicePartitionScan(): number {
    return this.#kept.servicePartitionScan;
  }

  /** Parameter 3. */
  get clearing(): ValidBitClearing {
    return this.#kept.clearing;
  }

  /** Parameter 4: which parties have handled the boot options; bits as in Table 28-14. */
  get acknowledged(): number {
    return this.#kept.acknowledged;
  }

  /** Parameter 5. */
  get flags(): BootFlags {
    return this.#flags;
  }

  /** Parameter 6. */
  get initiator(): InitiatorInfo {
    return this.#kept.initiator;
  }

  /** Parameter 7: all blocks. */
  get mailbox(): Uint8Array {
    return fromHex(this.#kept.mailbox);
  }

  /** A parameter that a client has marked invalid or locked. */
  isLocked(selector: number): boolean {
    return this.#kept.locked.includes(selector);
  }

  /** @throws {BmcError} when it cannot be kept; nothing has changed then. So do all setters here. */
  lock(selector: number, locked: boolean, actor: Actor): void {
    if (locked === this.isLocked(selector)) return;
    const others = this.#kept.locked.filter((each) => each !== selector);
    this.#keep({ locked: locked ? [...others, selector] : others }, actor);
  }

  set(
    change: Partial<
      Pick<
        BootOptionsRecord,
        'servicePartition' | 'servicePartitionScan' | 'clearing' | 'acknowledged' | 'initiator'
      >
    >,
    actor: Actor,
  ): void {
    this.#keep(change, actor);
  }

  /** @param data up to 16 bytes; those behind it in the block stay */
  setMailboxBlock(block: number, data: Uint8Array, actor: Actor): void {
    const mailbox = this.mailbox;
    mailbox.set(data, block * mailboxBlockBytes);
    this.#keep({ mailbox: toHex(mailbox) }, actor);
  }

  setFlags(flags: BootFlags, actor: Actor): void {
    this.#keep({ flags: toHex(encode(BootFlags, flags)) }, actor);
    this.#settingFlags = true;
    try {
      this.#boot.set(this.#meantBy(flags), actor, {
        expires: !this.clearing.keepWithoutControl,
        droppedBy: (Object.keys(dropRule) as BootDropCause[]).filter(
          (cause) => !this.clearing[dropRule[cause]],
        ),
      });
    } finally {
      this.#settingFlags = false;
    }
    this.#flags = flags;
  }

  /** Flags written back as they were read change nothing, also where they do not tell all of the override. */
  #meantBy(flags: BootFlags): BootOverride | undefined {
    const present = this.#boot.override;
    const tellsAll = present === undefined || deviceOf[present.target] !== 'none';
    const unchanged = toHex(encode(BootFlags, flags)) === toHex(encode(BootFlags, flagsOf(present)));
    return unchanged && !tellsAll ? present : overrideOf(flags);
  }

  #keep(change: Partial<BootOptionsRecord>, actor: Actor): void {
    const record = { ...this.#kept, ...change };
    this.#store.save(storeName, record);
    // The mailbox is between the client and the host: nobody else can say what is secret in it.
    this.#events.changed(actor, 'boot options', audited(this.#kept), audited(record));
    this.#kept = record;
  }
}

function audited({ mailbox, ...others }: BootOptionsRecord) {
  return { ...others, mailbox: fromHex(mailbox) };
}

/**
 * The EFI bit chooses UEFI. A clear one leaves the machine the firmware that it is set up with: it is what clients
 * send who know nothing of firmware (`ipmitool chassis bootdev pxe`), and must not make a UEFI machine a legacy one.
 */
function overrideOf(flags: BootFlags): BootOverride | undefined {
  const target = flags.how.valid ? targetOf[flags.device.selector] : undefined;
  return target && { target, persistent: flags.how.persistent, ...(flags.how.efi && { firmware: 'uefi' }) };
}

function flagsOf(override: BootOverride | undefined): BootFlags {
  return {
    how: {
      valid: override !== undefined,
      persistent: override?.persistent ?? false,
      efi: override?.firmware === 'uefi',
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
