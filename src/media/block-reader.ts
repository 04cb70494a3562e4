/**
 * Reads an image that is elsewhere. It is fetched by whole blocks, each once for as long as the cache keeps it; who reads
 * on is read ahead for, by more and more. A source that breaks off is asked again, a little later each time; a read that
 * takes too long fails, and while the source is in trouble reads fail sooner, so that nobody waits for long again and
 * again.
 */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../lib/clock.ts';
import type { BlockCache } from './block-cache.ts';

/** Where blocks come from. */
export interface ByteSource {
  /**
   * The bytes from one place to before another, in their order.
   * @throws {Final} when no other try can help @throws {Error} when one may
   */
  bytes(from: number, to: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** The image is not any more what it was. */
export class Final extends Error {
  override readonly name = 'Final';
}

export interface BlockReaderLimits {
  readonly blockBytes: number;
  /** Blocks in one request. */
  readonly mostAhead: number;
  readonly mostRequests: number;
  /** Of one read; and of one while the source is in trouble. */
  readonly readMs: number;
  readonly troubledReadMs: number;
  /** From one block of a request to the next. */
  readonly blockMs: number;
  /** Before the first further try; twice as long before each next one, up to the other. */
  readonly retryMs: number;
  readonly longestRetryMs: number;
}

export const defaultBlockReaderLimits: BlockReaderLimits = {
  blockBytes: 256 * 1024,
  mostAhead: 32,
  mostRequests: 4,
  // A guest's own patience with a disc is 30 s.
  readMs: 20_000,
  troubledReadMs: 2_000,
  blockMs: 10_000,
  retryMs: 200,
  longestRetryMs: 3_000,
};

export interface BlockReaderOptions {
  readonly source: ByteSource;
  readonly sizeBytes: number;
  readonly cache: BlockCache;
  readonly clock: Clock;
  readonly limits?: Partial<BlockReaderLimits>;
  /** The source is in trouble, or no more. */
  readonly onTrouble?: (reason: string | undefined) => void;
}

/** Somebody who reads one block after the other. */
interface Stream {
  /** First block of what was asked for last. */
  from: number;
  /** First block after it. */
  to: number;
}

interface Wanted {
  readonly bytes: Promise<Buffer>;
  deliver(bytes: Buffer): void;
  fail(error: Error): void;
}

const mostStreams = 8;

export class BlockReader {
  readonly #o: BlockReaderOptions;
  readonly #limits: BlockReaderLimits;
  readonly #blocks: number;
  readonly #wanted = new Map<number, Wanted>();
  readonly #streams: Stream[] = [];
  readonly #waiting: (() => void)[] = [];
  #requests = 0;
  #trouble: string | undefined;
  #final: Error | undefined;
  /** Ends all that is under way. */
  #work = work();
  #ready = true;

  constructor(options: BlockReaderOptions) {
    this.#o = options;
    this.#limits = { ...defaultBlockReaderLimits, ...options.limits };
    this.#blocks = Math.ceil(options.sizeBytes / this.#limits.blockBytes);
  }

  /** Why reads fail at present. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Unless `ready` reads fail at once, and those under way do, too. */
  setReady(ready: boolean): void {
    if (ready === this.#ready) return;
    this.#ready = ready;
    if (ready) this.#work = work();
    else {
      const reason = new Error('the image is not in a drive');
      this.#work.abort(reason);
      for (const wanted of this.#wanted.values()) wanted.fail(reason);
      this.#wanted.clear();
    }
  }

  /** As much of it as there is. @throws {Error} as {@link read} does */
  readUpTo(offset: number, length: number): Promise<Buffer> {
    const there = Math.max(0, Math.min(length, this.#o.sizeBytes - offset));
    return there === 0 ? Promise.resolve(Buffer.alloc(0)) : this.read(offset, there);
  }

  /** @throws {Error} when the bytes cannot be had, in time or at all */
  async read(offset: number, length: number): Promise<Buffer> {
    const { signal } = this.#work;
    const { blockBytes, readMs, troubledReadMs } = this.#limits;
    const limitMs = this.#trouble === undefined ? readMs : troubledReadMs;
    const first = Math.floor(offset / blockBytes);
    const last = Math.floor((offset + length - 1) / blockBytes);
    const into = Buffer.allocUnsafe(length);
    const all = async () => {
      for (let block = first; block <= last; block++) {
        const bytes = await this.#block(block, last - block + 1);
        const start = block * blockBytes;
        const from = Math.max(offset, start) - start;
        const to = Math.min(offset + length, start + blockBytes) - start;
        bytes.copy(into, start + from - offset, from, to);
      }
      return into;
    };
    return within(all(), signal, this.#o.clock, limitMs, () => {
      const error = new Error(`the server has not sent what is wanted within ${limitMs / 1000} s`);
      this.#setTrouble(error.message);
      return error;
    });
  }

  /** @param count how many from here on are wanted */
  async #block(block: number, count: number): Promise<Buffer> {
    if (this.#final) throw this.#final;
    if (!this.#wanted.has(block)) {
      const kept = await this.#o.cache.get(block);
      if (kept) {
        this.#readAhead(block);
        return kept;
      }
    }
    if (!this.#ready) throw this.#work.signal.reason;
    const known = this.#wanted.get(block);
    if (known) {
      this.#readAhead(block);
      return known.bytes;
    }
    const stream = this.#streams.find(({ to }) => to === block);
    const together = Math.max(count, stream ? this.#further(stream) : 1);
    if (stream) this.#note(stream, block, together);
    else this.#begin(block, together);
    return this.#fetch(block, together).bytes;
  }

  /** Whoever has come halfway through what was asked for will want what follows. */
  #readAhead(block: number): void {
    const stream = this.#streams.find(({ from, to }) => block >= from + (to - from) / 2 && block < to);
    if (!stream || !this.#ready || this.#requests >= this.#limits.mostRequests - 1) return;
    if (this.#trouble !== undefined || stream.to >= this.#blocks) return;
    const from = stream.to;
    const count = this.#further(stream);
    if (this.#wanted.has(from) || this.#o.cache.has(from)) stream.to = from + 1;
    else this.#fetch(from, count);
    this.#note(stream, from, count);
  }

  #further({ from, to }: Stream): number {
    return Math.min(this.#limits.mostAhead, 2 * (to - from));
  }

  #note(stream: Stream, from: number, count: number): void {
    stream.from = from;
    stream.to = Math.min(this.#blocks, from + count);
  }

  #begin(from: number, count: number): void {
    this.#streams.unshift({ from, to: Math.min(this.#blocks, from + count) });
    this.#streams.length = Math.min(this.#streams.length, mostStreams);
  }

  /** Asks for a block, and for some that follow it until one is here or asked for. @returns the first */
  #fetch(first: number, count: number): Wanted {
    const wanted = want();
    const blocks = new Map([[first, wanted]]);
    for (let block = first + 1; block < Math.min(this.#blocks, first + count); block++) {
      if (this.#wanted.has(block) || this.#o.cache.has(block)) break;
      blocks.set(block, want());
    }
    for (const [block, each] of blocks) this.#wanted.set(block, each);
    void this.#run(first, blocks, this.#work.signal);
    return wanted;
  }

  /** Never fails; it fails those who wait. */
  async #run(first: number, blocks: Map<number, Wanted>, signal: AbortSignal): Promise<void> {
    const last = first + blocks.size;
    let next = first;
    const deliver = (bytes: Buffer) => {
      const block = next++;
      this.#setTrouble(undefined);
      const wanted = blocks.get(block);
      wanted?.deliver(bytes);
      // Kept in memory until the cache has it.
      void this.#o.cache.put(block, bytes).then(() => {
        if (this.#wanted.get(block) === wanted) this.#wanted.delete(block);
      });
    };
    await this.#turn();
    const { readMs, retryMs, longestRetryMs } = this.#limits;
    let error = new Error('given up');
    let pauseMs = retryMs;
    // Each block that comes gives the next one as much time as the first had.
    for (let since = this.#o.clock.now(), at = next; next < last; ) {
      try {
        const left = since + readMs - this.#o.clock.now();
        if (signal.aborted || left <= 0) break;
        await this.#attempt(next, last, signal, deliver);
        break;
      } catch (cause) {
        error = cause as Error;
        if (signal.aborted || error instanceof Final) break;
        if (next > at) {
          [since, at, pauseMs] = [this.#o.clock.now(), next, retryMs];
          continue;
        }
        await pause(this.#o.clock, pauseMs, signal);
        pauseMs = Math.min(longestRetryMs, 2 * pauseMs);
      }
    }
    this.#release();
    if (error instanceof Final) this.#final = error;
    if (next < last && !signal.aborted) this.#setTrouble(error.message);
    for (const [block, wanted] of blocks) {
      if (block < next) continue;
      if (this.#wanted.get(block) === wanted) this.#wanted.delete(block);
      wanted.fail(error);
    }
  }

  /** One request; ends when all blocks have come. @throws {Error} when not, also when none comes for long */
  async #attempt(
    next: number,
    last: number,
    signal: AbortSignal,
    deliver: (bytes: Buffer) => void,
  ): Promise<void> {
    const { blockBytes, blockMs } = this.#limits;
    const { source, sizeBytes, clock } = this.#o;
    const to = Math.min(sizeBytes, last * blockBytes);
    let at = next * blockBytes;
    const slow = new AbortController();
    const watch = () => clock.after(blockMs, () => slow.abort());
    let timer = watch();
    const lengthAt = () => Math.min(blockBytes, to - at);
    let block = Buffer.allocUnsafe(lengthAt());
    let filled = 0;
    try {
      for await (const chunk of source.bytes(at, to, AbortSignal.any([signal, slow.signal]))) {
        for (let taken = 0; taken < chunk.length; ) {
          if (at >= to) throw new Error('the server sends more than was asked for');
          const part = chunk.subarray(taken, taken + block.length - filled);
          block.set(part, filled);
          filled += part.length;
          taken += part.length;
          if (filled < block.length) continue;
          deliver(block);
          at += block.length;
          timer.cancel();
          timer = watch();
          block = Buffer.allocUnsafe(lengthAt());
          filled = 0;
        }
      }
    } catch (error) {
      throw slow.signal.aborted ? new Error('the server is too slow', { cause: error }) : error;
    } finally {
      timer.cancel();
    }
    if (at < to) throw new Error('the transfer broke off');
  }

  /** Not more requests at once than the source may be asked. */
  async #turn(): Promise<void> {
    if (this.#requests < this.#limits.mostRequests) {
      this.#requests++;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#requests--;
  }

  #setTrouble(reason: string | undefined): void {
    const before = this.#trouble;
    if (this.#final && reason === undefined) return;
    this.#trouble = reason;
    // Another reason is no news.
    if ((before === undefined) !== (reason === undefined)) this.#o.onTrouble?.(reason);
  }
}

/** Many wait for its signal at once. */
function work(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

function want(): Wanted {
  let deliver = (_bytes: Buffer): void => undefined;
  let fail = (_error: Error): void => undefined;
  const bytes = new Promise<Buffer>((resolve, reject) => {
    deliver = resolve;
    fail = reject;
  });
  // Nobody may be waiting for what was only read ahead.
  bytes.catch(() => undefined);
  return { bytes, deliver, fail };
}

/** Ends early when the signal says so. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      timer.cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}

/** @throws {Error} the signal's reason, or what `late` says */
function within<T>(
  work: Promise<T>,
  signal: AbortSignal,
  clock: Clock,
  limitMs: number,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    const timer = clock.after(limitMs, () => reject(late()));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => {
      timer.cancel();
      signal.removeEventListener('abort', abort);
    });
  });
}
