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

/** The block that is being worked on: nothing waits in between. */
const block = new Int32Array(4);

export class AesCbc128 {
  /** The rounds' keys for encryption, then those for decryption: in one piece, which one session's packets use together. */
  readonly #keys = new Int32Array(2 * keyWords);
  /** Made for the first long packet: most sessions have none. */
  #chain: NativeChain | undefined;

  /** @throws {RangeError} unless the key has 16 bytes */
  constructor(key: Uint8Array) {
    if (key.length !== aesBlockLength) throw new RangeError(`AES-128: a key of ${key.length} bytes, not 16`);
    expand(key, this.#keys);
    invert(this.#keys);
  }

  /** Encrypts `bytes[start..end)`, whole blocks, in place; the block before `start` is the IV. */
  encrypt(bytes: Uint8Array, start: number, end: number): void {
    if (end - start >= longBytes) {
      this.#chain ??= new NativeChain(this.#keys);
      this.#chain.encrypt(bytes, start, end);
      return;
    }
    for (let i = 0; i < 4; i++) block[i] = word(bytes, start - aesBlockLength + 4 * i);
    for (let at = start; at < end; at += aesBlockLength) {
      for (let i = 0; i < 4; i++) block[i] = at32(block, i) ^ word(bytes, at + 4 * i);
      encryptBlock(this.#keys);
      for (let i = 0; i < 4; i++) putWord(bytes, at + 4 * i, at32(block, i));
    }
  }

  /** Decrypts `bytes[start..end)`, whole blocks, into `plain`; the block before `start` is the IV. */
  decrypt(bytes: Uint8Array, start: number, end: number, plain: Uint8Array): void {
    for (let at = start; at < end; at += aesBlockLength) {
      for (let i = 0; i < 4; i++) block[i] = word(bytes, at + 4 * i);
      decryptBlock(this.#keys);
      for (let i = 0; i < 4; i++) {
        putWord(plain, at - start + 4 * i, at32(block, i) ^ word(bytes, at - aesBlockLength + 4 * i));
      }
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

function encryptBlock(k: Int32Array): void {
  let x0 = at32(block, 0) ^ at32(k, 0);
  let x1 = at32(block, 1) ^ at32(k, 1);
  let x2 = at32(block, 2) ^ at32(k, 2);
  let x3 = at32(block, 3) ^ at32(k, 3);
  let i = 4;
  for (; i < 4 * rounds; i += 4) {
    const y0 = at32(k, i) ^ encrypted(x0, x1, x2, x3);
    const y1 = at32(k, i + 1) ^ encrypted(x1, x2, x3, x0);
    const y2 = at32(k, i + 2) ^ encrypted(x2, x3, x0, x1);
    x3 = at32(k, i + 3) ^ encrypted(x3, x0, x1, x2);
    x0 = y0;
    x1 = y1;
    x2 = y2;
  }
  block[0] = at32(k, i) ^ lastRound(sBox, x0, x1, x2, x3);
  block[1] = at32(k, i + 1) ^ lastRound(sBox, x1, x2, x3, x0);
  block[2] = at32(k, i + 2) ^ lastRound(sBox, x2, x3, x0, x1);
  block[3] = at32(k, i + 3) ^ lastRound(sBox, x3, x0, x1, x2);
}

function decryptBlock(k: Int32Array): void {
  let x0 = at32(block, 0) ^ at32(k, keyWords);
  let x1 = at32(block, 1) ^ at32(k, keyWords + 1);
  let x2 = at32(block, 2) ^ at32(k, keyWords + 2);
  let x3 = at32(block, 3) ^ at32(k, keyWords + 3);
  let i = keyWords + 4;
  for (; i < keyWords + 4 * rounds; i += 4) {
    const y0 = at32(k, i) ^ decrypted(x0, x3, x2, x1);
    const y1 = at32(k, i + 1) ^ decrypted(x1, x0, x3, x2);
    const y2 = at32(k, i + 2) ^ decrypted(x2, x1, x0, x3);
    x3 = at32(k, i + 3) ^ decrypted(x3, x2, x1, x0);
    x0 = y0;
    x1 = y1;
    x2 = y2;
  }
  block[0] = at32(k, i) ^ lastRound(inverseSBox, x0, x3, x2, x1);
  block[1] = at32(k, i + 1) ^ lastRound(inverseSBox, x1, x0, x3, x2);
  block[2] = at32(k, i + 2) ^ lastRound(inverseSBox, x2, x1, x0, x3);
  block[3] = at32(k, i + 3) ^ lastRound(inverseSBox, x3, x2, x1, x0);
}

function encrypted(a: number, b: number, c: number, d: number): number {
  return at32(e0, a >>> 24) ^ at32(e1, (b >>> 16) & 0xff) ^ at32(e2, (c >>> 8) & 0xff) ^ at32(e3, d & 0xff);
}

function decrypted(a: number, b: number, c: number, d: number): number {
  return at32(d0, a >>> 24) ^ at32(d1, (b >>> 16) & 0xff) ^ at32(d2, (c >>> 8) & 0xff) ^ at32(d3, d & 0xff);
}

/** Writes the rounds' keys for encryption to the first half of `words`. */
function expand(key: Uint8Array, words: Int32Array): void {
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
}

/** Writes those for decryption to the second half: backwards, the inner ones through InvMixColumns. */
function invert(words: Int32Array): void {
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < 4; i++) {
      const w = at32(words, 4 * (rounds - round) + i);
      words[keyWords + 4 * round + i] =
        round === 0 || round === rounds
          ? w
          : at32(d0, at8(sBox, w >>> 24)) ^
            at32(d1, at8(sBox, (w >>> 16) & 0xff)) ^
            at32(d2, at8(sBox, (w >>> 8) & 0xff)) ^
            at32(d3, at8(sBox, w & 0xff));
    }
  }
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
