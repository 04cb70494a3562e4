/** What a certificate says, and what a request for one asks. */
import { type Certificate, settingsUris } from './schema.ts';

export type Validity = 'good' | 'soon' | 'over' | 'early';
const dayMs = 86_400_000;
/** So long before its end somebody should see to the next one. */
const soonDays = 30;

/** @param now milliseconds since 1970; @returns days until it begins or ends, or since it has ended */
export function validity(
  from: string,
  to: string,
  now: number,
): { readonly state: Validity; readonly days: number } {
  const [begin, end] = [Date.parse(from), Date.parse(to)];
  if (now < begin) return { state: 'early', days: Math.ceil((begin - now) / dayMs) };
  if (now >= end) return { state: 'over', days: Math.floor((now - end) / dayMs) };
  const days = Math.floor((end - now) / dayMs);
  return { state: days < soonDays ? 'soon' : 'good', days };
}

export function nameText(name: Certificate['Subject']): string {
  const { CommonName, OrganizationalUnit, Organization, City, State, Country } = name ?? {};
  const parts = [CommonName, OrganizationalUnit, Organization, City, State, Country];
  return parts.filter(Boolean).join(', ') || '–';
}

export function isOwnSigned({ Subject, Issuer }: Certificate): boolean {
  return nameText(Subject) === nameText(Issuer);
}

export function looksLikePem(text: string): boolean {
  return /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(text);
}

export interface RequestWish {
  readonly commonName: string;
  /** Separated by commas or blanks. */
  readonly names: string;
  readonly organization: string;
  readonly unit: string;
  readonly city: string;
  readonly state: string;
  readonly country: string;
  /** `P-256`, `RSA-2048` … */
  readonly key: string;
}

/** Parameters of CertificateService.GenerateCSR; what is empty is left out. */
export function signingRequest(wish: RequestWish): Readonly<Record<string, unknown>> {
  const [kind, size] = wish.key.split('-');
  const names = wish.names.split(/[\s,]+/).filter(Boolean);
  const given = {
    Organization: wish.organization.trim(),
    OrganizationalUnit: wish.unit.trim(),
    City: wish.city.trim(),
    State: wish.state.trim(),
    Country: wish.country.trim(),
  };
  return {
    CertificateCollection: { '@odata.id': settingsUris.certificates },
    CommonName: wish.commonName.trim(),
    ...(names.length > 0 && { AlternativeNames: names }),
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== '')),
    ...(kind === 'RSA'
      ? { KeyPairAlgorithm: 'TPM_ALG_RSASSA', KeyBitLength: Number(size) }
      : { KeyPairAlgorithm: 'TPM_ALG_ECDSA', KeyCurveId: `TPM_ECC_NIST_P${size}` }),
  };
}
