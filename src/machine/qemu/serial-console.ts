/**
 * The host's serial port: one connection to QEMU's chardev socket while the machine runs, and the log that QEMU
 * writes whether or not we are there.
 *
 * The log is bounded from here. Beyond {@link maxLogBytes} its tail moves to `serial.log.old` and the log itself
 * is cut to nothing; QEMU appends (O_APPEND), so that it goes on at the new beginning. What QEMU writes between
 * our last read and the cut, well below a millisecond, is missing from the log; it still comes by the socket.
 */
import {
  closeSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { HostConsole } from '../../bmc/machine.ts';
import { Emitter } from '../../lib/emitter.ts';

const maxPendingBytes = 4096;
/** What is read at once; QEMU writes no more than 4 KiB. */
const readBytes = 16 * 1024;
const maxLogBytes = 8 * 1024 * 1024;
const keptLogBytes = 256 * 1024;

export class SerialConsole implements HostConsole {
  readonly #logPath: string;
  readonly #sendBreak: () => void;
  readonly #taps = new Emitter<Uint8Array>();
  #receiver: ((bytes: Uint8Array) => void) | undefined;
  #drained: (() => void) | undefined;
  #connection: ((connected: boolean) => void) | undefined;
  #socket: Socket | undefined;
  #refused = false;
  #sinceLogCheck = 0;
  /** The log as it was when we connected. */
  #past: Uint8Array = new Uint8Array(0);
  /** Bytes at the end of the log that may come by the socket once more. */
  #overlap: Uint8Array = new Uint8Array(0);

  /** @param sendBreak has QEMU raise a break on the line */
  constructor(logPath: string, sendBreak: () => void) {
    this.#logPath = logPath;
    this.#sendBreak = sendBreak;
  }

  get connected(): boolean {
    return this.#socket !== undefined;
  }

  receive(listener: (bytes: Uint8Array) => void): void {
    this.#receiver = listener;
  }

  drained(listener: () => void): void {
    this.#drained = listener;
  }

  connection(listener: (connected: boolean) => void): void {
    this.#connection = listener;
  }

  /** Hears every byte from the guest, besides the one receiver. They stand only for as long as it listens. */
  tap(listener: (bytes: Uint8Array) => void): () => void {
    return this.#taps.on(listener);
  }

  send(bytes: Uint8Array): number {
    const socket = this.#socket;
    if (!socket) return 0;
    const room = Math.max(0, maxPendingBytes - socket.writableLength);
    const taken = Math.min(room, bytes.length);
    // Copied: the caller may reuse its buffer while the guest is slow to read.
    if (taken > 0) socket.write(Uint8Array.from(bytes.subarray(0, taken)), () => this.#written(socket));
    if (taken < bytes.length) this.#refused = true;
    return taken;
  }

  sendBreak(): void {
    this.#sendBreak();
  }

  history(limitBytes: number): Promise<Uint8Array> {
    const past = this.#past;
    this.#past = new Uint8Array(0);
    return Promise.resolve(limitBytes <= 0 ? new Uint8Array(0) : past.slice(-limitBytes));
  }

  /** Connects to a QEMU that listens. @throws when none does */
  async attach(path: string, options: { readonly adopting: boolean }): Promise<void> {
    this.detach();
    const lengthBefore = logLength(this.#logPath);
    // Into one buffer, past the stream and its events: half the time of a read.
    const read = (length: number, buffer: Uint8Array) => {
      this.#output(buffer.subarray(0, length));
      return true;
    };
    const socket = connect({ path, onread: { buffer: Buffer.allocUnsafeSlow(readBytes), callback: read } });
    // The first read is a turn of the event loop after the connection at the earliest, and nothing below waits.
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    this.#past = new Uint8Array(0);
    this.#overlap = new Uint8Array(0);
    if (options.adopting) {
      const tail = readTail(this.#logPath, keptLogBytes);
      const older = readTail(`${this.#logPath}.old`, keptLogBytes - tail.bytes.length).bytes;
      this.#past = Buffer.concat([older, tail.bytes]);
      const fresh = Math.max(0, Math.min(tail.bytes.length, tail.length - lengthBefore));
      this.#overlap = tail.bytes.subarray(tail.bytes.length - fresh);
    }
    this.#socket = socket;
    this.#refused = false;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket === socket) this.detach();
    });
    this.#boundLog();
    this.#connection?.(true);
  }

  detach(): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = undefined;
    socket.destroy();
    this.#connection?.(false);
  }

  #written(socket: Socket): void {
    if (socket !== this.#socket || !this.#refused || socket.writableLength >= maxPendingBytes) return;
    this.#refused = false;
    this.#drained?.();
  }

  #output(chunk: Uint8Array): void {
    const bytes = this.#withoutOverlap(chunk);
    this.#sinceLogCheck += chunk.length;
    if (this.#sinceLogCheck >= keptLogBytes) this.#boundLog();
    if (bytes.length === 0) return;
    this.#taps.emit(bytes);
    this.#receiver?.(bytes);
  }

  /** What QEMU wrote while it accepted our connection is both in the log and in the socket. */
  #withoutOverlap(chunk: Uint8Array): Uint8Array {
    if (this.#overlap.length === 0) return chunk;
    const overlap = Buffer.from(this.#overlap);
    this.#overlap = new Uint8Array(0);
    for (let length = Math.min(overlap.length, chunk.length); length > 0; length--) {
      if (overlap.subarray(overlap.length - length).equals(chunk.subarray(0, length))) {
        return chunk.subarray(length);
      }
    }
    return chunk;
  }

  /** In one go, without giving way to anything else, so that the gap in the log stays short. */
  #boundLog(): void {
    this.#sinceLogCheck = 0;
    if (logLength(this.#logPath) <= maxLogBytes) return;
    try {
      const temporary = `${this.#logPath}.new`;
      writeFileSync(temporary, readTail(this.#logPath, keptLogBytes).bytes, { mode: 0o600 });
      renameSync(temporary, `${this.#logPath}.old`);
      truncateSync(this.#logPath);
    } catch {
      // A full disk: the log grows until there is room again, the console itself is not concerned.
    }
  }
}

function logLength(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

function readTail(path: string, limitBytes: number): { readonly bytes: Uint8Array; readonly length: number } {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return { bytes: new Uint8Array(0), length: 0 };
  }
  try {
    const length = fstatSync(file).size;
    const bytes = Buffer.alloc(Math.max(0, Math.min(limitBytes, length)));
    const read = readSync(file, bytes, 0, bytes.length, length - bytes.length);
    return { bytes: bytes.subarray(0, read), length };
  } finally {
    closeSync(file);
  }
}
