/**
 * Images that want something else than to be a medium, and names that want to be a path: sent over HTTPS into a folder of
 * this disk. What is refused leaves nothing there; what is taken is kept byte by byte, under a name of ours.
 */
import { lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BmcOnLan } from '../../support/bmc-on-lan.ts';
import { until } from '../../support/processes.ts';
import { ask, logIn } from '../../support/web-console.ts';

const mib = 1024 * 1024;
const media = '/redfish/v1/Systems/1/VirtualMedia';

/** Zeros, with these bytes in them. */
function image(sizeBytes: number, ...parts: readonly (readonly [at: number, bytes: Uint8Array | string])[]) {
  const made = Buffer.alloc(sizeBytes);
  for (const [at, bytes] of parts) made.set(Buffer.from(bytes as string, 'latin1'), at);
  return made;
}

/** @param fields big-endian, by their place in the header: docs/interop/qcow2.txt of QEMU */
function qcow2(fields: Readonly<Record<number, bigint>>, more: readonly [number, string][] = []): Buffer {
  const made = image(65_536, [0, 'QFI\xfb'], ...more);
  made.writeUInt32BE(3, 4);
  made.writeUInt32BE(16, 20);
  made.writeBigUInt64BE(10n * 1024n ** 3n, 24);
  made.writeUInt32BE(104, 100);
  for (const [at, value] of Object.entries(fields)) made.writeBigUInt64BE(value, Number(at));
  return made;
}

const disc = image(64 * 1024, [16 * 2048, '\x01CD001\x01']);
const text = (content: string) => image(1024, [0, content]);

/** Nothing of them is a CD, and nothing a stick. */
const neither: readonly (readonly [string, Buffer])[] = [
  ['nothing at all', Buffer.alloc(0)],
  ['a qcow2 image over another file', qcow2({ 8: 0x70n }, [[0x70, '/etc/shadow']])],
  ['a qcow2 image with its data elsewhere', qcow2({ 72: 4n }, [[104, 'DATA/etc/shadow']])],
  ['a qcow2 image with an L1 table of 32 GiB', qcow2({ 32: 0xffff_ffffn << 32n })],
  ['a qcow2 image of 1 PiB', qcow2({ 24: 1n << 50n })],
  ['a qcow2 image whose L1 table is itself', qcow2({ 40: 0n })],
  ['a VMDK descriptor of a file', text('# Disk DescriptorFile\nversion=1\nRW 2 FLAT "/etc/shadow" 0\n')],
  ['a sparse VMDK', text('KDMV')],
  ['a VHD', text('conectix')],
  ['a VHDX', text('vhdxfile')],
  ['a VDI', text('<<< Oracle VM VirtualBox Disk Image >>>\n')],
  ['gzip in gzip', image(512, [0, gzipSync(gzipSync(disc)).subarray(0, 512)])],
  ['xz', text('\xfd7zXZ\0')],
  ['zip in zip', text('PK\x03\x04')],
  ['bzip2', text('BZh91AY')],
  ['zstd', text('\x28\xb5\x2f\xfd')],
  ['half a sector', Buffer.alloc(700, 1)],
];
/** Whose bytes could be those of a stick. */
const noCd: readonly (readonly [string, Buffer])[] = [
  ['a web page', text('<!doctype html><html>not found</html>')],
  ['a tar archive with a path to the root', image(10_240, [0, '../../../etc/passwd'], [257, 'ustar\x0000'])],
  ['an ISO that ends before its descriptor', disc.subarray(0, 16 * 2048)],
  ['a descriptor that is in another place', image(64 * 1024, [15 * 2048 + 1, 'CD001'])],
];

const names = [
  ...[
    '../../../etc/passwd',
    '/etc/shadow',
    '..',
    '.',
    '',
    '..\\..\\x.iso',
    'a/b',
    '%2e%2e%2fx',
    '~/x',
    '-rf',
  ],
  ...['x,format=qcow2,file=/etc/shadow', 'json:{"driver":"nbd"}', 'nbd://127.0.0.1/', 'x.iso;id', '$(id)'],
  ...[
    'x\0y',
    'x\r\nSet-Cookie: a=b',
    'x\u202eosi',
    '\u{1f4bf}.iso',
    'x'.repeat(255),
    'x'.repeat(3000),
    '"\'',
  ],
];

