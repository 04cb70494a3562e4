/** Looks at certificates: what they say, and whether a server can work with one and its key. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { createSecureContext } from 'node:tls';
import { BmcError } from '../bmc/errors.ts';
import { type Asn1, decode, oidText } from './der.ts';
import { type KeyPair, secureContextOptions } from './tls.ts';

/** A name in a certificate; each part as often as it is there, in its order. */
export type DistinguishedName = Readonly<
  Partial<
    Record<
      | 'commonName'
      | 'organization'
      | 'organizationalUnit'
      | 'city'
      | 'state'
      | 'country'
      | 'email'
      | 'domainComponent',
      readonly string[]
    >
  >
>;

/** What a key may be used for, in the words of RFC 5280 §4.2.1.3 and §4.2.1.12 as Redfish writes them. */
export type KeyUsage =
  | (typeof keyUsages)[number]
  | (typeof extendedKeyUsages)[keyof typeof extendedKeyUsages];

export interface CertificateDescription {
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  /** DNS names and IP addresses. */
  readonly alternativeNames: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Empty where the certificate does not restrict its key. */
  readonly keyUsage: readonly KeyUsage[];
  /** Pairs of capital hexadecimal digits with colons between: `0A:1B`. */
  readonly serialNumber: string;
  /** SHA-256 of the certificate, like the serial number. */
  readonly fingerprint: string;
  /** `ecdsa-with-SHA256`; the dotted OID where it has no name here. */
  readonly signatureAlgorithm: string;
  /** PEM form, this certificate alone. */
  readonly text: string;
}

/** In the order of their bits. */
const keyUsages = [
  'DigitalSignature',
  'NonRepudiation',
  'KeyEncipherment',
  'DataEncipherment',
  'KeyAgreement',
  'KeyCertSign',
  'CRLSigning',
  'EncipherOnly',
  'DecipherOnly',
] as const;

const extendedKeyUsages = {
  '1.3.6.1.5.5.7.3.1': 'ServerAuthentication',
  '1.3.6.1.5.5.7.3.2': 'ClientAuthentication',
  '1.3.6.1.5.5.7.3.3': 'CodeSigning',
  '1.3.6.1.5.5.7.3.4': 'EmailProtection',
  '1.3.6.1.5.5.7.3.8': 'Timestamping',
  '1.3.6.1.5.5.7.3.9': 'OCSPSigning',
} as const;
const serverAuthentication = '1.3.6.1.5.5.7.3.1';
/** Any use at all. */
const anyExtendedKeyUsage = '2.5.29.37.0';

const nameParts = {
  CN: 'commonName',
  O: 'organization',
  OU: 'organizationalUnit',
  L: 'city',
  ST: 'state',
  C: 'country',
  emailAddress: 'email',
  DC: 'domainComponent',
} as const;

const signatureAlgorithms: Readonly<Record<string, string>> = {
  '1.2.840.10045.4.3.2': 'ecdsa-with-SHA256',
  '1.2.840.10045.4.3.3': 'ecdsa-with-SHA384',
  '1.2.840.10045.4.3.4': 'ecdsa-with-SHA512',
  '1.2.840.113549.1.1.10': 'rsassaPss',
  '1.2.840.113549.1.1.11': 'sha256WithRSAEncryption',
  '1.2.840.113549.1.1.12': 'sha384WithRSAEncryption',
  '1.2.840.113549.1.1.13': 'sha512WithRSAEncryption',
  '1.3.101.112': 'ED25519',
};

const longestText = 64 * 1024;
const longestChain = 10;

/**
 * @param text one certificate, or several one after the other, in PEM form
 * @returns as many descriptions, in the order of the text
 * @throws {BmcError} `bad-argument` for anything else
 */
export function describeCertificates(text: string): CertificateDescription[] {
  return parseCertificates(text).map(describe);
}

/**
 * Checks that a server can work with a certificate and its key: well-formed, of a kind that clients take, made for each
 * other, and with what follows the certificate leading up towards its root. Dates are left to {@link validityProblem}.
 * @throws {BmcError} `bad-argument`, saying what is wrong
 */
export function checkKeyPair({ certificate, key }: KeyPair): void {
  const chain = parseCertificates(certificate);
  const [own] = chain as [X509Certificate, ...X509Certificate[]];
  const privateKey = parseKey(key);
  checkKeyKind(privateKey);
  if (!own.checkPrivateKey(privateKey)) refuse('the key is not that of the certificate');
  chain.forEach((each, index) => {
    const issuer = chain[index + 1];
    if (issuer && !(each.checkIssued(issuer) && each.verify(issuer.publicKey))) {
      refuse(`${nth(index)} is not signed by the one that follows it: each has to be followed by its issuer`);
    }
  });
  // Node gives the extended key usage under this name.
  const uses: readonly string[] | undefined = own.keyUsage;
  if (uses && !uses.includes(serverAuthentication) && !uses.includes(anyExtendedKeyUsage)) {
    refuse('the certificate is not made for servers: its extended key usage lacks serverAuth');
  }
  try {
    createSecureContext(secureContextOptions({ certificate, key }));
  } catch (error) {
    refuse(`TLS does not work with the certificate: ${messageOf(error)}`, error);
  }
}

/**
 * Why a certificate, or one of those that come with it, is not in force; undefined when all are.
 * @param now milliseconds since 1970
 * @throws {BmcError} `bad-argument` for what is no certificate
 */
export function validityProblem(certificate: string, now: number): string | undefined {
  const problems = parseCertificates(certificate).map(({ validFrom, validTo }, index) => {
    if (now >= Date.parse(validTo)) return `${nth(index)} has expired on ${day(validTo)}`;
    return now < Date.parse(validFrom) ? `${nth(index)} is not valid before ${day(validFrom)}` : undefined;
  });
  return problems.find((problem) => problem !== undefined);
}

