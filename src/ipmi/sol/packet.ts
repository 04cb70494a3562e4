/**
 * Packets of Serial-over-LAN, the content of payload type 1. IPMI 2.0 §15.9, Tables 15-2 and 15-3.
 * A packet has the same four bytes of header in both directions, but the last one means different things.
 */
import { bits8, type Codec, type Infer, rest, struct, u8 } from '../../lib/codec.ts';

/** Bytes before the characters. */
export const solHeaderBytes = 4;
/** The accepted character count is one byte, which bounds a packet. */
export const maxSolCharacters = 255;
export const maxSolPayloadBytes = solHeaderBytes + maxSolCharacters;

/** Sequence numbers run from 1 to 15; 0 stands for "none". */
export function nextSolSequence(sequence: number): number {
  return (sequence % 15) + 1;
}

/** What both directions share. `status` differs. */
interface SolFields<Status> {
  /** 0 for a packet that wants no acknowledgement. */
  sequence: number;
  /** The sequence number acknowledged; 0 for none. */
  acknowledged: number;
  /** Characters accepted of the packet acknowledged, from its front. */
  acceptedCount: number;
  status: Status;
  data: Uint8Array;
}

/** Four reserved bits, then the number. */
const sequenceByte: Codec<number> = {
  read: (reader) => reader.u8() & 0x0f,
  write(writer, value) {
    if (value < 0 || value > 15) throw new RangeError(`SOL sequence: ${value} does not fit`);
    writer.u8(value);
  },
};

/** From the remote console to the BMC. */
export const ConsoleOperation = bits8(
  ['_reserved', 1],
  ['nack', 1],
  ['ring', 1],
  ['break', 1],
  ['ctsPause', 1],
  ['dropDcdDsr', 1],
  ['flushInbound', 1],
  ['flushOutbound', 1],
);

/** From the BMC to the remote console. */
export const BmcStatus = bits8(
  ['_reserved', 1],
  ['nack', 1],
  ['unavailable', 1],
  ['deactivating', 1],
  ['overrun', 1],
  ['breakDetected', 1],
  ['_reserved2', 2],
);

function packet<Status>(status: Codec<Status>): Codec<SolFields<Status>> {
  return struct({
    sequence: sequenceByte,
    acknowledged: sequenceByte,
    acceptedCount: u8,
    status,
    data: rest,
  }) as unknown as Codec<SolFields<Status>>;
}

export const ConsolePacket = packet(ConsoleOperation);
export const BmcPacket = packet(BmcStatus);
export type ConsolePacket = Infer<typeof ConsolePacket>;
export type BmcPacket = Infer<typeof BmcPacket>;
