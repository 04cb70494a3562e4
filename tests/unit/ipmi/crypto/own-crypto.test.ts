/** The packets' own HMAC and AES against node:crypto, and against the specifications' examples. */
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AesCbc128 } from '../../../../src/ipmi/crypto/aes.ts';
import { KeyedHmac } from '../../../../src/ipmi/crypto/keyed-hmac.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe.each([
  ['sha1', 20],
  ['sha256', 32],
] as const)('HMAC by %s', (hash, codeBytes) => {
  const code = (key: Uint8Array, data: Uint8Array) => {
    const into = new Uint8Array(codeBytes);
    new KeyedHmac(hash, key).code(data, 0, data.length, into, 0, codeBytes);
    return hex(into);
  };

  test('is that of node:crypto for all lengths up to 600 and all keys up to 64 bytes', () => {
    for (let length = 0; length <= 600; length++) {
      const [key, data] = [randomBytes(length % 65), randomBytes(length)];
      expect(code(key, data)).toBe(createHmac(hash, key).update(data).digest('hex'));
    }
  });

  test('gives the examples of RFC 2202 and RFC 4231', () => {
    const key = Buffer.alloc(20, 0x0b);
    const expected = {
      sha1: 'b617318655057264e28bc0b6fb378c8ef146be00',
      sha256: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    }[hash];
    expect(code(key, Buffer.from('Hi There'))).toBe(expected);
  });

  test('of a part is put where it is wanted, shortened, and leaves all else alone', () => {
    const bytes = randomBytes(100);
    const into = Buffer.alloc(30, 0xee);
    const key = randomBytes(20);
    new KeyedHmac(hash, key).code(bytes, 7, 90, into, 5, 12);
    const expected = createHmac(hash, key).update(bytes.subarray(7, 90)).digest().subarray(0, 12);
    expect(hex(into)).toBe('ee'.repeat(5) + hex(expected) + 'ee'.repeat(13));
  });

  test('of several keys in turn do not mix', () => {
    const made = [1, 2, 3].map(
      (n) => [Buffer.alloc(20, n), new KeyedHmac(hash, Buffer.alloc(20, n))] as const,
    );
    for (let n = 0; n < 100; n++) {
      for (const [key, hmac] of made) {
        const data = randomBytes(n);
        const into = new Uint8Array(codeBytes);
        hmac.code(data, 0, n, into, 0, codeBytes);
        expect(hex(into)).toBe(createHmac(hash, key).update(data).digest('hex'));
      }
    }
  });

  test('takes no longer key than a block', () => {
    expect(() => new KeyedHmac(hash, new Uint8Array(65))).toThrow(RangeError);
  });
});

describe('AES-128-CBC', () => {
  test('encrypts and decrypts as node:crypto does, with 1,000 keys and up to 20 blocks', () => {
    for (let n = 0; n < 1000; n++) {
      const key = randomBytes(16);
      const bytes = randomBytes(16 * (2 + (n % 20)));
      const plain = hex(bytes.subarray(16));
      const cipher = createCipheriv('aes-128-cbc', key, bytes.subarray(0, 16)).setAutoPadding(false);
      const expected = hex(bytes.subarray(0, 16)) + hex(cipher.update(bytes.subarray(16)));
      const aes = new AesCbc128(key);
      aes.encrypt(bytes, 16, bytes.length);
      expect(hex(bytes)).toBe(expected);
      const opened = new Uint8Array(bytes.length - 16);
      aes.decrypt(bytes, 16, bytes.length, opened);
      expect(hex(opened)).toBe(plain);
      expect(hex(bytes)).toBe(expected);
    }
  });

  test('encrypts packets of one key in turn, short and long, each by its own IV', () => {
    const key = randomBytes(16);
    const aes = new AesCbc128(key);
    for (let n = 0; n < 200; n++) {
      const blocks = n % 3 === 0 ? 1 + (n % 4) : 1 + ((7 * n) % 20);
      const bytes = Buffer.concat([
        Buffer.alloc(32, 0xee),
        randomBytes(16 * (1 + blocks)),
        Buffer.alloc(8, 0xee),
      ]);
      const [start, end] = [48, bytes.length - 8];
      const cipher = createCipheriv('aes-128-cbc', key, bytes.subarray(32, start)).setAutoPadding(false);
      const expected = hex(bytes.subarray(0, start)) + hex(cipher.update(bytes.subarray(start, end)));
      aes.encrypt(bytes, start, end);
      expect(hex(bytes)).toBe(expected + 'ee'.repeat(8));
    }
  });

  test('gives the example of FIPS 197', () => {
    const aes = new AesCbc128(Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'));
    const bytes = Buffer.concat([Buffer.alloc(16), Buffer.from('00112233445566778899aabbccddeeff', 'hex')]);
    aes.encrypt(bytes, 16, 32);
    expect(hex(bytes.subarray(16))).toBe('69c4e0d86a7b0430d8cdb78070b4c55a');
  });

  test('takes a key of 16 bytes alone', () => {
    for (const length of [0, 15, 17, 32])
      expect(() => new AesCbc128(new Uint8Array(length))).toThrow(RangeError);
  });
});
