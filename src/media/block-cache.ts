/**
 * Blocks of an image in a file of bounded size; the least recently used give way. Nothing in it outlives us: the file
 * has no name once it is open. A disk that is full keeps nothing, and nobody is the worse for it but the network.
 */
import { rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { BmcError } from '../bmc/errors.ts';

/** Blocks in memory. */
const mostRecent = 8;

interface Place {
  /** Which block of the file. */
  readonly index: number;
  readonly bytes: number;
}

export class BlockCache {
  readonly #handle: FileHandle;
  readonly #blockBytes: number;
  readonly #most: number;
  /** By number, the least recently used first. */
  readonly #places = new Map<number, Place>();
  readonly #free: number[] = [];
  /** In memory, too: firmware reads a block in many small pieces. The least recently used first. */
  readonly #recent = new Map<number, Buffer>();
  #used = 0;

  /** @param most how many blocks are kept @throws {BmcError} when the file cannot be made */
  static async open(file: string, blockBytes: number, most: number): Promise<BlockCache> {
    try {
      rmSync(file, { force: true });
      const handle = await open(file, 'wx+', 0o600);
      rmSync(file);
      return new BlockCache(handle, blockBytes, most);
    } catch (cause) {
      throw new BmcError('no-space', `no cache for the image: ${(cause as Error).message}`, { cause });
    }
  }

  private constructor(handle: FileHandle, blockBytes: number, most: number) {
    this.#handle = handle;
    this.#blockBytes = blockBytes;
    this.#most = Math.max(1, most);
  }

  has(block: number): boolean {
    return this.#places.has(block);
  }

  /** @returns undefined when it is not here (any more); not to be written to */
  async get(block: number): Promise<Buffer | undefined> {
    const place = this.#places.get(block);
    if (!place) return undefined;
    this.#places.delete(block);
    this.#places.set(block, place);
    const recent = this.#recent.get(block);
    if (recent) {
      this.#remember(block, recent);
      return recent;
    }
    const bytes = Buffer.allocUnsafe(place.bytes);
    try {
      const { bytesRead } = await this.#handle.read(bytes, 0, place.bytes, place.index * this.#blockBytes);
      // Its place may have been given to another one meanwhile.
      if (bytesRead !== place.bytes || this.#places.get(block) !== place) return undefined;
      this.#remember(block, bytes);
      return bytes;
    } catch {
      return undefined;
    }
  }

  async put(block: number, bytes: Buffer): Promise<void> {
    if (this.#places.has(block)) return;
    const index = this.#takePlace();
    if (index === undefined) return;
    try {
      const { bytesWritten } = await this.#handle.write(bytes, 0, bytes.length, index * this.#blockBytes);
      if (bytesWritten !== bytes.length || this.#places.has(block)) this.#free.push(index);
      else this.#places.set(block, { index, bytes: bytes.length });
    } catch {
      this.#free.push(index);
    }
  }

  close(): Promise<void> {
    this.#places.clear();
    this.#recent.clear();
    return this.#handle.close();
  }

  /** @returns undefined when all are being written to */
  #takePlace(): number | undefined {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#used < this.#most) return this.#used++;
    const [oldest] = this.#places;
    if (!oldest) return undefined;
    const [block, { index }] = oldest;
    this.#places.delete(block);
    this.#recent.delete(block);
    return index;
  }

  #remember(block: number, bytes: Buffer): void {
    this.#recent.delete(block);
    this.#recent.set(block, bytes);
    if (this.#recent.size <= mostRecent) return;
    const [[oldest] = []] = this.#recent;
    if (oldest !== undefined) this.#recent.delete(oldest);
  }
}
