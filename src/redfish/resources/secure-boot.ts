/**
 * Secure Boot: whether the machine's UEFI firmware boots only what is signed, and by which keys. The state of now is read
 * out of the firmware's own variables; keys are those that the next start finds. DSP0268: SecureBoot,
 * SecureBootDatabase, Certificate, Signature.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { type Static, Type } from 'typebox';
import {
  type BootKey,
  certificateType,
  hashTypes,
  type KeyDatabase,
  keyDatabases,
  type SecureBoot,
  sameKey,
} from '../../bmc/secure-boot.ts';
import { describeCertificates } from '../../http/certificate-check.ts';
import type { Context } from '../context.ts';
import {
  action,
  collection,
  create,
  type Outcome,
  type Resource,
  resource,
  type Target,
} from '../definition.ts';
import { RedfishError } from '../errors.ts';
import { about, message } from '../messages.ts';
import { each, property } from '../patch.ts';
import { findSystem, link, systemUri } from '../paths.ts';
import { certificateFacts } from './certificate.ts';

const secureBootUri = `${systemUri}/SecureBoot`;
const databasesUri = `${secureBootUri}/SecureBootDatabases`;
const readable = { get: ['Login'] } as const;
/** As with all certificates. */
const certificatePrivileges = {
  get: ['ConfigureManager'],
  post: ['ConfigureManager'],
  delete: ['ConfigureManager'],
} as const;
const signaturePrivileges = {
  get: ['Login'],
  post: ['ConfigureComponents'],
  delete: ['ConfigureComponents'],
} as const;

function findSecureBoot(params: { readonly systemId: string }, { bmc }: Context): SecureBoot | undefined {
  return findSystem(params) && bmc.secureBoot;
}

const secureBoot = resource({
  path: '/redfish/v1/Systems/:systemId/SecureBoot',
  type: '#SecureBoot.v1_1_2.SecureBoot',
  privileges: { get: ['Login'], patch: ['ConfigureComponents'], post: ['ConfigureComponents'] },
  find: findSecureBoot,
  read({ found }, { bmc }) {
    const { state } = found;
    return {
      Id: 'SecureBoot',
      Name: 'Secure Boot',
      SecureBootEnable: bmc.machineSettings.next.secureBoot,
      SecureBootCurrentBoot: state?.enabled ? 'Enabled' : 'Disabled',
      // Without a machine that runs with them, what it would find.
      SecureBootMode: (state ? state.setupMode : found.keys('PK').length === 0) ? 'SetupMode' : 'UserMode',
      SecureBootDatabases: link(databasesUri),
    };
  },
  patch: each({
    SecureBootEnable: property(Type.Boolean(), (secureBoot, _, { bmc, actor }) =>
      bmc.machineSettings.set({ secureBoot }, actor),
    ),
  }),
  actions: [
    action({
      name: '#SecureBoot.ResetKeys',
      parameters: Type.Object({
        ResetKeysType: Type.Enum(['ResetAllKeysToDefault', 'DeleteAllKeys', 'DeletePK']),
      }),
      run({ ResetKeysType: type }, { found }: Target<unknown, SecureBoot>, { actor }) {
        const to = type === 'ResetAllKeysToDefault' ? 'defaults' : 'nothing';
        found.reset(type === 'DeletePK' ? ['PK'] : keyDatabases, to, actor);
        return undefined;
      },
    }),
  ],
});

const databases = collection({
  path: '/redfish/v1/Systems/:systemId/SecureBoot/SecureBootDatabases',
  type: '#SecureBootDatabaseCollection.SecureBootDatabaseCollection',
  name: 'Databases of Secure Boot',
  privileges: readable,
  find: findSecureBoot,
  members: () => keyDatabases.map((name) => `${databasesUri}/${name}`),
});

interface Database {
  readonly name: KeyDatabase;
  readonly secureBoot: SecureBoot;
}

function findDatabase(
  { systemId, databaseId }: { readonly systemId: string; readonly databaseId: string },
  context: Context,
): Database | undefined {
  const found = findSecureBoot({ systemId }, context);
  const name = keyDatabases.find((each) => each === databaseId);
  return found && name && { name, secureBoot: found };
}

