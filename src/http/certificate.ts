/**
 * Makes certificates and requests for certificates (CSR): X.509 (RFC 5280) and PKCS #10 (RFC 2986) put together here,
 * keys and signatures by node:crypto. How certificates are looked at and checked is in certificate-check.ts.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  sign,
} from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { BmcError } from '../bmc/errors.ts';
import type { Random } from '../lib/random.ts';
import {
  type Asn1,
  bits,
  boolean,
  decode,
  encode,
  ia5,
  integer,
  nothing,
  octets,
  oid,
  printable,
  sequence,
  set,
  tagged,
  taggedBytes,
  time,
  utf8,
} from './der.ts';
import type { KeyPair } from './tls.ts';

export const keyKinds = ['P-256', 'P-384', 'RSA-2048', 'RSA-3072', 'RSA-4096'] as const;
export type KeyKind = (typeof keyKinds)[number];

/** Who a certificate is for; absent parts are left out of the name. */
export interface Subject {
  readonly commonName: string;
  readonly organization?: string;
  readonly organizationalUnit?: string;
  readonly city?: string;
  readonly state?: string;
  /** Two capital letters. */
  readonly country?: string;
  readonly email?: string;
}

const oids = {
  commonName: '2.5.4.3',
  country: '2.5.4.6',
  city: '2.5.4.7',
  state: '2.5.4.8',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
  email: '1.2.840.113549.1.9.1',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuthentication: '1.3.6.1.5.5.7.3.1',
  extensionRequest: '1.2.840.113549.1.9.14',
  challengePassword: '1.2.840.113549.1.9.7',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  ecdsaWithSha384: '1.2.840.10045.4.3.3',
  sha256WithRsa: '1.2.840.113549.1.1.11',
} as const;

const dayMs = 86_400_000;
/**
 * The longest that all clients take: Apple's refuse a server's certificate that is valid for more than 825 days, even
 * one that its user has chosen to trust. It is renewed in time, with the same key (certificate-store.ts).
 */
const validDays = 825;
/** Clients whose clocks are slow shall not find it not yet valid. */
const clockSlackMs = dayMs;

export interface SelfSignedOptions {
  readonly subject: Subject;
  /** DNS names and IP addresses that clients may reach the server by: at least one. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly random: Random;
  /** A key of an earlier certificate, in PEM form; a new P-256 one otherwise. */
  readonly key?: string;
}

/**
 * A certificate that vouches for itself alone: ECDSA with SHA-256, for TLS servers, no authority over others.
 * @throws {BmcError} `bad-argument` for a subject or a name that is none
 */
export async function makeSelfSigned(options: SelfSignedOptions): Promise<KeyPair> {
  const { subject, names, now, random } = options;
  const key = options.key === undefined ? await makeKey('P-256') : createPrivateKey(options.key);
  const publicKey = publicPart(key);
  const keyId = createHash('sha1').update(publicKeyBits(key)).digest();
  const from = now - clockSlackMs;
  const name = distinguishedName(subject);
  const algorithm = signatureAlgorithm(key);
  const serial = Buffer.from(random.bytes(16));
  // Positive, and of 16 bytes whatever was drawn. RFC 5280 §4.1.2.2
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  const certificate = signed(
    sequence(
      tagged(0, integer(Uint8Array.of(2))),
      integer(serial),
      algorithm,
      name,
      sequence(time(new Date(from)), time(new Date(from + validDays * dayMs))),
      name,
      decode(publicKey),
      tagged(
        3,
        sequence(
          extension(oids.basicConstraints, sequence(), { critical: true }),
          keyUsageExtension(key),
          extension(oids.extendedKeyUsage, sequence(oid(oids.serverAuthentication))),
          alternativeNames(names),
          extension(oids.subjectKeyIdentifier, octets(keyId)),
          extension(oids.authorityKeyIdentifier, sequence(taggedBytes(0, keyId))),
        ),
      ),
    ),
    key,
  );
  return { certificate: pem('CERTIFICATE', certificate), key: keyText(key) };
}

export interface SigningRequestOptions {
  readonly subject: Subject;
  /** DNS names and IP addresses besides; the common name is added where it is one. */
  readonly names?: readonly string[];
  readonly keyKind?: KeyKind;
  /** Asked for again by some authorities when the certificate is to be revoked. */
  readonly challengePassword?: string;
  /** The key that there is, in PEM form, in place of a new one. */
  readonly key?: string;
}

/**
 * @returns the request in PEM form, and the key it is about, which stays here
 * @throws {BmcError} `bad-argument` for a subject or a name that is none
 */
export async function makeSigningRequest(
  options: SigningRequestOptions,
): Promise<{ readonly request: string; readonly key: string }> {
  const { subject, keyKind = 'P-256', challengePassword } = options;
  const subjectName = distinguishedName(subject);
  const own = isName(subject.commonName) ? [subject.commonName] : [];
  const names = [...new Set([...own, ...(options.names ?? [])])];
  const namesExtension = names.length === 0 ? [] : [alternativeNames(names)];
  const challenge =
    challengePassword === undefined ? [] : [attribute(oids.challengePassword, utf8(challengePassword))];
  const key = options.key === undefined ? await makeKey(keyKind) : createPrivateKey(options.key);
  const extensions = sequence(
    keyUsageExtension(key),
    extension(oids.extendedKeyUsage, sequence(oid(oids.serverAuthentication))),
    ...namesExtension,
  );
  const request = signed(
    sequence(
      integer(Uint8Array.of(0)),
      subjectName,
      decode(publicPart(key)),
      tagged(0, attribute(oids.extensionRequest, extensions), ...challenge),
    ),
    key,
  );
  return { request: pem('CERTIFICATE REQUEST', request), key: keyText(key) };
}

