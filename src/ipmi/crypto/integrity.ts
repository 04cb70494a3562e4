/** Integrity algorithms of RMCP+ sessions, keyed for one session. IPMI 2.0 §13.28.4, Table 13-18. */
import { createHash, createHmac } from 'node:crypto';
import { sameSecret } from '../../lib/same-secret.ts';
import type { CipherSuite, IntegrityName } from './cipher-suites.ts';

export interface Integrity {
  readonly codeLength: number;
  sign(data: Uint8Array): Uint8Array;
  /** In constant time. */
  verify(data: Uint8Array, code: Uint8Array): boolean;
}

export interface IntegrityKeys {
  readonly k1: Uint8Array;
  /** The user's password, which MD5-128 alone uses. */
  readonly password: Uint8Array;
}

type Sign = (data: Uint8Array) => Uint8Array;

function truncatedHmac(hash: string, length: number): (keys: IntegrityKeys) => Sign {
  return ({ k1 }) => {
    const key = Buffer.from(k1);
    return (data) => createHmac(hash, key).update(data).digest().subarray(0, length);
  };
}

/** A plain MD5 with the password, zero padded to 20 bytes, before and behind the data. */
function md5Around({ password }: IntegrityKeys): Sign {
  const padded = new Uint8Array(20);
  padded.set(password.subarray(0, 20));
  return (data) => createHash('md5').update(padded).update(data).update(padded).digest();
}

const algorithms = {
  none: undefined,
  hmacSha1_96: { codeLength: 12, keyed: truncatedHmac('sha1', 12) },
  hmacMd5_128: { codeLength: 16, keyed: truncatedHmac('md5', 16) },
  md5_128: { codeLength: 16, keyed: md5Around },
  hmacSha256_128: { codeLength: 16, keyed: truncatedHmac('sha256', 16) },
} as const satisfies Record<
  IntegrityName,
  { codeLength: number; keyed: (keys: IntegrityKeys) => Sign } | undefined
>;

/** @returns undefined for a suite without integrity */
export function integrityOf(suite: CipherSuite, keys: IntegrityKeys): Integrity | undefined {
  const algorithm = algorithms[suite.integrity];
  if (!algorithm) return undefined;
  const sign = algorithm.keyed(keys);
  return {
    codeLength: algorithm.codeLength,
    sign,
    verify: (data, code) => sameSecret(sign(data), code),
  };
}
