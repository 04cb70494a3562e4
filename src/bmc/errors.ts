/** Refusals: what the core says to a face when a request cannot be granted. Each face has a table for them. */

export const bmcErrorKinds = [
  'bad-argument',
  'not-found',
  'wrong-state',
  'not-supported',
  'busy',
  'timed-out',
  'no-space',
  'not-permitted',
] as const;
export type BmcErrorKind = (typeof bmcErrorKinds)[number];

export class BmcError extends Error {
  override readonly name = 'BmcError';
  readonly kind: BmcErrorKind;

  constructor(kind: BmcErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** What a disk says that has no room, or takes nothing any more. */
const fullCodes: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS'];

/**
 * The refusal for a change that could not be written down.
 * @param what could not be done, such as `state boot not saved`
 * @param cause as the file system threw it, or already a refusal
 */
export function savingError(what: string, cause: unknown): BmcError {
  if (cause instanceof BmcError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  return new BmcError(fullCodes.includes(code) ? 'no-space' : 'timed-out', `${what}: ${message}`, { cause });
}
