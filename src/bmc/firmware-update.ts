/**
 * The machine's firmware: for each kind that it can start with, the image that comes with the host and, once somebody
 * has sent one, another. One of the two is active, which is what the machine starts with; the other stands by, and can be
 * put back at any time, so that an image that does not boot is no dead end.
 *
 *     packaged ── install ──▶ uploaded active, packaged stands by ◀── activate ──▶ packaged active, uploaded stands by
 *
 * What runs keeps what it started with: a new image is in force from the next power-on or reset on.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import { type Actor, actorText } from './actor.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { MachineHardware } from './machine.ts';
import type { Store } from './store.ts';

/** What the machine can start with. `uefi-secure-boot` is the build that guards its variables. */
export const firmwareSlots = ['bios', 'uefi', 'uefi-secure-boot'] as const;
export type FirmwareSlot = (typeof firmwareSlots)[number];

/** No larger image is looked at. */
export const maxFirmwareBytes = 16 * 1024 * 1024;

/** What an image is, as far as it says so itself. */
export interface ExaminedFirmware {
  /** `variables`: no program, but the settings that UEFI firmware keeps, keys of secure boot included. */
  readonly kind: 'code' | 'variables';
  /** Where it fits. */
  readonly slots: readonly FirmwareSlot[];
  /** Undefined when it does not say. */
  readonly version: string | undefined;
}

/** What a machine does with firmware. A driver implements it. */
export interface MachineFirmware {
  /** Those that this host has firmware for. */
  readonly slots: readonly FirmwareSlot[];
  /** Of the image that comes with the host; undefined when that cannot be told. */
  packagedVersion(slot: FirmwareSlot): string | undefined;
  /** What the machine runs with; undefined while it is off, or when that is not known any more. */
  readonly running: RunningFirmware | undefined;
  /** @throws {BmcError} `bad-argument` saying why this is no firmware that the machine could start with */
  examine(image: Uint8Array): ExaminedFirmware;
  /** Keeps a program where the machine can start with it. @returns its file @throws {BmcError} `no-space`, `timed-out` */
  keep(slot: FirmwareSlot, image: Uint8Array): string;
  has(file: string): boolean;
  /** What is none of these goes, and what a broken-off {@link keep} has left. @throws as the file system does */
  removeAllBut(files: readonly string[]): void;
  /** From the next start on; what a running machine still writes to its variables is lost. @throws as `keep` */
  replaceVariables(slot: FirmwareSlot, image: Uint8Array): void;
}

export interface RunningFirmware {
  readonly slot: FirmwareSlot;
  /** Undefined for the image that comes with the host. */
  readonly file: string | undefined;
}

export interface FirmwareImage {
  readonly origin: 'packaged' | 'uploaded';
  /** Undefined when it cannot be told. */
  readonly version: string | undefined;
  /** Undefined for the one that comes with the host. */
  readonly uploaded: UploadedFirmware | undefined;
  /** The machine runs with it now. */
  readonly running: boolean;
}

export interface UploadedFirmware {
  readonly file: string;
  readonly version?: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Milliseconds since 1970, by the BMC's clock. */
  readonly installedAt: number;
}

interface KeptSlot {
  readonly uploaded: UploadedFirmware;
  readonly active: 'packaged' | 'uploaded';
}
type Kept = Partial<Readonly<Record<FirmwareSlot, KeptSlot>>>;

export interface Installed {
  readonly slot: FirmwareSlot;
  readonly kind: ExaminedFirmware['kind'];
  /** As people call it. */
  readonly name: string;
}

export interface FirmwareUpdateDependencies {
  readonly machine: MachineFirmware;
  /** What the next start makes of the machine. */
  readonly next: () => Pick<MachineHardware, 'firmware' | 'secureBoot'>;
  readonly store: Store;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
}

const storeName = 'firmware';

export const slotNames: Readonly<Record<FirmwareSlot, string>> = {
  bios: 'legacy BIOS',
  uefi: 'UEFI',
  'uefi-secure-boot': 'UEFI with secure boot',
};

export class FirmwareUpdate {
  readonly #d: FirmwareUpdateDependencies;
  readonly #changed = new Emitter<FirmwareSlot>();
  #kept: Kept;

