/**
 * Descriptions of binary layouts that both read and write; the TypeScript type of the value is inferred from
 * the description. Codecs neither log nor wait. Reading bad input throws `DecodeError` and nothing else;
 * writing a value outside its field's range throws `RangeError`, since that is our own mistake.
 */
import { ByteReader, ByteWriter } from './bytes.ts';

export interface Codec<T> {
  read(reader: ByteReader): T;
  write(writer: ByteWriter, value: T): void;
}

export type Infer<C> = C extends Codec<infer T> ? T : never;

/** Reads the whole of `bytes` as one value. @throws {DecodeError} when too short, too long or out of range */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array, what: string): T {
  const reader = new ByteReader(bytes, what);
  const value = codec.read(reader);
  reader.end();
  return value;
}

export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new ByteWriter();
  codec.write(writer, value);
  return writer.finish();
}

/** Like {@link encode} for a value whose length is known. @returns `into` @throws {RangeError} unless it fills `into` */
export function encodeInto<T>(codec: Codec<T>, value: T, into: Uint8Array): Uint8Array {
  const writer = new ByteWriter(into);
  codec.write(writer, value);
  if (writer.length !== into.length) throw new RangeError(`${writer.length} bytes, not ${into.length}`);
  return into;
}

/** Of values that never change, such as what a device is: each is encoded once. */
export function constant<T extends object>(codec: Codec<T>): Codec<T> {
  const encoded = new WeakMap<T, Uint8Array>();
  return {
    read: codec.read,
    write(writer, value) {
      let known = encoded.get(value);
      if (!known) {
        known = encode(codec, value);
        encoded.set(value, known);
      }
      writer.bytes(known);
    },
  };
}

type Unsigned = 'u8' | 'u16le' | 'u24le' | 'u32le' | 'u16be' | 'u32be';

/** With both methods as functions: one by its name, out of six, would be looked up anew for each number. */
function unsigned(
  name: Unsigned,
  bits: number,
  read: (reader: ByteReader) => number,
  put: (writer: ByteWriter, value: number) => void,
): Codec<number> {
  const limit = 2 ** bits;
  return {
    read,
    write(writer, value) {
      if (!Number.isInteger(value) || value < 0 || value >= limit) {
        throw new RangeError(`${name}: ${value} does not fit`);
      }
      put(writer, value);
    },
  };
}

export const u8 = unsigned(
  'u8',
  8,
  (from) => from.u8(),
  (to, value) => void to.u8(value),
);
export const u16le = unsigned(
  'u16le',
  16,
  (from) => from.u16le(),
  (to, value) => void to.u16le(value),
);
export const u24le = unsigned(
  'u24le',
  24,
  (from) => from.u24le(),
  (to, value) => void to.u24le(value),
);
export const u32le = unsigned(
  'u32le',
  32,
  (from) => from.u32le(),
  (to, value) => void to.u32le(value),
);
export const u16be = unsigned(
  'u16be',
  16,
  (from) => from.u16be(),
  (to, value) => void to.u16be(value),
);
export const u32be = unsigned(
  'u32be',
  32,
  (from) => from.u32be(),
  (to, value) => void to.u32be(value),
);

/** Exactly `length` bytes. */
export function bytes(length: number): Codec<Uint8Array> {
  return {
    read: (reader) => reader.bytes(length).slice(),
    write(writer, value) {
      if (value.length !== length) throw new RangeError(`bytes: ${value.length} given, ${length} wanted`);
      writer.bytes(value);
    },
  };
}

/** All bytes that are left, possibly none. */
export const rest: Codec<Uint8Array> = {
  read: (reader) => reader.rest().slice(),
  write: (writer, value) => void writer.bytes(value),
};

/** ASCII text in a field of fixed length, NUL padded. */
export function text(length: number): Codec<string> {
  return {
    read(reader) {
      const raw = Buffer.from(reader.bytes(length));
      const end = raw.indexOf(0);
      return raw.toString('latin1', 0, end < 0 ? length : end);
    },
    write(writer, value) {
      const raw = Buffer.from(value, 'latin1');
      if (raw.length > length) throw new RangeError(`text: ${raw.length} bytes do not fit into ${length}`);
      writer.bytes(raw);
      for (let i = raw.length; i < length; i++) writer.u8(0);
    },
  };
}

/** `length` bytes written 0 and ignored on reading. Use it for a field named `_…`. */
export function reserved(length: number): Codec<undefined> {
  return {
    read: (reader) => void reader.bytes(length),
    write(writer) {
      for (let i = 0; i < length; i++) writer.u8(0);
    },
  };
}

