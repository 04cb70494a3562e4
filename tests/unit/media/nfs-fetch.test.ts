/** Images over NFS: of a silent server, and what is refused. From a real server: peers/nfs-media. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fetchByNfs, type NfsFetch } from '../../support/nfs.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-nfs-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const fetched = (url: string, options?: NfsFetch) => fetchByNfs(dir, url, options);

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
