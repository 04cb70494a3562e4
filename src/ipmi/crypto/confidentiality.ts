/**
 * AES-CBC-128, the one confidentiality algorithm, keyed for one session. IPMI 2.0 §13.29, Table 13-20.
 *
 * A sealed payload is IV, then blocks of data, pad 01h 02h 03h … and pad length.
 */
import type { Random } from '../../lib/random.ts';
import { AesCbc128, aesBlockLength as blockLength } from './aes.ts';
import type { CipherSuite } from './cipher-suites.ts';

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

/** Of the payload that is being opened, as long as any datagram: nothing waits in between. */
const scratch = new Uint8Array(1500);

function aesCbc128(key: Uint8Array, random: Random): Confidentiality {
  const aes = new AesCbc128(key);
  return {
    seal(payload) {
      const padLength = -(payload.length + 1) & (blockLength - 1);
      const end = blockLength + payload.length;
      const sealed = new Uint8Array(end + padLength + 1);
      sealed.set(random.bytes(blockLength));
      sealed.set(payload, blockLength);
      for (let i = 1; i <= padLength; i++) sealed[end + i - 1] = i;
      sealed[end + padLength] = padLength;
      aes.encrypt(sealed, blockLength, sealed.length);
      return sealed;
    },
    open(sealed) {
      if (sealed.length < 2 * blockLength || sealed.length % blockLength !== 0) return undefined;
      const length = sealed.length - blockLength;
      const plain = length <= scratch.length ? scratch : new Uint8Array(length);
      aes.decrypt(sealed, blockLength, sealed.length, plain);
      const padLength = plain[length - 1] as number;
      const end = length - 1 - padLength;
      if (padLength >= blockLength || end < 0) return undefined;
      for (let i = 0; i < padLength; i++) if (plain[end + i] !== i + 1) return undefined;
      return plain.slice(0, end);
    },
  };
}
