/** Keys of secure boot as bytes: a row of EFI_SIGNATURE_LIST. UEFI 2.10 §32.4.1. */
import { type BootKey, certificateType } from '../../bmc/secure-boot.ts';
import { ByteReader, ByteWriter } from '../../lib/bytes.ts';
import { guidBytes, guidOf, guidText } from './uefi-guid.ts';

const typeGuids: Readonly<Record<string, string>> = {
  [certificateType]: 'a5c059a1-94e4-4aa7-87b5-ab155c2bf072',
  EFI_CERT_SHA1_GUID: '826ca512-cf10-4ac9-b187-be01496631bd',
  EFI_CERT_SHA224_GUID: '0b6e5233-a65c-44c9-9407-d9ab83bfc8bd',
  EFI_CERT_SHA256_GUID: 'c1c41626-504c-4092-aca9-41f936934328',
  EFI_CERT_SHA384_GUID: 'ff3e5307-9fd0-48c9-85f1-8ad56c701e01',
  EFI_CERT_SHA512_GUID: '093e0fae-a6c4-4f50-9f1b-d41e2b89c19a',
  EFI_CERT_RSA2048_GUID: '3c5766e8-269c-4e34-aa14-ed776e85b3b6',
  EFI_CERT_X509_SHA256_GUID: '3bd2a492-96c0-4079-b420-fcf98ef103ed',
  EFI_CERT_X509_SHA384_GUID: '7076876e-80c2-4ee6-aad2-28b349a6865b',
  EFI_CERT_X509_SHA512_GUID: '446dbf63-2502-4cda-bcfa-2465d2b0fe9d',
};
const typeNames = new Map(Object.entries(typeGuids).map(([name, guid]) => [guid, name]));
/** Type, length of the list, of its header, of each of its signatures. */
const headerBytes = guidBytes + 12;

/** @throws {DecodeError} for anything but whole lists */
export function decodeSignatureLists(bytes: Uint8Array): BootKey[] {
  const reader = new ByteReader(bytes, 'signature lists');
  const keys: BootKey[] = [];
  while (reader.left > 0) {
    const guid = guidText(reader.bytes(guidBytes));
    const type = typeNames.get(guid) ?? guid;
    const [listBytes, extraBytes, eachBytes] = [reader.u32le(), reader.u32le(), reader.u32le()];
    const dataBytes = listBytes - headerBytes - extraBytes;
    if (dataBytes < 0 || eachBytes <= guidBytes || dataBytes % eachBytes !== 0) {
      reader.fail(`a list of ${listBytes} bytes with ${eachBytes} each`);
    }
    reader.bytes(extraBytes);
    for (let left = dataBytes; left > 0; left -= eachBytes) {
      const owner = guidText(reader.bytes(guidBytes));
      keys.push({ type, owner, data: reader.bytes(eachBytes - guidBytes).slice() });
    }
  }
  return keys;
}

/** One list for each row of keys of one type and length. */
export function encodeSignatureLists(keys: readonly BootKey[]): Uint8Array {
  const rows: BootKey[][] = [];
  for (const key of keys) {
    const row = rows.at(-1);
    const [first] = row ?? [];
    if (row && first?.type === key.type && first.data.length === key.data.length) row.push(key);
    else rows.push([key]);
  }
  const writer = new ByteWriter();
  for (const row of rows) {
    const [{ type, data } = { type: '', data: new Uint8Array() }] = row;
    const eachBytes = guidBytes + data.length;
    writer.bytes(guidOf(typeGuids[type] ?? type));
    writer
      .u32le(headerBytes + row.length * eachBytes)
      .u32le(0)
      .u32le(eachBytes);
    for (const key of row) writer.bytes(guidOf(key.owner)).bytes(key.data);
  }
  return writer.finish();
}
