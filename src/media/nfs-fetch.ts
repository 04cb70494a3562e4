/**
 * Fetches images over NFS by Debian's user-space client (libnfs-utils: nfs-ls, nfs-cat), which needs neither rights nor a
 * mount. It is given an address that is permitted, never a name. A server that wants privileged ports will not have us:
 * its export must be `insecure`.
 */
import { spawn } from 'node:child_process';
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP, isIPv4 } from 'node:net';
import { BmcError } from '../bmc/errors.ts';
import type { ByteSink, FetchRequest, ImageFetcher, MediaTrust } from '../bmc/media-images.ts';
import type { AddressPolicy } from './address-policy.ts';
import { PermittedAddresses } from './permitted-addresses.ts';

export interface NfsLimits {
  /** Until it is known whether the file is there. */
  readonly answerMs: number;
  /** Between two pieces of it. */
  readonly silenceMs: number;
  /** Of everything together. */
  readonly totalMs: number;
}

export const defaultNfsLimits: NfsLimits = {
  answerMs: 15_000,
  silenceMs: 30_000,
  totalMs: 4 * 60 * 60_000,
};

export interface NfsFetcherOptions {
  readonly policy: AddressPolicy;
  readonly limits?: Partial<NfsLimits>;
  /** Another resolver, for tests. */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>;
}

/** The newer one first: it needs no port but its own. */
const versions = ['4', '3'];
/** What a URL may say beside server and path, and the client understands. */
const parameters = /^(version=[34]|(nfsport|mountport)=\d{1,5}|[ug]id=\d{1,10})$/;
const longestListing = 4 * 1024 * 1024;

interface NfsFile {
  readonly host: string;
  /** Absolute, decoded. */
  readonly path: string;
  readonly parameters: readonly string[];
}

export class NfsFetcher implements ImageFetcher {
  readonly #addresses: PermittedAddresses;
  readonly #limits: NfsLimits;

  constructor({ policy, limits, resolve }: NfsFetcherOptions) {
    // The client knows no way to write an IPv6 address.
    this.#addresses = new PermittedAddresses(
      policy,
      resolve ?? ((host) => lookup(host, { all: true, family: 4 })),
    );
    this.#limits = { ...defaultNfsLimits, ...limits };
  }

  check({ url }: FetchRequest): void {
    const { host } = parseNfsUrl(url);
    if (isIP(host) !== 0) this.#addresses.require(host, host);
  }

  async fetch<Sink extends ByteSink>(
    { url }: FetchRequest,
    _trust: MediaTrust,
    begin: (sizeBytes: number | undefined) => Promise<Sink>,
    signal: AbortSignal,
  ): Promise<Sink> {
    const file = parseNfsUrl(url);
    const { totalMs } = this.#limits;
    const all = AbortSignal.any([signal, AbortSignal.timeout(totalMs)]);
    const { address } = await this.#addresses.of(file.host);
    if (!isIPv4(address)) throw new BmcError('bad-argument', `${file.host}: NFS is spoken over IPv4 alone`);
    const { sizeBytes, version } = await this.#find(file, address, all);
    const writer = await begin(sizeBytes);
    const run = new Run('nfs-cat', nfsUrl(file, address, file.path, version), this.#limits.silenceMs, all);
    try {
      for await (const chunk of run.output) await writer.write(chunk);
    } catch (error) {
      throw run.refusal(file.host) ?? error;
    } finally {
      run.kill();
    }
    await run.ended;
    const refusal = run.refusal(file.host);
    if (refusal) throw refusal;
    return writer;
  }

  /** Which version finds the file, and how long it is. */
  async #find(
    file: NfsFile,
    address: string,
    signal: AbortSignal,
  ): Promise<{ readonly sizeBytes: number; readonly version: string }> {
    const slash = file.path.lastIndexOf('/');
    const folder = file.path.slice(0, slash + 1);
    const name = file.path.slice(slash + 1);
    const said = file.parameters.find((each) => each.startsWith('version='))?.slice('version='.length);
    let refusal: BmcError | undefined;
    for (const version of said === undefined ? versions : [said]) {
      const url = nfsUrl(file, address, folder, version);
      const run = new Run('nfs-ls', url, this.#limits.answerMs, signal);
      let text = '';
      try {
        for await (const chunk of run.output) {
          text += chunk.toString('utf8');
          if (text.length > longestListing)
            throw new BmcError('bad-argument', `${file.host}: too large a folder`);
        }
        await run.ended;
      } finally {
        run.kill();
      }
      refusal = run.refusal(file.host);
      if (refusal) {
        if (signal.aborted) break;
        continue;
      }
      const sizeBytes = sizeIn(text, name);
      if (sizeBytes !== undefined) return { sizeBytes, version };
      throw new BmcError('bad-argument', `${file.host}: no file ${name} in ${folder}`);
    }
    throw refusal ?? new BmcError('bad-argument', `${file.host}: not found`);
  }
}

