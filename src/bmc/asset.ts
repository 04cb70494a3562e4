/**
 * What the owner of a server calls it: its inventory number, and the name of its controller. One fact each, shown by
 * every face (FRU product area, DCMI, Redfish).
 */
import { Emitter } from '../lib/emitter.ts';
import type { Actor } from './actor.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { Identity } from './identity.ts';
import type { Store } from './store.ts';

/** Characters, each of Latin-1. DCMI 1.5 §6.4.2, §6.4.6. */
export const maxAssetText = 63;

interface AssetRecord {
  readonly tag: string;
  readonly controllerName: string;
}

export class Asset {
  readonly #store: Store;
  readonly #events: EventLog;
  readonly #changed = new Emitter<void>();
  #record: AssetRecord;

  constructor({ store, events, identity }: { store: Store; events: EventLog; identity: Identity }) {
    this.#store = store;
    this.#events = events;
    this.#record = {
      tag: '',
      controllerName: `bmc-${identity.serialNumber}`,
      ...store.load<AssetRecord>('asset'),
    };
  }

  /** Empty until somebody has given one. */
  get tag(): string {
    return this.#record.tag;
  }

  get controllerName(): string {
    return this.#record.controllerName;
  }

  /** @throws {BmcError} `bad-argument` for text that is too long or beyond Latin-1 */
  setTag(tag: string, actor: Actor): void {
    this.#set({ ...this.#record, tag }, actor);
  }

  /** @throws {BmcError} `bad-argument` for text that is too long or beyond Latin-1 */
  setControllerName(controllerName: string, actor: Actor): void {
    this.#set({ ...this.#record, controllerName }, actor);
  }

  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  #set(record: AssetRecord, actor: Actor): void {
    for (const text of [record.tag, record.controllerName]) {
      const strange = [...text].some((character) => (character.codePointAt(0) ?? 0) > 0xff);
      if (text.length > maxAssetText || strange) {
        throw new BmcError('bad-argument', `asset text: at most ${maxAssetText} characters of Latin-1`);
      }
    }
    if (record.tag === this.tag && record.controllerName === this.controllerName) return;
    this.#store.save('asset', record);
    this.#events.changed(actor, 'asset', this.#record, record);
    this.#record = record;
    this.#changed.emit();
  }
}
