/** Virtual media as clients use them: what they send, what they read, and what the machine gets. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BmcError } from '../../../src/bmc/errors.ts';
import { type BenchReply, RedfishBench } from '../../support/redfish-bench.ts';

const cd = '/redfish/v1/Systems/1/VirtualMedia/Cd';
const usb = '/redfish/v1/Systems/1/VirtualMedia/Usb';
const insertMedia = `${cd}/Actions/VirtualMedia.InsertMedia`;
const ejectMedia = `${cd}/Actions/VirtualMedia.EjectMedia`;
const uploadMedia = `${cd}/Actions/Oem/QemuBmcVirtualMedia.UploadMedia`;
const url = 'http://images.example/path/boot.iso';

let bench: RedfishBench;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
  bench.bmc.power.request('on', { name: 'bench', face: 'bmc' });
  await bench.clock.advance(10_000);
});
afterEach(() => bench.stop());

async function body(uri = cd) {
  return (await bench.ask('GET', uri)).body;
}

/** An image from a server that says nothing yet. */
async function askSilentServer(): Promise<BenchReply> {
  bench.fetcher.content = undefined;
  const asked = bench.ask('POST', insertMedia, { body: { Image: url } });
  await vi.waitFor(() => expect(bench.fetcher.asked).toHaveLength(1));
  await bench.clock.advance(2500);
  return asked;
}

describe('a free slot', () => {
  it('reads as one by all the marks that clients look for', async () => {
    const free = await body();
    expect(free).toMatchObject({
      Id: 'Cd',
      MediaTypes: ['CD', 'DVD'],
      Image: null,
      Inserted: false,
      ConnectedVia: 'NotConnected',
      WriteProtected: true,
      UserName: null,
      Password: null,
      Status: { State: 'Enabled', Health: 'OK' },
    });
    expect(free).not.toHaveProperty('ImageName');
    expect((await body(usb)).MediaTypes).toEqual(['USBStick']);
  });

  it('is found by way of the system and of the manager, which name one collection', async () => {
    for (const owner of ['Systems', 'Managers']) {
      const { VirtualMedia } = await body(`/redfish/v1/${owner}/1`);
      expect(VirtualMedia).toEqual({ '@odata.id': '/redfish/v1/Systems/1/VirtualMedia' });
    }
    const other = await body('/redfish/v1/Managers/1/VirtualMedia');
    expect(other.Members).toHaveLength(2);
    const target = '/redfish/v1/Managers/1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia';
    expect((await bench.ask('POST', target, { body: { Image: url } })).status).toBe(204);
    expect((await body()).Inserted).toBe(true);
    expect((await body('/redfish/v1/Managers/1/VirtualMedia/Cd')).Image).toBe(url);
  });

  it('has an ETag that changes with what is in it and with nothing else', async () => {
    const tag = async () => (await bench.ask('GET', cd)).headers.etag;
    const free = await tag();
    await bench.clock.advance(60_000);
    expect(await tag()).toBe(free);
    await bench.ask('POST', insertMedia, { body: { Image: url } });
    const taken = await tag();
    expect(taken).not.toBe(free);
    await bench.ask('POST', ejectMedia);
    expect(await tag()).toBe(free);
  });
});

