/**
 * The HTTPS server: one port on one or more addresses, and behind it the faces, told apart by their paths. What is the
 * same for all of them is here: TLS, limits, headers against abuse, answers to what is no request at all. Fastify does
 * the routing and is seen nowhere else.
 *
 *   connection ─▶ gate ─▶ TLS ─▶ HTTP/1.1 ─▶ Fastify ─▶ body within its limit ─▶ face ─▶ answer, whole or as a stream
 *                                        └─▶ GET, and the face has the answer ready ─▶ answer
 *
 * Trusts no header that says where a request came from or what method it meant (X-Forwarded-*, X-HTTP-Method-Override).
 * Serves HTTP/1.1 alone: no client of a BMC needs HTTP/2, and its streams would slip past the limits of the gate.
 */
import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import { type AddressInfo, isIPv6, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from '../lib/log.ts';
import { BodyReader, ClientGone } from './body.ts';
import { ConnectionGate, sourceOf } from './connection-gate.ts';
import type { HttpFace, HttpReply, HttpRequest } from './exchange.ts';
import { HttpCounters } from './http-counters.ts';
import { defaultHttpLimits, type HttpLimits } from './limits.ts';
import { Lingering } from './lingering.ts';
import { listenOn } from './listen.ts';
import { MalformedRequests } from './malformed.ts';
import { HttpRefusal } from './refusal.ts';
import { securityHeaders } from './security-headers.ts';
import { type KeyPair, secureContextOptions } from './tls.ts';

export interface HttpServerOptions {
  /** IPv4 or IPv6 addresses to listen on: at least one. */
  readonly addresses: readonly string[];
  /** 0 for one that is free, the same on all addresses. */
  readonly port: number;
  readonly keyPair: KeyPair;
  readonly faces: readonly HttpFace[];
  /** What a client is told that no face answers: 4xx, and 500 and 503. */
  readonly errorReply: (status: number) => HttpReply;
  /** What a connection can be switched to; without it such a wish is ignored. */
  readonly sockets?: SocketFace;
  readonly log: Logger;
  readonly limits?: Partial<HttpLimits>;
  /** Shared with other servers; made from the limits otherwise. */
  readonly gate?: ConnectionGate;
  /** Shared with other servers; its own otherwise. */
  readonly counters?: HttpCounters;
}

/** Whoever takes connections over that leave HTTP. */
export interface SocketFace {
  /** @param refuse answers with this status and ends the connection */
  upgrade(request: IncomingMessage, socket: Socket, head: Uint8Array, refuse: (status: number) => void): void;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export class HttpServer {
  readonly counters: HttpCounters;
  readonly #options: HttpServerOptions;
  readonly #limits: HttpLimits;
  readonly #gate: ConnectionGate;
  readonly #bodies: BodyReader;
  readonly #lingering: Lingering;
  readonly #malformed: MalformedRequests;
  /** Requests whose clients wait to be told that the body may come. */
  readonly #waiting = new WeakSet<IncomingMessage>();
  #keyPair: KeyPair;
  #servers: Server[] = [];
  #stopping = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#limits = { ...defaultHttpLimits, ...options.limits };
    this.#gate = options.gate ?? new ConnectionGate(this.#limits);
    this.#bodies = new BodyReader(this.#limits);
    this.counters = options.counters ?? new HttpCounters();
    this.#lingering = new Lingering(this.#limits);
    const { errorReply, log } = options;
    this.#malformed = new MalformedRequests({
      ...{ errorReply, log, counters: this.counters, lingering: this.#lingering },
    });
    this.#keyPair = options.keyPair;
  }

  /** Where it listens; empty before the start. */
  get addresses(): readonly AddressInfo[] {
    return this.#servers
      .map((server) => server.address())
      .filter((at) => at !== null && typeof at === 'object');
  }

  /** @throws {Error} in one line, when an address or the certificate does not allow to serve; then nothing is open */
  async start(): Promise<void> {
    const handler = await this.#makeHandler();
    this.#stopping = false;
    let { port } = this.#options;
    try {
      for (const address of this.#options.addresses) {
        const server = this.#makeServer(handler);
        await listenOn(server, address, port, this.#options.addresses);
        this.#servers.push(server);
        port = (server.address() as AddressInfo).port;
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** No new connections; idle ones end at once, answers on their way within the grace. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const servers = this.#servers;
    this.#servers = [];
    if (servers.length === 0) return;
    // What has been asked is answered, within limits. `close` also ends the connections without a request.
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    const grace = setTimeout(() => this.#gate.closeAll(), this.#limits.stopGraceMs);
    await Promise.all(closed);
    clearTimeout(grace);
  }

  /**
   * New connections get the new certificate; those that are open go on.
   * @throws {Error} when TLS cannot work with it: then the one before stays
   */
  replaceCertificate(keyPair: KeyPair): void {
    const before = this.#keyPair;
    try {
      for (const server of this.#servers) server.setSecureContext(secureContextOptions(keyPair));
      this.#keyPair = keyPair;
    } catch (error) {
      for (const server of this.#servers) server.setSecureContext(secureContextOptions(before));
      throw error;
    }
  }

  #makeServer(handler: Handler): Server {
    const limits = this.#limits;
    const options: ServerOptions = {
      ...secureContextOptions(this.#keyPair),
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: limits.handshakeMs,
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      // Bodies have their own, as some may be long.
      requestTimeout: 0,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: limits.checkMs,
      // Told like the other refusals, with the same headers.
      requireHostHeader: false,
      // Peers that have vanished are noticed also where nothing is sent.
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
    };
    const server = createServer(options, handler);
    server.maxHeadersCount = 0;
    server.maxRequestsPerSocket = limits.requestsPerConnection;
    server.timeout = limits.stalledMs;
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      this.#waiting.add(request);
      handler(request, response);
    });
    // An expectation nobody here knows is none that must be met.
    server.on('checkExpectation', handler);
    const { sockets } = this.#options;
    if (sockets) {
      server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Uint8Array) => {
        socket.on('error', (error) =>
          this.#options.log.debug({ err: error }, 'http: an upgraded connection'),
        );
        const refuse = (status: number) => this.#malformed.hangUp(socket, status);
        try {
          sockets.upgrade(request, socket, head, refuse);
        } catch (error) {
          this.#options.log.error({ err: error, url: request.url?.split('?')[0] }, 'http: an upgrade failed');
          refuse(500);
        }
      });
    }
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#malformed.answer(error, socket));
    server.on('tlsClientError', (error) => {
      this.counters.handshakesFailed++;
      this.#options.log.debug({ err: error }, 'TLS handshake failed');
    });
    this.#gate.guard(server);
    return server;
  }

  async #makeHandler(): Promise<Handler> {
    let handler: Handler | undefined;
    const app = Fastify<Server>({
      // The servers are ours, one for each address: Fastify only gives us what handles their requests.
      serverFactory: (made) => {
        handler = made as Handler;
        return createServer();
      },
      exposeHeadRoutes: false,
      rewriteUrl: ({ url = '/' }) => originForm(url),
      frameworkErrors: (error, request, reply) => this.#fail(error, request, reply),
      // Faces check their bodies and write them: Fastify need not load its compilers of schemas.
      schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    });
    for (const method of METHODS) {
      if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
    }
    app.removeAllContentTypeParsers();
    // Bodies are read by us, as their limit depends on who asks.
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));
    app.setErrorHandler((error, request, reply) => this.#fail(error, request, reply));
    app.setNotFoundHandler((request, reply) => this.#serve(request, reply));
    app.route({
      method: [...app.supportedMethods],
      url: '*',
      handler: (request, reply) => this.#serve(request, reply),
    });
    await app.ready();
    const route = handler;
    if (!route) throw new Error('fastify asked for no server');
    return (request, response) => {
      if (!this.#answerAtOnce(request, response)) route(request, response);
    };
  }

  /**
   * The short way for clients that poll: what is asked for most, and is kept by its face, costs no turn through the
   * framework. Whatever is unusual about a request goes the long way.
   * @returns whether the request has been answered
   */
  #answerAtOnce(raw: IncomingMessage, response: ServerResponse): boolean {
    const { url = '', method, headers } = raw;
    const isUsual =
      method === 'GET' &&
      url.startsWith('/') &&
      headers.host !== undefined &&
      headers['content-length'] === undefined &&
      headers['transfer-encoding'] === undefined &&
      headers.expect === undefined &&
      // Node 20's parser stumbles over long pipelines, and the sooner the faster they are answered.
      raw.socket.writableLength === 0;
    if (!isUsual || this.#stopping) return false;
    const face = this.#faceOf(url);
    const answer = face?.atOnce?.(new Exchange(raw, response, { url, method, body: noBody }));
    if (!face || !answer || !isWhole(answer, method)) return false;
    this.#malformed.answering(raw.socket, response);
    this.#count(face, method, answer.status);
    sendWhole(answer, response);
    return true;
  }

  async #serve({ raw }: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { url = '/', method = 'GET', headers } = raw;
    this.#malformed.answering(raw.socket, reply.raw);
    if (headers.host === undefined && raw.httpVersion !== '1.0') throw new HttpRefusal(400);
    const face = this.#faceOf(url);
    if (!face) throw new HttpRefusal(404);
    const hasCredentials = headers.authorization !== undefined || headers['x-auth-token'] !== undefined;
    const limit = hasCredentials ? this.#limits.bodyBytes : this.#limits.anonymousBodyBytes;
    const invite = () => {
      if (this.#waiting.has(raw)) reply.raw.writeContinue();
    };
    const streams = hasCredentials && face.streams?.({ method, url, headers }) === true;
    const content: Content = streams
      ? { body: noBody, stream: this.#bodies.stream(raw, invite) }
      : { body: await this.#bodies.read(raw, limit, invite) };
    const answer = await face.handle(new Exchange(raw, reply.raw, { url, method, ...content }));
    // What nobody took of the body is not waited for.
    if (streams && !raw.complete) this.#closeAfter(raw, reply);
    return this.#send(answer, raw, reply);
  }

  #faceOf(url: string): HttpFace | undefined {
    return this.#options.faces.find(({ prefixes }) => prefixes.some((prefix) => isBelow(url, prefix)));
  }

  #count(face: HttpFace | undefined, method: string, status: number): void {
    this.counters.answered(face?.prefixes[0] ?? '', method, status);
  }

  #send(answer: HttpReply, raw: IncomingMessage, reply: FastifyReply): FastifyReply {
    const { url = '', method = '' } = raw;
    const { status, headers, body, cut } = answer;
    this.#count(this.#faceOf(url), method, status);
    if (isWhole(answer, method) && !this.#stopping && !reply.hasHeader('connection')) {
      // Nothing of Fastify's is still to come to it.
      reply.hijack();
      sendWhole(answer, reply.raw);
      return reply;
    }
    reply.code(status).headers(securityHeaders).headers(headers);
    if (this.#stopping) reply.header('connection', 'close');
    if (body === undefined || status === 204 || status === 304) return reply.send();
    const isStream = typeof body !== 'string' && !(body instanceof Uint8Array);
    if (method === 'HEAD') {
      if (!isStream) reply.header('content-length', Buffer.byteLength(body));
      return reply.send();
    }
    if (!isStream)
      return reply.send(
        typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.length),
      );
    // Whoever makes the stream knows how long it may be silent.
    raw.socket.setTimeout(0);
    cut?.addEventListener('abort', () => raw.socket.destroy(), { once: true });
    // Its headers may be older than the wish to stop.
    reply.raw.once('finish', () => {
      if (this.#stopping) raw.socket.end();
    });
    return reply.send(Readable.from(this.#watched(body, raw)));
  }

  /** A stream that breaks off leaves the client with an answer that is not whole; the log says why. */
  async *#watched(body: AsyncIterable<string | Uint8Array>, { method, url }: IncomingMessage) {
    try {
      yield* body;
    } catch (error) {
      this.#options.log.error({ err: error, method, url }, 'http: a stream broke off');
      throw error;
    }
  }

  #closeAfter({ socket }: IncomingMessage, reply: FastifyReply): void {
    reply.header('connection', 'close');
    this.#lingering.afterAnswer(socket);
  }

  #fail(error: unknown, { raw }: FastifyRequest, reply: FastifyReply): FastifyReply {
    // Nobody is there any more; Fastify still wants an end.
    if (error instanceof ClientGone) return reply.hijack();
    const status = statusOf(error);
    const { method, url } = raw;
    if (status >= 500) this.#options.log.error({ err: error, method, url }, 'http: a request failed');
    // What is left of the request is not waited for.
    if (!raw.complete) this.#closeAfter(raw, reply);
    return this.#send(this.#options.errorReply(status), raw, reply);
  }
}

function noSchemas(): never {
  throw new Error('http: no route has a schema');
}

type Content = Pick<HttpRequest, 'body' | 'stream'>;
const noBody = new Uint8Array();

/** A request as faces see it. */
class Exchange implements HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly body: Uint8Array;
  readonly stream?: AsyncIterable<Uint8Array>;
  readonly from: string;
  readonly address: string;
  readonly #raw: IncomingMessage;
  readonly #response: ServerResponse;
  #gone: AbortController | undefined;

  constructor(
    raw: IncomingMessage,
    response: ServerResponse,
    { method, url, body, stream }: { method: string; url: string } & Content,
  ) {
    this.method = method;
    this.url = url;
    this.body = body;
    if (stream) this.stream = stream;
    const { address, from } = peerOf(raw.socket);
    this.address = address;
    this.from = from;
    this.#raw = raw;
    this.#response = response;
  }

  get headers() {
    return this.#raw.headers;
  }

  /** Made when somebody asks for it: few answers are long enough to be given up. */
  get gone(): AbortSignal {
    if (!this.#gone) {
      const controller = new AbortController();
      const response = this.#response;
      const look = () => {
        if (!response.writableFinished) controller.abort();
      };
      if (response.closed || response.destroyed) look();
      else response.once('close', look);
      this.#gone = controller;
    }
    return this.#gone.signal;
  }
}

