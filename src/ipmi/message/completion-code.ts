/** Completion codes. IPMI 2.0 §5.2, Table 5-2; 80h to BEh belong to single commands. */
import type { BmcError, BmcErrorKind } from '../../bmc/errors.ts';

export const CompletionCode = {
  ok: 0x00,
  nodeBusy: 0xc0,
  invalidCommand: 0xc1,
  invalidForLun: 0xc2,
  timeout: 0xc3,
  outOfSpace: 0xc4,
  reservationCancelled: 0xc5,
  requestTruncated: 0xc6,
  requestLengthInvalid: 0xc7,
  fieldLengthExceeded: 0xc8,
  parameterOutOfRange: 0xc9,
  cannotReturnThatMany: 0xca,
  notPresent: 0xcb,
  invalidField: 0xcc,
  illegalForSensor: 0xcd,
  cannotRespond: 0xce,
  duplicatedRequest: 0xcf,
  insufficientPrivilege: 0xd4,
  notSupportedInState: 0xd5,
  parameterIllegal: 0xd6,
  unspecified: 0xff,
} as const;

const codeOfError = {
  'bad-argument': CompletionCode.invalidField,
  'not-found': CompletionCode.notPresent,
  'wrong-state': CompletionCode.notSupportedInState,
  'not-supported': CompletionCode.parameterIllegal,
  busy: CompletionCode.nodeBusy,
  'timed-out': CompletionCode.timeout,
  'no-space': CompletionCode.outOfSpace,
  'not-permitted': CompletionCode.insufficientPrivilege,
} as const satisfies Record<BmcErrorKind, number>;

/** Thrown by a command handler to refuse with a code of its own, optionally with data behind it. */
export class CompletionError extends Error {
  override readonly name = 'CompletionError';
  readonly code: number;
  readonly data: Uint8Array;

  constructor(code: number, message: string, data: Uint8Array = new Uint8Array()) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** The code that tells an IPMI client of a refusal by the core. */
export function completionCodeOf(error: BmcError): number {
  return codeOfError[error.kind];
}
