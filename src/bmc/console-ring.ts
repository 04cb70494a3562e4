/** The last bytes of a stream, addressed by their position in it. Allocated by need: most consoles are quiet. */
export class ConsoleRing {
  readonly #limit: number;
  #bytes: Uint8Array = nothing;
  #end = 0;

  /** @param limit a power of two */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Position of the oldest byte kept. */
  get start(): number {
    return Math.max(0, this.#end - this.#limit);
  }

  /** Position behind the latest byte. 2^53 bytes at 10 MB/s are 28 years. */
  get end(): number {
    return this.#end;
  }

  append(bytes: Uint8Array): void {
    this.#grow(this.#end + bytes.length);
    const size = this.#bytes.length;
    const kept = bytes.length > size ? bytes.subarray(bytes.length - size) : bytes;
    this.#end += bytes.length;
    const at = (this.#end - kept.length) % size;
    const first = Math.min(kept.length, size - at);
    this.#bytes.set(first === kept.length ? kept : kept.subarray(0, first), at);
    if (first < kept.length) this.#bytes.set(kept.subarray(first), 0);
  }

  /** A copy of `length` bytes from position `from`. @throws {RangeError} unless all of them are kept */
  copy(from: number, length: number): Uint8Array {
    if (from < this.start || length < 0 || from + length > this.#end) {
      throw new RangeError(
        `console ring: ${length} bytes from ${from}, kept are ${this.start} to ${this.#end}`,
      );
    }
    if (length === 0) return nothing;
    const copy = new Uint8Array(length);
    this.copyTo(copy, 0, from, length);
    return copy;
  }

  /** Writes `length` bytes, at least one, from position `from`, all of which must be kept, to `into`, from `at` on. */
  copyTo(into: Uint8Array, at: number, from: number, length: number): void {
    const start = from % this.#bytes.length;
    const first = Math.min(length, this.#bytes.length - start);
    into.set(this.#bytes.subarray(start, start + first), at);
    if (first < length) into.set(this.#bytes.subarray(0, length - first), at + first);
  }

  #grow(end: number): void {
    let size = Math.max(this.#bytes.length, 4096);
    while (size < end && size < this.#limit) size *= 2;
    if (size === this.#bytes.length) return;
    const grown = new Uint8Array(size);
    // Until the limit is reached nothing has been overwritten, so the old bytes begin at 0.
    grown.set(this.#bytes.subarray(0, Math.min(this.#end, this.#bytes.length)), 0);
    this.#bytes = grown;
  }
}

const nothing = new Uint8Array();