const generate = promisify(generateKeyPair);

async function makeKey(kind: KeyKind): Promise<KeyObject> {
  switch (kind) {
    case 'P-256':
    case 'P-384':
      return (await generate('ec', { namedCurve: kind })).privateKey;
    default:
      return (await generate('rsa', { modulusLength: Number(kind.slice(4)) })).privateKey;
  }
}

/** SubjectPublicKeyInfo in DER form. */
function publicPart(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

/** The key itself, which identifiers are made of. RFC 5280 §4.2.1.2, method 1. */
function publicKeyBits(key: KeyObject): Buffer {
  const publicKey = createPublicKey(key);
  if (key.asymmetricKeyType === 'rsa') return publicKey.export({ type: 'pkcs1', format: 'der' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return Buffer.concat([Uint8Array.of(0x04), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}

function keyText(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function signatureAlgorithm(key: KeyObject): Asn1 {
  if (key.asymmetricKeyType === 'rsa') return sequence(oid(oids.sha256WithRsa), nothing());
  return sequence(oid(hashOf(key) === 'sha384' ? oids.ecdsaWithSha384 : oids.ecdsaWithSha256));
}

function hashOf(key: KeyObject): 'sha256' | 'sha384' {
  return key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'sha384' : 'sha256';
}

function signed(content: Asn1, key: KeyObject): Buffer {
  const signature = sign(hashOf(key), encode(content), key);
  return encode(sequence(content, signatureAlgorithm(key), bits(signature)));
}

function extension(id: string, value: Asn1, { critical = false } = {}): Asn1 {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(encode(value)));
}

function attribute(id: string, value: Asn1): Asn1 {
  return sequence(oid(id), set(value));
}

/** Bit 0, digitalSignature, for the key agreement; with RSA bit 2, keyEncipherment, too, as older clients look for it. */
function keyUsageExtension(key: KeyObject): Asn1 {
  const isRsa = key.asymmetricKeyType === 'rsa';
  return extension(oids.keyUsage, isRsa ? bits(Uint8Array.of(0xa0), 5) : bits(Uint8Array.of(0x80), 7), {
    critical: true,
  });
}

function alternativeNames(names: readonly string[]): Asn1 {
  const general = names.map((name) => {
    if (isIP(name) !== 0) {
      return taggedBytes(7, addressBytes(name));
    }
    if (!isName(name)) {
      throw new BmcError('bad-argument', `${JSON.stringify(name)} is neither a DNS name nor an IP address`);
    }
    return taggedBytes(2, Buffer.from(name, 'latin1'));
  });
  return extension(oids.subjectAltName, sequence(...general));
}

/** 4 or 16 bytes. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // A URL's host is the address in plain hexadecimal groups, without an IPv4 part.
  const groups = new URL(`http://[${address.replace(/%.*/, '')}]`).hostname.slice(1, -1);
  const [head = [], tail = []] = groups.split('::').map((part) => part.split(':').filter((group) => group));
  const zeros = Array<string>(8 - head.length - tail.length).fill('0');
  return Buffer.from([...head, ...zeros, ...tail].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** A DNS name or an IP address. */
export function isName(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const label = '[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?';
  return text.length <= 253 && new RegExp(`^(\\*\\.)?${label}(\\.${label})*$`).test(text);
}

/** Most general part first. Lengths are those of RFC 5280, appendix A.1. */
function distinguishedName(subject: Subject): Asn1 {
  const { commonName, organization, organizationalUnit, city, state, country, email } = subject;
  if (country !== undefined && !/^[A-Z]{2}$/.test(country)) {
    throw new BmcError('bad-argument', `country ${JSON.stringify(country)} is not two capital letters`);
  }
  if (email !== undefined && !/^[\x21-\x7e]+@[\x21-\x7e]+$/.test(email)) {
    throw new BmcError('bad-argument', `${JSON.stringify(email)} is no e-mail address`);
  }
  const parts: readonly (readonly [keyof typeof oids, string | undefined, number, (text: string) => Asn1])[] =
    [
      ['country', country, 2, printable],
      ['state', state, 128, utf8],
      ['city', city, 128, utf8],
      ['organization', organization, 64, utf8],
      ['organizationalUnit', organizationalUnit, 64, utf8],
      ['commonName', commonName, 64, utf8],
      ['email', email, 255, ia5],
    ];
  return sequence(
    ...parts.flatMap(([part, text, longest, form]) => {
      if (text === undefined) return [];
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
      if (text === '' || [...text].length > longest || /[\x00-\x1f\x7f]/.test(text)) {
        throw new BmcError(
          'bad-argument',
          `${part} has 1 to ${longest} characters, none of them a control character`,
        );
      }
      return [set(sequence(oid(oids[part]), form(text)))];
    }),
  );
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
