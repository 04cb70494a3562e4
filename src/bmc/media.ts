/**
 * Virtual media: images that clients put into the machine's CD drive or plug in as a USB stick. What is in a slot stays
 * there until it is ejected, over power cycles and restarts of the BMC, as a real disc would.
 *
 *     empty ── insert, upload ──▶ loading ── whole and sound ──▶ loaded ── eject, by a client or the guest ──▶ empty
 *     loading ── failed, cancelled, eject ──▶ empty
 *
 * The image is fetched by the BMC and kept as a file; the machine never sees where it came from. How that is done is
 * not known here.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import type { Actor } from './actor.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import type { Machine, MachineMedium } from './machine.ts';
import type { Store } from './store.ts';

/** `cd`: also DVDs; never writable. `usb`: a stick. */
export const mediaSlots = ['cd', 'usb'] as const;
export type MediaSlot = (typeof mediaSlots)[number];

/** An image that is here whole. */
export interface Medium {
  /** Where it came from, without credentials; undefined for one that was uploaded. */
  readonly url?: string;
  readonly name: string;
  readonly readOnly: boolean;
  readonly sizeBytes: number;
  /** Absolute path. */
  readonly file: string;
}

/** What is to be fetched, and with what. */
export interface MediumRequest {
  readonly url: string;
  readonly userName?: string;
  readonly password?: string;
  readonly readOnly: boolean;
  /** The image is to be in the drive, not just at hand. */
  readonly inserted: boolean;
}

/** How far a server over TLS has to prove who it is. */
export interface MediaTrust {
  readonly verify: boolean;
  /** Of authorities or servers, in PEM form; without any, those that are known to everybody count. */
  readonly certificates: readonly string[];
}

/** Takes the bytes of an image in their order. */
export interface ImageWriter {
  readonly receivedBytes: number;
  /** @throws {BmcError} `no-space`, or `bad-argument` for more bytes than were announced */
  write(bytes: Uint8Array): Promise<void>;
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
  check(request: MediumRequest): void;
  /**
   * Gets the image whole.
   * @param begin called once with the size that the server announces, if any
   * @throws {BmcError} with the reason
   */
  fetch(
    request: MediumRequest,
    trust: MediaTrust,
    begin: (sizeBytes: number | undefined) => Promise<ImageWriter>,
    signal: AbortSignal,
  ): Promise<ImageWriter>;
}

/** An image on its way. */
export interface Transfer {
  readonly slot: MediaSlot;
  readonly receivedBytes: number;
  /** Undefined as long as nobody has said. */
  readonly totalBytes: number | undefined;
  /** Settles when the image is in its slot. @throws {BmcError} when it will never be */
  readonly done: Promise<void>;
  cancel(): void;
}

/** A part of an image that a client sends. */
export interface UploadPart {
  readonly name: string;
  /** Where in the image it begins. */
  readonly offset: number;
  /** Of the whole image; undefined where the end of the part is that of the image, so that it cannot be continued. */
  readonly totalBytes: number | undefined;
  readonly readOnly: boolean;
}

export interface SlotState {
  readonly medium: Medium | undefined;
  /** The medium is in the drive. */
  readonly inserted: boolean;
  /** What is on its way into the slot. */
  readonly loading: Loading | undefined;
  readonly verifyCertificate: boolean;
  readonly certificates: readonly TrustedCertificate[];
}

export interface Loading {
  readonly name: string;
  readonly url: string | undefined;
  readonly transfer: Transfer;
}

export interface TrustedCertificate {
  /** Never used twice. */
  readonly id: number;
  readonly pem: string;
}

/** An upload that broke off is waited for so long. */
export const uploadPatienceMs = 15 * 60_000;

export interface MediaDependencies {
  readonly machine: Machine;
  readonly images: ImageStore;
  readonly fetcher: ImageFetcher;
  readonly store: Store;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
}

interface KeptSlot {
  readonly medium?: Medium;
  readonly inserted: boolean;
  readonly verifyCertificate: boolean;
  readonly certificates: readonly TrustedCertificate[];
  readonly nextCertificateId: number;
}
type Kept = Readonly<Record<MediaSlot, KeptSlot>>;

