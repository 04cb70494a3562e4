/**
 * HMAC by SHA-1 and SHA-256, keyed once: as the two states that the padded key leaves the hash in, and from then on
 * without any object for a code. node:crypto takes 2 µs to make one, five times what it is for
 * (docs/decisions/0009). RFC 2104, FIPS 180-4.
 *
 * No look-up and no branch depends on keys or data.
 */
import { createHmac } from 'node:crypto';
import { compressSha1 } from './sha1.ts';
import { compressSha256, initialSha256 } from './sha256.ts';

/** A hash with a key in it. */
export interface KeyedHash {
  /** Writes the first `length` bytes of the code of `bytes[start..end)` to `into`, from `at` on. */
  code(bytes: Uint8Array, start: number, end: number, into: Uint8Array, at: number, length: number): void;
}

/** @param key up to 64 bytes; never logged. @throws {RangeError} for a longer one */
export function keyedHmac(hash: 'md5' | keyof typeof hashes, key: Uint8Array): KeyedHash {
  return hash === 'md5' ? keyedMd5(key) : new KeyedHmac(hash, key);
}

/** Of suites that are off unless asked for: by node:crypto. */
function keyedMd5(key: Uint8Array): KeyedHash {
  const kept = Buffer.from(key);
  return {
    code: (bytes, start, end, into, at, length) => {
      const code = createHmac('md5', kept).update(bytes.subarray(start, end)).digest();
      into.set(code.subarray(0, length), at);
    },
  };
}

interface Hash {
  /** 32-bit words of a code. */
  readonly words: number;
  readonly initial: readonly number[];
  /** Takes a block of 16 words into the state. */
  compress(state: Int32Array, block: Int32Array): void;
}

const blockLength = 64;
const blockWords = blockLength / 4;
/** Of the hash with the longer state. */
const stateWords = 8;
/** Where the begun states are. */
const [inner, outer] = [0, stateWords];

/** Of the code that is being made: nothing waits in between. */
const state = new Int32Array(stateWords);
const block = new Int32Array(blockWords);

export class KeyedHmac implements KeyedHash {
  readonly #hash: Hash;
  /** Both begun states, one behind the other. */
  readonly #begun = new Int32Array(2 * stateWords);

  /** @param key up to 64 bytes; never logged. @throws {RangeError} for a longer one */
  constructor(hash: keyof typeof hashes, key: Uint8Array) {
    if (key.length > blockLength) throw new RangeError(`HMAC: a key of ${key.length} bytes`);
    this.#hash = hashes[hash];
    this.#take(key, 0x36363636, inner);
    this.#take(key, 0x5c5c5c5c, outer);
  }

  #take(key: Uint8Array, pad: number, at: number): void {
    const { initial, compress } = this.#hash;
    for (let i = 0; i < blockWords; i++) block[i] = pad ^ keyWord(key, 4 * i);
    for (let i = 0; i < initial.length; i++) state[i] = initial[i] as number;
    compress(state, block);
    for (let i = 0; i < stateWords; i++) this.#begun[at + i] = state[i] as number;
  }

  code(bytes: Uint8Array, start: number, end: number, into: Uint8Array, at: number, length: number): void {
    const hash = this.#hash;
    const { words } = hash;
    begin(this.#begun, inner);
    let from = start;
    for (; end - from >= blockLength; from += blockLength) {
      for (let i = 0; i < blockWords; i++) block[i] = wordAt(bytes, from + 4 * i);
      hash.compress(state, block);
    }
    // The rest, a one bit, and the number of bits at the end of the block, or of one more.
    let i = 0;
    for (; end - from >= 4; from += 4) block[i++] = wordAt(bytes, from);
    block[i++] = lastWord(bytes, from, end);
    if (i > blockWords - 2) {
      block.fill(0, i, blockWords);
      hash.compress(state, block);
      i = 0;
    }
    endBlock(i, blockLength + end - start);
    hash.compress(state, block);
    for (let n = 0; n < words; n++) block[n] = state[n] as number;
    block[words] = 0x80 << 24;
    endBlock(words + 1, blockLength + 4 * words);
    begin(this.#begun, outer);
    hash.compress(state, block);
    for (let n = 0; n < length; n++) into[at + n] = (state[n >> 2] as number) >>> (24 - 8 * (n & 3));
  }
}

function begin(begun: Int32Array, at: number): void {
  for (let i = 0; i < stateWords; i++) state[i] = begun[at + i] as number;
}

/** @param total bytes in all */
function endBlock(from: number, total: number): void {
  for (let i = from; i < blockWords - 1; i++) block[i] = 0;
  block[blockWords - 1] = 8 * total;
}

/** Most significant byte first. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** Up to three bytes and the one bit behind them. */
function lastWord(bytes: Uint8Array, at: number, end: number): number {
  let word = 0x80 << (24 - 8 * (end - at));
  for (let i = at; i < end; i++) word |= (bytes[i] as number) << (24 - 8 * (i - at));
  return word;
}

/** Zeros behind the key's end. */
function keyWord(key: Uint8Array, at: number): number {
  let word = 0;
  for (let i = at; i < at + 4 && i < key.length; i++) word |= (key[i] as number) << (24 - 8 * (i - at));
  return word;
}

const hashes = {
  sha1: {
    words: 5,
    initial: [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0],
    compress: compressSha1,
  },
  sha256: { words: 8, initial: initialSha256, compress: compressSha256 },
} as const satisfies Record<string, Hash>;
