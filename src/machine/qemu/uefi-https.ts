/**
 * The authorities that OVMF believes when it boots over HTTPS: without any it believes nobody. It takes them from QEMU
 * (`etc/edk2/https/cacerts`) as signature lists, UEFI 2.10 §32.4.1, one list for each certificate.
 */
import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { ByteWriter } from '../../lib/bytes.ts';
import { guidBytes, guidOf } from './uefi-guid.ts';

/** EFI_CERT_X509_GUID */
const x509 = guidOf('a5c059a1-94e4-4aa7-87b5-ab155c2bf072');
/** Of these signatures; means nothing to the firmware. */
const owner = guidOf('3e0e7fd5-6c0c-4b8e-9a5b-6c8f3a4e9d21');
const listHeaderBytes = guidBytes + 12;

/** @param own PEM; without any, the public authorities that Node.js comes with: OVMF has no room for both */
export function httpsAuthorities(own: readonly string[] = []): Uint8Array {
  const writer = new ByteWriter();
  for (const pem of own.length > 0 ? own : rootCertificates) {
    const { raw } = new X509Certificate(pem);
    const signatureBytes = guidBytes + raw.length;
    writer
      .bytes(x509)
      .u32le(listHeaderBytes + signatureBytes)
      .u32le(0)
      .u32le(signatureBytes)
      .bytes(owner)
      .bytes(raw);
  }
  return writer.finish();
}
