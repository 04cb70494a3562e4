/** Images over NFS from a real server: Debian's nfs-ganesha, without its service. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fetchByNfs, type NfsFetch } from '../support/nfs.ts';
import { freeTcpPort, until } from '../support/processes.ts';

const disc = Buffer.alloc(3 * 1024 * 1024, 'what is on the disc ');
disc.write('\x01CD001\x01', 16 * 2048, 'latin1');

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-nfs-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const fetched = (url: string, options?: NfsFetch) => fetchByNfs(dir, url, options);

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
