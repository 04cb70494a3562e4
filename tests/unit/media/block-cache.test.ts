/** A cache that forgets, but never mistakes one block for another. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlockCache } from '../../../src/media/block-cache.ts';

const blockBytes = 64;
let dir: string;
const open: BlockCache[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-cache-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((cache) => cache.close()));
  rmSync(dir, { recursive: true, force: true });
});

async function cacheOf(most: number): Promise<BlockCache> {
  const cache = await BlockCache.open(join(dir, 'cache'), blockBytes, most);
  open.push(cache);
  return cache;
}
const block = (number: number) => Buffer.alloc(blockBytes, number % 251);

describe('the cache', () => {
  it('keeps the blocks that were used last, and leaves no file behind', async () => {
    const cache = await cacheOf(3);
    for (const number of [1, 2, 3]) await cache.put(number, block(number));
    expect(await cache.get(1)).toEqual(block(1));
    await cache.put(4, block(4));
    expect([1, 2, 3, 4].filter((number) => cache.has(number))).toEqual([1, 3, 4]);
    expect(await cache.get(2)).toBeUndefined();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('takes a shorter last block', async () => {
    const cache = await cacheOf(2);
    await cache.put(9, Buffer.from('end'));
    expect(await cache.get(9)).toEqual(Buffer.from('end'));
  });

  it('gives back what was put in or nothing, however many read and write at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.tuple(fc.boolean(), fc.nat(7)), { minLength: 1, maxLength: 60 }),
        async (most, steps) => {
          const cache = await BlockCache.open(join(dir, 'cache'), blockBytes, most);
          try {
            await Promise.all(
              steps.map(async ([write, number]) => {
                if (write) return cache.put(number, block(number));
                const got = await cache.get(number);
                if (got) expect(got).toEqual(block(number));
              }),
            );
            const kept = Array.from({ length: 8 }, (_, number) => number).filter((each) => cache.has(each));
            expect(kept.length).toBeLessThanOrEqual(most);
          } finally {
            await cache.close();
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