  constructor(dependencies: FirmwareUpdateDependencies) {
    this.#d = dependencies;
    this.#kept = dependencies.store.load<Kept>(storeName) ?? {};
  }

  /** What the machine has, or could be started with. */
  get slots(): readonly FirmwareSlot[] {
    return this.#d.machine.slots;
  }

  /** What the next start uses. */
  active(slot: FirmwareSlot): FirmwareImage {
    const { uploaded, active } = this.#kept[slot] ?? {};
    return this.#image(slot, active === 'uploaded' ? uploaded : undefined);
  }

  /** What can be put in its place; undefined as long as nobody has sent any. */
  standby(slot: FirmwareSlot): FirmwareImage | undefined {
    const kept = this.#kept[slot];
    return kept && this.#image(slot, kept.active === 'uploaded' ? undefined : kept.uploaded);
  }

  /** Which of them a machine made like this starts with. */
  slotOf({ firmware, secureBoot }: Pick<MachineHardware, 'firmware' | 'secureBoot'>): FirmwareSlot {
    return firmware === 'bios' ? 'bios' : secureBoot ? 'uefi-secure-boot' : 'uefi';
  }

  /** Of what the machine runs with, or would start with while it is off; undefined when it cannot be told. */
  versionOf(hardware: Pick<MachineHardware, 'firmware' | 'secureBoot'>): string | undefined {
    const slot = this.slotOf(hardware);
    const { running } = this.#d.machine;
    if (running?.slot !== slot) return this.active(slot).version;
    if (running.file === undefined) return this.#d.machine.packagedVersion(slot);
    const { uploaded } = this.#kept[slot] ?? {};
    // It may have been replaced since.
    return uploaded?.file === running.file ? nameOf(uploaded) : undefined;
  }

  /** Files that take the place of what comes with the host, for the machine's next start. */
  get files(): Readonly<Partial<Record<FirmwareSlot, string>>> {
    const { machine } = this.#d;
    const files: Partial<Record<FirmwareSlot, string>> = {};
    for (const slot of firmwareSlots) {
      const { uploaded, active } = this.#kept[slot] ?? {};
      if (!uploaded || active !== 'uploaded') continue;
      if (machine.has(uploaded.file)) files[slot] = uploaded.file;
      else this.#lost(slot);
    }
    return files;
  }

  /** Told of each change of what the next start uses. */
  onChange(listener: (slot: FirmwareSlot) => void): () => void {
    return this.#changed.on(listener);
  }

  /** What an image is. @throws {BmcError} `bad-argument` when it is no firmware for this machine */
  examine(image: Uint8Array): ExaminedFirmware {
    return this.#d.machine.examine(image);
  }

  /**
   * Installs an image: a program becomes the active one from the next start on, variables take the place of the present
   * ones.
   * @param wanted where it goes; otherwise to what the machine starts with next, if it fits there
   * @param staged a program stands by until it is activated
   * @throws {BmcError} `bad-argument` when it is no firmware for this machine, or not for that place; `no-space` or
   *   `timed-out` when it cannot be kept: then nothing has changed
   */
  install(
    image: Uint8Array,
    { wanted, staged = false }: { readonly wanted?: FirmwareSlot; readonly staged?: boolean },
    actor: Actor,
  ): Installed {
    const { machine, clock } = this.#d;
    const { kind, slots, version } = machine.examine(image);
    const slot = this.#slotFor(slots, wanted);
    if (kind === 'variables') {
      if (staged) throw new BmcError('bad-argument', 'UEFI variables cannot be staged');
      machine.replaceVariables(slot, image);
      this.#say(`${slotNames[slot]}: variables replaced from the next start on`, actor);
      this.#changed.emit(slot);
      return { slot, kind, name: 'UEFI variables' };
    }
    // What an earlier update has left that was killed: the disk may be full of it.
    this.#removeOthers();
    const uploaded: UploadedFirmware = {
      file: machine.keep(slot, image),
      ...(version !== undefined && { version }),
      sizeBytes: image.length,
      sha256: createHash('sha256').update(image).digest('hex'),
      installedAt: clock.wallTime(),
    };
    const before = this.#kept[slot];
    try {
      const active = staged ? (before?.active ?? 'packaged') : 'uploaded';
      if (staged && active === 'uploaded') {
        throw new BmcError(
          'wrong-state',
          'the active image is an uploaded one: activate the packaged one first',
        );
      }
      this.#save({ ...this.#kept, [slot]: { uploaded, active } });
    } finally {
      // The one before, or this one if it is not to be. A machine that runs with it has it open, or in its memory.
      this.#removeOthers();
    }
    const name = nameOf(uploaded);
    this.#say(`${slotNames[slot]}: ${name} ${staged ? 'stands by' : 'active from the next start on'}`, actor);
    this.#changed.emit(slot);
    return { slot, kind, name };
  }

