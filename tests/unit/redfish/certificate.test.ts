import { createPrivateKey, createPublicKey, sign, X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSelfSigned } from '../../../src/http/certificate.ts';
import { HttpServer } from '../../../src/http/server.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { httpErrorReply } from '../../../src/redfish/redfish.ts';
import { RedfishBench } from '../../support/redfish-bench.ts';

const service = '/redfish/v1/CertificateService';
const collection = '/redfish/v1/Managers/1/NetworkProtocol/HTTPS/Certificates';
const own = `${collection}/1`;
const generate = `${service}/Actions/CertificateService.GenerateCSR`;
const replace = `${service}/Actions/CertificateService.ReplaceCertificate`;

let bench: RedfishBench;
let server: HttpServer;
beforeEach(async () => {
  bench = new RedfishBench();
  await bench.start();
  const { certificates } = bench.redfish.state;
  server = new HttpServer({
    addresses: ['127.0.0.1'],
    port: 0,
    keyPair: certificates.keyPair,
    faces: [bench.service],
    errorReply: httpErrorReply,
    log: silentLogger,
  });
  certificates.onChange((keyPair) => server.replaceCertificate(keyPair));
  await server.start();
});
afterEach(async () => {
  await server.stop();
  await bench.stop();
});

/** What a TLS client is shown that connects now. */
function shownCertificate(): Promise<X509Certificate> {
  const { port } = server.addresses[0] as AddressInfo;
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      if (certificate) resolve(certificate);
      else reject(new Error('no certificate was shown'));
    });
    socket.on('error', reject);
  });
}

const makePair = (commonName: string, key?: string) =>
  makeSelfSigned({
    subject: { commonName },
    names: ['localhost'],
    now: bench.clock.wallTime(),
    random: systemRandom(),
    ...(key === undefined ? {} : { key }),
  });
const replacement = (CertificateString: string) => ({
  CertificateUri: { '@odata.id': own },
  CertificateString,
  CertificateType: 'PEM',
});

