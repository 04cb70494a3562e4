import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../../../src/ipmi/decode/capture.ts';
import { Describer } from '../../../../src/ipmi/decode/describe.ts';
import { encodeMessage } from '../../../../src/ipmi/message/message.ts';
import { PayloadType } from '../../../../src/ipmi/payload.ts';
import { encodePong } from '../../../../src/ipmi/rmcp/asf-presence.ts';
import { encodePacket } from '../../../../src/ipmi/session/packet.ts';
import { encodeV15Packet } from '../../../../src/ipmi/session/v15-packet.ts';
import { DecodeError } from '../../../../src/lib/bytes.ts';

const payload = Buffer.from('hello');

function udpIpv4(): Buffer {
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(40000, 0);
  udp.writeUInt16BE(623, 2);
  udp.writeUInt16BE(8 + payload.length, 4);
  const ip = Buffer.alloc(20);
  ip[0] = 0x45;
  ip[9] = 17;
  ip.set([127, 0, 0, 1, 127, 0, 0, 2], 12);
  return Buffer.concat([ip, udp, payload]);
}

function ethernet(packet: Buffer, vlan = false): Buffer {
  const type = vlan ? '8100000a0800' : '0800';
  // Padding behind the datagram, as on a real wire.
  return Buffer.concat([Buffer.alloc(12), Buffer.from(type, 'hex'), packet, Buffer.alloc(6)]);
}

function pcap(linkType: number, frame: Buffer, big = false): Buffer {
  const bytes = Buffer.alloc(40);
  const u32 = (value: number, at: number) =>
    big ? bytes.writeUInt32BE(value, at) : bytes.writeUInt32LE(value, at);
  u32(0xa1b2c3d4, 0);
  u32(linkType, 20);
  u32(100, 24);
  u32(0, 28);
  u32(frame.length, 32);
  u32(frame.length, 36);
  return Buffer.concat([bytes, frame]);
}

function pcapng(linkType: number, frame: Buffer): Buffer {
  const block = (type: number, body: Buffer) => {
    const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(type, 0);
    head.writeUInt32LE(padded.length + 12, 4);
    return Buffer.concat([head, padded, head.subarray(4)]);
  };
  const section = Buffer.from('4d3c2b1a01000000ffffffffffffffff', 'hex');
  const card = Buffer.from(`${linkType.toString(16).padStart(2, '0')}000000000004000900010009000000`, 'hex');
  const packet = Buffer.alloc(20);
  packet.writeUInt32LE(23, 4);
  packet.writeUInt32LE(1_215_752_192, 8);
  packet.writeUInt32LE(frame.length, 12);
  packet.writeUInt32LE(frame.length, 16);
  return Buffer.concat([
    block(0x0a0d0d0a, section),
    block(1, card),
    block(6, Buffer.concat([packet, frame])),
  ]);
}

describe('a capture', () => {
  const null4 = Buffer.from([2, 0, 0, 0]);
  const cooked = Buffer.concat([Buffer.alloc(14), Buffer.from('0800', 'hex')]);
  const cooked2 = Buffer.concat([Buffer.from('0800', 'hex'), Buffer.alloc(18)]);
  it.each([
    ['pcap, Ethernet', pcap(1, ethernet(udpIpv4()))],
    ['pcap, Ethernet with VLAN', pcap(1, ethernet(udpIpv4(), true))],
    ['pcap, big endian', pcap(1, ethernet(udpIpv4()), true)],
    ['pcap, raw IP', pcap(101, udpIpv4())],
    ['pcap, loopback', pcap(0, Buffer.concat([null4, udpIpv4()]))],
    ['pcap, Linux cooked', pcap(113, Buffer.concat([cooked, udpIpv4()]))],
    ['pcap, Linux cooked 2', pcap(276, Buffer.concat([cooked2, udpIpv4()]))],
    ['pcapng, Ethernet', pcapng(1, ethernet(udpIpv4()))],
  ])('is read down to the datagram: %s', (_, capture) => {
    const [datagram, ...more] = readCapture(capture);
    expect(more).toEqual([]);
    expect(datagram).toMatchObject({
      packetNumber: 1,
      source: '127.0.0.1',
      sourcePort: 40000,
      destination: '127.0.0.2',
      destinationPort: 623,
    });
    expect(Buffer.from(datagram?.payload ?? [])).toEqual(payload);
    expect(datagram?.time).toBeCloseTo(100, 0);
  });

  it('of any bytes is read or refused', () => {
    const starts = ['', 'd4c3b2a1', 'a1b2c3d4', '0a0d0d0a1c0000004d3c2b1a'].map((hex) =>
      Buffer.from(hex, 'hex'),
    );
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 200 }), (start, bytes) => {
        try {
          readCapture(Buffer.concat([start, bytes]));
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });
});

describe('a datagram in words', () => {
  const message = { rsAddr: 0x20, rsLun: 0, rqAddr: 0x81, rqSeq: 5, rqLun: 0 };
  const plain = { authType: 0, sequence: 0, sessionId: 0, authCode: new Uint8Array() };

  it('names commands by the table', () => {
    const request = encodeMessage({ ...message, netFn: 6, cmd: 0x01, data: new Uint8Array() });
    expect(new Describer().describe(encodeV15Packet({ ...plain, payload: request }), true)).toBe(
      'v1.5: Get Device ID request, sequence 5',
    );
    const response = encodeMessage({ ...message, netFn: 7, cmd: 0x01, data: Uint8Array.of(0xd4) });
    expect(new Describer().describe(encodeV15Packet({ ...plain, payload: response }), false)).toBe(
      'v1.5: Get Device ID response, sequence 5: insufficientPrivilege (D4h)',
    );
  });

  it('names the bits of a SOL packet by its direction', () => {
    const packet = { payloadType: PayloadType.sol, sessionId: 0x1234, sequence: 7 };
    const datagram = encodePacket({ ...packet, payload: Uint8Array.of(1, 2, 3, 0x50, 0x6c, 0x73) });
    expect(new Describer().describe(datagram, true)).toBe(
      'RMCP+ 00001234h #7: SOL sequence 1, refuses 2 (3 taken), nack, break, 2 characters "ls"',
    );
    expect(new Describer().describe(datagram, false)).toContain('nack, deactivating, 2 characters');
  });

  it('knows presence pongs, and says what it does not understand', () => {
    expect(new Describer().describe(encodePong(9), false)).toContain('ASF presence pong {tag: 9');
    expect(new Describer().describe(Uint8Array.of(1, 2), true)).toMatch(/^not understood: RMCP header/);
  });

  it('is found for any bytes', () => {
    const describer = new Describer({ password: Buffer.from('password') });
    const starts = ['', '0600ff07', '0600ff0706', '0600ff070610', '0600ff070611', '0600ff06'].map((hex) =>
      Buffer.from(hex, 'hex'),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...starts),
        fc.uint8Array({ maxLength: 120 }),
        fc.boolean(),
        (start, bytes, toBmc) => {
          expect(typeof describer.describe(Buffer.concat([start, bytes]), toBmc)).toBe('string');
        },
      ),
      { numRuns: 500 },
    );
  });
});
