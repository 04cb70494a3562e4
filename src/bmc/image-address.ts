/** How clients name images: by an address, or as one of the library. */
import { BmcError } from './errors.ts';

/**
 * `file:boot.iso` → `boot.iso`, of the library.
 * @returns undefined for an image that is elsewhere
 * @throws {BmcError} `bad-argument`
 */
export function libraryName(url: string): string | undefined {
  if (!/^file:/i.test(url)) return undefined;
  const { host, pathname, search, hash } = new URL(url);
  try {
    if (host === '' && search === '' && hash === '') return decodeURIComponent(pathname.slice(1));
  } catch {
    // Falls through: no text in UTF-8.
  }
  throw new BmcError(
    'bad-argument',
    'an image of the library is named by file: and its name, such as file:boot.iso',
  );
}

/** As everybody may see it. */
export function withoutCredentials(text: string): string {
  const url = new URL(text);
  url.username = '';
  url.password = '';
  return url.href;
}

/** For people to read: the last part of the path. */
export function nameOf(url: string): string {
  const { pathname, host } = new URL(url);
  const last = pathname.split('/').findLast((part) => part !== '') ?? host;
  let text = last;
  try {
    text = decodeURIComponent(last);
  } catch {
    // As it stands, then.
  }
  return text.replace(/\p{Cc}/gu, '').slice(0, 200);
}