describe('the certificate of the server', () => {
  it('is shown as a TLS client sees it', async () => {
    const { body } = await bench.ask('GET', own);
    const shown = await shownCertificate();
    expect(new X509Certificate(body.CertificateString).fingerprint256).toBe(shown.fingerprint256);
    expect(body).toMatchObject({
      Subject: { CommonName: 'bench' },
      Issuer: { CommonName: 'bench' },
      Fingerprint: shown.fingerprint256,
      CertificateType: 'PEM',
      KeyUsage: ['DigitalSignature', 'ServerAuthentication'],
    });
    expect(Date.parse(body.ValidNotAfter)).toBe(Date.parse(shown.validTo));
    const locations = await bench.ask('GET', `${service}/CertificateLocations`);
    expect(locations.body.Links.Certificates).toEqual([{ '@odata.id': own }]);
  });

  it('is replaced, with its key, while the server runs', async () => {
    const before = await shownCertificate();
    const { certificate, key } = await makePair('replaced');
    const reply = await bench.ask('POST', replace, { body: replacement(`${certificate}${key}`) });
    expect(reply).toMatchObject({ status: 204, headers: { location: own } });
    const after = await shownCertificate();
    expect(after.subject).toBe('CN=replaced');
    expect(after.fingerprint256).not.toBe(before.fingerprint256);
    const { body } = await bench.ask('GET', own);
    expect(body.Subject.CommonName).toBe('replaced');
    expect(body.CertificateString).not.toContain('PRIVATE');
  });

  it('is requested by a CSR whose key stays here, and installed without one', async () => {
    const asked = await bench.ask('POST', generate, {
      body: {
        CommonName: 'bmc.example',
        Country: 'CH',
        AlternativeNames: ['bmc.example', '192.0.2.2'],
        CertificateCollection: { '@odata.id': collection },
        KeyPairAlgorithm: 'TPM_ALG_ECDSA',
        KeyCurveId: 'TPM_ECC_NIST_P384',
      },
    });
    expect(asked.status).toBe(200);
    expect(asked.body.CSRString).toMatch(/^-----BEGIN CERTIFICATE REQUEST-----/);
    expect(asked.body.CertificateCollection).toEqual({ '@odata.id': collection });
    // An authority knows only the public key; here the private one is taken from the store to play its part.
    const kept = bench.bmc.store.load<{ key: string }>('tls-request')?.key ?? '';
    const { certificate } = await makePair('bmc.example', kept);
    expect((await bench.ask('POST', replace, { body: replacement(certificate) })).status).toBe(204);
    const shown = await shownCertificate();
    expect(shown.subject).toBe('CN=bmc.example');
    expect(shown.publicKey.asymmetricKeyDetails?.namedCurve).toBe('secp384r1');
    expect(sign('sha384', Buffer.from('x'), createPrivateKey(kept)).length).toBeGreaterThan(90);
  });

  it('gets a request for another key in its own name', async () => {
    const reply = await bench.ask('POST', `${own}/Actions/Certificate.Rekey`, {
      body: { KeyPairAlgorithm: 'TPM_ALG_RSASSA', KeyBitLength: 2048 },
    });
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({ Certificate: { '@odata.id': own } });
    expect(reply.body.CSRString).toContain('CERTIFICATE REQUEST');
  });

  it('is requested anew for the key that it has, and installed by a POST to where it is', async () => {
    const reply = await bench.ask('POST', `${own}/Actions/Certificate.Renew`, { body: {} });
    expect(reply.status).toBe(200);
    expect(reply.body.Certificate).toEqual({ '@odata.id': own });
    const { key } = bench.redfish.state.certificates.keyPair;
    const point = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-64);
    const request = Buffer.from(reply.body.CSRString.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    expect(request.includes(point)).toBe(true);
    const { certificate } = await makePair('renewed', key);
    const body = { CertificateString: certificate, CertificateType: 'PEM' };
    expect((await bench.ask('POST', collection, { body, as: 'operator' })).status).toBe(403);
    expect(await bench.ask('POST', collection, { body })).toMatchObject({
      status: 201,
      headers: { location: own },
    });
    expect((await shownCertificate()).subject).toBe('CN=renewed');
  });

  it('is not replaced by what does not work, and the server goes on with the old one', async () => {
    const before = (await shownCertificate()).fingerprint256;
    const { certificate } = await makePair('foreign');
    const { key } = await makePair('other');
    for (const text of ['nonsense', certificate, `${certificate}${key}`, `${certificate.slice(0, 200)}\n`]) {
      const reply = await bench.ask('POST', replace, { body: replacement(text) });
      expect(reply.status).toBe(400);
      expect(reply.body.error['@Message.ExtendedInfo'][0].Message.length).toBeGreaterThan(20);
    }
    const elsewhere = { ...replacement(certificate), CertificateUri: { '@odata.id': `${collection}/2` } };
    expect((await bench.ask('POST', replace, { body: elsewhere })).status).toBe(400);
    expect((await shownCertificate()).fingerprint256).toBe(before);
  });

  it.each([
    [{ KeyCurveId: 'TPM_ECC_NIST_P256', KeyBitLength: 384 }],
    [{ KeyPairAlgorithm: 'TPM_ALG_RSASSA', KeyBitLength: 256 }],
    [{ KeyPairAlgorithm: 'TPM_ALG_RSASSA', KeyCurveId: 'TPM_ECC_NIST_P256' }],
    [{ KeyPairAlgorithm: 'TPM_ALG_SM2' }],
    [{ Country: 'Switzerland' }],
    [{ AlternativeNames: ['no name'] }],
    [{ CertificateCollection: { '@odata.id': '/redfish/v1' } }],
    [{ CertificateCollection: {} }],
  ])('is not requested with %j', async (odd) => {
    const body = { CommonName: 'bmc', CertificateCollection: { '@odata.id': collection }, ...odd };
    expect((await bench.ask('POST', generate, { body })).status).toBe(400);
    expect(bench.bmc.store.load('tls-request')).toBeUndefined();
  });

  it('is the administrators’ business', async () => {
    for (const as of ['operator', 'reader']) {
      expect((await bench.ask('GET', own, { as })).status).toBe(403);
      expect((await bench.ask('POST', replace, { body: {}, as })).status).toBe(403);
    }
  });
});
