/** What a password must be like: one for all faces, so IPMI's limits hold. IPMI 2.0 §22.30 */

/** So many bytes the older form of IPMI's passwords has. */
export const shortPasswordBytes = 16;

export interface PasswordLimits {
  /** In bytes of UTF-8. */
  readonly least: number;
  readonly most: number;
}

/** `long`: good, but only for clients that know IPMI's longer form. */
export type PasswordVerdict = 'empty' | 'too-short' | 'too-long' | 'bad-character' | 'long' | 'good';

export function passwordBytes(password: string): number {
  return new TextEncoder().encode(password).length;
}

export function judgePassword(password: string, { least, most }: PasswordLimits): PasswordVerdict {
  if (password === '') return 'empty';
  if (/[\0\p{Surrogate}]/u.test(password)) return 'bad-character';
  const bytes = passwordBytes(password);
  if (bytes < least) return 'too-short';
  if (bytes > most) return 'too-long';
  return bytes > shortPasswordBytes ? 'long' : 'good';
}

export function isUsable(verdict: PasswordVerdict): boolean {
  return verdict === 'good' || verdict === 'long';
}
