/** Integrity algorithms of RMCP+ sessions, keyed for one session. IPMI 2.0 §13.28.4, Table 13-18. */
import { createHash, createHmac } from 'node:crypto';
import { sameSecret } from '../../lib/same-secret.ts';
import type { CipherSuite, IntegrityName } from './cipher-suites.ts';
import { KeyedHmac } from './keyed-hmac.ts';

export interface Integrity {
  readonly codeLength: number;
  /** Writes the code of `bytes[start..end)` behind it, where there has to be room. */
  sign(bytes: Uint8Array, start: number, end: number): void;
  /** Whether the code of `bytes[start..end)` stands behind it, and nothing after that. In constant time. */
  verify(bytes: Uint8Array, start: number, end: number): boolean;
}

export interface IntegrityKeys {
  readonly k1: Uint8Array;
  /** The user's password, which MD5-128 alone uses. */
  readonly password: Uint8Array;
}

/** Writes the code of `bytes[start..end)` to `into`, from `at` on. */
type Sign = (bytes: Uint8Array, start: number, end: number, into: Uint8Array, at: number) => void;

interface Algorithm {
  readonly codeLength: number;
  readonly keyed: (keys: IntegrityKeys) => Sign;
}

function truncatedHmac(hash: 'sha1' | 'sha256', codeLength: number): Algorithm {
  return {
    codeLength,
    keyed: ({ k1 }) => {
      const hmac = new KeyedHmac(hash, k1);
      return (bytes, start, end, into, at) => hmac.code(bytes, start, end, into, at, codeLength);
    },
  };
}

const hmacMd5: Algorithm = {
  codeLength: 16,
  keyed: ({ k1 }) => {
    const key = Buffer.from(k1);
    return (bytes, start, end, into, at) =>
      into.set(createHmac('md5', key).update(bytes.subarray(start, end)).digest(), at);
  },
};

/** A plain MD5 with the password, zero padded to 20 bytes, before and behind the data. */
const md5Around: Algorithm = {
  codeLength: 16,
  keyed: ({ password }) => {
    const padded = new Uint8Array(20);
    padded.set(password.subarray(0, 20));
    return (bytes, start, end, into, at) => {
      const hash = createHash('md5').update(padded).update(bytes.subarray(start, end)).update(padded);
      into.set(hash.digest(), at);
    };
  },
};

const algorithms = {
  none: undefined,
  hmacSha1_96: truncatedHmac('sha1', 12),
  hmacMd5_128: hmacMd5,
  md5_128: md5Around,
  hmacSha256_128: truncatedHmac('sha256', 16),
} as const satisfies Record<IntegrityName, Algorithm | undefined>;

/** @returns undefined for a suite without integrity */
export function integrityOf(suite: CipherSuite, keys: IntegrityKeys): Integrity | undefined {
  const algorithm = algorithms[suite.integrity];
  if (!algorithm) return undefined;
  const { codeLength } = algorithm;
  const code = algorithm.keyed(keys);
  const expected = new Uint8Array(codeLength);
  return {
    codeLength,
    sign: (bytes, start, end) => code(bytes, start, end, bytes, end),
    verify(bytes, start, end) {
      code(bytes, start, end, expected, 0);
      return sameSecret(expected, bytes.subarray(end));
    },
  };
}