const database = resource({
  path: '/redfish/v1/Systems/:systemId/SecureBoot/SecureBootDatabases/:databaseId',
  type: '#SecureBootDatabase.v1_0_3.SecureBootDatabase',
  privileges: { get: ['Login'], post: ['ConfigureComponents'] },
  find: findDatabase,
  read: ({ found: { name } }) => ({
    Id: name,
    Name: `Database ${name} of Secure Boot`,
    DatabaseId: name,
    Certificates: link(`${databasesUri}/${name}/Certificates`),
    // Owners are named by their certificates alone.
    ...(takesHashes(name) && { Signatures: link(`${databasesUri}/${name}/Signatures`) }),
  }),
  actions: [
    action({
      name: '#SecureBootDatabase.ResetKeys',
      parameters: Type.Object({ ResetKeysType: Type.Enum(['ResetAllKeysToDefault', 'DeleteAllKeys']) }),
      run({ ResetKeysType: type }, { found }: Target<unknown, Database>, { actor }) {
        const to = type === 'ResetAllKeysToDefault' ? 'defaults' : 'nothing';
        found.secureBoot.reset([found.name], to, actor);
        return undefined;
      },
    }),
  ],
});

function takesHashes(name: KeyDatabase): boolean {
  return name === 'db' || name === 'dbx';
}

/** A key of a database, and what it is called there. */
interface Member extends Database {
  readonly id: string;
  readonly key: BootKey;
}

type Kind = 'Certificates' | 'Signatures';

/** The ID comes from what the key is: it stays the same when others go. */
function membersOf({ name, secureBoot: found }: Database, kind: Kind): Member[] {
  return found
    .keys(name)
    .filter(({ type }) => (type === certificateType) === (kind === 'Certificates'))
    .map((key) => ({ name, secureBoot: found, key, id: idOf(key) }));
}

function idOf({ type, owner, data }: BootKey): string {
  return createHash('sha256').update(`${type} ${owner} `).update(data).digest('hex').slice(0, 16);
}

function uriOf(name: KeyDatabase, kind: Kind, key: BootKey): string {
  return `${databasesUri}/${name}/${kind}/${idOf(key)}`;
}

function findMember(kind: Kind) {
  return (
    params: { readonly systemId: string; readonly databaseId: string; readonly keyId: string },
    context: Context,
  ): Member | undefined => {
    const found = findDatabase(params, context);
    return found && membersOf(found, kind).find(({ id }) => id === params.keyId);
  };
}

const guid = Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' });
/** Nobody in particular. */
const noOwner = '00000000-0000-0000-0000-000000000000';

function added({ name, secureBoot: found }: Database, kind: Kind, key: BootKey, { actor }: Context): Outcome {
  const uri = uriOf(name, kind, key);
  if (found.keys(name).some((each) => sameKey(each, key))) {
    throw new RedfishError(message('ResourceAlreadyExists', kind.slice(0, -1), 'Id', idOf(key)));
  }
  found.add(name, key, actor);
  return { status: 201, headers: { location: uri } };
}

function removed({ found: { name, secureBoot: found, key } }: Target<unknown, Member>, { actor }: Context) {
  found.remove(name, key, actor);
  return undefined;
}

const newCertificate = Type.Object({
  CertificateString: Type.String({ minLength: 1 }),
  CertificateType: Type.Enum(['PEM']),
  UefiSignatureOwner: Type.Optional(guid),
});

const certificates = collection({
  path: '/redfish/v1/Systems/:systemId/SecureBoot/SecureBootDatabases/:databaseId/Certificates',
  type: '#CertificateCollection.CertificateCollection',
  name: 'Certificates of a database of Secure Boot',
  privileges: certificatePrivileges,
  find: findDatabase,
  members: ({ found }) =>
    membersOf(found, 'Certificates').map(({ name, key }) => uriOf(name, 'Certificates', key)),
  create: create({
    schema: newCertificate,
    run: (properties, { found }: Target<unknown, Database>, context) =>
      added(found, 'Certificates', certificateKey(properties), context),
  }),
});