/** Whether a server could prove with this key that the certificate is its own. */
export function belongTogether(certificate: string, key: string): boolean {
  const [own] = parseCertificates(certificate);
  return own?.checkPrivateKey(parseKey(key)) === true;
}

function parseCertificates(text: string): X509Certificate[] {
  if (text.length > longestText)
    refuse(`certificates: at most ${longestText} characters, ${text.length} given`);
  const blocks = text.match(/-----BEGIN [^-]*-----[^-]*-----END [^-]*-----/g) ?? [];
  if (blocks.length === 0) refuse('no certificate in PEM form (-----BEGIN CERTIFICATE-----)');
  if (blocks.length > longestChain) refuse(`at most ${longestChain} certificates, ${blocks.length} given`);
  return blocks.map((block, index) => {
    const label = /^-----BEGIN ([^-]*)-----/.exec(block)?.[1];
    if (label !== 'CERTIFICATE') refuse(`a certificate was expected in PEM form, and ${label} came`);
    try {
      return new X509Certificate(block);
    } catch (error) {
      return refuse(`certificate ${index + 1} cannot be read: ${messageOf(error)}`, error);
    }
  });
}

function parseKey(text: string): KeyObject {
  if (text.length > longestText) refuse(`key: at most ${longestText} characters, ${text.length} given`);
  if (/ENCRYPTED/.test(text)) refuse('the key is encrypted: it is needed without a passphrase');
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    refuse('no private key in PEM form (-----BEGIN PRIVATE KEY-----)');
  }
  try {
    return createPrivateKey(text);
  } catch {
    // What the library says about it might hold parts of the key.
    return refuse('the private key cannot be read');
  }
}

function checkKeyKind({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): void {
  const curve = details?.namedCurve;
  const isStrongRsa = type === 'rsa' && (details?.modulusLength ?? 0) >= 2048;
  const isKnownCurve = type === 'ec' && ['prime256v1', 'secp384r1', 'secp521r1'].includes(curve ?? '');
  if (isStrongRsa || isKnownCurve) return;
  const what = type === 'rsa' ? `RSA of ${details?.modulusLength} bits` : (curve ?? String(type));
  refuse(`a key of P-256, P-384, P-521 or RSA of 2048 bits or more is needed, not ${what}`);
}

function describe(certificate: X509Certificate): CertificateDescription {
  const { usage, algorithm } = inside(certificate.raw);
  const extended: readonly string[] = certificate.keyUsage ?? [];
  const known = extended.flatMap((id) =>
    id in extendedKeyUsages ? [extendedKeyUsages[id as keyof typeof extendedKeyUsages]] : [],
  );
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    alternativeNames: alternativeNamesOf(certificate.subjectAltName),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    keyUsage: [...usage, ...known],
    serialNumber: (certificate.serialNumber.match(/../g) ?? []).join(':'),
    fingerprint: certificate.fingerprint256,
    signatureAlgorithm: signatureAlgorithms[algorithm] ?? algorithm,
    text: certificate.toString(),
  };
}

/** Lines like `CN=bmc`, one for each part; absent for a name without any. */
function nameOf(lines: string | undefined): DistinguishedName {
  const name: Partial<Record<(typeof nameParts)[keyof typeof nameParts], string[]>> = {};
  for (const line of (lines ?? '').split('\n')) {
    const at = line.indexOf('=');
    const part = nameParts[line.slice(0, at) as keyof typeof nameParts];
    if (part) name[part] = [...(name[part] ?? []), line.slice(at + 1)];
  }
  return name;
}

/** `DNS:bmc, IP Address:192.0.2.1, URI:…`: names with odd characters come as JSON strings. */
function alternativeNamesOf(text: string | undefined): string[] {
  const found = (text ?? '').matchAll(/(?:^|, )(DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...found].map(([, kind, name = '']) => {
    if (name.startsWith('"')) return String(JSON.parse(name));
    // IPv6 addresses in their shortest form.
    return kind === 'DNS' || !isIPv6(name) ? name : new URL(`http://[${name}]/`).hostname.slice(1, -1);
  });
}

/** What node:crypto does not tell: the key usage bits and the signature's algorithm. */
function inside(der: Uint8Array): { readonly usage: readonly KeyUsage[]; readonly algorithm: string } {
  const [content, algorithm] = partsOf(decode(der));
  const extensions = partsOf(content).find(({ tagClass, type }) => tagClass === 0x80 && Number(type) === 3);
  const keyUsage = partsOf(partsOf(extensions)[0]).find((each) => oidText(partsOf(each)[0]) === '2.5.29.15');
  const value = partsOf(keyUsage).at(-1)?.value;
  const raw = typeof value === 'string' ? decode(Buffer.from(value, 'latin1')).value : '';
  const bytes = typeof raw === 'string' ? Buffer.from(raw, 'latin1').subarray(1) : Buffer.alloc(0);
  const usage = keyUsages.filter((_, bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0);
  return { usage, algorithm: oidText(partsOf(algorithm)[0]) ?? '' };
}

function partsOf(value: Asn1 | undefined): readonly Asn1[] {
  return Array.isArray(value?.value) ? value.value : [];
}

function refuse(text: string, cause?: unknown): never {
  throw new BmcError('bad-argument', text, { cause });
}

function nth(index: number): string {
  return index === 0 ? 'the certificate' : `certificate ${index + 1} of the chain`;
}

function day(date: string): string {
  return new Date(date).toISOString().slice(0, 10);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