interface Peer {
  readonly address: string;
  readonly from: string;
}

const peers = new WeakMap<Socket, Peer>();

/** Asked of the kernel once for each connection. */
function peerOf(socket: Socket): Peer {
  const known = peers.get(socket);
  if (known) return known;
  const address = sourceOf(socket);
  const peer = { address, from: `${isIPv6(address) ? `[${address}]` : address}:${socket.remotePort}` };
  peers.set(socket, peer);
  return peer;
}

type Whole = HttpReply & { readonly body?: string | Uint8Array };

/** Everything of it is here: its length, or that it has no body. */
function isWhole(answer: HttpReply, method: string): answer is Whole {
  const { status, body } = answer;
  if (status === 304) return body === undefined;
  return (typeof body === 'string' || body instanceof Uint8Array) && method !== 'HEAD' && status !== 204;
}

function sendWhole({ status, headers, body }: Whole, response: ServerResponse): void {
  response.writeHead(status, wholeHeaders(headers, body));
  response.end(body);
}

type WholeHeaders = Readonly<Record<string, string | number>>;

/** Faces that keep answers give the same headers again. */
const whole = new WeakMap<HttpReply['headers'], WholeHeaders>();

function wholeHeaders(headers: HttpReply['headers'], body: Whole['body']): WholeHeaders {
  const length = body === undefined ? undefined : Buffer.byteLength(body);
  const known = whole.get(headers);
  if (known && known['content-length'] === length) return known;
  const made = {
    ...securityHeaders,
    ...headers,
    ...(length !== undefined && { 'content-length': length }),
  };
  whole.set(headers, made);
  return made;
}

/** Refusals have their status, Fastify's own errors theirs; everything else is a bug. */
function statusOf(error: unknown): number {
  if (error instanceof HttpRefusal) return error.status;
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

/** `https://host/path`, as a client may write it too, names nothing else than `/path`. RFC 9112 §3.2.2. */
function originForm(url: string): string {
  const rest = /^https?:\/\/[^/?#]*(.*)$/i.exec(url)?.[1];
  if (rest === undefined) return url;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function isBelow(url: string, prefix: string): boolean {
  if (!url.startsWith(prefix)) return false;
  const next = url.charAt(prefix.length);
  return prefix.endsWith('/') || next === '' || next === '/' || next === '?';
}
