import { useMay } from '../../api/privileges.ts';
import { useDelete, useMembers } from '../../api/queries.ts';
import { IconButton } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Skeleton } from '../../ui/skeleton.tsx';
import { Table } from '../../ui/table.tsx';
import { AddCertificate } from './add-certificate.tsx';
import { certificateName, useCertificateColumns } from './certificate-table.ts';
import type { Certificate } from './schema.ts';
import { useMediaBootWords } from './words.ts';

/** The certificates that vouch for servers of images. */
export function TrustDialog({ uri, onClose }: { readonly uri: string; onClose(): void }) {
  const words = useMediaBootWords();
  const described = useCertificateColumns();
  const may = useMay('ConfigureManager');
  const certificates = useMembers<Certificate>(uri);
  const remove = useDelete();
  return (
    <Dialog open title={words.trusted} description={words.trustedText} onClose={onClose}>
      {certificates.isPending && <Skeleton lines={3} />}
      {certificates.error && <ErrorPanel error={certificates.error} />}
      {certificates.data && (
        <Table
          label={words.trusted}
          room={30}
          rows={certificates.data}
          rowKey={({ Id: id }) => id}
          empty={<EmptyState icon="shield" title={words.noTrusted} />}
          columns={[
            ...described,
            {
              id: 'actions',
              header: '',
              narrow: true,
              cell: (certificate) => (
                <IconButton
                  icon="remove"
                  size="small"
                  label={words.removeNamed(certificateName(certificate.Subject))}
                  disabled={!may}
                  onClick={() => remove.mutate(certificate['@odata.id'])}
                />
              ),
            },
          ]}
        />
      )}
      {remove.error && <ErrorPanel error={remove.error} />}
      {may && <AddCertificate uri={uri} />}
    </Dialog>
  );
}
