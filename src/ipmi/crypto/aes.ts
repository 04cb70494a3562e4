/**
 * AES-128-CBC in TypeScript, for packets: a call of node:crypto costs ten times what it encrypts here, whatever is kept
 * between calls (docs/decisions/0009). Tables of 32-bit words take the four steps of a round at once. FIPS 197. Only what
 * is long, such as a console's output, is encrypted by node:crypto.
 *
 * Table look-ups take longer or shorter by what the processor's cache holds, which the decision weighs: a key lives as
 * long as one session.
 */
import { type Cipher, createCipheriv } from 'node:crypto';

export const aesBlockLength = 16;
/** From so many bytes on, node:crypto is faster: 0.8 µs for 272 instead of 2.7. */
const longBytes = 128;
const rounds = 10;
/** Words of an expanded key. */
const keyWords = 4 * (rounds + 1);

const sBox = new Uint8Array(256);
const inverseSBox = new Uint8Array(256);
/** SubBytes, ShiftRows and MixColumns of one byte; the other rows are rotations of it, as tables of their own. */
const encryption = [0, 8, 16, 24].map(() => new Int32Array(256));
const decryption = [0, 8, 16, 24].map(() => new Int32Array(256));

function times2(byte: number): number {
  return ((byte << 1) ^ (byte & 0x80 ? 0x11b : 0)) & 0xff;
}

function fillTables(): void {
  // 3 generates all elements but 0; walked forwards and, by its inverse F6h, backwards, it gives pairs of inverses.
  let [element, inverse] = [1, 1];
  do {
    element ^= times2(element);
    inverse ^= inverse << 1;
    inverse ^= inverse << 2;
    inverse ^= inverse << 4;
    inverse &= 0xff;
    if (inverse & 0x80) inverse ^= 0x09;
    const spread = inverse ^ rotl8(inverse, 1) ^ rotl8(inverse, 2) ^ rotl8(inverse, 3) ^ rotl8(inverse, 4);
    sBox[element] = spread ^ 0x63;
  } while (element !== 1);
  sBox[0] = 0x63;
  for (let byte = 0; byte < 256; byte++) {
    const s = sBox[byte] as number;
    inverseSBox[s] = byte;
    const s2 = times2(s);
    const word = (s2 << 24) | (s << 16) | (s << 8) | (s2 ^ s);
    for (let row = 0; row < 4; row++) (encryption[row] as Int32Array)[byte] = rotr(word, 8 * row);
  }
  for (let byte = 0; byte < 256; byte++) {
    const s = inverseSBox[byte] as number;
    const [s2, s4] = [times2(s), times2(times2(s))];
    const s8 = times2(s4);
    const word = ((s8 ^ s4 ^ s2) << 24) | ((s8 ^ s) << 16) | ((s8 ^ s4 ^ s) << 8) | (s8 ^ s2 ^ s);
    for (let row = 0; row < 4; row++) (decryption[row] as Int32Array)[byte] = rotr(word, 8 * row);
  }
}

function rotl8(byte: number, by: number): number {
  return ((byte << by) | (byte >>> (8 - by))) & 0xff;
}

function rotr(word: number, by: number): number {
  return by === 0 ? word : (word >>> by) | (word << (32 - by));
}

fillTables();
const [e0, e1, e2, e3] = encryption as [Int32Array, Int32Array, Int32Array, Int32Array];
const [d0, d1, d2, d3] = decryption as [Int32Array, Int32Array, Int32Array, Int32Array];

export class AesCbc128 {
  /** The rounds' keys for encryption, then those for decryption: in one piece, which one session's packets use together. */
  readonly #keys = new Int32Array(2 * keyWords);
  /** Made for the first long packet: most sessions have none. */
  #chain: NativeChain | undefined;

  /** @throws {RangeError} unless the key has 16 bytes */
  constructor(key: Uint8Array) {
    if (key.length !== aesBlockLength) throw new RangeError(`AES-128: a key of ${key.length} bytes, not 16`);
    const forward = expand(key);
    this.#keys.set(forward);
    this.#keys.set(inverted(forward), keyWords);
  }

