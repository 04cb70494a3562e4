/**
 * HMAC by SHA-1 and SHA-256, keyed once: as the two states that the padded key leaves the hash in, and from then on
 * without any object for a code. node:crypto takes 2 µs to make one, five times what it is for
 * (docs/decisions/0009). RFC 2104, FIPS 180-4.
 *
 * No look-up and no branch depends on keys or data.
 */

interface Hash {
  /** 32-bit words of a code. */
  readonly words: number;
  readonly initial: readonly number[];
  /** Takes the block that stands in the schedule's first 16 words into the state. */
  compress(state: Int32Array): void;
}

const blockLength = 64;
const blockWords = blockLength / 4;
/** Of the hash with the longer state. */
const stateWords = 8;
/** Where the begun states are. */
const [inner, outer] = [0, stateWords];

/** Of the code that is being made: nothing waits in between. */
const state = new Int32Array(stateWords);
const schedule = new Int32Array(80);

export class KeyedHmac {
  readonly #hash: Hash;
  /** Both begun states, one behind the other. */
  readonly #begun = new Int32Array(2 * stateWords);

  /** @param key up to 64 bytes; never logged. @throws {RangeError} for a longer one */
  constructor(hash: keyof typeof hashes, key: Uint8Array) {
    if (key.length > blockLength) throw new RangeError(`HMAC: a key of ${key.length} bytes`);
    this.#hash = hashes[hash];
    this.#begun.set(keyed(this.#hash, key, 0x36), inner);
    this.#begun.set(keyed(this.#hash, key, 0x5c), outer);
  }

  /** Writes the first `length` bytes of the code of `bytes[start..end)` to `into`, from `at` on. */
  code(bytes: Uint8Array, start: number, end: number, into: Uint8Array, at: number, length: number): void {
    const hash = this.#hash;
    const { words } = hash;
    begin(this.#begun, inner);
    let from = start;
    for (; end - from >= blockLength; from += blockLength) {
      for (let i = 0; i < blockWords; i++) schedule[i] = wordAt(bytes, from + 4 * i);
      hash.compress(state);
    }
    // The rest, a one bit, and the number of bits at the end of the block, or of one more.
    let i = 0;
    for (; end - from >= 4; from += 4) schedule[i++] = wordAt(bytes, from);
    schedule[i++] = lastWord(bytes, from, end);
    if (i > blockWords - 2) {
      schedule.fill(0, i, blockWords);
      hash.compress(state);
      i = 0;
    }
    endBlock(i, blockLength + end - start);
    hash.compress(state);
    for (let n = 0; n < words; n++) schedule[n] = state[n] as number;
    schedule[words] = 0x80 << 24;
    endBlock(words + 1, blockLength + 4 * words);
    begin(this.#begun, outer);
    hash.compress(state);
    for (let n = 0; n < length; n++) into[at + n] = (state[n >> 2] as number) >>> (24 - 8 * (n & 3));
  }
}

function begin(begun: Int32Array, at: number): void {
  for (let i = 0; i < stateWords; i++) state[i] = begun[at + i] as number;
}

/** @param total bytes in all */
function endBlock(from: number, total: number): void {
  for (let i = from; i < blockWords - 1; i++) schedule[i] = 0;
  schedule[blockWords - 1] = 8 * total;
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

function keyed(hash: Hash, key: Uint8Array, pad: number): Int32Array {
  const block = new Uint8Array(blockLength).fill(pad);
  for (let i = 0; i < key.length; i++) block[i] = pad ^ (key[i] as number);
  for (let i = 0; i < blockWords; i++) schedule[i] = wordAt(block, 4 * i);
  const begun = new Int32Array(state.length);
  begun.set(hash.initial);
  hash.compress(begun);
  return begun;
}

/** The schedule's word `i`. */
function w(i: number): number {
  return schedule[i] as number;
}

function compressSha1(h: Int32Array): void {
  for (let i = 16; i < 80; i++) {
    const x = w(i - 3) ^ w(i - 8) ^ w(i - 14) ^ w(i - 16);
    schedule[i] = (x << 1) | (x >>> 31);
  }
  let a = h[0] as number;
  let b = h[1] as number;
  let c = h[2] as number;
  let d = h[3] as number;
  let e = h[4] as number;
  for (let i = 0; i < 20; i++) {
    const next = (((a << 5) | (a >>> 27)) + (d ^ (b & (c ^ d))) + e + 0x5a827999 + w(i)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let i = 20; i < 40; i++) {
    const next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0x6ed9eba1 + w(i)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let i = 40; i < 60; i++) {
    const next = (((a << 5) | (a >>> 27)) + ((b & c) | (d & (b | c))) + e + 0x8f1bbcdc + w(i)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let i = 60; i < 80; i++) {
    const next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0xca62c1d6 + w(i)) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  h[0] = (h[0] as number) + a;
  h[1] = (h[1] as number) + b;
  h[2] = (h[2] as number) + c;
  h[3] = (h[3] as number) + d;
  h[4] = (h[4] as number) + e;
}

/** The first 32 bits of the fractional parts of roots of the first primes. FIPS 180-4 §4.2.2 and §5.3.3. */
function fractions(count: number, root: (prime: number) => number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes.map((prime) => ((root(prime) % 1) * 2 ** 32) | 0);
}

const sha256Constants = Int32Array.from(fractions(64, Math.cbrt));

function compressSha256(h: Int32Array): void {
  for (let i = 16; i < 64; i++) {
    const x = w(i - 15);
    const y = w(i - 2);
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    schedule[i] = w(i - 16) + s0 + w(i - 7) + s1;
  }
  let a = h[0] as number;
  let b = h[1] as number;
  let c = h[2] as number;
  let d = h[3] as number;
  let e = h[4] as number;
  let f = h[5] as number;
  let g = h[6] as number;
  let k = h[7] as number;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (k + s1 + (g ^ (e & (f ^ g))) + (sha256Constants[i] as number) + w(i)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = s0 + ((a & b) | (c & (a | b)));
    k = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  h[0] = (h[0] as number) + a;
  h[1] = (h[1] as number) + b;
  h[2] = (h[2] as number) + c;
  h[3] = (h[3] as number) + d;
  h[4] = (h[4] as number) + e;
  h[5] = (h[5] as number) + f;
  h[6] = (h[6] as number) + g;
  h[7] = (h[7] as number) + k;
}

const hashes = {
  sha1: {
    words: 5,
    initial: [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0],
    compress: compressSha1,
  },
  sha256: { words: 8, initial: fractions(8, Math.sqrt), compress: compressSha256 },
} as const satisfies Record<string, Hash>;
