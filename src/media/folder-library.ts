/** The files of one folder as a library of images. They are read where they lie, and never written to. */
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { BmcError } from '../bmc/errors.ts';
import { type ImageLibrary, type LibraryImage, type MediaSlot, mediaSlots } from '../bmc/media-images.ts';
import { checkImage, readerOf } from './image-check.ts';

/** More than anybody reads; looking at each costs a little. */
const mostImages = 1000;

export class FolderLibrary implements ImageLibrary {
  readonly #folder: string;

  /** @param folder may come later */
  constructor(folder: string) {
    this.#folder = resolve(folder);
  }

  async list(): Promise<readonly LibraryImage[]> {
    let names: string[];
    try {
      names = await readdir(this.#folder);
    } catch {
      return [];
    }
    const found: LibraryImage[] = [];
    for (const name of names.sort()) {
      if (found.length >= mostImages) break;
      const image = await this.#look(name);
      if (image) found.push(image);
    }
    return found;
  }

  async open(name: string, slot: MediaSlot): Promise<{ readonly file: string; readonly sizeBytes: number }> {
    const file = await this.#fileOf(name);
    if (file === undefined)
      throw new BmcError('bad-argument', `no image ${name.slice(0, 200)} in the library`);
    const { sizeBytes, refusals } = await examine(file, [slot]);
    const [refusal] = refusals;
    if (refusal) throw refusal;
    return { file, sizeBytes };
  }

  /** @returns undefined for what is no image */
  async #look(name: string): Promise<LibraryImage | undefined> {
    const file = await this.#fileOf(name);
    if (file === undefined) return undefined;
    try {
      const { mtimeMs } = await stat(file);
      const { sizeBytes, slots } = await examine(file, mediaSlots);
      return slots.length > 0 ? { name, sizeBytes, slots, modifiedAt: mtimeMs } : undefined;
    } catch {
      // It is not for us to read, or has gone meanwhile.
      return undefined;
    }
  }

  /** @returns where it really is; undefined unless that is a file in the folder itself */
  async #fileOf(name: string): Promise<string | undefined> {
    if (name === '' || name.startsWith('.') || /[/\\\0]/.test(name)) return undefined;
    try {
      const file = await realpath(join(this.#folder, name));
      if (dirname(file) !== (await realpath(this.#folder))) return undefined;
      return (await stat(file)).isFile() ? file : undefined;
    } catch {
      return undefined;
    }
  }
}

/** What a file can be, and why it cannot be anything else. @throws {BmcError} when it cannot be read */
async function examine(
  file: string,
  candidates: readonly MediaSlot[],
): Promise<{
  readonly sizeBytes: number;
  readonly slots: readonly MediaSlot[];
  readonly refusals: readonly Error[];
}> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, 'r');
  } catch (cause) {
    throw new BmcError('not-permitted', `the image cannot be read: ${(cause as Error).message}`, { cause });
  }
  try {
    const { size: sizeBytes } = await handle.stat();
    const slots: MediaSlot[] = [];
    const refusals: Error[] = [];
    for (const slot of candidates) {
      try {
        await checkImage(readerOf(handle), slot, sizeBytes);
        slots.push(slot);
      } catch (error) {
        refusals.push(error as Error);
      }
    }
    return { sizeBytes, slots, refusals };
  } finally {
    await handle.close();
  }
}