/** No bytes at all; the value is an empty object. */
export const empty: Codec<Record<never, never>> = {
  read: () => ({}),
  write: () => undefined,
};

/** A field that may be absent at the end of a message. */
export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    read: (reader) => (reader.left > 0 ? codec.read(reader) : undefined),
    write(writer, value) {
      if (value !== undefined) codec.write(writer, value);
    },
  };
}

/** One of a table's numbers, read and written by its name. */
export function named<const N extends Names>(numbers: N, codec: Codec<number> = u8): Codec<keyof N & string> {
  const nameOf = new Map(Object.entries(numbers).map(([name, number]) => [number, name as keyof N & string]));
  return {
    read(reader) {
      const number = codec.read(reader);
      return nameOf.get(number) ?? reader.fail(`${number} is none of ${Object.keys(numbers).join(', ')}`);
    },
    write: (writer, name) => codec.write(writer, numbers[name] as number),
  };
}

export type Names = Readonly<Record<string, number>>;
type BitField = readonly [string, number] | readonly [string, number, Names];
type BitValue<F> = F extends readonly [string, number, infer N extends Names]
  ? keyof N & string
  : F extends readonly [string, 1]
    ? boolean
    : number;
type BitsOf<Fs extends readonly BitField[]> = {
  [F in Fs[number] as F[0] extends `_${string}` ? never : F[0]]: BitValue<F>;
};

/**
 * One byte cut into fields, listed from bit 7 down as the specifications print them. A width of 1 without
 * names is a boolean. Fields named `_…` are written 0 and ignored on reading.
 */
export function bits8<const Fs extends readonly BitField[]>(...fields: Fs): Codec<BitsOf<Fs>> {
  return bits(8, u8, fields);
}

/** Like {@link bits8} for two bytes, least significant byte first; listed from bit 15 down. */
export function bits16le<const Fs extends readonly BitField[]>(...fields: Fs): Codec<BitsOf<Fs>> {
  return bits(16, u16le, fields);
}

function bits<const Fs extends readonly BitField[]>(
  size: number,
  word: Codec<number>,
  fields: Fs,
): Codec<BitsOf<Fs>> {
  let shift = size;
  const layout = fields.map(([name, width, names]) => {
    shift -= width;
    const nameOf = names && new Map(Object.entries(names).map(([key, number]) => [number, key]));
    return { name, width, names, nameOf, shift, mask: 2 ** width - 1, skip: name.startsWith('_') };
  });
  if (shift !== 0) throw new RangeError(`bits: fields fill ${size - shift} of ${size} bits`);
  return {
    read(reader) {
      const whole = word.read(reader);
      const value: Record<string, unknown> = {};
      for (const field of layout) {
        if (field.skip) continue;
        const number = (whole >>> field.shift) & field.mask;
        if (field.nameOf) {
          value[field.name] =
            field.nameOf.get(number) ?? reader.fail(`${field.name} ${number} is none of its values`);
        } else {
          value[field.name] = field.width === 1 ? number === 1 : number;
        }
      }
      return value as BitsOf<Fs>;
    },
    write(writer, value) {
      let whole = 0;
      for (const field of layout) {
        if (field.skip) continue;
        const given = (value as Record<string, unknown>)[field.name];
        const number = field.names ? field.names[given as string] : Number(given);
        if (number === undefined || !Number.isInteger(number) || number < 0 || number > field.mask) {
          throw new RangeError(`${field.name}: ${String(given)} does not fit into ${field.width} bits`);
        }
        whole |= number << field.shift;
      }
      word.write(writer, whole);
    },
  };
}

type Fields = Readonly<Record<string, Codec<unknown>>>;
type StructOf<S extends Fields> = {
  -readonly [K in keyof S as K extends `_${string}` ? never : K]: Infer<S[K]>;
};

/** Fields one after the other, in the order written. Fields named `_…` do not show in the value. */
export function struct<const S extends Fields>(fields: S): Codec<StructOf<S>> {
  const entries = Object.entries(fields);
  return {
    read(reader) {
      const value: Record<string, unknown> = {};
      for (const [name, codec] of entries) {
        const field = codec.read(reader);
        if (!name.startsWith('_')) value[name] = field;
      }
      return value as StructOf<S>;
    },
    write(writer, value) {
      for (const [name, codec] of entries) codec.write(writer, (value as Record<string, unknown>)[name]);
    },
  };
}
