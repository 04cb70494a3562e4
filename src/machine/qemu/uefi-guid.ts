/** GUIDs as UEFI stores them: the first three groups least significant byte first. UEFI 2.10 appendix A. */
import { DecodeError, toHex } from '../../lib/bytes.ts';

export const guidBytes = 16;
const form = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** @returns lower case, with hyphens @throws {DecodeError} for anything but 16 bytes */
export function guidText(bytes: Uint8Array): string {
  if (bytes.length !== guidBytes) throw new DecodeError(`GUID: 16 bytes wanted, ${bytes.length} given`);
  const hex = (from: number, to: number) => toHex(bytes.subarray(from, to));
  const swapped = (from: number, to: number) => toHex(new Uint8Array(bytes.subarray(from, to)).reverse());
  return [swapped(0, 4), swapped(4, 6), swapped(6, 8), hex(8, 10), hex(10, 16)].join('-');
}

/** @throws {RangeError} for what is no GUID in lower case */
export function guidOf(text: string): Uint8Array {
  if (!form.test(text)) throw new RangeError(`GUID: not one: ${JSON.stringify(text)}`);
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return new Uint8Array(bytes);
}
