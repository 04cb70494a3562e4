/**
 * The plain HTTP port, for those who type an address without `https`: sends GET and HEAD there, and refuses everything
 * else, so that no script that sends passwords works without TLS by accident. Off unless a port is configured.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../lib/log.ts';
import type { ConnectionGate } from './connection-gate.ts';
import type { HttpReply } from './exchange.ts';
import { HttpCounters } from './http-counters.ts';
import { defaultHttpLimits, type HttpLimits } from './limits.ts';
import { Lingering } from './lingering.ts';
import { listenOn } from './listen.ts';
import { MalformedRequests } from './malformed.ts';
import { securityHeaders } from './security-headers.ts';

export interface RedirectServerOptions {
  readonly addresses: readonly string[];
  readonly port: number;
  /** Where HTTPS is. */
  readonly httpsPort: number;
  readonly gate: ConnectionGate;
  readonly errorReply: (status: number) => HttpReply;
  readonly log: Logger;
  readonly limits?: Partial<HttpLimits>;
  /** Shared with other servers; its own otherwise. */
  readonly counters?: HttpCounters;
}

export class RedirectServer {
  readonly #options: RedirectServerOptions;
  readonly #limits: HttpLimits;
  readonly #lingering: Lingering;
  readonly #malformed: MalformedRequests;
  readonly #counters: HttpCounters;
  #servers: Server[] = [];

  constructor(options: RedirectServerOptions) {
    this.#options = options;
    this.#limits = { ...defaultHttpLimits, ...options.limits };
    this.#counters = options.counters ?? new HttpCounters();
    this.#lingering = new Lingering(this.#limits);
    const { errorReply, log } = options;
    this.#malformed = new MalformedRequests({
      ...{ errorReply, log, counters: this.#counters, lingering: this.#lingering },
    });
  }

  get addresses(): readonly AddressInfo[] {
    return this.#servers
      .map((server) => server.address())
      .filter((at) => at !== null && typeof at === 'object');
  }

  /** @throws {Error} in one line, when an address does not allow to serve; then nothing is open */
  async start(): Promise<void> {
    let { port } = this.#options;
    try {
      for (const address of this.#options.addresses) {
        const server = this.#makeServer();
        await listenOn(server, address, port, this.#options.addresses);
        this.#servers.push(server);
        port = (server.address() as AddressInfo).port;
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const server of servers) server.closeAllConnections();
    await Promise.all(closed);
  }

  #makeServer(): Server {
    const { headerBytes, headersMs, checkMs, stalledMs } = this.#limits;
    const server = createServer(
      {
        maxHeaderSize: headerBytes,
        headersTimeout: headersMs,
        requestTimeout: headersMs,
        connectionsCheckingInterval: checkMs,
        requireHostHeader: false,
      },
      (request, response) => this.#answer(request, response),
    );
    server.timeout = stalledMs;
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) =>
      this.#answer(request, response),
    );
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#malformed.answer(error, socket));
    this.#options.gate.guard(server);
    return server;
  }

  #answer({ method = '', url = '/', headers, socket }: IncomingMessage, response: ServerResponse) {
    const { host = '' } = headers;
    this.#malformed.answering(socket, response);
    // Nobody reads what comes with a request.
    this.#lingering.afterAnswer(socket);
    const target = secureUrl(host, this.#options.httpsPort, url);
    const isReading = method === 'GET' || method === 'HEAD';
    if (isReading && target !== undefined) {
      this.#counters.answered('', method, 308);
      response.writeHead(308, {
        ...securityHeaders,
        location: target,
        connection: 'close',
        'content-length': 0,
      });
      response.end();
      return;
    }
    const reply = this.#options.errorReply(isReading ? 400 : 405);
    const { status, body } = reply;
    this.#counters.answered('', method, status);
    const allow = isReading ? {} : { allow: 'GET, HEAD' };
    response.writeHead(status, { ...securityHeaders, ...reply.headers, ...allow, connection: 'close' });
    response.end(method !== 'HEAD' && typeof body === 'string' ? body : undefined);
  }
}

/** @returns undefined for a host that is none, or a target that is no path */
function secureUrl(host: string, port: number, url: string): string | undefined {
  const name = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/.exec(host)?.[1];
  if (name === undefined || !url.startsWith('/')) return undefined;
  return `https://${name}${port === 443 ? '' : `:${port}`}${url}`;
}
