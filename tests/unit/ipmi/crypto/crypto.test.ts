import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cipherSuite, cipherSuites } from '../../../../src/ipmi/crypto/cipher-suites.ts';
import { confidentialityOf, sealedLength } from '../../../../src/ipmi/crypto/confidentiality.ts';
import { integrityOf } from '../../../../src/ipmi/crypto/integrity.ts';
import {
  LoginKey,
  rakp2Code,
  rakp3Code,
  rakp4CheckValue,
  sessionIntegrityKey,
  sessionKeys,
} from '../../../../src/ipmi/crypto/keys.ts';
import { systemRandom } from '../../../../src/lib/random.ts';
import { sameSecret } from '../../../../src/lib/same-secret.ts';

const transcript = {
  remoteConsoleSessionId: 0xa0a2a3a4,
  managedSystemSessionId: 0x01020304,
  rm: Buffer.alloc(16, 0x11),
  rc: Buffer.alloc(16, 0x22),
  guid: Buffer.alloc(16, 0x33),
  role: 0x14,
  userName: Buffer.from('admin'),
};
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const consoleId = 'a4a3a2a0';
const managedId = '04030201';
const nameAndRole = `1405${hex(Buffer.from('admin'))}`;

describe.each([
  ['hmacSha1', 'sha1', 12],
  ['hmacMd5', 'md5', 16],
  ['hmacSha256', 'sha256', 16],
] as const)('RAKP with %s', (auth, hash, checkLength) => {
  // Kuid and Kg zero padded to 20 bytes, as the specification writes them.
  const kuid = Buffer.alloc(20);
  kuid.write('password');
  const kg = Buffer.alloc(20);
  kg.write('bmc-key');
  const hmac = (key: Uint8Array, data: string) =>
    createHmac(hash, key).update(Buffer.from(data, 'hex')).digest('hex');
  const [rm, rc, guid] = ['11', '22', '33'].map((byte) => byte.repeat(16));

  test('codes and keys follow §13.28 to §13.32', () => {
    const key = (secret: Uint8Array) => new LoginKey(auth, secret);
    const password = key(Buffer.from('password'));
    expect(hex(rakp2Code(password, transcript))).toBe(
      hmac(kuid, consoleId + managedId + rm + rc + guid + nameAndRole),
    );
    expect(hex(rakp3Code(password, transcript))).toBe(hmac(kuid, rc + consoleId + nameAndRole));
    const sik = sessionIntegrityKey(key(Buffer.from('bmc-key')), transcript);
    expect(hex(sik)).toBe(hmac(kg, `${rm}${rc}${nameAndRole}`));
    expect(hex(rakp4CheckValue(key(sik), transcript))).toBe(
      hmac(sik, `${rm}${managedId}${guid}`).slice(0, 2 * checkLength),
    );
    const { k1, k2 } = sessionKeys(key(sik));
    expect(hex(k1)).toBe(hmac(sik, '01'.repeat(20)));
    expect(hex(k2)).toBe(hmac(sik, '02'.repeat(20)));
  });
});

