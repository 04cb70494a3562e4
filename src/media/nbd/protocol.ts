/**
 * The NBD protocol, as far as a server of one read-only export speaks it: fixed newstyle negotiation and simple replies.
 * "The NBD protocol", github.com/NetworkBlockDevice/nbd, doc/proto.md. Big-endian throughout.
 */

export const NbdOption = { exportName: 1, abort: 2, list: 3, info: 6, go: 7 } as const;
export const NbdReplyType = {
  ack: 1,
  server: 2,
  info: 3,
  unsupported: 0x8000_0001,
  invalid: 0x8000_0003,
  unknown: 0x8000_0006,
  tooBig: 0x8000_0009,
} as const;
export const NbdInfo = { export: 0, blockSize: 3 } as const;
export const NbdCommand = { read: 0, write: 1, disconnect: 2, flush: 3 } as const;
export const NbdError = { none: 0, notPermitted: 1, io: 5, invalid: 22, overflow: 75 } as const;

export type NbdErrorCode = (typeof NbdError)[keyof typeof NbdError];

const optionMagic = Buffer.from('IHAVEOPT');
const optionReplyMagic = 0x0003_e889_0455_65a9n;
const requestMagic = 0x2560_9513;
const simpleReplyMagic = 0x6744_6698;

/** NBD_FLAG_HAS_FLAGS, READ_ONLY, CAN_MULTI_CONN: what is read is the same by each connection. */
const transmissionFlags = 0b1_0000_0011;
/** NBD_FLAG_FIXED_NEWSTYLE, NO_ZEROES. */
const handshakeFlags = 0b11;

export const clientFlagsBytes = 4;
export const optionHeaderBytes = 16;
export const requestBytes = 28;

/** What the server says first. */
export const greeting: Buffer = Buffer.concat([Buffer.from('NBDMAGIC'), optionMagic, u16(handshakeFlags)]);

export interface NbdOptionHeader {
  readonly option: number;
  readonly dataBytes: number;
}

export interface NbdRequest {
  readonly command: number;
  /** Given back in the reply. */
  readonly handle: bigint;
  readonly offset: bigint;
  readonly length: number;
}

/** What came is not NBD. */
export class NbdProtocolError extends Error {
  override readonly name = 'NbdProtocolError';
}

/** @returns whether the client wants no zeros after an old-style answer @throws {NbdProtocolError} */
export function decodeClientFlags(bytes: Buffer): { readonly noZeroes: boolean } {
  const flags = bytes.readUInt32BE(0);
  if ((flags & ~handshakeFlags) !== 0 || (flags & 1) === 0) {
    throw new NbdProtocolError(`client flags ${flags.toString(16)}h`);
  }
  return { noZeroes: (flags & 2) !== 0 };
}

/** @throws {NbdProtocolError} */
export function decodeOptionHeader(bytes: Buffer): NbdOptionHeader {
  if (!bytes.subarray(0, 8).equals(optionMagic)) throw new NbdProtocolError('no option');
  return { option: bytes.readUInt32BE(8), dataBytes: bytes.readUInt32BE(12) };
}

/**
 * Data of NBD_OPT_INFO and NBD_OPT_GO: which export, and what is asked about it.
 * @returns undefined when the data is not sound
 */
export function decodeInfoRequest(data: Buffer): { readonly name: string } | undefined {
  if (data.length < 6) return undefined;
  const nameBytes = data.readUInt32BE(0);
  if (nameBytes > data.length - 6) return undefined;
  const count = data.readUInt16BE(4 + nameBytes);
  if (data.length !== 6 + nameBytes + 2 * count) return undefined;
  return { name: data.toString('utf8', 4, 4 + nameBytes) };
}

/** @throws {NbdProtocolError} */
export function decodeRequest(bytes: Buffer): NbdRequest {
  if (bytes.readUInt32BE(0) !== requestMagic) throw new NbdProtocolError('no request');
  return {
    command: bytes.readUInt16BE(6),
    handle: bytes.readBigUInt64BE(8),
    offset: bytes.readBigUInt64BE(16),
    length: bytes.readUInt32BE(24),
  };
}

export function encodeOptionReply(option: number, type: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(20);
  head.writeBigUInt64BE(optionReplyMagic, 0);
  head.writeUInt32BE(option, 8);
  head.writeUInt32BE(type, 12);
  head.writeUInt32BE(data.length, 16);
  return Buffer.concat([head, data]);
}

/** Of NBD_OPT_EXPORT_NAME, which has no reply of its own kind. */
export function encodeOldExport(sizeBytes: number, noZeroes: boolean): Buffer {
  return Buffer.concat([exportFacts(sizeBytes), Buffer.alloc(noZeroes ? 0 : 124)]);
}

export function encodeExportInfo(sizeBytes: number): Buffer {
  return Buffer.concat([u16(NbdInfo.export), exportFacts(sizeBytes)]);
}

/** @param maximum largest length of one request */
export function encodeBlockSizeInfo(maximum: number): Buffer {
  const data = Buffer.alloc(14);
  data.writeUInt16BE(NbdInfo.blockSize, 0);
  data.writeUInt32BE(1, 2);
  data.writeUInt32BE(4096, 6);
  data.writeUInt32BE(maximum, 10);
  return data;
}

/** Of NBD_OPT_LIST: one export without a name. */
export const unnamedExport: Buffer = Buffer.alloc(4);

export function encodeSimpleReply(handle: bigint, error: NbdErrorCode): Buffer {
  const reply = Buffer.alloc(16);
  reply.writeUInt32BE(simpleReplyMagic, 0);
  reply.writeUInt32BE(error, 4);
  reply.writeBigUInt64BE(handle, 8);
  return reply;
}

function exportFacts(sizeBytes: number): Buffer {
  const facts = Buffer.alloc(10);
  facts.writeBigUInt64BE(BigInt(sizeBytes), 0);
  facts.writeUInt16BE(transmissionFlags, 8);
  return facts;
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
