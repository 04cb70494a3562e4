/**
 * The messages that make a session: Open Session and RAKP 1 to 4. IPMI 2.0 §13.17 to §13.23. Replies here are what
 * a managed system sends; the ones with an error status end after the remote console's session ID.
 */
import { ByteReader, ByteWriter, concatBytes } from '../../lib/bytes.ts';

/** RMCP+ status codes. IPMI 2.0 §13.24, Table 13-15. */
export const RmcpStatus = {
  ok: 0x00,
  insufficientResources: 0x01,
  invalidSessionId: 0x02,
  invalidPayloadType: 0x03,
  invalidAuthAlgorithm: 0x04,
  invalidIntegrityAlgorithm: 0x05,
  noMatchingAuthPayload: 0x06,
  noMatchingIntegrityPayload: 0x07,
  inactiveSessionId: 0x08,
  invalidRole: 0x09,
  unauthorizedRole: 0x0a,
  insufficientResourcesAtRole: 0x0b,
  invalidNameLength: 0x0c,
  unauthorizedName: 0x0d,
  unauthorizedGuid: 0x0e,
  invalidIntegrityCheck: 0x0f,
  invalidConfidentialityAlgorithm: 0x10,
  noCipherSuiteMatch: 0x11,
  illegalParameter: 0x12,
} as const;
export type RmcpStatus = (typeof RmcpStatus)[keyof typeof RmcpStatus];

export const nonceLength = 16;
export const maxUserNameLength = 16;

/** The numbers of the three algorithms; undefined leaves the choice to the managed system. */
export interface AlgorithmProposal {
  readonly auth: number | undefined;
  readonly integrity: number | undefined;
  readonly confidentiality: number | undefined;
}

export interface OpenSessionRequest {
  readonly tag: number;
  /** 0 asks for the highest level there is. */
  readonly privilegeLevel: number;
  readonly remoteConsoleSessionId: number;
  readonly algorithms: AlgorithmProposal;
}

const recordLength = 8;

/** @throws {DecodeError} */
export function decodeOpenSessionRequest(payload: Uint8Array): OpenSessionRequest {
  const reader = new ByteReader(payload, 'Open Session Request');
  const tag = reader.u8();
  const privilegeLevel = reader.u8() & 0x0f;
  reader.u16le();
  const remoteConsoleSessionId = reader.u32le();
  const record = (type: number): number | undefined => {
    const found = reader.u8();
    if (found !== type) reader.fail(`algorithm record ${found}, not ${type}`);
    reader.u16le();
    const length = reader.u8();
    const algorithm = reader.u8() & 0x3f;
    reader.u24le();
    if (length === 0) return undefined;
    if (length !== recordLength) reader.fail(`algorithm record of ${length} bytes, not ${recordLength}`);
    return algorithm;
  };
  const algorithms = { auth: record(0), integrity: record(1), confidentiality: record(2) };
  reader.end();
  return { tag, privilegeLevel, remoteConsoleSessionId, algorithms };
}

export function encodeOpenSessionResponse(response: {
  readonly tag: number;
  readonly privilegeLevel: number;
  readonly remoteConsoleSessionId: number;
  readonly managedSystemSessionId: number;
  readonly algorithms: {
    readonly auth: number;
    readonly integrity: number;
    readonly confidentiality: number;
  };
}): Uint8Array {
  const { auth, integrity, confidentiality } = response.algorithms;
  const writer = new ByteWriter(36);
  writer.u8(response.tag).u8(RmcpStatus.ok).u8(response.privilegeLevel).u8(0);
  writer.u32le(response.remoteConsoleSessionId).u32le(response.managedSystemSessionId);
  [auth, integrity, confidentiality].forEach((algorithm, type) => {
    writer.u8(type).u16le(0).u8(recordLength).u8(algorithm).u24le(0);
  });
  return writer.finish();
}

/** A refusal of any of the three: 8 bytes. */
export function encodeRefusal(refusal: {
  readonly tag: number;
  readonly status: RmcpStatus;
  readonly remoteConsoleSessionId: number;
}): Uint8Array {
  return new ByteWriter(8)
    .u8(refusal.tag)
    .u8(refusal.status)
    .u16le(0)
    .u32le(refusal.remoteConsoleSessionId)
    .finish();
}

export interface Rakp1 {
  readonly tag: number;
  readonly managedSystemSessionId: number;
  readonly rm: Uint8Array;
  /** The whole byte: level in bits 3:0, name-only lookup in bit 4. It goes into the codes as it came. */
  readonly role: number;
  /** As many bytes as the message has, at most 16; `nameLength` is what it claims. */
  readonly userName: Uint8Array;
  readonly nameLength: number;
}

/** @throws {DecodeError} */
export function decodeRakp1(payload: Uint8Array): Rakp1 {
  const reader = new ByteReader(payload, 'RAKP 1');
  const tag = reader.u8();
  reader.u24le();
  const managedSystemSessionId = reader.u32le();
  const rm = reader.copy(nonceLength);
  const role = reader.u8();
  reader.u16le();
  const nameLength = reader.u8();
  // A name that is too long has an answer of its own, 0Ch, and is not looked at.
  const userName = reader.copy(nameLength > maxUserNameLength ? 0 : nameLength);
  // Some consoles send the name's field in full, 16 bytes, whatever is used of it.
  if (nameLength <= maxUserNameLength && reader.left > maxUserNameLength - nameLength) reader.end();
  return { tag, managedSystemSessionId, rm, role, userName, nameLength };
}

export function encodeRakp2(rakp2: {
  readonly tag: number;
  readonly remoteConsoleSessionId: number;
  readonly rc: Uint8Array;
  readonly guid: Uint8Array;
  readonly code: Uint8Array;
}): Uint8Array {
  const head = new ByteWriter(8).u8(rakp2.tag).u8(RmcpStatus.ok).u16le(0).u32le(rakp2.remoteConsoleSessionId);
  return concatBytes(head.finish(), rakp2.rc, rakp2.guid, rakp2.code);
}

export interface Rakp3 {
  readonly tag: number;
  /** Not 0 when the remote console gives up. */
  readonly status: number;
  readonly managedSystemSessionId: number;
  readonly code: Uint8Array;
}

/** @throws {DecodeError} */
export function decodeRakp3(payload: Uint8Array): Rakp3 {
  const reader = new ByteReader(payload, 'RAKP 3');
  const tag = reader.u8();
  const status = reader.u8();
  reader.u16le();
  const managedSystemSessionId = reader.u32le();
  const code = reader.copy(reader.left);
  return { tag, status, managedSystemSessionId, code };
}

export function encodeRakp4(rakp4: {
  readonly tag: number;
  readonly remoteConsoleSessionId: number;
  readonly checkValue: Uint8Array;
}): Uint8Array {
  const head = new ByteWriter(8).u8(rakp4.tag).u8(RmcpStatus.ok).u16le(0).u32le(rakp4.remoteConsoleSessionId);
  return concatBytes(head.finish(), rakp4.checkValue);
}
