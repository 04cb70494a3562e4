/**
 * Fetches images over HTTP and HTTPS. The server is not trusted: its address must be permitted and is the one that is
 * connected to, wherever its name leads a moment later; each redirect is looked at anew; sizes and times are bounded.
 * A transfer that breaks off is continued where the server can do that (ranges, and a mark of the file's version).
 */
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, isIPv6 } from 'node:net';
import { rootCertificates } from 'node:tls';
import { BmcError } from '../bmc/errors.ts';
import type { ImageFetcher, ImageWriter, MediaTrust, MediumRequest } from '../bmc/media.ts';
import type { AddressPolicy } from './address-policy.ts';

export interface FetchLimits {
  readonly redirects: number;
  /** From the name to the headers of the answer. */
  readonly answerMs: number;
  /** Between two pieces of the body. */
  readonly silenceMs: number;
  /** Of everything together. */
  readonly totalMs: number;
  /** How often a transfer that broke off is taken up again. */
  readonly resumptions: number;
}

export const defaultFetchLimits: FetchLimits = {
  redirects: 3,
  answerMs: 15_000,
  silenceMs: 30_000,
  totalMs: 4 * 60 * 60_000,
  resumptions: 5,
};

export interface HttpFetcherOptions {
  readonly policy: AddressPolicy;
  readonly limits?: Partial<FetchLimits>;
  /** Another resolver, for tests. */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>;
}

const redirectStatuses = [301, 302, 303, 307, 308];
const maxUrlLength = 2048;

export class HttpFetcher implements ImageFetcher {
  readonly #policy: AddressPolicy;
  readonly #limits: FetchLimits;
  readonly #resolve: (host: string) => Promise<readonly LookupAddress[]>;

  constructor({ policy, limits, resolve }: HttpFetcherOptions) {
    this.#policy = policy;
    this.#limits = { ...defaultFetchLimits, ...limits };
    this.#resolve = resolve ?? ((host) => lookup(host, { all: true }));
  }

  check({ url: text }: MediumRequest): void {
    const url = parseUrl(text);
    const host = bareHost(url);
    if (isIP(host) !== 0) this.#requirePermitted(host, url);
  }

  async fetch(
    request: MediumRequest,
    trust: MediaTrust,
    begin: (sizeBytes: number | undefined) => Promise<ImageWriter>,
    signal: AbortSignal,
  ): Promise<ImageWriter> {
    const url = parseUrl(request.url);
    const credentials = credentialsOf(url, request);
    const { totalMs, resumptions } = this.#limits;
    const all = AbortSignal.any([signal, AbortSignal.timeout(totalMs)]);
    const source: Source = { url, credentials, trust, signal: all };
    const first = await this.#open(source, undefined);
    const sizeBytes = lengthOf(first);
    const version = versionOf(first);
    let writer: ImageWriter;
    try {
      writer = await begin(sizeBytes);
    } catch (error) {
      first.destroy();
      throw error;
    }
    let broken = await this.#copy(first, writer, all);
    for (let left = resumptions; broken && left > 0; left--) {
      if (all.aborted || version === undefined) break;
      try {
        const next = await this.#open(source, { from: writer.receivedBytes, version });
        broken = await this.#copy(next, writer, all);
      } catch (error) {
        if (!(error instanceof Broken)) throw error;
        broken = error;
      }
    }
    if (broken) throw all.aborted && !signal.aborted ? tooSlow(totalMs) : asRefusal(broken, url);
    return writer;
  }

