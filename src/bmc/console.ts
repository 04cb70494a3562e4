/**
 * The host's serial console as the BMC keeps it: the latest part of what the host said, and everybody who
 * listens or types. Nobody else touches the host's byte stream.
 *
 * Output goes into one ring of at most {@link consoleRingBytes}; each attachment reads it at its own pace by an
 * absolute offset. Nobody slows the host: a reader left behind by more than the ring loses the oldest bytes,
 * and finds a mark in its stream at that place. Input has one writer at a time. This file knows no protocol.
 */
import type { Clock } from '../lib/clock.ts';
import { Emitter } from '../lib/emitter.ts';
import { BmcError } from './errors.ts';
import type { HostConsole } from './machine.ts';

/** How much of the host's output is kept. */
export const consoleRingBytes = 256 * 1024;

export interface AttachOptions {
  /** `write` may also type; there is one such attachment at a time. */
  readonly mode: 'write' | 'read';
  /** Who attaches, as others are told it. */
  readonly name: string;
  /** How much of what the host said before is read first; 0 by default. */
  readonly replayBytes?: number;
  /** Take the present writer's place instead of being refused. */
  readonly takeOver?: boolean;
  /** A writer whose place is taken goes on reading, and may ask for it back; it is detached otherwise. */
  readonly staysReading?: boolean;
  /** Whose attachment it is; without it, it is a part of the BMC's own, which others are not told of. */
  readonly userName?: string;
}

/** `taken-over`: by another writer; `stopped`: the BMC stops. */
export type DetachReason = 'taken-over' | 'stopped';

/** One of those who are attached, as others are told. */
export interface ConsoleAttendee {
  /** Rises with each attachment. */
  readonly id: number;
  readonly name: string;
  readonly userName: string;
  readonly mode: 'write' | 'read';
  /** By the BMC's clock, milliseconds since 1970. */
  readonly since: number;
}

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
  /** The next bytes, at most `maxBytes`, which stay until consumed; they can no longer be lost. */
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

export class ConsoleHub {
  readonly #host: HostConsole;
  readonly #clock: Clock;
  readonly #ring = new Ring(consoleRingBytes);
  readonly #attachments = new Set<Attachment>();
  readonly #connection = new Emitter<boolean>();
  readonly #changed = new Emitter<void>();
  #lastId = 0;
  #writer: Attachment | undefined;
  #waiting: Ring | undefined;
  #lastOutputAt: number | undefined;
  #started = false;

