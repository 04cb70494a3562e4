/**
 * The flash memory in which OVMF keeps its variables, as bytes: a firmware volume (PI 1.8 volume 3, §3.2.1) that begins
 * with a store of authenticated variables (EDK II, `VariableFormat.h`).
 *
 *     volume header | store header | variable, variable, … | FFh … | fault-tolerant write area, left as it is
 *
 * In flash a bit can only be cleared, so that the firmware marks a variable deleted and adds the new one behind all
 * others, until the store is full. Here all are written anew, one behind the other, as the firmware does then.
 * This file reads and writes no files.
 */
import { ByteReader, ByteWriter, toHex } from '../../lib/bytes.ts';
import { guidBytes, guidOf, guidText } from './uefi-guid.ts';

/** Attributes of a variable. UEFI 2.10 §8.2. */
export const VariableAttribute = {
  nonVolatile: 0x01,
  bootService: 0x02,
  runtime: 0x04,
  /** Changed by the firmware only with a signature; its time stamp may not go back. */
  timeBasedAuthentication: 0x20,
} as const;

/** Kept over power cycles, seen by firmware and operating system: most of UEFI's own variables. */
export const ordinaryAttributes =
  VariableAttribute.nonVolatile | VariableAttribute.bootService | VariableAttribute.runtime;

/** Whose names `BootOrder`, `Boot0000` and `PK` are. UEFI 2.10 §3.3, EFI_GLOBAL_VARIABLE. */
export const globalVendor = '8be4df61-93ca-11d2-aa0d-00e098032b8c';

/** A name means something only with its vendor. */
export interface VariableId {
  /** GUID, lower case. */
  readonly vendor: string;
  readonly name: string;
}

export interface UefiVariable extends VariableId {
  /** Of {@link VariableAttribute}. */
  readonly attributes: number;
  readonly data: Uint8Array;
  /** EFI_TIME, 16 bytes; for `timeBasedAuthentication`. Without it all 0. */
  readonly timeStamp?: Uint8Array;
}

/** Where things are in the image. */
interface Layout {
  readonly from: number;
  readonly to: number;
}

const volumeGuid = 'fff12b8d-7696-4c8b-a985-2747075b4f50';
const authenticatedStoreGuid = 'aaf32c78-947b-439a-a180-2e144ec37792';
const storeHeaderBytes = 28;
const formatted = 0x5a;
const healthy = 0xfe;

const startId = 0x55aa;
const variableHeaderBytes = 60;
const timeStampBytes = 16;
const erased = 0xff;
const erasedWord = 0xffff_ffff;
/** Each step clears a bit: header written, data written, about to be replaced, deleted. */
const State = { added: 0x3f, beingReplaced: 0x3e } as const;

const aligned = (offset: number) => (offset + 3) & ~3;

export class UefiVariableStore {
  readonly #image: Uint8Array;
  readonly #layout: Layout;
  #variables: readonly UefiVariable[];

  /**
   * @param image the whole flash memory; copied
   * @throws {DecodeError} for anything but a volume with a healthy store of authenticated variables
   */
  constructor(image: Uint8Array) {
    // A Buffer's `slice` copies nothing.
    this.#image = new Uint8Array(image);
    this.#layout = layoutOf(this.#image);
    this.#variables = inForce(this.#image, this.#layout);
  }

  /** Those in force, in the order in which they were added. */
  get variables(): readonly UefiVariable[] {
    return this.#variables;
  }

  get({ vendor, name }: VariableId): UefiVariable | undefined {
    return this.#variables.find((each) => each.vendor === vendor && each.name === name);
  }

  /**
   * Adds a variable, or puts it in the place of the one that has its vendor and name.
   * @throws {RangeError} for what cannot be one, or when it does not fit; nothing has changed then
   */
  set(variable: UefiVariable): void {
    check(variable);
    const variables = [...this.#without(variable), { ...variable, data: new Uint8Array(variable.data) }];
    const room = this.#layout.to - this.#layout.from;
    const needed = variables.reduce((sum, each) => aligned(sum) + lengthOf(each), 0);
    if (needed > room) {
      throw new RangeError(
        `UEFI variable ${variable.name}: needs ${needed - room} bytes more than there are`,
      );
    }
    this.#variables = variables;
  }

  /** @returns whether there was one */
  delete(id: VariableId): boolean {
    const others = this.#without(id);
    const found = others.length < this.#variables.length;
    if (found) this.#variables = others;
    return found;
  }

  /** The whole flash memory with the variables of now. */
  image(): Uint8Array {
    const { from, to } = this.#layout;
    const image = this.#image.slice();
    image.fill(erased, from, to);
    let at = from;
    for (const variable of this.#variables) {
      at = aligned(at);
      const bytes = encodeVariable(variable);
      image.set(bytes, at);
      at += bytes.length;
    }
    return image;
  }

  #without({ vendor, name }: VariableId): UefiVariable[] {
    return this.#variables.filter((each) => each.vendor !== vendor || each.name !== name);
  }
}

