/** What a variable `Boot0000` holds: something to boot, and how it is called. UEFI 2.10 §3.1.3, EFI_LOAD_OPTION. */
import { ByteReader, ByteWriter } from '../../lib/bytes.ts';

/** Without it the firmware does not try the entry by itself. */
export const loadOptionActive = 0x01;

export interface LoadOption {
  /** Of EFI_LOAD_OPTION's attributes. */
  readonly attributes: number;
  readonly description: string;
  /** One or more device paths; the first is what is booted. */
  readonly paths: Uint8Array;
  /** Handed to what is booted. */
  readonly optionalData: Uint8Array;
}

/** @throws {DecodeError} */
export function decodeLoadOption(bytes: Uint8Array): LoadOption {
  const reader = new ByteReader(bytes, 'load option');
  const attributes = reader.u32le();
  const pathBytes = reader.u16le();
  const units: number[] = [];
  for (let unit = reader.u16le(); unit !== 0; unit = reader.u16le()) units.push(unit);
  const description = units.map((unit) => String.fromCharCode(unit)).join('');
  return {
    attributes,
    description,
    paths: reader.bytes(pathBytes).slice(),
    optionalData: reader.rest().slice(),
  };
}

export function encodeLoadOption({ attributes, description, paths, optionalData }: LoadOption): Uint8Array {
  if (description.includes('\0')) throw new RangeError('load option: NUL in its description');
  if (paths.length > 0xffff) throw new RangeError(`load option: paths of ${paths.length} bytes`);
  return new ByteWriter()
    .u32le(attributes)
    .u16le(paths.length)
    .bytes(Buffer.from(`${description}\0`, 'utf16le'))
    .bytes(paths)
    .bytes(optionalData)
    .finish();
}
