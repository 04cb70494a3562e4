/** Images that stay on their server, from real HTTP servers to a real NBD client. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MediaTrust, MediumRequest } from '../../../src/bmc/media-images.ts';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { AddressPolicy } from '../../../src/media/address-policy.ts';
import { HttpClient } from '../../../src/media/http-client.ts';
import { ServedImages } from '../../../src/media/served-images.ts';
import { run } from '../../support/processes.ts';

const blockBytes = 256 * 1024;
const image = Buffer.alloc(4 * 1024 * 1024);
for (let i = 0; i < image.length; i += 4) image.writeUInt32LE((i * 40503) >>> 0, i);
image.write('\x01CD001\x01', 16 * 2048, 'latin1');

let dir: string;
const servers: Server[] = [];
const lives: ServedImages[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-served-'));
});
afterEach(async () => {
  await Promise.all(lives.splice(0).map((each) => each.stop()));
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  rmSync(dir, { recursive: true, force: true });
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

interface Behaviour {
  etag?: string | undefined;
  modified?: string;
  ranges?: boolean;
  content?: Buffer;
  silent?: boolean;
  /** Answered instead. */
  other?: RequestListener;
}

/** A server of one file, which does what `how` says at the time. */
function fileServer(how: Behaviour): RequestListener & { bytes: number } {
  const listener: RequestListener & { bytes: number } = Object.assign(
    ((request, response) => {
      if (how.other) return how.other(request, response);
      if (how.silent) return;
      const { content = image, ranges = true, etag, modified } = how;
      const headers = {
        ...(etag !== undefined && { etag }),
        ...(modified !== undefined && { 'last-modified': modified }),
      };
      const wanted = request.headers['if-range'];
      const same = wanted === undefined || wanted === (etag ?? modified);
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      if (!ranges || !same || from === undefined) {
        response.writeHead(200, { ...headers, 'content-length': content.length });
        return response.end(content);
      }
      const [start, end] = [Number(from), Math.min(Number(to), content.length - 1)];
      if (start >= content.length) return response.writeHead(416).end();
      listener.bytes += end - start + 1;
      response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${end}/${content.length}` });
      return response.end(content.subarray(start, end + 1));
    }) as RequestListener,
    { bytes: 0 },
  );
  return listener;
}

const noTrust: MediaTrust = { verify: false, certificates: [] };
const onlyHere = { allow: ['127.0.0.1'], deny: [] } as const;

function life(limits = {}): ServedImages {
  const made = new ServedImages({
    client: new HttpClient({ policy: new AddressPolicy(onlyHere), limits: { answerMs: 300 } }),
    socketDirectory: dir,
    cacheDirectory: dir,
    cacheBytes: 8 * 1024 * 1024,
    clock: systemClock,
    log: silentLogger,
    limits: { readMs: 600, troubledReadMs: 100, blockMs: 300, retryMs: 10, longestRetryMs: 50, ...limits },
  });
  lives.push(made);
  return made;
}

function openOf(
  images: ServedImages,
  url: string,
  more: Partial<MediumRequest> = {},
  trust: () => MediaTrust = () => noTrust,
) {
  const request = { url, readOnly: true, inserted: true, ...more };
  return images.open('cd', request, trust, new AbortController().signal);
}

async function opened(...args: Parameters<typeof openOf>) {
  const found = await openOf(...args);
  if (!found) throw new Error('not served');
  return found;
}

/** As QEMU reads: `bytes` from `offset` on. */
async function read(file: string, offset: number, bytes: number): Promise<'read' | 'failed'> {
  const uri = `nbd+unix:///?socket=${file}`;
  const { stdout } = await run('qemu-io', ['-r', '-f', 'raw', '-c', `read ${offset} ${bytes}`, uri]);
  if (stdout.includes(`read ${bytes}/${bytes}`)) return 'read';
  expect(stdout).toContain('Input/output error');
  return 'failed';
}

describe('an image on a server with ranges', () => {
  it('is read byte by byte as it is, and fetched no more than once while the cache holds it', async () => {
    const server = fileServer({ etag: '"1"' });
    const url = `http://127.0.0.1:${await listen(createServer(server))}/a.iso`;
    const { file, sizeBytes } = await opened(life(), url);
    expect(sizeBytes).toBe(image.length);
    // A byte to see how the server answers, and the block that tells what the image is.
    expect(server.bytes).toBe(1 + blockBytes);
    const same = join(dir, 'same.iso');
    writeFileSync(same, image);
    const { stdout } = await run('qemu-img', [
      'compare',
      '-f',
      'raw',
      '-F',
      'raw',
      `nbd+unix:///?socket=${file}`,
      same,
    ]);
    expect(stdout.trim()).toBe('Images are identical.');
    expect(server.bytes).toBe(1 + image.length);
    expect(readdirSync(dir).filter((name) => name.includes('cache'))).toEqual([]);
  });

  it('may be marked by its time, and not by a weak mark, none, or the time of this very second', async () => {
    const how: Behaviour = { modified: new Date(Date.now() - 60_000).toUTCString() };
    const url = `http://127.0.0.1:${await listen(createServer(fileServer(how)))}/a.iso`;
    const images = life();
    expect(await openOf(images, url)).toMatchObject({ source: { version: how.modified } });
    how.modified = new Date(Date.now() + 2000).toUTCString();
    expect(await openOf(images, url)).toBeUndefined();
    delete how.modified;
    expect(await openOf(images, url)).toBeUndefined();
    how.etag = 'W/"1"';
    expect(await openOf(images, url)).toBeUndefined();
    how.etag = '"1"';
    how.ranges = false;
    expect(await openOf(images, url)).toBeUndefined();
    how.ranges = true;
    how.content = Buffer.alloc(0);
    expect(await openOf(images, url)).toBeUndefined();
  });

  it('that is none is refused by what it is, and leaves nothing behind', async () => {
    const how: Behaviour = {
      etag: '"1"',
      content: Buffer.from('<!DOCTYPE html><html>login</html>'.padEnd(512)),
    };
    const url = `http://127.0.0.1:${await listen(createServer(fileServer(how)))}/a.iso`;
    const images = life();
    await expect(openOf(images, url)).rejects.toThrow('it looks like a web page');
    how.other = (_, response) => response.writeHead(404).end();
    await expect(openOf(images, url)).rejects.toMatchObject({ kind: 'bad-argument', message: /404/ });
    how.other = (_, response) => response.writeHead(503).end();
    await expect(openOf(images, url)).rejects.toThrow('503');
    how.other = () => undefined;
    await expect(openOf(images, url)).rejects.toMatchObject({ kind: 'timed-out' });
    await expect(openOf(images, 'http://169.254.1.1/a.iso')).rejects.toMatchObject({ kind: 'not-permitted' });
    expect(readdirSync(dir)).toEqual([]);
  });

  it('that changes cannot be read any more, and nobody gets bytes of both', async () => {
    const how: Behaviour = { etag: '"1"' };
    const url = `http://127.0.0.1:${await listen(createServer(fileServer(how)))}/a.iso`;
    const images = life();
    const { file } = await opened(images, url);
    expect(await read(file, 1024 * 1024, 512)).toBe('read');
    how.etag = '"2"';
    expect(await read(file, 2 * 1024 * 1024, 512)).toBe('failed');
    expect(images.trouble(file)).toBe('the image has changed on its server');
    expect(await read(file, 1024 * 1024, 512)).toBe('failed');
    how.etag = '"1"';
    expect(await read(file, 2 * 1024 * 1024, 512)).toBe('failed');
  });

  it('is not taken for another one by a server that ignores If-Range, or lies about the part', async () => {
    const how: Behaviour = { etag: '"1"' };
    const url = `http://127.0.0.1:${await listen(createServer(fileServer(how)))}/a.iso`;
    const first = await opened(life(), url);
    const part =
      (headers: Record<string, string>): RequestListener =>
      (_, response) =>
        response.writeHead(206, headers).end(Buffer.alloc(blockBytes, 1));
    how.other = part({ etag: '"1"', 'content-range': `bytes 0-${blockBytes - 1}/${image.length}` });
    expect(await read(first.file, 3 * 1024 * 1024, 512)).toBe('failed');
    how.other = part({
      etag: '"2"',
      'content-range': `bytes ${2 * 1024 * 1024}-${2 * 1024 * 1024 + blockBytes - 1}/${image.length}`,
    });
    expect(await read(first.file, 2 * 1024 * 1024, 512)).toBe('failed');
  });

  it('is asked for with the credentials, and by redirects that are each looked at', async () => {
    const asked: (string | undefined)[] = [];
    const how: Behaviour = { etag: '"1"' };
    const serve = fileServer(how);
    const port = await listen(
      createServer((request, response) => {
        asked.push(request.headers.authorization);
        serve(request, response);
      }),
    );
    const gate = await listen(
      createServer((_, response) =>
        response.writeHead(302, { location: `http://127.0.0.1:${port}/a.iso` }).end(),
      ),
    );
    const images = life();
    const user = { userName: 'me', password: 'secret' };
    const { file } = await opened(images, `http://127.0.0.1:${port}/a.iso`, user);
    expect(await read(file, 3 * 1024 * 1024, 512)).toBe('read');
    expect(new Set(asked)).toEqual(new Set([`Basic ${Buffer.from('me:secret').toString('base64')}`]));
    await images.close(file);
    asked.length = 0;
    const other = await opened(images, `http://127.0.0.1:${gate}/a.iso`, user);
    expect(new Set(asked)).toEqual(new Set([undefined]));
    how.other = (_, response) => response.writeHead(302, { location: 'http://169.254.1.1/a.iso' }).end();
    expect(await read(other.file, 3 * 1024 * 1024, 512)).toBe('failed');
    expect(images.trouble(other.file)).toMatch(/169\.254\.1\.1|has not sent/);
  });

  it('has its server’s certificate looked at by each connection, as is wished at the time', async () => {
    const { certificate, key } = await makeSelfSigned({
      subject: { commonName: 'images' },
      names: ['127.0.0.1'],
      now: Date.now(),
      random: systemRandom(),
    });
    const port = await listen(createTlsServer({ cert: certificate, key }, fileServer({ etag: '"1"' })));
    const images = life();
    let trust = noTrust;
    const { file } = await opened(images, `https://127.0.0.1:${port}/a.iso`, {}, () => trust);
    trust = { verify: true, certificates: [] };
    expect(await read(file, 3 * 1024 * 1024, 512)).toBe('failed');
    trust = noTrust;
    await expect.poll(() => read(file, 3 * 1024 * 1024, 512)).toBe('read');
  });
});

describe('a BMC that starts anew', () => {
  it('serves the image at the same place without asking its server, and removes what others have left', async () => {
    const how: Behaviour = { etag: '"1"' };
    const url = `http://127.0.0.1:${await listen(createServer(fileServer(how)))}/a.iso`;
    const first = life();
    const kept = await opened(first, url);
    await first.stop();
    writeFileSync(join(dir, 'usb-01234567.nbd'), '');
    how.silent = true;
    const second = life();
    expect(existsSync(join(dir, 'usb-01234567.nbd'))).toBe(false);
    await second.resume('cd', kept, () => noTrust);
    expect(await read(kept.file, 0, 512)).toBe('failed');
    how.silent = false;
    await expect.poll(() => read(kept.file, 0, 512), { timeout: 5000 }).toBe('read');
    how.etag = '"2"';
    const third = life();
    await second.stop();
    await third.resume('cd', kept, () => noTrust);
    expect(await read(kept.file, 0, 512)).toBe('failed');
    expect(third.trouble(kept.file)).toMatch('changed');
  });
});
