/**
 * The IPMI message as LAN payloads carry it: addresses, network function, sequence number, two checksums.
 * IPMI 2.0 §13.8, Tables 13-8 and 5-1.
 */
import { DecodeError } from '../../lib/bytes.ts';

/** Slave address of the BMC. IPMI 2.0 Table 5-3. */
export const bmcAddress = 0x20;
/** Bytes of a message without data. */
const overhead = 7;
const noData = new Uint8Array();

export interface IpmiRequest {
  readonly rsAddr: number;
  readonly netFn: number;
  readonly rsLun: number;
  readonly rqAddr: number;
  readonly rqSeq: number;
  readonly rqLun: number;
  readonly cmd: number;
  readonly data: Uint8Array;
}

/** The value that makes the sum of all bytes and itself 0, modulo 256. */
export function checksum(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += bytes[i] as number;
  return -sum & 0xff;
}

/** @throws {DecodeError} for fewer than 7 bytes or a wrong checksum */
export function decodeMessage(bytes: Uint8Array): IpmiRequest {
  const length = bytes.length;
  if (length < overhead) {
    throw new DecodeError(`IPMI message: need ${overhead} bytes, ${length} given`, 'length');
  }
  if (checksum(bytes, 0, 3) !== 0) throw new DecodeError('IPMI message: checksum 1 is wrong');
  if (checksum(bytes, 3, length) !== 0) throw new DecodeError('IPMI message: checksum 2 is wrong');
  const netFnLun = bytes[1] as number;
  const seqLun = bytes[4] as number;
  return {
    rsAddr: bytes[0] as number,
    netFn: netFnLun >> 2,
    rsLun: netFnLun & 3,
    rqAddr: bytes[3] as number,
    rqSeq: seqLun >> 2,
    rqLun: seqLun & 3,
    cmd: bytes[5] as number,
    data: length === overhead ? noData : bytes.slice(6, length - 1),
  };
}

/** The fields keep their places in requests and responses alike; only who is "rs" and "rq" changes. */
export function encodeMessage(message: IpmiRequest): Uint8Array {
  const { data } = message;
  const bytes = new Uint8Array(overhead + data.length);
  bytes[0] = message.rsAddr;
  bytes[1] = (message.netFn << 2) | message.rsLun;
  bytes[2] = checksum(bytes, 0, 2);
  bytes[3] = message.rqAddr;
  bytes[4] = (message.rqSeq << 2) | message.rqLun;
  bytes[5] = message.cmd;
  bytes.set(data, 6);
  bytes[bytes.length - 1] = checksum(bytes, 3, bytes.length - 1);
  return bytes;
}

/** @param reply completion code, then the response's data */
export function encodeResponse(request: IpmiRequest, reply: Uint8Array): Uint8Array {
  return encodeMessage({
    rsAddr: request.rqAddr,
    netFn: request.netFn | 1,
    rsLun: request.rqLun,
    rqAddr: request.rsAddr,
    rqSeq: request.rqSeq,
    rqLun: request.rsLun,
    cmd: request.cmd,
    data: reply,
  });
}
