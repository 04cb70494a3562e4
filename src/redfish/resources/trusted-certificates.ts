/** Collections of certificates that are trusted, whomever they are trusted by. DSP0268, CertificateCollection, Certificate. */
import { Type } from 'typebox';
import type { TrustedCertificate } from '../../bmc/trusted-certificates.ts';
import { describeCertificates } from '../../http/certificate-check.ts';
import { RedfishError } from '../errors.ts';
import { inWords, message } from '../messages.ts';
import { certificateFacts } from './certificate.ts';

/** Whom one trusts is no secret, and for administrators to say. */
export const trustPrivileges = {
  get: ['Login'],
  post: ['ConfigureManager'],
  delete: ['ConfigureManager'],
} as const;

export const newCertificate = Type.Object({
  CertificateString: Type.String({ minLength: 1, maxLength: 65_536 }),
  CertificateType: Type.Enum(['PEM']),
});

/** @throws {RedfishError} unless it is one certificate */
export function checkOneCertificate(pem: string): void {
  const [, ...others] = describeCertificates(pem);
  if (others.length === 0) return;
  throw new RedfishError(
    inWords(
      'One certificate at a time.',
      message('PropertyValueFormatError', '-----BEGIN CERTIFICATE-----…', 'CertificateString'),
    ),
  );
}

/** @param name what it is trusted for */
export function trustedCertificateBody(name: string, { id, pem }: TrustedCertificate) {
  return {
    Id: String(id),
    Name: name,
    CertificateUsageTypes: ['Web'],
    ...certificateFacts(describeCertificates(pem)),
  };
}
