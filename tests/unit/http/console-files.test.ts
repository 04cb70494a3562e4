import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsoleFiles, contentSecurityPolicy } from '../../../src/http/console-files.ts';
import type { HttpReply } from '../../../src/http/exchange.ts';

const errorReply = (status: number): HttpReply => ({ status, headers: {}, body: `E${status}` });
const browser = { host: 'bmc.example', accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

describe('the files of the browser console', () => {
  let directory: string;
  let files: ConsoleFiles;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'qemu-bmc-web-'));
    mkdirSync(join(directory, 'assets'));
    mkdirSync(join(directory, '.vite'));
    writeFileSync(join(directory, 'index.html'), '<!doctype html>');
    writeFileSync(join(directory, 'favicon.svg'), '<svg/>');
    writeFileSync(join(directory, '.vite/manifest.json'), '{}');
    writeFileSync(join(directory, 'assets/main-D41Net_I.js'), 'plain');
    writeFileSync(join(directory, 'assets/main-D41Net_I.js.br'), 'brotli');
    writeFileSync(join(directory, 'assets/main-D41Net_I.js.gz'), 'gzip');
    files = new ConsoleFiles({ directory, errorReply });
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const ask = async (url: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') => {
    const { gone, ...rest } = {
      gone: new AbortController().signal,
      body: new Uint8Array(),
      from: '',
      address: '',
    };
    const reply = await files.handle({ method, url, headers: { ...browser, ...headers }, gone, ...rest });
    const { body } = reply;
    return {
      ...reply,
      text: typeof body === 'string' ? body : Buffer.from((body as Uint8Array) ?? []).toString(),
    };
  };

  it('are sent in the best form that the browser takes, and each form has a tag of its own', async () => {
    const path = '/assets/main-D41Net_I.js';
    expect(await ask(path)).toMatchObject({ status: 200, text: 'plain' });
    const best = await ask(path, { 'accept-encoding': 'gzip, deflate, br, zstd' });
    expect(best).toMatchObject({
      text: 'brotli',
      headers: { 'content-encoding': 'br', vary: 'accept-encoding' },
    });
    const second = await ask(path, { 'accept-encoding': 'gzip, br;q=0' });
    expect(second).toMatchObject({ text: 'gzip', headers: { 'content-encoding': 'gzip' } });
    expect(second.headers.etag).not.toBe(best.headers.etag);
    const known = await ask(path, {
      'accept-encoding': 'br',
      'if-none-match': `"other", ${best.headers.etag}`,
    });
    expect(known).toMatchObject({ status: 304, text: '' });
  });

  it('are kept for ever where the name changes with the content, and asked for anew elsewhere', async () => {
    expect((await ask('/assets/main-D41Net_I.js')).headers['cache-control']).toBe(
      'public, max-age=31536000, immutable',
    );
    expect((await ask('/')).headers['cache-control']).toBe('no-cache');
    expect((await ask('/favicon.svg')).headers).toMatchObject({
      'cache-control': 'no-cache',
      'content-type': 'image/svg+xml',
    });
  });

  it('answer every place of the page with the page, and nothing else with it', async () => {
    for (const path of ['/', '/login', '/machine/console?view=screen']) {
      expect(await ask(path), path).toMatchObject({ status: 200, text: '<!doctype html>' });
    }
    for (const path of [
      '/assets/gone-12345678.js',
      '/.vite/manifest.json',
      '/x.html',
      '/../etc/passwd.txt',
    ]) {
      expect(await ask(path), path).toMatchObject({ status: 404, text: 'E404' });
    }
    expect(await ask('/machine', { accept: 'application/json' })).toMatchObject({ status: 404 });
    expect(await ask('/', { accept: '*/*' })).toMatchObject({ status: 200 });
    expect(await ask('/', {}, 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    expect(await ask('/', { host: 'a b' })).toMatchObject({ status: 400 });
  });

  it('run nothing that does not come from here', async () => {
    const { headers } = await ask('/');
    expect(headers['content-security-policy']).toBe(contentSecurityPolicy);
    const rules = new Map(
      contentSecurityPolicy.split('; ').map((rule) => [rule.split(' ')[0], rule.split(' ').slice(1)]),
    );
    expect(rules.get('default-src')).toEqual(["'none'"]);
    for (const name of ['script-src', 'style-src', 'connect-src', 'font-src'])
      expect(rules.get(name), name).toEqual(["'self'"]);
    expect(rules.get('frame-ancestors')).toEqual(["'none'"]);
    expect(rules.get('base-uri')).toEqual(["'none'"]);
    expect(contentSecurityPolicy).not.toMatch(/unsafe|\*|https?:/);
  });

  it('are all kept from the first request on, whatever becomes of the build', async () => {
    const path = '/assets/main-D41Net_I.js';
    expect((await ask('/')).status).toBe(200);
    rmSync(join(directory, path));
    writeFileSync(join(directory, 'index.html'), 'of another build');
    expect(await ask(path)).toMatchObject({ status: 200, text: 'plain' });
    expect(await ask('/')).toMatchObject({ text: '<!doctype html>' });
  });

  it('are looked for again while there is no page, or one cannot be read', async () => {
    rmSync(join(directory, 'index.html'));
    expect((await ask('/')).status).toBe(404);
    mkdirSync(join(directory, 'assets/main-D41Net_I.css.br'));
    writeFileSync(join(directory, 'assets/main-D41Net_I.css'), 'style');
    await expect(ask('/')).rejects.toThrow('EISDIR');
    rmSync(join(directory, 'assets/main-D41Net_I.css.br'), { recursive: true });
    writeFileSync(join(directory, 'index.html'), '<!doctype html>');
    expect(await Promise.all([ask('/'), ask('/')])).toMatchObject([{ status: 200 }, { status: 200 }]);
  });

  it('say in one line that they have not been built', async () => {
    files = new ConsoleFiles({ directory: join(directory, 'nothing'), errorReply });
    const reply = await ask('/');
    expect(reply).toMatchObject({ status: 404, headers: { 'content-type': 'text/plain; charset=utf-8' } });
    expect(reply.text).toMatch(/^The web console has not been built: [^\n]*\n$/);
    expect(await ask('/assets/x.js')).toMatchObject({ status: 404, text: 'E404' });
  });
});
