/** The update service: images in, tasks, and what becomes of the machine's firmware and the BMC's configuration. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BenchReply, type BenchRequest, RedfishBench } from '../../support/redfish-bench.ts';

const root = '/redfish/v1';
const service = `${root}/UpdateService`;
const inventory = `${service}/FirmwareInventory`;
const upload = `${service}/upload`;
const simpleUpdate = `${service}/Actions/UpdateService.SimpleUpdate`;

let bench: RedfishBench;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
});
afterEach(() => bench.stop());

async function powerOn(): Promise<void> {
  bench.bmc.power.request('on', { name: 'bench', face: 'bmc' });
  await bench.clock.advance(1000);
}

async function* stream(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

function form(parts: readonly { name: string; fileName?: string; content: string }[]): BenchRequest {
  const text = parts
    .map(({ name, fileName, content }) => {
      const file = fileName === undefined ? '' : `; filename="${fileName}"`;
      return `--xyz\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${content}\r\n`;
    })
    .join('');
  return {
    headers: { 'content-type': 'multipart/form-data; boundary=xyz' },
    stream: stream(Buffer.from(`${text}--xyz--\r\n`)),
  };
}

function image(content: string, parameters: object = {}): BenchRequest {
  return form([
    { name: 'UpdateParameters', content: JSON.stringify(parameters) },
    { name: 'UpdateFile', fileName: 'image.fd', content },
  ]);
}

/** Waits for the task that an update has become. */
async function finished(reply: BenchReply): Promise<BenchReply> {
  expect(reply.status, reply.text).toBe(202);
  const task = String(reply.body['@odata.id']);
  for (let tries = 0; tries < 100; tries++) {
    const shown = await bench.ask('GET', task);
    if (shown.body.TaskState !== 'Running') return shown;
    await bench.clock.advance(10);
  }
  throw new Error('the task does not end');
}

const send = async (content: string, parameters: object = {}, as = 'admin') =>
  finished(await bench.ask('POST', upload, { ...image(content, parameters), as }));
const read = async (uri: string) => (await bench.ask('GET', uri)).body;
const messageIds = ({ body }: BenchReply) =>
  body.Messages.map((said: { MessageId: string }) => said.MessageId);

describe('the update service', () => {
  it('tells where images go, how large they may be and when they take effect', async () => {
    const body = await read(service);
    expect(body).toMatchObject({
      MultipartHttpPushUri: upload,
      MaxImageSizeBytes: 16 * 1024 * 1024,
      'MultipartHttpPushUri@Redfish.OperationApplyTimeSupport': { SupportedValues: ['Immediate', 'OnReset'] },
    });
    expect(body.Actions['#UpdateService.SimpleUpdate']).toMatchObject({
      'TransferProtocol@Redfish.AllowableValues': ['HTTP', 'HTTPS'],
      '@Redfish.OperationApplyTimeSupport': { SupportedValues: ['Immediate', 'OnReset'] },
    });
    expect((await bench.ask('GET', upload)).status).toBe(405);
  });

  it('lists the BMC’s own software and the firmware that the machine can start with', async () => {
    const { Members } = await read(inventory);
    expect(Members.map((member: { '@odata.id': string }) => member['@odata.id'].split('/').at(-1))).toEqual([
      'BMC',
      'Bios',
      'Uefi',
      'UefiSecureBoot',
    ]);
    expect(await read(`${inventory}/BMC`)).toMatchObject({ Version: '0.1.0', Updateable: false });
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Version: 'bios-in-memory-1', Updateable: true });
  });
});

