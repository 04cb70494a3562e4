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

  /**
   * Opens the sealed payload `bytes[start..end)`.
   * @returns undefined when length or padding is wrong
   */
  open(bytes: Uint8Array, start: number, end: number): Uint8Array | undefined {
    const length = end - start - blockLength;
    if (length < blockLength || length % blockLength !== 0) return undefined;
    const plain = length <= scratch.length ? scratch : new Uint8Array(length);
    this.#aes.decrypt(bytes, start + blockLength, end, plain);
    const padLength = plain[length - 1] as number;
    if (padLength >= blockLength) return undefined;
    const plainEnd = length - 1 - padLength;
    for (let i = 0; i < padLength; i++) if (plain[plainEnd + i] !== i + 1) return undefined;
    return plain.slice(0, plainEnd);
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
