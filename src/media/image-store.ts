/**
 * Images as files of a directory of their own, within limits: of one image, and of what the disk has left. Bytes go to
 * the file as they come; runs of zeros become holes. Nothing that a client chose becomes part of a file's name.
 */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { type FileHandle, open, rename, rm, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BmcError, savingError } from '../bmc/errors.ts';
import type { ImageStore, ImageWriter, MediaSlot } from '../bmc/media-images.ts';
import { checkImage, readerOf } from './image-check.ts';

/** What stays free for everything else on the disk. */
const reserveBytes = 64 * 1024 * 1024;
/** How often the free space is looked at where nobody announced a size. */
const lookEveryBytes = 64 * 1024 * 1024;
/** Zeros of this length, at a multiple of it, become a hole. */
const holeBytes = 4096;
const zeros = Buffer.alloc(holeBytes);

export interface FileImagesOptions {
  readonly directory: string;
  /** Of one image. */
  readonly maxBytes: number;
}

export class FileImages implements ImageStore {
  readonly #directory: string;
  readonly #maxBytes: number;
  #made = 0;

  /** Makes the directory. */
  constructor({ directory, maxBytes }: FileImagesOptions) {
    this.#directory = resolve(directory);
    this.#maxBytes = maxBytes;
    // The machine's process may be another user's of our group; it is told the names of what it may open.
    mkdirSync(this.#directory, { recursive: true });
    chmodSync(this.#directory, 0o710);
  }

  async create(slot: MediaSlot, name: string, sizeBytes: number | undefined): Promise<ImageWriter> {
    if (sizeBytes !== undefined) {
      this.#checkSize(sizeBytes);
      await this.#checkSpace(sizeBytes);
    }
    const digest = createHash('sha256')
      .update(`${name}\0${++this.#made}\0${Date.now()}`)
      .digest('hex');
    const file = join(this.#directory, `${slot}-${digest.slice(0, 24)}`);
    let handle: FileHandle;
    try {
      handle = await open(`${file}.part`, 'wx+', 0o660);
      // Whatever the umask says: the machine may be another user's of our group.
      await handle.chmod(0o660);
    } catch (cause) {
      throw savingError('the image cannot be kept', cause);
    }
    return new FileWriter({
      slot,
      file,
      handle,
      announcedBytes: sizeBytes,
      checkSize: (bytes) => this.#checkSize(bytes),
      checkSpace: (bytes) => this.#checkSpace(bytes),
    });
  }

  has(file: string): boolean {
    return existsSync(file);
  }

  remove(file: string): void {
    rmSync(file, { force: true });
  }

  keepOnly(files: readonly string[]): void {
    for (const name of readdirSync(this.#directory)) {
      const file = join(this.#directory, name);
      if (!files.includes(file)) rmSync(file, { force: true });
    }
  }

  #checkSize(sizeBytes: number): void {
    if (sizeBytes <= this.#maxBytes) return;
    throw new BmcError(
      'no-space',
      `an image of ${sizeBytes} bytes or more; at most ${this.#maxBytes} are taken (redfish.media.maxSize)`,
    );
  }

  async #checkSpace(wantedBytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#directory);
    const free = bavail * bsize - reserveBytes;
    if (wantedBytes <= free) return;
    throw new BmcError('no-space', `${wantedBytes} bytes wanted, ${Math.max(0, free)} left for images`);
  }
}

interface WriterParts {
  readonly slot: MediaSlot;
  readonly file: string;
  readonly handle: FileHandle;
  readonly announcedBytes: number | undefined;
  checkSize(bytes: number): void;
  checkSpace(bytes: number): Promise<void>;
}

class FileWriter implements ImageWriter {
  readonly #parts: WriterParts;
  #received = 0;
  #lookAt = lookEveryBytes;
  #closed = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  get receivedBytes(): number {
    return this.#received;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { announcedBytes, checkSize, checkSpace, handle } = this.#parts;
    if (this.#closed) throw new BmcError('wrong-state', 'the image has been given up');
    const after = this.#received + bytes.length;
    if (announcedBytes !== undefined && after > announcedBytes) {
      throw new BmcError('bad-argument', `more bytes than the ${announcedBytes} that were announced`);
    }
    checkSize(after);
    if (announcedBytes === undefined && after > this.#lookAt) {
      this.#lookAt += lookEveryBytes;
      await checkSpace(lookEveryBytes);
    }
    try {
      for (const [from, to] of betweenHoles(bytes, this.#received)) {
        await writeAll(handle, bytes.subarray(from, to), this.#received + from);
      }
    } catch (cause) {
      throw savingError('the image cannot be kept', cause);
    }
    this.#received = after;
  }

  async finish(): Promise<{ file: string; sizeBytes: number }> {
    const { announcedBytes, handle, file, slot } = this.#parts;
    const sizeBytes = this.#received;
    if (announcedBytes !== undefined && sizeBytes < announcedBytes) {
      throw new BmcError('bad-argument', `${sizeBytes} bytes of ${announcedBytes} came`);
    }
    try {
      // A hole at the end is part of the image.
      await handle.truncate(sizeBytes);
      await checkImage(readerOf(handle), slot, sizeBytes);
      await handle.sync();
      await rename(`${file}.part`, file);
    } catch (cause) {
      throw savingError('the image cannot be kept', cause);
    } finally {
      await this.#close();
    }
    return { file, sizeBytes };
  }

  async discard(): Promise<void> {
    const { file } = this.#parts;
    await this.#close();
    await Promise.all([rm(`${file}.part`, { force: true }), rm(file, { force: true })]);
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#parts.handle.close();
  }
}

/** What has to be written of bytes that belong to this place of the file. */
function betweenHoles(bytes: Uint8Array, position: number): [from: number, to: number][] {
  const runs: [number, number][] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + holeBytes - ((position + at) % holeBytes));
    const isHole = end - at === holeBytes && zeros.equals(bytes.subarray(at, end));
    const last = runs.at(-1);
    if (!isHole && last?.[1] === at) last[1] = end;
    else if (!isHole) runs.push([at, end]);
    at = end;
  }
  return runs;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
