/**
 * Asks servers of images by HTTP and HTTPS. They are not trusted: an address must be permitted and is the one that is
 * connected to, wherever its name leads a moment later; each redirect is looked at anew; an answer must begin in time.
 */
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import { BmcError } from '../bmc/errors.ts';
import type { FetchRequest, MediaTrust } from '../bmc/media-images.ts';
import type { AddressPolicy } from './address-policy.ts';
import { PermittedAddresses } from './permitted-addresses.ts';

export interface HttpClientLimits {
  readonly redirects: number;
  /** From the name to the headers of the answer. */
  readonly answerMs: number;
}

export const defaultHttpClientLimits: HttpClientLimits = { redirects: 3, answerMs: 15_000 };

export interface HttpClientOptions {
  readonly policy: AddressPolicy;
  readonly limits?: Partial<HttpClientLimits>;
  /** Another resolver, for tests. */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>;
}

/** What is asked for, and with what. */
export interface HttpSource {
  readonly url: URL;
  readonly credentials: string | undefined;
  readonly trust: MediaTrust;
  readonly signal: AbortSignal;
}

/** Bytes of a file that has not changed. */
export interface HttpRange {
  readonly from: number;
  /** The last one that is wanted; the end of the file when undefined. */
  readonly to?: number | undefined;
  /** That of which they are to be; undefined for whatever there is. */
  readonly version?: string | undefined;
}

/** May go better another time. */
export class Broken extends Error {
  override readonly name = 'Broken';
  /** It was the time that ran out. */
  readonly late: boolean;

  constructor(
    message: string,
    { late = false, ...options }: ErrorOptions & { readonly late?: boolean } = {},
  ) {
    super(message, options);
    this.late = late;
  }
}

const redirectStatuses = [301, 302, 303, 307, 308];
const maxUrlLength = 2048;

export class HttpClient {
  readonly #limits: HttpClientLimits;
  readonly #addresses: PermittedAddresses;

  constructor({ policy, limits, resolve }: HttpClientOptions) {
    this.#limits = { ...defaultHttpClientLimits, ...limits };
    this.#addresses = new PermittedAddresses(policy, resolve ?? ((host) => lookup(host, { all: true })));
  }

  /** @throws {BmcError} `not-permitted` for an address that will not even be tried */
  check(url: URL): void {
    const host = bareHost(url);
    if (isIP(host) !== 0) this.#addresses.require(host, url.host);
  }

  /**
   * Follows redirects to an answer that is none, whatever its status.
   * @returns the answer, and who gave it
   * @throws {BmcError} for what is final, {@link Broken} where `range` is given and another try may help
   */
  async ask(
    source: HttpSource,
    range?: HttpRange,
  ): Promise<{ readonly response: IncomingMessage; readonly url: URL }> {
    let { url, credentials } = source;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#ask({ ...source, url, credentials }, range);
      const { statusCode: status = 0, headers } = response;
      if (!redirectStatuses.includes(status)) return { response, url };
      response.destroy();
      const { location } = headers;
      if (
        redirects >= this.#limits.redirects ||
        location === undefined ||
        !URL.canParse(location, url.href)
      ) {
        throw new BmcError('bad-argument', `${url.host} redirects too often, or to nowhere`);
      }
      const next = parseHttpUrl(new URL(location, url).href);
      if (url.protocol === 'https:' && next.protocol !== 'https:') {
        throw new BmcError('not-permitted', `${url.host} redirects from HTTPS to plain HTTP`);
      }
      // Another server is not to learn what was meant for this one.
      if (next.origin !== url.origin) credentials = undefined;
      url = next;
    }
  }

  async #ask(
    { url, credentials, trust, signal }: HttpSource,
    range: HttpRange | undefined,
  ): Promise<IncomingMessage> {
    const { answerMs } = this.#limits;
    const answered = new AbortController();
    const timer = setTimeout(() => answered.abort(), answerMs);
    const either = AbortSignal.any([signal, answered.signal]);
    try {
      const target = await withSignal(this.#addresses.of(bareHost(url), url.host), either);
      return await this.#send({ url, credentials, trust, signal: either }, target, range);
    } catch (error) {
      if (error instanceof BmcError) throw error;
      if (signal.aborted) throw new Broken('given up');
      const late = answered.signal.aborted;
      const silence = silenceOf(error);
      const text = late
        ? `no answer within ${answerMs / 1000} s`
        : silence === undefined
          ? (error as Error).message
          : `no answer (${silence})`;
      if (range) throw new Broken(text, { cause: error, late });
      throw asRefusal(new Error(text, { cause: error }), url, late);
    } finally {
      clearTimeout(timer);
    }
  }

  #send(
    { url, credentials, trust, signal }: HttpSource,
    { address, family }: LookupAddress,
    range: HttpRange | undefined,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const secure = url.protocol === 'https:';
      const host = bareHost(url);
      const request = (secure ? httpsRequest : httpRequest)(url, {
        agent: false,
        // The address that was looked at is the one that is connected to.
        lookup: (_host, options, callback) => {
          if (options.all) callback(null, [{ address, family }]);
          else callback(null, address, family);
        },
        headers: {
          accept: '*/*',
          'accept-encoding': 'identity',
          'user-agent': 'qemu-bmc',
          connection: 'close',
          ...(credentials && { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
          ...(range && { range: `bytes=${range.from}-${range.to ?? ''}` }),
          ...(range?.version !== undefined && { 'if-range': range.version }),
        },
        ...(secure && {
          rejectUnauthorized: trust.verify,
          ...(isIP(host) === 0 && { servername: host }),
          ...(trust.certificates.length > 0 && { ca: [...trust.certificates] }),
          ...(trust.verify && trust.certificates.length === 0 && { ca: [...rootCertificates] }),
        }),
      });
      const abort = () => request.destroy(new Error('given up'));
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      request.once('response', (response) => {
        signal.removeEventListener('abort', abort);
        resolve(response);
      });
      request.on('error', (error) => {
        signal.removeEventListener('abort', abort);
        reject(error);
      });
      request.end();
    });
  }
}

