import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { expect, test } from 'vitest';
import { ByteReader } from '../../../../src/lib/bytes.ts';
import { guidText } from '../../../../src/machine/qemu/uefi-guid.ts';
import { httpsAuthorities } from '../../../../src/machine/qemu/uefi-https.ts';

/** OVMF keeps them in a volatile variable. */
const mostBytes = 0x40000;

test('those that somebody has chosen are trusted alone', () => {
  const [first = '', second = ''] = rootCertificates;
  const one = httpsAuthorities([first]);
  expect(Buffer.from(one).includes(new X509Certificate(first).raw)).toBe(true);
  expect(httpsAuthorities([first, second])).toEqual(Uint8Array.from([...one, ...httpsAuthorities([second])]));
});

test('the public authorities are signature lists, and fit into what OVMF takes', () => {
  const lists = httpsAuthorities();
  expect(lists.length).toBeLessThan(mostBytes);
  const reader = new ByteReader(lists, 'signature lists');
  const found: string[] = [];
  while (reader.left > 0) {
    const from = reader.offset;
    expect(guidText(reader.bytes(16))).toBe('a5c059a1-94e4-4aa7-87b5-ab155c2bf072');
    const listBytes = reader.u32le();
    expect(reader.u32le()).toBe(0);
    const signatureBytes = reader.u32le();
    reader.bytes(16);
    found.push(new X509Certificate(reader.bytes(signatureBytes - 16)).fingerprint256);
    expect(reader.offset - from).toBe(listBytes);
  }
  expect(found).toEqual(rootCertificates.map((pem) => new X509Certificate(pem).fingerprint256));
});
