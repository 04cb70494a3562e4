/** Integrity algorithms of RMCP+ sessions, keyed for one session. IPMI 2.0 §13.28.4, Table 13-18. */
import { createHash } from 'node:crypto';
import { sameSecret } from '../../lib/same-secret.ts';
import type { CipherSuite, IntegrityName } from './cipher-suites.ts';
import { type KeyedHash, keyedHmac } from './keyed-hmac.ts';

export interface IntegrityKeys {
  readonly k1: Uint8Array;
  /** The user's password, which MD5-128 alone uses. */
  readonly password: Uint8Array;
}

interface Algorithm {
  readonly codeLength: number;
  readonly keyed: (keys: IntegrityKeys) => KeyedHash;
  /** Of the packet that is being verified, of whichever session: nothing waits in between. */
  readonly expected: Uint8Array;
  readonly received: Uint8Array;
}

function algorithm(codeLength: number, keyed: Algorithm['keyed']): Algorithm {
  return { codeLength, keyed, expected: new Uint8Array(codeLength), received: new Uint8Array(codeLength) };
}

const algorithms = {
  none: undefined,
  hmacSha1_96: algorithm(12, ({ k1 }) => keyedHmac('sha1', k1)),
  hmacMd5_128: algorithm(16, ({ k1 }) => keyedHmac('md5', k1)),
  /** A plain MD5 with the password, zero padded to 20 bytes, before and behind the data. */
  md5_128: algorithm(16, ({ password }) => {
    const padded = new Uint8Array(20);
    padded.set(password.subarray(0, 20));
    return {
      code: (bytes, start, end, into, at) => {
        const hash = createHash('md5').update(padded).update(bytes.subarray(start, end)).update(padded);
        into.set(hash.digest(), at);
      },
    };
  }),
  hmacSha256_128: algorithm(16, ({ k1 }) => keyedHmac('sha256', k1)),
} as const satisfies Record<IntegrityName, Algorithm | undefined>;

export class Integrity {
  readonly #algorithm: Algorithm;
  readonly #hash: KeyedHash;

  constructor(chosen: Algorithm, keys: IntegrityKeys) {
    this.#algorithm = chosen;
    this.#hash = chosen.keyed(keys);
  }

  get codeLength(): number {
    return this.#algorithm.codeLength;
  }

  /** Writes the code of `bytes[start..end)` behind it, where there has to be room. */
  sign(bytes: Uint8Array, start: number, end: number): void {
    this.#hash.code(bytes, start, end, bytes, end, this.#algorithm.codeLength);
  }

  /** Whether the code of `bytes[start..end)` stands behind it, and nothing after that. In constant time. */
  verify(bytes: Uint8Array, start: number, end: number): boolean {
    const { codeLength, expected, received } = this.#algorithm;
    if (bytes.length - end !== codeLength) return false;
    this.#hash.code(bytes, start, end, expected, 0, codeLength);
    for (let i = 0; i < codeLength; i++) received[i] = bytes[end + i] as number;
    return sameSecret(expected, received);
  }
}

/** @returns undefined for a suite without integrity */
export function integrityOf(suite: CipherSuite, keys: IntegrityKeys): Integrity | undefined {
  const chosen = algorithms[suite.integrity];
  return chosen && new Integrity(chosen, keys);
}
