import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { keyKinds, makeSelfSigned, makeSigningRequest } from '../../../src/http/certificate.ts';
import { checkKeyPair, describeCertificates, validityProblem } from '../../../src/http/certificate-check.ts';
import { systemRandom } from '../../../src/lib/random.ts';

const folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-certificate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const random = systemRandom();
const names = [
  'bmc.example.org',
  '*.lab.example.org',
  'localhost',
  '192.0.2.7',
  '2001:db8::1:0',
  '::ffff:192.0.2.9',
];
const subject = { commonName: 'bmc.example.org', organization: 'Zürich & Söhne', country: 'CH' };
const day = 86_400_000;

const make = (now = Date.now()) => makeSelfSigned({ subject, names, now, random });
const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};
const openssl = (...args: string[]) =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd: folder });

/** An authority of openssl's making, and what it signs. */
function authority(): { root: string; sign(request: string, ...options: string[]): string } {
  const key = join(folder, 'ca.key');
  const root = join(folder, 'ca.pem');
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    key,
    '-out',
    root,
    '-subj',
    '/CN=Test CA',
    '-days',
    '30',
  );
  return {
    root: openssl('x509', '-in', root),
    sign: (request, ...options) =>
      openssl(
        'x509',
        '-req',
        '-in',
        file('a.csr', request),
        '-CA',
        root,
        '-CAkey',
        key,
        '-copy_extensions',
        'copy',
        ...(options.length > 0 ? options : ['-days', '20']),
      ),
  };
}

describe('a self-signed certificate', () => {
  it('is one that OpenSSL verifies for each of its names, also by the strict rules, and for no other', async () => {
    const { certificate } = await make();
    const path = file('own.pem', certificate);
    for (const check of [
      ['-verify_hostname', 'bmc.example.org'],
      ['-verify_hostname', 'n1.lab.example.org'],
      ['-verify_ip', '192.0.2.7'],
      ['-verify_ip', '2001:db8::1:0'],
    ]) {
      const verdict = openssl(
        'verify',
        '-x509_strict',
        '-purpose',
        'sslserver',
        '-CAfile',
        path,
        ...check,
        path,
      );
      expect(verdict.trim()).toBe(`${path}: OK`);
    }
    expect(() => openssl('verify', '-CAfile', path, '-verify_hostname', 'evil.example.org', path)).toThrow();
    expect(() => openssl('verify', '-CAfile', path, '-verify_ip', '192.0.2.8', path)).toThrow();
  });

  it('says P-256 and SHA-256, server, no authority, and is valid from a day ago for 825 days', async () => {
    const now = Date.UTC(2030, 0, 1);
    const { certificate } = await make(now);
    const text = openssl('x509', '-in', file('own.pem', certificate), '-noout', '-text');
    expect(text).toContain('ASN1 OID: prime256v1');
    expect(text).toContain('Signature Algorithm: ecdsa-with-SHA256');
    expect(text).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
    expect(text).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(text).toMatch(/Extended Key Usage:\s+TLS Web Server Authentication\n/);
    const [description] = describeCertificates(certificate);
    expect(description?.notBefore).toEqual(new Date(now - day));
    expect(description?.notAfter).toEqual(new Date(now + 824 * day));
  });

  it('has a date of four digits from 2050 on', async () => {
    const { certificate } = await make(Date.UTC(2051, 5, 1));
    expect(describeCertificates(certificate)[0]?.notBefore).toEqual(new Date(Date.UTC(2051, 4, 31)));
    expect(openssl('x509', '-in', file('late.pem', certificate), '-noout', '-enddate')).toContain('2053');
  });

  it('never has the serial number, the key or the signature of another one', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => make()));
    const serials = all.map(({ certificate }) => new X509Certificate(certificate).serialNumber);
    expect(new Set(serials).size).toBe(20);
    expect(serials.every((serial) => /^[4-7][0-9A-F]{31}$/.test(serial))).toBe(true);
    expect(new Set(all.map(({ key }) => key)).size).toBe(20);
  });

  it('can be made anew with the same key', async () => {
    const first = await make();
    const second = await makeSelfSigned({ subject, names, now: Date.now(), random, key: first.key });
    expect(second.key).toBe(first.key);
    expect(second.certificate).not.toBe(first.certificate);
    checkKeyPair({ certificate: second.certificate, key: first.key });
  });

  it.each([
    ['a name with a blank', { subject, names: ['a b'] }, 'neither a DNS name nor an IP address'],
    ['a name with a quotation mark', { subject, names: ['a"b'] }, 'neither'],
    ['a long common name', { subject: { commonName: 'x'.repeat(65) }, names }, '1 to 64 characters'],
    ['an empty organization', { subject: { ...subject, organization: '' }, names }, '1 to 64 characters'],
    ['a line feed', { subject: { commonName: 'a\nb' }, names }, 'control character'],
    ['a country that is none', { subject: { ...subject, country: 'Swiss' }, names }, 'two capital letters'],
  ])('with %s is refused', async (_, options, message) => {
    await expect(makeSelfSigned({ ...options, now: Date.now(), random })).rejects.toThrow(message);
  });
});