  /** Encrypts `bytes[start..end)`, whole blocks, in place; the block before `start` is the IV. */
  encrypt(bytes: Uint8Array, start: number, end: number): void {
    const k = this.#keys;
    if (end - start >= longBytes) {
      this.#chain ??= new NativeChain(k);
      this.#chain.encrypt(bytes, start, end);
      return;
    }
    let [x0, x1, x2, x3] = [
      word(bytes, start - 16),
      word(bytes, start - 12),
      word(bytes, start - 8),
      word(bytes, start - 4),
    ];
    for (let at = start; at < end; at += aesBlockLength) {
      x0 ^= word(bytes, at) ^ at32(k, 0);
      x1 ^= word(bytes, at + 4) ^ at32(k, 1);
      x2 ^= word(bytes, at + 8) ^ at32(k, 2);
      x3 ^= word(bytes, at + 12) ^ at32(k, 3);
      let i = 4;
      for (; i < 4 * rounds; i += 4) {
        const y0 =
          at32(e0, x0 >>> 24) ^
          at32(e1, (x1 >>> 16) & 0xff) ^
          at32(e2, (x2 >>> 8) & 0xff) ^
          at32(e3, x3 & 0xff) ^
          at32(k, i);
        const y1 =
          at32(e0, x1 >>> 24) ^
          at32(e1, (x2 >>> 16) & 0xff) ^
          at32(e2, (x3 >>> 8) & 0xff) ^
          at32(e3, x0 & 0xff) ^
          at32(k, i + 1);
        const y2 =
          at32(e0, x2 >>> 24) ^
          at32(e1, (x3 >>> 16) & 0xff) ^
          at32(e2, (x0 >>> 8) & 0xff) ^
          at32(e3, x1 & 0xff) ^
          at32(k, i + 2);
        x3 =
          at32(e0, x3 >>> 24) ^
          at32(e1, (x0 >>> 16) & 0xff) ^
          at32(e2, (x1 >>> 8) & 0xff) ^
          at32(e3, x2 & 0xff) ^
          at32(k, i + 3);
        x0 = y0;
        x1 = y1;
        x2 = y2;
      }
      const y0 = lastRound(sBox, x0, x1, x2, x3) ^ at32(k, i);
      const y1 = lastRound(sBox, x1, x2, x3, x0) ^ at32(k, i + 1);
      const y2 = lastRound(sBox, x2, x3, x0, x1) ^ at32(k, i + 2);
      x3 = lastRound(sBox, x3, x0, x1, x2) ^ at32(k, i + 3);
      x0 = y0;
      x1 = y1;
      x2 = y2;
      putWord(bytes, at, x0);
      putWord(bytes, at + 4, x1);
      putWord(bytes, at + 8, x2);
      putWord(bytes, at + 12, x3);
    }
  }

  /** Decrypts `bytes[start..end)`, whole blocks, into `plain`; the block before `start` is the IV. */
  decrypt(bytes: Uint8Array, start: number, end: number, plain: Uint8Array): void {
    const k = this.#keys;
    for (let at = start; at < end; at += aesBlockLength) {
      let x0 = word(bytes, at) ^ at32(k, keyWords);
      let x1 = word(bytes, at + 4) ^ at32(k, keyWords + 1);
      let x2 = word(bytes, at + 8) ^ at32(k, keyWords + 2);
      let x3 = word(bytes, at + 12) ^ at32(k, keyWords + 3);
      let i = keyWords + 4;
      for (; i < keyWords + 4 * rounds; i += 4) {
        const y0 =
          at32(d0, x0 >>> 24) ^
          at32(d1, (x3 >>> 16) & 0xff) ^
          at32(d2, (x2 >>> 8) & 0xff) ^
          at32(d3, x1 & 0xff) ^
          at32(k, i);
        const y1 =
          at32(d0, x1 >>> 24) ^
          at32(d1, (x0 >>> 16) & 0xff) ^
          at32(d2, (x3 >>> 8) & 0xff) ^
          at32(d3, x2 & 0xff) ^
          at32(k, i + 1);
        const y2 =
          at32(d0, x2 >>> 24) ^
          at32(d1, (x1 >>> 16) & 0xff) ^
          at32(d2, (x0 >>> 8) & 0xff) ^
          at32(d3, x3 & 0xff) ^
          at32(k, i + 2);
        x3 =
          at32(d0, x3 >>> 24) ^
          at32(d1, (x2 >>> 16) & 0xff) ^
          at32(d2, (x1 >>> 8) & 0xff) ^
          at32(d3, x0 & 0xff) ^
          at32(k, i + 3);
        x0 = y0;
        x1 = y1;
        x2 = y2;
      }
      const to = at - start;
      putWord(plain, to, lastRound(inverseSBox, x0, x3, x2, x1) ^ at32(k, i) ^ word(bytes, at - 16));
      putWord(plain, to + 4, lastRound(inverseSBox, x1, x0, x3, x2) ^ at32(k, i + 1) ^ word(bytes, at - 12));
      putWord(plain, to + 8, lastRound(inverseSBox, x2, x1, x0, x3) ^ at32(k, i + 2) ^ word(bytes, at - 8));
      putWord(plain, to + 12, lastRound(inverseSBox, x3, x2, x1, x0) ^ at32(k, i + 3) ^ word(bytes, at - 4));
    }
  }
}

