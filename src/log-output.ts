/**
 * Where the log goes: standard output, which nobody of ours ever waits for. Whoever reads it may be slow, hang or be
 * gone; the BMC is none of that. pino's own destination would wait: what could not be written it tries again at the
 * exit, without an end when the reader is gone (sonic-boom 4.2).
 */
import type { Writable } from 'node:stream';

/** What waits for a reader that is slow. */
const maxWaitingBytes = 1024 * 1024;

export class LogOutput {
  readonly #stream: Writable;
  #dropped = 0;

  constructor(stream: Writable = process.stdout) {
    this.#stream = stream;
    // One listener for however many logs a process has.
    if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  }

  /** Lines that had no room, since the last one that had. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param line with its end */
  write(line: string): void {
    const stream = this.#stream;
    if (!stream.writable) return;
    if (stream.writableLength > maxWaitingBytes) {
      this.#dropped++;
      return;
    }
    if (this.#dropped > 0) {
      stream.write(
        `${JSON.stringify({ level: 40, time: Date.now(), lines: this.#dropped, msg: 'lines of the log were dropped: nobody took them' })}\n`,
      );
      this.#dropped = 0;
    }
    stream.write(line);
  }
}

/** A reader that is gone: what is written then is lost, nothing else. */
function ignore(): void {}
