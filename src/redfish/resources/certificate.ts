/**
 * The certificate that the server over HTTPS shows, and how another one takes its place while it runs. DSP0268:
 * CertificateService, CertificateLocations, Certificate.
 */
import { Type } from 'typebox';
import type { KeyKind, SigningRequestOptions } from '../../http/certificate.ts';
import type { CertificateDescription, DistinguishedName } from '../../http/certificate-check.ts';
import { action, always, collection, create, type Resource, resource } from '../definition.ts';
import { RedfishError } from '../errors.ts';
import { message } from '../messages.ts';
import { findManager, link, managerUri, onlyId, root } from '../paths.ts';
import { dateTime } from './manager.ts';

const serviceUri = `${root}/CertificateService`;
const certificatesUri = `${managerUri}/NetworkProtocol/HTTPS/Certificates`;
const certificateUri = `${certificatesUri}/${onlyId}`;
const privileges = { get: ['ConfigureManager'], post: ['ConfigureManager'] } as const;

/** Names of the TCG Algorithm Registry. */
const algorithms = ['TPM_ALG_ECDSA', 'TPM_ALG_RSASSA'] as const;
const curves = { TPM_ECC_NIST_P256: 'P-256', TPM_ECC_NIST_P384: 'P-384' } as const satisfies Record<
  string,
  KeyKind
>;
const rsaLengths = { 2048: 'RSA-2048', 3072: 'RSA-3072', 4096: 'RSA-4096' } as const satisfies Record<
  number,
  KeyKind
>;

const keyParameters = {
  KeyPairAlgorithm: Type.Optional(Type.Enum([...algorithms])),
  KeyBitLength: Type.Optional(Type.Enum([256, 384, 2048, 3072, 4096])),
  KeyCurveId: Type.Optional(Type.Enum(Object.keys(curves) as (keyof typeof curves)[])),
  ChallengePassword: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
};

interface KeyWish {
  readonly KeyPairAlgorithm?: (typeof algorithms)[number];
  readonly KeyBitLength?: number;
  readonly KeyCurveId?: keyof typeof curves;
}

/** @throws {RedfishError} for a length that does not go with the algorithm */
function keyKindOf(wish: KeyWish): KeyKind {
  const { KeyCurveId: curve, KeyBitLength: length } = wish;
  const {
    KeyPairAlgorithm: algorithm = curve === undefined && length !== undefined && length > 384
      ? 'TPM_ALG_RSASSA'
      : 'TPM_ALG_ECDSA',
  } = wish;
  if (algorithm === 'TPM_ALG_RSASSA') {
    if (curve !== undefined) throw conflict('KeyCurveId', curve);
    const kind = rsaLengths[(length ?? 2048) as keyof typeof rsaLengths];
    if (kind === undefined) throw conflict('KeyBitLength', String(length));
    return kind;
  }
  const kind = curve === undefined ? (length === 384 ? 'P-384' : 'P-256') : curves[curve];
  if (length !== undefined && `P-${length}` !== kind) throw conflict('KeyBitLength', String(length));
  return kind;
}

function conflict(name: string, value: string): RedfishError {
  return new RedfishError(message('ActionParameterValueConflict', name, value));
}

const reference = Type.Object({ '@odata.id': Type.String() });

const certificateService = resource({
  path: '/redfish/v1/CertificateService',
  type: '#CertificateService.v1_2_1.CertificateService',
  privileges: { get: ['Login'], post: ['ConfigureManager'] },
  find: always,
  read: () => ({
    Id: 'CertificateService',
    Name: 'Certificates of the BMC',
    CertificateLocations: link(`${serviceUri}/CertificateLocations`),
  }),
  actions: [
    action({
      name: '#CertificateService.GenerateCSR',
      parameters: Type.Object({
        CertificateCollection: reference,
        CommonName: Type.String({ minLength: 1, maxLength: 64 }),
        AlternativeNames: Type.Optional(Type.Array(Type.String(), { maxItems: 64 })),
        Organization: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
        OrganizationalUnit: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
        City: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
        State: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
        Country: Type.Optional(Type.String({ pattern: '^[A-Z]{2}$' })),
        Email: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
        ...keyParameters,
      }),
      async run({ CertificateCollection: collection, ...wish }, _, { state, actor }) {
        checkReference(collection['@odata.id'], certificatesUri, 'CertificateCollection', 'GenerateCSR');
        const request = await state.certificates.request(
          {
            subject: {
              commonName: wish.CommonName,
              ...(wish.Organization !== undefined && { organization: wish.Organization }),
              ...(wish.OrganizationalUnit !== undefined && { organizationalUnit: wish.OrganizationalUnit }),
              ...(wish.City !== undefined && { city: wish.City }),
              ...(wish.State !== undefined && { state: wish.State }),
              ...(wish.Country !== undefined && { country: wish.Country }),
              ...(wish.Email !== undefined && { email: wish.Email }),
            },
            names: wish.AlternativeNames ?? [],
            keyKind: keyKindOf(wish),
            ...(wish.ChallengePassword !== undefined && { challengePassword: wish.ChallengePassword }),
          },
          actor,
        );
        return { status: 200, body: { CSRString: request, CertificateCollection: link(certificatesUri) } };
      },
    }),
    action({
      name: '#CertificateService.ReplaceCertificate',
      parameters: Type.Object({
        CertificateUri: reference,
        CertificateString: Type.String({ minLength: 1 }),
        CertificateType: Type.Enum(['PEM', 'PEMchain']),
      }),
      run({ CertificateUri: uri, CertificateString: text }, _, { state, actor }) {
        checkReference(uri['@odata.id'], certificateUri, 'CertificateUri', 'ReplaceCertificate');
        const { certificate, key } = keyApart(text);
        state.certificates.install(certificate, key, actor);
        return { status: 204, headers: { location: certificateUri } };
      },
    }),
  ],
});

