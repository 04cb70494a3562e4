/** Images in memory, and a fetcher that does what the test says: for virtual media without network and disk. */
import { BmcError } from '../../src/bmc/errors.ts';
import type {
  ByteSink,
  FetchRequest,
  ImageFetcher,
  ImageLibrary,
  ImageStore,
  ImageWriter,
  LibraryImage,
  MediaSlot,
  MediaTrust,
  MediumRequest,
  RemoteImage,
  RemoteImages,
} from '../../src/bmc/media-images.ts';

export class MemoryImages implements ImageStore {
  readonly files = new Map<string, Buffer>();
  /** Writers that were given up. */
  discarded = 0;
  #made = 0;

  create(slot: MediaSlot, _name: string, sizeBytes: number | undefined): Promise<ImageWriter> {
    const file = `/memory/${slot}-${++this.#made}`;
    const chunks: Buffer[] = [];
    let receivedBytes = 0;
    return Promise.resolve({
      get receivedBytes() {
        return receivedBytes;
      },
      write(bytes) {
        chunks.push(Buffer.from(bytes));
        receivedBytes += bytes.length;
        return Promise.resolve();
      },
      finish: () => {
        if (sizeBytes !== undefined && receivedBytes < sizeBytes) {
          return Promise.reject(new BmcError('bad-argument', 'not whole'));
        }
        this.files.set(file, Buffer.concat(chunks));
        return Promise.resolve({ file, sizeBytes: receivedBytes });
      },
      discard: () => {
        this.discarded++;
        this.files.delete(file);
        return Promise.resolve();
      },
    });
  }

  has(file: string): boolean {
    return this.files.has(file);
  }

  remove(file: string): void {
    this.files.delete(file);
  }

  keepOnly(files: readonly string[]): void {
    for (const file of this.files.keys()) if (!files.includes(file)) this.files.delete(file);
  }
}

export class ScriptedFetcher implements ImageFetcher {
  /** What was asked for, and how far its server was to be trusted. */
  readonly asked: { readonly request: FetchRequest; readonly trust: MediaTrust }[] = [];
  /** What comes; undefined while the server says nothing. */
  content: Buffer | undefined = Buffer.alloc(4096, 1);
  /** Refused with this. */
  fails: Error | undefined;
  #go: (() => void)[] = [];

  check({ url }: FetchRequest): void {
    if (!/^https?:/.test(url)) throw new BmcError('bad-argument', 'images are fetched over http and https');
  }

  /** The server has what it was silent about. */
  deliver(content: Buffer): void {
    this.content = content;
    for (const go of this.#go.splice(0)) go();
  }

  async fetch<Sink extends ByteSink>(
    request: FetchRequest,
    trust: MediaTrust,
    begin: (sizeBytes: number | undefined) => Promise<Sink>,
    signal: AbortSignal,
  ): Promise<Sink> {
    this.asked.push({ request, trust });
    if (this.fails) throw this.fails;
    if (!this.content) {
      await new Promise<void>((resolve, reject) => {
        this.#go.push(resolve);
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    }
    const { content } = this;
    if (!content) throw new Error('the script has no content');
    const writer = await begin(content.length);
    await writer.write(content);
    return writer;
  }
}

/** Images that stay on their server, as far as the core is concerned. */
export class ScriptedRemote implements RemoteImages {
  /** Whether servers can do that; otherwise their images are fetched. */
  streams = false;
  /** Those that are served, and whether they may be read. */
  readonly ready = new Map<string, boolean>();
  readonly resumed: RemoteImage[] = [];
  readonly troubles = new Map<string, string>();
  readonly #listeners: ((slot: MediaSlot) => void)[] = [];
  #made = 0;

  open(slot: MediaSlot, { url, userName, password }: MediumRequest): Promise<RemoteImage | undefined> {
    if (!this.streams) return Promise.resolve(undefined);
    const file = `/remote/${slot}-${++this.#made}.nbd`;
    this.ready.set(file, true);
    const source = {
      ...{ url, version: '"1"' },
      ...(userName !== undefined && { userName }),
      ...(password !== undefined && { password }),
    };
    return Promise.resolve({ source, file, sizeBytes: 4096 });
  }

  resume(_slot: MediaSlot, image: RemoteImage): Promise<void> {
    this.resumed.push(image);
    this.ready.set(image.file, true);
    return Promise.resolve();
  }

  setReady(file: string, ready: boolean): void {
    if (this.ready.has(file)) this.ready.set(file, ready);
  }

  trouble(file: string): string | undefined {
    return this.troubles.get(file);
  }

  onTrouble(listener: (slot: MediaSlot) => void): () => void {
    this.#listeners.push(listener);
    return () => undefined;
  }

  /** @param reason undefined: no more */
  setTrouble(slot: MediaSlot, file: string, reason: string | undefined): void {
    if (reason === undefined) this.troubles.delete(file);
    else this.troubles.set(file, reason);
    for (const listener of this.#listeners) listener(slot);
  }

  close(file: string): Promise<void> {
    this.ready.delete(file);
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.ready.clear();
    return Promise.resolve();
  }
}

/** One disc. */
export class ScriptedLibrary implements ImageLibrary {
  readonly image: LibraryImage = {
    ...{ name: 'a disc.iso', sizeBytes: 4096, slots: ['cd', 'usb'], modifiedAt: 86_400_000 },
  };

  list(): Promise<readonly LibraryImage[]> {
    return Promise.resolve([this.image]);
  }

  open(name: string): Promise<{ readonly file: string; readonly sizeBytes: number }> {
    if (name !== this.image.name)
      return Promise.reject(new BmcError('bad-argument', `no image ${name} in the library`));
    return Promise.resolve({ file: `/library/${name}`, sizeBytes: this.image.sizeBytes });
  }
}
