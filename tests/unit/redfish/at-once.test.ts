/**
 * Answers that are ready are given without the turn through the framework. Nobody can tell by the answer: every
 * resource, for every role and every kind of header, gets the same both ways, byte for byte.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import type { HttpFace, HttpReply, HttpRequest } from '../../../src/http/exchange.ts';
import { HttpServer } from '../../../src/http/server.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { httpErrorReply } from '../../../src/redfish/redfish.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { crawl } from '../../support/redfish-crawl.ts';

type Headers = Readonly<Record<string, string>>;

const system = '/redfish/v1/Systems/1';
const users = { reader: 4, operator: 3, admin: 2, expired: 6 } as const;
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

/** With users of all roles and a session of each. */
async function startBench() {
  const bench = new RedfishBench();
  await bench.start();
  const actor = { name: 'bench', face: 'bmc' } as const;
  const expired = { name: 'expired', password: Buffer.from('expired'), enabled: true } as const;
  bench.bmc.users.update(6, { ...expired, limit: 'administrator', passwordChangeRequired: true }, actor);
  bench.bmc.users.update(5, { name: 'outcast', password: Buffer.from('outcast'), enabled: true }, actor);
  const credentials: Record<string, Headers> = {
    nobody: {},
    outcast: { authorization: basic('outcast:outcast') },
    'a token that is none': { 'x-auth-token': 'x'.repeat(43) },
    'a token that is none beside a right password': {
      'x-auth-token': 'none',
      authorization: basic('admin:admin'),
    },
    'no Basic at all': { authorization: 'Bearer abc' },
    'a cookie': { cookie: 'token=abc' },
  };
  for (const [name, id] of Object.entries(users)) {
    const user = bench.bmc.users.get(id);
    if (!user) throw new Error(`no user ${name}`);
    const { token } = bench.sessions.open(user, '192.0.2.9');
    credentials[`${name}, by token`] = { 'x-auth-token': token };
    credentials[`${name}, by password`] = { authorization: basic(`${name}:${name}`) };
  }
  return { bench, credentials };
}

