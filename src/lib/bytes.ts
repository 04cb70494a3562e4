/**
 * Reading and writing of bytes, the ground under every codec. No domain words here.
 */

/** A message that could not be decoded: the only error a codec throws for bad input. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  /** `length`: too few or too many bytes; `value`: a field holds what it must not. */
  readonly fault: 'length' | 'value';

  constructor(message: string, fault: 'length' | 'value' = 'value') {
    super(message);
    this.fault = fault;
  }
}

/** Reads forward through a byte array; every read beyond the end is a `DecodeError`. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #offset = 0;

  /** @param what names the message in errors, such as `session header` */
  constructor(bytes: Uint8Array, what = 'message') {
    this.#bytes = bytes;
    this.#what = what;
  }

  get offset(): number {
    return this.#offset;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    this.#need(1);
    return this.#bytes[this.#offset++] as number;
  }

  u16le(): number {
    this.#need(2);
    return this.u8() | (this.u8() << 8);
  }

  u24le(): number {
    this.#need(3);
    return this.u8() | (this.u8() << 8) | (this.u8() << 16);
  }

  u32le(): number {
    this.#need(4);
    return (this.u8() | (this.u8() << 8) | (this.u8() << 16) | (this.u8() << 24)) >>> 0;
  }

  u16be(): number {
    this.#need(2);
    return (this.u8() << 8) | this.u8();
  }

  u32be(): number {
    this.#need(4);
    return ((this.u8() << 24) | (this.u8() << 16) | (this.u8() << 8) | this.u8()) >>> 0;
  }

  /** A view (not a copy) of the next `length` bytes. */
  bytes(length: number): Uint8Array {
    this.#need(length);
    const view = this.#bytes.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return view;
  }

  /** A copy of the next `length` bytes, for what outlives the message. */
  copy(length: number): Uint8Array {
    this.#need(length);
    const copied = new Uint8Array(length);
    for (let i = 0; i < length; i++) copied[i] = this.#bytes[this.#offset + i] as number;
    this.#offset += length;
    return copied;
  }

  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  /** @throws {DecodeError} when bytes are left over */
  end(): void {
    if (this.left > 0) {
      throw new DecodeError(`${this.#what}: ${this.left} bytes too many after ${this.#offset}`, 'length');
    }
  }

  fail(reason: string): never {
    throw new DecodeError(`${this.#what}: ${reason}`);
  }

  #need(length: number): void {
    if (this.left < length) {
      throw new DecodeError(
        `${this.#what}: need ${length} bytes at offset ${this.#offset}, ${this.left} left`,
        'length',
      );
    }
  }
}

/** V8 keeps arrays up to this size in its own heap, where they cost little. */
const inHeapBytes = 64;

/** Writes forward into a buffer that grows as needed. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  /** @param room how many bytes are expected, or where they go unless there are more */
  constructor(room: number | Uint8Array = inHeapBytes) {
    this.#bytes = typeof room === 'number' ? new Uint8Array(room) : room;
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#room(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u16le(value: number): this {
    return this.u8(value).u8(value >>> 8);
  }

  u24le(value: number): this {
    return this.u8(value)
      .u8(value >>> 8)
      .u8(value >>> 16);
  }

  u32le(value: number): this {
    return this.u8(value)
      .u8(value >>> 8)
      .u8(value >>> 16)
      .u8(value >>> 24);
  }

  u16be(value: number): this {
    return this.u8(value >>> 8).u8(value);
  }

  u32be(value: number): this {
    return this.u8(value >>> 24)
      .u8(value >>> 16)
      .u8(value >>> 8)
      .u8(value);
  }

  bytes(value: Uint8Array): this {
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** Begins anew, in the same buffer. */
  clear(): void {
    this.#length = 0;
  }

  /** What was written so far, as an array of its own. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** What was written so far; later writes may or may not show in it. */
  finish(): Uint8Array {
    const bytes = this.#bytes;
    // A view would first move an array that lives in V8's own heap out of it: a copy costs a tenth.
    return bytes.length <= inHeapBytes ? bytes.slice(0, this.#length) : bytes.subarray(0, this.#length);
  }

  #room(length: number): void {
    if (this.#length + length <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Each byte as the character of that number. For short texts: names, tags. */
export function latin1Text(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** @throws {DecodeError} for an odd number of digits or anything but hexadecimal digits and blanks */
export function fromHex(hex: string): Uint8Array {
  const digits = hex.replace(/\s+/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) {
    throw new DecodeError(`hex: not pairs of hexadecimal digits: ${JSON.stringify(hex.slice(0, 40))}`);
  }
  return new Uint8Array(Buffer.from(digits, 'hex'));
}