describe('firmware', () => {
  it('that is sent is what the machine starts with next, and what it says of itself', async () => {
    await powerOn();
    const done = await send('FIRMWARE bios 2.0');
    expect(done.body).toMatchObject({ TaskState: 'Completed', PercentComplete: 100 });
    expect(messageIds(done)).toContain('Update.1.3.UpdateSuccessful');
    expect(await read(`${inventory}/Bios`)).toMatchObject({
      Version: '2.0',
      Active: false,
      SizeBytes: 17,
      Status: { State: 'Updating' },
    });
    expect(await read(`${root}/Systems/1`)).toMatchObject({ BiosVersion: 'bios-in-memory-1' });
    bench.bmc.power.request('reset', { name: 'bench', face: 'bmc' });
    await bench.clock.advance(1000);
    expect(bench.machine.setups.at(-1)?.firmware?.bios).toMatch(/^\/memory\/bios-/);
    expect(await read(`${root}/Systems/1`)).toMatchObject({ BiosVersion: '2.0' });
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Active: true, Status: { State: 'Enabled' } });
    expect(bench.bmc.events.list().filter(({ kind }) => kind === 'firmware')).toHaveLength(1);
  });

  it('that is to be applied at once restarts the machine that uses it, and no other', async () => {
    await powerOn();
    await send('FIRMWARE uefi 2.0', { '@Redfish.OperationApplyTime': 'Immediate' });
    await bench.clock.advance(1000);
    expect(bench.machine.boots).toHaveLength(1);
    const done = await send('FIRMWARE bios 3.0', { '@Redfish.OperationApplyTime': 'Immediate' });
    await bench.clock.advance(1000);
    expect(messageIds(done)).toContain('Update.1.3.ApplyingOnComponent');
    expect(bench.machine.boots).toHaveLength(2);
    expect(await read(`${root}/Systems/1`)).toMatchObject({ BiosVersion: '3.0' });
  });

  it('can be taken back, and put in again', async () => {
    await send('FIRMWARE bios 2.0');
    const activate = `${inventory}/BiosStandby/Actions/SoftwareInventory.Activate`;
    expect(await read(`${inventory}/BiosStandby`)).toMatchObject({
      Version: 'bios-in-memory-1',
      Staged: true,
    });
    expect((await bench.ask('POST', activate, { as: 'reader' })).status).toBe(403);
    expect((await bench.ask('POST', activate, { as: 'operator' })).status).toBe(204);
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Version: 'bios-in-memory-1' });
    await powerOn();
    expect(bench.machine.setups.at(-1)?.firmware).toEqual({});
    expect((await bench.ask('POST', activate)).status).toBe(204);
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Version: '2.0' });
  });

  it('that is staged waits to be activated', async () => {
    const done = await send('FIRMWARE bios 2.0', { Stage: true });
    expect(messageIds(done)).toContain('Update.1.3.AwaitToActivate');
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Version: 'bios-in-memory-1' });
    expect(await read(`${inventory}/BiosStandby`)).toMatchObject({ Version: '2.0' });
    expect((await send('FIRMWARE bios 2.1', { Stage: true })).body.TaskState).toBe('Completed');
    await bench.ask('POST', `${inventory}/BiosStandby/Actions/SoftwareInventory.Activate`);
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Version: '2.1' });
    expect((await send('FIRMWARE bios 2.2', { Stage: true })).body.TaskState).toBe('Exception');
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Version: '2.1' });
  });

  it('goes where its target says, if it fits there', async () => {
    await send('FIRMWARE uefi 2.0', { Targets: [`${inventory}/UefiSecureBoot`] });
    expect(await read(`${inventory}/UefiSecureBoot`)).toMatchObject({ Version: '2.0' });
    expect(await read(`${inventory}/Uefi`)).toMatchObject({ Version: 'uefi-in-memory-1' });
    const wrong = await send('FIRMWARE uefi 2.0', { Targets: [`${inventory}/Bios`] });
    expect(wrong.body.TaskState).toBe('Exception');
    expect(JSON.stringify(wrong.body.Messages)).toContain('not for legacy BIOS');
    const unknown = await bench.ask(
      'POST',
      upload,
      image('FIRMWARE uefi 2.0', { Targets: ['/redfish/v1/Chassis/1'] }),
    );
    expect(unknown.status).toBe(400);
  });

  it('that does not say its version is known by its digest', async () => {
    await send('FIRMWARE bios');
    expect((await read(`${inventory}/Bios`)).Version).toMatch(/^sha256:[0-9a-f]{16}$/);
  });

  it('that is none is refused with the reason, and nothing has changed', async () => {
    const refused = await send('something else');
    expect(refused.body).toMatchObject({ TaskState: 'Exception', TaskStatus: 'Critical' });
    expect(messageIds(refused)).toContain('Update.1.3.VerificationFailed');
    expect(JSON.stringify(refused.body.Messages)).toContain('The firmware image is refused: no firmware.');
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Version: 'bios-in-memory-1' });
    expect((await bench.ask('GET', `${inventory}/BiosStandby`)).status).toBe(404);
    expect(bench.bmc.events.list().at(-1)).toMatchObject({ kind: 'update-failed' });
  });

  it('that cannot be kept is not installed', async () => {
    bench.machine.firmware.full = true;
    expect((await send('FIRMWARE bios 2.0')).body.TaskState).toBe('Exception');
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Version: 'bios-in-memory-1' });
  });

  it('is the only one that is kept: what it replaces goes, and what a killed update has left', async () => {
    const { files } = bench.machine.firmware;
    const names = () => [...files.keys()].map((file) => file.replace(/-[0-9a-f]+$/, ''));
    await send('FIRMWARE uefi 1.0');
    files.set('/memory/left-00', Buffer.from('half'));
    await send('FIRMWARE bios 2.0');
    expect(names()).toEqual(['/memory/uefi', '/memory/bios']);
    await send('FIRMWARE bios 2.1');
    expect(names()).toEqual(['/memory/uefi', '/memory/bios']);
    // Also when the disk has no room for more.
    files.set('/memory/left-00', Buffer.from('half'));
    bench.machine.firmware.full = true;
    expect((await send('FIRMWARE bios 2.2')).body.TaskState).toBe('Exception');
    expect(names()).toEqual(['/memory/uefi', '/memory/bios']);
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Version: '2.1' });
  });

  it('is installed also when the one before cannot be removed', async () => {
    await send('FIRMWARE bios 2.0');
    bench.machine.firmware.removeAllBut = () => {
      throw Object.assign(new Error('the disk is broken'), { code: 'EIO' });
    };
    expect((await send('FIRMWARE bios 2.1')).body.TaskState).toBe('Completed');
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Version: '2.1' });
  });

  it('whose file has gone gives way to the packaged one, so that the machine starts', async () => {
    await send('FIRMWARE bios 2.0');
    bench.machine.firmware.files.clear();
    await powerOn();
    expect(bench.bmc.power.state).toBe('on');
    expect(bench.machine.setups.at(-1)?.firmware).toEqual({});
    expect(bench.bmc.events.list().some(({ kind }) => kind === 'state-damaged')).toBe(true);
  });

  it('of UEFI variables takes the place of the present ones', async () => {
    expect((await send('VARIABLES of mine')).body.TaskState).toBe('Completed');
    expect(Buffer.from(bench.machine.firmware.variables.get('uefi') ?? []).toString()).toBe(
      'VARIABLES of mine',
    );
  });

  it('comes bare as well, as curl sends files', async () => {
    const reply = await bench.ask('POST', upload, {
      headers: { 'content-type': 'application/octet-stream' },
      stream: stream(Buffer.from('FIRMWARE bios 2.0')),
    });
    expect((await finished(reply)).body.TaskState).toBe('Completed');
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Version: '2.0' });
  });
});