/** @param etag the right one */
const variations = (etag: string): readonly Headers[] => [
  {},
  { accept: 'application/json' },
  { accept: 'text/html, */*;q=0' },
  { 'odata-version': '4.0' },
  { 'odata-version': '4.01' },
  { 'if-none-match': etag },
  { 'if-none-match': `W/${etag}, "another"` },
  { 'if-none-match': '*' },
  { 'if-none-match': '"another"' },
  { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1', 'x-http-method-override': 'DELETE' },
];

describe('every resource, for every role', () => {
  it('is the same at once as with a wait, where it is there at once', { timeout: 120_000 }, async () => {
    const { bench, credentials } = await startBench();
    // Until each further one waits, and is not looked at.
    for (let i = 0; i < 6; i++) await bench.ask('GET', system, { as: 'outcast' });
    const uris = [...(await crawl(bench)).bodies.keys(), '/redfish/v1/Systems/2', '/redfish/v1/%zz'];
    const handled = async (request: HttpRequest) => whole(await bench.service.handle(request));
    const atOnce = new Map<string, number>();
    let asked = 0;
    for (const uri of uris) {
      const { headers } = await bench.ask('GET', uri);
      for (const [who, identification] of Object.entries(credentials)) {
        for (const variation of variations(headers.etag ?? '"none"')) {
          const request = requestOf('GET', uri, { ...identification, ...variation });
          const reply = bench.service.atOnce(request);
          asked++;
          if (!reply) continue;
          expect(whole(reply), `${uri}, ${who}, ${JSON.stringify(variation)}`).toBe(await handled(request));
          atOnce.set(who, (atOnce.get(who) ?? 0) + 1);
        }
      }
    }
    expect(asked).toBeGreaterThan(10_000);
    // It is the usual case, and whoever asks makes no difference.
    expect(atOnce.get('nobody')).toBeGreaterThan(asked / Object.keys(credentials).length / 3);
    expect(new Set(atOnce.values()).size).toBe(1);
    await bench.stop();
  });

  it('is there at once for a GET without a query alone, and once somebody has read it', async () => {
    const { bench } = await startBench();
    const admin = { authorization: basic('admin:admin') };
    expect(bench.service.atOnce(requestOf('GET', system, admin))).toBeUndefined();
    await keep(bench, system);
    expect(bench.service.atOnce(requestOf('GET', system, admin))?.status).toBe(200);
    for (const method of ['HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS', 'get']) {
      expect(bench.service.atOnce(requestOf(method, system, admin)), method).toBeUndefined();
    }
    for (const query of ['?', '?$select=Id', '?only', '?x=1']) {
      expect(bench.service.atOnce(requestOf('GET', `${system}${query}`, admin)), query).toBeUndefined();
    }
    expect(bench.service.atOnce(requestOf('GET', `${system}/Actions/ComputerSystem.Reset`, admin))).toBe(
      undefined,
    );
    await bench.stop();
  });

  it('is not what it was before a change, a lower role, a logout or a new password', async () => {
    const { bench, credentials } = await startBench();
    const { users: all } = bench.bmc;
    const actor = { name: 'bench', face: 'bmc' } as const;
    const secret = '/redfish/v1/Managers/1/NetworkProtocol/HTTPS/Certificates';
    const token = credentials['operator, by token'] ?? {};
    const reply = (uri: string) => bench.service.atOnce(requestOf('GET', uri, token));
    const status = (uri: string) => reply(uri)?.status;
    for (const uri of [system, secret]) await keep(bench, uri);
    expect([status(system), status(secret)]).toEqual([200, 403]);

    await bench.ask('PATCH', system, { body: { AssetTag: 'changed' } });
    expect((await bench.ask('GET', system)).body.AssetTag).toBe('changed');
    expect(whole(reply(system) ?? { status: 0, headers: {} })).toContain('"AssetTag":"changed"');

    for (const [limit, expected] of [
      ['administrator', 200],
      ['user', 403],
    ] as const) {
      all.update(3, { limit }, actor);
      await keep(bench, secret);
      expect(status(secret)).toBe(expected);
    }

    await keep(bench, system);
    expect(status(system)).toBe(200);
    all.update(3, { password: Buffer.from('another') }, actor);
    expect(status(system)).toBe(401);
    await bench.stop();
  });

  it('counts as a use of the session, and a wrong password as a guess, once', async () => {
    const { bench, credentials } = await startBench();
    await bench.ask('GET', system);
    const { sessions, clock } = bench;
    const lastUsed = () => sessions.list().find(({ userId }) => userId === users.reader)?.lastUsedTime;
    const before = lastUsed() ?? Number.NaN;
    await clock.advance(5000);
    await bench.ask('GET', system);
    bench.service.atOnce(requestOf('GET', system, credentials['reader, by token'] ?? {}));
    expect(lastUsed()).toBe(before + 5000);

    const guess = () =>
      bench.service.atOnce(requestOf('GET', system, { authorization: basic('reader:wrong') }));
    for (let i = 0; i < 5; i++) expect(guess()?.headers['retry-after']).toBeUndefined();
    expect(guess()?.headers['retry-after']).toBe('1');
    await bench.stop();
  });
});

describe('on the wire', () => {
  let bench: RedfishBench;
  let credentials: Readonly<Record<string, Headers>>;
  const servers: HttpServer[] = [];
  beforeAll(async () => {
    ({ bench, credentials } = await startBench());
    const keyPair = await makeSelfSigned({
      subject: { commonName: 'bench' },
      names: ['localhost'],
      now: Date.now(),
      random: systemRandom(),
    });
    const { service } = bench;
    const slow: HttpFace = {
      prefixes: service.prefixes,
      streams: (head) => service.streams(head),
      handle: (request) => service.handle(request),
    };
    for (const face of [service, slow]) {
      const server = new HttpServer({
        addresses: ['127.0.0.1'],
        port: 0,
        keyPair,
        faces: [face],
        errorReply: httpErrorReply,
        log: silentLogger,
      });
      await server.start();
      servers.push(server);
    }
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await bench.stop();
  });

  /** What a server says to these requests, one after the other on one connection, which the last one ends; undated. */
  async function told(server: HttpServer, ...requests: string[]): Promise<string> {
    const { port } = server.addresses[0] as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const next = () => socket.write(requests.shift() ?? '');
    let said = '';
    let answer = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      answer += part;
      const [head] = /^.*?\r\n\r\n/s.exec(answer) ?? [];
      if (head === undefined) return;
      const length = Number(/^content-length: (\d+)\r\n/im.exec(head)?.[1] ?? 0);
      if (requests.length === 0 || answer.length < head.length + length) return;
      said += answer;
      answer = '';
      next();
    });
    const closed = once(socket, 'close');
    socket.on('error', () => undefined);
    next();
    await closed;
    return (said + answer).replace(/^date: .*\r\n/gim, '');
  }

  const line = ([name, value]: [string, string]) => `${name}: ${value}\r\n`;
  const text = (request: string, headers: Headers) =>
    `${request}\r\n${Object.entries(headers).map(line).join('')}\r\n`;

  it('the two ways are the same to the byte, and are counted the same', { timeout: 60_000 }, async () => {
    const etag = (await bench.ask('GET', system)).headers.etag ?? '';
    const uris = [system, '/redfish/v1', '/redfish/v1/', `${system}/`, '/redfish/v1/Systems/%31', '/redfish'];
    const others = ['/redfish/v1/Systems/2', '/redfish/v1/AccountService/Accounts/2'];
    const odd = [`${system}#x`, `${system}?`, `//${system}`, `${system}/../1`, `https://elsewhere${system}`];
    for (const uri of uris) await bench.ask('GET', uri);
    await bench.ask('GET', others[1] ?? '');
    const guess = text(`GET ${system} HTTP/1.1`, { host: 'x', ...credentials.outcast });
    const end = text(`GET ${system} HTTP/1.1`, { host: 'x', connection: 'close' });
    for (const server of servers) await told(server, ...Array<string>(6).fill(guess), end);
    const atOnce = vi.spyOn(bench.service, 'atOnce');
    for (const [who, identification] of Object.entries(credentials)) {
      const each = [...uris, ...others, ...odd].flatMap((uri) =>
        variations(etag).map((variation) =>
          text(`GET ${uri} HTTP/1.1`, { host: 'bench', ...identification, ...variation }),
        ),
      );
      const last = text(`GET ${system} HTTP/1.1`, { host: 'x', connection: 'close', ...identification });
      const [fast, slow] = await Promise.all(servers.map((server) => told(server, ...each, last)));
      expect(fast, who).toBe(slow);
      expect(fast?.split('HTTP/1.1 ').length, who).toBe(each.length + 2);
    }
    const answered = atOnce.mock.results.filter(({ value }) => value !== undefined).length;
    expect(answered).toBeGreaterThan(atOnce.mock.calls.length / 3);
    const [fast, slow] = servers.map(({ counters }) => counters.answers);
    expect(new Set(fast)).toEqual(new Set(slow));
  });

  it.each([
    ['HTTP/1.0', 'GET', system, 'HTTP/1.0', {}, ''],
    ['HTTP/1.0 with a host', 'GET', system, 'HTTP/1.0', { host: 'x' }, ''],
    ['no host', 'GET', system, 'HTTP/1.1', {}, ''],
    ['a length of nothing', 'GET', system, 'HTTP/1.1', { host: 'x', 'content-length': '0' }, ''],
    ['a body', 'GET', system, 'HTTP/1.1', { host: 'x', 'content-length': '2' }, '{}'],
    ['chunks', 'GET', system, 'HTTP/1.1', { host: 'x', 'transfer-encoding': 'chunked' }, '0\r\n\r\n'],
    ['an expectation', 'GET', system, 'HTTP/1.1', { host: 'x', expect: '100-continue' }, ''],
    ['HEAD', 'HEAD', system, 'HTTP/1.1', { host: 'x' }, ''],
    ['a method in small letters', 'get', system, 'HTTP/1.1', { host: 'x' }, ''],
    ['a method nobody has', 'PROPFIND', system, 'HTTP/1.1', { host: 'x' }, ''],
    ['a path that is none', 'GET', '/redfish/v1/%zz', 'HTTP/1.1', { host: 'x' }, ''],
  ] as const)('%s makes no difference either', async (_, method, uri, version, headers, body) => {
    await bench.ask('GET', system);
    const admin = credentials['admin, by token'] ?? {};
    const request = text(`${method} ${uri} ${version}`, { ...headers, ...admin, connection: 'close' }) + body;
    const [fast, slow] = await Promise.all(servers.map((server) => told(server, request)));
    expect(fast).toBe(slow);
    expect(fast).toMatch(/^HTTP\/1\.1 \d{3} /);
  });
});

/** The first read of all makes what it reads from, and that is a change, too. */
async function keep(bench: RedfishBench, uri: string): Promise<void> {
  await bench.ask('GET', uri);
  await bench.ask('GET', uri);
}

function requestOf(method: string, url: string, headers: Headers): HttpRequest {
  return {
    ...{ method, url, headers },
    ...{ body: new Uint8Array(), from: '192.0.2.9:50000', address: '192.0.2.9' },
    gone: new AbortController().signal,
  };
}

/** An answer as text, its headers in their order. */
function whole({ status, headers, body }: HttpReply): string {
  if (body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array)) {
    throw new Error('a stream is no answer that is ready');
  }
  return `${status}\n${JSON.stringify(Object.entries(headers))}\n${Buffer.from(body ?? '').toString('utf8')}`;
}
