/**
 * A tab of the browser console that is loaded anew has forgotten its token. A cookie gives it back, and nothing else:
 * it holds the token sealed with a key of this appliance's, the browser hands it to no script and to no other site, it is
 * sent to these paths alone, and Redfish does not look at cookies.
 *
 *   POST   /console/session   X-Auth-Token of a session that lives → 204, the cookie
 *   POST   /console/resume    the cookie → 200, the token and whose it is; 401 once the session is over
 *   DELETE /console/session   204, the cookie is gone; the session itself is ended through Redfish
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Store } from '../bmc/store.ts';
import type { Random } from '../lib/random.ts';
import type { HttpFace, HttpReply, HttpRequest } from './exchange.ts';
import { hasHost, originOf } from './same-origin.ts';

/** What a tab is told of its session. */
export interface ConsoleLogin {
  /** The session's URI. */
  readonly session: string;
  readonly user: string;
  readonly role: string;
  readonly passwordChangeRequired: boolean;
}

export interface ConsoleSessionOptions {
  readonly random: Random;
  /** Keeps the key: sessions survive a restart, and so do their cookies. */
  readonly store: Store;
  /** Tells appliances apart that share a host: cookies know no ports. Letters, digits and hyphens. */
  readonly applianceId: string;
  /** The living session of a token; asking counts as using it. */
  readonly login: (token: string) => ConsoleLogin | undefined;
  readonly errorReply: (status: number) => HttpReply;
}

/** Longer than any cookie of ours. */
const maxCookieLength = 256;
const storeName = 'console-cookie';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

export class ConsoleSession implements HttpFace {
  readonly prefixes = ['/console'];
  readonly #options: ConsoleSessionOptions;
  readonly #cookie: string;
  readonly #key: Uint8Array;

  constructor(options: ConsoleSessionOptions) {
    this.#options = options;
    this.#cookie = `__Secure-qemu-bmc-${options.applianceId}`;
    this.#key = keyOf(options);
  }

  async handle(request: HttpRequest): Promise<HttpReply> {
    const { errorReply } = this.#options;
    const { method, url, headers } = request;
    const path = url.split('?', 1)[0];
    if (path !== '/console/session' && path !== '/console/resume') return errorReply(404);
    const allowed = path === '/console/session' ? ['POST', 'DELETE'] : ['POST'];
    if (!allowed.includes(method)) {
      const refusal = errorReply(405);
      return { ...refusal, headers: { ...refusal.headers, allow: allowed.join(', ') } };
    }
    if (!hasHost(headers)) return errorReply(400);
    // A browser names the page's origin with each POST and DELETE; what is no browser has no use for a cookie.
    if (originOf(headers) !== 'same') return errorReply(403);
    if (path === '/console/resume') return this.#resume(headers.cookie);
    return method === 'DELETE'
      ? this.#forget({ status: 204, headers: {} })
      : this.#keep(headers['x-auth-token']);
  }

  #keep(token: string | string[] | undefined): HttpReply {
    if (typeof token !== 'string' || !this.#options.login(token)) return this.#options.errorReply(401);
    return { status: 204, headers: { 'set-cookie': `${this.#cookie}=${this.#seal(token)}; ${attributes}` } };
  }

  #resume(cookies: string | undefined): HttpReply {
    const token = this.#open(cookies);
    const login = token === undefined ? undefined : this.#options.login(token);
    if (!login) return this.#forget(this.#options.errorReply(401));
    return {
      status: 200,
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify({ token, ...login }),
    };
  }

  #forget(reply: HttpReply): HttpReply {
    return {
      ...reply,
      headers: { ...reply.headers, 'set-cookie': `${this.#cookie}=; Max-Age=0; ${attributes}` },
    };
  }

  #seal(token: string): string {
    const nonce = this.#options.random.bytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    const sealed = Buffer.concat([cipher.update(token, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
  }

  /** @returns undefined for no cookie, and for one that we have not sealed */
  #open(cookies: string | undefined): string | undefined {
    const prefix = `${this.#cookie}=`;
    const found = cookies?.split(';').find((each) => each.trim().startsWith(prefix));
    const value = found?.trim().slice(prefix.length) ?? '';
    if (value.length > maxCookieLength) return undefined;
    const bytes = Buffer.from(value, 'base64url');
    if (bytes.length <= nonceBytes + tagBytes) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, nonceBytes));
    decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
    try {
      const opened = [decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()];
      return Buffer.concat(opened).toString('utf8');
    } catch {
      return undefined;
    }
  }
}

/** @throws {BmcError} `no-space` or `timed-out` when a new one cannot be saved */
function keyOf({ store, random }: ConsoleSessionOptions): Uint8Array {
  const kept = store.load<{ readonly key: string }>(storeName);
  if (kept) return Buffer.from(kept.key, 'base64');
  const key = random.bytes(keyBytes);
  store.save(storeName, { key: Buffer.from(key).toString('base64') });
  return key;
}

const attributes = 'Path=/console/; Secure; HttpOnly; SameSite=Strict';
