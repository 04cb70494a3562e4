/**
 * What the supervised programs say: whole into a bounded file, readable onto the console. Lines of JSON are the
 * BMC's log; what pm2 says about its own doing stays off the console unless debugging.
 */
import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { prettyFactory } from 'pino-pretty';

/** Two files of this size are kept. */
const fileLimitBytes = 4 * 1024 * 1024;
const lineLimit = 16 * 1024;

export class ConsoleLog {
  readonly #path: string;
  readonly #all: boolean;
  readonly #pretty: ((line: string) => string) | undefined;
  #file: WriteStream;
  #size: number;
  #rest = '';
  #ending = false;

  /** @param directory where `appliance.log` is; made when missing */
  constructor(directory: string, level: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#path = join(directory, 'appliance.log');
    this.#all = level === 'debug' || level === 'trace';
    this.#size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    this.#file = this.#open();
    if (process.stdout.isTTY) {
      const format = prettyFactory({
        colorize: process.env.NO_COLOR === undefined,
        ignore: 'pid,hostname',
        translateTime: 'SYS:HH:MM:ss',
        singleLine: true,
      });
      this.#pretty = (line) => String(format(line) ?? '');
    }
  }

  /** Output of a program, in pieces of any size. */
  write(data: Buffer): void {
    const lines = (this.#rest + data.toString('utf8')).split('\n');
    this.#rest = (lines.pop() ?? '').slice(-lineLimit);
    for (const line of lines) if (line !== '') this.#line(line.slice(0, lineLimit));
  }

  /** A line of our own, for people. */
  say(line: string): void {
    this.#keep(line);
    process.stderr.write(`${line}\n`);
  }

  /** From now on only the BMC's own log shows: what pm2 says while it ends is of no use to anybody. */
  programsOnly(): void {
    this.#ending = true;
  }

  close(): void {
    if (this.#rest !== '') this.#line(this.#rest);
    this.#rest = '';
    this.#file.end();
  }

  #line(line: string): void {
    this.#keep(line);
    if (line.startsWith('{') && this.#pretty) process.stdout.write(this.#pretty(line));
    else if (this.#ending && !line.startsWith('{')) return;
    else if (this.#all || !/^(\S+ )?PM2\b|^\S+: PM2 log:/.test(line)) process.stdout.write(`${line}\n`);
  }

  #keep(line: string): void {
    if (this.#size > fileLimitBytes) {
      this.#file.end();
      renameSync(this.#path, `${this.#path}.1`);
      this.#size = 0;
      this.#file = this.#open();
    }
    this.#file.write(`${line}\n`);
    this.#size += Buffer.byteLength(line) + 1;
  }

  #open(): WriteStream {
    const file = createWriteStream(this.#path, { flags: 'a', mode: 0o600 });
    // A full disk costs the log, not the appliance.
    file.on('error', () => undefined);
    return file;
  }
}
