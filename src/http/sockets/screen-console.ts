/**
 * The screen in a WebSocket: RFB as the machine speaks it, in binary messages. One conversation follows the other on
 * the same line, since a machine that is switched off or made anew takes its own with it:
 *
 *   ◀ hello, attached, mode, machine, refused, end
 *   ◀ stream {number}      a conversation begins: RFB from its first byte
 *   ▶ ready {number}       what the client sends from here on belongs to it; everything before is thrown away
 *   ▶ take-over, release
 */
import type { Duplex } from 'node:stream';
import { BmcError } from '../../bmc/errors.ts';
import type { ScreenAttachment, ScreenHub } from '../../bmc/screen.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { CloseCode, type ConsoleLine } from './console-line.ts';
import { RfbError, RfbFilter } from './rfb-filter.ts';

/** Between two attempts to reach the screen of a machine that runs. */
const retryMs = { first: 100, most: 2000 } as const;
/** One message's bytes: small enough for a slow line to show that something moves. */
const pieceBytes = 16 * 1024;

/** Attaches the line to the screen until it ends. */
export function serveScreen(line: ConsoleLine, hub: ScreenHub, clock: Clock): void {
  const screen = new ScreenLine(line, hub, clock);
  line.onEnd(() => screen.end());
  screen.start();
}

class ScreenLine {
  readonly #line: ConsoleLine;
  readonly #hub: ScreenHub;
  readonly #clock: Clock;
  readonly #attachment: ScreenAttachment;
  readonly #ignores: readonly (() => void)[];
  #view: Duplex | undefined;
  #filter: RfbFilter | undefined;
  #number = 0;
  /** The conversation that the client has said it speaks in. */
  #ready = 0;
  #reaching = false;
  #retry: Timer | undefined;
  #delayMs: number = retryMs.first;
  #over = false;

  constructor(line: ConsoleLine, hub: ScreenHub, clock: Clock) {
    this.#line = line;
    this.#hub = hub;
    this.#clock = clock;
    this.#attachment = hub.attach(line.grant.name);
    const isFree = hub.attendees.every(({ mode }) => mode === 'read');
    if (line.grant.wantsToWrite && line.grant.mayWrite && isFree) {
      this.#attachment.claim({ takeOver: false });
    }
    this.#ignores = [
      hub.onChange(() => this.#tellAttendees()),
      hub.onConnection((connected) => this.#connection(connected)),
    ];
  }

  start(): void {
    const line = this.#line;
    line.onBytes((bytes) => this.#said(bytes));
    line.onControl((message) => this.#control(message));
    line.onWritable(() => this.#view?.resume());
    this.#attachment.onTaken((by) => line.tell({ type: 'mode', mode: 'read', by }));
    const { id, mode } = this.#attachment;
    line.tell({
      type: 'hello',
      you: id,
      mode,
      mayWrite: line.grant.mayWrite,
      connected: this.#hub.connected,
    });
    this.#tellAttendees();
    void this.#reach();
  }

  end(): void {
    this.#over = true;
    this.#retry?.cancel();
    for (const ignore of this.#ignores) ignore();
    this.#attachment.detach();
    this.#view?.destroy();
  }

  #connection(connected: boolean): void {
    this.#line.tell({ type: 'machine', connected });
    this.#delayMs = retryMs.first;
    if (connected) void this.#reach();
  }

  /** Begins a conversation, now or as soon as the machine answers; with one that is off, when it comes. */
  async #reach(): Promise<void> {
    if (this.#over || this.#view || this.#reaching || !this.#hub.connected) return;
    this.#retry?.cancel();
    this.#reaching = true;
    let view: Duplex | undefined;
    try {
      view = await this.#hub.view();
    } catch (error) {
      if (!(error instanceof BmcError)) throw error;
    } finally {
      this.#reaching = false;
    }
    if (!view) this.#later();
    else if (this.#over) view.destroy();
    else this.#begin(view);
  }

  #later(): void {
    if (this.#over || !this.#hub.connected) return;
    this.#retry = this.#clock.after(this.#delayMs, () => void this.#reach());
    this.#delayMs = Math.min(this.#delayMs * 2, retryMs.most);
  }

  #begin(view: Duplex): void {
    this.#view = view;
    this.#filter = new RfbFilter(() => this.#attachment.mode === 'write');
    this.#line.tell({ type: 'stream', number: ++this.#number });
    view.on('data', (bytes: Buffer) => {
      this.#delayMs = retryMs.first;
      for (let at = 0; at < bytes.length; at += pieceBytes)
        this.#line.send(bytes.subarray(at, at + pieceBytes));
      if (!this.#line.hasRoom) view.pause();
    });
    view.on('drain', () => this.#line.resume());
    view.on('error', () => undefined);
    view.once('close', () => {
      if (this.#view !== view) return;
      this.#view = undefined;
      this.#line.resume();
      this.#later();
    });
  }

  #said(bytes: Uint8Array): void {
    const view = this.#view;
    if (!view || !this.#filter || this.#ready !== this.#number) return;
    let passed: Uint8Array;
    try {
      passed = this.#filter.pass(bytes);
    } catch (error) {
      if (!(error instanceof RfbError)) throw error;
      this.#line.close(CloseCode.policy, `RFB: ${error.message}`);
      return;
    }
    if (passed.length > 0 && !view.write(passed)) this.#line.pause();
  }

  #control({ type, number }: Readonly<Record<string, unknown>>): void {
    const attachment = this.#attachment;
    switch (type) {
      case 'ready':
        if (typeof number === 'number') this.#ready = number;
        return;
      case 'take-over':
        if (!this.#line.grant.mayWrite) {
          this.#line.tell({ type: 'refused', reason: 'this user may only look on' });
          return;
        }
        attachment.claim({ takeOver: true });
        this.#line.tell({ type: 'mode', mode: attachment.mode });
        return;
      case 'release':
        attachment.yield();
        this.#line.tell({ type: 'mode', mode: attachment.mode });
        return;
      default:
        this.#line.close(CloseCode.policy, 'an unknown control message');
    }
  }

  #tellAttendees(): void {
    this.#line.tell({ type: 'attached', attached: this.#hub.attendees });
  }
}
