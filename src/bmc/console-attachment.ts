/**
 * One attachment to the console: its place in the host's stream, what it has lost of it, and whether it may type.
 * Who may type is the hub's to say.
 */
import type { ConsoleRing } from './console-ring.ts';
import { BmcError } from './errors.ts';
import type { HostConsole } from './machine.ts';

export interface AttachOptions {
  /** `write` may also type; there is one such attachment at a time. */
  readonly mode: 'write' | 'read';
  /** Who attaches, as others are told it. */
  readonly name: string;
  /** How much of what the host said before is read first; 0 by default. */
  readonly replayBytes?: number;
  /** Whether a line in the stream says where bytes are missing, or the reader says it by itself; true by default. */
  readonly marksLosses?: boolean;
  /** Take the present writer's place instead of being refused. */
  readonly takeOver?: boolean;
  /** A writer whose place is taken goes on reading, and may ask for it back; it is detached otherwise. */
  readonly staysReading?: boolean;
  /** Whose attachment it is; without it, it is a part of the BMC's own, which others are not told of. */
  readonly userName?: string;
}

/** `taken-over`: by another writer; `stopped`: the BMC stops. */
export type DetachReason = 'taken-over' | 'stopped';

/** One reader, or reader and writer, of the console. Each `on…` keeps one listener, the last one given. */
export interface ConsoleAttachment {
  /** Rises with each attachment. */
  readonly id: number;
  readonly name: string;
  /** Changes with {@link claim}, {@link yield} and when another takes the writer's place. */
  readonly mode: 'write' | 'read';
  readonly attached: boolean;
  /** True while what is typed can reach a guest. */
  readonly connected: boolean;
  /** Bytes ready to be read. */
  readonly available: number;
  /** Bytes of the host that this reader lost so far because it was too slow. */
  readonly lostBytes: number;
  /** Position in the host's stream of the next byte not yet looked at. */
  readonly offset: number;
  /** The next bytes, at most `maxBytes`, which stay until consumed; they can no longer be lost. Never written to again. */
  peek(maxBytes: number): Uint8Array;
  /** Forgets the first `bytes` of what `peek` showed. */
  consume(bytes: number): void;
  /** `peek` and `consume` in one. */
  read(maxBytes: number): Uint8Array;
  /** Forgets everything unread, without counting it as lost. */
  skip(): void;
  /** Told when bytes have arrived; once, until `available`, `peek` or `read` was asked again. */
  onReadable(listener: () => void): void;
  /**
   * Types.
   * @returns how many bytes the host took, from the front; 0 once detached or while the machine is off
   * @throws {BmcError} `not-permitted` for a read-only attachment
   */
  write(bytes: Uint8Array): number;
  /** Told when the host may take more after it had taken less than offered. */
  onWritable(listener: () => void): void;
  /** @throws {BmcError} `not-permitted` for a read-only attachment */
  sendBreak(): void;
  /** Told of each change of `connected`. */
  onConnection(listener: (connected: boolean) => void): void;
  /**
   * Becomes the writer.
   * @throws {BmcError} `busy` naming the holder when somebody else may type and is not to be replaced
   */
  claim(options: { readonly takeOver: boolean }): void;
  /** Goes on as a reader. */
  yield(): void;
  /** Told of each change of `mode` that somebody else made. @param by who */
  onMode(listener: (mode: 'write' | 'read', by: string) => void): void;
  /** Told when somebody else ended the attachment. */
  onDetached(listener: (reason: DetachReason) => void): void;
  /** Ends it from this side; `onDetached` is not told. */
  detach(): void;
}

/** What an attachment asks of the hub. */
export interface Seat {
  forget(): void;
  claim(takeOver: boolean): void;
  yield(): void;
}

/** An attachment as the hub has it: what others see of it, and what the hub tells it. */
export class HubAttachment implements ConsoleAttachment {
  readonly id: number;
  readonly name: string;
  readonly userName: string | undefined;
  readonly since: number;
  readonly staysReading: boolean;
  mode: 'write' | 'read';
  readonly #host: HostConsole;
  readonly #ring: ConsoleRing;
  readonly #seat: Seat;
  /** `#held[#heldFrom..#heldTo)` was taken out of the ring by `peek` and not yet consumed; what is behind is free. */
  #held: Uint8Array = nothing;
  #heldFrom = 0;
  #heldTo = 0;
  /** What is left of a loss mark that stands between `held` and the ring. */
  #mark: Uint8Array = nothing;
  readonly #replayBytes: number;
  readonly #marksLosses: boolean;
  #cursor = 0;
  #lost = 0;
  #attached = true;
  #looked = true;
  #readable: (() => void) | undefined;
  #writable: (() => void) | undefined;
  #connection: ((connected: boolean) => void) | undefined;
  #detached: ((reason: DetachReason) => void) | undefined;
  #modeChanged: ((mode: 'write' | 'read', by: string) => void) | undefined;

  constructor(
    host: HostConsole,
    ring: ConsoleRing,
    options: AttachOptions & { readonly id: number; readonly since: number },
    seat: Seat,
  ) {
    this.#host = host;
    this.#ring = ring;
    this.id = options.id;
    this.mode = options.mode;
    this.name = options.name;
    this.userName = options.userName;
    this.since = options.since;
    this.staysReading = options.staysReading ?? false;
    this.#replayBytes = options.replayBytes ?? 0;
    this.#marksLosses = options.marksLosses ?? true;
    this.#seat = seat;
    this.place();
  }

  get attached(): boolean {
    return this.#attached;
  }

  get connected(): boolean {
    return this.#attached && this.#host.connected;
  }

