/**
 * Virtual media: images that clients put into the machine's CD drive or plug in as a USB stick. What is in a slot stays
 * there until it is ejected, over power cycles and restarts of the BMC, as a real disc would.
 *
 *     empty ── insert, upload ──▶ loading ── readable ──▶ loaded ── eject, by a client or the guest ──▶ empty
 *     loading ── failed, cancelled, eject ──▶ empty
 *
 * An image is read where it is, taken from a library, or fetched and kept as a file; the machine never sees where it
 * comes from. How that is done is not known here.
 */
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Logger } from '../lib/log.ts';
import type { Actor } from './actor.ts';
import { BmcError } from './errors.ts';
import type { EventLog } from './event-log.ts';
import { nameOf, withoutCredentials } from './image-address.ts';
import type { Machine, MachineMedium } from './machine.ts';
import {
  type ImageFetcher,
  type ImageLibrary,
  type ImageStore,
  type LibraryImage,
  type MediaSlot,
  type MediaTrust,
  type Medium,
  type MediumRequest,
  mediaSlots,
  type RemoteImages,
  type RemoteSource,
} from './media-images.ts';
import { type Copy, type GotImage, MediaSources } from './media-sources.ts';
import { beginTransfer, finishedTransfer, givenUp, type Loading, type Transfer } from './media-transfer.ts';
import { MediaUploads } from './media-uploads.ts';
import type { Store } from './store.ts';
import {
  type CertificateList,
  noCertificates,
  type TrustedCertificate,
  withCertificate,
  withoutCertificate,
} from './trusted-certificates.ts';

export interface SlotState {
  readonly medium: Medium | undefined;
  /** The medium is in the drive. */
  readonly inserted: boolean;
  /** What is on its way into the slot. */
  readonly loading: Loading | undefined;
  /** Why the medium cannot be read at present. */
  readonly trouble: string | undefined;
  readonly verifyCertificate: boolean;
  readonly certificates: readonly TrustedCertificate[];
}

export interface MediaDependencies {
  readonly machine: Machine;
  readonly images: ImageStore;
  readonly fetcher: ImageFetcher;
  /** Without it all images are fetched whole. */
  readonly remote?: RemoteImages | undefined;
  readonly library?: ImageLibrary | undefined;
  readonly store: Store;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
}

interface KeptSlot extends CertificateList {
  readonly medium?: Medium;
  /** Of a medium that is read where it is. */
  readonly source?: RemoteSource;
  readonly inserted: boolean;
  readonly verifyCertificate: boolean;
}
type Kept = Readonly<Record<MediaSlot, KeptSlot>>;

const storeName = 'virtual-media';
const fresh: KeptSlot = { inserted: false, verifyCertificate: false, ...noCertificates };

export class VirtualMedia {
  readonly uploads: MediaUploads;
  readonly #d: MediaDependencies;
  readonly #sources: MediaSources;
  readonly #changed = new Emitter<MediaSlot>();
  readonly #loading = new Map<MediaSlot, Loading>();
  /** The latest change of each slot: the next one waits for it. */
  readonly #work = new Map<MediaSlot, Promise<unknown>>();
  #kept: Kept;

  constructor(dependencies: MediaDependencies) {
    this.#d = dependencies;
    this.#sources = new MediaSources(dependencies);
    const { store, machine, log, images, clock, remote } = dependencies;
    this.#kept = { cd: fresh, usb: fresh, ...store.load<Kept>(storeName) };
    this.uploads = new MediaUploads(images, clock, {
      requireFree: (slot, readOnly) => {
        this.#requireFree(slot);
        checkWritable(slot, readOnly);
      },
      setLoading: (slot, loading) => this.#setLoading(slot, loading),
      load: (slot, medium, actor) => this.#queue(slot, () => this.#load(slot, { medium }, true, actor)),
      failed: (slot, name, error) => this.#tellFailed(slot, name, error),
    });
    remote?.onTrouble((slot) => this.#tellTrouble(slot));
    machine.on((event) => {
      if (event.kind === 'medium-ejected') {
        this.#eject(event.slot, undefined).catch((error: unknown) =>
          log.warn({ err: error, slot: event.slot }, 'medium ejected by the guest not taken out'),
        );
      } else if (event.kind === 'started' && event.adopted) this.#reconcile();
    });
  }

