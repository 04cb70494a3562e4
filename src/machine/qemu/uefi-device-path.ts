/**
 * Device paths: where something to boot is, step by step. UEFI 2.10 §10.3; their texts §10.6. Written are those that a
 * BMC has a use for, read are all: a step that nobody knows here is shown by its numbers.
 */
import { ByteReader, ByteWriter, DecodeError, toHex } from '../../lib/bytes.ts';
import { guidBytes, guidOf, guidText } from './uefi-guid.ts';

const headerBytes = 4;
const endType = 0x7f;
const endOfAll = 0xff;
const endOfInstance = 0x01;

const Type = { hardware: 1, acpi: 2, messaging: 3, media: 4 } as const;
const Messaging = { uri: 24 } as const;
const Media = { firmwareFile: 6, firmwareVolume: 7 } as const;

/** A step, its header left out. */
export interface PathNode {
  readonly type: number;
  readonly subType: number;
  readonly data: Uint8Array;
}

/** @returns the device path of one instance, its end included */
export function encodeDevicePath(nodes: readonly PathNode[]): Uint8Array {
  const writer = new ByteWriter();
  for (const { type, subType, data } of nodes) {
    writer
      .u8(type)
      .u8(subType)
      .u16le(headerBytes + data.length)
      .bytes(data);
  }
  return writer.u8(endType).u8(endOfAll).u16le(headerBytes).finish();
}

/** What a web server has: the short form, which any network card may lead to. §10.3.4.23, §3.1.2 */
export function uriNode(uri: string): PathNode {
  return { type: Type.messaging, subType: Messaging.uri, data: Buffer.from(uri, 'utf8') };
}

/** A file that the firmware itself is made of, within one of its volumes. PI 1.8 volume 2 §8.2, volume 3 */
export function firmwareFilePath(volume: string, file: string): readonly PathNode[] {
  return [
    { type: Type.media, subType: Media.firmwareVolume, data: guidOf(volume) },
    { type: Type.media, subType: Media.firmwareFile, data: guidOf(file) },
  ];
}

/** @returns as `PciRoot(0x0)/Pci(0x2,0x0)` @throws {DecodeError} */
export function devicePathText(bytes: Uint8Array): string {
  const instances: string[][] = [[]];
  for (const node of decodeDevicePath(bytes)) {
    if (node.type === endType) instances.push([]);
    else instances.at(-1)?.push(nodeText(node));
  }
  return instances.map((nodes) => nodes.join('/')).join(',');
}

/** All steps; the ends between instances are among them, the last end is not. */
function decodeDevicePath(bytes: Uint8Array): PathNode[] {
  const reader = new ByteReader(bytes, 'device path');
  const nodes: PathNode[] = [];
  for (;;) {
    const type = reader.u8();
    const subType = reader.u8();
    const length = reader.u16le();
    if (length < headerBytes) reader.fail(`a node of ${length} bytes`);
    const data = reader.bytes(length - headerBytes);
    if (type === endType && subType !== endOfInstance) break;
    nodes.push({ type, subType, data });
  }
  return nodes;
}

type NodeWords = (reader: ByteReader) => string;

const hex = (value: number) => `0x${value.toString(16).toUpperCase()}`;
const dotted = (bytes: Uint8Array) => [...bytes].join('.');
const colons = (bytes: Uint8Array) =>
  Array.from({ length: bytes.length / 2 }, (_, index) =>
    toHex(bytes.subarray(2 * index, 2 * index + 2)),
  ).join(':');
const long = (reader: ByteReader) => {
  const low = reader.u32le();
  return `0x${((BigInt(reader.u32le()) << 32n) | BigInt(low)).toString(16).toUpperCase()}`;
};
const protocol = (number: number) => ({ 6: 'TCP', 17: 'UDP' })[number] ?? hex(number);
const ucs2 = (bytes: Uint8Array) => {
  const text = Buffer.from(bytes).toString('utf16le');
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
};

