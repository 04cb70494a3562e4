/** The RMCP header in front of every datagram on port 623. IPMI 2.0 §13.1.3, Table 13-6; ASF 2.0 §3.2.2.2. */
import { DecodeError } from '../../lib/bytes.ts';

export const RmcpClass = { asf: 0x06, ipmi: 0x07, oem: 0x08 } as const;

export const rmcpHeaderLength = 4;
export const rmcpVersion = 0x06;
/** The sequence number that asks for no RMCP acknowledge; IPMI always uses it. */
export const rmcpNoAck = 0xff;

export interface RmcpHeader {
  readonly sequence: number;
  /** A class of {@link RmcpClass}, or any other 5-bit number. */
  readonly messageClass: number;
  /** An RMCP acknowledge, which carries nothing. */
  readonly ack: boolean;
}

/** @throws {DecodeError} for fewer than 4 bytes or another RMCP version */
export function decodeRmcpHeader(datagram: Uint8Array): RmcpHeader {
  if (datagram.length < rmcpHeaderLength) {
    throw new DecodeError(`RMCP header: need ${rmcpHeaderLength} bytes, ${datagram.length} given`, 'length');
  }
  const version = datagram[0] as number;
  if (version !== rmcpVersion) throw new DecodeError(`RMCP header: version ${version}, not ${rmcpVersion}`);
  const classByte = datagram[3] as number;
  return { sequence: datagram[2] as number, messageClass: classByte & 0x1f, ack: (classByte & 0x80) !== 0 };
}

/** Writes the header to the first four bytes of `datagram`. */
export function writeRmcpHeader(datagram: Uint8Array, messageClass: number): void {
  datagram[0] = rmcpVersion;
  datagram[1] = 0;
  datagram[2] = rmcpNoAck;
  datagram[3] = messageClass;
}
