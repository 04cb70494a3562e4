/** Fetching images from servers of every kind, over real sockets of the loopback interface. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import type { ImageWriter, MediaTrust, MediumRequest } from '../../../src/bmc/media-images.ts';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { AddressPolicy } from '../../../src/media/address-policy.ts';
import { type FetchLimits, HttpFetcher } from '../../../src/media/http-fetch.ts';
import { FileImages } from '../../../src/media/image-store.ts';

const image = cdImage(3 * 1024 * 1024);

function cdImage(bytes: number): Buffer {
  const content = Buffer.alloc(bytes, 'some content of a disc ');
  content.fill(0, 1024 * 1024, 2 * 1024 * 1024);
  content.write('\x01CD001\x01', 16 * 2048, 'latin1');
  return content;
}

const servers: Server[] = [];
let dir: string;
let images: FileImages;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-media-'));
  images = new FileImages({ directory: dir, maxBytes: 8 * 1024 * 1024 });
});
afterEach(async () => {
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

async function serve(listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(createServer(listener))}`;
}

const local = new AddressPolicy({ allow: ['127.0.0.1'], deny: [] });
const noTrust: MediaTrust = { verify: false, certificates: [] };

interface FetchOptions extends Partial<MediumRequest> {
  readonly limits?: Partial<FetchLimits>;
  readonly trust?: MediaTrust;
  readonly policy?: AddressPolicy;
  readonly resolve?: (host: string) => Promise<{ address: string; family: number }[]>;
  readonly signal?: AbortSignal;
}

/** @returns the file's content */
async function fetched(url: string, options: FetchOptions = {}): Promise<Buffer> {
  const { limits = {}, trust = noTrust, policy = local, resolve, signal, ...rest } = options;
  const fetcher = new HttpFetcher({ policy, limits, ...(resolve && { resolve }) });
  const request = { url, readOnly: true, inserted: true, ...rest };
  fetcher.check(request);
  let begun: ImageWriter | undefined;
  const begin = async (sizeBytes: number | undefined) => {
    begun = await images.create('cd', url, sizeBytes);
    return begun;
  };
  try {
    const writer = await fetcher.fetch(request, trust, begin, signal ?? new AbortController().signal);
    return readFileSync((await writer.finish()).file);
  } catch (error) {
    await begun?.discard();
    expect(readdirSync(dir).filter((name) => name.endsWith('.part'))).toEqual([]);
    throw error;
  }
}

function send(
  response: ServerResponse,
  headers: Record<string, string | number> = {},
  content = image,
): void {
  response.writeHead(200, headers).end(content);
}

describe('an image', () => {
  it('of a server that is not there is refused in words', async () => {
    const base = await serve((_, response) => send(response));
    const { host } = new URL(base);
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
    await expect(fetched(`${base}/a.iso`)).rejects.toThrow(
      new BmcError('bad-argument', `no answer from ${host} (connection refused)`),
    );
  });

  it('comes whole, with its length announced or not, and its zeros take no room', async () => {
    const plain = await serve((_, response) => send(response, { 'content-length': image.length }));
    const chunked = await serve((_, response) => {
      response.write(image.subarray(0, 100_000));
      response.end(image.subarray(100_000));
    });
    for (const base of [plain, chunked]) expect((await fetched(`${base}/a.iso`)).equals(image)).toBe(true);
    for (const name of readdirSync(dir)) {
      const { size, blocks } = statSync(join(dir, name));
      expect(size).toBe(image.length);
      expect(blocks * 512).toBeLessThan(image.length - 900_000);
    }
  });

  it('is continued where the connection broke off, if the server tells that it is the same file', async () => {
    const ranges: (string | undefined)[] = [];
    const base = await serve((request, response) => {
      ranges.push(request.headers.range);
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      expect(from === 0 || request.headers['if-range'] === '"v1"').toBe(true);
      const headers = { 'accept-ranges': 'bytes', etag: '"v1"', 'content-length': image.length - from };
      response.writeHead(from === 0 ? 200 : 206, {
        ...headers,
        ...(from > 0 && { 'content-range': `bytes ${from}-${image.length - 1}/${image.length}` }),
      });
      // A megabyte, then nothing more.
      response.write(image.subarray(from, from + 1024 * 1024), () => {
        if (from + 1024 * 1024 < image.length) response.destroy();
        else response.end();
      });
    });
    expect((await fetched(`${base}/a.iso`)).equals(image)).toBe(true);
    expect(ranges.length).toBeGreaterThan(1);
  });

  it('that broke off on a server without ranges, or has changed since, is refused', async () => {
    const half =
      (headers: Record<string, string>) => (request: IncomingMessage, response: ServerResponse) => {
        if (request.headers.range !== undefined) return send(response, { etag: '"v2"' });
        response.writeHead(200, { 'content-length': image.length, ...headers });
        response.write(image.subarray(0, 4096), () => response.destroy());
      };
    const without = await serve(half({}));
    await expect(fetched(`${without}/a.iso`)).rejects.toThrow(/127\.0\.0\.1/);
    const changed = await serve(half({ 'accept-ranges': 'bytes', etag: '"v1"' }));
    await expect(fetched(`${changed}/a.iso`)).rejects.toThrow('does not continue');
  });

  it('is fetched with the name and password that were given, and no others', async () => {
    const asked: (string | undefined)[] = [];
    const base = await serve((request, response) => {
      asked.push(request.headers.authorization);
      if (request.headers.authorization !== `Basic ${Buffer.from('me:sesame').toString('base64')}`) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      } else send(response);
    });
    await fetched(`${base}/a.iso`, { userName: 'me', password: 'sesame' });
    await fetched(`${base.replace('//', '//me:sesame@')}/a.iso`);
    await expect(fetched(`${base}/a.iso`)).rejects.toThrow('other credentials');
    expect(asked[2]).toBeUndefined();
  });
});

