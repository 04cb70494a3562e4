/**
 * AES-CBC-128, the one confidentiality algorithm, keyed for one session. IPMI 2.0 §13.29, Table 13-20.
 *
 * A sealed payload is IV, then blocks of data, pad 01h 02h 03h … and pad length.
 */
import type { Random } from '../../lib/random.ts';
import { AesCbc128, aesBlockLength as blockLength } from './aes.ts';
import type { CipherSuite } from './cipher-suites.ts';

/** Of the payload that is being opened, as long as any datagram: nothing waits in between. */
const scratch = new Uint8Array(1500);

export class Confidentiality {
  readonly #aes: AesCbc128;
  readonly #random: Random;

  /** @param key 16 bytes */
  constructor(key: Uint8Array, random: Random) {
    this.#aes = new AesCbc128(key);
    this.#random = random;
  }

  /** Writes `payload`, sealed, to `into`, from `at` on: {@link sealedLength} bytes. */
  seal(payload: Uint8Array, into: Uint8Array, at: number): void {
    const { length } = payload;
    const start = at + blockLength;
    const end = at + sealedLength(length);
    const iv = this.#random.bytes(blockLength);
    for (let i = 0; i < blockLength; i++) into[at + i] = iv[i] as number;
    into.set(payload, start);
    const padLength = end - start - length - 1;
    for (let i = 1; i <= padLength; i++) into[start + length + i - 1] = i;
    into[end - 1] = padLength;
    this.#aes.encrypt(into, start, end);
  }

  /** @returns undefined when length or padding is wrong */
  open(sealed: Uint8Array): Uint8Array | undefined {
    if (sealed.length < 2 * blockLength || sealed.length % blockLength !== 0) return undefined;
    const length = sealed.length - blockLength;
    const plain = length <= scratch.length ? scratch : new Uint8Array(length);
    this.#aes.decrypt(sealed, blockLength, sealed.length, plain);
    const padLength = plain[length - 1] as number;
    if (padLength >= blockLength) return undefined;
    const end = length - 1 - padLength;
    for (let i = 0; i < padLength; i++) if (plain[end + i] !== i + 1) return undefined;
    return plain.slice(0, end);
  }
}

/** How many bytes a payload of `length` bytes is when it is sealed. */
export function sealedLength(length: number): number {
  return blockLength + length + (-(length + 1) & (blockLength - 1)) + 1;
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
  return suite.confidentiality === 'none'
    ? undefined
    : new Confidentiality(k2.subarray(0, blockLength), random);
}
