/**
 * The cipher suites and their algorithms. IPMI 2.0 Tables 13-17 to 13-19 and 22-20.
 *
 * Suite 0 (no authentication) and the xRC4 suites are not here and so cannot be configured.
 */
import type { Names } from '../../lib/codec.ts';

export const AuthAlgorithm = { none: 0, hmacSha1: 1, hmacMd5: 2, hmacSha256: 3 } as const satisfies Names;
export const IntegrityAlgorithm = {
  none: 0,
  hmacSha1_96: 1,
  hmacMd5_128: 2,
  md5_128: 3,
  hmacSha256_128: 4,
} as const satisfies Names;
export const ConfidentialityAlgorithm = { none: 0, aesCbc128: 1 } as const satisfies Names;

/** The authentication algorithms that a suite of ours may have. */
export type AuthName = Exclude<keyof typeof AuthAlgorithm, 'none'>;
export type IntegrityName = keyof typeof IntegrityAlgorithm;
export type ConfidentialityName = keyof typeof ConfidentialityAlgorithm;

export interface CipherSuite {
  readonly id: number;
  readonly auth: AuthName;
  readonly integrity: IntegrityName;
  readonly confidentiality: ConfidentialityName;
}

export const cipherSuites: readonly CipherSuite[] = [
  { id: 1, auth: 'hmacSha1', integrity: 'none', confidentiality: 'none' },
  { id: 2, auth: 'hmacSha1', integrity: 'hmacSha1_96', confidentiality: 'none' },
  { id: 3, auth: 'hmacSha1', integrity: 'hmacSha1_96', confidentiality: 'aesCbc128' },
  { id: 6, auth: 'hmacMd5', integrity: 'none', confidentiality: 'none' },
  { id: 7, auth: 'hmacMd5', integrity: 'hmacMd5_128', confidentiality: 'none' },
  { id: 8, auth: 'hmacMd5', integrity: 'hmacMd5_128', confidentiality: 'aesCbc128' },
  { id: 11, auth: 'hmacMd5', integrity: 'md5_128', confidentiality: 'none' },
  { id: 12, auth: 'hmacMd5', integrity: 'md5_128', confidentiality: 'aesCbc128' },
  { id: 15, auth: 'hmacSha256', integrity: 'none', confidentiality: 'none' },
  { id: 16, auth: 'hmacSha256', integrity: 'hmacSha256_128', confidentiality: 'none' },
  { id: 17, auth: 'hmacSha256', integrity: 'hmacSha256_128', confidentiality: 'aesCbc128' },
];

/** On offer unless configured otherwise, in order of preference. */
export const defaultCipherSuites: readonly number[] = [17, 3];

/** @throws {RangeError} for the ID of a suite that this BMC does not do */
export function cipherSuite(id: number): CipherSuite {
  const suite = cipherSuites.find((candidate) => candidate.id === id);
  if (suite) return suite;
  const known = cipherSuites.map((candidate) => candidate.id).join(', ');
  throw new RangeError(`cipher suite ${id} is none of ${known}`);
}