  /** The one that stands by becomes the active one, and the other way round. @throws {BmcError} `wrong-state` for none */
  activate(slot: FirmwareSlot, actor: Actor): void {
    const kept = this.#kept[slot];
    if (!kept) throw new BmcError('wrong-state', `${slotNames[slot]}: no other image stands by`);
    if (kept.active === 'packaged' && !this.#d.machine.has(kept.uploaded.file)) {
      this.#lost(slot);
      throw new BmcError('wrong-state', `${slotNames[slot]}: the image that stood by has gone`);
    }
    const active = kept.active === 'uploaded' ? 'packaged' : 'uploaded';
    this.#save({ ...this.#kept, [slot]: { ...kept, active } });
    const { version } = this.active(slot);
    this.#say(`${slotNames[slot]}: ${active} image ${version ?? ''} active from the next start on`, actor);
    this.#changed.emit(slot);
  }

  #image(slot: FirmwareSlot, uploaded: UploadedFirmware | undefined): FirmwareImage {
    const { machine } = this.#d;
    const { running } = machine;
    return {
      origin: uploaded ? 'uploaded' : 'packaged',
      version: uploaded ? nameOf(uploaded) : machine.packagedVersion(slot),
      uploaded,
      running: running?.slot === slot && running.file === uploaded?.file,
    };
  }

  #slotFor(fitting: readonly FirmwareSlot[], wanted: FirmwareSlot | undefined): FirmwareSlot {
    const able = fitting.filter((slot) => this.slots.includes(slot));
    const next = this.slotOf(this.#d.next());
    const found = wanted === undefined ? (able.find((slot) => slot === next) ?? able[0]) : wanted;
    if (found !== undefined && able.includes(found)) return found;
    const [usual] = fitting;
    const what = usual === undefined ? 'nothing that this machine starts with' : slotNames[usual];
    const where = wanted === undefined ? 'this host has no such firmware' : `not for ${slotNames[wanted]}`;
    throw new BmcError('bad-argument', `the image is for ${what}: ${where}`);
  }

  /** Its file is no longer there: the packaged one takes its place, for a machine has to start. */
  #lost(slot: FirmwareSlot): void {
    const { [slot]: gone, ...others } = this.#kept;
    this.#kept = others;
    try {
      this.#d.store.save(storeName, others);
    } catch (error) {
      // It is missed again at the next start of the BMC.
      this.#d.log.error({ err: error, slot }, 'missing firmware not forgotten on the disk');
    }
    const name = gone ? nameOf(gone.uploaded) : '';
    this.#d.events.add(
      'state-damaged',
      `${slotNames[slot]}: the file of ${name} has gone; the packaged firmware takes its place`,
    );
  }

  /** Images that nothing tells of. What cannot be removed goes with the next update. */
  #removeOthers(): void {
    const { machine, log } = this.#d;
    try {
      machine.removeAllBut(Object.values(this.#kept).map(({ uploaded }) => uploaded.file));
    } catch (error) {
      log.warn({ err: error }, 'firmware images that nobody needs are left');
    }
  }

  #save(kept: Kept): void {
    this.#d.store.save(storeName, kept);
    this.#kept = kept;
  }

  #say(text: string, actor: Actor): void {
    this.#d.events.add('firmware', `${text}, by ${actorText(actor)}`, actor);
  }
}

/** An image that does not say its version is known by what it consists of. */
function nameOf({ version, sha256 }: UploadedFirmware): string {
  return version ?? `sha256:${sha256.slice(0, 16)}`;
}