function acpi(reader: ByteReader): string {
  const hid = reader.u32le();
  const uid = hex(reader.u32le());
  const name = new Map([
    [0x0a0341d0, 'PciRoot'],
    [0x0a0841d0, 'PcieRoot'],
    [0x060441d0, 'Floppy'],
    [0x030141d0, 'Keyboard'],
    [0x050141d0, 'Serial'],
  ]).get(hid);
  if (name) return `${name}(${uid})`;
  return (hid & 0xffff) === 0x41d0
    ? `Acpi(PNP${(hid >>> 16).toString(16).toUpperCase().padStart(4, '0')},${uid})`
    : `Acpi(${hex(hid)},${uid})`;
}

function ipv4(reader: ByteReader): string {
  const local = dotted(reader.bytes(4));
  const remote = dotted(reader.bytes(4));
  reader.bytes(4);
  const by = protocol(reader.u16le());
  const how = reader.u8() === 0 ? 'DHCP' : 'Static';
  const rest = [dotted(reader.bytes(4)), dotted(reader.bytes(4))];
  return `IPv4(${[remote, by, how, local, ...rest].join(',')})`;
}

function ipv6(reader: ByteReader): string {
  const local = colons(reader.bytes(16));
  const remote = colons(reader.bytes(16));
  reader.bytes(4);
  const by = protocol(reader.u16le());
  const how = ['Static', 'StatelessAutoConfigure', 'StatefulAutoConfigure'][reader.u8()] ?? 'Static';
  const prefix = hex(reader.u8());
  return `IPv6(${[remote, by, how, local, prefix, colons(reader.bytes(16))].join(',')})`;
}

function mac(reader: ByteReader): string {
  const address = reader.bytes(32);
  const kind = reader.u8();
  // Ethernet addresses have 6 bytes of the 32.
  return `MAC(${toHex(address.subarray(0, kind <= 1 ? 6 : 32)).toUpperCase()},${hex(kind)})`;
}

function partition(reader: ByteReader): string {
  const number = reader.u32le();
  const start = long(reader);
  const size = long(reader);
  const signature = reader.bytes(guidBytes);
  const format = reader.u8();
  const kind = reader.u8();
  const shown =
    kind === 2
      ? `GPT,${guidText(signature).toUpperCase()}`
      : format === 1
        ? `MBR,0x${toHex(new Uint8Array(signature.subarray(0, 4)).reverse()).toUpperCase()}`
        : `${format},0`;
  return `HD(${number},${shown},${start},${size})`;
}

const words: Readonly<Record<string, NodeWords>> = {
  '1.1': (reader) => {
    const fn = reader.u8();
    return `Pci(${hex(reader.u8())},${hex(fn)})`;
  },
  '2.1': acpi,
  '3.2': (reader) => `Scsi(${hex(reader.u16le())},${hex(reader.u16le())})`,
  '3.5': (reader) => `USB(${hex(reader.u8())},${hex(reader.u8())})`,
  '3.11': mac,
  '3.12': ipv4,
  '3.13': ipv6,
  '3.18': (reader) => `Sata(${hex(reader.u16le())},${hex(reader.u16le())},${hex(reader.u16le())})`,
  '3.23': (reader) =>
    `NVMe(${hex(reader.u32le())},${[...reader.bytes(8)]
      .reverse()
      .map((each) => toHex(Uint8Array.of(each)).toUpperCase())
      .join('-')})`,
  '3.24': (reader) => `Uri(${Buffer.from(reader.rest()).toString('utf8')})`,
  '4.1': partition,
  '4.2': (reader) => `CDROM(${hex(reader.u32le())},${long(reader)},${long(reader)})`,
  '4.4': (reader) => ucs2(reader.rest()),
  '4.6': (reader) => `FvFile(${guidText(reader.bytes(guidBytes)).toUpperCase()})`,
  '4.7': (reader) => `Fv(${guidText(reader.bytes(guidBytes)).toUpperCase()})`,
};

function nodeText({ type, subType, data }: PathNode): string {
  const inWords = words[`${type}.${subType}`];
  try {
    if (inWords) return inWords(new ByteReader(data, 'device path'));
  } catch (error) {
    // Shorter than its kind has it: shown by its numbers, as one that nobody knows.
    if (!(error instanceof DecodeError)) throw error;
  }
  const rest = data.length > 0 ? `,${toHex(data).toUpperCase()}` : '';
  return `Path(${type},${subType}${rest})`;
}
