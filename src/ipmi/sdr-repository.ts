/**
 * The SDR Repository: the records that describe this server, made of its sensors, and those that clients have added.
 * IPMI 2.0 §33. Clients may delete and clear only what clients have added. Our own records stay, yet one gives way to
 * a client's record of the same thing for as long as that one is there: so a repository that is dumped and filled
 * again (`ipmitool sdr fill`) is the same as before.
 */
import { createHash } from 'node:crypto';
import type { Actor } from '../bmc/actor.ts';
import type { Bmc } from '../bmc/bmc.ts';
import { BmcError } from '../bmc/errors.ts';
import { fromHex, toHex } from '../lib/bytes.ts';
import { sdrHeaderLength, sdrKey, sensorSdrKey } from './records/sdr.ts';
import { Reservations } from './reservations.ts';

export interface SdrRecord {
  /** 1 to FFFEh. */
  readonly id: number;
  /** Whole, its ID and length in front. */
  readonly bytes: Uint8Array;
}

interface KeptRepository {
  /** Of our own records: when they change, clients have to read them anew. */
  readonly digest: string;
  readonly added: readonly { readonly id: number; readonly hex: string }[];
  /** Seconds since 1970 by the SEL's clock. */
  readonly lastAdded: number;
  readonly lastErased?: number;
}

/** For our own records and others' together. */
export const sdrCapacityBytes = 16_384;
export const maxSdrBytes = sdrHeaderLength + 0xff;
const firstAddedId = 0x1000;
const lastAddedId = 0xfffe;
/** Reservations that are remembered. */
const maxReservations = 64;
const storeName = 'sdr';

export class SdrRepository {
  /** Several clients may hold one at a time; any change ends them all. */
  readonly reservations = new Reservations(maxReservations);
  /** A record that comes in parts: its ID and what there is of it. */
  partial: { readonly id: number; readonly bytes: Uint8Array } | undefined;
  readonly #bmc: Bmc;
  readonly #own: readonly SdrRecord[];
  #kept: KeptRepository;
  #added: readonly SdrRecord[];
  #overflow = false;

  /** @throws {BmcError} as the store refuses */
  constructor(bmc: Bmc, own: readonly SdrRecord[]) {
    this.#bmc = bmc;
    this.#own = own;
    const digest = createHash('sha256');
    for (const { bytes } of own) digest.update(bytes);
    const ownDigest = digest.digest('hex');
    const kept = bmc.store.load<KeptRepository>(storeName);
    if (kept?.digest === ownDigest) {
      this.#kept = kept;
    } else {
      this.#kept = { added: [], ...kept, digest: ownDigest, lastAdded: bmc.sel.time };
      bmc.store.save(storeName, this.#kept);
    }
    this.#added = this.#kept.added.map(({ id, hex }) => ({ id, bytes: fromHex(hex) }));
  }

  get records(): readonly SdrRecord[] {
    const taken = new Set(this.#added.map(({ bytes }) => sdrKey(bytes)));
    return [...this.#own.filter(({ bytes }) => !taken.has(sdrKey(bytes))), ...this.#added];
  }

  /** @returns the ID of the record about one of our sensors, whoever wrote it; undefined for a number without one */
  idOfSensor(number: number): number | undefined {
    const key = sensorSdrKey(number);
    return this.records.find(({ bytes }) => sdrKey(bytes) === key)?.id;
  }

  get freeBytes(): number {
    return [...this.#own, ...this.#added].reduce((free, { bytes }) => free - bytes.length, sdrCapacityBytes);
  }

  get lastAdded(): number {
    return this.#kept.lastAdded;
  }

  get lastErased(): number | undefined {
    return this.#kept.lastErased;
  }

  /** Whether a record was refused for lack of space since the last change. */
  get overflow(): boolean {
    return this.#overflow;
  }

  /** The ID that the next record will get. @throws {BmcError} `no-space` */
  nextId(): number {
    const taken = new Set(this.#added.map(({ id }) => id));
    for (let id = firstAddedId; id <= lastAddedId; id++) if (!taken.has(id)) return id;
    throw new BmcError('no-space', 'SDR repository: no record ID left');
  }

  /** @param bytes the whole record; its ID is replaced @throws {BmcError} `no-space`, or as the store refuses */
  add(bytes: Uint8Array, actor: Actor): number {
    if (bytes.length > this.freeBytes) {
      this.#overflow = true;
      throw new BmcError('no-space', `SDR repository: ${this.freeBytes} bytes left, not ${bytes.length}`);
    }
    const id = this.nextId();
    const whole = Uint8Array.from(bytes);
    whole[0] = id & 0xff;
    whole[1] = id >> 8;
    this.#change([...this.#added, { id, bytes: whole }], { lastAdded: this.#bmc.sel.time }, actor);
    return id;
  }

  /** @throws {BmcError} `not-found`, or `not-supported` for a record of our own */
  delete(id: number, actor: Actor): void {
    if (this.#own.some((record) => record.id === id)) {
      throw new BmcError('not-supported', `SDR ${id} belongs to the controller`);
    }
    if (!this.#added.some((record) => record.id === id)) throw new BmcError('not-found', `no SDR ${id}`);
    this.#change(
      this.#added.filter((record) => record.id !== id),
      { lastErased: this.#bmc.sel.time },
      actor,
    );
  }

  /** Erases what clients have added. */
  clear(actor: Actor): void {
    this.#change([], { lastErased: this.#bmc.sel.time }, actor);
  }

  #change(
    added: readonly SdrRecord[],
    times: { lastAdded?: number; lastErased?: number },
    actor: Actor,
  ): void {
    const next: KeptRepository = {
      ...this.#kept,
      ...times,
      added: added.map(({ id, bytes }) => ({ id, hex: toHex(bytes) })),
    };
    this.#bmc.store.save(storeName, next);
    const ids = (records: readonly SdrRecord[]) => records.map(({ id }) => id);
    this.#bmc.events.changed(actor, 'SDRs that clients have added', ids(this.#added), ids(added));
    this.#kept = next;
    this.#added = added;
    this.reservations.cancelAll();
    this.#overflow = false;
    this.partial = undefined;
  }
}
