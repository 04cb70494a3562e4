/** How certificates are shown. */
import { useFormats } from '../../i18n/formats.ts';
import type { Column } from '../../ui/table.tsx';
import type { Certificate } from './schema.ts';
import { useMediaBootWords } from './words.ts';

/** @returns what people call the one that a certificate is of */
export function certificateName(
  subject: { readonly CommonName?: string; readonly Organization?: string } | undefined,
): string {
  return subject?.CommonName || subject?.Organization || '—';
}

/** What a table tells of each certificate. */
export function useCertificateColumns(): readonly Column<Certificate>[] {
  const words = useMediaBootWords();
  const { date } = useFormats();
  return [
    { id: 'subject', header: words.subject, cell: ({ Subject }) => certificateName(Subject) },
    { id: 'issuer', header: words.issuer, cell: ({ Issuer }) => certificateName(Issuer) },
    {
      id: 'until',
      header: words.validUntil,
      narrow: true,
      cell: ({ ValidNotAfter: until }) => until && date(until),
    },
  ];
}
