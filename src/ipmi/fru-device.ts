/**
 * FRU device 0: the bytes that IPMI clients read and write, in step with what the core knows of the server's parts.
 *
 *     core ──(never written: made from it; asset tag: put into it)──▶ bytes
 *     bytes ──(written by a client, once they make sense as a whole)──▶ core
 *
 * Clients write in pieces of 16 bytes or so, and each piece is on the disk before it is acknowledged: the store holds
 * the pieces as they came, one short line each, and begins again with the whole image now and then.
 */
import { type Actor, actorText } from '../bmc/actor.ts';
import type { Bmc } from '../bmc/bmc.ts';
import { BmcError } from '../bmc/errors.ts';
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

/** Bytes that took the place of those at `offset`. The first line holds the whole image. */
interface Piece {
  readonly offset: number;
  readonly hex: string;
}

const storeName = 'fru-image';
/** The store holds no more lines than these: two writes of everything by a client that sends 16 bytes a time. */
const maxLines = 256;
/** A client that is silent for longer begins anew. */
const writingPauseMs = 60_000;
const ownActor: Actor = { name: 'the FRU device', face: 'bmc' };

export class FruDevice {
  readonly #bmc: Bmc;
  /** What clients have made of it; undefined as long as none has written. */
  #written: Uint8Array | undefined;
  /** Lines in the store. */
  #lines = 0;
  /** A write of ours is on its way into the core. */
  #telling = false;
  /** Who wrote last, and when. */
  #writing: { readonly actor: Actor; readonly at: number } | undefined;

  constructor(bmc: Bmc) {
    this.#bmc = bmc;
    for (const { offset, hex } of bmc.store.records<Piece>(storeName)) {
      const data = fromHex(hex);
      // Pieces of an image that was lost to damage make no image.
      if (data.length === fruSizeBytes) this.#written = data;
      else this.#written?.set(data, offset);
      this.#lines++;
    }
    // The end may have come between a write and what it told the core.
    if (this.#written !== undefined) {
      try {
        this.#tell(ownActor);
      } catch (error) {
        bmc.log.error({ err: error }, 'what the FRU says is not taken over');
      }
    }
    bmc.asset.onChange(() => this.#assetChanged());
  }

  get bytes(): Uint8Array {
    const { fru, identity } = this.#bmc;
    return this.#written ?? encodeFru(newFruImage(fru.fields, identity.uuid));
  }

  /** @throws {RangeError} beyond the end; {BmcError} as the store refuses */
  write(offset: number, data: Uint8Array, actor: Actor): void {
    if (offset + data.length > fruSizeBytes)
      throw new RangeError(`FRU: ${offset} + ${data.length} is too far`);
    const before = this.#written?.subarray(offset, offset + data.length);
    // Whoever edits a field writes the whole image: what is on the disk already need not go there again.
    if (before === undefined || Buffer.compare(before, data) !== 0) {
      const next = this.bytes.slice();
      next.set(data, offset);
      this.#keep(next, { offset, hex: toHex(data) });
      this.#tellWriting(offset, actor);
    }
    this.#tell(actor);
  }

  /** Once for all the pieces that a client writes one after the other. */
  #tellWriting(offset: number, actor: Actor): void {
    const { clock, events } = this.#bmc;
    const goesOn = this.#writing?.actor === actor && clock.now() - this.#writing.at < writingPauseMs;
    this.#writing = { actor, at: clock.now() };
    if (goesOn) return;
    events.add('configuration', `FRU: written from byte ${offset} on by ${actorText(actor)}`, actor);
  }

  /** Between its first and its last write a client leaves checksums wrong: then there is nothing to tell. */
  #tell(actor: Actor): void {
    const image = this.#decoded();
    if (!image) return;
    this.#telling = true;
    try {
      this.#bmc.fru.update(fruFieldsOf(image), actor);
    } catch (error) {
      // Six-bit text can be longer than any asset tag. The bytes are the client's, and stay.
      if (!(error instanceof BmcError && error.kind === 'bad-argument')) throw error;
      this.#bmc.log.warn({ err: error }, 'asset tag of the FRU not taken over');
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

  /** @param piece what is new in `bytes`; all of it if absent */
  #keep(bytes: Uint8Array, piece?: Piece): void {
    const { store } = this.#bmc;
    if (piece && this.#written !== undefined && this.#lines < maxLines) {
      store.append(storeName, piece);
      this.#lines++;
    } else {
      store.rewrite(storeName, [{ offset: 0, hex: toHex(bytes) }]);
      this.#lines = 1;
    }
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
