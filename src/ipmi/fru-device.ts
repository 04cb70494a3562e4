/**
 * FRU device 0: the bytes that IPMI clients read and write, in step with what the core knows of the server's parts.
 *
 *     core ──(never written: made from it; asset tag: put into it)──▶ bytes
 *     bytes ──(written by a client, once they make sense as a whole)──▶ core
 */
import type { Bmc } from '../bmc/bmc.ts';
import { DecodeError, fromHex, toHex } from '../lib/bytes.ts';
import {
  decodeFru,
  encodeFru,
  type FruImage,
  fruFieldsOf,
  fruSizeBytes,
  newFruImage,
  withAssetTag,
} from './records/fru.ts';

const storeName = 'fru-image';

export class FruDevice {
  readonly #bmc: Bmc;
  /** What clients have made of it; undefined as long as none has written. */
  #written: Uint8Array | undefined;
  /** A write of ours is on its way into the core. */
  #telling = false;

  constructor(bmc: Bmc) {
    this.#bmc = bmc;
    const kept = bmc.store.load<{ hex: string }>(storeName);
    if (kept) this.#written = fromHex(kept.hex);
    bmc.asset.onChange(() => this.#assetChanged());
  }

  get bytes(): Uint8Array {
    const { fru, identity } = this.#bmc;
    return this.#written ?? encodeFru(newFruImage(fru.fields, identity.uuid));
  }

  /** @throws {RangeError} beyond the end; {BmcError} as the store refuses */
  write(offset: number, data: Uint8Array): void {
    if (offset + data.length > fruSizeBytes)
      throw new RangeError(`FRU: ${offset} + ${data.length} is too far`);
    const next = this.bytes.slice();
    next.set(data, offset);
    this.#keep(next);
    const image = this.#decoded();
    // Between its first and its last write a client leaves checksums wrong.
    if (!image) return;
    this.#telling = true;
    try {
      this.#bmc.fru.update(fruFieldsOf(image));
    } finally {
      this.#telling = false;
    }
  }

  #assetChanged(): void {
    if (this.#written === undefined || this.#telling) return;
    const image = this.#decoded();
    if (image) this.#keep(encodeFru(withAssetTag(image, this.#bmc.asset.tag)));
    else this.#bmc.log.warn('asset tag not put into a FRU that a client has left unreadable');
  }

  #keep(bytes: Uint8Array): void {
    this.#bmc.store.save(storeName, { hex: toHex(bytes) });
    this.#written = bytes;
  }

  #decoded(): FruImage | undefined {
    try {
      return decodeFru(this.bytes);
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
  }
}