/** One program of libnfs-utils, with one URL. */
class Run {
  readonly output: AsyncIterable<Buffer>;
  /** Whatever became of it. */
  readonly ended: Promise<void>;
  readonly kill: () => void;
  #said = '';
  #failure: string | undefined;
  #kind: 'bad-argument' | 'timed-out' = 'bad-argument';

  constructor(program: 'nfs-ls' | 'nfs-cat', url: string, silenceMs: number, signal: AbortSignal) {
    const child = spawn(program, [url], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH },
    });
    this.output = child.stdout;
    this.kill = () => void child.kill('SIGKILL');
    const silence = setTimeout(() => {
      this.#failure = `the server has been silent for ${silenceMs / 1000} s`;
      this.#kind = 'timed-out';
      this.kill();
    }, silenceMs);
    child.stdout.on('data', () => silence.refresh());
    child.stderr.on('data', (bytes: Buffer) => {
      this.#said = (this.#said + bytes.toString('utf8')).slice(0, 2000);
    });
    const abort = () => {
      this.#failure ??= 'given up, or not here in time';
      this.kill();
    };
    signal.addEventListener('abort', abort, { once: true });
    this.ended = new Promise((resolve) => {
      const end = () => {
        clearTimeout(silence);
        signal.removeEventListener('abort', abort);
        resolve();
      };
      child.on('error', (error: NodeJS.ErrnoException) => {
        const missing =
          error.code === 'ENOENT' ? `${program} is not installed (Debian package libnfs-utils)` : '';
        this.#failure ??= missing || error.message;
        end();
      });
      child.on('close', (code, killedBy) => {
        if (code !== 0)
          this.#failure ??= this.#said.trim().split('\n')[0] || `${program}: ${code ?? killedBy}`;
        end();
      });
    });
    if (signal.aborted) abort();
  }

  /** Why it has failed; undefined when it has not, or not yet. */
  refusal(host: string): BmcError | undefined {
    if (this.#failure === undefined) return undefined;
    return new BmcError(this.#kind, `${host}: ${this.#failure.replace(/\p{Cc}/gu, ' ').slice(0, 300)}`);
  }
}

/** @throws {BmcError} `bad-argument` */
function parseNfsUrl(text: string): NfsFile {
  const refuse = (why: string): never => {
    throw new BmcError('bad-argument', `${why}; NFS images are named as in nfs://server/export/image.iso`);
  };
  if (text.length > 2048 || !URL.canParse(text)) refuse('the image is not named by a URL');
  const { hostname, port, pathname, search, username, password } = new URL(text);
  let path = '';
  try {
    path = decodeURIComponent(pathname);
  } catch {
    refuse('the path is no text in UTF-8');
  }
  if (hostname === '' || path.endsWith('/') || !path.startsWith('/'))
    refuse('a server and a path are needed');
  if (/[?\p{Cc}]/u.test(path)) refuse('the path has characters that cannot be asked for');
  if (username !== '' || password !== '') refuse('there are no user names in NFS');
  const asked = search === '' ? [] : search.slice(1).split('&');
  if (port !== '') asked.push(`nfsport=${port}`);
  const strange = asked.find((each) => !parameters.test(each));
  if (strange !== undefined) refuse(`${strange} is not understood`);
  return { host: hostname.replace(/^\[|\]$/g, ''), path, parameters: asked };
}

function nfsUrl({ parameters: given }: NfsFile, address: string, path: string, version: string): string {
  const others = given.filter((each) => !each.startsWith('version='));
  return `nfs://${address}${path}?${[`version=${version}`, ...others].join('&')}`;
}

/** Lines of nfs-ls: `-rw-r--r--  1 65534 65534      3000000 disc.iso`. */
function sizeIn(listing: string, name: string): number | undefined {
  for (const line of listing.split('\n')) {
    const [, size, found] = /^-\S+\s+\d+\s+\S+\s+\S+\s+(\d+) (.+)$/.exec(line) ?? [];
    if (found === name) return Number(size);
  }
  return undefined;
}
