/** Secure Boot and the TPM as clients see them; what firmware makes of keys is in the end-to-end tests. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';
import { noSchemas, schemaProblems } from '../../support/redfish-schemas.ts';

const system = '/redfish/v1/Systems/1';
const secureBoot = `${system}/SecureBoot`;
const databases = `${secureBoot}/SecureBootDatabases`;
const actor = { name: 'bench', face: 'bmc' } as const;

let bench: RedfishBench;
let CertificateString: string;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
  const { certificate } = await makeSelfSigned({
    ...{ subject: { commonName: 'owner' }, names: [], now: Date.UTC(2026, 0, 1), random: systemRandom() },
  });
  CertificateString = certificate;
});
afterEach(() => bench.stop());

const put = (database: string, more: object = {}) =>
  bench.ask('POST', `${databases}/${database}/Certificates`, {
    body: { CertificateString, CertificateType: 'PEM', ...more },
  });
const hash = (SignatureString: string, more: object = {}) =>
  bench.ask('POST', `${databases}/dbx/Signatures`, {
    body: { SignatureString, SignatureType: 'EFI_CERT_SHA256_GUID', SignatureTypeRegistry: 'UEFI', ...more },
  });
const reset = (uri: string, name: string, ResetKeysType: string) =>
  bench.ask('POST', `${uri}/Actions/${name}.ResetKeys`, { body: { ResetKeysType } });
const members = async (uri: string) =>
  (await bench.ask('GET', uri)).body.Members.map((each: { '@odata.id': string }) => each['@odata.id']);
const mode = async () => (await bench.ask('GET', secureBoot)).body.SecureBootMode;
async function request(action: 'on' | 'reset'): Promise<void> {
  bench.bmc.power.request(action, actor);
  await bench.clock.advanceAsync(2_000, 100);
}

describe('keys of secure boot', () => {
  it('are certificates that come and go, each under a path that stays its own', async () => {
    expect(await members(databases)).toEqual(
      ['PK', 'KEK', 'db', 'dbx'].map((name) => `${databases}/${name}`),
    );
    const made = await put('db', { UefiSignatureOwner: '77FA9ABD-0359-4D32-BD60-28F4E78F784B' });
    expect(made.status).toBe(201);
    const uri = made.headers.location ?? '';
    const { body } = await bench.ask('GET', uri);
    expect(body).toMatchObject({
      CertificateType: 'PEM',
      Subject: { CommonName: 'owner' },
      UefiSignatureOwner: '77fa9abd-0359-4d32-bd60-28f4e78f784b',
      CertificateUsageTypes: ['BIOS'],
    });
    expect(body.CertificateString.replace(/\s/g, '')).toBe(CertificateString.replace(/\s/g, ''));
    if (!noSchemas) expect(schemaProblems(body)).toEqual([]);
    const twice = await put('db', { UefiSignatureOwner: body.UefiSignatureOwner });
    expect(twice.status).toBe(409);
    expect(twice.text).toContain('ResourceAlreadyExists');
    const second = (await put('db')).headers.location ?? '';
    expect(await members(`${databases}/db/Certificates`)).toEqual([uri, second]);
    expect((await bench.ask('DELETE', uri)).status).toBe(204);
    expect((await bench.ask('GET', uri)).status).toBe(404);
    expect((await bench.ask('GET', second)).status).toBe(200);
    expect(bench.bmc.events.list().at(-1)).toMatchObject({ kind: 'configuration', actor: { name: 'admin' } });
  });

  it('are hashes, in hexadecimal or base64, where a database takes them', async () => {
    const made = await hash('AB'.repeat(32));
    expect(made.status).toBe(201);
    const { body } = await bench.ask('GET', made.headers.location ?? '');
    expect(body).toMatchObject({
      SignatureString: 'ab'.repeat(32),
      SignatureType: 'EFI_CERT_SHA256_GUID',
      SignatureTypeRegistry: 'UEFI',
    });
    if (!noSchemas) expect(schemaProblems(body)).toEqual([]);
    expect((await hash(Buffer.alloc(32, 0xab).toString('base64'))).status).toBe(409);
    expect((await hash(Buffer.alloc(32, 1).toString('base64'))).status).toBe(201);
    expect(await members(`${databases}/dbx/Certificates`)).toEqual([]);
    expect((await bench.ask('GET', `${databases}/KEK/Signatures`)).status).toBe(404);
  });

  it.each([
    ['a short hash', () => hash('ab'), 400],
    ['digits that are none', () => hash('xy'.repeat(32)), 400],
    ['a type that is unknown', () => hash('ab'.repeat(32), { SignatureType: 'EFI_CERT_MD5' }), 400],
    ['an owner that is none', () => put('db', { UefiSignatureOwner: 'me' }), 400],
    ['no certificate', () => put('db', { CertificateString: 'x' }), 400],
    ['two certificates', () => put('db', { CertificateString: CertificateString.repeat(2) }), 400],
    ['another form', () => put('db', { CertificateType: 'PKCS7' }), 400],
    ['a database that is none', () => put('dbt'), 404],
  ])('%s: refused, and nothing is changed', async (_, ask, status) => {
    const reply = await ask();
    expect([reply.status, reply.text.includes('@Message.ExtendedInfo')]).toEqual([status, true]);
    for (const name of ['PK', 'KEK', 'db', 'dbx']) {
      expect(await members(`${databases}/${name}/Certificates`)).toEqual([]);
    }
    expect(await members(`${databases}/dbx/Signatures`)).toEqual([]);
  });

  it('name one owner of the platform', async () => {
    expect(await mode()).toBe('SetupMode');
    expect((await put('PK')).status).toBe(201);
    expect(await mode()).toBe('UserMode');
    const { status, text } = await put('PK', { UefiSignatureOwner: '77fa9abd-0359-4d32-bd60-28f4e78f784b' });
    expect([status, text.includes('delete it first')]).toEqual([409, true]);
    expect((await reset(secureBoot, 'SecureBoot', 'DeletePK')).status).toBe(204);
    expect(await mode()).toBe('SetupMode');
  });

  it('are reset in one database, or in all', async () => {
    for (const name of ['PK', 'KEK', 'db']) await put(name);
    const one = `${databases}/db`;
    expect((await reset(one, 'SecureBootDatabase', 'DeletePK')).status).toBe(400);
    expect((await reset(one, 'SecureBootDatabase', 'DeleteAllKeys')).status).toBe(204);
    expect(await members(`${databases}/db/Certificates`)).toEqual([]);
    expect(await members(`${databases}/KEK/Certificates`)).toHaveLength(1);
    expect((await reset(secureBoot, 'SecureBoot', 'DeleteAllKeys')).status).toBe(204);
    expect(await members(`${databases}/KEK/Certificates`)).toEqual([]);
    const { body } = await bench.ask('GET', secureBoot);
    expect(body.Actions['#SecureBoot.ResetKeys']['ResetKeysType@Redfish.AllowableValues']).toEqual([
      'ResetAllKeysToDefault',
      'DeleteAllKeys',
      'DeletePK',
    ]);
  });

  it('are hashes for everybody who may log in, and certificates for those who configure the BMC', async () => {
    const [certificate, digest] = [
      (await put('db')).headers.location,
      (await hash('ab'.repeat(32))).headers.location,
    ];
    const status = async (method: string, uri = '', as = '') => (await bench.ask(method, uri, { as })).status;
    expect(await status('GET', certificate, 'operator')).toBe(403);
    expect(await status('GET', digest, 'reader')).toBe(200);
    expect(await status('DELETE', digest, 'reader')).toBe(403);
    expect(await status('DELETE', digest, 'operator')).toBe(204);
    expect(await status('DELETE', certificate, 'operator')).toBe(403);
    expect(await status('DELETE', certificate, 'admin')).toBe(204);
  });
});

describe('the TPM', () => {
  const component = '/redfish/v1/Chassis/1/TrustedComponents/tpm0';

  it('is a part of the machine from the start on that brings it', async () => {
    expect((await bench.ask('GET', component)).status).toBe(404);
    const settings = `${system}/Bios/Settings`;
    await bench.ask('PATCH', settings, { body: { Attributes: { TpmSupport: 'Enabled' } } });
    await request('on');
    const { body } = await bench.ask('GET', component);
    expect(body).toMatchObject({
      TrustedComponentType: 'Discrete',
      Status: { State: 'Enabled', Health: 'OK' },
    });
    if (!noSchemas) expect(schemaProblems(body)).toEqual([]);
    const { TrustedModules, Links } = (await bench.ask('GET', system)).body;
    expect(TrustedModules).toEqual([{ InterfaceType: 'TPM2_0', Status: body.Status }]);
    expect(Links.TrustedComponents).toEqual([{ '@odata.id': component }]);
    if (!noSchemas) expect(schemaProblems((await bench.ask('GET', system)).body)).toEqual([]);
  });

  it('that fails is seen at the machine’s health and in the event log, until the next start', async () => {
    bench.bmc.machineSettings.set({ tpm: true }, actor);
    await request('on');
    const health = async () => (await bench.ask('GET', system)).body.Status.Health;
    expect(await health()).toBe('OK');
    bench.machine.failTpm('its process has ended');
    expect(await health()).toBe('Critical');
    expect((await bench.ask('GET', component)).body.Status).toEqual({
      State: 'UnavailableOffline',
      Health: 'Critical',
    });
    expect(bench.bmc.events.list().at(-1)).toMatchObject({
      kind: 'tpm-failed',
      text: expect.stringContaining('its process has ended'),
    });
    await request('reset');
    expect(await health()).toBe('OK');
  });
});