  get available(): number {
    this.#looked = true;
    if (!this.#attached) return 0;
    const behind = this.#ring.start - this.#cursor;
    const unread =
      behind > 0
        ? this.#markOf(behind).length + this.#ring.end - this.#ring.start
        : this.#ring.end - this.#cursor;
    return this.#heldTo - this.#heldFrom + this.#mark.length + unread;
  }

  get lostBytes(): number {
    return this.#lost + Math.max(0, this.#ring.start - this.#cursor);
  }

  get offset(): number {
    return Math.max(this.#cursor, this.#ring.start);
  }

  peek(maxBytes: number): Uint8Array {
    this.#looked = true;
    if (!this.#attached) return nothing;
    if (this.#heldTo - this.#heldFrom < maxBytes) this.#hold(maxBytes);
    return this.#held.subarray(this.#heldFrom, Math.min(this.#heldTo, this.#heldFrom + maxBytes));
  }

  consume(bytes: number): void {
    const held = this.#heldTo - this.#heldFrom;
    if (bytes > held) throw new RangeError(`console: consume ${bytes}, only ${held} were looked at`);
    this.#heldFrom += bytes;
  }

  read(maxBytes: number): Uint8Array {
    const bytes = this.peek(maxBytes);
    this.consume(bytes.length);
    return bytes;
  }

  skip(): void {
    this.#lost = this.lostBytes;
    this.#heldFrom = this.#heldTo;
    this.#mark = nothing;
    this.#cursor = this.#ring.end;
    this.#looked = true;
  }

  onReadable(listener: () => void): void {
    this.#readable = listener;
  }

  write(bytes: Uint8Array): number {
    this.#mustWrite();
    return this.connected ? this.#host.send(bytes) : 0;
  }

  onWritable(listener: () => void): void {
    this.#writable = listener;
  }

  sendBreak(): void {
    this.#mustWrite();
    if (this.connected) this.#host.sendBreak();
  }

  onConnection(listener: (connected: boolean) => void): void {
    this.#connection = listener;
  }

  claim({ takeOver }: { readonly takeOver: boolean }): void {
    this.#seat.claim(takeOver);
  }

  yield(): void {
    this.#seat.yield();
  }

  onMode(listener: (mode: 'write' | 'read', by: string) => void): void {
    this.#modeChanged = listener;
  }

  /** Another has taken the writer's place, or given none to anybody. */
  demote(by: string): void {
    this.mode = 'read';
    this.#modeChanged?.('read', by);
  }

  onDetached(listener: (reason: DetachReason) => void): void {
    this.#detached = listener;
  }

  detach(): void {
    if (!this.#attached) return;
    this.#attached = false;
    this.#held = nothing;
    this.#heldFrom = 0;
    this.#heldTo = 0;
    this.#mark = nothing;
    this.#seat.forget();
  }

  end(reason: DetachReason): void {
    this.detach();
    this.#detached?.(reason);
  }

  /** Begins at the present end of the stream, less what is to be replayed. */
  place(): void {
    this.#cursor = Math.max(this.#ring.start, this.#ring.end - this.#replayBytes);
  }

  tellReadable(): void {
    if (!this.#looked || !this.#readable) return;
    this.#looked = false;
    this.#readable();
  }

  tellWritable(): void {
    this.#writable?.();
  }

  tellConnection(connected: boolean): void {
    if (this.#attached) this.#connection?.(connected);
  }

  /** Fills what is held up to `maxBytes` with marks and the ring's bytes, in the order of the stream. */
  #hold(maxBytes: number): void {
    let wanted = maxBytes - (this.#heldTo - this.#heldFrom);
    while (wanted > 0) {
      if (this.#mark.length === 0) this.#settleLoss();
      const mark = this.#mark;
      const there = mark.length > 0 ? mark.length : this.#ring.end - this.#cursor;
      const length = Math.min(wanted, there);
      if (length === 0) return;
      this.#makeRoom(length);
      if (mark.length > 0) {
        this.#held.set(mark.subarray(0, length), this.#heldTo);
        this.#mark = mark.subarray(length);
      } else {
        this.#ring.copyTo(this.#held, this.#heldTo, this.#cursor, length);
        this.#cursor += length;
      }
      this.#heldTo += length;
      wanted -= length;
    }
  }

  /** Behind what is held. What was shown before stays as it is: where there is no room, it is in another array. */
  #makeRoom(length: number): void {
    if (this.#heldTo + length <= this.#held.length) return;
    const held = this.#held.subarray(this.#heldFrom, this.#heldTo);
    this.#held = new Uint8Array(Math.max(heldPieceBytes, held.length + length));
    this.#held.set(held);
    this.#heldFrom = 0;
    this.#heldTo = held.length;
  }

  /** Steps over what the ring no longer has and puts the mark in its place. */
  #settleLoss(): void {
    const behind = this.#ring.start - this.#cursor;
    if (behind <= 0) return;
    this.#lost += behind;
    this.#cursor = this.#ring.start;
    this.#mark = this.#markOf(behind);
  }

  #markOf(bytes: number): Uint8Array {
    return this.#marksLosses ? lossMark(bytes) : nothing;
  }

  #mustWrite(): void {
    if (this.mode === 'read') throw new BmcError('not-permitted', `${this.name} may only read the console`);
  }
}

const nothing = new Uint8Array();
/** An array for some packets' worth, rather than one for each. */
const heldPieceBytes = 4096;

/** What a reader sees where bytes are missing. */
function lossMark(bytes: number): Uint8Array {
  return Buffer.from(`\r\n[console: ${bytes} bytes lost]\r\n`, 'latin1');
}
