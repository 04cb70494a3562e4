/** What one client, and all of them together, may take of the servers over HTTP. */
import type { LingerLimits } from './lingering.ts';

export interface HttpLimits extends LingerLimits {
  /** Connections at once, in all. */
  readonly connections: number;
  /** Connections at once from one address. */
  readonly connectionsPerSource: number;
  /** Request line and headers together. */
  readonly headerBytes: number;
  /** Bodies of requests without credentials. */
  readonly anonymousBodyBytes: number;
  readonly bodyBytes: number;
  /** All bodies being received, together. */
  readonly bodyBytesInAll: number;
  /** From connection to the end of the TLS handshake. */
  readonly handshakeMs: number;
  /** From the first byte, or from connection, to the end of the headers. */
  readonly headersMs: number;
  /** From the end of the headers to the end of the body. */
  readonly requestMs: number;
  /** Between two pieces of a body that is taken as it comes. */
  readonly pieceMs: number;
  /** Between the end of an answer and the next request. */
  readonly keepAliveMs: number;
  /** How long a client may take nothing of an answer. Streams are exempt: their makers know what is too slow. */
  readonly stalledMs: number;
  readonly requestsPerConnection: number;
  /** How often time-outs are looked for: what they may be late by. */
  readonly checkMs: number;
  /** How long answers on their way may take at the end. */
  readonly stopGraceMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  connections: 200,
  connectionsPerSource: 20,
  headerBytes: 8 * 1024,
  anonymousBodyBytes: 4 * 1024,
  bodyBytes: 1024 * 1024,
  bodyBytesInAll: 32 * 1024 * 1024,
  handshakeMs: 10_000,
  headersMs: 10_000,
  requestMs: 30_000,
  pieceMs: 30_000,
  keepAliveMs: 30_000,
  stalledMs: 60_000,
  requestsPerConnection: 10_000,
  checkMs: 1000,
  stopGraceMs: 2000,
  lingerMs: 10_000,
  lingerSilentMs: 2000,
  lingerBytes: 128 * 1024 * 1024,
  lingering: 64,
};
