import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request as plainRequest } from 'node:http';
import { Agent, request } from 'node:https';
import { type AddressInfo, connect as connectPlain, createServer as createPlain } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import { ConnectionGate } from '../../../src/http/connection-gate.ts';
import type { HttpFace, HttpReply, HttpRequest } from '../../../src/http/exchange.ts';
import { defaultHttpLimits } from '../../../src/http/limits.ts';
import { RedirectServer } from '../../../src/http/redirect-server.ts';
import { HttpServer, type HttpServerOptions } from '../../../src/http/server.ts';
import type { KeyPair } from '../../../src/http/tls.ts';
import { type Logger, silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { hasIpv6Loopback, withoutIpv6 } from '../../support/processes.ts';

const errorReply = (status: number): HttpReply => ({
  status,
  headers: { 'content-type': 'application/json', 'odata-version': '4.0' },
  body: JSON.stringify({ error: { code: `E${status}` } }),
});

let keyPair: KeyPair;
let otherPair: KeyPair;
const make = (commonName: string) =>
  makeSelfSigned({
    subject: { commonName },
    names: ['localhost', '127.0.0.1'],
    now: Date.now(),
    random: systemRandom(),
  });
beforeAll(async () => {
  [keyPair, otherPair] = await Promise.all([make('first'), make('second')]);
});

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

type Handle = (request: HttpRequest) => Promise<HttpReply> | HttpReply;
const echo: Handle = ({ method, url, body }) => ({
  status: 200,
  headers: { 'content-type': 'text/plain' },
  body: `${method} ${url} ${Buffer.from(body).toString('latin1')}`,
});

async function serve(handle: Handle = echo, options: Partial<HttpServerOptions> = {}) {
  const seen: HttpRequest[] = [];
  const face: HttpFace = {
    prefixes: ['/redfish'],
    handle: async (asked) => {
      seen.push(asked);
      return handle(asked);
    },
  };
  const server = new HttpServer({
    addresses: ['127.0.0.1'],
    port: 0,
    keyPair,
    faces: [face],
    errorReply,
    log: silentLogger,
    ...options,
    limits: { checkMs: 50, stopGraceMs: 300, ...options.limits },
  });
  await server.start();
  cleanUps.push(() => server.stop());
  const port = (server.addresses[0] as AddressInfo).port;
  const agent = new Agent({ keepAlive: true, ca: keyPair.certificate, maxSockets: 5 });
  cleanUps.push(() => agent.destroy());
  const ask = (
    path: string,
    {
      method = 'GET',
      headers = {},
      body,
    }: { method?: string; headers?: IncomingHttpHeaders; body?: string } = {},
  ) =>
    new Promise<{ status: number; headers: IncomingHttpHeaders; body: string }>((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port, path, method, headers, agent },
        (response: IncomingMessage) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks).toString(),
            }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  return { server, seen, port, ask };
}

/** A TLS connection that says what it is told, and keeps what comes. */
async function rawConnection(port: number, options: ConnectionOptions = {}) {
  const socket = connect({ host: '127.0.0.1', port, ca: keyPair.certificate, ...options });
  cleanUps.push(() => socket.destroy());
  await once(socket, 'secureConnect');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return {
    socket,
    send: (data: string) => socket.write(data, 'latin1'),
    text: () => text,
    until: (part: string) => vi.waitFor(() => expect(text).toContain(part), { timeout: 5000 }),
    closed,
  };
}

const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

