/**
 * A file of an HTTP server, part by part (RFC 9110 §14). Each part must be of the same version of the file as the first:
 * what changes under us is given up, never mixed.
 */
import type { IncomingMessage } from 'node:http';
import type { MediaTrust, RemoteSource } from '../bmc/media-images.ts';
import { type ByteSource, Final } from './block-reader.ts';
import {
  asRefusal,
  Broken,
  checkStatus,
  credentialsOf,
  type HttpClient,
  type HttpSource,
  parseHttpUrl,
  versionOf,
} from './http-client.ts';

/** What a server has to say about a file that it serves in parts. */
export interface RangedFile {
  readonly version: string;
  readonly sizeBytes: number;
}

/**
 * @returns undefined when the server does not serve parts of the file, or no mark of its version
 * @throws {BmcError} when it does not serve the file
 */
export async function probeRanges(client: HttpClient, source: HttpSource): Promise<RangedFile | undefined> {
  const { url } = source;
  let response: IncomingMessage;
  try {
    const answer = await client.ask(source, { from: 0, to: 0 });
    response = answer.response;
    // Nobody can serve the first byte of nothing.
    if (response.statusCode !== 416) checkStatus(response, answer.url);
  } catch (error) {
    throw asRefusal(error as Error, url, error instanceof Broken && error.late);
  }
  response.destroy();
  const range = contentRange(response);
  const version = versionOf(response);
  if (response.statusCode !== 206 || !range || version === undefined) return undefined;
  return range.from === 0 && range.to === 0 ? { version, sizeBytes: range.sizeBytes } : undefined;
}

export class HttpRanges implements ByteSource {
  readonly #client: HttpClient;
  readonly #source: RemoteSource;
  readonly #sizeBytes: number;
  readonly #trust: () => MediaTrust;

  /** @param trust asked for each connection */
  constructor(client: HttpClient, source: RemoteSource, sizeBytes: number, trust: () => MediaTrust) {
    this.#client = client;
    this.#source = source;
    this.#sizeBytes = sizeBytes;
    this.#trust = trust;
  }

  async *bytes(from: number, to: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const url = parseHttpUrl(this.#source.url);
    const credentials = credentialsOf(url, this.#source);
    const { version } = this.#source;
    const source = { url, credentials, trust: this.#trust(), signal };
    const answer = await this.#client.ask(source, { from, to: to - 1, version });
    const { response } = answer;
    const abort = () => response.destroy(new Error('given up'));
    signal.addEventListener('abort', abort, { once: true });
    try {
      this.#check(response, answer.url, from, to);
      yield* response as AsyncIterable<Uint8Array>;
      if (!response.complete) throw new Broken('the transfer broke off');
    } finally {
      signal.removeEventListener('abort', abort);
      response.destroy();
    }
  }

  #check(response: IncomingMessage, url: URL, from: number, to: number): void {
    const { statusCode: status } = response;
    const said = versionOf(response);
    const changed = new Final('the image has changed on its server');
    if (status === 416) throw changed;
    checkStatus(response, url);
    if (status === 200) {
      if (said !== this.#source.version) throw changed;
      throw new Broken('the server does not serve parts of the image any more');
    }
    const range = contentRange(response);
    if (!range || range.from !== from || range.to >= to) throw new Broken('the server sends another part');
    if (range.sizeBytes !== this.#sizeBytes || isOther(response, this.#source.version)) throw changed;
  }
}

/** A part may come without a mark; one that it has must be the right one. */
function isOther(
  { headers: { etag, 'last-modified': modified } }: IncomingMessage,
  version: string,
): boolean {
  return etag !== undefined ? etag !== version : modified !== undefined && modified !== version;
}

/** @returns undefined when the answer does not say which bytes of how many it brings */
function contentRange({
  headers,
}: IncomingMessage): { readonly from: number; readonly to: number; readonly sizeBytes: number } | undefined {
  const [, from, to, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '') ?? [];
  const sizeBytes = Number(size);
  return Number.isSafeInteger(sizeBytes) ? { from: Number(from), to: Number(to), sizeBytes } : undefined;
}