function checkReference(given: string, expected: string, name: string, action: string): void {
  if (given.replace(/\/$/, '') === expected) return;
  throw new RedfishError(message('ActionParameterValueNotInList', given, name, action));
}

/** A private key may come with its certificate, in the same text. */
function keyApart(text: string): { readonly certificate: string; readonly key: string | undefined } {
  const block = /-----BEGIN ((?:EC |RSA )?PRIVATE KEY)-----[^-]*-----END \1-----\s*/;
  return { certificate: text.replace(block, ''), key: block.exec(text)?.[0] };
}

const certificateLocations = resource({
  path: '/redfish/v1/CertificateService/CertificateLocations',
  type: '#CertificateLocations.v1_0_4.CertificateLocations',
  privileges: { get: ['ConfigureManager'] },
  find: always,
  read: () => ({
    Id: 'CertificateLocations',
    Name: 'Where certificates are',
    Links: { Certificates: [link(certificateUri)], 'Certificates@odata.count': 1 },
  }),
});

const certificates = collection({
  path: '/redfish/v1/Managers/:managerId/NetworkProtocol/HTTPS/Certificates',
  type: '#CertificateCollection.CertificateCollection',
  name: 'Certificate of the server over HTTPS',
  privileges,
  find: findManager,
  members: () => [certificateUri],
  // There is one place: what is put there is the server's certificate from then on.
  create: create({
    schema: Type.Object({
      CertificateString: Type.String({ minLength: 1 }),
      CertificateType: Type.Enum(['PEM', 'PEMchain']),
    }),
    run({ CertificateString: text }, _, { state, actor }) {
      const { certificate, key } = keyApart(text);
      state.certificates.install(certificate, key, actor);
      return { status: 201, headers: { location: certificateUri } };
    },
  }),
});

const certificate = resource({
  path: '/redfish/v1/Managers/:managerId/NetworkProtocol/HTTPS/Certificates/:certificateId',
  type: '#Certificate.v1_11_0.Certificate',
  privileges,
  find: ({ managerId, certificateId }, { state }) =>
    (findManager({ managerId }) && certificateId === onlyId && state.certificates.describe()) || undefined,
  read: ({ found }) => ({
    Id: onlyId,
    Name: 'Certificate of the server over HTTPS',
    CertificateUsageTypes: ['Web'],
    ...certificateFacts(found),
  }),
  actions: [
    action({
      name: '#Certificate.Renew',
      parameters: Type.Object({ ChallengePassword: keyParameters.ChallengePassword }),
      async run({ ChallengePassword: challengePassword }, _, { state }) {
        const [own] = state.certificates.describe();
        const request = await state.certificates.renewalRequest({
          subject: subjectOf(own?.subject ?? {}),
          names: own?.alternativeNames ?? [],
          ...(challengePassword !== undefined && { challengePassword }),
        });
        return { status: 200, body: { CSRString: request, Certificate: link(certificateUri) } };
      },
    }),
    action({
      name: '#Certificate.Rekey',
      parameters: Type.Object(keyParameters),
      async run(wish, _, { state, actor }) {
        const [own] = state.certificates.describe();
        const request = await state.certificates.request(
          {
            subject: subjectOf(own?.subject ?? {}),
            names: own?.alternativeNames ?? [],
            keyKind: keyKindOf(wish),
            ...(wish.ChallengePassword !== undefined && { challengePassword: wish.ChallengePassword }),
          },
          actor,
        );
        return { status: 200, body: { CSRString: request, Certificate: link(certificateUri) } };
      },
    }),
  ],
});

/** @param chain the certificate itself first */
export function certificateFacts(chain: readonly CertificateDescription[]) {
  const [own] = chain;
  return {
    CertificateType: chain.length > 1 ? 'PEMchain' : 'PEM',
    CertificateString: chain.map(({ text }) => text.trimEnd()).join('\n'),
    ...(own && {
      Subject: { ...identifier(own.subject), AlternativeNames: [...own.alternativeNames] },
      Issuer: identifier(own.issuer),
      ValidNotBefore: dateTime(own.notBefore.getTime()),
      ValidNotAfter: dateTime(own.notAfter.getTime()),
      KeyUsage: [...own.keyUsage],
      SerialNumber: own.serialNumber,
      Fingerprint: own.fingerprint,
      FingerprintHashAlgorithm: 'TPM_ALG_SHA256',
      SignatureAlgorithm: own.signatureAlgorithm,
    }),
  };
}

function identifier(name: DistinguishedName) {
  const { commonName, organization, organizationalUnit, city, state, country, email, domainComponent } = name;
  const [unit, ...units] = organizationalUnit ?? [];
  const [common, ...commons] = commonName ?? [];
  return {
    CommonName: common,
    ...(commons.length > 0 && { AdditionalCommonNames: commons }),
    Organization: organization?.[0],
    OrganizationalUnit: unit,
    ...(units.length > 0 && { AdditionalOrganizationalUnits: units }),
    City: city?.[0],
    State: state?.[0],
    Country: country?.[0],
    Email: email?.[0],
    ...(domainComponent && { DomainComponents: [...domainComponent] }),
  };
}

function subjectOf(name: DistinguishedName): SigningRequestOptions['subject'] {
  const first = Object.fromEntries(Object.entries(name).map(([part, [text]]) => [part, text]));
  return { ...first, commonName: name.commonName?.[0] ?? '' };
}

export const certificateResources: readonly Resource[] = [
  certificateService,
  certificateLocations,
  certificates,
  certificate,
];
