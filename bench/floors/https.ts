/**
 * What a Redfish service is compared with: `node`, node:https with a body that is ready, and `fastify`, a bare Fastify
 * route that gives an object; both over TLS with the product's own kind of certificate and its TLS settings.
 *
 *   https.ts node|fastify BODY-FILE
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { makeSelfSigned } from '../../src/http/certificate.ts';
import { secureContextOptions } from '../../src/http/tls.ts';
import { systemRandom } from '../../src/lib/random.ts';

const [kind, file = ''] = process.argv.slice(2);
const text = readFileSync(file, 'utf8');
const keyPair = await makeSelfSigned({
  subject: { commonName: 'bench' },
  names: ['localhost'],
  now: Date.now(),
  random: systemRandom(),
});
const tls = { ...secureContextOptions(keyPair), ALPNProtocols: ['http/1.1'] };

async function port(): Promise<number> {
  if (kind === 'fastify') {
    const app = Fastify({ https: tls });
    const body = JSON.parse(text) as object;
    app.get('/redfish/v1/Systems/1', () => body);
    await app.listen({ port: 0, host: '127.0.0.1' });
    return (app.server.address() as AddressInfo).port;
  }
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
  };
  const server = createServer(tls, (_request, response) => {
    response.writeHead(200, headers);
    response.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

process.stdout.write(`ready ${await port()}\n`);
