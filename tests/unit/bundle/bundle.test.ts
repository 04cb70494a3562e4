import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bundle } from '../../../src/bundle/bundle.ts';

const module = new URL('../../../src/bundle/bundle.ts', import.meta.url).href;

const code = `exports.sum = (a, b) => a + b;
exports.place = { file: __filename, folder: __dirname };
exports.version = () => require('./part.cjs').version;
exports.fail = () => {
  throw new Error('as it should');
};
`;
interface Exports {
  sum(a: number, b: number): number;
  readonly place: { readonly file: string; readonly folder: string };
  version(): string;
  fail(): never;
}

let folder: string;
let file: string;
let cache: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-bmc-bundle-'));
  file = join(folder, 'bmc.cjs');
  cache = `${file}.cache`;
  writeFileSync(file, code);
  writeFileSync(join(folder, 'part.cjs'), `exports.version = 'one';\n`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As a run of the build does it. */
function remember(): void {
  const bundle = new Bundle(file);
  expect(bundle.run<Exports>().sum(1, 2)).toBe(3);
  bundle.writeCache();
}

function runsWithoutCache(): void {
  const bundle = new Bundle(file);
  expect(bundle.cached).toBe(false);
  expect(bundle.run<Exports>().sum(3, 4)).toBe(7);
}

describe('a bundle', () => {
  it.each(['without a cache', 'with its cache'])('is a CommonJS module in its place, %s', (how) => {
    if (how === 'with its cache') remember();
    const bundle = new Bundle(file);
    expect(bundle.cached).toBe(how === 'with its cache');
    const { sum, place, version } = bundle.run<Exports>();
    expect(sum(20, 22)).toBe(42);
    expect(place).toEqual({ file, folder });
    expect(version()).toBe('one');
  });

  it('has its own lines in stack traces, also of functions from the cache', () => {
    remember();
    const { fail } = new Bundle(file).run<Exports>();
    expect(() => fail()).toThrow(expect.objectContaining({ stack: expect.stringContaining(`${file}:5:9`) }));
  });
});

describe('a cache', () => {
  beforeEach(remember);

  it('of another bundle is not taken, though it is as long', () => {
    writeFileSync(file, code.replace('a + b', 'a - b'));
    const bundle = new Bundle(file);
    expect(bundle.cached).toBe(false);
    expect(bundle.run<Exports>().sum(4, 3)).toBe(1);
  });

  it.each([0, 40, 400, -1])('with byte %i changed is not taken', (at) => {
    const bytes = readFileSync(cache);
    const index = (at + bytes.length) % bytes.length;
    bytes.writeUInt8(bytes.readUInt8(index) ^ 0x41, index);
    writeFileSync(cache, bytes);
    runsWithoutCache();
  });

  it.each([0, 20, 32, 1000])('cut after %i bytes is not taken', (length) => {
    writeFileSync(cache, readFileSync(cache).subarray(0, length));
    runsWithoutCache();
  });

  // In processes of their own: a V8 that has compiled the same text before looks at no cache.
  it.each([
    { options: [], taken: true },
    { options: ['--no-opt'], taken: false },
  ])('is left to V8: with options $options, taken $taken', ({ options, taken }) => {
    const program = `import { Bundle } from ${JSON.stringify(module)};
      const bundle = new Bundle(${JSON.stringify(file)});
      console.log(JSON.stringify([bundle.cached, bundle.run().sum(5, 6)]));`;
    const args = [...options, '--import', 'tsx', '--input-type=module', '-e', program];
    const said = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe' });
    expect(JSON.parse(said)).toEqual([taken, 11]);
  });

  it('is written anew with what has been compiled since', () => {
    const before = readFileSync(cache).length;
    const bundle = new Bundle(file);
    expect(bundle.run<Exports>().version()).toBe('one');
    bundle.writeCache();
    expect(readFileSync(cache).length).toBeGreaterThan(before);
    expect(new Bundle(file).cached).toBe(true);
  });
});
