/**
 * The secrets of a login: RAKP authentication codes, session integrity key, K1 and K2.
 * IPMI 2.0 §13.28 to §13.32. Session IDs and all else go into the HMACs as they are on the wire.
 */
import { ByteWriter } from '../../lib/bytes.ts';
import type { AuthName } from './cipher-suites.ts';
import { type KeyedHash, keyedHmac } from './keyed-hmac.ts';

/** What the two sides told each other, under the specification's letters M (remote console) and C (managed system). */
export interface RakpTranscript {
  readonly remoteConsoleSessionId: number;
  readonly managedSystemSessionId: number;
  /** 16 bytes from the remote console. */
  readonly rm: Uint8Array;
  /** 16 bytes from the managed system. */
  readonly rc: Uint8Array;
  /** 16 bytes: the managed system's GUID. */
  readonly guid: Uint8Array;
  /** The whole byte of RAKP 1: requested level and, in bit 4, name-only lookup. */
  readonly role: number;
  readonly userName: Uint8Array;
}

interface AuthDetails {
  readonly hash: 'sha1' | 'md5' | 'sha256';
  /** Bytes of the RAKP 2 and RAKP 3 codes, and of SIK, K1 and K2. */
  readonly codeLength: number;
  /** Bytes of the RAKP 4 check value, truncated by this algorithm whatever the integrity algorithm is. */
  readonly checkLength: number;
}

export const authDetails = {
  hmacSha1: { hash: 'sha1', codeLength: 20, checkLength: 12 },
  hmacMd5: { hash: 'md5', codeLength: 16, checkLength: 16 },
  hmacSha256: { hash: 'sha256', codeLength: 32, checkLength: 16 },
} as const satisfies Record<AuthName, AuthDetails>;

/** A secret that codes of a login are made with, keyed once for all of them. */
export class LoginKey {
  readonly #details: AuthDetails;
  readonly #hash: KeyedHash;

  /** @param secret up to 64 bytes; never logged. @throws {RangeError} for a longer one */
  constructor(auth: AuthName, secret: Uint8Array) {
    this.#details = authDetails[auth];
    this.#hash = keyedHmac(this.#details.hash, secret);
  }

  code(data: Uint8Array): Uint8Array {
    return this.#code(data, this.#details.codeLength);
  }

  checkValue(data: Uint8Array): Uint8Array {
    return this.#code(data, this.#details.checkLength);
  }

  #code(data: Uint8Array, length: number): Uint8Array {
    const code = new Uint8Array(length);
    this.#hash.code(data, 0, data.length, code, 0, length);
    return code;
  }
}

/** Of the code that is being made: nothing waits in between. */
const data = new ByteWriter(128);

/** @param kuid of the user's password; zero padding to 20 bytes makes no difference to an HMAC */
export function rakp2Code(kuid: LoginKey, t: RakpTranscript): Uint8Array {
  data.clear();
  data.u32le(t.remoteConsoleSessionId).u32le(t.managedSystemSessionId);
  data.bytes(t.rm).bytes(t.rc).bytes(t.guid);
  data.u8(t.role).u8(t.userName.length).bytes(t.userName);
  return kuid.code(data.finish());
}

export function rakp3Code(kuid: LoginKey, t: RakpTranscript): Uint8Array {
  data.clear();
  data.bytes(t.rc).u32le(t.remoteConsoleSessionId);
  data.u8(t.role).u8(t.userName.length).bytes(t.userName);
  return kuid.code(data.finish());
}

/**
 * @param kg of the BMC key, or of the user's password when two-key login is off
 * @returns 16, 20 or 32 bytes, by the suite's hash; never logged
 */
export function sessionIntegrityKey(kg: LoginKey, t: RakpTranscript): Uint8Array {
  data.clear();
  data.bytes(t.rm).bytes(t.rc);
  data.u8(t.role).u8(t.userName.length).bytes(t.userName);
  return kg.code(data.finish());
}

export function rakp4CheckValue(sik: LoginKey, t: RakpTranscript): Uint8Array {
  data.clear();
  data.bytes(t.rm).u32le(t.managedSystemSessionId).bytes(t.guid);
  return sik.checkValue(data.finish());
}

const [ones, twos] = [new Uint8Array(20).fill(1), new Uint8Array(20).fill(2)] as const;

/**
 * Derive K1 and K2. IPMI 2.0 §13.32.
 * @returns k1 and k2, each as long as the session integrity key; AES takes the first 16 bytes of k2
 */
export function sessionKeys(sik: LoginKey): { k1: Uint8Array; k2: Uint8Array } {
  return { k1: sik.code(ones), k2: sik.code(twos) };
}