describe('InsertMedia', () => {
  it.each([
    { Image: url },
    { Image: url, Inserted: true, WriteProtected: true },
    { Image: url, Inserted: true, WriteProtected: true, TransferMethod: 'Stream' },
    { Image: url, TransferMethod: 'Upload', TransferProtocolType: 'HTTP', UserName: null, Password: null },
  ])('takes %j, and the machine has the image', async (wish) => {
    const reply = await bench.ask('POST', insertMedia, { body: wish });
    expect([reply.status, reply.text]).toEqual([204, '']);
    expect(await body()).toMatchObject({
      Image: url,
      ImageName: 'boot.iso',
      Inserted: true,
      ConnectedVia: 'URI',
      WriteProtected: true,
      TransferMethod: 'Upload',
      TransferProtocolType: 'HTTP',
    });
    const [file] = bench.images.files.keys();
    expect(bench.machine.media.get('cd')).toEqual({ slot: 'cd', file, readOnly: true });
  });

  it('has an image read where it is, if its server can do that and the client does not want a copy', async () => {
    bench.remote.streams = true;
    expect((await bench.ask('POST', insertMedia, { body: { Image: url } })).status).toBe(204);
    expect(await body()).toMatchObject({
      TransferMethod: 'Stream',
      ConnectedVia: 'URI',
      Status: { Health: 'OK' },
    });
    expect(bench.fetcher.asked).toEqual([]);
    const [file = ''] = bench.remote.ready.keys();
    bench.remote.setTrouble('cd', file, 'the server is silent');
    expect(await body()).toMatchObject({ Inserted: true, Status: { Health: 'Warning' } });
    await bench.ask('POST', ejectMedia);
    await bench.ask('POST', insertMedia, { body: { Image: url, TransferMethod: 'Upload' } });
    expect(await body()).toMatchObject({ TransferMethod: 'Upload' });
    expect(bench.fetcher.asked).toHaveLength(1);
  });

  it('never has a reset wait for the server of an image', async () => {
    bench.remote.streams = true;
    await bench.ask('POST', insertMedia, { body: { Image: url } });
    await bench.machine.powerOn();
    const [file = ''] = bench.remote.ready.keys();
    let readable: boolean | undefined;
    const reset = bench.machine.reset.bind(bench.machine);
    bench.machine.reset = () => {
      readable = bench.remote.ready.get(file);
      return reset();
    };
    bench.bmc.power.request('reset', { name: 'tester', face: 'bmc' });
    await vi.waitFor(() => expect(readable).toBe(false));
    await vi.waitFor(() => expect(bench.remote.ready.get(file)).toBe(true));
  });

  it('takes an image of the library, by what the list says', async () => {
    const { Actions } = await body();
    const list = await bench.ask('GET', Actions.Oem['#QemuBmcVirtualMedia.ListLibrary'].target);
    expect(list.body.Images).toEqual([
      {
        Name: 'a disc.iso',
        Image: 'file:///a%20disc.iso',
        SizeBytes: 4096,
        MediaTypes: ['CD', 'DVD', 'USBStick'],
        Modified: '1970-01-02T00:00:00.000Z',
      },
    ]);
    bench.images.files.set('/library/a disc.iso', Buffer.alloc(1));
    expect(
      (await bench.ask('POST', insertMedia, { body: { Image: list.body.Images[0].Image } })).status,
    ).toBe(204);
    expect(await body()).toMatchObject({
      ...{ Image: 'file:///a%20disc.iso', ImageName: 'a disc.iso', ConnectedVia: 'Oem' },
      ...{ TransferMethod: 'Stream', TransferProtocolType: 'OEM', WriteProtected: true },
    });
    const none = await bench.ask('POST', insertMedia.replace('Cd', 'Usb'), {
      body: { Image: 'file:../x.iso' },
    });
    expect(none.status).toBe(400);
    expect(none.text).toContain('image x.iso in the library');
  });

  it('refuses credentials for an image of the library, which would be for nobody', async () => {
    for (const credentials of [{ UserName: 'me' }, { Password: 'hidden-word' }]) {
      const reply = await bench.ask('POST', insertMedia, {
        body: { Image: 'file:///a%20disc.iso', ...credentials },
      });
      expect(reply.status).toBe(400);
      expect(reply.body.error['@Message.ExtendedInfo'][0].Message).toBe(
        'Images of the library are had without a user name and a password.',
      );
      expect(reply.text).not.toContain('hidden-word');
    }
    expect(await body()).toMatchObject({ Image: null, Inserted: false });
  });

  it('takes an NFS path as mount writes it, when the protocol is said', async () => {
    bench.fetcher.fails = new BmcError('bad-argument', 'not reached');
    const wish = { Image: 'files.example:/iso/a disc.iso', TransferProtocolType: 'NFS' };
    bench.fetcher.check = () => undefined;
    await bench.ask('POST', insertMedia, { body: wish });
    expect(bench.fetcher.asked[0]?.request.url).toBe('nfs://files.example/iso/a%20disc.iso');
  });

  it.each([
    { UserName: 'me' },
    { Password: 'hidden-word' },
    { TransferProtocolType: 'NFS' },
    { WriteProtected: false },
  ])('refuses what only says how an image is fetched, without an image: %o', async (change) => {
    const reply = await bench.ask('PATCH', cd, { body: change });
    expect(reply.status).toBe(400);
    expect(reply.text).toContain('PropertyValueConflict');
  });

  it('hands credentials to the server and to nobody else', async () => {
    const secret = { UserName: 'me', Password: 'hidden-word' };
    await bench.ask('POST', insertMedia, { body: { Image: 'http://u:p@images.example/a.iso', ...secret } });
    expect(bench.fetcher.asked[0]?.request).toMatchObject({ userName: 'me', password: 'hidden-word' });
    const shown = await body();
    expect(shown).toMatchObject({ Image: 'http://images.example/a.iso', UserName: null, Password: null });
    const said = JSON.stringify(bench.bmc.events.list());
    expect(said).toContain('http://images.example/a.iso');
    expect(said).not.toContain('hidden-word');
  });

  it('refuses what cannot be done, and the slot stays free', async () => {
    for (const wish of [
      {},
      { Image: 7 },
      { Image: 'nfs://server/image.iso' },
      { Image: 'not a url' },
      { Image: url, WriteProtected: false },
      { Image: url, TransferProtocolType: 'HTTPS' },
      { Image: url, TransferProtocolType: 'NFS' },
      { Image: url, Colour: 'red' },
    ]) {
      const reply = await bench.ask('POST', insertMedia, { body: wish });
      expect(reply.status, JSON.stringify(wish)).toBe(400);
      expect(reply.body.error['@Message.ExtendedInfo'].length).toBeGreaterThan(0);
    }
    expect(await body()).toMatchObject({ Image: null, Inserted: false });
    expect(bench.fetcher.asked).toEqual([]);
  });

  it('says why the image did not come, and the slot is free again', async () => {
    bench.fetcher.fails = new BmcError('bad-argument', 'images.example: the server answers 404');
    const reply = await bench.ask('POST', insertMedia, { body: { Image: url } });
    expect(reply.status).toBe(400);
    // A name is no beginning of a sentence: it stays as it is spelled.
    const [said] = reply.body.error['@Message.ExtendedInfo'];
    expect(said.Message).toBe('images.example: the server answers 404.');
    expect(await body()).toMatchObject({ Image: null, Inserted: false });
    expect(bench.bmc.events.list().at(-1)).toMatchObject({ kind: 'media-failed' });
  });

  it('does nothing for what is there already, and refuses another image until the slot is free', async () => {
    await bench.ask('POST', insertMedia, { body: { Image: url } });
    expect((await bench.ask('POST', insertMedia, { body: { Image: url } })).status).toBe(204);
    expect(bench.fetcher.asked).toHaveLength(1);
    const other = await bench.ask('POST', insertMedia, { body: { Image: `${url}?2` } });
    expect(other.status).toBe(409);
    expect(other.text).toContain('eject it first');
    expect((await body()).Image).toBe(url);
  });

  it('is refused to those who may only read', async () => {
    const reply = await bench.ask('POST', insertMedia, { body: { Image: url }, as: 'reader' });
    expect(reply.status).toBe(403);
    expect((await bench.ask('POST', insertMedia, { body: { Image: url }, as: 'operator' })).status).toBe(204);
  });

  it('becomes a task when the server is slow; the slot tells that it waits', async () => {
    const reply = await askSilentServer();
    expect(reply.status).toBe(202);
    const { location = '' } = reply.headers;
    expect(await body()).toMatchObject({ Image: url, Inserted: false, Status: { State: 'Updating' } });
    expect((await bench.ask('GET', location)).status).toBe(202);
    // Power is not kept waiting by it.
    expect(bench.bmc.power.state).toBe('on');
    bench.fetcher.deliver(Buffer.alloc(2048, 2));
    await vi.waitFor(async () => expect((await bench.ask('GET', location)).status).toBe(204));
    expect(await body()).toMatchObject({ Image: url, Inserted: true, Status: { State: 'Enabled' } });
    expect(bench.machine.media.has('cd')).toBe(true);
  });

  it('is given up by EjectMedia, which cancels its task', async () => {
    const { body: started } = await askSilentServer();
    expect((await bench.ask('POST', ejectMedia)).status).toBe(204);
    const task = async () => (await bench.ask('GET', started['@odata.id'])).body;
    await vi.waitFor(async () => expect((await task()).TaskState).not.toBe('Running'));
    expect(await task()).toMatchObject({ TaskState: 'Cancelled', TaskStatus: 'Warning' });
    expect((await task()).Messages.at(-1).MessageId).toBe('TaskEvent.1.0.TaskCancelled');
    expect(await body()).toMatchObject({ Image: null, Inserted: false, Status: { State: 'Enabled' } });
    expect(bench.images.files.size).toBe(0);
  });

  it('of a machine that does not take it says so, and keeps nothing', async () => {
    bench.machine.faults.mediumFails = 'the drive is stuck';
    const reply = await bench.ask('POST', insertMedia, { body: { Image: url } });
    expect([reply.status, reply.text.includes('stuck')]).toEqual([409, true]);
    expect(await body()).toMatchObject({ Image: null, Inserted: false });
    expect(bench.images.files.size).toBe(0);
  });
});