  /** Before the machine is looked for: images that have gone are known to be gone, and the others can be read. */
  async start(): Promise<void> {
    this.#dropMissing();
    this.#d.images.keepOnly(mediaSlots.flatMap((slot) => this.#kept[slot].medium?.file ?? []));
    for (const slot of mediaSlots) {
      const { medium, source, inserted } = this.#kept[slot];
      if (!medium || !source) continue;
      const { file, sizeBytes } = medium;
      try {
        await this.#d.remote?.resume(slot, { source, file, sizeBytes }, () => this.#trust(slot));
        this.#d.remote?.setReady(file, inserted);
      } catch (error) {
        this.#forget(slot, error);
      }
    }
  }

  /** What is on its way is given up; what is in a drive stays there. */
  async stop(): Promise<void> {
    for (const { transfer } of this.#loading.values()) transfer.cancel();
    await this.#d.remote?.stop();
  }

  slot(slot: MediaSlot): SlotState {
    const { medium, inserted, verifyCertificate, certificates } = this.#kept[slot];
    const trouble = medium?.held === 'remote' ? this.#d.remote?.trouble(medium.file) : undefined;
    return { medium, inserted, loading: this.#loading.get(slot), trouble, verifyCertificate, certificates };
  }

  /** The images that are there anyway; undefined where there is no library. */
  async library(): Promise<readonly LibraryImage[] | undefined> {
    return this.#d.library?.list();
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
   * Begins to get hold of an image; the machine goes on meanwhile, and gets it when it can read it.
   * @param request its URL may also be `file:NAME`: that of an image in the library
   * @throws {BmcError} `wrong-state` when the slot is taken, or why it cannot be fetched
   */
  insert(slot: MediaSlot, request: MediumRequest, actor: Actor): Transfer {
    this.#sources.check(request);
    const url = withoutCredentials(request.url);
    const { medium, inserted } = this.#kept[slot];
    const isThere =
      medium?.url === url && medium.readOnly === request.readOnly && inserted === request.inserted;
    if (!isThere) {
      this.#requireFree(slot);
      checkWritable(slot, request.readOnly);
    }
    const { verifyCertificate } = request;
    if (verifyCertificate !== undefined) this.setVerifyCertificate(slot, verifyCertificate, actor);
    if (isThere) return finishedTransfer(slot, medium.sizeBytes);
    const name = nameOf(url);
    const controller = new AbortController();
    const { signal } = controller;
    const copy: Copy = { writer: undefined, totalBytes: undefined };
    const run = async () => {
      let got: GotImage | undefined;
      try {
        got = await this.#sources.get(slot, request, () => this.#trust(slot), copy, signal);
        signal.throwIfAborted();
        const loaded = { ...got, medium: { url, name, readOnly: request.readOnly, ...got.medium } };
        await this.#queue(slot, () => this.#load(slot, loaded, request.inserted, actor));
      } catch (cause) {
        await copy.writer?.discard();
        if (got?.source) await this.#d.remote?.close(got.medium.file);
        const error = signal.aborted ? givenUp(cause) : cause;
        this.#tellFailed(slot, name, error);
        throw error;
      } finally {
        this.#setLoading(slot, undefined);
      }
    };
    const transfer = beginTransfer(slot, {
      receivedBytes: () => copy.writer?.receivedBytes ?? 0,
      totalBytes: () => copy.totalBytes,
      cancel: () => controller.abort(),
    });
    this.#setLoading(slot, { name, url, transfer });
    run().then(transfer.settle, transfer.fail);
    return transfer;
  }

  /**
   * Fails what is being read of images that are elsewhere, and whatever comes until it is released: nothing that the
   * machine does then has to wait for their servers.
   * @returns releases it
   */
  hold(): () => void {
    const held = mediaSlots.map((slot) => this.#kept[slot]);
    for (const each of held) this.#setReady(each, false);
    return () => {
      for (const slot of mediaSlots) this.#setReady(this.#kept[slot], this.#kept[slot].inserted);
    };
  }

  /** Puts an image that is at hand into the drive, or takes it out of it without forgetting it. */
  setInserted(slot: MediaSlot, inserted: boolean, actor: Actor): Promise<void> {
    return this.#queue(slot, async () => {
      const { medium, inserted: before } = this.#kept[slot];
      if (inserted === before) return;
      if (!medium) throw new BmcError('wrong-state', 'there is no image to insert');
      await this.#change(slot, { ...this.#kept[slot], inserted });
      const what = inserted ? 'inserted into' : 'taken out of';
      this.#tell(slot, inserted, `${medium.name} ${what} ${slotNames[slot]} by ${actor.name}`, actor, medium);
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
      const { medium, inserted, source: _, ...rest } = this.#kept[slot];
      if (!medium) return;
      await this.#change(slot, { ...rest, inserted: false });
      if (medium.held === 'remote') await this.#d.remote?.close(medium.file);
      else if (medium.held === undefined) this.#d.images.remove(medium.file);
      const who = actor?.name ?? 'the guest';
      const text = `${medium.name} ejected from ${slotNames[slot]} by ${who}`;
      this.#tell(slot, inserted ? false : undefined, text, actor, medium);
    });
  }

  setVerifyCertificate(slot: MediaSlot, verifyCertificate: boolean, actor: Actor): void {
    const { verifyCertificate: before } = this.#kept[slot];
    this.#save({ ...this.#kept, [slot]: { ...this.#kept[slot], verifyCertificate } });
    const what = `${slotNames[slot]}: certificates of servers checked`;
    this.#d.events.changed(actor, what, before, verifyCertificate);
    this.#changed.emit(slot);
  }

  /** @param pem one certificate, checked by the caller @throws {BmcError} `no-space` when there are too many */
  addCertificate(slot: MediaSlot, pem: string, actor: Actor): TrustedCertificate {
    const { nextCertificateId: id } = this.#kept[slot];
    this.#save({ ...this.#kept, [slot]: withCertificate(this.#kept[slot], pem) });
    this.#d.events.changed(actor, `${slotNames[slot]}: trusted certificate`, undefined, id);
    return { id, pem };
  }

  removeCertificate(slot: MediaSlot, id: number, actor: Actor): void {
    this.#save({ ...this.#kept, [slot]: withoutCertificate(this.#kept[slot], id) });
    this.#d.events.changed(actor, `${slotNames[slot]}: trusted certificate`, id, undefined);
  }

  // --- Into and out of the drive ---

  async #load(
    slot: MediaSlot,
    { medium, source }: { readonly medium: Medium; readonly source?: RemoteSource },
    inserted: boolean,
    actor: Actor,
  ): Promise<void> {
    await this.#change(slot, { ...this.#kept[slot], medium, ...(source && { source }), inserted });
    const size = `${medium.sizeBytes} bytes`;
    const what = inserted ? 'inserted into' : 'kept for';
    const from = medium.url === undefined ? '' : ` from ${medium.url}`;
    this.#tell(
      slot,
      inserted ? true : undefined,
      `${medium.name} (${size})${from} ${what} ${slotNames[slot]} by ${actor.name}`,
      actor,
      medium,
    );
  }

