import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BootKey, certificateType, hashTypes } from '../../../../src/bmc/secure-boot.ts';
import { DecodeError } from '../../../../src/lib/bytes.ts';
import { decodeSignatureLists, encodeSignatureLists } from '../../../../src/machine/qemu/signature-list.ts';

const owner = fc.uuid();
const certificate = fc.record({
  type: fc.constant(certificateType),
  owner,
  data: fc.uint8Array({ minLength: 1, maxLength: 40 }),
});
const hash = fc.constantFrom(...Object.entries(hashTypes)).chain(([type, length]) =>
  fc.record({
    type: fc.constant(type),
    owner,
    data: fc.uint8Array({ minLength: length, maxLength: length }),
  }),
);
const other = fc.record({ type: fc.uuid(), owner, data: fc.uint8Array({ minLength: 1, maxLength: 9 }) });
const keys: fc.Arbitrary<BootKey[]> = fc.array(fc.oneof(certificate, hash, other), { maxLength: 12 });

describe('lists of signatures', () => {
  it('are the same after writing and reading, those of unknown types too', () => {
    fc.assert(
      fc.property(keys, (list) => {
        expect(decodeSignatureLists(encodeSignatureLists(list))).toEqual(list);
      }),
    );
  });

  it('of anything are read or refused', () => {
    const valid = keys.map(encodeSignatureLists);
    const cut = fc.tuple(valid, fc.nat(400)).map(([bytes, length]) => bytes.subarray(0, length));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), cut), (bytes) => {
        try {
          expect(encodeSignatureLists(decodeSignatureLists(bytes)).length).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });

  it('are laid out as UEFI says: hashes of one type share a list', () => {
    const data = new Uint8Array(32).fill(0xab);
    const key = { type: 'EFI_CERT_SHA256_GUID', owner: '77fa9abd-0359-4d32-bd60-28f4e78f784b', data };
    const bytes = Buffer.from(encodeSignatureLists([key, key]));
    expect(bytes.subarray(0, 44).toString('hex')).toBe(
      `2616c4c14c509240aca941f936934328${'7c000000'}${'00000000'}${'30000000'}bd9afa775903324dbd6028f4e78f784b`,
    );
    expect(bytes.length).toBe(28 + 2 * 48);
  });
});
