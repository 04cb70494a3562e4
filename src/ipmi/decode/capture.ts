/**
 * Reads packet captures, pcap and pcapng, down to UDP datagrams. Knows the link types that captures of IPMI come
 * with; what it does not know, fragments included, it leaves out.
 */
import { DecodeError } from '../../lib/bytes.ts';

export interface Datagram {
  /** Seconds since 1970. */
  readonly time: number;
  /** Numbered from 1 over all packets of the capture, as other tools do. */
  readonly packetNumber: number;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

interface Frame {
  readonly time: number;
  readonly linkType: number;
  readonly data: Buffer;
}

/** @throws {DecodeError} when it is no capture, or ends in the middle of its header */
export function readCapture(file: Uint8Array): Datagram[] {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
  if (bytes.length < 24) throw new DecodeError(`capture: need 24 bytes, ${bytes.length} given`);
  const frames = bytes.readUInt32BE(0) === 0x0a0d0d0a ? pcapngFrames(bytes) : pcapFrames(bytes);
  let packetNumber = 0;
  const datagrams: Datagram[] = [];
  for (const { time, linkType, data } of frames) {
    packetNumber++;
    const udp = ipPacket(linkType, data);
    const found = udp && datagramOf(udp);
    if (found) datagrams.push({ time, packetNumber, ...found });
  }
  return datagrams;
}

/** A reader of numbers in the file's byte order. */
interface Numbers {
  u16(at: number): number;
  u32(at: number): number;
}

function numbersOf(bytes: Buffer, little: boolean): Numbers {
  return {
    u16: (at) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)),
    u32: (at) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)),
  };
}

/** The classic format: one header, then packets. */
function* pcapFrames(bytes: Buffer): Generator<Frame> {
  const kinds: Readonly<Record<number, [little: boolean, perSecond: number]>> = {
    3569595041: [true, 1e6],
    2712847316: [false, 1e6],
    1295823521: [true, 1e9],
    2712812621: [false, 1e9],
  };
  const kind = kinds[bytes.readUInt32BE(0)];
  if (!kind) throw new DecodeError('capture: neither pcap nor pcapng');
  const [little, perSecond] = kind;
  const { u32 } = numbersOf(bytes, little);
  const linkType = u32(20) & 0xffff;
  for (let at = 24; at + 16 <= bytes.length; ) {
    const length = u32(at + 8);
    const data = bytes.subarray(at + 16, at + 16 + length);
    if (data.length < length) return;
    yield { time: u32(at) + u32(at + 4) / perSecond, linkType, data };
    at += 16 + length;
  }
}

const Block = { section: 0x0a0d0d0a, interface: 1, simplePacket: 3, enhancedPacket: 6 } as const;
const resolutionOption = 9;

/** The newer format: blocks, in sections that may differ in byte order. */
function* pcapngFrames(bytes: Buffer): Generator<Frame> {
  let little = true;
  let interfaces: { linkType: number; perSecond: number }[] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    if (bytes.readUInt32BE(at) === Block.section) {
      little = bytes.readUInt32LE(at + 8) === 0x1a2b3c4d;
      interfaces = [];
    }
    const { u16, u32 } = numbersOf(bytes, little);
    const length = u32(at + 4);
    // A capture that was cut off while it was written still has its beginning.
    if (length < 12 || length % 4 !== 0 || at + length > bytes.length) return;
    const end = at + length - 4;
    const type = u32(at);
    if (type === Block.interface && length >= 20) {
      interfaces.push({ linkType: u16(at + 8), perSecond: resolution(bytes, { u16, u32 }, at + 16, end) });
    } else if (type === Block.enhancedPacket && length >= 32) {
      const card = interfaces[u32(at + 8)];
      const captured = u32(at + 20);
      const data = bytes.subarray(at + 28, Math.min(at + 28 + captured, end));
      const ticks = u32(at + 12) * 2 ** 32 + u32(at + 16);
      yield { time: ticks / (card?.perSecond ?? 1e6), linkType: card?.linkType ?? -1, data };
    } else if (type === Block.simplePacket && length >= 16) {
      const data = bytes.subarray(at + 12, Math.min(at + 12 + u32(at + 8), end));
      yield { time: 0, linkType: interfaces[0]?.linkType ?? -1, data };
    }
    at += length;
  }
}

/** Ticks per second, from an interface's options. */
function resolution(bytes: Buffer, { u16 }: Numbers, from: number, end: number): number {
  for (let at = from; at + 4 <= end; ) {
    const [code, length] = [u16(at), u16(at + 2)];
    if (code === 0) break;
    if (code === resolutionOption && length === 1 && at + 4 < end) {
      const value = bytes[at + 4] as number;
      return value & 0x80 ? 2 ** (value & 0x7f) : 10 ** value;
    }
    at += 4 + ((length + 3) & ~3);
  }
  return 1e6;
}

const EtherType = { ipv4: 0x0800, ipv6: 0x86dd, vlan: 0x8100, serviceVlan: 0x88a8 } as const;

/** Takes the link's header off. */
function ipPacket(linkType: number, data: Buffer): Buffer | undefined {
  const after = (length: number) => (data.length > length ? data.subarray(length) : undefined);
  const behindType = (at: number, length: number) => {
    if (data.length < at + 2) return undefined;
    const type = data.readUInt16BE(at);
    return type === EtherType.ipv4 || type === EtherType.ipv6 ? after(length) : undefined;
  };
  switch (linkType) {
    case 0:
    case 108:
      return after(4);
    case 1: {
      let at = 12;
      const vlans: readonly number[] = [EtherType.vlan, EtherType.serviceVlan];
      while (data.length >= at + 6 && vlans.includes(data.readUInt16BE(at))) at += 4;
      return behindType(at, at + 2);
    }
    case 101:
    case 228:
    case 229:
      return after(0);
    case 113:
      return behindType(14, 16);
    case 276:
      return behindType(0, 20);
    default:
      return undefined;
  }
}

const udpProtocol = 17;

function datagramOf(ip: Buffer): Omit<Datagram, 'time' | 'packetNumber'> | undefined {
  const version = (ip[0] ?? 0) >> 4;
  if (version === 4 && ip.length >= 20) {
    const length = ((ip[0] as number) & 0x0f) * 4;
    const fragment = (ip.readUInt16BE(6) & 0x3fff) !== 0;
    if (ip[9] !== udpProtocol || fragment) return undefined;
    return udp(ip.subarray(length), ip.subarray(12, 16).join('.'), ip.subarray(16, 20).join('.'));
  }
  if (version === 6 && ip.length >= 40 && ip[6] === udpProtocol) {
    return udp(ip.subarray(40), ipv6(ip.subarray(8, 24)), ipv6(ip.subarray(24, 40)));
  }
  return undefined;
}

function udp(
  packet: Buffer,
  source: string,
  destination: string,
): Omit<Datagram, 'time' | 'packetNumber'> | undefined {
  if (packet.length < 8) return undefined;
  const length = Math.max(8, packet.readUInt16BE(4));
  return {
    source,
    sourcePort: packet.readUInt16BE(0),
    destination,
    destinationPort: packet.readUInt16BE(2),
    payload: packet.subarray(8, Math.min(length, packet.length)),
  };
}

function ipv6(address: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => address.readUInt16BE(index * 2).toString(16));
  return `[${groups
    .join(':')
    .replace(/\b(?:0:)+0\b/, ':')
    .replace(/:{3,}/, '::')}]`;
}
