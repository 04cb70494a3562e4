/**
 * A CommonJS bundle in one file, with V8's code cache beside it: the functions that an earlier run has compiled, so that
 * this one need not (docs/decisions/0011-code-cache.md).
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

const digestBytes = 32;

export class Bundle {
  readonly #file: string;
  readonly #code: Buffer;
  readonly #script: Script;

  /** @param file ASCII only, read without decoding and half as long in memory for it; without `import()` */
  constructor(file: string) {
    this.#file = file;
    this.#code = readFileSync(file);
    const cachedData = this.#readCache();
    this.#script = new Script(
      `(function (exports, require, module, __filename, __dirname) {${this.#code.toString('latin1')}\n})`,
      { filename: file, ...(cachedData && { cachedData }) },
    );
  }

  /** Whether there is a cache that this V8 takes: not that of another version, nor of other options. */
  get cached(): boolean {
    return this.#script.cachedDataRejected === false;
  }

  /** Evaluates it. @returns what it exports */
  run<Exports>(): Exports {
    const module = { exports: {} };
    const body: (...globals: unknown[]) => void = this.#script.runInThisContext();
    body(module.exports, createRequire(this.#file), module, this.#file, dirname(this.#file));
    return module.exports as Exports;
  }

  /** Remembers what has been compiled until now. */
  writeCache(): void {
    const data = this.#script.createCachedData();
    writeFileSync(cacheOf(this.#file), Buffer.concat([data, this.#digest(data)]));
  }

  /**
   * Without the digest a damaged cache would end the process, or run as something else, and one of a bundle of the same
   * length would run in its place: V8 looks at versions and lengths alone.
   */
  #readCache(): Buffer | undefined {
    let file: Buffer;
    try {
      file = readFileSync(cacheOf(this.#file));
    } catch {
      return undefined;
    }
    const data = file.subarray(0, -digestBytes);
    return this.#digest(data).equals(file.subarray(-digestBytes)) ? data : undefined;
  }

  #digest(data: Uint8Array): Buffer {
    return createHash('sha256').update(this.#code).update(data).digest();
  }
}

function cacheOf(file: string): string {
  return `${file}.cache`;
}
