/** Images of virtual media: what there is of one, where it is had from and where it is kept. */

/** `cd`: also DVDs; never writable. `usb`: a stick. */
export const mediaSlots = ['cd', 'usb'] as const;
export type MediaSlot = (typeof mediaSlots)[number];

/** An image that the machine can read. */
export interface Medium {
  /** Where it comes from, without credentials; undefined for one that was uploaded. */
  readonly url?: string;
  readonly name: string;
  readonly readOnly: boolean;
  readonly sizeBytes: number;
  /** Absolute path: the image's, or that of the UNIX socket at which a `remote` one is served. */
  readonly file: string;
  /**
   * `library`: a file that is not ours, and stays when it is ejected. `remote`: where it always was, read as the machine
   * asks for it. Otherwise a copy of ours.
   */
  readonly held?: 'library' | 'remote';
}

/** What is to be fetched, and with what. */
export interface FetchRequest {
  readonly url: string;
  readonly userName?: string;
  readonly password?: string;
}

export interface MediumRequest extends FetchRequest {
  readonly readOnly: boolean;
  /** The image is to be in the drive, not just at hand. */
  readonly inserted: boolean;
  /** It is to be here whole before the machine sees it. */
  readonly whole?: boolean;
  /** Whether its server has to prove who it is, from now on; as it was unless given. */
  readonly verifyCertificate?: boolean;
}

/** How far a server over TLS has to prove who it is. */
export interface MediaTrust {
  readonly verify: boolean;
  /** Of authorities or servers, in PEM form; without any, those that are known to everybody count. */
  readonly certificates: readonly string[];
}

/** Takes bytes in their order. */
export interface ByteSink {
  readonly receivedBytes: number;
  /** @throws {BmcError} `no-space`, or `bad-argument` for more bytes than were announced */
  write(bytes: Uint8Array): Promise<void>;
}

export interface ImageWriter extends ByteSink {
  /** @throws {BmcError} `bad-argument` when the image is not whole, or nothing that this slot can take */
  finish(): Promise<{ readonly file: string; readonly sizeBytes: number }>;
  /** Forgets all of it. Does no harm twice. */
  discard(): Promise<void>;
}

/** Where images are kept. */
export interface ImageStore {
  /** @param sizeBytes undefined when nobody says @throws {BmcError} `no-space`, or `bad-argument` for too large a one */
  create(slot: MediaSlot, name: string, sizeBytes: number | undefined): Promise<ImageWriter>;
  has(file: string): boolean;
  remove(file: string): void;
  /** Removes all others. */
  keepOnly(files: readonly string[]): void;
}

export interface ImageFetcher {
  /** @throws {BmcError} `bad-argument` or `not-permitted` for what will not even be tried */
  check(request: FetchRequest): void;
  /**
   * Gets the image whole.
   * @param begin called once with the size that the server announces, if any
   * @throws {BmcError} with the reason
   */
  fetch<Sink extends ByteSink>(
    request: FetchRequest,
    trust: MediaTrust,
    begin: (sizeBytes: number | undefined) => Promise<Sink>,
    signal: AbortSignal,
  ): Promise<Sink>;
}

/** What a remote image is had from, in this life of the BMC and the next. */
export interface RemoteSource {
  readonly url: string;
  readonly userName?: string;
  readonly password?: string;
  /** By which the server tells that it is still the same file. */
  readonly version: string;
}

export interface RemoteImage {
  readonly source: RemoteSource;
  /** Absolute path of the UNIX socket at which it is served by NBD; another one for each image. */
  readonly file: string;
  readonly sizeBytes: number;
}

/** Images that stay where they are, and are read a piece at a time as the machine asks for them. */
export interface RemoteImages {
  /**
   * Looks at an image and serves it.
   * @param trust asked for each connection
   * @returns undefined when its server cannot do that, so that it is to be fetched whole
   * @throws {BmcError} with the reason
   */
  open(
    slot: MediaSlot,
    request: MediumRequest,
    trust: () => MediaTrust,
    signal: AbortSignal,
  ): Promise<RemoteImage | undefined>;
  /** Serves an image of an earlier life where it was; whether its server is there shows when it is read. */
  resume(slot: MediaSlot, image: RemoteImage, trust: () => MediaTrust): Promise<void>;
  /** Unless `ready`, whatever is read of it fails at once, and what is being read, too: nobody has to wait for it. */
  setReady(file: string, ready: boolean): void;
  /** Why it cannot be read at present. */
  trouble(file: string): string | undefined;
  /** Told when {@link trouble} begins and ends. */
  onTrouble(listener: (slot: MediaSlot) => void): () => void;
  close(file: string): Promise<void>;
  /** All of them, as far as this life goes. */
  stop(): Promise<void>;
}

export interface LibraryImage {
  readonly name: string;
  readonly sizeBytes: number;
  /** What it can be. */
  readonly slots: readonly MediaSlot[];
  /** Wall time in milliseconds since 1970. */
  readonly modifiedAt: number;
}

/** A folder of images that are there anyway. */
export interface ImageLibrary {
  list(): Promise<readonly LibraryImage[]>;
  /** @throws {BmcError} `bad-argument` when it is not there, or nothing that this slot can take */
  open(name: string, slot: MediaSlot): Promise<{ readonly file: string; readonly sizeBytes: number }>;
}
