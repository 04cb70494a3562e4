/** Gets hold of images for the machine to read: where they are, from the library, or fetched whole into a file. */
import { BmcError } from './errors.ts';
import { libraryName } from './image-address.ts';
import type {
  ImageFetcher,
  ImageLibrary,
  ImageStore,
  ImageWriter,
  MediaSlot,
  MediaTrust,
  Medium,
  MediumRequest,
  RemoteImages,
  RemoteSource,
} from './media-images.ts';

/** An image that the machine can read, without what its request says of it. */
export interface GotImage {
  readonly medium: Pick<Medium, 'file' | 'sizeBytes' | 'held'>;
  /** Of one that is read where it is. */
  readonly source?: RemoteSource;
}

/** How far an image has come that is fetched whole. */
export interface Copy {
  writer: ImageWriter | undefined;
  totalBytes: number | undefined;
}

export interface MediaSourcesOptions {
  readonly images: ImageStore;
  readonly fetcher: ImageFetcher;
  readonly remote?: RemoteImages | undefined;
  readonly library?: ImageLibrary | undefined;
}

export class MediaSources {
  readonly #options: MediaSourcesOptions;

  constructor(options: MediaSourcesOptions) {
    this.#options = options;
  }

  /** @throws {BmcError} when nothing of the kind can be got, as far as that shows in the request */
  check(request: MediumRequest): void {
    const { url, userName, password } = request;
    if (libraryName(url) === undefined) this.#options.fetcher.check(request);
    else if (userName !== undefined || password !== undefined) {
      throw new BmcError('bad-argument', 'images of the library are had without a user name and a password');
    }
  }

  /**
   * @param trust asked at each connection, as long as the image is read where it is
   * @param copy told of what is fetched whole
   */
  async get(
    slot: MediaSlot,
    request: MediumRequest,
    trust: () => MediaTrust,
    copy: Copy,
    signal: AbortSignal,
  ): Promise<GotImage> {
    const name = libraryName(request.url);
    if (name !== undefined) return this.#fromLibrary(slot, name, request);
    const opened = await this.#open(slot, request, trust, signal);
    return opened ?? this.#fetch(slot, request, trust, copy, signal);
  }

  /** @returns undefined when it is to be fetched whole */
  async #open(
    slot: MediaSlot,
    request: MediumRequest,
    trust: () => MediaTrust,
    signal: AbortSignal,
  ): Promise<GotImage | undefined> {
    if (request.whole || !request.readOnly) return undefined;
    const opened = await this.#options.remote?.open(slot, request, trust, signal);
    if (!opened) return undefined;
    const { file, sizeBytes, source } = opened;
    return { medium: { file, sizeBytes, held: 'remote' }, source };
  }

  async #fetch(
    slot: MediaSlot,
    request: MediumRequest,
    trust: () => MediaTrust,
    copy: Copy,
    signal: AbortSignal,
  ): Promise<GotImage> {
    const { images, fetcher } = this.#options;
    const begin = async (sizeBytes: number | undefined) => {
      copy.totalBytes = sizeBytes;
      copy.writer = await images.create(slot, request.url, sizeBytes);
      return copy.writer;
    };
    signal.throwIfAborted();
    const whole = await fetcher.fetch(request, trust(), begin, signal);
    return { medium: await whole.finish() };
  }

  async #fromLibrary(slot: MediaSlot, name: string, { readOnly }: MediumRequest): Promise<GotImage> {
    const { library } = this.#options;
    if (!library) throw new BmcError('bad-argument', 'there is no library of images (redfish.media.library)');
    if (!readOnly) throw new BmcError('bad-argument', 'images of the library cannot be written to');
    return { medium: { ...(await library.open(name, slot)), held: 'library' } };
  }
}