describe('EjectMedia', () => {
  it.each([
    ['no body', {}],
    ['Content-Length 0', { headers: { 'content-length': '0' } }],
    ['an empty object', { body: {} }],
    ['an empty body said to be JSON', { headers: { 'content-type': 'application/json' } }],
  ])('is taken with %s', async (_, request) => {
    await bench.ask('POST', insertMedia, { body: { Image: url } });
    expect((await bench.ask('POST', ejectMedia, request)).status).toBe(204);
    const free = await body();
    expect(free).toMatchObject({ Image: null, Inserted: false, ConnectedVia: 'NotConnected' });
    expect(free).not.toHaveProperty('ImageName');
    expect(bench.machine.media.size).toBe(0);
    expect(bench.images.files.size).toBe(0);
    // Twice is as good as once.
    expect((await bench.ask('POST', ejectMedia, request)).status).toBe(204);
  });

  it('is what a guest does that opens the drive', async () => {
    await bench.ask('POST', insertMedia, { body: { Image: url } });
    bench.machine.guestEjects('cd');
    await bench.clock.advance(10);
    expect(await body()).toMatchObject({ Image: null, Inserted: false });
    expect(bench.bmc.events.list().at(-1)).toMatchObject({
      kind: 'media-ejected',
      text: 'boot.iso ejected from the virtual CD drive by the guest',
    });
  });
});

