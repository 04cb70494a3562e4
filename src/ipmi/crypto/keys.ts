/**
 * The secrets of a login: RAKP authentication codes, session integrity key, K1 and K2.
 * IPMI 2.0 §13.28 to §13.32. Session IDs and all else go into the HMACs as they are on the wire.
 */
import { createHmac } from 'node:crypto';
import { ByteWriter } from '../../lib/bytes.ts';
import type { AuthName } from './cipher-suites.ts';
import { KeyedHmac } from './keyed-hmac.ts';

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

function hmac(auth: AuthName, key: Uint8Array, data: Uint8Array): Uint8Array {
  const { hash, codeLength } = authDetails[auth];
  if (hash === 'md5') return createHmac(hash, key).update(data).digest();
  const code = new Uint8Array(codeLength);
  new KeyedHmac(hash, key).code(data, 0, data.length, code, 0, codeLength);
  return code;
}

/** @param kuid the user's password; zero padding to 20 bytes makes no difference to an HMAC */
export function rakp2Code(auth: AuthName, kuid: Uint8Array, t: RakpTranscript): Uint8Array {
  const data = new ByteWriter(80);
  data.u32le(t.remoteConsoleSessionId).u32le(t.managedSystemSessionId);
  data.bytes(t.rm).bytes(t.rc).bytes(t.guid);
  data.u8(t.role).u8(t.userName.length).bytes(t.userName);
  return hmac(auth, kuid, data.finish());
}

export function rakp3Code(auth: AuthName, kuid: Uint8Array, t: RakpTranscript): Uint8Array {
  const data = new ByteWriter(48);
  data.bytes(t.rc).u32le(t.remoteConsoleSessionId);
  data.u8(t.role).u8(t.userName.length).bytes(t.userName);
  return hmac(auth, kuid, data.finish());
}

/** @param kg the BMC key, or the user's password when two-key login is off */
export function sessionIntegrityKey(auth: AuthName, kg: Uint8Array, t: RakpTranscript): Uint8Array {
  const data = new ByteWriter(56);
  data.bytes(t.rm).bytes(t.rc);
  data.u8(t.role).u8(t.userName.length).bytes(t.userName);
  return hmac(auth, kg, data.finish());
}

export function rakp4CheckValue(auth: AuthName, sik: Uint8Array, t: RakpTranscript): Uint8Array {
  const data = new ByteWriter(40);
  data.bytes(t.rm).u32le(t.managedSystemSessionId).bytes(t.guid);
  return hmac(auth, sik, data.finish()).subarray(0, authDetails[auth].checkLength);
}

/**
 * Derive K1 and K2. IPMI 2.0 §13.32.
 * @param sik 16, 20 or 32 bytes, by the suite's hash; never logged
 * @returns k1 and k2, each as long as `sik`; AES takes the first 16 bytes of k2
 */
export function sessionKeys(auth: AuthName, sik: Uint8Array): { k1: Uint8Array; k2: Uint8Array } {
  return {
    k1: hmac(auth, sik, new Uint8Array(20).fill(1)),
    k2: hmac(auth, sik, new Uint8Array(20).fill(2)),
  };
}