function layoutOf(image: Uint8Array): Layout {
  const reader = new ByteReader(image, 'UEFI variables');
  reader.bytes(16);
  if (guidText(reader.bytes(guidBytes)) !== volumeGuid) reader.fail('no firmware volume of variables');
  reader.bytes(8);
  if (toHex(reader.bytes(4)) !== toHex(Buffer.from('_FVH'))) reader.fail('no signature of a firmware volume');
  reader.bytes(4);
  const headerBytes = reader.u16le();
  if (headerBytes < reader.offset || headerBytes % 2 !== 0)
    reader.fail(`a volume header of ${headerBytes} bytes`);
  const header = new ByteReader(image, 'UEFI variables');
  let sum = 0;
  for (let read = 0; read < headerBytes; read += 2) sum += header.u16le();
  if ((sum & 0xffff) !== 0) header.fail('checksum of the volume header is wrong');

  const store = header.offset;
  if (guidText(header.bytes(guidBytes)) !== authenticatedStoreGuid) {
    header.fail('no store of authenticated variables');
  }
  const size = header.u32le();
  const format = header.u8();
  const state = header.u8();
  if (format !== formatted || state !== healthy) header.fail(`store in state ${format}, ${state}`);
  const to = store + size;
  if (size < storeHeaderBytes || to > image.length) header.fail(`a store of ${size} bytes`);
  return { from: aligned(store + storeHeaderBytes), to };
}

/** As the firmware finds them: a variable that is being replaced counts until the new one is whole. */
function inForce(image: Uint8Array, { from, to }: Layout): UefiVariable[] {
  const found = new Map<string, { readonly state: number; readonly variable: UefiVariable }>();
  let at = from;
  while (at + variableHeaderBytes <= to) {
    const reader = new ByteReader(image.subarray(at, to), 'UEFI variable');
    if (reader.u16le() !== startId) break;
    const state = reader.u8();
    reader.u8();
    const attributes = reader.u32le();
    reader.bytes(8);
    const timeStamp = reader.bytes(timeStampBytes).slice();
    reader.u32le();
    let nameBytes = reader.u32le();
    let dataBytes = reader.u32le();
    // Power was lost while the header was written: it stands alone.
    if (state === erased || [attributes, nameBytes, dataBytes].includes(erasedWord))
      nameBytes = dataBytes = 0;
    const vendor = guidText(reader.bytes(guidBytes));
    if (nameBytes + dataBytes > reader.left) break;
    const name = textOf(reader.bytes(nameBytes));
    const data = reader.bytes(dataBytes).slice();
    const id = `${vendor} ${name}`;
    const counts = state === State.added || state === State.beingReplaced;
    if (name !== undefined && counts && found.get(id)?.state !== State.added) {
      found.set(id, { state, variable: { vendor, name, attributes, data, timeStamp } });
    }
    at = aligned(at + reader.offset);
  }
  return [...found.values()].map(({ variable }) => variable);
}

/** UCS-2 with its NUL. */
function textOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString('utf16le');
  return bytes.length % 2 === 0 && text.length > 1 && text.indexOf('\0') === text.length - 1
    ? text.slice(0, -1)
    : undefined;
}

function lengthOf({ name, data }: UefiVariable): number {
  return variableHeaderBytes + (name.length + 1) * 2 + data.length;
}

function encodeVariable(variable: UefiVariable): Uint8Array {
  const { vendor, name, attributes, data, timeStamp } = variable;
  const nameBytes = Buffer.from(`${name}\0`, 'utf16le');
  return new ByteWriter(lengthOf(variable))
    .u16le(startId)
    .u8(State.added)
    .u8(0)
    .u32le(attributes)
    .bytes(new Uint8Array(8))
    .bytes(timeStamp ?? new Uint8Array(timeStampBytes))
    .u32le(0)
    .u32le(nameBytes.length)
    .u32le(data.length)
    .bytes(guidOf(vendor))
    .bytes(nameBytes)
    .bytes(data)
    .finish();
}

function check({ vendor, name, attributes, data, timeStamp }: UefiVariable): void {
  guidOf(vendor);
  if (name === '' || name.includes('\0'))
    throw new RangeError(`UEFI variable: no name: ${JSON.stringify(name)}`);
  if ((attributes & VariableAttribute.nonVolatile) === 0) {
    throw new RangeError(`UEFI variable ${name}: one that is not kept has no place here`);
  }
  if (!Number.isInteger(attributes) || attributes < 0 || attributes >= erasedWord) {
    throw new RangeError(`UEFI variable ${name}: attributes ${attributes}`);
  }
  // The firmware takes a variable without data for a deleted one.
  if (data.length === 0) throw new RangeError(`UEFI variable ${name}: no data`);
  if (timeStamp && timeStamp.length !== timeStampBytes) {
    throw new RangeError(`UEFI variable ${name}: a time stamp of ${timeStamp.length} bytes`);
  }
}
