/** The last answer on a connection whose client is still sending: it arrives, and what is sent costs little. */
import { type AddressInfo, connect as connectPlain, type Socket } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import { ConnectionGate } from '../../../src/http/connection-gate.ts';
import type { HttpReply } from '../../../src/http/exchange.ts';
import type { HttpLimits } from '../../../src/http/limits.ts';
import { RedirectServer } from '../../../src/http/redirect-server.ts';
import { HttpServer } from '../../../src/http/server.ts';
import type { KeyPair } from '../../../src/http/tls.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { until } from '../../support/processes.ts';

const megabyte = Buffer.alloc(1024 * 1024, ' ');
const errorReply = (status: number): HttpReply => ({ status, headers: {}, body: `E${status}` });

let keyPair: KeyPair;
beforeAll(async () => {
  const subject = { commonName: 'bench' };
  keyPair = await makeSelfSigned({ subject, names: ['127.0.0.1'], now: Date.now(), random: systemRandom() });
});

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function serve(limits: Partial<HttpLimits> = {}) {
  const gate = new ConnectionGate({ connections: 20, connectionsPerSource: 20 });
  const asked: string[] = [];
  const server = new HttpServer({
    ...{ addresses: ['127.0.0.1'], port: 0, keyPair, gate, errorReply, log: silentLogger },
    faces: [
      {
        prefixes: ['/'],
        streams: ({ url }) => url === '/upload',
        async handle({ url, stream }) {
          asked.push(url);
          // Gives an upload up after its first piece, as one does that is no image.
          for await (const _piece of stream ?? []) return errorReply(400);
          return { status: 200, headers: {}, body: 'whole' };
        },
      },
    ],
    limits: { stopGraceMs: 200, ...limits },
  });
  await server.start();
  cleanUps.push(() => server.stop());
  const { port } = server.addresses[0] as AddressInfo;
  return {
    gate,
    asked,
    port,
    open: (options: ConnectionOptions = {}) =>
      client(connect({ host: '127.0.0.1', port, ca: keyPair.certificate, ...options })),
  };
}

/** One that reads when it is told to: like those that send all of a request before they look for an answer. */
function client(socket: Socket) {
  cleanUps.push(() => socket.destroy());
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.pause();
  return {
    socket,
    closed,
    /** Resolves when all of it has gone; rejects when the server does not take it. */
    async send(...pieces: readonly (string | Buffer)[]) {
      for (const piece of pieces) {
        await new Promise<void>((resolve, reject) => {
          socket.once('close', () => reject(new Error('cut off')));
          socket.write(piece, (error) => (error ? reject(error) : resolve()));
        });
        socket.removeAllListeners('close');
      }
    },
    /** @returns all that comes before the server ends, or up to `end` */
    async read(end?: string): Promise<string> {
      let text = '';
      for await (const chunk of socket) {
        text += (chunk as Buffer).toString('latin1');
        if (end !== undefined && text.endsWith(end)) break;
      }
      return text;
    },
  };
}

const announce = (megabytes: number, path = '/') =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\nx-auth-token: x\r\ncontent-length: ${megabytes * megabyte.length}\r\n\r\n`;
const times = (count: number, piece: Buffer) => Array.from({ length: count }, () => piece);

it.each([
  ['TLSv1.3', 'a body that says it is too long', announce(64), 413],
  ['TLSv1.2', 'a body that says it is too long', announce(64), 413],
  ['TLSv1.3', 'an upload that is given up', announce(64, '/upload'), 400],
] as const)(
  'over %s, a client that sends all of %s before it reads gets its answer, whole',
  async (maxVersion, _, head, status) => {
    const { open, gate } = await serve();
    const { send, read } = open({ maxVersion });
    await send(head, ...times(64, megabyte));
    const text = await read();
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text.toLowerCase()).toContain('\r\nconnection: close\r\n');
    expect(text.endsWith(`\r\n\r\nE${status}`)).toBe(true);
    await until('its place is free', () => gate.open === 0);
  },
);

it('so does one whose body in chunks has become too long, and one that asks the port without TLS', async () => {
  const { open } = await serve();
  const chunk = Buffer.concat([Buffer.from('100000\r\n'), megabyte, Buffer.from('\r\n')]);
  const chunked = open();
  const head = 'POST / HTTP/1.1\r\nhost: x\r\nx-auth-token: x\r\ntransfer-encoding: chunked\r\n\r\n';
  await chunked.send(head, ...times(32, chunk));
  expect(await chunked.read()).toMatch(/^HTTP\/1.1 413 /);

  const gate = new ConnectionGate({ connections: 20, connectionsPerSource: 20 });
  const redirect = new RedirectServer({
    ...{ addresses: ['127.0.0.1'], port: 0, httpsPort: 443, gate, errorReply, log: silentLogger },
  });
  await redirect.start();
  cleanUps.push(() => redirect.stop());
  const plain = client(connectPlain((redirect.addresses[0] as AddressInfo).port, '127.0.0.1'));
  await plain.send(announce(32), ...times(32, megabyte));
  expect(await plain.read()).toMatch(/^HTTP\/1.1 405 /);
  await until('its place is free', () => gate.open === 0);
});

it('what comes behind the body of a refused request is not carried out', async () => {
  const { open, asked } = await serve();
  const { send, read } = open();
  await send(announce(2), ...times(2, megabyte), 'DELETE /all HTTP/1.1\r\nhost: x\r\n\r\n');
  expect(await read()).toMatch(/^HTTP\/1.1 413 [\s\S]*E413$/);
  expect(asked).toEqual([]);
});

it.each([
  ['sends more than is thrown away', { lingerBytes: 1024 * 1024 }, 64, 0],
  ['sends for too long', { lingerMs: 200 }, 64, 20],
  ['says nothing for a while', { lingerSilentMs: 100 }, 0, 0],
])('a client that %s, and does not end, is cut off', async (_, limits, megabytes, pauseMs) => {
  const { open, gate } = await serve(limits);
  const { socket, send } = open();
  await send(announce(1000));
  await until('it is connected', () => gate.open === 1);
  const sending = (async () => {
    for (let i = 0; i < megabytes; i++) {
      await send(megabyte);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  })();
  if (megabytes === 0) await sending;
  else await expect(sending).rejects.toThrow();
  await until('its place is free', () => gate.open === 0);
  socket.destroy();
});

it('among more of them than may linger, the oldest makes room', async () => {
  const { open, gate } = await serve({ lingering: 2, lingerMs: 60_000, lingerSilentMs: 60_000 });
  const clients = [open(), open(), open()];
  for (const { socket, send } of clients) {
    await send(announce(1000));
    await until('it has been answered', () => socket.readableLength > 0);
  }
  await until('the first is cut off', () => gate.open === 2);
  for (const { read } of clients.slice(1)) expect(await read('E413')).toMatch(/^HTTP\/1.1 413 /);
});