describe('integrity', () => {
  const keys = { k1: randomBytes(32), password: Buffer.from('password') };
  test.each([
    [3, (data: Uint8Array) => createHmac('sha1', keys.k1).update(data).digest().subarray(0, 12)],
    [7, (data: Uint8Array) => createHmac('md5', keys.k1).update(data).digest()],
    [16, (data: Uint8Array) => createHmac('sha256', keys.k1).update(data).digest().subarray(0, 16)],
    [
      11,
      (data: Uint8Array) => {
        const padded = Buffer.alloc(20);
        padded.write('password');
        return createHash('md5')
          .update(Buffer.concat([padded, data, padded]))
          .digest();
      },
    ],
  ])('of suite %i signs and verifies, and any flipped bit is seen', (id, expected) => {
    const integrity = integrityOf(cipherSuite(id), keys);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), (data, at) => {
        if (!integrity) throw new Error(`suite ${id} has no integrity`);
        const { length } = data;
        // Something stands in front of what is signed, as the RMCP header does.
        const signed = new Uint8Array(4 + length + integrity.codeLength);
        signed.set(data, 4);
        integrity.sign(signed, 4, 4 + length);
        expect(hex(signed)).toBe(`00000000${hex(data)}${hex(expected(data))}`);
        expect(integrity.verify(signed, 4, 4 + length)).toBe(true);
        const position = 4 + (at % (signed.length - 4));
        const flipped = Uint8Array.from(signed);
        flipped[position] = (flipped[position] as number) ^ (1 << (at % 8));
        expect(integrity.verify(flipped, 4, 4 + length)).toBe(false);
        expect(integrity.verify(signed.subarray(0, -1), 4, 4 + length)).toBe(false);
        expect(integrity.verify(Uint8Array.of(...signed, 0), 4, 4 + length)).toBe(false);
      }),
    );
  });

  test('is absent from suites without it', () => {
    expect([1, 6, 15].map((id) => integrityOf(cipherSuite(id), keys))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('AES-CBC-128', () => {
  const k2 = randomBytes(20);
  const ours = confidentialityOf(cipherSuite(3), k2, systemRandom());
  if (!ours) throw new Error('suite 3 has no confidentiality');

  test('seals so that a plain CBC decipher opens it, for all lengths, in any order', () => {
    const ivs = new Set<string>();
    for (let length = 0; length < 300; length++) {
      const payload = randomBytes(length);
      // Something stands in front of it, as the headers do.
      const packet = new Uint8Array(7 + sealedLength(length)).fill(0xee);
      ours.seal(payload, packet, 7);
      expect(hex(packet.subarray(0, 7))).toBe('ee'.repeat(7));
      const sealed = packet.subarray(7);
      ivs.add(hex(sealed.subarray(0, 16)));
      const decipher = createDecipheriv('aes-128-cbc', k2.subarray(0, 16), sealed.subarray(0, 16));
      const plain = decipher.setAutoPadding(false).update(sealed.subarray(16));
      const padLength = plain[plain.length - 1] as number;
      expect(padLength).toBeLessThan(16);
      expect(hex(plain.subarray(0, length))).toBe(hex(payload));
      expect([...plain.subarray(length, -1)]).toEqual(Array.from({ length: padLength }, (_, i) => i + 1));
      expect(sealed.length).toBe(16 + length + padLength + 1);
      expect(hex(ours.open(packet, 7, packet.length) ?? new Uint8Array())).toBe(hex(payload));
    }
    expect(ivs.size).toBe(300);
  });

  test('opens payloads that are longer than any datagram of ours, and shorter ones right after', () => {
    const random = systemRandom();
    const seal = confidentialityOf(cipherSuite(3), Buffer.alloc(20, 7), random);
    if (!seal) throw new Error('suite 3 encrypts');
    for (const length of [1499, 1500, 5000, 3, 1484, 1485]) {
      const payload = random.bytes(length);
      const sealed = new Uint8Array(sealedLength(length));
      seal.seal(payload, sealed, 0);
      expect(hex(seal.open(sealed, 0, sealed.length) ?? new Uint8Array())).toBe(hex(payload));
    }
  });

  test('opens what a plain CBC cipher sealed, and nothing with wrong length or padding', () => {
    const seal = (plain: number[]) => {
      const iv = randomBytes(16);
      const cipher = createCipheriv('aes-128-cbc', k2.subarray(0, 16), iv).setAutoPadding(false);
      return Buffer.concat([iv, cipher.update(Uint8Array.from(plain))]);
    };
    const open = (sealed: Uint8Array) => ours.open(sealed, 0, sealed.length);
    const body = Array(12).fill(9);
    expect(open(seal([...body, 1, 2, 3, 3]))).toHaveLength(12);
    expect(open(seal([...body, 1, 2, 4, 3]))).toBeUndefined();
    expect(open(seal([...body, 9, 9, 9, 16]))).toBeUndefined();
    // The first byte of the padding counts as well, and a whole block of it is too much.
    expect(open(seal([...body, 2, 2, 3, 3]))).toBeUndefined();
    const upTo = (most: number) => Array.from({ length: most }, (_, i) => i + 1);
    expect(open(seal([...Array(16).fill(9), ...upTo(15), 15]))).toHaveLength(16);
    expect(open(seal([...Array(15).fill(9), ...upTo(16), 16]))).toBeUndefined();
    expect(open(seal(Array.from({ length: 16 }, (_, i) => (i < 15 ? i + 1 : 15))))).toHaveLength(0);
    expect(open(randomBytes(16))).toBeUndefined();
    expect(open(randomBytes(40))).toBeUndefined();
    expect(open(seal([...body, 1, 2, 3, 3]))).toHaveLength(12);
  });
});

test('suite 0 and the xRC4 suites do not exist', () => {
  for (const id of [0, 4, 5, 9, 10, 13, 14, 18]) expect(() => cipherSuite(id)).toThrow(RangeError);
  expect(cipherSuites).toHaveLength(11);
});

test('secrets of different lengths are unequal', () => {
  expect(sameSecret(new Uint8Array(3), new Uint8Array(4))).toBe(false);
  expect(sameSecret(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
});
