/** Who sent a request: a session's token, or a name and password with each request. DSP0266 §13.3. */
import type { PasswordLogin } from '../bmc/password-login.ts';
import type { HttpRequest } from '../http/exchange.ts';
import type { Authentication } from './service.ts';
import type { RedfishState } from './state.ts';

/** A token counts before a password; a cookie never counts. */
export function authentication(
  { sessions, settings }: Pick<RedfishState, 'sessions' | 'settings'>,
  login: PasswordLogin,
): (request: HttpRequest) => Authentication {
  return ({ headers, address }) => {
    const token = headers['x-auth-token'];
    if (token !== undefined) {
      const used = typeof token === 'string' ? sessions.use(token) : undefined;
      if (!used) return { kind: 'refused' };
      return { kind: 'user', user: used.user, sessionId: used.session.id };
    }
    if (headers.authorization === undefined) return { kind: 'none' };
    if (settings.httpBasicAuth === 'Disabled') return { kind: 'refused' };
    const credentials = basicCredentials(headers.authorization);
    if (!credentials) return { kind: 'refused' };
    const outcome = login.check(credentials.name, credentials.password, address);
    if ('user' in outcome) return { kind: 'user', user: outcome.user, sessionId: undefined };
    if (outcome.refused === 'credentials') return { kind: 'refused' };
    return { kind: 'refused', retryAfterS: Math.ceil(outcome.waitMs / 1000) };
  };
}

/** RFC 7617, with UTF-8. */
function basicCredentials(header: string): { name: string; password: string } | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header.trim()) ?? [];
  if (encoded === undefined) return undefined;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}
