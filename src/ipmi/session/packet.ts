/**
 * The RMCP+ session header and trailer around a payload. IPMI 2.0 §13.6, Table 13-8. Knows where things are, not
 * whether they are right: keys, sequence numbers and sessions are others' business.
 */
import { DecodeError } from '../../lib/bytes.ts';
import { type Confidentiality, sealedLength } from '../crypto/confidentiality.ts';
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

/** A packet in the bytes that it was decoded from: what is seldom asked for is cut out when it is. */
export class RmcpPlusPacket {
  /** 0 to 3Fh, of {@link PayloadType} or any other. */
  readonly payloadType: number;
  readonly encrypted: boolean;
  readonly authenticated: boolean;
  readonly sessionId: number;
  readonly sequence: number;
  /** Where the packet begins in its bytes, and where the payload is. */
  readonly start: number;
  readonly payloadStart: number;
  readonly payloadEnd: number;
  readonly #bytes: Uint8Array;

  /** @param at where the session ID is */
  constructor(bytes: Uint8Array, start: number, at: number, payloadEnd: number) {
    const type = bytes[start + 1] as number;
    this.payloadType = type & 0x3f;
    this.encrypted = (type & encryptedBit) !== 0;
    this.authenticated = (type & authenticatedBit) !== 0;
    this.sessionId = u32le(bytes, at);
    this.sequence = u32le(bytes, at + 4);
    this.start = start;
    this.payloadStart = at + headerLength - 2;
    this.payloadEnd = payloadEnd;
    this.#bytes = bytes;
  }

  /** Still encrypted when `encrypted`. A view. */
  get payload(): Uint8Array {
    return this.#bytes.subarray(this.payloadStart, this.payloadEnd);
  }

  /** Enterprise and payload ID, of payload type OEM explicit. */
  get oem(): Uint8Array | undefined {
    const at = this.start + 2;
    return this.payloadType === PayloadType.oemExplicit
      ? this.#bytes.subarray(at, at + oemLength)
      : undefined;
  }

  /** Of everything behind the payload: 0 unless `authenticated`. */
  get trailerLength(): number {
    return this.#bytes.length - this.payloadEnd;
  }
}

/**
 * @param start where the packet begins: behind the RMCP header of a whole datagram
 * @throws {DecodeError} when lengths do not fit, or something follows an unauthenticated payload
 */
export function decodePacket(bytes: Uint8Array, start = 0): RmcpPlusPacket {
  const length = bytes.length - start;
  const authType = bytes[start];
  const type = bytes[start + 1];
  if (authType !== AuthType.rmcpPlus || type === undefined) {
    throw new DecodeError(`RMCP+ session header: authentication type ${authType}, not ${AuthType.rmcpPlus}`);
  }
  const at = start + 2 + ((type & 0x3f) === PayloadType.oemExplicit ? oemLength : 0);
  const payloadStart = at + headerLength - 2;
  if (bytes.length < payloadStart) {
    const needed = payloadStart - start;
    throw new DecodeError(`RMCP+ session header: need ${needed} bytes, ${length} given`, 'length');
  }
  const payloadEnd = payloadStart + ((bytes[at + 8] as number) | ((bytes[at + 9] as number) << 8));
  const authenticated = (type & authenticatedBit) !== 0;
  if (bytes.length < payloadEnd || (!authenticated && bytes.length > payloadEnd)) {
    throw new DecodeError(`RMCP+ payload: ends at ${payloadEnd - start}, ${length} bytes given`, 'length');
  }
  return new RmcpPlusPacket(bytes, start, at, payloadEnd);
}

/**
 * Checks the trailer of an authenticated packet.
 * @param bytes the same that were given to {@link decodePacket}
 */
export function verifyPacket(bytes: Uint8Array, packet: RmcpPlusPacket, integrity: Integrity): boolean {
  const codeStart = bytes.length - integrity.codeLength;
  const padLength = packet.trailerLength - integrity.codeLength - trailerLength;
  if (padLength < 0 || padLength > 3 || (codeStart - packet.start) % 4 !== 0) return false;
  if (bytes[codeStart - 1] !== nextHeader || bytes[codeStart - 2] !== padLength) return false;
  for (let at = codeStart - trailerLength - padLength; at < codeStart - trailerLength; at++) {
    if (bytes[at] !== 0xff) return false;
  }
  return integrity.verify(bytes, packet.start, codeStart);
}

/** What {@link encodePacket} needs. */
export interface OutgoingPacket {
  readonly payloadType: number;
  readonly sessionId: number;
  readonly sequence: number;
  /** In clear. */
  readonly payload: Uint8Array;
}

/**
 * A whole datagram.
 * @param integrity signs the packet; undefined sends it unauthenticated
 * @param confidentiality encrypts the payload; undefined sends it in clear
 */
export function encodePacket(
  packet: OutgoingPacket,
  integrity?: Integrity,
  confidentiality?: Confidentiality,
): Uint8Array {
  const { payload, sessionId, sequence } = packet;
  const payloadStart = rmcpHeaderLength + headerLength;
  const payloadLength = confidentiality ? sealedLength(payload.length) : payload.length;
  const payloadEnd = payloadStart + payloadLength;
  const padLength = integrity ? -(payloadEnd + trailerLength) & 3 : 0;
  const codeStart = payloadEnd + padLength + trailerLength;
  // From the pool, since memory of its own costs ten times as much; every byte is written.
  const datagram = Buffer.allocUnsafe(integrity ? codeStart + integrity.codeLength : payloadEnd);
  writeRmcpHeader(datagram, RmcpClass.ipmi);
  datagram[4] = AuthType.rmcpPlus;
  datagram[5] =
    packet.payloadType | (confidentiality ? encryptedBit : 0) | (integrity ? authenticatedBit : 0);
  putU32le(datagram, 6, sessionId);
  putU32le(datagram, 10, sequence);
  datagram[14] = payloadLength;
  datagram[15] = payloadLength >>> 8;
  if (confidentiality) confidentiality.seal(payload, datagram, payloadStart);
  else datagram.set(payload, payloadStart);
  if (integrity) {
    for (let i = 0; i < padLength; i++) datagram[payloadEnd + i] = 0xff;
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
