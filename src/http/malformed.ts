/**
 * Answers what is no valid HTTP request, or comes too slowly or too large to become one, and ends the connection. There
 * is no request then and no response, so that the answer is written as text.
 */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '../lib/log.ts';
import type { HttpReply } from './exchange.ts';
import type { HttpCounters } from './http-counters.ts';
import type { Lingering } from './lingering.ts';
import { securityHeaders } from './security-headers.ts';

const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** As Node's parser makes it. */
type ParseError = NodeJS.ErrnoException & { readonly rawPacket?: Buffer };

/** A request line like any other, but for a method that Node's parser does not know. RFC 9110 §15.6.2: 501. */
const requestLine = /^[!#$%&'*+.^_`|~\w-]+ \S+ HTTP\/1\.[01]\r?\n/;

function isUnknownMethod({ code, rawPacket }: ParseError): boolean {
  return code === 'HPE_INVALID_METHOD' && requestLine.test(rawPacket?.toString('latin1') ?? '');
}

export interface MalformedOptions {
  readonly errorReply: (status: number) => HttpReply;
  readonly log: Logger;
  readonly counters: HttpCounters;
  readonly lingering: Lingering;
}

export class MalformedRequests {
  readonly #errorReply: (status: number) => HttpReply;
  readonly #log: Logger;
  readonly #counters: HttpCounters;
  readonly #lingering: Lingering;
  /** The latest answer on each connection: another one in its middle would only garble it. */
  readonly #busy = new WeakMap<Duplex, ServerResponse>();

  constructor({ errorReply, log, counters, lingering }: MalformedOptions) {
    this.#errorReply = errorReply;
    this.#log = log;
    this.#counters = counters;
    this.#lingering = lingering;
  }

  answering(socket: Duplex, response: ServerResponse): void {
    this.#busy.set(socket, response);
  }

  answer(error: ParseError, socket: Duplex): void {
    this.#log.debug({ code: error.code }, 'http: not a request');
    if (this.#lingering.has(socket)) return;
    // Who did not manage TLS has nothing to read an answer with.
    if (error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT') {
      socket.destroy();
      return;
    }
    const response = this.#busy.get(socket);
    // An answer owed to an earlier request comes first; one to this very request has not begun.
    const isOwed = response && !response.writableFinished && (response.headersSent || response.req.complete);
    if (!socket.writable || isOwed) {
      socket.destroy();
      return;
    }
    const status = isUnknownMethod(error) ? 501 : (statuses[error.code ?? ''] ?? 400);
    this.#counters.answered('', '', status);
    this.hangUp(socket, status);
  }

  /** Answers as text, where there is no response to answer with, and ends the connection. */
  hangUp(socket: Duplex, status: number): void {
    this.#lingering.end(socket, textOf(status, this.#errorReply(status)));
  }
}

function textOf(status: number, { headers, body }: HttpReply): string {
  const text = typeof body === 'string' ? body : '';
  const all = {
    ...securityHeaders,
    ...headers,
    connection: 'close',
    'content-length': String(Buffer.byteLength(text)),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${text}`;
}
