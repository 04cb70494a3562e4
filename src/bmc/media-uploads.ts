/**
 * Images that clients send, whole or in parts: one for each slot at a time. A part that breaks off leaves what has come,
 * and the client may go on from there for a while.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Actor } from './actor.ts';
import { BmcError } from './errors.ts';
import type { ImageStore, ImageWriter, MediaSlot, Medium } from './media-images.ts';
import { beginTransfer, givenUp, type Loading, type OwnTransfer } from './media-transfer.ts';

/** An upload that broke off is waited for so long. */
export const uploadPatienceMs = 15 * 60_000;

/** A part of an image that a client sends. */
export interface UploadPart {
  readonly name: string;
  /** Where in the image it begins. */
  readonly offset: number;
  /** Of the whole image; undefined where the end of the part is that of the image, so that it cannot be continued. */
  readonly totalBytes: number | undefined;
  readonly readOnly: boolean;
}

/** How much of an upload is here. */
export interface UploadProgress {
  readonly receivedBytes: number;
  readonly totalBytes: number | undefined;
}

/** The slots, as uploads see them. */
export interface UploadTarget {
  /** @throws {BmcError} `wrong-state` when the slot is taken, `bad-argument` when it takes no such image */
  requireFree(slot: MediaSlot, readOnly: boolean): void;
  /** Undefined: nothing any more. */
  setLoading(slot: MediaSlot, loading: Loading | undefined): void;
  load(slot: MediaSlot, medium: Medium, actor: Actor): Promise<void>;
  failed(slot: MediaSlot, name: string, error: unknown): void;
}

interface Upload {
  readonly name: string;
  readonly totalBytes: number | undefined;
  readonly readOnly: boolean;
  readonly writer: ImageWriter;
  readonly transfer: OwnTransfer;
  timer: Timer | undefined;
  /** A part is being received. */
  active: boolean;
}

export class MediaUploads {
  readonly #images: ImageStore;
  readonly #clock: Clock;
  readonly #target: UploadTarget;
  readonly #uploads = new Map<MediaSlot, Upload>();

  constructor(images: ImageStore, clock: Clock, target: UploadTarget) {
    this.#images = images;
    this.#clock = clock;
    this.#target = target;
  }

  /** How much of an upload is here; undefined when none is under way. */
  progress(slot: MediaSlot): UploadProgress | undefined {
    const upload = this.#uploads.get(slot);
    return upload && { receivedBytes: upload.writer.receivedBytes, totalBytes: upload.totalBytes };
  }

  /**
   * Takes a part of an image; the last one brings it into the slot. A part that breaks off may be continued within
   * {@link uploadPatienceMs} from where it broke off.
   * @returns whether the image is whole and in the slot
   * @throws {BmcError} `wrong-state` when the slot is taken, `bad-argument` when the part is not the next one
   */
  async take(
    slot: MediaSlot,
    part: UploadPart,
    bytes: AsyncIterable<Uint8Array>,
    actor: Actor,
  ): Promise<boolean> {
    const upload = await this.#uploadFor(slot, part);
    upload.timer?.cancel();
    upload.timer = undefined;
    upload.active = true;
    const { writer } = upload;
    try {
      for await (const chunk of bytes) {
        if (upload.transfer.cancelled) throw givenUp();
        await writer.write(chunk);
      }
    } catch (error) {
      // What the client or the line did can be made good by another part; what we cannot take cannot.
      const final = error instanceof BmcError || upload.totalBytes === undefined;
      if (final) await this.#endUpload(slot, upload, error);
      throw error;
    } finally {
      upload.active = false;
      if (this.#uploads.get(slot) === upload && isInPart(upload)) this.#awaitRest(slot, upload);
    }
    if (upload.transfer.cancelled) throw givenUp();
    if (isInPart(upload)) return false;
    try {
      const image = await writer.finish();
      const medium = { name: upload.name, readOnly: upload.readOnly, ...image };
      await this.#target.load(slot, medium, actor);
    } catch (error) {
      await this.#endUpload(slot, upload, error);
      throw error;
    }
    this.#uploads.delete(slot);
    this.#target.setLoading(slot, undefined);
    upload.transfer.settle();
    return true;
  }

  async #uploadFor(slot: MediaSlot, part: UploadPart): Promise<Upload> {
    const { name, offset, totalBytes, readOnly } = part;
    const known = this.#uploads.get(slot);
    if (known) {
      if (known.active) throw new BmcError('wrong-state', 'another part of the image is being received');
      const { receivedBytes } = known.writer;
      if (known.name !== name || known.totalBytes !== totalBytes || offset !== receivedBytes) {
        throw new BmcError(
          'bad-argument',
          `the upload under way is ${known.name} of ${known.totalBytes ?? 'unknown'} bytes, of which ${receivedBytes} are here`,
        );
      }
      return known;
    }
    this.#target.requireFree(slot, readOnly);
    if (offset !== 0) throw new BmcError('bad-argument', 'no upload is under way that could be continued');
    const upload: { writer: ImageWriter | undefined } & Omit<Upload, 'writer'> = {
      name,
      totalBytes,
      readOnly,
      writer: undefined,
      timer: undefined,
      // From here on the slot is taken, though the file is still to be made.
      active: true,
      transfer: beginTransfer(slot, {
        receivedBytes: () => upload.writer?.receivedBytes ?? 0,
        totalBytes: () => totalBytes,
        cancel: () => {
          void this.#endUpload(slot, upload as Upload, givenUp());
        },
      }),
    };
    this.#target.setLoading(slot, { name, url: undefined, transfer: upload.transfer });
    try {
      upload.writer = await this.#images.create(slot, name, totalBytes);
    } catch (error) {
      this.#target.setLoading(slot, undefined);
      upload.transfer.fail(error);
      throw error;
    }
    this.#uploads.set(slot, upload as Upload);
    return upload as Upload;
  }

  #awaitRest(slot: MediaSlot, upload: Upload): void {
    upload.timer = this.#clock.after(uploadPatienceMs, () => {
      const error = new BmcError('timed-out', 'the rest of the upload did not come');
      void this.#endUpload(slot, upload, error);
    });
  }

  async #endUpload(slot: MediaSlot, upload: Upload, error: unknown): Promise<void> {
    if (this.#uploads.get(slot) !== upload) return;
    upload.timer?.cancel();
    this.#uploads.delete(slot);
    await upload.writer.discard();
    this.#target.failed(slot, upload.name, error);
    this.#target.setLoading(slot, undefined);
    upload.transfer.fail(error);
  }
}

function isInPart({ totalBytes, writer }: Upload): boolean {
  return totalBytes !== undefined && writer.receivedBytes < totalBytes;
}
