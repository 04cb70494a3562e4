/**
 * Where a browser's request comes from, by the headers that no script of a page can write: `Host`, `Origin`,
 * `Sec-Fetch-Site`. What is not a browser sends no `Origin`.
 *
 * The host's name is compared, not looked up in a list: through port forwarding and name servers one appliance has
 * names that it cannot know. A page that points its own name here is another origin to the browser, and so has neither
 * the cookie nor the token.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** `name`, `name:port`, `192.0.2.1`, `[2001:db8::1]:443`. RFC 9110 §7.2 */
const hostForm = /^(?:[a-z0-9](?:[a-z0-9._-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** Whether the Host header names a host at all. */
export function hasHost({ host }: IncomingHttpHeaders): boolean {
  return host !== undefined && hostForm.test(host);
}

/**
 * `same`: a page of ours; `none`: no browser; `foreign`: everything else, `null` and look-alikes too. There has to be
 * a host: see {@link hasHost}.
 */
export function originOf(headers: IncomingHttpHeaders): 'same' | 'none' | 'foreign' {
  const { host, origin } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return 'foreign';
  if (origin === undefined) return 'none';
  if (host === undefined || !hasHost(headers)) return 'foreign';
  return normal(origin) === normal(`https://${host}`) ? 'same' : 'foreign';
}

/** In one spelling: small letters, without the port that is usual. What is no such origin stays as it is. */
function normal(origin: string): string {
  return origin.toLowerCase().replace(/^(https:\/\/[^/]+):443$/, '$1');
}