describe('a form', () => {
  it.each([
    ['without a file', form([{ name: 'UpdateParameters', content: '{}' }]), 'UpdateFile is missing'],
    [
      'with another part',
      form([{ name: 'Whatever', content: '{}' }]),
      'neither UpdateParameters nor UpdateFile',
    ],
    ['with parameters that are no JSON', form([{ name: 'UpdateParameters', content: '{' }]), 'no JSON'],
    ['with an unknown parameter', image('FIRMWARE bios', { Color: 'red' }), 'Color'],
    [
      'with an apply time that is none',
      image('FIRMWARE bios', { '@Redfish.OperationApplyTime': 'Later' }),
      'Later',
    ],
  ])('%s is refused and changes nothing', async (_, request, words) => {
    const reply = await bench.ask('POST', upload, request);
    expect(reply.status).toBe(400);
    expect(reply.text).toContain(words);
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Version: 'bios-in-memory-1' });
  });

  it('whose image is too large is refused', async () => {
    const reply = await bench.ask('POST', upload, image('x'.repeat(16 * 1024 * 1024 + 1)));
    expect(reply.status).toBe(413);
  });

  it('is nothing that readers may send', async () => {
    expect((await bench.ask('POST', upload, { ...image('FIRMWARE bios 2.0'), as: 'reader' })).status).toBe(
      403,
    );
  });
});