describe('PATCH, as older clients use it', () => {
  it('inserts and ejects', async () => {
    const put = await bench.ask('PATCH', cd, { body: { Image: url, Inserted: true, WriteProtected: true } });
    expect([put.status, put.body.Image, put.body.Inserted]).toEqual([200, url, true]);
    const out = await bench.ask('PATCH', cd, { body: { Image: null, Inserted: false } });
    expect([out.status, out.body.Image, out.body.Inserted]).toEqual([200, null, false]);
  });

  it('takes an image out of the drive and puts it in again', async () => {
    await bench.ask('POST', insertMedia, { body: { Image: url, Inserted: false } });
    expect(bench.machine.media.size).toBe(0);
    expect(await body()).toMatchObject({ Image: url, Inserted: false });
    await bench.ask('PATCH', cd, { body: { Inserted: true } });
    expect(bench.machine.media.has('cd')).toBe(true);
    await bench.ask('PATCH', cd, { body: { Inserted: false } });
    expect(bench.machine.media.size).toBe(0);
    expect((await body()).Image).toBe(url);
    await bench.ask('POST', ejectMedia);
    expect((await bench.ask('PATCH', cd, { body: { Inserted: true } })).status).toBe(409);
  });
});

describe('the USB stick', () => {
  it('may be written to if that is wished', async () => {
    const target = `${usb}/Actions/VirtualMedia.InsertMedia`;
    await bench.ask('POST', target, { body: { Image: url, WriteProtected: false } });
    expect((await body(usb)).WriteProtected).toBe(false);
    expect(bench.machine.media.get('usb')).toMatchObject({ readOnly: false });
  });
});