const storeName = 'virtual-media';
const maxCertificates = 16;
const fresh: KeptSlot = { inserted: false, verifyCertificate: false, certificates: [], nextCertificateId: 1 };

export class VirtualMedia {
  readonly #d: MediaDependencies;
  readonly #changed = new Emitter<MediaSlot>();
  readonly #loading = new Map<MediaSlot, Loading>();
  readonly #uploads = new Map<MediaSlot, Upload>();
  /** The latest change of each slot: the next one waits for it. */
  readonly #work = new Map<MediaSlot, Promise<unknown>>();
  #kept: Kept;

  constructor(dependencies: MediaDependencies) {
    this.#d = dependencies;
    const { store, machine, log } = dependencies;
    this.#kept = { cd: fresh, usb: fresh, ...store.load<Kept>(storeName) };
    machine.on((event) => {
      if (event.kind === 'medium-ejected') {
        this.#eject(event.slot, undefined).catch((error: unknown) =>
          log.warn({ err: error, slot: event.slot }, 'medium ejected by the guest not taken out'),
        );
      } else if (event.kind === 'started' && event.adopted) this.#reconcile();
    });
  }

  /** Before the machine is looked for: images that have gone are known to be gone. */
  start(): void {
    this.#dropMissing();
    this.#d.images.keepOnly(mediaSlots.flatMap((slot) => this.#kept[slot].medium?.file ?? []));
  }

  /** What is on its way is given up; what is in a drive stays there. */
  stop(): void {
    for (const { transfer } of this.#loading.values()) transfer.cancel();
  }

  slot(slot: MediaSlot): SlotState {
    const { medium, inserted, verifyCertificate, certificates } = this.#kept[slot];
    return { medium, inserted, loading: this.#loading.get(slot), verifyCertificate, certificates };
  }

  /** Told of each change of a slot but its progress. */
  onChange(listener: (slot: MediaSlot) => void): () => void {
    return this.#changed.on(listener);
  }

  /** What the machine is to start with. */
  get inDrives(): readonly MachineMedium[] {
    this.#dropMissing();
    return mediaSlots.flatMap((slot) => machineMedium(slot, this.#kept[slot]) ?? []);
  }

  /**
   * Begins to fetch an image; the machine goes on meanwhile, and gets it when it is here whole.
   * @throws {BmcError} `wrong-state` when the slot is taken, or why it cannot be fetched
   */
  insert(slot: MediaSlot, request: MediumRequest, actor: Actor): Transfer {
    const { fetcher, images } = this.#d;
    fetcher.check(request);
    const url = withoutCredentials(request.url);
    const { medium, inserted } = this.#kept[slot];
    const isThere = medium?.url === url && medium.readOnly === request.readOnly;
    if (isThere && inserted === request.inserted) {
      return { slot, receivedBytes: medium.sizeBytes, totalBytes: medium.sizeBytes, ...finished };
    }
    this.#requireFree(slot);
    checkWritable(slot, request.readOnly);
    const name = nameOf(url);
    const controller = new AbortController();
    let writer: ImageWriter | undefined;
    let totalBytes: number | undefined;
    const trust = this.#trust(slot);
    const run = async () => {
      try {
        const whole = await fetcher.fetch(
          request,
          trust,
          async (sizeBytes) => {
            totalBytes = sizeBytes;
            writer = await images.create(slot, url, sizeBytes);
            return writer;
          },
          controller.signal,
        );
        const image = await whole.finish();
        controller.signal.throwIfAborted();
        const fetched = { url, name, readOnly: request.readOnly, ...image };
        await this.#queue(slot, () => this.#load(slot, fetched, request.inserted, actor));
      } catch (cause) {
        await writer?.discard();
        const error = controller.signal.aborted
          ? new BmcError('wrong-state', `${name}: given up before it was whole`, { cause })
          : cause;
        this.#tellFailed(slot, name, error);
        throw error;
      } finally {
        this.#endLoading(slot);
      }
    };
    const transfer = this.#transfer(slot, {
      receivedBytes: () => writer?.receivedBytes ?? 0,
      totalBytes: () => totalBytes,
      cancel: () => controller.abort(),
    });
    this.#loading.set(slot, { name, url, transfer });
    this.#changed.emit(slot);
    run().then(transfer.settle, transfer.fail);
    return transfer;
  }

  /** How much of an upload is here; undefined when none is under way. */
  uploaded(
    slot: MediaSlot,
  ): { readonly receivedBytes: number; readonly totalBytes: number | undefined } | undefined {
    const upload = this.#uploads.get(slot);
    return upload && { receivedBytes: upload.writer.receivedBytes, totalBytes: upload.totalBytes };
  }

  /**
   * Takes a part of an image; the last one brings it into the slot. A part that breaks off may be continued within
   * {@link uploadPatienceMs} from where it broke off.
   * @returns whether the image is whole and in the slot
   * @throws {BmcError} `wrong-state` when the slot is taken, `bad-argument` when the part is not the next one
   */
  async upload(
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
        if (upload.cancelled) throw new BmcError('wrong-state', `${part.name}: given up before it was whole`);
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
    if (upload.cancelled) throw new BmcError('wrong-state', `${part.name}: given up before it was whole`);
    if (isInPart(upload)) return false;
    try {
      const image = await writer.finish();
      const medium = { name: upload.name, readOnly: upload.readOnly, ...image };
      await this.#queue(slot, () => this.#load(slot, medium, true, actor));
    } catch (error) {
      await this.#endUpload(slot, upload, error);
      throw error;
    }
    this.#uploads.delete(slot);
    this.#endLoading(slot);
    upload.transfer.settle();
    return true;
  }

  /** Puts an image that is at hand into the drive, or takes it out of it without forgetting it. */
  setInserted(slot: MediaSlot, inserted: boolean, actor: Actor): Promise<void> {
    return this.#queue(slot, async () => {
      const { medium, inserted: before } = this.#kept[slot];
      if (inserted === before) return;
      if (!medium) throw new BmcError('wrong-state', 'there is no image to insert');
      await this.#change(slot, { ...this.#kept[slot], inserted });
      const what = inserted ? 'inserted into' : 'taken out of';
      this.#tell(slot, inserted, `${medium.name} ${what} ${slotNames[slot]} by ${actor.name}`, actor);
    });
  }

  /** Empties the slot, by force where the guest holds on to it; gives up what is on its way. Does nothing when empty. */
  eject(slot: MediaSlot, actor: Actor): Promise<void> {
    return this.#eject(slot, actor);
  }

  /** @param actor undefined: the guest */
  async #eject(slot: MediaSlot, actor: Actor | undefined): Promise<void> {
    const loading = this.#loading.get(slot);
    if (loading) {
      loading.transfer.cancel();
      await loading.transfer.done.catch(() => undefined);
    }
    await this.#queue(slot, async () => {
      const { medium, inserted, ...rest } = this.#kept[slot];
      if (!medium) return;
      await this.#change(slot, { ...rest, inserted: false });
      this.#d.images.remove(medium.file);
      const who = actor?.name ?? 'the guest';
      const text = `${medium.name} ejected from ${slotNames[slot]} by ${who}`;
      this.#tell(slot, inserted ? false : undefined, text, actor);
    });
  }

  setVerifyCertificate(slot: MediaSlot, verifyCertificate: boolean): void {
    this.#save({ ...this.#kept, [slot]: { ...this.#kept[slot], verifyCertificate } });
    this.#changed.emit(slot);
  }

  /** @param pem one certificate, checked by the caller @throws {BmcError} `no-space` when there are too many */
  addCertificate(slot: MediaSlot, pem: string): TrustedCertificate {
    const { certificates, nextCertificateId: id, ...rest } = this.#kept[slot];
    if (certificates.length >= maxCertificates) {
      throw new BmcError('no-space', `no more than ${maxCertificates} certificates`);
    }
    const added = { id, pem };
    const nextCertificateId = id + 1;
    this.#save({
      ...this.#kept,
      [slot]: { ...rest, certificates: [...certificates, added], nextCertificateId },
    });
    return added;
  }

  removeCertificate(slot: MediaSlot, id: number): void {
    const { certificates, ...rest } = this.#kept[slot];
    const left = certificates.filter((each) => each.id !== id);
    this.#save({ ...this.#kept, [slot]: { ...rest, certificates: left } });
  }

  // --- Into and out of the drive ---

  async #load(slot: MediaSlot, medium: Medium, inserted: boolean, actor: Actor): Promise<void> {
    await this.#change(slot, { ...this.#kept[slot], medium, inserted });
    const size = `${medium.sizeBytes} bytes`;
    const what = inserted ? 'inserted into' : 'kept for';
    const from = medium.url === undefined ? '' : ` from ${medium.url}`;
    this.#tell(
      slot,
      inserted ? true : undefined,
      `${medium.name} (${size})${from} ${what} ${slotNames[slot]} by ${actor.name}`,
      actor,
    );
  }

  /** On the disk, in the machine, in memory; as it was when the machine refuses. */
  async #change(slot: MediaSlot, next: KeptSlot): Promise<void> {
    const before = this.#kept;
    this.#save({ ...before, [slot]: next });
    try {
      await this.#d.machine.changeMedium(slot, machineMedium(slot, next));
    } catch (error) {
      this.#save({ ...this.#kept, [slot]: before[slot] });
      throw error;
    }
  }

  /** A machine that ran without us has what it had; what was changed meanwhile, or half done, is made good. */
  #reconcile(): void {
    for (const slot of mediaSlots) {
      this.#queue(slot, () =>
        this.#d.machine.changeMedium(slot, machineMedium(slot, this.#kept[slot])),
      ).catch((error: unknown) => this.#d.log.warn({ err: error, slot }, 'drive not as it should be'));
    }
  }

  #dropMissing(): void {
    for (const slot of mediaSlots) {
      const { medium, inserted: _, ...rest } = this.#kept[slot];
      if (!medium || this.#d.images.has(medium.file)) continue;
      const next = { ...this.#kept, [slot]: { ...rest, inserted: false } };
      try {
        this.#save(next);
      } catch (error) {
        this.#d.log.error({ err: error, slot }, 'missing image not forgotten on the disk');
        this.#kept = next;
      }
      this.#tellFailed(slot, medium.name, new Error('its file has gone'));
    }
  }

  // --- Uploads ---

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
    this.#requireFree(slot);
    checkWritable(slot, readOnly);
    if (offset !== 0) throw new BmcError('bad-argument', 'no upload is under way that could be continued');
    const upload: { writer: ImageWriter | undefined } & Omit<Upload, 'writer'> = {
      name,
      totalBytes,
      readOnly,
      writer: undefined,
      timer: undefined,
      // From here on the slot is taken, though the file is still to be made.
      active: true,
      cancelled: false,
      transfer: this.#transfer(slot, {
        receivedBytes: () => upload.writer?.receivedBytes ?? 0,
        totalBytes: () => totalBytes,
        cancel: () => {
          upload.cancelled = true;
          const error = new BmcError('wrong-state', `${name}: given up before it was whole`);
          void this.#endUpload(slot, upload as Upload, error);
        },
      }),
    };
    this.#loading.set(slot, { name, url: undefined, transfer: upload.transfer });
    try {
      upload.writer = await this.#d.images.create(slot, name, totalBytes);
    } catch (error) {
      this.#endLoading(slot);
      upload.transfer.fail(error);
      throw error;
    }
    this.#uploads.set(slot, upload as Upload);
    this.#changed.emit(slot);
    return upload as Upload;
  }

  #awaitRest(slot: MediaSlot, upload: Upload): void {
    const { clock } = this.#d;
    upload.timer = clock.after(uploadPatienceMs, () => {
      const error = new BmcError('timed-out', 'the rest of the upload did not come');
      void this.#endUpload(slot, upload, error);
    });
  }

  async #endUpload(slot: MediaSlot, upload: Upload, error: unknown): Promise<void> {
    if (this.#uploads.get(slot) !== upload) return;
    upload.timer?.cancel();
    this.#uploads.delete(slot);
    await upload.writer.discard();
    this.#tellFailed(slot, upload.name, error);
    this.#endLoading(slot);
    upload.transfer.fail(error);
  }

  // --- Helpers ---

  #transfer(
    slot: MediaSlot,
    { receivedBytes, totalBytes, cancel }: TransferFacts,
  ): Transfer & { settle(): void; fail(error: unknown): void } {
    let settle = (): void => undefined;
    let fail = (_error: unknown): void => undefined;
    const done = new Promise<void>((resolve, reject) => {
      settle = resolve;
      fail = reject;
    });
    // Whoever does not wait for it learns of its failure by the event log.
    done.catch(() => undefined);
    return {
      slot,
      get receivedBytes() {
        return receivedBytes();
      },
      get totalBytes() {
        return totalBytes();
      },
      done,
      cancel,
      settle,
      fail,
    };
  }

  #trust(slot: MediaSlot): MediaTrust {
    const { verifyCertificate, certificates } = this.#kept[slot];
    return { verify: verifyCertificate, certificates: certificates.map(({ pem }) => pem) };
  }

  #requireFree(slot: MediaSlot): void {
    const taken = this.#kept[slot].medium ?? this.#loading.get(slot);
    if (taken) throw new BmcError('wrong-state', `${slotNames[slot]} holds ${taken.name}: eject it first`);
  }

  #endLoading(slot: MediaSlot): void {
    this.#loading.delete(slot);
    this.#changed.emit(slot);
  }

  #queue<T>(slot: MediaSlot, run: () => Promise<T>): Promise<T> {
    const before = this.#work.get(slot) ?? Promise.resolve();
    const work = before.then(run);
    this.#work.set(
      slot,
      work.catch(() => undefined),
    );
    return work;
  }

  #save(kept: Kept): void {
    this.#d.store.save(storeName, kept);
    this.#kept = kept;
  }

  /** @param inDrive what the guest sees of it; undefined for nothing */
  #tell(slot: MediaSlot, inDrive: boolean | undefined, text: string, actor: Actor | undefined): void {
    const kind = inDrive === undefined ? 'configuration' : inDrive ? 'media-inserted' : 'media-ejected';
    this.#d.events.add(kind, text, actor);
    this.#changed.emit(slot);
  }

  #tellFailed(slot: MediaSlot, name: string, error: unknown): void {
    this.#d.log.warn({ err: error, slot }, 'no virtual medium');
    this.#d.events.add('media-failed', `${name} not in ${slotNames[slot]}: ${(error as Error).message}`);
  }
}

