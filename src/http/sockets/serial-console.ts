/**
 * The serial console in a WebSocket: the same stream as Serial-over-LAN, with its latest 256 KiB replayed at first.
 *
 *   ◀ hello, bytes of the past, history-end, then bytes as they come; attached, mode, machine, end
 *   ◀ dropped {bytes}      so many are missing between what came before and what comes next
 *   ▶ bytes that are typed; take-over, release, break
 */

import { type ConsoleHub, consoleRingBytes } from '../../bmc/console.ts';
import type { ConsoleAttachment } from '../../bmc/console-attachment.ts';
import { BmcError } from '../../bmc/errors.ts';
import { CloseCode, type ConsoleLine } from './console-line.ts';

/** One message's bytes: small enough for a slow line to show that something moves. */
const pieceBytes = 16 * 1024;

/** Attaches the line to the console until either ends. */
export function serveSerial(line: ConsoleLine, hub: ConsoleHub): void {
  const serial = new SerialLine(line, hub);
  line.onEnd(() => serial.end());
  serial.start();
}

class SerialLine {
  readonly #line: ConsoleLine;
  readonly #hub: ConsoleHub;
  readonly #attachment: ConsoleAttachment;
  readonly #ignore: () => void;
  /** What was typed and the host has not taken yet. */
  #typed: Uint8Array = new Uint8Array(0);
  /** The part of the past that is still to be sent. */
  #past: number | undefined;
  #lost = 0;

  constructor(line: ConsoleLine, hub: ConsoleHub) {
    const { grant } = line;
    this.#line = line;
    this.#hub = hub;
    this.#attachment = hub.attach({
      mode: grant.wantsToWrite && grant.mayWrite && hub.writer === undefined ? 'write' : 'read',
      name: grant.name,
      userName: grant.userName,
      replayBytes: consoleRingBytes,
      staysReading: true,
      marksLosses: false,
    });
    this.#past = this.#attachment.available;
    this.#ignore = hub.onChange(() => this.#tellAttendees());
  }

  start(): void {
    const line = this.#line;
    const attachment = this.#attachment;
    line.onBytes((bytes) => this.#type(bytes));
    line.onControl((message) => this.#control(message));
    line.onWritable(() => this.#pump());
    attachment.onReadable(() => this.#pump());
    attachment.onWritable(() => this.#drain());
    attachment.onMode((mode, by) => this.#tellMode(mode, by));
    attachment.onConnection((connected) => {
      line.tell({ type: 'machine', connected });
      // Nobody is there any more who could take it.
      if (!connected) this.#forgetTyped();
    });
    attachment.onDetached(() => line.close(CloseCode.goingAway, 'the BMC stops'));
    line.tell({
      type: 'hello',
      you: attachment.id,
      mode: attachment.mode,
      mayWrite: line.grant.mayWrite,
      connected: this.#hub.connected,
      historyBytes: this.#past,
    });
    this.#tellAttendees();
    this.#pump();
  }

  end(): void {
    this.#ignore();
    this.#attachment.detach();
  }

  /** Gives the client what it has room for; the rest waits in the hub's ring. */
  #pump(): void {
    const line = this.#line;
    const attachment = this.#attachment;
    for (;;) {
      if (this.#past === 0) {
        this.#past = undefined;
        line.tell({ type: 'history-end' });
      }
      if (!line.hasRoom || attachment.available === 0) return;
      const bytes = attachment.read(Math.min(pieceBytes, this.#past ?? pieceBytes));
      if (attachment.lostBytes > this.#lost) {
        line.tell({ type: 'dropped', bytes: attachment.lostBytes - this.#lost });
        this.#lost = attachment.lostBytes;
      }
      if (this.#past !== undefined) this.#past -= bytes.length;
      line.send(bytes);
    }
  }

  #type(bytes: Uint8Array): void {
    if (this.#attachment.mode === 'read') {
      this.#line.tell({ type: 'refused', reason: this.#whyReadOnly() });
      return;
    }
    this.#typed = this.#typed.length === 0 ? bytes : Buffer.concat([this.#typed, bytes]);
    this.#drain();
  }

  /** The client waits while the host reads nothing. */
  #drain(): void {
    if (this.#typed.length === 0) return;
    if (!this.#attachment.connected || this.#attachment.mode === 'read') {
      this.#forgetTyped();
      return;
    }
    this.#typed = this.#typed.subarray(this.#attachment.write(this.#typed));
    if (this.#typed.length > 0) this.#line.pause();
    else this.#line.resume();
  }

  #forgetTyped(): void {
    this.#typed = new Uint8Array(0);
    this.#line.resume();
  }

  #control({ type }: Readonly<Record<string, unknown>>): void {
    const attachment = this.#attachment;
    try {
      switch (type) {
        case 'take-over':
          if (!this.#line.grant.mayWrite) throw new BmcError('not-permitted', this.#whyReadOnly());
          attachment.claim({ takeOver: true });
          this.#tellMode(attachment.mode);
          return;
        case 'release':
          attachment.yield();
          this.#tellMode(attachment.mode);
          return;
        case 'break':
          attachment.sendBreak();
          return;
        default:
          this.#line.close(CloseCode.policy, 'an unknown control message');
      }
    } catch (error) {
      if (!(error instanceof BmcError)) throw error;
      this.#line.tell({ type: 'refused', reason: error.message });
    }
  }

  #whyReadOnly(): string {
    if (!this.#line.grant.mayWrite) return 'this user may only look on';
    const { writer } = this.#hub;
    return writer === undefined ? 'nobody types now: take over first' : `${writer} types now`;
  }

  #tellMode(mode: 'write' | 'read', by?: string): void {
    if (mode === 'read') this.#forgetTyped();
    this.#line.tell({ type: 'mode', mode, ...(by !== undefined && { by }) });
  }

  #tellAttendees(): void {
    const attached = this.#hub.attendees.map(({ id, name, mode, since }) => ({ id, name, mode, since }));
    this.#line.tell({ type: 'attached', attached });
  }
}
