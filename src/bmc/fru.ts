/**
 * What is written on the server's parts: chassis, board, product. As delivered it tells the same as SMBIOS tells the
 * guest; what a client writes over it stays.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../lib/clock.ts';
import type { Actor } from './actor.ts';
import type { Asset } from './asset.ts';
import type { EventLog } from './event-log.ts';
import type { Identity } from './identity.ts';
import type { Store } from './store.ts';

export interface FruFields {
  readonly chassis: { readonly partNumber: string; readonly serialNumber: string };
  readonly board: {
    /** Milliseconds since 1970, to the minute. */
    readonly manufacturedAt: number;
    readonly manufacturer: string;
    readonly product: string;
    readonly serialNumber: string;
    readonly partNumber: string;
  };
  readonly product: {
    readonly manufacturer: string;
    readonly name: string;
    readonly partNumber: string;
    readonly version: string;
    readonly serialNumber: string;
    readonly assetTag: string;
  };
}

interface FruRecord {
  /** When this server was first looked at as such: it has no other birthday. */
  readonly madeAt: number;
  /** What a client has written, all but the asset tag, which has a place of its own. */
  readonly written?: FruFields;
}

const minuteMs = 60_000;

export class Fru {
  readonly #identity: Identity;
  readonly #asset: Asset;
  readonly #events: EventLog;
  readonly #store: Store;
  readonly #clock: Clock;
  #record: FruRecord | undefined;

  constructor(options: { identity: Identity; asset: Asset; events: EventLog; store: Store; clock: Clock }) {
    this.#identity = options.identity;
    this.#asset = options.asset;
    this.#events = options.events;
    this.#store = options.store;
    this.#clock = options.clock;
  }

  get fields(): FruFields {
    const { tag: assetTag } = this.#asset;
    const { written } = this.#kept();
    if (written) return { ...written, product: { ...written.product, assetTag } };
    const { manufacturer, product, serialNumber, firmwareVersion } = this.#identity;
    return {
      chassis: { partNumber: product, serialNumber },
      board: {
        manufacturedAt: this.#kept().madeAt,
        manufacturer,
        product,
        serialNumber,
        partNumber: firmwareVersion,
      },
      product: {
        manufacturer,
        name: product,
        partNumber: product,
        version: firmwareVersion,
        serialNumber,
        assetTag,
      },
    };
  }

  /**
   * Takes over what a client has written, the asset tag included; saves only what is new.
   * @throws {BmcError} as store and asset refuse
   */
  update(fields: FruFields, actor: Actor): void {
    const before = this.fields;
    const kept = this.#kept();
    if (!isDeepStrictEqual(kept.written, fields)) {
      const next = { ...kept, written: fields };
      this.#store.save('fru', next);
      this.#record = next;
      // The asset tells of its tag itself.
      const { assetTag } = fields.product;
      const others = { ...before, product: { ...before.product, assetTag } };
      this.#events.changed(actor, 'FRU', others, fields);
    }
    this.#asset.setTag(fields.product.assetTag, actor);
  }

  #kept(): FruRecord {
    if (this.#record) return this.#record;
    const kept = this.#store.load<FruRecord>('fru');
    if (kept) {
      this.#record = kept;
      return kept;
    }
    const made = { madeAt: Math.floor(this.#clock.wallTime() / minuteMs) * minuteMs };
    this.#store.save('fru', made);
    this.#record = made;
    return made;
  }
}
