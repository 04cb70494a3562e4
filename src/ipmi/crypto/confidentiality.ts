/**
 * AES-CBC-128, the one confidentiality algorithm, keyed for one session. IPMI 2.0 §13.29, Table 13-20.
 *
 * A sealed payload is IV, then blocks of data, pad 01h 02h 03h … and pad length. One cipher and one decipher live
 * as long as the session, since making one costs several times its use:
 * - sealing runs 16 random bytes and the data through the running CBC cipher. The first block that comes out is
 *   unpredictable, and the following blocks are chained to it exactly as to an IV: it *is* the IV.
 * - opening runs IV and data through the running decipher and drops the first block, which is nonsense.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Random } from '../../lib/random.ts';
import type { CipherSuite } from './cipher-suites.ts';

const blockLength = 16;

export interface Confidentiality {
  seal(payload: Uint8Array): Uint8Array;
  /** @returns undefined when length or padding is wrong */
  open(sealed: Uint8Array): Uint8Array | undefined;
}

/**
 * @param k2 its first 16 bytes are the AES key
 * @returns undefined for a suite without confidentiality
 */
export function confidentialityOf(
  suite: CipherSuite,
  k2: Uint8Array,
  random: Random,
): Confidentiality | undefined {
  return suite.confidentiality === 'none' ? undefined : aesCbc128(k2.subarray(0, blockLength), random);
}

function aesCbc128(key: Uint8Array, random: Random): Confidentiality {
  const cipher = createCipheriv('aes-128-cbc', key, random.bytes(blockLength)).setAutoPadding(false);
  const decipher = createDecipheriv('aes-128-cbc', key, new Uint8Array(blockLength)).setAutoPadding(false);
  return {
    seal(payload) {
      const padLength = -(payload.length + 1) & (blockLength - 1);
      const plain = new Uint8Array(blockLength + payload.length + padLength + 1);
      plain.set(random.bytes(blockLength));
      plain.set(payload, blockLength);
      for (let i = 1; i <= padLength; i++) plain[blockLength + payload.length + i - 1] = i;
      plain[plain.length - 1] = padLength;
      return cipher.update(plain);
    },
    open(sealed) {
      if (sealed.length < 2 * blockLength || sealed.length % blockLength !== 0) return undefined;
      const plain = decipher.update(sealed);
      const padLength = plain[plain.length - 1] as number;
      const end = plain.length - 1 - padLength;
      if (padLength >= blockLength || end < blockLength) return undefined;
      for (let i = 0; i < padLength; i++) if (plain[end + i] !== i + 1) return undefined;
      return plain.subarray(blockLength, end);
    },
  };
}