describe('hostile images', () => {
  let server: BmcOnLan;
  let port: number;
  let admin: Record<string, string>;
  let folder: string;
  beforeAll(async () => {
    server = await BmcOnLan.start({ redfish: true });
    port = server.http?.address.port ?? Number.NaN;
    admin = { 'x-auth-token': (await logIn(port)).token };
    folder = server.file('media');
    mkdirSync(server.file('beside'));
  });
  afterAll(() => server?.stop());

  const upload = (slot: string, name: string) =>
    `${media}/${slot}/Actions/Oem/QemuBmcVirtualMedia.UploadMedia?filename=${encodeURIComponent(name)}`;
  const type = { 'content-type': 'application/octet-stream' };

  /** @param cut after the bytes the client goes, whatever it has announced */
  function send(path: string, bytes: Buffer, headers: Readonly<Record<string, string>> = {}, cut = false) {
    return new Promise<number>((resolve, reject) => {
      const sent = request(
        {
          ...{ host: '127.0.0.1', port, path, method: 'POST', rejectUnauthorized: false, agent: false },
          headers: { 'content-length': bytes.length, ...type, ...admin, ...headers },
        },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode ?? 0));
        },
      );
      sent.on('error', (error) => (cut ? resolve(0) : reject(error)));
      if (cut) sent.write(bytes, () => setTimeout(() => sent.destroy(), 50));
      else sent.end(bytes);
    });
  }

  const shown = async (slot: string) => (await ask(port, 'GET', `${media}/${slot}`, { headers: admin })).body;
  const eject = async (slot: string) => {
    const action = `${media}/${slot}/Actions/VirtualMedia.EjectMedia`;
    const { status } = await ask(port, 'POST', action, { headers: admin, body: {} });
    expect([200, 204]).toContain(status);
  };
  const nothingIsLeft = async (slot: string, what: string) => {
    expect(readdirSync(folder), what).toEqual([]);
    expect(await shown(slot), what).toMatchObject({ Image: null, Inserted: false });
  };

  it.each([
    ...neither.flatMap(([what, bytes]) => ['Cd', 'Usb'].map((slot) => [what, slot, bytes] as const)),
    ...noCd.map(([what, bytes]) => [what, 'Cd', bytes] as const),
  ])('%s is refused by the slot %s, and leaves nothing', async (what, slot, bytes) => {
    const status = await send(upload(slot, 'x.iso'), bytes);
    expect(status, what).toBeGreaterThanOrEqual(400);
    expect(status, what).toBeLessThan(500);
    await nothingIsLeft(slot, what);
  });

  it('what claims to be huge is refused before it comes', async () => {
    const bytes = Buffer.alloc(512);
    for (const [claim, status] of [
      [10 ** 14, 507],
      [2 ** 50, 400],
    ] as const) {
      const range = { 'content-range': `bytes 0-511/${claim}` };
      expect(await send(upload('Usb', 'x'), bytes, range)).toBe(status);
    }
    const length = { 'content-length': String(2 ** 50) };
    expect(await send(upload('Usb', 'x'), bytes, length)).toBe(507);
    await nothingIsLeft('Usb', 'huge');
  });

  it('what breaks off in its middle is no medium, and can be given up', async () => {
    const length = { 'content-length': String(mib) };
    expect(await send(upload('Usb', 'x'), Buffer.alloc(4096, 1), length, true)).toBe(0);
    expect(await shown('Usb')).toMatchObject({ Inserted: false });
    await until('it is waited for', () => readdirSync(folder).every((name) => name.endsWith('.part')));
    await eject('Usb');
    await until('it has gone', () => readdirSync(folder).length === 0);
    const form = { 'content-type': 'multipart/form-data; boundary=XX', ...length };
    const begin = Buffer.from('--XX\r\nContent-Disposition: form-data; filename="a"\r\n\r\nabc');
    expect(await send(upload('Usb', 'x'), begin, form, true)).toBe(0);
    await until('the form has gone', () => readdirSync(folder).length === 0);
    await nothingIsLeft('Usb', 'broken off');
  });

  it.each(noCd)('%s is a stick byte by byte, and nothing else', async (_, bytes) => {
    expect(await send(upload('Usb', 'x.img'), bytes)).toBe(204);
    const [file = '', ...others] = readdirSync(folder);
    expect(others).toEqual([]);
    expect(readFileSync(`${folder}/${file}`).equals(bytes)).toBe(true);
    await eject('Usb');
    await nothingIsLeft('Usb', 'ejected');
  });

  it('the names that clients give are labels, and never part of a path', async () => {
    for (const name of names) {
      const what = JSON.stringify(name).slice(0, 80);
      const status = await send(upload('Cd', name), disc);
      if (status !== 204) {
        expect(status, what).toBe(400);
        await nothingIsLeft('Cd', what);
        continue;
      }
      const files = readdirSync(folder);
      expect(files, what).toEqual([expect.stringMatching(/^cd-[0-9a-f]{24}$/)]);
      expect(lstatSync(`${folder}/${files[0]}`).isFile()).toBe(true);
      // No path, as a browser would not show it either.
      expect((await shown('Cd')).ImageName, what).not.toMatch(/[/\\\0\r\n]/);
      await eject('Cd');
      await nothingIsLeft('Cd', what);
    }
    expect(readdirSync(server.file('beside'))).toEqual([]);
  });
});
