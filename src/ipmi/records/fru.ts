/**
 * The FRU inventory in binary form: header, chassis, board and product area, records. Platform Management FRU
 * Information Storage Definition 1.0 revision 1.3.
 *
 * Fields that we do not know (custom ones, further records) are kept as they are.
 */
import type { FruFields } from '../../bmc/fru.ts';
import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';
import { encodeGuid } from '../message/guid.ts';
import { checksum } from '../message/message.ts';

/** Size of the inventory device. Area offsets count in units of 8 up to 2,040. */
export const fruSizeBytes = 2048;

const formatVersion = 0x01;
const unit = 8;
const english = 0x00;
/** SMBIOS "other", as QEMU's own tables say. */
const otherChassis = 0x01;
const latin1 = 3;
const endOfFields = 0xc1;
/** The board's date counts minutes from here. */
const epoch = Date.UTC(1996, 0, 1);
const minuteMs = 60_000;
const maxMinutes = 0xffffff;
const maxFieldLength = 63;

/** One field: how it is written, and its bytes. */
interface Field {
  readonly encoding: number;
  readonly data: Uint8Array;
}

interface Area {
  /** What stands between the length and the first field: chassis type; or language (and date). */
  readonly head: Uint8Array;
  readonly fields: readonly Field[];
}

export interface FruImage {
  readonly chassis: Area;
  readonly board: Area;
  readonly product: Area;
  /** The multi-record area, as it is. */
  readonly records: Uint8Array;
}

/** Positions of the predefined fields in their areas. */
const ChassisField = { partNumber: 0, serialNumber: 1 } as const;
const BoardField = { manufacturer: 0, product: 1, serialNumber: 2, partNumber: 3 } as const;
const ProductField = {
  manufacturer: 0,
  name: 1,
  partNumber: 2,
  version: 3,
  serialNumber: 4,
  assetTag: 5,
} as const;
/** Board and product areas also have the name of the file they were made from; ours were made from none. */
const noFile = '';

/** @param uuid the machine's, for the management access record */
export function newFruImage({ chassis, board, product }: FruFields, uuid: string): FruImage {
  const { partNumber, serialNumber } = chassis;
  return {
    chassis: { head: Uint8Array.of(otherChassis), fields: [partNumber, serialNumber].map(field) },
    board: {
      head: Uint8Array.of(english, ...date(board.manufacturedAt)),
      fields: [board.manufacturer, board.product, board.serialNumber, board.partNumber, noFile].map(field),
    },
    product: {
      head: Uint8Array.of(english),
      fields: [
        product.manufacturer,
        product.name,
        product.partNumber,
        product.version,
        product.serialNumber,
        product.assetTag,
        noFile,
      ].map(field),
    },
    records: managementAccess(uuid),
  };
}

/** @throws {RangeError} when it does not fit */
export function encodeFru(image: FruImage): Uint8Array {
  const areas = [
    encodeArea(image.chassis),
    encodeArea(image.board),
    encodeArea(image.product),
    image.records,
  ];
  const device = new Uint8Array(fruSizeBytes);
  device[0] = formatVersion;
  let offset = unit;
  for (const [index, area] of areas.entries()) {
    if (area.length === 0) continue;
    if (offset + area.length > fruSizeBytes) {
      throw new RangeError(`FRU: ${offset + area.length} bytes do not fit into ${fruSizeBytes}`);
    }
    // Byte 1 would be the internal use area, which we have none of.
    device[index + 2] = offset / unit;
    device.set(area, offset);
    offset = Math.ceil((offset + area.length) / unit) * unit;
  }
  device[unit - 1] = checksum(device, 0, unit - 1);
  return device;
}

/** @throws {DecodeError} for anything but a whole inventory with its three areas, checksums included */
export function decodeFru(device: Uint8Array): FruImage {
  if (device.length < unit) throw new DecodeError('FRU: no header', 'length');
  if (device[0] !== formatVersion || checksum(device, 0, unit) !== 0)
    throw new DecodeError('FRU: header is wrong');
  return {
    chassis: decodeArea(device, (device[2] as number) * unit, 1, 'chassis'),
    board: decodeArea(device, (device[3] as number) * unit, 4, 'board'),
    product: decodeArea(device, (device[4] as number) * unit, 1, 'product'),
    records: decodeRecords(device, (device[5] as number) * unit),
  };
}

/** What the predefined fields say. */
export function fruFieldsOf({ chassis, board, product }: FruImage): FruFields {
  const [, low = 0, middle = 0, high = 0] = board.head;
  const minutes = low | (middle << 8) | (high << 16);
  return {
    chassis: {
      partNumber: fieldText(chassis, ChassisField.partNumber),
      serialNumber: fieldText(chassis, ChassisField.serialNumber),
    },
    board: {
      manufacturedAt: epoch + minutes * minuteMs,
      manufacturer: fieldText(board, BoardField.manufacturer),
      product: fieldText(board, BoardField.product),
      serialNumber: fieldText(board, BoardField.serialNumber),
      partNumber: fieldText(board, BoardField.partNumber),
    },
    product: {
      manufacturer: fieldText(product, ProductField.manufacturer),
      name: fieldText(product, ProductField.name),
      partNumber: fieldText(product, ProductField.partNumber),
      version: fieldText(product, ProductField.version),
      serialNumber: fieldText(product, ProductField.serialNumber),
      assetTag: fieldText(product, ProductField.assetTag),
    },
  };
}