/**
 * One cipher for all of a key's packets, since to make one costs as much as to use it ten times. It takes them for one long
 * message: each block is mixed with the block of cipher text before it. So a packet's first block is mixed with that too,
 * which cancels it, and with the packet's IV.
 */
class NativeChain {
  readonly #cipher: Cipher;
  /** The latest block of cipher text. */
  readonly #latest = new Uint8Array(aesBlockLength);

  /** @param keys that begin with those of encryption, the first of which is the key itself */
  constructor(keys: Int32Array) {
    const key = new Uint8Array(aesBlockLength);
    for (let i = 0; i < 4; i++) putWord(key, 4 * i, at32(keys, i));
    this.#cipher = createCipheriv('aes-128-cbc', key, this.#latest).setAutoPadding(false);
  }

  /** As {@link AesCbc128.encrypt} says. */
  encrypt(bytes: Uint8Array, start: number, end: number): void {
    const latest = this.#latest;
    for (let i = 0; i < aesBlockLength; i++) {
      bytes[start + i] = at8(bytes, start + i) ^ at8(bytes, start - aesBlockLength + i) ^ at8(latest, i);
    }
    bytes.set(this.#cipher.update(bytes.subarray(start, end)), start);
    for (let i = 0; i < aesBlockLength; i++) latest[i] = at8(bytes, end - aesBlockLength + i);
  }
}

function expand(key: Uint8Array): Int32Array {
  const words = new Int32Array(keyWords);
  for (let i = 0; i < 4; i++) words[i] = word(key, 4 * i);
  let constant = 1;
  for (let i = 4; i < keyWords; i++) {
    let last = at32(words, i - 1);
    if (i % 4 === 0) {
      last = lastRound(sBox, last << 8, last << 8, last << 8, last >>> 24) ^ (constant << 24);
      constant = times2(constant);
    }
    words[i] = at32(words, i - 4) ^ last;
  }
  return words;
}

/** For decryption: the rounds' keys backwards, the inner ones through InvMixColumns. */
function inverted(words: Int32Array): Int32Array {
  const result = new Int32Array(keyWords);
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < 4; i++) {
      const w = at32(words, 4 * (rounds - round) + i);
      result[4 * round + i] =
        round === 0 || round === rounds
          ? w
          : at32(d0, at8(sBox, w >>> 24)) ^
            at32(d1, at8(sBox, (w >>> 16) & 0xff)) ^
            at32(d2, at8(sBox, (w >>> 8) & 0xff)) ^
            at32(d3, at8(sBox, w & 0xff));
    }
  }
  return result;
}

/** SubBytes and ShiftRows without MixColumns. */
function lastRound(box: Uint8Array, a: number, b: number, c: number, d: number): number {
  return (
    (at8(box, a >>> 24) << 24) |
    (at8(box, (b >>> 16) & 0xff) << 16) |
    (at8(box, (c >>> 8) & 0xff) << 8) |
    at8(box, d & 0xff)
  );
}

function at32(words: Int32Array, i: number): number {
  return words[i] as number;
}

function at8(bytes: Uint8Array, i: number): number {
  return bytes[i] as number;
}

/** Most significant byte first. */
function word(bytes: Uint8Array, at: number): number {
  return (at8(bytes, at) << 24) | (at8(bytes, at + 1) << 16) | (at8(bytes, at + 2) << 8) | at8(bytes, at + 3);
}

function putWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
