/** Who fetches what: the scheme of an image's URL says it. */
import { BmcError } from '../bmc/errors.ts';
import type { ByteSink, FetchRequest, ImageFetcher, MediaTrust } from '../bmc/media-images.ts';

export class ImageFetchers implements ImageFetcher {
  readonly #http: ImageFetcher;
  readonly #nfs: ImageFetcher;

  constructor({ http, nfs }: { readonly http: ImageFetcher; readonly nfs: ImageFetcher }) {
    this.#http = http;
    this.#nfs = nfs;
  }

  check(request: FetchRequest): void {
    this.#fetcherOf(request).check(request);
  }

  fetch<Sink extends ByteSink>(
    request: FetchRequest,
    trust: MediaTrust,
    begin: (sizeBytes: number | undefined) => Promise<Sink>,
    signal: AbortSignal,
  ): Promise<Sink> {
    return this.#fetcherOf(request).fetch(request, trust, begin, signal);
  }

  #fetcherOf({ url }: FetchRequest): ImageFetcher {
    const [, scheme = ''] = /^([a-z][a-z0-9+.-]*):/i.exec(url) ?? [];
    if (/^(smb|cifs)$/i.test(scheme) || /^(\\\\|\/\/)/.test(url)) {
      throw new BmcError(
        'bad-argument',
        'images are not fetched from shares of Windows (SMB, CIFS); they are over http, https and nfs',
      );
    }
    return /^nfs$/i.test(scheme) ? this.#nfs : this.#http;
  }
}
