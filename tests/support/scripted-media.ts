/** Images in memory, and a fetcher that does what the test says: for virtual media without network and disk. */
import { BmcError } from '../../src/bmc/errors.ts';
import type {
  ImageFetcher,
  ImageStore,
  ImageWriter,
  MediaSlot,
  MediaTrust,
  MediumRequest,
} from '../../src/bmc/media.ts';

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
  readonly asked: { readonly request: MediumRequest; readonly trust: MediaTrust }[] = [];
  /** What comes; undefined while the server says nothing. */
  content: Buffer | undefined = Buffer.alloc(4096, 1);
  /** Refused with this. */
  fails: Error | undefined;
  #go: (() => void)[] = [];

  check({ url }: MediumRequest): void {
    if (!/^https?:/.test(url)) throw new BmcError('bad-argument', 'images are fetched over http and https');
  }

  /** The server has what it was silent about. */
  deliver(content: Buffer): void {
    this.content = content;
    for (const go of this.#go.splice(0)) go();
  }

  async fetch(
    request: MediumRequest,
    trust: MediaTrust,
    begin: (sizeBytes: number | undefined) => Promise<ImageWriter>,
    signal: AbortSignal,
  ): Promise<ImageWriter> {
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
