/**
 * ASF presence ping and pong, by which clients find out that somebody speaks IPMI here.
 * IPMI 2.0 §13.2.3 and §13.2.4. The enterprise number is most significant byte first, unlike all of IPMI.
 */
import { ByteReader, ByteWriter } from '../../lib/bytes.ts';
import { RmcpClass, rmcpHeaderLength, writeRmcpHeader } from './header.ts';

export const asfEnterprise = 4542;
export const AsfType = { presencePong: 0x40, presencePing: 0x80 } as const;

export interface AsfMessage {
  readonly type: number;
  readonly tag: number;
  readonly data: Uint8Array;
}

/**
 * @param body the datagram after the RMCP header
 * @throws {DecodeError} when it is no ASF message
 */
export function decodeAsf(body: Uint8Array): AsfMessage {
  const reader = new ByteReader(body, 'ASF message');
  const enterprise = reader.u32be();
  if (enterprise !== asfEnterprise) reader.fail(`enterprise ${enterprise}, not ${asfEnterprise}`);
  const type = reader.u8();
  const tag = reader.u8();
  reader.u8();
  const data = reader.bytes(reader.u8());
  return { type, tag, data };
}

/** A whole datagram. */
export function encodeAsf({ type, tag, data }: AsfMessage): Uint8Array {
  const writer = new ByteWriter(rmcpHeaderLength + 8 + data.length);
  writer.bytes(new Uint8Array(rmcpHeaderLength));
  writer.u32be(asfEnterprise).u8(type).u8(tag).u8(0).u8(data.length).bytes(data);
  const datagram = writer.finish();
  writeRmcpHeader(datagram, RmcpClass.asf);
  return datagram;
}

/** IPMI supported, ASF 1.0. */
const supportedEntities = 0x81;

/** The datagram that answers a ping with the ping's tag. */
export function encodePong(tag: number): Uint8Array {
  const data = new ByteWriter(16);
  data.u32be(asfEnterprise).u32be(0).u8(supportedEntities).u8(0).bytes(new Uint8Array(6));
  return encodeAsf({ type: AsfType.presencePong, tag, data: data.finish() });
}
