/**
 * Fetches images over HTTP and HTTPS. The server is not trusted: its address must be permitted and is the one that is
 * connected to, wherever its name leads a moment later; each redirect is looked at anew; sizes and times are bounded.
 * A transfer that breaks off is continued where the server can do that (ranges, and a mark of the file's version).
 */
import type { IncomingMessage } from 'node:http';
import { BmcError } from '../bmc/errors.ts';
import type { ByteSink, FetchRequest, ImageFetcher, MediaTrust } from '../bmc/media-images.ts';
import {
  asRefusal,
  Broken,
  checkStatus,
  credentialsOf,
  defaultHttpClientLimits,
  HttpClient,
  type HttpClientLimits,
  type HttpClientOptions,
  type HttpSource,
  parseHttpUrl,
  versionOf,
} from './http-client.ts';

export interface FetchLimits extends HttpClientLimits {
  /** Between two pieces of the body. */
  readonly silenceMs: number;
  /** Of everything together. */
  readonly totalMs: number;
  /** How often a transfer that broke off is taken up again. */
  readonly resumptions: number;
}

export const defaultFetchLimits: FetchLimits = {
  ...defaultHttpClientLimits,
  silenceMs: 30_000,
  totalMs: 4 * 60 * 60_000,
  resumptions: 5,
};

export interface HttpFetcherOptions extends Omit<HttpClientOptions, 'limits'> {
  readonly limits?: Partial<FetchLimits>;
}

export class HttpFetcher implements ImageFetcher {
  readonly #limits: FetchLimits;
  readonly #client: HttpClient;

  constructor(options: HttpFetcherOptions) {
    this.#limits = { ...defaultFetchLimits, ...options.limits };
    this.#client = new HttpClient({ ...options, limits: this.#limits });
  }

  check({ url }: FetchRequest): void {
    this.#client.check(parseHttpUrl(url));
  }

  async fetch<Sink extends ByteSink>(
    request: FetchRequest,
    trust: MediaTrust,
    begin: (sizeBytes: number | undefined) => Promise<Sink>,
    signal: AbortSignal,
  ): Promise<Sink> {
    const url = parseHttpUrl(request.url);
    const credentials = credentialsOf(url, request);
    const { totalMs, resumptions } = this.#limits;
    const all = AbortSignal.any([signal, AbortSignal.timeout(totalMs)]);
    const source: HttpSource = { url, credentials, trust, signal: all };
    const first = await this.#open(source, undefined);
    const sizeBytes = lengthOf(first);
    const version = first.headers['accept-ranges'] === 'bytes' ? versionOf(first) : undefined;
    let writer: Sink;
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
  async #copy(response: IncomingMessage, writer: ByteSink, signal: AbortSignal): Promise<Error | undefined> {
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

  /** An answer that carries the file, or the rest of it. */
  async #open(source: HttpSource, rest: Rest | undefined): Promise<IncomingMessage> {
    const { response, url } = await this.#client.ask(source, rest);
    try {
      checkStatus(response, url);
      const { statusCode: status, headers } = response;
      const continues =
        status === 206 && headers['content-range']?.startsWith(`bytes ${rest?.from}-`) === true;
      if (rest ? !continues : status !== 200) {
        throw new BmcError(
          'bad-argument',
          rest
            ? `${url.host}: the transfer broke off, and the server does not continue it`
            : `${url.host}: the server answers ${status}`,
        );
      }
      return response;
    } catch (error) {
      response.destroy();
      throw rest ? error : asRefusal(error as Error, url);
    }
  }
}

/** What is still to come of a file that has not changed. */
interface Rest {
  readonly from: number;
  readonly version: string;
}

function lengthOf({ headers }: IncomingMessage): number | undefined {
  const length = headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

function tooSlow(totalMs: number): BmcError {
  return new BmcError('timed-out', `the image did not come within ${Math.round(totalMs / 60_000)} minutes`);
}
