/**
 * What clients want the machine to be made of, over how it is configured. Takes effect when the machine starts, by
 * power-on or by a reset; what runs now is `machine.hardware`.
 */
import { Emitter } from '../lib/emitter.ts';
import type { Actor } from './actor.ts';
import { firmwares } from './boot.ts';
import { changesBetween } from './changes.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { FirmwareBootEntry, MachineBootDevice } from './inventory.ts';
import { fitsTopology, type Machine, type MachineHardware } from './machine.ts';
import type { Store } from './store.ts';

export type MachineWishes = Partial<MachineHardware>;
/** Undefined: as configured. */
export type MachineWishChange = { readonly [K in keyof MachineHardware]?: MachineHardware[K] | undefined };

/** Least and most that can be wished for. Whether the host has so much shows at the start. */
export const machineLimits = {
  cpus: [1, 255],
  sockets: [1, 8],
  threadsPerCore: [1, 2],
  memoryMb: [64, 16_777_216],
} as const;

const storeName = 'machine-settings';

export class MachineSettings {
  readonly #store: Store;
  readonly #events: EventLog;
  readonly #machine: Machine;
  readonly #changed = new Emitter<MachineWishes>();
  #wishes: MachineWishes;

  constructor({ store, events, machine }: { store: Store; events: EventLog; machine: Machine }) {
    this.#store = store;
    this.#events = events;
    this.#machine = machine;
    this.#wishes = store.load<MachineWishes>(storeName) ?? {};
  }

  /** What has been set; all else is as configured. */
  get wishes(): MachineWishes {
    return this.#wishes;
  }

  /** What the machine is made of without any wish. */
  get configured(): MachineHardware {
    return this.#machine.configured;
  }

  /** What runs now; while the machine is off, what would be started, the boot override included. */
  get current(): MachineHardware {
    return this.#machine.hardware;
  }

  /** What the next start makes, the boot override left aside. */
  get next(): MachineHardware {
    return { ...this.configured, ...this.#wishes };
  }

  /** What the next start can boot from, in its order without an override. */
  get bootDevices(): readonly MachineBootDevice[] {
    return this.#machine.bootDevices;
  }

  /** Whether the machine can be started by UEFI firmware. */
  get hasUefi(): boolean {
    return this.#machine.firmware.slots.includes('uefi');
  }

  /** The UEFI firmware's own entries, once it has any. */
  get bootEntries(): readonly FirmwareBootEntry[] {
    return this.#machine.bootEntries;
  }

  /** @throws {BmcError} `bad-argument` for what no machine can be made of; as the store refuses */
  set(change: MachineWishChange, actor: Actor): void {
    for (const [name, [least, most]] of Object.entries(machineLimits)) {
      const value = change[name as keyof typeof machineLimits];
      if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most)) {
        throw new BmcError('bad-argument', `${name}: a whole number from ${least} to ${most}, not ${value}`);
      }
    }
    const { firmware } = change;
    if (firmware !== undefined && !firmwares.includes(firmware)) {
      throw new BmcError('bad-argument', `firmware: one of ${firmwares.join(', ')}, not ${firmware}`);
    }
    const entries = Object.entries({ ...this.#wishes, ...change }).filter(([, value]) => value !== undefined);
    const wishes: MachineWishes = Object.fromEntries(entries);
    this.#check({ ...this.configured, ...wishes });
    if (describe(wishes) === describe(this.#wishes)) return;
    this.#store.save(storeName, wishes);
    const changes = changesBetween(this.next, { ...this.configured, ...wishes });
    this.#wishes = wishes;
    this.#events.add(
      'configuration',
      `machine from its next start on: ${describe(wishes) || 'as configured'}, set by ${actor.name}`,
      actor,
      changes,
    );
    this.#changed.emit(wishes);
  }

  #check(hardware: MachineHardware): void {
    const { cpus, sockets, threadsPerCore } = hardware;
    if (!fitsTopology(hardware)) {
      throw new BmcError(
        'bad-argument',
        `${cpus} processors cannot be shared out to ${sockets} sockets of cores with ${threadsPerCore} threads`,
      );
    }
    const { bootOrder } = hardware;
    if (new Set(bootOrder).size < bootOrder.length) {
      throw new BmcError('bad-argument', `boot order: a device twice: ${bootOrder.join(', ')}`);
    }
  }

  onChange(listener: (wishes: MachineWishes) => void): () => void {
    return this.#changed.on(listener);
  }
}

function describe(wishes: MachineWishes): string {
  return Object.entries(wishes)
    .map(([name, value]) => words[name as keyof MachineHardware](value as never))
    .join(', ');
}

const words: { readonly [K in keyof MachineHardware]: (value: MachineHardware[K]) => string } = {
  cpus: (count) => `${count} processors`,
  sockets: (count) => `${count} sockets`,
  threadsPerCore: (count) => `${count} threads per core`,
  memoryMb: (size) => `${size} MB`,
  firmware: (firmware) => `firmware ${firmware}`,
  secureBoot: (on) => `secure boot ${on ? 'on' : 'off'}`,
  serialRedirection: (on) => `serial redirection ${on ? 'on' : 'off'}`,
  networkBoot: (on) => `network boot ${on ? 'on' : 'off'}`,
  tpm: (on) => `TPM ${on ? 'on' : 'off'}`,
  bootOrder: (devices) => `boot order ${devices.join(' ')}`,
};
