/**
 * Which certificate the server shows, and its key. One of three, in this order:
 * - that of the configuration (TLS_CERT and TLS_KEY), read at each start, which cannot be replaced from outside;
 * - one that a client has installed, kept;
 * - our own, self-signed, made at the first start and kept, so that clients that have learnt it know us again. It is
 *   renewed in time with the same key.
 *
 * What is kept and is damaged is set aside, an event says so, and a new one of our own takes its place: a server that
 * nobody can reach any more could not be mended from afar.
 */
import { readFileSync } from 'node:fs';
import { type Actor, actorText } from '../bmc/actor.ts';
import { BmcError } from '../bmc/errors.ts';
import type { EventLog } from '../bmc/event-log.ts';
import type { Store } from '../bmc/store.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import type { Random } from '../lib/random.ts';
import {
  makeSelfSigned,
  makeSigningRequest,
  type SigningRequestOptions,
  type Subject,
} from './certificate.ts';
import {
  belongTogether,
  type CertificateDescription,
  checkKeyPair,
  describeCertificates,
  validityProblem,
} from './certificate-check.ts';
import type { KeyPair } from './tls.ts';

export type CertificateSource = 'configured' | 'installed' | 'self-signed';

export interface CertificateStoreOptions {
  readonly store: Store;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly random: Random;
  /** Paths of files in PEM form. */
  readonly configured?: { readonly certificate: string; readonly key: string };
  /** What a certificate of our own says. */
  readonly own: { readonly subject: Subject; readonly names: readonly string[] };
}

interface Kept extends KeyPair {
  readonly source: 'installed' | 'self-signed';
}

interface Current extends KeyPair {
  readonly source: CertificateSource;
}

const storeName = 'tls';
/** In a file of its own: whether there was a certificate. */
const markName = 'tls-mark';
/** What was kept and cannot be used. */
const unusableName = 'tls-unusable';
/** The key of the latest request for a certificate. */
const requestName = 'tls-request';

const dayMs = 86_400_000;
/** Our own certificate is renewed when it has less than this left. */
const renewalMs = 30 * dayMs;

export class CertificateStore {
  readonly #options: CertificateStoreOptions;
  readonly #changed = new Emitter<KeyPair>();
  #current: Current;
  #timer: Timer | undefined;
  #renewing: Promise<void> = Promise.resolve();

  /**
   * Finds the certificate, or makes one.
   * @throws {Error} in one line when that of the configuration does not work; when a new one cannot be saved
   */
  static async open(options: CertificateStoreOptions): Promise<CertificateStore> {
    const store = new CertificateStore(options, await find(options));
    await store.#renewIfDue();
    store.#watchExpiry();
    return store;
  }

  private constructor(options: CertificateStoreOptions, current: Current) {
    this.#options = options;
    this.#current = current;
  }

  get keyPair(): KeyPair {
    const { certificate, key } = this.#current;
    return { certificate, key };
  }

  get source(): CertificateSource {
    return this.#current.source;
  }

