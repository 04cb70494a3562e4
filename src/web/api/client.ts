/**
 * The one way to the appliance: requests to Redfish with the session's token. There is no other door; what this does,
 * `curl` can do. It keeps no answers: queries.ts does.
 */
import { ApiError, type ExtendedMessage, extendedMessages, kindOfStatus, retryAfterOf } from './errors.ts';

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

export interface Answer<T> {
  readonly status: number;
  /** Undefined for an answer without a body (204). */
  readonly body: T;
  readonly etag: string | undefined;
  /** Of what was made, or of the task that goes on. */
  readonly location: string | undefined;
  /** What a success has to add, such as what has yet to be done. */
  readonly messages: readonly ExtendedMessage[];
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** The version that the change was made from: sent as If-Match. */
  readonly etag?: string | undefined;
}

export interface ClientOptions {
  readonly fetch: typeof fetch;
  /** Undefined while nobody is logged in. */
  token(): string | undefined;
  /** Told when a request that bore `token` was answered by 401: the session has ended. */
  unauthorized(token: string): void;
}

export class Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** @throws {ApiError} @throws {DOMException} AbortError, when the caller's signal says so */
  get<T>(uri: string, { signal }: Pick<CallOptions, 'signal'> = {}): Promise<Answer<T>> {
    return this.#call<T>('GET', uri, undefined, { signal });
  }

  patch<T = unknown>(uri: string, body: unknown, options: CallOptions = {}): Promise<Answer<T>> {
    return this.#call<T>('PATCH', uri, body, options);
  }

  put<T = unknown>(uri: string, body: unknown, options: CallOptions = {}): Promise<Answer<T>> {
    return this.#call<T>('PUT', uri, body, options);
  }

  post<T = unknown>(uri: string, body: unknown = {}, options: CallOptions = {}): Promise<Answer<T>> {
    return this.#call<T>('POST', uri, body, options);
  }

  delete<T = unknown>(uri: string, options: CallOptions = {}): Promise<Answer<T>> {
    return this.#call<T>('DELETE', uri, undefined, options);
  }

  /**
   * A request whose answer is read by the caller: streams and files. Only a success comes back.
   * @throws {ApiError} as all the others do
   */
  async open(method: Method, uri: string, init: RequestInit = {}): Promise<Response> {
    const token = this.#options.token();
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set('x-auth-token', token);
    let response: Response;
    try {
      response = await this.#options.fetch(uri, {
        ...init,
        method,
        headers,
        cache: 'no-store',
        credentials: 'same-origin',
      });
    } catch (cause) {
      if (init.signal?.aborted) throw cause;
      throw new ApiError({ kind: 'unreachable', method, uri, cause });
    }
    if (response.ok) return response;
    if (response.status === 401 && token !== undefined) this.#options.unauthorized(token);
    const { status } = response;
    throw new ApiError({
      kind: kindOfStatus(status),
      method,
      uri,
      status,
      messages: extendedMessages(await jsonOf(response)),
      retryAfterS: retryAfterOf(response.headers),
    });
  }

  async #call<T>(method: Method, uri: string, body: unknown, options: CallOptions): Promise<Answer<T>> {
    const headers = new Headers({ accept: 'application/json', 'odata-version': '4.0' });
    if (body !== undefined) headers.set('content-type', 'application/json');
    if (options.etag !== undefined) headers.set('if-match', options.etag);
    const response = await this.open(method, uri, {
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(options.signal && { signal: options.signal }),
    });
    const { status } = response;
    const answer = status === 204 ? undefined : await jsonOf(response);
    if (status === 200 && answer === undefined) {
      throw new ApiError({ kind: 'failed', method, uri, status });
    }
    return {
      status,
      body: answer as T,
      etag: response.headers.get('etag') ?? undefined,
      location: response.headers.get('location') ?? undefined,
      messages: extendedMessages(answer),
    };
  }
}

/** @returns undefined for what is no JSON, such as the words of a proxy in between */
async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
