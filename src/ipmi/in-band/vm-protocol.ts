/**
 * The wire between QEMU's `ipmi-bmc-extern` and us: messages and commands as frames in a byte stream, as QEMU 7.2
 * reads and writes them (hw/ipmi/ipmi_bmc_extern.c).
 *
 *     message   id, netFn and LUN, cmd, data…, checksum over all of these, A0h
 *     command   opcode, arguments…, A1h
 *
 * A0h, A1h and AAh inside a frame go as AAh and the byte with bit 10h set. Whatever the guest does, only whole and
 * sound frames come out of the reader; it keeps no more than one frame.
 */
import { checksum } from '../message/message.ts';

const messageEnd = 0xa0;
const commandEnd = 0xa1;
const escapeMark = 0xaa;
const escapeBit = 0x10;

export const VmCommand = {
  noAttention: 0x00,
  attention: 0x01,
  attentionWithInterrupt: 0x02,
  /** From QEMU: the machine has been reset. */
  reset: 0x04,
  enableInterrupts: 0x05,
  disableInterrupts: 0x06,
  capabilities: 0x08,
  version: 0xff,
} as const;
export const vmProtocolVersion = 1;

export interface VmMessage {
  readonly kind: 'message';
  /** QEMU's own number for the exchange: a reply repeats it. */
  readonly id: number;
  readonly netFn: number;
  readonly lun: number;
  readonly cmd: number;
  readonly data: Uint8Array;
}

export interface VmCommandFrame {
  readonly kind: 'command';
  readonly opcode: number;
  readonly args: Uint8Array;
}

export type VmFrame = VmMessage | VmCommandFrame;

/** Id, netFn and LUN, cmd, checksum. */
const leastMessageBytes = 4;
/** QEMU takes 300 bytes from the guest; with what it adds, nothing longer is a message. */
export const longestFrameBytes = 320;

export class VmFrameReader {
  readonly #frame = new Uint8Array(longestFrameBytes);
  #length = 0;
  #escaped = false;
  /** Dropped frames: too long, too short, a wrong checksum or a broken escape. */
  bad = 0;
  #broken = false;

  /** @returns the frames that these bytes complete, in order */
  push(bytes: Uint8Array): VmFrame[] {
    const frames: VmFrame[] = [];
    for (const byte of bytes) {
      if (byte === messageEnd || byte === commandEnd) {
        const frame = this.#end(byte === messageEnd);
        if (frame) frames.push(frame);
      } else if (byte === escapeMark) {
        if (this.#escaped) this.#broken = true;
        this.#escaped = true;
      } else {
        this.#add(this.#escaped ? byte & ~escapeBit : byte);
        this.#escaped = false;
      }
    }
    return frames;
  }

  #add(byte: number): void {
    if (this.#length === longestFrameBytes) this.#broken = true;
    else this.#frame[this.#length++] = byte;
  }

  #end(isMessage: boolean): VmFrame | undefined {
    const bytes = this.#frame.slice(0, this.#length);
    const broken = this.#broken || this.#escaped;
    this.#length = 0;
    this.#escaped = false;
    this.#broken = false;
    const frame = broken ? undefined : isMessage ? readMessage(bytes) : readCommand(bytes);
    if (!frame) this.bad++;
    return frame;
  }
}

function readMessage(bytes: Uint8Array): VmMessage | undefined {
  const [id, netFnLun, cmd] = bytes;
  if (id === undefined || netFnLun === undefined || cmd === undefined) return undefined;
  if (bytes.length < leastMessageBytes || checksum(bytes, 0, bytes.length) !== 0) return undefined;
  const data = bytes.subarray(3, bytes.length - 1);
  return { kind: 'message', id, netFn: netFnLun >> 2, lun: netFnLun & 3, cmd, data };
}

function readCommand(bytes: Uint8Array): VmCommandFrame | undefined {
  const [opcode] = bytes;
  return opcode === undefined ? undefined : { kind: 'command', opcode, args: bytes.subarray(1) };
}

/** @param message a reply has the response's netFn, and the completion code first in its data */
export function encodeVmMessage({ id, netFn, lun, cmd, data }: Omit<VmMessage, 'kind'>): Uint8Array {
  const bytes = Uint8Array.from([id, (netFn << 2) | lun, cmd, ...data]);
  return framed([...bytes, checksum(bytes, 0, bytes.length)], messageEnd);
}

export function encodeVmCommand(opcode: number, ...args: number[]): Uint8Array {
  return framed([opcode, ...args], commandEnd);
}

function framed(bytes: readonly number[], end: number): Uint8Array {
  const needsEscape = (byte: number) => byte === messageEnd || byte === commandEnd || byte === escapeMark;
  const escaped = bytes.flatMap((byte) => (needsEscape(byte) ? [escapeMark, byte | escapeBit] : [byte]));
  return Uint8Array.from([...escaped, end]);
}