  /** What the certificate says, and after it those it came with. */
  describe(): CertificateDescription[] {
    return describeCertificates(this.#current.certificate);
  }

  /**
   * Installs another certificate, at once and for good. Without a key it is for that of the latest request, or for the
   * present one.
   * @param certificate in PEM form, followed by those between it and its root
   * @param key in PEM form, not encrypted
   * @throws {BmcError} `bad-argument` saying what is wrong with it; `not-permitted` when the configuration has one;
   *   `no-space` or `timed-out` when it cannot be saved: then nothing has changed
   */
  install(certificate: string, key: string | undefined, actor: Actor): void {
    const { clock } = this.#options;
    if (this.#current.source === 'configured') {
      throw new BmcError(
        'not-permitted',
        'the certificate comes from the configuration (TLS_CERT, TLS_KEY) and is replaced there',
      );
    }
    const keyPair = { certificate, key: key ?? this.#keyFor(certificate) };
    checkKeyPair(keyPair);
    const problem = validityProblem(certificate, clock.wallTime());
    if (problem !== undefined) throw new BmcError('bad-argument', problem);
    this.#keep({ ...keyPair, source: 'installed' });
    this.#say(`TLS certificate replaced by ${actorText(actor)}`, actor);
  }

  /**
   * Makes a request for a certificate (CSR) with a new key, which is kept for the certificate that is to come. A later
   * request takes the place of an earlier one.
   * @returns the request in PEM form
   * @throws {BmcError} as {@link makeSigningRequest} does; `no-space` or `timed-out` when the key cannot be saved
   */
  async request(options: SigningRequestOptions, actor: Actor): Promise<string> {
    const { request, key } = await makeSigningRequest(options);
    this.#options.store.save(requestName, { key });
    const text = `key made for a new TLS certificate, by ${actorText(actor)}`;
    this.#options.events.add('configuration', text, actor);
    return request;
  }

  /**
   * Makes a request for a certificate that says the same as the present one, for the same key. Nothing is kept for it.
   * @throws {BmcError} as {@link makeSigningRequest} does
   */
  async renewalRequest(
    options: Pick<SigningRequestOptions, 'subject' | 'names' | 'challengePassword'>,
  ): Promise<string> {
    const { request } = await makeSigningRequest({ ...options, key: this.#current.key });
    return request;
  }

  /** Told of each certificate that takes the place of another. */
  onChange(listener: (keyPair: KeyPair) => void): () => void {
    return this.#changed.on(listener);
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#renewing;
  }

  #keyFor(certificate: string): string {
    const requested = this.#options.store.load<{ key: string }>(requestName)?.key;
    const candidates = [...(requested === undefined ? [] : [requested]), this.#current.key];
    const found = candidates.find((key) => belongTogether(certificate, key));
    if (found !== undefined) return found;
    throw new BmcError(
      'bad-argument',
      'the certificate came without its key, and is neither for the key of the latest request nor for the present one',
    );
  }

  #keep(kept: Kept): void {
    this.#options.store.save(storeName, kept);
    this.#current = kept;
    this.#changed.emit(this.keyPair);
  }

  #say(text: string, actor?: Actor): void {
    const fingerprint = this.describe()[0]?.fingerprint;
    this.#options.events.add('configuration', `${text}; SHA-256 fingerprint ${fingerprint}`, actor);
  }

  /** Looks once a day: timers do not run for years. */
  #watchExpiry(): void {
    this.#timer = this.#options.clock.after(dayMs, () => {
      this.#renewing = this.#renewIfDue().catch((error) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.#options.events.add('configuration', `TLS certificate not renewed: ${reason}`);
      });
      this.#watchExpiry();
    });
  }

  async #renewIfDue(): Promise<void> {
    const before = this.#current;
    const { clock, own, random } = this.#options;
    if (before.source !== 'self-signed') return;
    const [description] = this.describe();
    if (description && description.notAfter.getTime() - clock.wallTime() >= renewalMs) return;
    const now = clock.wallTime();
    const renewed = await makeSelfSigned({ ...own, now, random, key: before.key });
    // Somebody may have installed one meanwhile.
    if (this.#current !== before) return;
    this.#keep({ ...renewed, source: 'self-signed' });
    this.#say('own TLS certificate renewed with the same key');
  }
}

async function find(options: CertificateStoreOptions): Promise<Current> {
  const { store, events, clock, random, own, configured } = options;
  if (configured) {
    const keyPair = readConfigured(configured);
    const problem = validityProblem(keyPair.certificate, clock.wallTime());
    if (problem !== undefined) events.add('configuration', `TLS_CERT: ${problem}`);
    return { ...keyPair, source: 'configured' };
  }
  const kept = store.load<unknown>(storeName);
  const problem = kept === undefined ? undefined : problemOf(kept);
  const isMarked = store.load(markName) !== undefined;
  if (kept !== undefined && problem === undefined) {
    if (!isMarked) store.save(markName, { kept: true });
    return kept as Kept;
  }
  const lost = kept !== undefined || isMarked;
  if (kept !== undefined) store.save(unusableName, kept);
  const made = await makeSelfSigned({ ...own, now: clock.wallTime(), random });
  const fresh: Kept = { ...made, source: 'self-signed' };
  store.save(storeName, fresh);
  if (!isMarked) store.save(markName, { kept: true });
  const fingerprint = describeCertificates(made.certificate)[0]?.fingerprint;
  const shown = `self-signed TLS certificate made; SHA-256 fingerprint ${fingerprint}`;
  if (!lost)
    events.add('configuration', shown, undefined, [], fingerprint ? { SelfSigned: fingerprint } : {});
  else {
    const why = problem === undefined ? '' : ` (${problem}; kept as ${unusableName})`;
    events.add('state-damaged', `the TLS certificate is lost${why}; a new ${shown}`);
  }
  return fresh;
}

/** One that has expired is used all the same: a BMC that does not start would be worse. */
function readConfigured(files: { certificate: string; key: string }): KeyPair {
  try {
    const read = {
      certificate: readFileSync(files.certificate, 'utf8'),
      key: readFileSync(files.key, 'utf8'),
    };
    checkKeyPair(read);
    return read;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`TLS_CERT ${files.certificate}, TLS_KEY ${files.key}: ${reason}`, { cause: error });
  }
}

/** A certificate that has expired since it was installed is still what its owner wants to be shown. */
function problemOf(kept: unknown): string | undefined {
  if (typeof kept !== 'object' || kept === null) return 'no certificate and key';
  const { certificate, key, source } = kept as Partial<Record<keyof Kept, unknown>>;
  if (typeof certificate !== 'string' || typeof key !== 'string') return 'no certificate and key';
  if (source !== 'installed' && source !== 'self-signed') return 'of no known source';
  try {
    checkKeyPair({ certificate, key });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