describe('redirects', () => {
  it('are followed three times; credentials stay with the server they were meant for', async () => {
    const seen: (string | undefined)[] = [];
    const last = await serve((request, response) => {
      seen.push(request.headers.authorization);
      send(response);
    });
    const first = await serve((request, response) => {
      seen.push(request.headers.authorization);
      const hop = Number(request.url?.slice(1));
      response.writeHead(302, { location: hop < 2 ? `/${hop + 1}` : `${last}/a.iso` }).end();
    });
    await fetched(`${first}/0`, { userName: 'me', password: 'sesame' });
    expect(seen.map((each) => each !== undefined)).toEqual([true, true, true, false]);
  });

  it('without an end, to nowhere, or to another protocol are refused', async () => {
    const to = (location: string) => serve((_, response) => void response.writeHead(302, { location }).end());
    await expect(fetched(`${await to('/again')}/a`)).rejects.toThrow('redirects too often');
    await expect(fetched(`${await to('http://')}/a`)).rejects.toThrow('to nowhere');
    await expect(fetched(`${await to('file:///etc/passwd')}/a`)).rejects.toThrow('http and https');
  });

  it('are looked at like the first address', async () => {
    let reached = false;
    const secret = await serve((_, response) => {
      reached = true;
      send(response);
    });
    const { port } = new URL(secret);
    for (const host of ['127.0.0.2', '[::ffff:127.0.0.2]', '0x7f.2', '2130706434', 'localhost.']) {
      const base = await serve((_, response) => {
        response.writeHead(302, { location: `http://${host}:${port}/` }).end();
      });
      const resolve = async () => [{ address: '127.0.0.3', family: 4 }];
      await expect(fetched(`${base}/a.iso`, { resolve }), host).rejects.toMatchObject({
        kind: 'not-permitted',
      });
    }
    expect(reached).toBe(false);
  });
});

describe('a name', () => {
  it('is asked for once, and what was looked at is what is connected to', async () => {
    const base = await serve((_, response) => send(response));
    let asked = 0;
    // The second answer would lead elsewhere.
    const resolve = async () => [{ address: ++asked === 1 ? '127.0.0.1' : '127.0.0.9', family: 4 }];
    const url = `http://rebinding.example:${new URL(base).port}/a.iso`;
    expect((await fetched(url, { resolve })).equals(image)).toBe(true);
    expect(asked).toBe(1);
  });

  it('without an address, or with refused ones alone, is refused', async () => {
    const none = async () => Promise.reject(new Error('ENOTFOUND'));
    await expect(fetched('http://no.example/a', { resolve: none })).rejects.toThrow('no address found');
    const resolve = async () => [
      { address: '::1', family: 6 },
      { address: '169.254.169.254', family: 4 },
    ];
    await expect(fetched('http://sly.example/a', { resolve })).rejects.toMatchObject({
      kind: 'not-permitted',
    });
  });
});

