/**
 * Where the log goes: standard output, which nobody of ours ever waits for. Whoever reads it may be slow, hang or be
 * gone; the BMC is none of that. pino's own destination would wait: what could not be written it tries again at the
 * exit, without an end when the reader is gone (sonic-boom 4.2).
 *
 * Writing wakes the reader, which takes longer than all else about a line. So the first line goes out at once, and what
 * comes within {@link gatherMs} after it goes out together. The end of the process writes what is left, also the end by
 * an error that nobody caught; SIGKILL alone costs the lines of that time.
 */
import type { Writable } from 'node:stream';

/** What waits for a reader that is slow. */
const maxWaitingBytes = 1024 * 1024;
const gatherMs = 20;

/** Those with lines that are not written yet. */
const gathering = new Set<LogOutput>();

export class LogOutput {
  readonly #stream: Writable;
  #gathered = '';
  /** While it runs, lines are gathered. */
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;

  constructor(stream: Writable = process.stdout) {
    this.#stream = stream;
    // One listener for however many logs a process has.
    if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
    if (!process.listeners('exit').includes(flushAll)) process.on('exit', flushAll);
  }

  /** Lines that had no room, since the last one that had. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param line with its end */
  write(line: string): void {
    const stream = this.#stream;
    if (!stream.writable) return;
    if (stream.writableLength + this.#gathered.length > maxWaitingBytes) {
      this.#dropped++;
      return;
    }
    if (this.#dropped > 0) {
      this.#gathered += `${JSON.stringify({ level: 40, time: Date.now(), lines: this.#dropped, msg: 'lines of the log were dropped: nobody took them' })}\n`;
      this.#dropped = 0;
    }
    this.#gathered += line;
    if (this.#timer) gathering.add(this);
    else this.#flushAndWait();
  }

  /** Writes what has been gathered. */
  flush(): void {
    gathering.delete(this);
    const lines = this.#gathered;
    this.#gathered = '';
    if (lines !== '' && this.#stream.writable) this.#stream.write(lines);
  }

  #flushAndWait(): void {
    this.flush();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#gathered !== '') this.#flushAndWait();
    }, gatherMs).unref();
  }
}

function flushAll(): void {
  for (const output of gathering) output.flush();
}

/** A reader that is gone: what is written then is lost, nothing else. */
function ignore(): void {}
