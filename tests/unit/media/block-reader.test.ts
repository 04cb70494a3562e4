/** Reading an image piece by piece from sources that are slow, silent, lying or gone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import { BlockCache } from '../../../src/media/block-cache.ts';
import {
  BlockReader,
  type BlockReaderLimits,
  type ByteSource,
  Final,
} from '../../../src/media/block-reader.ts';

const blockBytes = 1024;
const content = Buffer.alloc(100 * blockBytes + 100);
for (let i = 0; i < content.length; i += 4) content.writeUInt32LE((i * 40503) >>> 0, i);

let dir: string;
const caches: BlockCache[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-reader-'));
});
afterEach(async () => {
  await Promise.all(caches.splice(0).map((cache) => cache.close()));
  rmSync(dir, { recursive: true, force: true });
});

/** Serves the content in chunks; `before` is asked ahead of each request and may throw or wait. */
class Source implements ByteSource {
  readonly asked: [from: number, to: number][] = [];
  atOnce = 0;
  most = 0;
  chunkBytes = 700;
  before: (from: number, to: number, signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  /** Breaks off after so many bytes. */
  breakAfter = Number.POSITIVE_INFINITY;

  async *bytes(from: number, to: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.asked.push([from, to]);
    this.most = Math.max(this.most, ++this.atOnce);
    try {
      await this.before(from, to, signal);
      for (let at = from; at < to; at += this.chunkBytes) {
        if (at - from >= this.breakAfter) throw new Error('broken off');
        yield content.subarray(at, Math.min(to, at + this.chunkBytes));
      }
    } finally {
      this.atOnce--;
    }
  }

  get askedBytes(): number {
    return this.asked.reduce((sum, [from, to]) => sum + to - from, 0);
  }
}

async function readerOf(source: ByteSource, limits: Partial<BlockReaderLimits> = {}, keep = 200) {
  const cache = await BlockCache.open(join(dir, `cache-${caches.length}`), blockBytes, keep);
  caches.push(cache);
  const troubles: (string | undefined)[] = [];
  const reader = new BlockReader({
    source,
    sizeBytes: content.length,
    cache,
    clock: systemClock,
    limits: {
      blockBytes,
      readMs: 400,
      troubledReadMs: 60,
      blockMs: 200,
      retryMs: 5,
      longestRetryMs: 20,
      ...limits,
    },
    onTrouble: (reason) => troubles.push(reason),
  });
  return { reader, troubles };
}

/** Never, but for the signal. */
const silence = (_from: number, _to: number, signal: AbortSignal) =>
  new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));

describe('what is read', () => {
  it('is what is there, wherever and however much, together and one after the other', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(content.length - 1), fc.integer({ min: 1, max: 9000 })), {
          minLength: 1,
          maxLength: 20,
        }),
        fc.integer({ min: 1, max: 12 }),
        fc.boolean(),
        async (reads, keep, together) => {
          const { reader } = await readerOf(new Source(), {}, keep);
          const one = async ([offset, length]: [number, number]) => {
            const there = Math.min(length, content.length - offset);
            expect(
              (await reader.readUpTo(offset, length)).equals(content.subarray(offset, offset + there)),
            ).toBe(true);
          };
          if (together) await Promise.all(reads.map(one));
          else for (const each of reads) await one(each);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is asked for once, by whole blocks, while it is kept', async () => {
    const source = new Source();
    const { reader } = await readerOf(source);
    await Promise.all([reader.read(5000, 10), reader.read(5010, 10), reader.read(4100, 500)]);
    await reader.read(4096, 1024);
    expect(source.asked).toEqual([[4096, 5120]]);
  });

  it('is read ahead for whoever reads on, by more and more, and never twice', async () => {
    const source = new Source();
    const { reader } = await readerOf(source, { mostAhead: 16 });
    for (let at = 0; at < content.length; at += 512) await reader.readUpTo(at, 512);
    expect(source.askedBytes).toBe(content.length);
    // 101 blocks in 1, 2, 4, 8, then 16 at a time.
    expect(source.asked.length).toBeLessThan(14);
  });

  it('costs little where reads jump about', async () => {
    const source = new Source();
    const { reader } = await readerOf(source);
    for (const block of [90, 10, 50, 30, 70]) await reader.read(block * blockBytes, 100);
    expect(source.askedBytes).toBe(5 * blockBytes);
  });

  it('is asked for by a few requests at once', async () => {
    const source = new Source();
    source.before = () => new Promise((resolve) => setTimeout(resolve, 5));
    const { reader } = await readerOf(source, { mostRequests: 3 });
    await Promise.all(Array.from({ length: 20 }, (_, i) => reader.read(i * 5 * blockBytes, 10)));
    expect(source.most).toBe(3);
  });
});

