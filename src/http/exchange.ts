/** One request and its answer, as the faces over HTTP see them: no socket, no framework. */
import type { IncomingHttpHeaders } from 'node:http';

export interface HttpRequest {
  /** In capitals: `GET`. */
  readonly method: string;
  /** Path and query as they came, still percent-encoded: `/redfish/v1/Systems?$top=1`. */
  readonly url: string;
  /** Names in small letters. */
  readonly headers: IncomingHttpHeaders;
  /** As it came, within the limit; empty where there is none. */
  readonly body: Uint8Array;
  /**
   * In place of `body`, where the face {@link HttpFace.streams}: pieces as they come, read once or never. Ends with an
   * error when the client goes, or stops sending, before the end.
   */
  readonly stream?: AsyncIterable<Uint8Array>;
  /** The client's address and port, for the record. */
  readonly from: string;
  /** The client's address alone, for counting guesses. */
  readonly address: string;
  /** Aborted when the client has gone before the answer was complete. */
  readonly gone: AbortSignal;
}

/** What is known of a request before its body. */
export type HttpRequestHead = Pick<HttpRequest, 'method' | 'url' | 'headers'>;

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** A string is sent as UTF-8; a stream is sent as it comes. Absent for an answer without a body. */
  readonly body?: string | Uint8Array | AsyncIterable<string | Uint8Array>;
  /** Aborted when a stream is given up in its middle: the connection is cut, whether or not the client reads. */
  readonly cut?: AbortSignal;
}

/** Whoever answers below a path. It never rejects: a bug becomes an answer of status 500 and a line in the log. */
export interface HttpFace {
  /** Paths that begin with one of these are this face's: `/redfish`. */
  readonly prefixes: readonly string[];
  /** Whether the body of this request is to be taken piece by piece, however long; false unless defined. */
  streams?(head: HttpRequestHead): boolean;
  handle(request: HttpRequest): Promise<HttpReply>;
  /**
   * The very answer that {@link handle} would give, where it is ready without a wait; undefined, and nothing done, where
   * it is not. Asked for GETs without a body.
   */
  atOnce?(request: HttpRequest): HttpReply | undefined;
}
