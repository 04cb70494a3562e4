/**
 * What clients want the machine to be made of, over how it is configured. Takes effect when the machine starts, by
 * power-on or by a reset; what runs now is `machine.hardware`.
 */
import { Emitter } from '../lib/emitter.ts';
import type { Actor } from './actor.ts';
import { firmwares } from './boot.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { MachineHardware } from './machine.ts';
import type { Store } from './store.ts';

export type MachineWishes = Partial<MachineHardware>;
/** Undefined: as configured. */
export type MachineWishChange = { readonly [K in keyof MachineHardware]?: MachineHardware[K] | undefined };

/** Least and most that can be wished for. Whether the host has so much shows at the start. */
export const machineLimits = { cpus: [1, 255], memoryMb: [64, 16_777_216] } as const;

const storeName = 'machine-settings';

export class MachineSettings {
  readonly #store: Store;
  readonly #events: EventLog;
  readonly #changed = new Emitter<MachineWishes>();
  #wishes: MachineWishes;

  constructor({ store, events }: { store: Store; events: EventLog }) {
    this.#store = store;
    this.#events = events;
    this.#wishes = store.load<MachineWishes>(storeName) ?? {};
  }

  /** What has been set; all else is as configured. */
  get wishes(): MachineWishes {
    return this.#wishes;
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
    if (describe(wishes) === describe(this.#wishes)) return;
    this.#store.save(storeName, wishes);
    this.#wishes = wishes;
    this.#events.add(
      'configuration',
      `machine from its next start on: ${describe(wishes) || 'as configured'}, set by ${actor.name}`,
    );
    this.#changed.emit(wishes);
  }

  onChange(listener: (wishes: MachineWishes) => void): () => void {
    return this.#changed.on(listener);
  }
}

function describe({ cpus, memoryMb, firmware }: MachineWishes): string {
  return [
    ...(cpus === undefined ? [] : [`${cpus} processors`]),
    ...(memoryMb === undefined ? [] : [`${memoryMb} MB`]),
    ...(firmware === undefined ? [] : [`firmware ${firmware}`]),
  ].join(', ');
}