  constructor(host: HostConsole, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** Takes what the guest said before we came, then begins to listen. */
  async start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    // What comes while the history is fetched belongs behind it.
    this.#waiting = new Ring(consoleRingBytes);
    this.#host.receive((bytes) => this.#receive(bytes));
    this.#host.drained(() => this.#writer?.tellWritable());
    this.#host.connection((connected) => this.#tellConnection(connected));
    const history = await this.#host.history(consoleRingBytes);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (history.length > 0) {
      this.#ring.append(history);
      this.#changed.emit();
    }
    // Whoever attached meanwhile has its place in what we now know, too.
    for (const attachment of this.#attachments) {
      attachment.place();
      attachment.tellReadable();
    }
    const meanwhile = waiting.copy(waiting.start, waiting.end - waiting.start);
    if (meanwhile.length > 0) this.#receive(meanwhile);
  }

  /** Detaches everybody. */
  stop(): void {
    for (const attachment of [...this.#attachments]) attachment.end('stopped');
    this.#started = false;
    this.#host.receive(() => undefined);
  }

  /** True while bytes can reach a guest. */
  get connected(): boolean {
    return this.#host.connected;
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    return this.#connection.on(listener);
  }

  /** Told when somebody came, went, or took the writer's place, and of the host's first byte. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** Position in the host's stream behind its latest byte. */
  get end(): number {
    return this.#ring.end;
  }

  /** Milliseconds since the host last said something; undefined when it never did. */
  get quietMs(): number | undefined {
    return this.#lastOutputAt === undefined ? undefined : this.#clock.now() - this.#lastOutputAt;
  }

  /** Who may type now. */
  get writer(): string | undefined {
    return this.#writer?.name;
  }

  /** The users who are attached, the earliest first. */
  get attendees(): readonly ConsoleAttendee[] {
    return [...this.#attachments].flatMap(({ id, name, userName, mode, since }) =>
      userName === undefined ? [] : [{ id, name, userName, mode, since }],
    );
  }

  /**
   * Takes the writer's place away, so that it is free.
   * @param by who does, as the writer is told
   */
  freeWriter(by: string): void {
    this.#replaceWriter(undefined, by);
    this.#changed.emit();
  }

  /** The last `maxBytes` of what the host said. */
  history(maxBytes: number): Uint8Array {
    const from = Math.max(this.#ring.start, this.#ring.end - maxBytes);
    return this.#ring.copy(from, this.#ring.end - from);
  }

  /** @throws {BmcError} `busy` naming the holder when somebody else may type and is not to be replaced */
  attach(options: AttachOptions): ConsoleAttachment {
    const attachment: Attachment = new Attachment(
      this.#host,
      this.#ring,
      { ...options, id: ++this.#lastId, since: this.#clock.wallTime() },
      {
        forget: () => this.#forget(attachment),
        claim: (takeOver) => this.#claim(attachment, takeOver),
        yield: () => this.#yield(attachment),
      },
    );
    if (options.mode === 'write') this.#place(attachment, options.takeOver ?? false);
    this.#attachments.add(attachment);
    this.#changed.emit();
    return attachment;
  }

  #claim(attachment: Attachment, takeOver: boolean): void {
    if (this.#writer === attachment || !attachment.attached) return;
    this.#place(attachment, takeOver);
    attachment.mode = 'write';
    this.#changed.emit();
  }

  #yield(attachment: Attachment): void {
    if (this.#writer !== attachment) return;
    this.#writer = undefined;
    attachment.mode = 'read';
    this.#changed.emit();
  }

  #place(attachment: Attachment, takeOver: boolean): void {
    if (this.#writer && !takeOver) {
      throw new BmcError('busy', `the console is in use by ${this.#writer.name}`);
    }
    this.#replaceWriter(attachment, attachment.name);
  }

  #replaceWriter(next: Attachment | undefined, by: string): void {
    const before = this.#writer;
    this.#writer = next;
    if (before?.staysReading) before.demote(by);
    else before?.end('taken-over');
  }

  #receive(bytes: Uint8Array): void {
    if (this.#waiting) {
      this.#waiting.append(bytes);
      return;
    }
    this.#lastOutputAt = this.#clock.now();
    const isFirst = this.#ring.end === 0;
    this.#ring.append(bytes);
    if (isFirst) this.#changed.emit();
    for (const attachment of this.#attachments) attachment.tellReadable();
  }

  #tellConnection(connected: boolean): void {
    for (const attachment of [...this.#attachments]) attachment.tellConnection(connected);
    this.#connection.emit(connected);
  }

  #forget(attachment: Attachment): void {
    this.#attachments.delete(attachment);
    if (this.#writer === attachment) this.#writer = undefined;
    this.#changed.emit();
  }
}

/** What an attachment asks of the hub. */
interface Seat {
  forget(): void;
  claim(takeOver: boolean): void;
  yield(): void;
}

class Attachment implements ConsoleAttachment {
  readonly id: number;
  readonly name: string;
  readonly userName: string | undefined;
  readonly since: number;
  readonly staysReading: boolean;
  mode: 'write' | 'read';
  readonly #host: HostConsole;
  readonly #ring: Ring;
  readonly #seat: Seat;
  /** Taken out of the ring by `peek` and not yet consumed. */
  #held: Uint8Array = nothing;
  /** What is left of a loss mark that stands between `held` and the ring. */
  #mark: Uint8Array = nothing;
  readonly #replayBytes: number;
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
    ring: Ring,
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
        ? lossMark(behind).length + this.#ring.end - this.#ring.start
        : this.#ring.end - this.#cursor;
    return this.#held.length + this.#mark.length + unread;
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
    if (this.#held.length < maxBytes) this.#hold(maxBytes);
    return this.#held.length > maxBytes ? this.#held.subarray(0, maxBytes) : this.#held;
  }

  consume(bytes: number): void {
    if (bytes > this.#held.length) {
      throw new RangeError(`console: consume ${bytes}, only ${this.#held.length} were looked at`);
    }
    this.#held = bytes === this.#held.length ? nothing : this.#held.subarray(bytes);
  }

  read(maxBytes: number): Uint8Array {
    const bytes = this.peek(maxBytes);
    this.consume(bytes.length);
    return bytes;
  }

  skip(): void {
    this.#lost = this.lostBytes;
    this.#held = nothing;
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

  /** Fills `held` up to `maxBytes` with marks and the ring's bytes, in the order of the stream. */
  #hold(maxBytes: number): void {
    const parts = [this.#held];
    let room = maxBytes - this.#held.length;
    while (room > 0) {
      if (this.#mark.length === 0) this.#settleLoss();
      let part: Uint8Array;
      if (this.#mark.length > 0) {
        part = this.#mark.subarray(0, room);
        this.#mark = this.#mark.subarray(part.length);
      } else {
        part = this.#ring.copy(this.#cursor, Math.min(room, this.#ring.end - this.#cursor));
        if (part.length === 0) break;
        this.#cursor += part.length;
      }
      parts.push(part);
      room -= part.length;
    }
    const filled = parts.filter((part) => part.length > 0);
    this.#held = filled.length === 1 ? (filled[0] as Uint8Array) : Buffer.concat(filled);
  }

  /** Steps over what the ring no longer has and puts the mark in its place. */
  #settleLoss(): void {
    const behind = this.#ring.start - this.#cursor;
    if (behind <= 0) return;
    this.#lost += behind;
    this.#cursor = this.#ring.start;
    this.#mark = lossMark(behind);
  }

  #mustWrite(): void {
    if (this.mode === 'read') throw new BmcError('not-permitted', `${this.name} may only read the console`);
  }
}

const nothing = new Uint8Array();

/** What a reader sees where bytes are missing. */
export function lossMark(bytes: number): Uint8Array {
  return Buffer.from(`\r\n[console: ${bytes} bytes lost]\r\n`, 'latin1');
}

/** The last bytes of a stream, addressed by their position in it. Allocated by need: most consoles are quiet. */
class Ring {
  readonly #limit: number;
  #bytes: Uint8Array = nothing;
  #end = 0;

  /** @param limit a power of two */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Position of the oldest byte kept. */
  get start(): number {
    return Math.max(0, this.#end - this.#limit);
  }

  /** Position behind the latest byte. 2^53 bytes at 10 MB/s are 28 years. */
  get end(): number {
    return this.#end;
  }

  append(bytes: Uint8Array): void {
    this.#grow(this.#end + bytes.length);
    const size = this.#bytes.length;
    const kept = bytes.length > size ? bytes.subarray(bytes.length - size) : bytes;
    this.#end += bytes.length;
    const at = (this.#end - kept.length) % size;
    const first = Math.min(kept.length, size - at);
    this.#bytes.set(first === kept.length ? kept : kept.subarray(0, first), at);
    if (first < kept.length) this.#bytes.set(kept.subarray(first), 0);
  }

  /** A copy of `length` bytes from position `from`, all of which must be kept. */
  copy(from: number, length: number): Uint8Array {
    const size = this.#bytes.length;
    if (length === 0 || size === 0) return nothing;
    const at = from % size;
    const first = Math.min(length, size - at);
    if (first === length) return this.#bytes.slice(at, at + length);
    const copy = new Uint8Array(length);
    copy.set(this.#bytes.subarray(at, size), 0);
    copy.set(this.#bytes.subarray(0, length - first), first);
    return copy;
  }

  #grow(end: number): void {
    let size = Math.max(this.#bytes.length, 4096);
    while (size < end && size < this.#limit) size *= 2;
    if (size === this.#bytes.length) return;
    const grown = new Uint8Array(size);
    // Until the limit is reached nothing has been overwritten, so the old bytes begin at 0.
    grown.set(this.#bytes.subarray(0, Math.min(this.#end, this.#bytes.length)), 0);
    this.#bytes = grown;
  }
}