describe('a description of a certificate', () => {
  it('says what is in it', async () => {
    const { certificate } = await make();
    const [description, ...others] = describeCertificates(certificate);
    expect(others).toEqual([]);
    const name = { commonName: ['bmc.example.org'], organization: ['Zürich & Söhne'], country: ['CH'] };
    expect(description).toMatchObject({
      subject: name,
      issuer: name,
      keyUsage: ['DigitalSignature', 'ServerAuthentication'],
      signatureAlgorithm: 'ecdsa-with-SHA256',
    });
    expect(description?.alternativeNames).toEqual([
      'bmc.example.org',
      '*.lab.example.org',
      'localhost',
      '192.0.2.7',
      '2001:db8::1:0',
      '::ffff:c000:209',
    ]);
    const told = openssl(
      'x509',
      '-in',
      file('own.pem', certificate),
      '-noout',
      '-fingerprint',
      '-sha256',
      '-serial',
    );
    expect(told).toContain(`Fingerprint=${description?.fingerprint}`);
    expect(told).toContain(`serial=${description?.serialNumber.replaceAll(':', '')}`);
    expect(openssl('x509', '-in', file('same.pem', description?.text ?? ''))).toBe(certificate);
  });

  it.each([
    ['nothing', '', 'no certificate in PEM form'],
    ['something else', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', 'PUBLIC KEY came'],
    [
      'rubbish',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
      'certificate 1 cannot be read',
    ],
    ['too much', 'x'.repeat(70_000), 'at most 65536 characters'],
  ])('refuses %s', (_, text, message) => {
    expect(() => describeCertificates(text)).toThrow(message);
  });
});

describe('a request for a certificate', () => {
  it.each(keyKinds)(
    'with a key %s is one that OpenSSL verifies',
    async (keyKind) => {
      const whole = {
        ...subject,
        organizationalUnit: 'Lab',
        city: 'Bern',
        state: 'BE',
        email: 'lab@example.org',
      };
      const { request, key } = await makeSigningRequest({
        subject: whole,
        names: ['192.0.2.7'],
        keyKind,
        challengePassword: 'revoke me',
      });
      const path = file('a.csr', request);
      const text = openssl('req', '-in', path, '-verify', '-noout', '-text', '-nameopt', 'utf8');
      expect(text).toContain(
        'Subject: C=CH, ST=BE, L=Bern, O=Zürich & Söhne, OU=Lab, CN=bmc.example.org, emailAddress=lab@example.org',
      );
      expect(text).toContain('DNS:bmc.example.org, IP Address:192.0.2.7');
      expect(text).toContain('TLS Web Server Authentication');
      expect(text).toMatch(/challengePassword\s*:revoke me/);
      expect(text).toContain(
        keyKind.startsWith('RSA') ? `(${keyKind.slice(4)} bit)` : `NIST CURVE: ${keyKind}`,
      );
      const own = openssl('pkey', '-in', file('a.key', key), '-pubout');
      expect(openssl('req', '-in', path, '-noout', '-pubkey')).toBe(own);
    },
    60_000,
  );

  it('becomes a certificate that can be installed once an authority has signed it', async () => {
    const { request, key } = await makeSigningRequest({ subject, names: ['192.0.2.7'], keyKind: 'RSA-2048' });
    const ca = authority();
    const chain = ca.sign(request) + ca.root;
    checkKeyPair({ certificate: chain, key });
    const [leaf, root] = describeCertificates(chain);
    expect(leaf).toMatchObject({
      issuer: { commonName: ['Test CA'] },
      keyUsage: ['DigitalSignature', 'KeyEncipherment', 'ServerAuthentication'],
      alternativeNames: ['bmc.example.org', '192.0.2.7'],
    });
    expect(root?.subject).toEqual({ commonName: ['Test CA'] });
  });
});

describe('the check of a certificate and its key', () => {
  it('says what is wrong', async () => {
    const own = await make();
    const other = await make();
    const { request, key } = await makeSigningRequest({ subject });
    const ca = authority();
    const signed = ca.sign(request);
    const encrypted = openssl('pkey', '-in', file('k.key', own.key), '-aes256', '-passout', 'pass:x');
    const weak = join(folder, 'weak');
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:1024',
      '-nodes',
      '-keyout',
      `${weak}.key`,
      '-out',
      `${weak}.pem`,
      '-subj',
      '/CN=weak',
    );
    const weakPair = {
      certificate: openssl('x509', '-in', `${weak}.pem`),
      key: openssl('pkey', '-in', `${weak}.key`),
    };
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      `${weak}.key`,
      '-out',
      `${weak}.pem`,
      '-subj',
      '/CN=client',
      '-addext',
      'extendedKeyUsage=clientAuth',
    );
    const clientPair = {
      certificate: openssl('x509', '-in', `${weak}.pem`),
      key: openssl('pkey', '-in', `${weak}.key`),
    };
    const wrong = (certificate: string, its: string) => () => checkKeyPair({ certificate, key: its });
    expect(wrong(own.certificate, other.key)).toThrow('the key is not that of the certificate');
    expect(wrong(own.certificate, encrypted)).toThrow('the key is encrypted');
    expect(wrong(own.certificate, own.certificate)).toThrow('no private key in PEM form');
    expect(wrong(own.certificate, own.key.replace(/\n[A-Za-z0-9+/]{8}/, '\nAAAAAAAA'))).toThrow(
      'cannot be read',
    );
    expect(wrong(ca.root + signed, key)).toThrow('the key is not that of the certificate');
    expect(wrong(signed + own.certificate, key)).toThrow(
      'the certificate is not signed by the one that follows',
    );
    expect(wrong(signed + ca.root + own.certificate, key)).toThrow(
      'certificate 2 of the chain is not signed',
    );
    expect(wrong(weakPair.certificate, weakPair.key)).toThrow(
      'RSA of 2048 bits or more is needed, not RSA of 1024',
    );
    expect(wrong(clientPair.certificate, clientPair.key)).toThrow('not made for servers');
    expect(wrong(signed + ca.root, key)).not.toThrow();
  });

  it('tells dates apart', async () => {
    const now = Date.UTC(2030, 0, 1);
    const { certificate } = await make(now);
    expect(validityProblem(certificate, now)).toBeUndefined();
    expect(validityProblem(certificate, now - 2 * day)).toBe(
      'the certificate is not valid before 2029-12-31',
    );
    expect(validityProblem(certificate, now + 824 * day)).toBe('the certificate has expired on 2032-04-04');
  });
});