describe('a request', () => {
  it('below the prefix of a face reaches it as it came, whatever its method', async () => {
    const { ask, seen } = await serve();
    const url = '/redfish/v1/Systems/a%2Fb?$filter=x%20eq%201&only';
    expect((await ask(url)).body).toBe(`GET ${url} `);
    for (const method of ['POST', 'PATCH', 'PUT', 'DELETE', 'PROPFIND', 'OPTIONS', 'TRACE', 'LOCK']) {
      const body = method === 'TRACE' ? '' : '{"a":1}';
      const reply = await ask('/redfish', {
        method,
        body,
        headers: { 'content-length': String(body.length) },
      });
      expect(reply.body).toBe(`${method} /redfish ${body}`);
    }
    expect(seen).toHaveLength(9);
    expect(seen[0]?.address).toBe('127.0.0.1');
    expect(seen[0]?.from).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it.each(['/', '/redfishx', '/Redfish', '/redfis', '//redfish/v1', '/x/../redfish', '*'])(
    'for %s gets 404 and reaches nobody',
    async (path) => {
      const { ask, seen } = await serve();
      const reply = await ask(path, { method: 'OPTIONS' });
      expect(reply).toMatchObject({ status: 404, body: '{"error":{"code":"E404"}}' });
      expect(seen).toEqual([]);
    },
  );

  it('may name its target with scheme and host, which count for nothing', async () => {
    const { ask } = await serve();
    expect((await ask('https://evil.example.org/redfish/v1?a')).body).toBe('GET /redfish/v1?a ');
    expect((await ask('https://evil.example.org')).status).toBe(404);
  });

  it('with a path of thousands of characters, or none that can be decoded, is answered without an error of ours', async () => {
    const { ask } = await serve();
    const long = `/redfish/${'a'.repeat(4000)}`;
    expect((await ask(long)).body).toBe(`GET ${long} `);
    expect((await ask('/redfish/%zz')).status).toBe(400);
  });

  it('is not moved by headers that say where it came from or what it meant', async () => {
    const { ask, seen } = await serve();
    const headers = {
      'x-forwarded-for': '192.0.2.1',
      forwarded: 'for=192.0.2.1',
      'x-http-method-override': 'DELETE',
      'x-forwarded-host': 'evil',
    };
    expect((await ask('/redfish', { method: 'POST', headers, body: 'x' })).body).toBe('POST /redfish x');
    expect(seen[0]?.address).toBe('127.0.0.1');
  });

  it('with a content type that is none, or none at all, reaches the face all the same or is refused with 415', async () => {
    const { ask } = await serve();
    expect((await ask('/redfish', { method: 'POST', body: 'x' })).status).toBe(200);
    const odd = await ask('/redfish', { method: 'POST', body: 'x', headers: { 'content-type': '///' } });
    expect(odd.status).toBe(415);
    expect(odd.body).toBe('{"error":{"code":"E415"}}');
  });
});

describe('an answer', () => {
  it('has the headers against abuse, and none that says what answered', async () => {
    const { ask } = await serve();
    for (const path of ['/redfish', '/nowhere', '/redfish/%zz']) {
      const { headers } = await ask(path);
      expect(headers).toMatchObject(securityHeaders);
      expect(headers).not.toHaveProperty('server');
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('set-cookie');
    }
  });

  it('may have others where the face says so', async () => {
    const { ask } = await serve(() => ({
      status: 200,
      headers: { 'cache-control': 'max-age=60' },
      body: 'x',
    }));
    expect((await ask('/redfish')).headers['cache-control']).toBe('max-age=60');
  });

  it('to HEAD has the length and never a body', async () => {
    const { port } = await serve(() => ({
      status: 200,
      headers: { 'content-type': 'text/plain' },
      body: 'grün',
    }));
    const { send, until, text } = await rawConnection(port);
    send('HEAD /redfish HTTP/1.1\r\nHost: x\r\n\r\nGET /redfish HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('grün'.replace('ü', 'Ã¼'));
    const [head, ...rest] = text().split('HTTP/1.1 200 OK\r\n').slice(1);
    expect(head).toContain('content-length: 5\r\n');
    expect(head?.endsWith('\r\n\r\n')).toBe(true);
    expect(rest).toHaveLength(1);
  });

  it.each([204, 304])('of status %i has no body whatever the face gives', async (status) => {
    const { ask } = await serve(() => ({ status, headers: {}, body: 'x' }));
    expect(await ask('/redfish')).toMatchObject({ status, body: '' });
  });

  it('is 500 without a word on the reason when a face fails, and the log has the cause', async () => {
    const error = vi.fn();
    const log = { ...silentLogger, error, debug: vi.fn() } as unknown as Logger;
    const cause = new Error('secret reason');
    const failing = () => {
      throw cause;
    };
    const { ask } = await serve(failing, { log });
    const reply = await ask('/redfish');
    expect(reply).toMatchObject({ status: 500, body: '{"error":{"code":"E500"}}' });
    expect(error.mock.calls[0]?.[0]).toMatchObject({ err: cause, method: 'GET', url: '/redfish' });
  });

  it('cannot be split by a header with a line feed in it', async () => {
    const { ask } = await serve(() => ({ status: 200, headers: { location: '/a\r\nset-cookie: x=1' } }));
    const reply = await ask('/redfish');
    expect(reply.status).toBe(500);
    expect(reply.headers).not.toHaveProperty('set-cookie');
  });

  it('of a stream comes piece by piece, and the stream is ended when the client goes', async () => {
    let ended = false;
    let next: () => void = () => undefined;
    let gone: AbortSignal | undefined;
    async function* events() {
      try {
        for (let i = 0; ; i++) {
          yield `data: ${i}\n\n`;
          await new Promise<void>((resolve) => {
            next = resolve;
            gone?.addEventListener('abort', () => resolve());
          });
          if (gone?.aborted) return;
        }
      } finally {
        ended = true;
      }
    }
    const { port } = await serve((asked) => {
      gone = asked.gone;
      return { status: 200, headers: { 'content-type': 'text/event-stream' }, body: events() };
    });
    const { socket, send, until } = await rawConnection(port);
    send('GET /redfish/sse HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('data: 0');
    next();
    await until('data: 1');
    expect(gone?.aborted).toBe(false);
    socket.destroy();
    await vi.waitFor(() => expect(ended).toBe(true), { timeout: 5000 });
    expect(gone?.aborted).toBe(true);
  });

  it('of a stream that breaks off is not taken for a whole one', async () => {
    const error = vi.fn();
    const log = { ...silentLogger, error, debug: vi.fn() } as unknown as Logger;
    async function* breaking() {
      yield 'a';
      throw new Error('broken');
    }
    const { ask } = await serve(() => ({ status: 200, headers: {}, body: breaking() }), { log });
    await expect(ask('/redfish')).rejects.toThrow();
    expect(error).toHaveBeenCalledWith(
      expect.objectContaining({ url: '/redfish' }),
      'http: a stream broke off',
    );
  });
});

describe('a body', () => {
  const credentials = { 'x-auth-token': 'x' };

  it.each([
    ['without credentials', {}, defaultHttpLimits.anonymousBodyBytes],
    ['with a token', credentials, defaultHttpLimits.bodyBytes],
    ['with a password', { authorization: 'Basic eA==' }, defaultHttpLimits.bodyBytes],
  ])('%s may be as long as the limit, and not a byte longer', async (_, headers, limit) => {
    const { ask, seen } = await serve(({ body }) => ({
      status: 200,
      headers: {},
      body: String(body.length),
    }));
    const chunked = { ...headers, 'transfer-encoding': 'chunked' };
    const post = (length: number, its: IncomingHttpHeaders) =>
      ask('/redfish', { method: 'POST', headers: its, body: 'x'.repeat(length) });
    expect((await post(limit, headers)).body).toBe(String(limit));
    expect((await post(limit, chunked)).body).toBe(String(limit));
    expect(seen).toHaveLength(2);
    for (const its of [headers, chunked]) {
      expect(await post(limit + 1, its)).toMatchObject({ status: 413, body: '{"error":{"code":"E413"}}' });
    }
    expect(seen).toHaveLength(2);
  });

  it('is not invited when it says that it is too long, and is when it may come', async () => {
    const { port } = await serve();
    const post = (length: number) =>
      `POST /redfish HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;
    const huge = await rawConnection(port);
    huge.send(post(2 ** 30));
    await huge.until('413 Payload Too Large');
    expect(huge.text()).not.toContain('100 Continue');
    await huge.closed;
    const small = await rawConnection(port);
    small.send(post(2));
    await small.until('100 Continue');
    small.send('ab');
    await small.until('POST /redfish ab');
  });

  it('waits while too much is being received from all clients together', async () => {
    const { port, ask } = await serve(echo, { limits: { bodyBytesInAll: 100_000 } });
    const slow = await rawConnection(port);
    slow.send('POST /redfish HTTP/1.1\r\nHost: x\r\nX-Auth-Token: x\r\nContent-Length: 90001\r\n\r\n');
    slow.send('x'.repeat(90_000));
    const big = { method: 'POST', headers: credentials, body: 'y'.repeat(20_000) };
    await vi.waitFor(async () => expect((await ask('/redfish', big)).status).toBe(503), { timeout: 5000 });
    slow.send('x');
    await slow.until('200 OK');
    expect((await ask('/redfish', big)).status).toBe(200);
  });

  it('that its client gives up in the middle reaches nobody and breaks nothing', async () => {
    const { port, ask, seen } = await serve();
    const client = await rawConnection(port);
    client.send('POST /redfish HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
    client.socket.destroy();
    await client.closed;
    expect((await ask('/redfish')).status).toBe(200);
    expect(seen.map(({ method }) => method)).toEqual(['GET']);
  });
});

describe('what is no request', () => {
  it.each([
    ['rubbish', 'hello\r\n\r\n', 400],
    ['a method nobody knows', 'BREW /redfish/v1/ HTTP/1.1\r\nHost: x\r\n\r\n', 501],
    [
      'two lengths',
      'POST /redfish HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      400,
    ],
    [
      'length and chunks',
      'POST /redfish HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['a blank before the colon', 'GET /redfish HTTP/1.1\r\nHost : x\r\n\r\n', 400],
    [
      'a chunk without a size',
      'POST /redfish HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      400,
    ],
    ['no host', 'GET /redfish HTTP/1.1\r\n\r\n', 400],
    ['headers of more than 8 KiB', `GET /redfish HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(8200)}\r\n\r\n`, 431],
    ['a target of more than 8 KiB', `GET /redfish/${'a'.repeat(8200)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
  ])('(%s) is answered and hung up on, without a stack', async (_, data, status) => {
    const { port, ask, seen } = await serve();
    const client = await rawConnection(port);
    client.send(data);
    await client.until(`HTTP/1.1 ${status} `);
    const text = client.text();
    for (const [name, value] of Object.entries(securityHeaders))
      expect(text).toContain(`${name}: ${value}\r\n`);
    expect(text).toContain('odata-version: 4.0\r\n');
    expect(text.endsWith(`\r\n\r\n{"error":{"code":"E${status}"}}`)).toBe(true);
    expect(text).not.toMatch(/at .*:\d+/);
    if (data.includes('Host: x') || !data.startsWith('GET')) await client.closed;
    expect(seen).toEqual([]);
    expect((await ask('/redfish')).status).toBe(200);
  });

  it('does not garble the answer that is owed to the request before it', async () => {
    let answer: (reply: HttpReply) => void = () => undefined;
    const { port, seen } = await serve(() => new Promise<HttpReply>((resolve) => (answer = resolve)));
    const client = await rawConnection(port);
    client.send('GET /redfish/slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await vi.waitFor(() => expect(seen).toHaveLength(1));
    client.send('rubbish\r\n\r\n');
    await client.closed;
    answer({ status: 200, headers: {}, body: 'late' });
    expect(client.text()).not.toContain('HTTP/1.1 400');
  });
});

describe('a connection', () => {
  const quick = { handshakeMs: 200, headersMs: 200, requestMs: 400, keepAliveMs: 200 };

  it('that never says anything is ended, before the handshake and after it', async () => {
    const { port } = await serve(echo, { limits: quick });
    const silent = connectPlain({ host: '127.0.0.1', port });
    silent.on('error', () => undefined);
    cleanUps.push(() => silent.destroy());
    const started = Date.now();
    const shaken = await rawConnection(port);
    await Promise.all([once(silent, 'close'), shaken.closed]);
    expect(Date.now() - started).toBeLessThan(5000);
  });

  it('that sends its headers or its body byte by byte is told 408 and ended', async () => {
    // A busy host takes its time over a handshake.
    const { port, seen } = await serve(echo, { limits: { ...quick, handshakeMs: 10_000 } });
    for (const data of [
      'GET /redfish HTTP/1.1\r\nHost: x\r\nA: b',
      'POST /redfish HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc',
    ]) {
      const client = await rawConnection(port);
      client.send(data);
      const drip = setInterval(() => client.send('a'), 50);
      await client.until('HTTP/1.1 408 Request Timeout');
      await client.closed;
      clearInterval(drip);
    }
    expect(seen).toEqual([]);
  });

  it('is kept for further requests, and ended when none comes', async () => {
    const { port } = await serve(echo, { limits: quick });
    const client = await rawConnection(port);
    client.send('GET /redfish/1 HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until('GET /redfish/1');
    client.send('GET /redfish/2 HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until('GET /redfish/2');
    await client.closed;
  });

  it('takes so many requests, says so with the last one, and ends', async () => {
    const { port } = await serve(echo, { limits: { ...quick, requestsPerConnection: 2 } });
    const client = await rawConnection(port);
    client.send('GET /redfish/1 HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until('GET /redfish/1');
    client.send('GET /redfish/2 HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until('onnection: close');
    await client.closed;
  });

  describe('among many', () => {
    const opener = (port: number) => async (localAddress: string) => {
      const options = { host: '127.0.0.1', port, ca: keyPair.certificate, localAddress };
      const socket = connect(options);
      cleanUps.push(() => socket.destroy());
      return new Promise<TLSSocket | undefined>((resolve) => {
        socket.once('secureConnect', () => resolve(socket));
        socket.on('error', () => resolve(undefined));
        socket.once('close', () => resolve(undefined));
      });
    };

    it('is refused beyond the number from its source, and no other source notices', async () => {
      const gate = new ConnectionGate({ connections: 10, connectionsPerSource: 3 });
      const { port } = await serve(echo, { gate });
      const open = opener(port);
      const first = await Promise.all(Array.from({ length: 3 }, () => open('127.0.0.2')));
      expect(first.every((socket) => socket !== undefined)).toBe(true);
      expect(await open('127.0.0.2')).toBeUndefined();
      expect(await open('127.0.0.3')).toBeDefined();
      expect(gate.refused).toBe(1);
      first[0]?.destroy();
      await vi.waitFor(() => expect(gate.open).toBe(3));
      expect(await open('127.0.0.2')).toBeDefined();
    });

    it('gets the oldest place of the source that has most when all places are taken', async () => {
      const gate = new ConnectionGate({ connections: 6, connectionsPerSource: 4 });
      const { port } = await serve(echo, { gate });
      const open = opener(port);
      const greedy: (TLSSocket | undefined)[] = [];
      for (let i = 0; i < 4; i++) greedy.push(await open('127.0.0.2'));
      const modest = [await open('127.0.0.3'), await open('127.0.0.3')];
      expect(gate.open).toBe(6);
      const fresh = [await open('127.0.0.4'), await open('127.0.0.4')];
      expect([...fresh, ...modest].every((socket) => socket !== undefined && !socket.destroyed)).toBe(true);
      const isEnded = (socket: TLSSocket | undefined) => socket?.destroyed;
      await vi.waitFor(() => expect(greedy.map(isEnded)).toEqual([true, true, false, false]));
      // Now each source has its share.
      for (const source of ['127.0.0.2', '127.0.0.3', '127.0.0.4'])
        expect(await open(source)).toBeUndefined();
      expect(gate.open).toBe(6);
      expect(await open('127.0.0.5')).toBeDefined();
      expect(gate.open).toBe(6);
    });
  });

  it('that takes nothing of its answer is ended', async () => {
    const body = 'x'.repeat(50_000_000);
    const gate = new ConnectionGate({ connections: 10, connectionsPerSource: 10 });
    const { port } = await serve(() => ({ status: 200, headers: {}, body }), {
      limits: { stalledMs: 200 },
      gate,
    });
    const { socket, send, until } = await rawConnection(port);
    send('GET /redfish HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('HTTP/1.1 200 OK');
    socket.pause();
    expect(gate.open).toBe(1);
    await vi.waitFor(() => expect(gate.open).toBe(0), { timeout: 5000 });
  });

  it('of a stream is not ended because the stream says nothing', async () => {
    let next: () => void = () => undefined;
    async function* quiet() {
      yield 'first';
      await new Promise<void>((resolve) => (next = resolve));
      yield 'second';
    }
    const { port } = await serve(() => ({ status: 200, headers: {}, body: quiet() }), {
      limits: { stalledMs: 100 },
    });
    const { send, until } = await rawConnection(port);
    send('GET /redfish HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('first');
    // Connections without a stream, opened later, tell that the time has passed.
    for (let i = 0; i < 2; i++) await (await rawConnection(port)).closed;
    next();
    await until('second');
  });
});

describe('TLS', () => {
  const handshake = (port: number, options: ConnectionOptions) =>
    new Promise<TLSSocket | string>((resolve) => {
      const socket: TLSSocket = connect(
        { host: '127.0.0.1', port, rejectUnauthorized: false, ...options },
        () => resolve(socket),
      );
      cleanUps.push(() => socket.destroy());
      socket.once('error', (error) => resolve(error.message));
    });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    '%s is spoken, with the first of our cipher suites',
    async (version) => {
      const { port } = await serve();
      const ciphers =
        'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384';
      const socket = (await handshake(port, {
        minVersion: version,
        maxVersion: version,
        ciphers,
      })) as TLSSocket;
      expect(socket.getProtocol()).toBe(version);
      expect(socket.getCipher().name).toBe(
        version === 'TLSv1.2' ? 'ECDHE-ECDSA-AES256-GCM-SHA384' : 'TLS_AES_256_GCM_SHA384',
      );
    },
  );

  it.each([
    ['TLS 1.1', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }],
    ['RSA key transport', { maxVersion: 'TLSv1.2', ciphers: 'kRSA' }],
    ['CBC', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384' }],
    ['no authentication', { maxVersion: 'TLSv1.2', ciphers: 'aNULL:@SECLEVEL=0' }],
  ] as const)('without what we want (%s) does not come about', async (_, options) => {
    const { port } = await serve();
    expect(await handshake(port, options)).toEqual(expect.stringMatching(/alert|disconnected|handshake/i));
  });

  it('cannot be renegotiated', async () => {
    const { port } = await serve();
    const client = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2']);
    cleanUps.push(() => client.kill());
    let output = '';
    for (const stream of [client.stdout, client.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    await vi.waitFor(() => expect(output).toContain('Verify return code'), { timeout: 5000 });
    client.stdin.write('R\n');
    await vi.waitFor(() => expect(output).toMatch(/RENEGOTIATING[\s\S]*no renegotiation/), { timeout: 5000 });
  });

  it('shows a new certificate to new connections while the open ones go on', async () => {
    const { port, server } = await serve();
    const before = await rawConnection(port);
    server.replaceCertificate(otherPair);
    const after = (await handshake(port, {})) as TLSSocket;
    expect(after.getPeerCertificate().subject.CN).toBe('second');
    expect(after.getProtocol()).toBe('TLSv1.3');
    before.send('GET /redfish/1 HTTP/1.1\r\nHost: x\r\n\r\n');
    await before.until('GET /redfish/1');
    expect(await handshake(port, { maxVersion: 'TLSv1.2', ciphers: 'kRSA' })).toEqual(expect.any(String));
  });

  it('stays as it was when a new certificate does not work', async () => {
    const { port, server } = await serve();
    expect(() => server.replaceCertificate({ ...otherPair, key: keyPair.key })).toThrow();
    const after = (await handshake(port, {})) as TLSSocket;
    expect(after.getPeerCertificate().subject.CN).toBe('first');
  });
});

describe('the server', () => {
  it.skipIf(!hasIpv6Loopback)(`listens on all its addresses with one port${withoutIpv6}`, async () => {
    const { server, port } = await serve(echo, { addresses: ['127.0.0.1', '127.0.0.2', '::1'] });
    expect(server.addresses.map((at) => [at.address, at.port])).toEqual([
      ['127.0.0.1', port],
      ['127.0.0.2', port],
      ['::1', port],
    ]);
    for (const host of ['127.0.0.1', '127.0.0.2', '::1']) {
      const { send, until } = await rawConnection(port, { host, checkServerIdentity: () => undefined });
      send('GET /redfish HTTP/1.1\r\nHost: x\r\n\r\n');
      await until('GET /redfish');
    }
  });

  it('sees an IPv4 client by its IPv4 address also on the IPv6 socket', async () => {
    const { port, ask, seen } = await serve(echo, { addresses: ['::'] });
    expect(port).toBeGreaterThan(0);
    await ask('/redfish');
    expect(seen[0]?.address).toBe('127.0.0.1');
  });

  it('says in one line which port is taken, and holds none of the others then', async () => {
    const other = createPlain().listen(0, '127.0.0.2');
    await once(other, 'listening');
    cleanUps.push(() => other.close());
    const { port } = other.address() as AddressInfo;
    const starting = serve(echo, { addresses: ['127.0.0.1', '127.0.0.2'], port });
    await expect(starting).rejects.toThrow(`TCP port ${port} on 127.0.0.2 is taken by another program`);
    const again = createPlain().listen(port, '127.0.0.1');
    await once(again, 'listening');
    again.close();
  });

  it('stops at once when nobody is being answered', async () => {
    const { server, ask, port } = await serve(echo, { limits: { stopGraceMs: 20_000 } });
    await ask('/redfish');
    const started = Date.now();
    await server.stop();
    expect(Date.now() - started).toBeLessThan(2000);
    await expect(rawConnection(port)).rejects.toThrow('ECONNREFUSED');
  });

  it('lets answers on their way be finished, within the grace, and cuts off what takes longer', async () => {
    let answer: (reply: HttpReply) => void = () => undefined;
    const { server, ask, seen } = await serve(
      ({ url }) =>
        url.endsWith('/ever')
          ? new Promise<HttpReply>(() => undefined)
          : new Promise<HttpReply>((resolve) => (answer = resolve)),
      { limits: { stopGraceMs: 500 } },
    );
    const asked = ask('/redfish');
    const ever = ask('/redfish/ever');
    const cut = expect(ever).rejects.toThrow();
    await vi.waitFor(() => expect(seen).toHaveLength(2));
    const stopped = server.stop();
    answer({ status: 200, headers: {}, body: 'done' });
    const reply = await asked;
    expect(reply.body).toBe('done');
    expect(reply.headers.connection).toBe('close');
    await stopped;
    await cut;
  });

  it('can be started again after a stop', async () => {
    const { server, seen } = await serve();
    await server.stop();
    await server.start();
    const { port } = server.addresses[0] as AddressInfo;
    const { send, until } = await rawConnection(port);
    send('GET /redfish HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('GET /redfish');
    expect(seen).toHaveLength(1);
  });
});

describe('the plain HTTP port', () => {
  async function redirecting(httpsPort: number) {
    const gate = new ConnectionGate({ connections: 10, connectionsPerSource: 10 });
    const server = new RedirectServer({
      addresses: ['127.0.0.1'],
      port: 0,
      httpsPort,
      gate,
      errorReply,
      log: silentLogger,
    });
    await server.start();
    cleanUps.push(() => server.stop());
    const { port } = server.addresses[0] as AddressInfo;
    return (method: string, path: string, host: string) =>
      new Promise<{ status: number; headers: IncomingHttpHeaders }>((resolve, reject) => {
        const sent = plainRequest(
          { host: '127.0.0.1', port, method, path, headers: { host } },
          (response) => {
            response.resume();
            response.on('end', () =>
              resolve({ status: response.statusCode ?? 0, headers: response.headers }),
            );
          },
        );
        sent.on('error', reject);
        sent.end();
      });
  }

  it('sends readers to HTTPS on the host they asked, and keeps nobody', async () => {
    const ask = await redirecting(8443);
    expect(await ask('GET', '/redfish/v1?a=b', 'bmc.example.org:8080')).toMatchObject({
      status: 308,
      headers: {
        ...securityHeaders,
        location: 'https://bmc.example.org:8443/redfish/v1?a=b',
        connection: 'close',
      },
    });
    expect((await ask('HEAD', '/', '[2001:db8::1]')).headers.location).toBe('https://[2001:db8::1]:8443/');
    const usual = await redirecting(443);
    expect((await usual('GET', '/', '192.0.2.1:80')).headers.location).toBe('https://192.0.2.1/');
  });

  it('refuses whoever would change something, and hosts that are none', async () => {
    const ask = await redirecting(8443);
    for (const method of ['POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS']) {
      const reply = await ask(method, '/redfish/v1/SessionService/Sessions', 'bmc');
      expect(reply).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
      expect(reply.headers).not.toHaveProperty('location');
    }
    for (const host of ['evil@bmc', 'bmc/x', 'bmc?x', '[x]', 'bmc:99x']) {
      expect((await ask('GET', '/', host)).status).toBe(400);
    }
  });
});
