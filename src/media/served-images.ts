/**
 * Images that stay on their HTTP server: each is served to the machine by NBD at a socket of its own, out of a cache of
 * bounded size. A BMC that starts anew serves it again at the same place, and the machine goes on.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type {
  MediaSlot,
  MediaTrust,
  MediumRequest,
  RemoteImage,
  RemoteImages,
  RemoteSource,
} from '../bmc/media-images.ts';
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import { BlockCache } from './block-cache.ts';
import { BlockReader, type BlockReaderLimits, defaultBlockReaderLimits } from './block-reader.ts';
import { credentialsOf, type HttpClient, parseHttpUrl } from './http-client.ts';
import { HttpRanges, probeRanges } from './http-ranges.ts';
import { checkImage } from './image-check.ts';
import { NbdServer } from './nbd/server.ts';

export interface ServedImagesOptions {
  readonly client: HttpClient;
  /** Of the sockets; made by others. What earlier lives have left of them there is removed. */
  readonly socketDirectory: string;
  readonly cacheDirectory: string;
  /** Of one image. */
  readonly cacheBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<BlockReaderLimits>;
}

interface Served {
  readonly slot: MediaSlot;
  readonly reader: BlockReader;
  readonly cache: BlockCache;
  readonly server: NbdServer;
}

const socketName = /^(cd|usb)-[0-9a-f]{8}\.nbd$/;

export class ServedImages implements RemoteImages {
  readonly #o: ServedImagesOptions;
  readonly #limits: BlockReaderLimits;
  readonly #served = new Map<string, Served>();
  readonly #troubles = new Emitter<MediaSlot>();

  constructor(options: ServedImagesOptions) {
    this.#o = options;
    this.#limits = { ...defaultBlockReaderLimits, ...options.limits };
    const { socketDirectory } = options;
    mkdirSync(socketDirectory, { recursive: true });
    for (const name of readdirSync(socketDirectory)) {
      if (socketName.test(name)) rmSync(join(socketDirectory, name), { force: true });
    }
  }

  async open(
    slot: MediaSlot,
    request: MediumRequest,
    trust: () => MediaTrust,
    signal: AbortSignal,
  ): Promise<RemoteImage | undefined> {
    if (!/^https?:/i.test(request.url)) return undefined;
    const url = parseHttpUrl(request.url);
    const { client, socketDirectory } = this.#o;
    const found = await probeRanges(client, {
      url,
      credentials: credentialsOf(url, request),
      trust: trust(),
      signal,
    });
    if (!found) return undefined;
    const { sizeBytes, version } = found;
    const { userName, password } = request;
    const source: RemoteSource = {
      url: request.url,
      version,
      ...(userName !== undefined && { userName }),
      ...(password !== undefined && { password }),
    };
    const id = createHash('sha256').update(randomUUID()).digest('hex').slice(0, 8);
    const image = { source, sizeBytes, file: join(socketDirectory, `${slot}-${id}.nbd`) };
    const { reader } = await this.#serve(slot, image, trust);
    const abort = () => reader.setReady(false);
    signal.addEventListener('abort', abort, { once: true });
    try {
      if (signal.aborted) abort();
      await checkImage((position, length) => reader.readUpTo(position, length), slot, sizeBytes);
    } catch (error) {
      await this.close(image.file);
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
    return image;
  }

  async resume(slot: MediaSlot, image: RemoteImage, trust: () => MediaTrust): Promise<void> {
    await this.#serve(slot, image, trust);
  }

  setReady(file: string, ready: boolean): void {
    this.#served.get(file)?.reader.setReady(ready);
  }

  trouble(file: string): string | undefined {
    return this.#served.get(file)?.reader.trouble;
  }

  onTrouble(listener: (slot: MediaSlot) => void): () => void {
    return this.#troubles.on(listener);
  }

  async close(file: string): Promise<void> {
    const served = this.#served.get(file);
    if (!served) return;
    this.#served.delete(file);
    // First the connection: to the machine this is a server that has gone and may return, not a bad disc.
    await served.server.close();
    served.reader.setReady(false);
    await served.cache.close();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#served.keys()].map((file) => this.close(file)));
  }

  async #serve(
    slot: MediaSlot,
    { source, file, sizeBytes }: RemoteImage,
    trust: () => MediaTrust,
  ): Promise<Served> {
    const { client, cacheDirectory, cacheBytes, clock, log } = this.#o;
    const { blockBytes } = this.#limits;
    const most = Math.floor(cacheBytes / blockBytes);
    const cache = await BlockCache.open(join(cacheDirectory, `${slot}.cache`), blockBytes, most);
    // What is read ahead must be there still when it is wanted.
    const mostAhead = Math.max(1, Math.min(this.#limits.mostAhead, Math.floor(most / 4)));
    const reader = new BlockReader({
      source: new HttpRanges(client, source, sizeBytes, trust),
      sizeBytes,
      cache,
      clock,
      limits: { ...this.#limits, mostAhead },
      onTrouble: (reason) => {
        log.info({ slot, reason }, reason === undefined ? 'image can be read again' : 'image cannot be read');
        if (this.#served.has(file)) this.#troubles.emit(slot);
      },
    });
    const server = new NbdServer({ sizeBytes, read: (offset, length) => reader.read(offset, length) }, log);
    const served = { slot, reader, cache, server };
    try {
      await server.listen(file);
    } catch (error) {
      await cache.close();
      throw error;
    }
    this.#served.set(file, served);
    return served;
  }
}