/** @throws {RedfishError} for anything but one certificate */
function certificateKey({
  CertificateString: text,
  UefiSignatureOwner: owner,
}: Static<typeof newCertificate>): BootKey {
  const [own, ...others] = describeCertificates(text);
  if (!own || others.length > 0) {
    throw new RedfishError(
      about(
        '#/CertificateString',
        message('PropertyValueFormatError', '(certificates)', 'CertificateString'),
      ),
    );
  }
  const data = new Uint8Array(new X509Certificate(own.text).raw);
  return { type: certificateType, owner: (owner ?? noOwner).toLowerCase(), data };
}

const certificate = resource({
  path: '/redfish/v1/Systems/:systemId/SecureBoot/SecureBootDatabases/:databaseId/Certificates/:keyId',
  type: '#Certificate.v1_11_0.Certificate',
  privileges: certificatePrivileges,
  find: findMember('Certificates'),
  read: ({ found: { id, name, key } }) => ({
    Id: id,
    Name: `Certificate in ${name}`,
    ...certificateFacts(describeCertificates(new X509Certificate(key.data).toString())),
    CertificateUsageTypes: ['BIOS'],
    UefiSignatureOwner: key.owner,
  }),
  remove: removed,
});

const newSignature = Type.Object({
  SignatureString: Type.String({ minLength: 1, maxLength: 1024 }),
  SignatureType: Type.Enum(Object.keys(hashTypes) as (keyof typeof hashTypes)[]),
  SignatureTypeRegistry: Type.Enum(['UEFI']),
  UefiSignatureOwner: Type.Optional(guid),
});

const signatures = collection({
  path: '/redfish/v1/Systems/:systemId/SecureBoot/SecureBootDatabases/:databaseId/Signatures',
  type: '#SignatureCollection.SignatureCollection',
  name: 'Hashes of a database of Secure Boot',
  privileges: signaturePrivileges,
  find: findHashes,
  members: ({ found }) =>
    membersOf(found, 'Signatures').map(({ name, key }) => uriOf(name, 'Signatures', key)),
  create: create({
    schema: newSignature,
    run: (properties, { found }: Target<unknown, Database>, context) =>
      added(found, 'Signatures', signatureKey(properties), context),
  }),
});

function findHashes(
  params: { readonly systemId: string; readonly databaseId: string },
  context: Context,
): Database | undefined {
  const found = findDatabase(params, context);
  return found && takesHashes(found.name) ? found : undefined;
}

/** Hexadecimal digits, or base64. @throws {RedfishError} for anything else */
function signatureKey(properties: Static<typeof newSignature>): BootKey {
  const { SignatureString: text, SignatureType: type, UefiSignatureOwner: owner } = properties;
  const length = hashTypes[type];
  const encoding = text.length === length * 2 ? 'hex' : 'base64';
  const data = new Uint8Array(Buffer.from(text, encoding));
  if (
    data.length !== length ||
    Buffer.from(data).toString(encoding) !== (encoding === 'hex' ? text.toLowerCase() : text)
  ) {
    throw new RedfishError(
      about('#/SignatureString', message('PropertyValueFormatError', text, 'SignatureString')),
    );
  }
  return { type, owner: (owner ?? noOwner).toLowerCase(), data };
}

const signature = resource({
  path: '/redfish/v1/Systems/:systemId/SecureBoot/SecureBootDatabases/:databaseId/Signatures/:keyId',
  type: '#Signature.v1_0_3.Signature',
  privileges: signaturePrivileges,
  find: findMember('Signatures'),
  read: ({ found: { id, name, key } }) => ({
    Id: id,
    Name: `Hash in ${name}`,
    SignatureString: Buffer.from(key.data).toString('hex'),
    SignatureType: key.type,
    SignatureTypeRegistry: 'UEFI',
    UefiSignatureOwner: key.owner,
  }),
  remove: removed,
});

export const secureBootResources: readonly Resource[] = [
  secureBoot,
  databases,
  database,
  certificates,
  certificate,
  signatures,
  signature,
];
