/** The IPMI v1.5 session header, in sessions and around session-less messages. IPMI 2.0 §13.6, Table 13-8. */
import { ByteReader, concatBytes } from '../../lib/bytes.ts';
import { RmcpClass, rmcpHeaderLength, writeRmcpHeader } from '../rmcp/header.ts';

/** IPMI 2.0 Table 13-8; 06h announces an RMCP+ session header instead. */
export const AuthType = {
  none: 0x00,
  md2: 0x01,
  md5: 0x02,
  password: 0x04,
  oem: 0x05,
  rmcpPlus: 0x06,
} as const;

export interface V15Packet {
  readonly authType: number;
  readonly sequence: number;
  readonly sessionId: number;
  /** 16 bytes, or none when the authentication type is none. */
  readonly authCode: Uint8Array;
  readonly payload: Uint8Array;
}

const authCodeLength = 16;

/**
 * @param body the datagram after the RMCP header
 * @throws {DecodeError}
 */
export function decodeV15Packet(body: Uint8Array): V15Packet {
  const reader = new ByteReader(body, 'v1.5 session header');
  const authType = reader.u8();
  const sequence = reader.u32le();
  const sessionId = reader.u32le();
  const authCode = reader.bytes(authType === AuthType.none ? 0 : authCodeLength);
  const payload = reader.bytes(reader.u8());
  // Clients add one byte to datagrams of certain lengths, for network adapters of the past.
  if (reader.left > 1) reader.end();
  return { authType, sequence, sessionId, authCode, payload };
}

/** A whole datagram. */
export function encodeV15Packet(packet: V15Packet): Uint8Array {
  const header = new Uint8Array(rmcpHeaderLength + 9);
  writeRmcpHeader(header, RmcpClass.ipmi);
  const view = new DataView(header.buffer);
  view.setUint8(4, packet.authType);
  view.setUint32(5, packet.sequence, true);
  view.setUint32(9, packet.sessionId, true);
  return concatBytes(header, packet.authCode, Uint8Array.of(packet.payload.length), packet.payload);
}
