/** Bodies that a face takes piece by piece: of any length, at the face's pace, and never held. */
import { once } from 'node:events';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import type { HttpReply, HttpRequest } from '../../../src/http/exchange.ts';
import { HttpServer, type HttpServerOptions } from '../../../src/http/server.ts';
import type { KeyPair } from '../../../src/http/tls.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { until } from '../../support/processes.ts';

let keyPair: KeyPair;
beforeAll(async () => {
  const subject = { commonName: 'bench' };
  keyPair = await makeSelfSigned({ subject, names: ['127.0.0.1'], now: Date.now(), random: systemRandom() });
});

const servers: HttpServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

const text = (body: string, status = 200): HttpReply => ({ status, headers: {}, body });

async function serve(
  handle: (asked: HttpRequest) => Promise<HttpReply>,
  limits: HttpServerOptions['limits'] = {},
): Promise<number> {
  const server = new HttpServer({
    addresses: ['127.0.0.1'],
    port: 0,
    keyPair,
    faces: [{ prefixes: ['/'], streams: ({ url }) => url === '/upload', handle }],
    errorReply: (status) => text(`E${status}`, status),
    log: silentLogger,
    limits: { stopGraceMs: 200, checkMs: 50, ...limits },
  });
  servers.push(server);
  await server.start();
  return (server.addresses[0] as AddressInfo).port;
}

/** Not yet ended; the answer comes by the second. */
function post(port: number, headers: Record<string, string | number>, path = '/upload') {
  const sent = request({
    ...{ host: '127.0.0.1', port, path, method: 'POST', ca: keyPair.certificate },
    headers: { authorization: 'Basic eA==', ...headers },
  });
  const answer = new Promise<{ status: number; connection: string | undefined; body: string }>(
    (resolve, reject) => {
      sent.on('error', reject);
      sent.on('response', async (response) => {
        let body = '';
        for await (const chunk of response) body += String(chunk);
        const { connection } = response.headers;
        resolve({ status: response.statusCode ?? 0, connection, body });
      });
    },
  );
  answer.catch(() => undefined);
  return { sent, answer };
}

async function lengthOf({ stream, body }: HttpRequest): Promise<number> {
  expect(body.length).toBe(0);
  let bytes = 0;
  for await (const piece of stream ?? []) bytes += piece.length;
  return bytes;
}

describe('a streamed body', () => {
  it('may be far longer than one that is read whole, and is not held', async () => {
    const piece = Buffer.alloc(1024 * 1024, 7);
    const pieces = 256;
    const port = await serve(async (asked) => text(String(await lengthOf(asked))));
    const before = process.memoryUsage().arrayBuffers;
    const { sent, answer } = post(port, { 'content-length': piece.length * pieces });
    let most = 0;
    for (let i = 0; i < pieces; i++) {
      if (!sent.write(piece)) await once(sent, 'drain');
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    sent.end();
    expect(await answer).toMatchObject({ status: 200, body: String(piece.length * pieces) });
    // Both ends are in this process, and what is read is freed when the collector comes by.
    expect(most).toBeLessThan((pieces / 2) * piece.length);
    // Elsewhere the limit is what it was.
    const other = post(port, { 'content-length': piece.length * 2 }, '/other');
    other.sent.end(Buffer.alloc(piece.length * 2));
    expect((await other.answer).status).toBe(413);
  });

  it('is taken at the pace of who takes it', async () => {
    let go: (() => void) | undefined;
    const mayGo = new Promise<void>((resolve) => {
      go = resolve;
    });
    const port = await serve(async (asked) => {
      await mayGo;
      return text(String(await lengthOf(asked)));
    });
    const bytes = 24 * 1024 * 1024;
    const { sent, answer } = post(port, { 'content-length': bytes });
    sent.write(Buffer.alloc(bytes));
    sent.end();
    await new Promise((resolve) => setTimeout(resolve, 300));
    // The rest waits with the client, as nobody reads.
    expect(sent.writableLength).toBeGreaterThan(bytes / 2);
    go?.();
    expect((await answer).body).toBe(String(bytes));
  });

  it('that nobody takes is not waited for', async () => {
    const port = await serve(async () => text('no', 401));
    const { sent, answer } = post(port, { 'content-length': 1_000_000_000 });
    sent.write('a');
    expect(await answer).toMatchObject({ status: 401, connection: 'close' });
    sent.destroy();
  });

  it('that is announced by Expect is invited when somebody takes it', async () => {
    const port = await serve(async (asked) => text(String(await lengthOf(asked))));
    const { sent, answer } = post(port, { 'content-length': 5, expect: '100-continue' });
    sent.flushHeaders();
    await once(sent, 'continue');
    sent.end('hello');
    expect((await answer).body).toBe('5');
  });

  it('that stops coming ends with a refusal, and so does one whose client goes; the server goes on', async () => {
    const ends: string[] = [];
    const port = await serve(
      async (asked) => {
        let bytes = 0;
        try {
          for await (const piece of asked.stream ?? []) bytes += piece.length;
        } catch (error) {
          ends.push(`${(error as Error).name} after ${bytes}`);
          return text('no', 408);
        }
        return text(String(bytes));
      },
      { pieceMs: 200 },
    );
    const silent = post(port, { 'content-length': 100 });
    silent.sent.write('abc');
    expect((await silent.answer).status).toBe(408);
    const leaving = post(port, { 'content-length': 100 });
    leaving.sent.write('abcde');
    await once(leaving.sent, 'socket');
    leaving.sent.flushHeaders();
    await new Promise((resolve) => leaving.sent.write('', resolve));
    leaving.sent.destroy();
    await until('both have ended', () => ends.length >= 2, 5000);
    expect(ends[0]).toBe('HttpRefusal after 3');
    expect(ends[1]).toMatch(/^(ClientGone|HttpRefusal) after \d$/);
    const next = post(port, { 'content-length': 2 });
    next.sent.end('ok');
    expect((await next.answer).body).toBe('2');
  });

  it('is refused to those without credentials', async () => {
    const port = await serve(async ({ stream }) => text(String(stream === undefined)));
    const { sent, answer } = post(port, { 'content-length': 100_000, authorization: '' });
    sent.removeHeader('authorization');
    sent.end(Buffer.alloc(100_000));
    expect((await answer).status).toBe(413);
  });
});
