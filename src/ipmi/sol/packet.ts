/**
 * Packets of Serial-over-LAN, the content of payload type 1. IPMI 2.0 §15.9, Tables 15-2 and 15-3.
 * A packet has the same four bytes of header in both directions, but the last one means different things.
 */
import { type Codec, rest, u8 } from '../../lib/codec.ts';

/** Bytes before the characters. */
export const solHeaderBytes = 4;
/** The accepted character count is one byte, which bounds a packet. */
export const maxSolCharacters = 255;
export const maxSolPayloadBytes = solHeaderBytes + maxSolCharacters;

/** Sequence numbers run from 1 to 15; 0 stands for "none". */
export function nextSolSequence(sequence: number): number {
  return (sequence % 15) + 1;
}

/** From the remote console to the BMC. Table 15-2. */
export interface ConsoleOperation {
  readonly nack: boolean;
  readonly ring: boolean;
  readonly break: boolean;
  readonly ctsPause: boolean;
  readonly dropDcdDsr: boolean;
  readonly flushInbound: boolean;
  readonly flushOutbound: boolean;
}

/** From the BMC to the remote console. Table 15-3. */
export interface BmcStatus {
  readonly nack: boolean;
  readonly unavailable: boolean;
  readonly deactivating: boolean;
  readonly overrun: boolean;
  readonly breakDetected: boolean;
}

/** What both directions share. `status` differs. */
interface SolPacket<Status> {
  /** 0 for a packet that wants no acknowledgement. */
  readonly sequence: number;
  /** The sequence number acknowledged; 0 for none. */
  readonly acknowledged: number;
  /** Characters accepted of the packet acknowledged, from its front. */
  readonly acceptedCount: number;
  readonly status: Status;
  readonly data: Uint8Array;
}

export type ConsolePacket = SolPacket<ConsoleOperation>;
export type BmcPacket = SolPacket<BmcStatus>;

/** Four reserved bits, then the number. */
const sequenceByte: Codec<number> = {
  read: (reader) => reader.u8() & 0x0f,
  write(writer, value) {
    if (value < 0 || value > 15) throw new RangeError(`SOL sequence: ${value} does not fit`);
    writer.u8(value);
  },
};

// Written out: output is as fast as the way from an acknowledgement to the next packet is short. Fields by name, out of a
// table, took 0.4 µs of the 2.7 of that way, and 0.7 µs of those of the packet.

const consoleOperation: Codec<ConsoleOperation> = {
  read(reader) {
    const bits = reader.u8();
    return {
      nack: (bits & 0x40) !== 0,
      ring: (bits & 0x20) !== 0,
      break: (bits & 0x10) !== 0,
      ctsPause: (bits & 0x08) !== 0,
      dropDcdDsr: (bits & 0x04) !== 0,
      flushInbound: (bits & 0x02) !== 0,
      flushOutbound: (bits & 0x01) !== 0,
    };
  },
  write(writer, operation) {
    writer.u8(
      (operation.nack ? 0x40 : 0) |
        (operation.ring ? 0x20 : 0) |
        (operation.break ? 0x10 : 0) |
        (operation.ctsPause ? 0x08 : 0) |
        (operation.dropDcdDsr ? 0x04 : 0) |
        (operation.flushInbound ? 0x02 : 0) |
        (operation.flushOutbound ? 0x01 : 0),
    );
  },
};

const bmcStatus: Codec<BmcStatus> = {
  read(reader) {
    const bits = reader.u8();
    return {
      nack: (bits & 0x40) !== 0,
      unavailable: (bits & 0x20) !== 0,
      deactivating: (bits & 0x10) !== 0,
      overrun: (bits & 0x08) !== 0,
      breakDetected: (bits & 0x04) !== 0,
    };
  },
  write(writer, status) {
    writer.u8(
      (status.nack ? 0x40 : 0) |
        (status.unavailable ? 0x20 : 0) |
        (status.deactivating ? 0x10 : 0) |
        (status.overrun ? 0x08 : 0) |
        (status.breakDetected ? 0x04 : 0),
    );
  },
};

function packet<Status>(status: Codec<Status>): Codec<SolPacket<Status>> {
  return {
    read: (reader) => ({
      sequence: sequenceByte.read(reader),
      acknowledged: sequenceByte.read(reader),
      acceptedCount: u8.read(reader),
      status: status.read(reader),
      data: reader.left > 0 ? rest.read(reader) : noData,
    }),
    write(writer, value) {
      sequenceByte.write(writer, value.sequence);
      sequenceByte.write(writer, value.acknowledged);
      u8.write(writer, value.acceptedCount);
      status.write(writer, value.status);
      rest.write(writer, value.data);
    },
  };
}

const noData = new Uint8Array();

export const ConsolePacket = packet(consoleOperation);
export const BmcPacket = packet(bmcStatus);
