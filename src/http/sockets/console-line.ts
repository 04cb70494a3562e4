/**
 * One console's WebSocket, as serial line and screen both use it: bytes in binary messages, everything about them in
 * JSON text; how much may wait for a slow reader; when a silent or hostile one is cut off; and the end of its right.
 */
import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { FrameWatch } from './frame-watch.ts';
import type { SocketGrant } from './tickets.ts';

/** How often each line is looked at. */
const tickMs = 500;
/** After so much silence the client is asked whether it is there. */
const pingMs = 15_000;
const silentMs = 30_000;
/** Takes nothing at all while something waits. What the kernel still had room for comes on top. */
const stalledMs = 3500;
/** Between our close and the cut, for a client that does not answer it. */
const closeMs = 1000;
/** More is handed over when less than this waits. */
export const sendWindowBytes = 256 * 1024;
/** Control messages that wait for a reader that takes nothing. */
const maxWaitingBytes = 4 * 1024 * 1024;

/** RFC 6455 §7.4.1 */
export const CloseCode = { normal: 1000, goingAway: 1001, policy: 1008, internal: 1011 } as const;

export interface ConsoleLineOptions {
  readonly socket: WebSocket;
  /** What the WebSocket runs on. */
  readonly raw: Socket;
  readonly grant: SocketGrant;
  readonly clock: Clock;
  readonly log: Logger;
}

export class ConsoleLine {
  readonly grant: SocketGrant;
  readonly #socket: WebSocket;
  readonly #raw: Socket;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #watch: FrameWatch;
  readonly #ends: (() => void)[] = [];
  #bytes: (bytes: Uint8Array) => void = () => undefined;
  #control: (message: Readonly<Record<string, unknown>>) => void = () => undefined;
  #writable: () => void = () => undefined;
  #timer: Timer | undefined;
  #heardAt: number;
  #pinged = false;
  /** When a message has last gone out, or has come to wait where none did. */
  #movedAt: number;
  #paused = false;
  #closing = false;
  #over = false;

  constructor({ socket, raw, grant, clock, log }: ConsoleLineOptions) {
    this.grant = grant;
    this.#socket = socket;
    this.#raw = raw;
    this.#clock = clock;
    this.#log = log;
    const now = clock.now();
    this.#heardAt = now;
    this.#movedAt = now;
    this.#watch = new FrameWatch(now);
    const seen = (bytes: Uint8Array) => this.#seen(bytes);
    raw.prependListener('data', seen);
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data, isBinary) => this.#message(data, isBinary));
    socket.on('error', (error) => log.debug({ err: error, console: grant.purpose }, 'a console’s socket'));
    socket.on('close', () => this.#ended());
    const release = grant.hold();
    const ignore = grant.onChange(() => this.#checkRight());
    this.#ends.push(() => raw.off('data', seen), release, ignore);
    this.#arm();
  }

  get open(): boolean {
    return !this.#closing && !this.#over;
  }

  /** The client can be given more now. */
  get hasRoom(): boolean {
    return this.open && this.#socket.bufferedAmount < sendWindowBytes;
  }

  /** Each keeps one listener. */
  onBytes(listener: (bytes: Uint8Array) => void): void {
    this.#bytes = listener;
  }

  onControl(listener: (message: Readonly<Record<string, unknown>>) => void): void {
    this.#control = listener;
  }

  /** Told when something of what waited has gone. */
  onWritable(listener: () => void): void {
    this.#writable = listener;
  }

  /** Told once, when all is over. */
  onEnd(listener: () => void): void {
    if (this.#over) listener();
    else this.#ends.push(listener);
  }

  send(bytes: Uint8Array): void {
    if (!this.open) return;
    this.#begins();
    this.#socket.send(bytes, { binary: true }, () => this.#sent());
  }

  tell(message: Readonly<Record<string, unknown>>): void {
    if (!this.open) return;
    this.#begins();
    this.#socket.send(JSON.stringify(message), () => this.#sent());
    if (this.#socket.bufferedAmount > maxWaitingBytes) this.#socket.terminate();
  }

  /** Takes nothing from the client until {@link resume}. */
  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#watch.forgive(this.#clock.now());
    this.#socket.resume();
  }

  /** @param reason at most 123 bytes; told as the last message, too */
  close(code: number, reason: string): void {
    if (!this.open) return;
    this.tell({ type: 'end', reason });
    this.#closing = true;
    this.resume();
    this.#socket.close(code, reason.slice(0, 120));
    // One that takes nothing would have the time-out of the library, which is long.
    this.#clock.after(closeMs, () => this.#socket.terminate());
  }

  #seen(bytes: Uint8Array): void {
    const now = this.#clock.now();
    this.#heardAt = now;
    this.#pinged = false;
    const wrong = this.#watch.see(bytes, now);
    if (wrong) this.#cut(wrong);
  }

  #message(data: RawData, isBinary: boolean): void {
    if (!this.open) return;
    const bytes = data as Buffer;
    const message = isBinary ? undefined : controlMessage(bytes);
    try {
      if (isBinary) this.#bytes(bytes);
      else if (message) this.#control(message);
      else this.close(CloseCode.policy, 'not a control message: an object in JSON with a type');
    } catch (error) {
      // A fault of ours costs this console, not the BMC.
      this.#log.error({ err: error, console: this.grant.purpose }, 'a console failed');
      this.close(CloseCode.internal, 'a fault of the BMC: its log says more');
    }
  }

  /** Before a message is handed over. */
  #begins(): void {
    if (this.#socket.bufferedAmount === 0) this.#movedAt = this.#clock.now();
  }

  #sent(): void {
    this.#movedAt = this.#clock.now();
    if (this.hasRoom) this.#writable();
  }

  #checkRight(): void {
    const why = this.grant.revoked();
    if (why !== undefined) this.close(CloseCode.policy, why);
  }

  #arm(): void {
    this.#timer = this.#clock.after(tickMs, () => {
      this.#tick();
      if (!this.#over) this.#arm();
    });
  }

  #tick(): void {
    const now = this.#clock.now();
    this.#checkRight();
    const wrong = this.#paused ? undefined : this.#watch.overdue(now);
    if (wrong) {
      this.#cut(wrong);
      return;
    }
    if (this.#socket.bufferedAmount > 0 && now - this.#movedAt >= stalledMs) {
      this.#cut('it takes nothing');
      return;
    }
    if (this.#paused) {
      this.#heardAt = now;
      return;
    }
    const silence = now - this.#heardAt;
    if (silence >= silentMs) this.#cut('it is silent');
    else if (silence >= pingMs && !this.#pinged && this.open) {
      this.#pinged = true;
      this.#socket.ping();
    }
  }

  /** At once: who does this would not listen to a reason. */
  #cut(why: string): void {
    if (this.#over) return;
    this.#log.info({ console: this.grant.purpose, by: this.grant.name, why }, 'console cut off');
    this.#closing = true;
    this.#socket.terminate();
    this.#raw.destroy();
  }

  #ended(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    for (const end of this.#ends.splice(0)) end();
  }
}

/** @returns undefined for what is no object with a `type` */
function controlMessage(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