/** The same inventory with another asset tag. */
export function withAssetTag(image: FruImage, tag: string): FruImage {
  const fields = [...image.product.fields];
  while (fields.length <= ProductField.assetTag) fields.push(field(''));
  fields[ProductField.assetTag] = field(tag);
  return { ...image, product: { ...image.product, fields } };
}

/** One character alone would look like the end of the fields, so it gets a blank behind it. */
function field(text: string): Field {
  const cut = text.slice(0, maxFieldLength);
  return { encoding: latin1, data: Buffer.from(cut.length === 1 ? `${cut} ` : cut, 'latin1') };
}

/** Text in any of the four encodings; what is no text is shown in hexadecimal. §13 */
function fieldText({ fields }: Area, index: number): string {
  const found = fields[index];
  if (!found) return '';
  const bytes = Buffer.from(found.data);
  switch (found.encoding) {
    case 0:
      return bytes.toString('hex');
    case 1:
      return [...bytes]
        .flatMap((byte) => [bcdPlus(byte >> 4), bcdPlus(byte & 0x0f)])
        .join('')
        .trim();
    case 2:
      return sixBit(bytes).trim();
    default:
      return bytes.toString('latin1').replace(/[\0 ]+$/, '');
  }
}

function bcdPlus(nibble: number): string {
  return '0123456789 -.???'[nibble] as string;
}

/** Four characters in three bytes, the first in the lowest bits. */
function sixBit(bytes: Uint8Array): string {
  let text = '';
  for (let bit = 0; bit + 6 <= bytes.length * 8; bit += 6) {
    const pair = (bytes[bit >> 3] as number) | ((bytes[(bit >> 3) + 1] ?? 0) << 8);
    text += String.fromCharCode(0x20 + ((pair >> (bit & 7)) & 0x3f));
  }
  return text;
}

function date(time: number): [number, number, number] {
  const minutes = Math.min(maxMinutes, Math.max(0, Math.floor((time - epoch) / minuteMs)));
  return [minutes & 0xff, (minutes >> 8) & 0xff, minutes >> 16];
}

function encodeArea({ head, fields }: Area): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(formatVersion).u8(0).bytes(head);
  for (const { encoding, data } of fields) writer.u8((encoding << 6) | data.length).bytes(data);
  writer.u8(endOfFields);
  const area = new Uint8Array(Math.ceil((writer.length + 1) / unit) * unit);
  area.set(writer.finish());
  area[1] = area.length / unit;
  area[area.length - 1] = checksum(area, 0, area.length - 1);
  return area;
}

function decodeArea(device: Uint8Array, offset: number, headLength: number, name: string): Area {
  const length = (device[offset + 1] ?? 0) * unit;
  const area = device.subarray(offset, offset + length);
  if (offset === 0 || length === 0 || area.length < length) throw new DecodeError(`FRU: no ${name} area`);
  if (checksum(area, 0, length) !== 0) throw new DecodeError(`FRU ${name} area: checksum is wrong`);
  const reader = new ByteReader(area.subarray(0, length - 1), `FRU ${name} area`);
  if (reader.u8() !== formatVersion) reader.fail('not version 1');
  reader.u8();
  const head = reader.bytes(headLength).slice();
  const fields: Field[] = [];
  for (let lead = reader.u8(); lead !== endOfFields; lead = reader.u8()) {
    fields.push({ encoding: lead >> 6, data: reader.bytes(lead & 0x3f).slice() });
  }
  return { head, fields };
}

const recordHeaderLength = 5;
const lastRecordFlag = 0x80;
const recordFormat = 0x02;

/** @returns all records as they are; none when there is no such area */
function decodeRecords(device: Uint8Array, offset: number): Uint8Array {
  if (offset === 0) return new Uint8Array();
  for (let start = offset; ; ) {
    const header = device.subarray(start, start + recordHeaderLength);
    if (header.length < recordHeaderLength || checksum(header, 0, recordHeaderLength) !== 0) {
      throw new DecodeError('FRU records: header is wrong');
    }
    start += recordHeaderLength + (header[2] as number);
    if (start > device.length) throw new DecodeError('FRU records: beyond the end', 'length');
    if ((header[1] as number) & lastRecordFlag) return device.slice(offset, start);
  }
}

/** Management access record with the system's unique ID. §18.4 */
function managementAccess(uuid: string): Uint8Array {
  const data = Uint8Array.of(systemUniqueId, ...encodeGuid(uuid));
  const header = [
    managementAccessType,
    lastRecordFlag | recordFormat,
    data.length,
    checksum(data, 0, data.length),
  ];
  return Uint8Array.of(...header, checksum(Uint8Array.from(header), 0, header.length), ...data);
}
const managementAccessType = 0x03;
const systemUniqueId = 0x07;
