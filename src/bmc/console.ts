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
import { type AttachOptions, type ConsoleAttachment, HubAttachment } from './console-attachment.ts';
import { ConsoleRing } from './console-ring.ts';
import { BmcError } from './errors.ts';
import type { HostConsole } from './machine.ts';

/** How much of the host's output is kept. */
export const consoleRingBytes = 256 * 1024;

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

export class ConsoleHub {
  readonly #host: HostConsole;
  readonly #clock: Clock;
  readonly #ring = new ConsoleRing(consoleRingBytes);
  readonly #attachments = new Set<HubAttachment>();
  readonly #connection = new Emitter<boolean>();
  readonly #changed = new Emitter<void>();
  #lastId = 0;
  #writer: HubAttachment | undefined;
  #waiting: ConsoleRing | undefined;
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
    this.#waiting = new ConsoleRing(consoleRingBytes);
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
    const attachment: HubAttachment = new HubAttachment(
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

  #claim(attachment: HubAttachment, takeOver: boolean): void {
    if (this.#writer === attachment || !attachment.attached) return;
    this.#place(attachment, takeOver);
    attachment.mode = 'write';
    this.#changed.emit();
  }

  #yield(attachment: HubAttachment): void {
    if (this.#writer !== attachment) return;
    this.#writer = undefined;
    attachment.mode = 'read';
    this.#changed.emit();
  }

  #place(attachment: HubAttachment, takeOver: boolean): void {
    if (this.#writer && !takeOver) {
      throw new BmcError('busy', `the console is in use by ${this.#writer.name}`);
    }
    this.#replaceWriter(attachment, attachment.name);
  }

  #replaceWriter(next: HubAttachment | undefined, by: string): void {
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

  #forget(attachment: HubAttachment): void {
    this.#attachments.delete(attachment);
    if (this.#writer === attachment) this.#writer = undefined;
    this.#changed.emit();
  }
}
