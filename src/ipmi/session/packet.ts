/**
 * The RMCP+ session header and trailer around a payload. IPMI 2.0 §13.6, Table 13-8. Knows where things are, not
 * whether they are right: keys, sequence numbers and sessions are others' business.
 */
import { DecodeError } from '../../lib/bytes.ts';
import type { Integrity } from '../crypto/integrity.ts';
import { PayloadType } from '../payload.ts';
import { RmcpClass, rmcpHeaderLength, writeRmcpHeader } from '../rmcp/header.ts';
import { AuthType } from './v15-packet.ts';

const headerLength = 12;
const oemLength = 6;
/** Pad length and next header, behind the padding. */
const trailerLength = 2;
const nextHeader = 0x07;
const encryptedBit = 0x80;
const authenticatedBit = 0x40;

export interface RmcpPlusPacket {
  /** 0 to 3Fh, of {@link PayloadType} or any other. */
  readonly payloadType: number;
  readonly encrypted: boolean;
  readonly authenticated: boolean;
  /** Enterprise and payload ID, of payload type OEM explicit. */
  readonly oem: Uint8Array | undefined;
  readonly sessionId: number;
  readonly sequence: number;
  /** Still encrypted when `encrypted`. */
  readonly payload: Uint8Array;
  /** Of everything behind the payload: 0 unless `authenticated`. */
  readonly trailerLength: number;
}

/**
 * @param body the datagram after the RMCP header
 * @throws {DecodeError} when lengths do not fit, or something follows an unauthenticated payload
 */
export function decodePacket(body: Uint8Array): RmcpPlusPacket {
  const type = body[1];
  if (body[0] !== AuthType.rmcpPlus || type === undefined) {
    throw new DecodeError(`RMCP+ session header: authentication type ${body[0]}, not ${AuthType.rmcpPlus}`);
  }
  const payloadType = type & 0x3f;
  const oem = payloadType === PayloadType.oemExplicit;
  const at = oem ? 2 + oemLength : 2;
  const start = at + headerLength - 2;
  if (body.length < start) {
    throw new DecodeError(`RMCP+ session header: need ${start} bytes, ${body.length} given`, 'length');
  }
  const end = start + ((body[at + 8] as number) | ((body[at + 9] as number) << 8));
  const authenticated = (type & authenticatedBit) !== 0;
  if (body.length < end || (!authenticated && body.length > end)) {
    throw new DecodeError(`RMCP+ payload: ends at ${end}, ${body.length} bytes given`, 'length');
  }
  return {
    payloadType,
    encrypted: (type & encryptedBit) !== 0,
    authenticated,
    oem: oem ? body.subarray(2, at) : undefined,
    sessionId: u32le(body, at),
    sequence: u32le(body, at + 4),
    payload: body.subarray(start, end),
    trailerLength: body.length - end,
  };
}

/**
 * Checks the trailer of an authenticated packet.
 * @param body the same bytes that were given to {@link decodePacket}
 */
export function verifyPacket(body: Uint8Array, packet: RmcpPlusPacket, integrity: Integrity): boolean {
  const codeStart = body.length - integrity.codeLength;
  const padLength = packet.trailerLength - integrity.codeLength - trailerLength;
  if (padLength < 0 || padLength > 3 || codeStart % 4 !== 0) return false;
  if (body[codeStart - 1] !== nextHeader || body[codeStart - 2] !== padLength) return false;
  for (let at = codeStart - trailerLength - padLength; at < codeStart - trailerLength; at++) {
    if (body[at] !== 0xff) return false;
  }
  return integrity.verify(body, 0, codeStart);
}

/** What {@link encodePacket} needs; `payload` is already encrypted when `encrypted`. */
export interface OutgoingPacket {
  readonly payloadType: number;
  readonly encrypted: boolean;
  readonly sessionId: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/**
 * A whole datagram.
 * @param integrity signs the packet; undefined sends it unauthenticated
 */
export function encodePacket(packet: OutgoingPacket, integrity?: Integrity): Uint8Array {
  const { payload, sessionId, sequence } = packet;
  const payloadEnd = rmcpHeaderLength + headerLength + payload.length;
  const padLength = integrity ? -(payloadEnd + trailerLength) & 3 : 0;
  const codeStart = payloadEnd + padLength + trailerLength;
  // From the pool, since memory of its own costs ten times as much; every byte is written.
  const datagram = Buffer.allocUnsafe(integrity ? codeStart + integrity.codeLength : payloadEnd);
  writeRmcpHeader(datagram, RmcpClass.ipmi);
  datagram[4] = AuthType.rmcpPlus;
  datagram[5] =
    packet.payloadType | (packet.encrypted ? encryptedBit : 0) | (integrity ? authenticatedBit : 0);
  putU32le(datagram, 6, sessionId);
  putU32le(datagram, 10, sequence);
  datagram[14] = payload.length;
  datagram[15] = payload.length >>> 8;
  datagram.set(payload, rmcpHeaderLength + headerLength);
  if (integrity) {
    datagram.fill(0xff, payloadEnd, payloadEnd + padLength);
    datagram[codeStart - 2] = padLength;
    datagram[codeStart - 1] = nextHeader;
    integrity.sign(datagram, rmcpHeaderLength, codeStart);
  }
  return datagram;
}

function u32le(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

function putU32le(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