describe('a source', () => {
  it('that breaks off is asked for the rest, as often as it takes', async () => {
    const source = new Source();
    source.breakAfter = 2 * blockBytes;
    source.chunkBytes = blockBytes;
    const { reader } = await readerOf(source);
    expect((await reader.read(0, 10 * blockBytes)).equals(content.subarray(0, 10 * blockBytes))).toBe(true);
    const begins = source.asked.map(([from]) => from / blockBytes);
    // Beside them what was read ahead.
    expect(begins.filter((each) => each < 10)).toEqual([0, 2, 4, 6, 8]);
  });

  it('that is silent fails a read in time, later ones sooner, and is in trouble until it speaks', async () => {
    const source = new Source();
    source.before = silence;
    const { reader, troubles } = await readerOf(source);
    const startedAt = performance.now();
    await expect(reader.read(0, 100)).rejects.toThrow('has not sent');
    const first = performance.now() - startedAt;
    expect(first).toBeGreaterThan(380);
    await expect(reader.read(50_000, 100)).rejects.toThrow('has not sent');
    expect(performance.now() - startedAt - first).toBeLessThan(300);
    expect(reader.trouble).toMatch('has not sent');
    source.before = () => Promise.resolve();
    await expect
      .poll(() => reader.read(20_000, 100).catch(() => undefined))
      .toEqual(content.subarray(20_000, 20_100));
    expect(reader.trouble).toBeUndefined();
    expect(troubles).toEqual([expect.stringContaining('has not sent'), undefined]);
  });

  it('that trickles is too slow for a block, and sends more than was asked for is not believed', async () => {
    const trickle: ByteSource = {
      async *bytes(from, to, signal) {
        for (let at = from; at < to && !signal.aborted; at++) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          yield content.subarray(at, at + 1);
        }
        throw new Error('aborted');
      },
    };
    await expect((await readerOf(trickle)).reader.read(0, 10)).rejects.toThrow();
    const endless: ByteSource = {
      async *bytes() {
        for (;;) yield Buffer.alloc(1000);
      },
    };
    const { reader, troubles } = await readerOf(endless);
    // The block that was asked for is whole; what follows ends the request.
    expect(await reader.read(0, 10)).toHaveLength(10);
    await expect.poll(() => troubles).toEqual([]);
  });

  it('whose image has changed is not asked again, and nothing more is read', async () => {
    const source = new Source();
    const { reader, troubles } = await readerOf(source);
    await reader.read(0, 10);
    source.before = () => Promise.reject(new Final('changed'));
    await expect(reader.read(50_000, 10)).rejects.toThrow('changed');
    source.before = () => Promise.resolve();
    await expect(reader.read(0, 10)).rejects.toThrow('changed');
    await expect(reader.read(60_000, 10)).rejects.toThrow('changed');
    expect([source.asked.length, troubles]).toEqual([2, ['changed']]);
  });
});

describe('an image that is taken out', () => {
  it('fails the reads that wait, at once, and those that come; put in again it is read as before', async () => {
    const source = new Source();
    source.before = silence;
    const { reader } = await readerOf(source, { readMs: 60_000, blockMs: 60_000 });
    const waiting = [0, 1, 2, 3, 4, 5, 6].map((i) => reader.read(i * 10_000, 100));
    const settled = Promise.allSettled(waiting);
    await expect.poll(() => source.asked.length).toBe(4);
    reader.setReady(false);
    expect((await settled).every(({ status }) => status === 'rejected')).toBe(true);
    await expect(reader.read(0, 10)).rejects.toThrow('not in a drive');
    await expect.poll(() => source.atOnce).toBe(0);
    expect(source.asked).toHaveLength(4);
    source.before = () => Promise.resolve();
    reader.setReady(true);
    expect(await reader.read(0, 100)).toEqual(content.subarray(0, 100));
    expect(reader.trouble).toBeUndefined();
  });
});
