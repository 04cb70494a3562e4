/**
 * `/metrics`, for Prometheus: to whoever may log in to Redfish, by the same name and password or the same token. A
 * scraper that sends its password with each request opens no session. Prometheus has no other way in of its own, and a
 * second kind of secret would be one more to guard.
 */

import type { HttpFace, HttpReply, HttpRequest } from '../http/exchange.ts';
import type { Logger } from '../lib/log.ts';
import type { Authentication } from '../redfish/service.ts';
import { expositionType } from './exposition.ts';
import type { Metrics } from './metrics.ts';

export interface MetricsFaceOptions {
  readonly metrics: Pick<Metrics, 'text'>;
  readonly log: Logger;
  authenticate(request: HttpRequest): Authentication | Promise<Authentication>;
}

const text = { 'content-type': 'text/plain; charset=utf-8' };

export class MetricsFace implements HttpFace {
  readonly prefixes = ['/metrics'];
  readonly #options: MetricsFaceOptions;

  constructor(options: MetricsFaceOptions) {
    this.#options = options;
  }

  async handle(request: HttpRequest): Promise<HttpReply> {
    try {
      return await this.#answer(request);
    } catch (error) {
      this.#options.log.error({ err: error }, 'metrics: a bug');
      return { status: 500, headers: text, body: 'internal error, see the log\n' };
    }
  }

  async #answer(request: HttpRequest): Promise<HttpReply> {
    const { metrics, authenticate } = this.#options;
    const authentication = await authenticate(request);
    if (authentication.kind !== 'user') return unauthorized(authentication);
    if (authentication.user.passwordChangeRequired) {
      return { status: 403, headers: text, body: 'the password must be changed first\n' };
    }
    if (!/^\/metrics(\?|$)/.test(request.url)) return { status: 404, headers: text, body: 'nothing here\n' };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { status: 405, headers: { ...text, allow: 'GET, HEAD' }, body: 'only GET and HEAD\n' };
    }
    return { status: 200, headers: { 'content-type': expositionType }, body: await metrics.text() };
  }
}

function unauthorized(authentication: Authentication): HttpReply {
  const wait = authentication.kind === 'refused' ? authentication.retryAfterS : undefined;
  return {
    status: 401,
    headers: {
      ...text,
      'www-authenticate': 'Basic realm="qemu-bmc", charset="UTF-8"',
      ...(wait !== undefined && { 'retry-after': String(wait) }),
    },
    body: 'a name and password, or a token, of a user who may log in\n',
  };
}
