/**
 * `/health/live` and `/health/ready`, for orchestrators, which have no password: one word, and nothing that an
 * unauthenticated stranger could use. Live: this process answers. Ready: its faces are open, its machine has been looked
 * at, and it is not about to end. What is wrong inside is for those who may log in: `/metrics`, Redfish.
 */
import type { HttpFace, HttpReply, HttpRequest } from './http/exchange.ts';

export class HealthFace implements HttpFace {
  readonly prefixes = ['/health'];
  readonly #isReady: () => boolean;

  constructor(isReady: () => boolean) {
    this.#isReady = isReady;
  }

  async handle({ method, url }: HttpRequest): Promise<HttpReply> {
    const [path] = url.split('?', 1);
    if (path !== '/health/live' && path !== '/health/ready') return reply(404, 'not found');
    if (method !== 'GET' && method !== 'HEAD') return reply(405, 'only GET and HEAD', { allow: 'GET, HEAD' });
    const isWell = path === '/health/live' || this.#isReady();
    return isWell ? reply(200, 'ok') : reply(503, 'not ready');
  }
}

function reply(status: number, word: string, headers: HttpReply['headers'] = {}): HttpReply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${word}\n` };
}