/** @throws {BmcError} `bad-argument` */
export function parseHttpUrl(text: string): URL {
  if (text.length > maxUrlLength || !URL.canParse(text)) {
    throw new BmcError('bad-argument', 'the image is not named by a URL, such as http://host/image.iso');
  }
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new BmcError(
      'bad-argument',
      `images are fetched over http and https, or nfs, not ${url.protocol.slice(0, -1)}`,
    );
  }
  return url;
}

/** An IPv6 address without its brackets. */
function bareHost({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

export function credentialsOf(
  url: URL,
  { userName, password }: Omit<FetchRequest, 'url'>,
): string | undefined {
  const name = userName ?? decodeURIComponent(url.username);
  if (name === '') return undefined;
  return `${name}:${password ?? decodeURIComponent(url.password)}`;
}

/** @throws {BmcError} `bad-argument` when the answer brings no file, and {@link Broken} when it may do so later */
export function checkStatus(response: IncomingMessage, url: URL): void {
  const { statusCode: status = 0, headers } = response;
  const refuse = (error: Error): never => {
    response.destroy();
    throw error;
  };
  const final = (text: string) => new BmcError('bad-argument', `${url.host}: ${text}`);
  if (status === 401 || status === 403) refuse(final(`${status}: the server wants other credentials`));
  if (status === 408 || status === 429 || status >= 500) refuse(new Broken(`the server answers ${status}`));
  if (status !== 200 && status !== 206) refuse(final(`the server answers ${status}`));
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    refuse(final(`the server sends the file as ${encoding}`));
}

/**
 * By which the server can tell that a part belongs to what came before. RFC 9110 §13.1.5: no weak one; §8.8.2.2: a time
 * that is older than the answer by a second at least.
 */
export function versionOf({ headers }: IncomingMessage): string | undefined {
  const { etag, 'last-modified': modified, date } = headers;
  if (etag !== undefined) return etag.startsWith('W/') ? undefined : etag;
  if (modified === undefined || date === undefined) return undefined;
  return Date.parse(date) - Date.parse(modified) >= 1000 ? modified : undefined;
}

const silences: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no way to it',
  ENETUNREACH: 'no way to its network',
  ETIMEDOUT: 'not there in time',
};

/** Why there was no answer at all; undefined for what went wrong otherwise. */
function silenceOf(error: unknown): string | undefined {
  return silences[(error as NodeJS.ErrnoException).code ?? ''];
}

/** As people are told of it. */
export function asRefusal(error: Error, url: URL, late = false): BmcError {
  if (error instanceof BmcError) return error;
  const silence = silenceOf(error.cause ?? error);
  if (silence !== undefined) {
    return new BmcError('bad-argument', `no answer from ${url.host} (${silence})`, { cause: error });
  }
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const why = /CERT|SIGNATURE|ALTNAME|ISSUER/.test(code)
    ? `${error.message} (VerifyCertificate)`
    : error.message;
  return new BmcError(late ? 'timed-out' : 'bad-argument', `${url.host}: ${why}`, { cause: error });
}

/** Names that are being asked for cannot be stopped, but need not be waited for. */
function withSignal<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error('given up'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