describe('SimpleUpdate', () => {
  const ask = (body: object, as = 'operator') => bench.ask('POST', simpleUpdate, { body, as });

  it('fetches the image with the credentials that it is given', async () => {
    bench.fetcher.content = Buffer.from('FIRMWARE bios 5.0');
    const reply = await ask({ ImageURI: 'http://192.0.2.7/bios.bin', Username: 'me', Password: 'secret' });
    const done = await finished(reply);
    expect(done.body).toMatchObject({ TaskState: 'Completed', Name: 'Update with bios.bin' });
    expect(done.text).not.toContain('secret');
    expect(bench.fetcher.asked[0]).toMatchObject({
      request: { url: 'http://192.0.2.7/bios.bin', userName: 'me', password: 'secret' },
      trust: { verify: false },
    });
    expect(await read(`${inventory}/Bios`)).toMatchObject({ Version: '5.0' });
  });

  it('takes the protocol apart from the address, and verifies servers where that is wanted', async () => {
    expect(
      (await bench.ask('PATCH', service, { body: { VerifyRemoteServerCertificate: true } })).status,
    ).toBe(200);
    bench.fetcher.content = Buffer.from('FIRMWARE bios 5.0');
    await finished(await ask({ ImageURI: '192.0.2.7/bios.bin', TransferProtocol: 'HTTPS' }));
    expect(bench.fetcher.asked[0]).toMatchObject({
      request: { url: 'https://192.0.2.7/bios.bin' },
      trust: { verify: true },
    });
    const body = { VerifyRemoteServerCertificate: false };
    expect((await bench.ask('PATCH', service, { body, as: 'reader' })).status).toBe(403);
  });

  it('can be cancelled while the server says nothing; meanwhile no other update begins', async () => {
    bench.fetcher.content = undefined;
    const reply = await ask({ ImageURI: 'http://192.0.2.7/bios.bin' });
    expect(reply.status).toBe(202);
    expect((await bench.ask('POST', upload, image('FIRMWARE bios 2.0'))).status).toBe(503);
    expect((await bench.ask('DELETE', reply.body['@odata.id'])).status).toBe(202);
    expect((await finished(reply)).body.TaskState).toBe('Cancelled');
    expect((await send('FIRMWARE bios 2.0')).body.TaskState).toBe('Completed');
  });

  it('tells why an image could not be had', async () => {
    expect((await ask({ ImageURI: 'ftp://192.0.2.7/bios.bin' })).status).toBe(400);
    expect((await ask({})).status).toBe(400);
    expect((await ask({ ImageURI: '\0' })).status).toBe(400);
    bench.fetcher.fails = new Error('nobody there');
    expect((await finished(await ask({ ImageURI: 'http://192.0.2.7/bios.bin' }))).body.TaskState).toBe(
      'Exception',
    );
  });
});