describe('a server', () => {
  it('that is silent, before the answer or in its middle, is given up in time, and nothing stays', async () => {
    const mute = await serve(() => undefined);
    const stuck = await serve((_, response) => {
      response.writeHead(200, { 'content-length': image.length });
      response.write(image.subarray(0, 4096));
    });
    const limits = { answerMs: 200, silenceMs: 200 };
    for (const [base, kind] of [
      [mute, 'timed-out'],
      [stuck, 'bad-argument'],
    ] as const) {
      const startedAt = performance.now();
      await expect(fetched(`${base}/a.iso`, { limits })).rejects.toMatchObject({ kind });
      expect(performance.now() - startedAt).toBeLessThan(2000);
    }
  });

  it('that never ends is given up at the size limit', async () => {
    const base = await serve((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(image)) void 0;
      };
      response.on('drain', more);
      more();
    });
    await expect(fetched(`${base}/a.iso`)).rejects.toMatchObject({ kind: 'no-space' });
  });

  it('that announces too much is refused before anything is written', async () => {
    const base = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 9 * 1024 * 1024 });
      response.flushHeaders();
    });
    await expect(fetched(`${base}/a.iso`)).rejects.toMatchObject({ kind: 'no-space' });
    expect(readdirSync(dir)).toEqual([]);
  });

  it('that has something else is refused by what it has', async () => {
    const answers: readonly [RequestListener, RegExp][] = [
      [(_, response) => void response.writeHead(404).end('no'), /answers 404/],
      [
        (_, response) => send(response, {}, Buffer.from('<!doctype html><p>Log in'.padEnd(65536))),
        /web page/,
      ],
      [
        (_, response) => send(response, {}, Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), image])),
        /qcow2/,
      ],
      [(_, response) => send(response, {}, Buffer.alloc(0)), /empty/],
      [(_, response) => send(response, { 'content-encoding': 'gzip' }), /as gzip/],
      [(_, response) => send(response, {}, image.subarray(0, 40_001)), /sectors/],
    ];
    for (const [listener, text] of answers) {
      const base = await serve(listener);
      await expect(fetched(`${base}/a.iso`)).rejects.toThrow(text);
    }
  });

  it('is left alone when the fetch is given up', async () => {
    const controller = new AbortController();
    let closed: (() => void) | undefined;
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const base = await serve((request, response) => {
      request.socket.on('close', () => closed?.());
      response.writeHead(200, { 'content-length': image.length });
      response.write(image.subarray(0, 4096), () => controller.abort());
    });
    await expect(fetched(`${base}/a.iso`, { signal: controller.signal })).rejects.toThrow();
    await gone;
  });
});

function selfSigned() {
  return makeSelfSigned({
    subject: { commonName: 'images' },
    names: ['127.0.0.1'],
    now: Date.now(),
    random: systemRandom(),
  });
}

describe('over TLS, a server', () => {
  it('is trusted blindly, by its certificate, or not at all, as is wished', async () => {
    const { key, certificate } = await selfSigned();
    const server = createTlsServer({ key, cert: certificate }, (_, response) => send(response));
    const url = `https://127.0.0.1:${await listen(server)}/a.iso`;
    expect((await fetched(url)).equals(image)).toBe(true);
    const known = { verify: true, certificates: [certificate] };
    expect((await fetched(url, { trust: known })).equals(image)).toBe(true);
    const unknown = { verify: true, certificates: [] };
    await expect(fetched(url, { trust: unknown })).rejects.toThrow('VerifyCertificate');
    const other = await selfSigned();
    await expect(
      fetched(url, { trust: { verify: true, certificates: [other.certificate] } }),
    ).rejects.toThrow('VerifyCertificate');
  });
});

describe('what is no address of an image', () => {
  it('is refused at once', () => {
    const fetcher = new HttpFetcher({ policy: local });
    const check = (url: string) => fetcher.check({ url });
    for (const url of [
      '',
      'image.iso',
      'nfs://host/a',
      'file:///a',
      'ftp://h/a',
      `http://h/${'a'.repeat(3000)}`,
    ]) {
      expect(() => check(url), url).toThrow();
    }
    for (const url of ['http://127.0.0.2/a', 'http://[::1]/', 'http://0/', 'http://169.254.169.254/']) {
      expect(() => check(url), url).toThrow(expect.objectContaining({ kind: 'not-permitted' }));
    }
  });
});
