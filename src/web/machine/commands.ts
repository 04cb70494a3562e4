/** The same thing as a line for a shell. Passwords are asked for by the programs themselves: none stands in a line. */

export interface CurlOptions {
  readonly origin: string;
  readonly user: string;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly uri: string;
  readonly body?: unknown;
}

export function curlLine({ origin, user, method, uri, body }: CurlOptions): string {
  const words = ['curl', '-k', '-u', user];
  if (method !== 'GET' && !(method === 'POST' && body !== undefined)) words.push('-X', method);
  if (body !== undefined) words.push('-H', 'Content-Type: application/json', '-d', JSON.stringify(body));
  return [...words, `${origin}${uri}`].map(quoted).join(' ');
}

export interface IpmitoolOptions {
  readonly host: string;
  /** UDP. */
  readonly port: number;
  readonly user: string;
  readonly words: readonly string[];
}

export function ipmitoolLine({ host, port, user, words }: IpmitoolOptions): string {
  // IPv6 addresses stand in brackets in a URL, but not here.
  const address = host.replace(/^\[|\]$/g, '');
  const where = ['-H', address, ...(port === 623 ? [] : ['-p', String(port)])];
  return ['ipmitool', '-I', 'lanplus', ...where, '-U', user, '-a', ...words].map(quoted).join(' ');
}

/** As a POSIX shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./[\]-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
