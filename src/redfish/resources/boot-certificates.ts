/** Whom the machine's firmware believes when it boots over HTTPS. DSP0268, ComputerSystem.Boot.Certificates. */
import { collection, create, type Resource, resource, type Target } from '../definition.ts';
import { findSystem, systemUri } from '../paths.ts';
import {
  checkOneCertificate,
  newCertificate,
  trustedCertificateBody,
  trustPrivileges,
} from './trusted-certificates.ts';

export const bootCertificatesUri = `${systemUri}/Boot/Certificates`;

const certificates = collection({
  path: '/redfish/v1/Systems/:systemId/Boot/Certificates',
  type: '#CertificateCollection.CertificateCollection',
  name: 'Certificates that firmware trusts at HTTPS boot',
  privileges: trustPrivileges,
  find: findSystem,
  members: (_, { bmc }) => bmc.bootCertificates.all.map(({ id }) => `${bootCertificatesUri}/${id}`),
  create: create({
    schema: newCertificate,
    run({ CertificateString: pem }, _: Target<unknown, true>, { bmc, actor }) {
      checkOneCertificate(pem);
      const { id } = bmc.bootCertificates.add(pem, actor);
      return { status: 201, headers: { location: `${bootCertificatesUri}/${id}` } };
    },
  }),
});

const certificate = resource({
  path: '/redfish/v1/Systems/:systemId/Boot/Certificates/:certificateId',
  type: '#Certificate.v1_11_0.Certificate',
  privileges: trustPrivileges,
  find: ({ systemId, certificateId }, { bmc }) =>
    findSystem({ systemId }) && bmc.bootCertificates.all.find(({ id }) => String(id) === certificateId),
  read: ({ found }) => trustedCertificateBody('Certificate that firmware trusts at HTTPS boot', found),
  remove({ found: { id } }, { bmc, actor }) {
    bmc.bootCertificates.remove(id, actor);
    return undefined;
  },
});

export const bootCertificateResources: readonly Resource[] = [certificates, certificate];
