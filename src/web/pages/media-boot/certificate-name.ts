/** @returns what people call the one that a certificate is of */
export function certificateName(
  subject: { readonly CommonName?: string; readonly Organization?: string } | undefined,
): string {
  return subject?.CommonName || subject?.Organization || '—';
}
