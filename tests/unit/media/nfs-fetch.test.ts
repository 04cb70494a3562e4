/** Images over NFS: from a real server (Debian's nfs-ganesha), and what is refused. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AddressPolicy } from '../../../src/media/address-policy.ts';
import { FileImages } from '../../../src/media/image-store.ts';
import { NfsFetcher, type NfsFetcherOptions } from '../../../src/media/nfs-fetch.ts';
import { freeTcpPort, until } from '../../support/processes.ts';

const disc = Buffer.alloc(3 * 1024 * 1024, 'what is on the disc ');
disc.write('\x01CD001\x01', 16 * 2048, 'latin1');

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-nfs-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const noTrust = { verify: false, certificates: [] };
interface Options extends Partial<Omit<NfsFetcherOptions, 'policy'>> {
  readonly signal?: AbortSignal;
  readonly maxBytes?: number;
}

/** @returns where the image is */
async function fetched(
  url: string,
  { signal, maxBytes = 1 << 24, ...options }: Options = {},
): Promise<string> {
  const policy = new AddressPolicy({ allow: ['127.0.0.1'], deny: [] });
  const fetcher = new NfsFetcher({ policy, ...options });
  const request = { url };
  fetcher.check(request);
  const images = new FileImages({ directory: dir, maxBytes });
  const writer = await fetcher.fetch(
    request,
    noTrust,
    (sizeBytes) => images.create('cd', url, sizeBytes),
    signal ?? new AbortController().signal,
  );
  return (await writer.finish()).file;
}

const missing = ['nfs-cat', 'ganesha.nfsd'].filter((name) => spawnSync('which', [name]).status !== 0);
const skipped =
  missing.length > 0
    ? `${missing.join(' and ')} not installed`
    : process.getuid?.() !== 0
      ? 'needs root'
      : undefined;

describe.skipIf(skipped)(`a real server${skipped ? ` [skipped: ${skipped}]` : ''}`, () => {
  let served: string;
  let server: ChildProcess | undefined;
  let port: number;
  beforeAll(async () => {
    served = mkdtempSync(join(tmpdir(), 'qemu-bmc-ganesha-'));
    port = await freeTcpPort();
    mkdirSync(join(served, 'export'));
    writeFileSync(join(served, 'export/a disc.iso'), disc);
    writeFileSync(join(served, 'export/other.txt'), 'no image');
    const settings = `
NFS_CORE_PARAM { Protocols = 4; NFS_Port = ${port}; Bind_addr = 127.0.0.1; Enable_NLM = false; Enable_RQUOTA = false; }
NFSV4 { Grace_Period = 1; Lease_Lifetime = 2; RecoveryRoot = "${served}"; }
NFS_KRB5 { Active_krb5 = false; }
EXPORT { Export_Id = 1; Path = ${served}/export; Pseudo = /iso; Access_Type = RO; SecType = sys; FSAL { Name = VFS; } }
LOG { Default_Log_Level = WARN; }
`;
    writeFileSync(join(served, 'ganesha.conf'), settings);
    const files = ['-f', join(served, 'ganesha.conf'), '-L', join(served, 'log'), '-p', join(served, 'pid')];
    server = spawn('ganesha.nfsd', ['-F', ...files], { stdio: 'ignore' });
    const answers = () =>
      spawnSync('nfs-ls', [`nfs://127.0.0.1/iso/?version=4&nfsport=${port}`], { timeout: 2000 }).status === 0;
    await until('the NFS server answers', answers, 20_000, 200).catch((error) => {
      throw new Error(readFileSync(join(served, 'log'), 'utf8').slice(-2000), { cause: error });
    });
  }, 30_000);
  afterAll(() => {
    server?.kill('SIGKILL');
    rmSync(served, { recursive: true, force: true });
  });

  it('has its image fetched as it is, by an address that was looked at', async () => {
    const asked: string[] = [];
    const resolve = async (host: string) => {
      asked.push(host);
      return [{ address: '127.0.0.1', family: 4 }];
    };
    const file = await fetched(`nfs://images.example:${port}/iso/a%20disc.iso`, { resolve });
    expect(readFileSync(file).equals(disc)).toBe(true);
    expect(asked).toEqual(['images.example']);
  });

  it('tells the size beforehand, so that too large an image is refused at once', async () => {
    const url = `nfs://127.0.0.1/iso/a%20disc.iso?nfsport=${port}&version=4`;
    await expect(fetched(url, { maxBytes: 1024 * 1024 })).rejects.toMatchObject({ kind: 'no-space' });
    expect(readdirSync(dir)).toEqual([]);
  });

  it('without the file, or the export, is told of in its words', async () => {
    const at = (path: string) => fetched(`nfs://127.0.0.1:${port}${path}?version=4`);
    await expect(at('/iso/none.iso')).rejects.toThrow('no file none.iso');
    await expect(at('/nowhere/a.iso')).rejects.toThrow(/NFS4ERR_NOENT/);
    await expect(at('/iso/other.txt')).rejects.toThrow('no ISO 9660');
  });
});

const noClient = spawnSync('which', ['nfs-ls']).status !== 0;
describe.skipIf(noClient)(`a silent server${noClient ? ' [skipped: package libnfs-utils]' : ''}`, () => {
  let silent: Server;
  beforeAll(() => {
    silent = createServer((socket) => socket.on('error', () => socket.destroy()));
    return new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void silent.close());

  it('is given up in time, and when nobody wants the image any more', async () => {
    const url = `nfs://127.0.0.1:${(silent.address() as { port: number }).port}/iso/a.iso?version=4`;
    await expect(fetched(url, { limits: { answerMs: 200 } })).rejects.toMatchObject({ kind: 'timed-out' });
    const startedAt = performance.now();
    await expect(fetched(url, { signal: AbortSignal.timeout(100) })).rejects.toThrow('given up');
    await expect(fetched(url, { limits: { totalMs: 100 } })).rejects.toThrow('given up');
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});

describe('what is refused', () => {
  it.each([
    ['nfs://169.254.1.1/iso/a.iso', 'link-local'],
    ['nfs://10.1.1.1/iso/', 'a server and a path'],
    ['nfs:///iso/a.iso', 'a server and a path'],
    ['nfs://10.1.1.1/iso/a.iso?debug=9', 'debug=9 is not understood'],
    ['nfs://10.1.1.1/iso/a%3Fversion=3.iso', 'cannot be asked for'],
    ['nfs://10.1.1.1/iso/%ff.iso', 'UTF-8'],
    ['nfs://me@10.1.1.1/iso/a.iso', 'no user names'],
  ])('%s: %s', async (url, why) => {
    await expect(fetched(url)).rejects.toThrow(why);
  });

  it('a name that leads to a refused address, or to IPv6', async () => {
    const to = (address: string, family: number) => ({ resolve: async () => [{ address, family }] });
    await expect(fetched('nfs://x.example/iso/a.iso', to('127.0.0.2', 4))).rejects.toMatchObject({
      kind: 'not-permitted',
    });
    await expect(fetched('nfs://x.example/iso/a.iso', to('2001:db8::1', 6))).rejects.toThrow('IPv4 alone');
  });
});
