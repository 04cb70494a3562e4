/**
 * The browser console's files, as the build has left them: all read when the first is asked for, each with its compressed
 * forms beside it (`x.js`, `x.js.br`, `x.js.gz`), and then kept. What a browser navigates to and is no file is the page itself, which finds
 * out from the address what to show.
 *
 * The page runs what comes from here alone: no inline script or style, no other origin, no frame around it.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { HttpFace, HttpReply, HttpRequest } from './exchange.ts';
import { hasHost } from './same-origin.ts';

export interface ConsoleFilesOptions {
  /** Where the build is; it may be missing, as in a checkout that has not been built. */
  readonly directory: string;
  /** What a client is told about what is not here: 4xx. */
  readonly errorReply: (status: number) => HttpReply;
}

/** `connect-src 'self'` covers WebSockets to where the page came from. CSP 3 §6.7.2.8 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // The screen's pointer and pictures, and what is drawn from fetched bytes.
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const pageHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
};

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

/** Best first. */
const encodings = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/** Names that change with their content are kept for ever; everything else is asked for again. */
const hashed = /^\/assets\/.+-[\w-]{8,}\.\w+$/;

interface Form {
  readonly encoding: string | undefined;
  readonly body: Uint8Array;
  readonly etag: string;
}

interface ServedFile {
  readonly type: string;
  readonly immutable: boolean;
  /** Best first; the plain one last. */
  readonly forms: readonly Form[];
}

const notBuilt = 'The web console has not been built: `npm run build` makes it. Redfish is at /redfish/v1.\n';

export class ConsoleFiles implements HttpFace {
  readonly prefixes = ['/'];
  readonly #directory: string;
  readonly #errorReply: ConsoleFilesOptions['errorReply'];
  #files: Promise<ReadonlyMap<string, ServedFile>> | undefined;

  constructor({ directory, errorReply }: ConsoleFilesOptions) {
    this.#directory = directory;
    this.#errorReply = errorReply;
  }

  async handle({ method, url, headers }: HttpRequest): Promise<HttpReply> {
    if (!hasHost(headers)) return this.#errorReply(400);
    const path = url.split('?', 1)[0] ?? '';
    const isNavigation = path === '/' || (headers.accept?.includes('text/html') ?? false);
    const isPage = isNavigation && !path.slice(path.lastIndexOf('/')).includes('.');
    const file = (await this.#read()).get(isPage ? '/index.html' : path);
    if (!file) return isPage ? unbuilt(method) : this.#errorReply(404);
    if (method !== 'GET' && method !== 'HEAD') return notAllowed(this.#errorReply(405));
    return reply(file, headers['accept-encoding'] ?? '', headers['if-none-match']);
  }

  /** Once; again when it failed, or when there was no page yet. @throws {Error} when the build is there and cannot be read */
  async #read(): Promise<ReadonlyMap<string, ServedFile>> {
    this.#files ??= readFiles(this.#directory);
    const reading = this.#files;
    let complete = false;
    try {
      const files = await reading;
      complete = files.has('/index.html');
      return files;
    } finally {
      if (!complete && this.#files === reading) this.#files = undefined;
    }
  }
}

function unbuilt(method: string): HttpReply {
  return {
    status: method === 'GET' || method === 'HEAD' ? 404 : 405,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: notBuilt,
  };
}

function notAllowed(refusal: HttpReply): HttpReply {
  return { ...refusal, headers: { ...refusal.headers, allow: 'GET, HEAD' } };
}

function reply(
  { type, immutable, forms }: ServedFile,
  accepted: string,
  known: string | undefined,
): HttpReply {
  const form = forms.find(({ encoding }) => encoding === undefined || accepts(accepted, encoding));
  if (!form) throw new Error('a file without its plain form');
  const { encoding, body, etag } = form;
  const headers = {
    ...pageHeaders,
    'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    etag,
    vary: 'accept-encoding',
  };
  if (known?.split(',').some((each) => each.trim() === etag)) return { status: 304, headers };
  return {
    status: 200,
    headers: {
      ...headers,
      'content-type': type,
      ...(encoding !== undefined && { 'content-encoding': encoding }),
    },
    body,
  };
}

/** @param header of Accept-Encoding. RFC 9110 §12.5.3, without an order of preference: ours is by size */
function accepts(header: string, encoding: string): boolean {
  return header.split(',').some((each) => {
    const [name = '', ...parameters] = each.split(';').map((part) => part.trim().toLowerCase());
    return name === encoding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

/** By path, `/index.html`: empty where there is no build. */
async function readFiles(directory: string): Promise<Map<string, ServedFile>> {
  const files = new Map<string, ServedFile>();
  for (const path of await pathsIn(directory)) {
    const type = types[extname(path)];
    if (type === undefined) continue;
    const forms: Form[] = [];
    for (const [encoding, suffix] of encodings) {
      const body = await readIfThere(join(directory, path + suffix));
      if (body) forms.push({ encoding, body, etag: etagOf(body) });
    }
    const body = await readFile(join(directory, path));
    forms.push({ encoding: undefined, body, etag: etagOf(body) });
    files.set(`/${path}`, { type, immutable: hashed.test(`/${path}`), forms });
  }
  return files;
}

/** Of files, relative; none that is hidden. */
async function pathsIn(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true, recursive: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
      .filter((path) => !path.split('/').some((part) => part.startsWith('.')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function etagOf(body: Uint8Array): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
}