describe('trust in servers over TLS', () => {
  it('is asked for by VerifyCertificate and given by certificates, which can be taken back', async () => {
    const own = await bench.ask('GET', '/redfish/v1/Managers/1/NetworkProtocol/HTTPS/Certificates/1');
    const pem = own.body.CertificateString;
    const list = `${cd}/Certificates`;
    const added = await bench.ask('POST', list, { body: { CertificateString: pem, CertificateType: 'PEM' } });
    expect([added.status, added.headers.location]).toEqual([201, `${list}/1`]);
    expect((await body(`${list}/1`)).CertificateString).toBe(pem);
    await bench.ask('PATCH', cd, { body: { VerifyCertificate: true } });
    await bench.ask('POST', insertMedia, { body: { Image: 'https://images.example/a.iso' } });
    expect(bench.fetcher.asked[0]?.trust).toEqual({ verify: true, certificates: [pem] });
    expect((await bench.ask('DELETE', `${list}/1`)).status).toBe(204);
    expect((await body(list)).Members).toEqual([]);
    const bad = await bench.ask('POST', list, { body: { CertificateString: 'x', CertificateType: 'PEM' } });
    expect(bad.status).toBe(400);
  });
});

describe('an upload', () => {
  async function* pieces(...parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
    yield* parts;
  }
  const image = Buffer.alloc(6144, 3);
  const send = (from: number, to: number, extra: Record<string, string> = {}) =>
    bench.ask('POST', `${uploadMedia}?filename=own.iso`, {
      stream: pieces(image.subarray(from, to)),
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(to - from),
        ...extra,
      },
    });

  it('of another type than an image is refused with the types that are taken', async () => {
    const reply = await send(0, image.length, { 'content-type': 'text/plain' });
    expect(reply.status).toBe(415);
    const [said] = reply.body.error['@Message.ExtendedInfo'];
    expect(said.Message).toMatch(/^The Content-Type must be application\/octet-stream or \S/);
    expect(said.Message).not.toMatch(/ or (?:or |\.|$)/);
  });

  it('that is packed is refused, and not kept as it is', async () => {
    const reply = await send(0, image.length, { 'content-encoding': 'gzip' });
    expect([reply.status, reply.headers['accept-encoding']]).toEqual([415, 'identity']);
    expect(bench.images.files.size).toBe(0);
    expect((await send(0, image.length, { 'content-encoding': 'Identity' })).status).toBe(204);
  });

  it('in one piece is in the drive afterwards', async () => {
    expect((await send(0, 6144)).status).toBe(204);
    expect(await body()).toMatchObject({
      Image: 'own.iso',
      ImageName: 'own.iso',
      Inserted: true,
      ConnectedVia: 'Oem',
    });
    const { file = '' } = bench.machine.media.get('cd') ?? {};
    expect(bench.images.files.get(file)?.equals(image)).toBe(true);
    expect((await body(uploadMedia)).ReceivedBytes).toBe(0);
    expect((await bench.ask('POST', ejectMedia)).status).toBe(204);
    expect((await send(0, 6144)).status, 'the next one begins anew').toBe(204);
  });

  it('comes in parts, each of which is told what is wanted next', async () => {
    const range = (from: number, to: number) => ({ 'content-range': `bytes ${from}-${to - 1}/6144` });
    const first = await send(0, 2048, range(0, 2048));
    expect([first.status, first.headers.range, first.body.ReceivedBytes]).toEqual([
      202,
      'bytes=0-2047',
      2048,
    ]);
    expect(await body()).toMatchObject({ ImageName: 'own.iso', Inserted: false });
    const skipped = await send(4096, 6144, range(4096, 6144));
    expect([skipped.status, skipped.headers.range]).toEqual([416, 'bytes=0-2047']);
    expect((await body(uploadMedia)).ReceivedBytes).toBe(2048);
    expect((await send(2048, 6144, range(2048, 6144))).status).toBe(204);
    const { file = '' } = bench.machine.media.get('cd') ?? {};
    expect(bench.images.files.get(file)?.equals(image)).toBe(true);
  });

  it('that broke off is waited for, but not for ever', async () => {
    const range = { 'content-range': 'bytes 0-2047/6144' };
    await send(0, 2048, range);
    await bench.clock.advance(15 * 60_000 - 1);
    expect((await body(uploadMedia)).ReceivedBytes).toBe(2048);
    await bench.clock.advance(1);
    expect((await body(uploadMedia)).ReceivedBytes).toBe(0);
    expect(await body()).toMatchObject({ Image: null, Status: { State: 'Enabled' } });
    expect(bench.images.discarded).toBe(1);
  });

  it('by a form is taken out of it', async () => {
    const form = Buffer.concat([
      Buffer.from(
        '--XX\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n' +
          '--XX\r\nContent-Disposition: form-data; name="f"; filename="C:\\\\fakepath\\\\own.iso"\r\n' +
          'Content-Type: application/octet-stream\r\n\r\n',
      ),
      image,
      Buffer.from('\r\n--XX--\r\n'),
    ]);
    // Cut everywhere, the delimiters too.
    const cuts = Array.from({ length: Math.ceil(form.length / 7) }, (_, i) =>
      form.subarray(i * 7, i * 7 + 7),
    );
    const reply = await bench.ask('POST', uploadMedia, {
      stream: pieces(...cuts),
      headers: { 'content-type': 'multipart/form-data; boundary=XX' },
    });
    expect(reply.status).toBe(204);
    const { file = '' } = bench.machine.media.get('cd') ?? {};
    expect(bench.images.files.get(file)?.equals(image)).toBe(true);
    expect((await body()).ImageName).toBe('own.iso');
  });

  it('by a form that is none, or ends early, is refused and leaves nothing', async () => {
    for (const text of [
      'nothing',
      '--XX\r\nContent-Disposition: form-data; filename="a"\r\n\r\nab',
      '--XX--\r\n',
    ]) {
      const reply = await bench.ask('POST', uploadMedia, {
        stream: pieces(Buffer.from(text)),
        headers: { 'content-type': 'multipart/form-data; boundary=XX' },
      });
      expect(reply.status, text).toBe(400);
    }
    expect(await body()).toMatchObject({ Image: null });
    expect(bench.images.files.size).toBe(0);
  });

  it('without a length, or with a range that is none, is refused', async () => {
    const type = { 'content-type': 'application/octet-stream' };
    const lengthless = await bench.ask('POST', uploadMedia, { stream: pieces(image), headers: type });
    expect(lengthless.status).toBe(411);
    for (const range of ['bytes */6144', 'bytes 0-99/6144', 'bytes 0-6143/6143', 'x']) {
      expect((await send(0, 6144, { 'content-range': range })).status, range).toBe(400);
    }
    expect(await body()).toMatchObject({ Image: null });
  });
});