  /** On the disk, in the machine, in memory; as it was when the machine refuses. */
  async #change(slot: MediaSlot, next: KeptSlot): Promise<void> {
    const before = this.#kept;
    this.#save({ ...before, [slot]: next });
    this.#setReady(before[slot], false);
    this.#setReady(next, next.inserted);
    try {
      await this.#d.machine.changeMedium(slot, machineMedium(slot, next));
    } catch (error) {
      this.#setReady(next, false);
      this.#setReady(before[slot], before[slot].inserted);
      this.#save({ ...this.#kept, [slot]: before[slot] });
      throw error;
    }
  }

  /** The machine can only let go of an image when nothing is being read of it. */
  #setReady({ medium }: KeptSlot, ready: boolean): void {
    if (medium?.held === 'remote') this.#d.remote?.setReady(medium.file, ready);
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
      const { medium } = this.#kept[slot];
      const isThere = medium?.held === 'remote' ? this.#d.remote : medium && this.#d.images.has(medium.file);
      if (medium && !isThere) this.#forget(slot, new Error('its file has gone'));
    }
  }

  #forget(slot: MediaSlot, cause: unknown): void {
    const { medium, source: _, ...rest } = this.#kept[slot];
    const next = { ...this.#kept, [slot]: { ...rest, inserted: false } };
    try {
      this.#save(next);
    } catch (error) {
      this.#d.log.error({ err: error, slot }, 'missing image not forgotten on the disk');
      this.#kept = next;
    }
    this.#tellFailed(slot, medium?.name ?? 'an image', cause);
  }

  // --- Helpers ---

  #trust(slot: MediaSlot): MediaTrust {
    const { verifyCertificate, certificates } = this.#kept[slot];
    return { verify: verifyCertificate, certificates: certificates.map(({ pem }) => pem) };
  }

  #requireFree(slot: MediaSlot): void {
    const taken = this.#kept[slot].medium ?? this.#loading.get(slot);
    if (taken) throw new BmcError('wrong-state', `${slotNames[slot]} holds ${taken.name}: eject it first`);
  }

  #setLoading(slot: MediaSlot, loading: Loading | undefined): void {
    if (loading) this.#loading.set(slot, loading);
    else this.#loading.delete(slot);
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
    const before = this.#kept;
    this.#kept = kept;
    for (const slot of mediaSlots) if (kept[slot] !== before[slot]) this.#changed.emit(slot);
  }

  /** @param inDrive what the guest sees of it; undefined for nothing */
  #tell(
    slot: MediaSlot,
    inDrive: boolean | undefined,
    text: string,
    actor: Actor | undefined,
    { name: Image }: Medium,
  ): void {
    const kind = inDrive === undefined ? 'configuration' : inDrive ? 'media-inserted' : 'media-ejected';
    this.#d.events.add(kind, text, actor, [], { Image, Slot: slotNames[slot] });
    this.#changed.emit(slot);
  }

  #tellTrouble(slot: MediaSlot): void {
    const { medium, trouble } = this.slot(slot);
    if (!medium) return;
    if (trouble !== undefined)
      this.#d.events.add('media-failed', `${medium.name} in ${slotNames[slot]}: ${trouble}`);
    else this.#d.events.add('configuration', `${medium.name} in ${slotNames[slot]} can be read again`);
    this.#changed.emit(slot);
  }

  #tellFailed(slot: MediaSlot, name: string, error: unknown): void {
    this.#d.log.warn({ err: error, slot }, 'no virtual medium');
    this.#d.events.add('media-failed', `${name} not in ${slotNames[slot]}: ${(error as Error).message}`);
  }
}

const slotNames: Readonly<Record<MediaSlot, string>> = { cd: 'the virtual CD drive', usb: 'the USB stick' };

function machineMedium(slot: MediaSlot, { medium, inserted }: KeptSlot): MachineMedium | undefined {
  if (!medium || !inserted) return undefined;
  const { file, readOnly, held } = medium;
  return { slot, file, readOnly, ...(held === 'remote' && { nbd: true }) };
}

function checkWritable(slot: MediaSlot, readOnly: boolean): void {
  if (slot === 'cd' && !readOnly) throw new BmcError('bad-argument', 'a CD cannot be written to');
}
