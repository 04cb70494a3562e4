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
