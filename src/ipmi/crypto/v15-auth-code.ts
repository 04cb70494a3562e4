/** The authentication code of IPMI 1.5 packets, by MD5. IPMI 2.0 §22.17.1. */
import { createHash } from 'node:crypto';
import { ByteWriter } from '../../lib/bytes.ts';

/** IPMI 1.5 passwords are NUL padded to this many bytes. */
export const v15PasswordBytes = 16;

export interface V15Signed {
  readonly sessionId: number;
  readonly sequence: number;
  /** The whole IPMI message. */
  readonly payload: Uint8Array;
}

/**
 * @param password up to 16 bytes; never logged
 * @returns 16 bytes
 * @throws {RangeError} for a longer password
 */
export function v15AuthCode(password: Uint8Array, { sessionId, sequence, payload }: V15Signed): Uint8Array {
  const key = new Uint8Array(v15PasswordBytes);
  key.set(password);
  const data = new ByteWriter(44 + payload.length);
  data.bytes(key).u32le(sessionId).bytes(payload).u32le(sequence).bytes(key);
  return createHash('md5').update(data.finish()).digest();
}