function isInPart({ totalBytes, writer }: Upload): boolean {
  return totalBytes !== undefined && writer.receivedBytes < totalBytes;
}

interface Upload {
  readonly name: string;
  readonly totalBytes: number | undefined;
  readonly readOnly: boolean;
  readonly writer: ImageWriter;
  readonly transfer: Transfer & { settle(): void; fail(error: unknown): void };
  timer: Timer | undefined;
  /** A part is being received. */
  active: boolean;
  cancelled: boolean;
}

interface TransferFacts {
  receivedBytes(): number;
  totalBytes(): number | undefined;
  cancel(): void;
}

const finished = { done: Promise.resolve(), cancel: () => undefined };

const slotNames: Readonly<Record<MediaSlot, string>> = { cd: 'the virtual CD drive', usb: 'the USB stick' };

function machineMedium(slot: MediaSlot, { medium, inserted }: KeptSlot): MachineMedium | undefined {
  return medium && inserted ? { slot, file: medium.file, readOnly: medium.readOnly } : undefined;
}

function checkWritable(slot: MediaSlot, readOnly: boolean): void {
  if (slot === 'cd' && !readOnly) throw new BmcError('bad-argument', 'a CD cannot be written to');
}

function withoutCredentials(text: string): string {
  const url = new URL(text);
  url.username = '';
  url.password = '';
  return url.href;
}

/** For people to read: the last part of the path. */
function nameOf(url: string): string {
  const { pathname, host } = new URL(url);
  const last = pathname.split('/').findLast((part) => part !== '') ?? host;
  return last.slice(0, 200);
}