  /** @returns what broke the transfer off; undefined when the body is here whole */
  async #copy(
    response: IncomingMessage,
    writer: ImageWriter,
    signal: AbortSignal,
  ): Promise<Error | undefined> {
    const { silenceMs } = this.#limits;
    // Undone by the end of the response, whatever it is.
    response.setTimeout(silenceMs, () =>
      response.destroy(new Error(`the server has been silent for ${silenceMs / 1000} s`)),
    );
    const abort = () => response.destroy(new Error('given up'));
    signal.addEventListener('abort', abort, { once: true });
    try {
      for await (const chunk of response) await writer.write(chunk as Buffer);
      return response.complete ? undefined : new Error('the transfer broke off');
    } catch (error) {
      response.destroy();
      // What the disk or the limits say is final.
      if (error instanceof BmcError) throw error;
      return error as Error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Follows redirects to an answer that carries the file, or the rest of it. */
  async #open(source: Source, rest: Rest | undefined): Promise<IncomingMessage> {
    let { url, credentials } = source;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#ask({ ...source, url, credentials }, rest);
      const { statusCode: status = 0, headers } = response;
      if (!redirectStatuses.includes(status)) {
        checkAnswer(response, url, rest);
        return response;
      }
      response.destroy();
      const { location } = headers;
      if (
        redirects >= this.#limits.redirects ||
        location === undefined ||
        !URL.canParse(location, url.href)
      ) {
        throw new BmcError('bad-argument', `${url.host} redirects too often, or to nowhere`);
      }
      const next = parseUrl(new URL(location, url).href);
      if (url.protocol === 'https:' && next.protocol !== 'https:') {
        throw new BmcError('not-permitted', `${url.host} redirects from HTTPS to plain HTTP`);
      }
      // Another server is not to learn what was meant for this one.
      if (next.origin !== url.origin) credentials = undefined;
      url = next;
    }
  }

  async #ask({ url, credentials, trust, signal }: Source, rest: Rest | undefined): Promise<IncomingMessage> {
    const { answerMs } = this.#limits;
    const answered = new AbortController();
    const timer = setTimeout(() => answered.abort(), answerMs);
    const either = AbortSignal.any([signal, answered.signal]);
    try {
      const target = await withSignal(this.#addressOf(url), either);
      return await this.#send({ url, credentials, trust, signal: either }, target, rest);
    } catch (error) {
      if (error instanceof BmcError) throw error;
      if (signal.aborted) throw new Broken('given up');
      const late = answered.signal.aborted;
      const text = late ? `no answer within ${answerMs / 1000} s` : (error as Error).message;
      if (rest) throw new Broken(text);
      throw asRefusal(new Error(text, { cause: error }), url, late);
    } finally {
      clearTimeout(timer);
    }
  }

  #send(
    { url, credentials, trust, signal }: Source,
    { address, family }: LookupAddress,
    rest: Rest | undefined,
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
          ...(rest && { range: `bytes=${rest.from}-`, 'if-range': rest.version }),
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

  /** One address that is permitted; the name is asked for once. */
  async #addressOf(url: URL): Promise<LookupAddress> {
    const host = bareHost(url);
    if (isIP(host) !== 0) {
      this.#requirePermitted(host, url);
      return { address: host, family: isIPv6(host) ? 6 : 4 };
    }
    let found: readonly LookupAddress[];
    try {
      found = await this.#resolve(host);
    } catch (cause) {
      throw new BmcError('bad-argument', `${host}: no address found`, { cause });
    }
    const permitted = found.find(({ address }) => this.#policy.refusal(address) === undefined);
    if (permitted) return permitted;
    const [first] = found;
    if (!first) throw new BmcError('bad-argument', `${host}: no address found`);
    this.#requirePermitted(first.address, url);
    return first;
  }

  #requirePermitted(address: string, url: URL): void {
    const reason = this.#policy.refusal(address);
    if (reason === undefined) return;
    throw new BmcError(
      'not-permitted',
      `${url.host}: images are not fetched from this address: ${reason} (redfish.media.allow)`,
    );
  }
}

interface Source {
  readonly url: URL;
  readonly credentials: string | undefined;
  readonly trust: MediaTrust;
  readonly signal: AbortSignal;
}

/** What is still to come of a file that has not changed. */
interface Rest {
  readonly from: number;
  readonly version: string;
}

/** May go better another time. */
class Broken extends Error {
  override readonly name = 'Broken';
}

/** @throws {BmcError} `bad-argument` */
function parseUrl(text: string): URL {
  if (text.length > maxUrlLength || !URL.canParse(text)) {
    throw new BmcError('bad-argument', 'the image is not named by a URL, such as http://host/image.iso');
  }
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new BmcError(
      'bad-argument',
      `images are fetched over http and https, not ${url.protocol.slice(0, -1)}`,
    );
  }
  return url;
}

/** An IPv6 address without its brackets. */
function bareHost({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

function credentialsOf(url: URL, { userName, password }: MediumRequest): string | undefined {
  const name = userName ?? decodeURIComponent(url.username);
  if (name === '') return undefined;
  return `${name}:${password ?? decodeURIComponent(url.password)}`;
}

function checkAnswer(response: IncomingMessage, url: URL, rest: Rest | undefined): void {
  const { statusCode: status = 0, headers } = response;
  const refuse = (text: string): never => {
    response.destroy();
    throw new BmcError('bad-argument', `${url.host}: ${text}`);
  };
  if (status === 401 || status === 403) refuse(`${status}: the server wants other credentials`);
  if (rest) {
    if (status !== 206 || !headers['content-range']?.startsWith(`bytes ${rest.from}-`)) {
      refuse('the transfer broke off, and the server does not continue it');
    }
    return;
  }
  if (status !== 200) refuse(`the server answers ${status}`);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') refuse(`the server sends the file as ${encoding}`);
}

function lengthOf({ headers }: IncomingMessage): number | undefined {
  const length = headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

/** By which the server can tell that the rest belongs to what has come. RFC 9110 §13.1.5: no weak one. */
function versionOf({ headers }: IncomingMessage): string | undefined {
  if (headers['accept-ranges'] !== 'bytes') return undefined;
  const { etag, 'last-modified': modified } = headers;
  return etag !== undefined && !etag.startsWith('W/') ? etag : modified;
}

function asRefusal(error: Error, url: URL, late = false): BmcError {
  if (error instanceof BmcError) return error;
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const why = /CERT|SIGNATURE|ALTNAME|ISSUER/.test(code)
    ? `${error.message} (VerifyCertificate)`
    : error.message;
  return new BmcError(late ? 'timed-out' : 'bad-argument', `${url.host}: ${why}`, { cause: error });
}

function tooSlow(totalMs: number): BmcError {
  return new BmcError('timed-out', `the image did not come within ${Math.round(totalMs / 60_000)} minutes`);
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
