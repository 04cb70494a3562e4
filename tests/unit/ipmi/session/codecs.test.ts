import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cipherSuite } from '../../../../src/ipmi/crypto/cipher-suites.ts';
import { confidentialityOf } from '../../../../src/ipmi/crypto/confidentiality.ts';
import { integrityOf } from '../../../../src/ipmi/crypto/integrity.ts';
import { decodeMessage, encodeMessage, encodeResponse } from '../../../../src/ipmi/message/message.ts';
import { AsfType, decodeAsf, encodeAsf, encodePong } from '../../../../src/ipmi/rmcp/asf-presence.ts';
import { decodeRmcpHeader, RmcpClass, writeRmcpHeader } from '../../../../src/ipmi/rmcp/header.ts';
import { decodePacket, encodePacket, verifyPacket } from '../../../../src/ipmi/session/packet.ts';
import { decodeOpenSessionRequest, decodeRakp1, decodeRakp3 } from '../../../../src/ipmi/session/rakp.ts';
import { decodeV15Packet, encodeV15Packet } from '../../../../src/ipmi/session/v15-packet.ts';
import { DecodeError } from '../../../../src/lib/bytes.ts';
import { systemRandom } from '../../../../src/lib/random.ts';

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const byte = fc.integer({ min: 0, max: 255 });

test.each([
  ['RMCP header', decodeRmcpHeader],
  ['ASF message', decodeAsf],
  ['v1.5 session header', decodeV15Packet],
  ['RMCP+ packet', decodePacket],
  ['Open Session Request', decodeOpenSessionRequest],
  ['RAKP 1', decodeRakp1],
  ['RAKP 3', decodeRakp3],
  ['IPMI message', decodeMessage],
] as const)('%s: any bytes are a value or a DecodeError', (_name, decode) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(-1, 0x06, 0x00), (bytes, first) => {
      if (first >= 0 && bytes.length > 0) bytes[0] = first;
      try {
        decode(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: 2000 },
  );
});

test('RMCP headers survive a round trip', () => {
  const bytes = new Uint8Array(4);
  writeRmcpHeader(bytes, RmcpClass.ipmi);
  expect([...bytes]).toEqual([6, 0, 0xff, 7]);
  expect(decodeRmcpHeader(bytes)).toEqual({ sequence: 0xff, messageClass: 7, ack: false });
  expect(decodeRmcpHeader(Uint8Array.of(6, 0, 3, 0x86)).ack).toBe(true);
});

test('ASF messages survive a round trip; the pong is as the specification prints it', () => {
  fc.assert(
    fc.property(byte, byte, fc.uint8Array({ maxLength: 40 }), (type, tag, data) => {
      expect(decodeAsf(encodeAsf({ type, tag, data }).subarray(4))).toEqual({ type, tag, data });
    }),
  );
  expect(decodeAsf(encodePong(9).subarray(4))).toMatchObject({ type: AsfType.presencePong, tag: 9 });
  expect(Buffer.from(encodePong(9)).toString('hex')).toBe(
    '0600ff06000011be40090010000011be0000000081000000000000' + '00',
  );
});

test('v1.5 packets survive a round trip, with a legacy pad byte too', () => {
  fc.assert(
    fc.property(
      u32,
      u32,
      fc.uint8Array({ maxLength: 255 }),
      fc.boolean(),
      (sequence, sessionId, payload, md5) => {
        const packet = {
          authType: md5 ? 2 : 0,
          sequence,
          sessionId,
          authCode: new Uint8Array(md5 ? 16 : 0).fill(7),
          payload,
        };
        const datagram = encodeV15Packet(packet);
        expect(decodeV15Packet(datagram.subarray(4))).toEqual(packet);
        expect(decodeV15Packet(Uint8Array.of(...datagram.subarray(4), 0))).toEqual(packet);
        expect(() => decodeV15Packet(Uint8Array.of(...datagram.subarray(4), 0, 0))).toThrow(DecodeError);
      },
    ),
  );
});

describe('RMCP+ packets', () => {
  test.each([undefined, 3, 7, 16])('with the integrity of suite %o survive a round trip', (id) => {
    const keys = { k1: Buffer.alloc(32, 5), password: Buffer.of() };
    const integrity = id === undefined ? undefined : integrityOf(cipherSuite(id), keys);
    const payloads = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(u32, u32, payloads, fc.boolean(), (sessionId, sequence, payload, encrypted) => {
        const confidentiality = encrypted
          ? confidentialityOf(cipherSuite(3), Buffer.alloc(20, 6), systemRandom())
          : undefined;
        const outgoing = { payloadType: 1, sessionId, sequence, payload };
        const datagram = encodePacket(outgoing, integrity, confidentiality);
        const body = datagram.subarray(4);
        const packet = decodePacket(body);
        const inDatagram = decodePacket(datagram, 4);
        for (const decoded of [packet, inDatagram]) {
          expect(decoded).toMatchObject({
            payloadType: 1,
            encrypted,
            authenticated: integrity !== undefined,
          });
          expect(decoded).toMatchObject({ sessionId, sequence, oem: undefined });
        }
        expect(inDatagram.start).toBe(4);
        expect(inDatagram.trailerLength).toBe(packet.trailerLength);
        expect(Buffer.compare(inDatagram.payload, packet.payload)).toBe(0);
        const opened = confidentiality
          ? confidentiality.open(datagram, inDatagram.payloadStart, inDatagram.payloadEnd)
          : packet.payload;
        expect(opened && Buffer.compare(opened, payload)).toBe(0);
        if (integrity) {
          expect((datagram.length - 4 - integrity.codeLength) % 4).toBe(0);
          expect(verifyPacket(body, packet, integrity)).toBe(true);
          expect(verifyPacket(datagram, inDatagram, integrity)).toBe(true);
          const longer = Uint8Array.of(...body, 0);
          expect(verifyPacket(longer, decodePacket(longer), integrity)).toBe(false);
        }
      }),
    );
  });

  test('with a right code over a wrong trailer are refused', () => {
    const integrity = integrityOf(cipherSuite(16), { k1: Buffer.alloc(32, 5), password: Buffer.of() });
    if (!integrity) throw new Error('suite 16 has no integrity');
    const good = encodePacket(
      { payloadType: 0, sessionId: 1, sequence: 1, payload: Uint8Array.of(1) },
      integrity,
    ).subarray(4, 17);
    const verdict = (...trailer: number[]) => {
      const covered = Uint8Array.of(...good, ...trailer);
      const body = Uint8Array.of(...covered, ...new Uint8Array(integrity.codeLength));
      integrity.sign(body, 0, covered.length);
      return verifyPacket(body, decodePacket(body), integrity);
    };
    expect(verdict(0xff, 1, 7)).toBe(true);
    expect(verdict(0xff, 0xff, 0xff, 0xff, 0xff, 5, 7)).toBe(false);
    expect(verdict(0xff, 0xff, 2, 7)).toBe(false);
    expect(verdict(0xff, 2, 7)).toBe(false);
    expect(verdict(0x00, 1, 7)).toBe(false);
    expect(verdict(0xff, 1, 6)).toBe(false);
    expect(verdict()).toBe(false);
  });

  test('of type OEM explicit have six bytes more', () => {
    const body = Uint8Array.of(6, 2, 1, 2, 3, 4, 5, 6, 9, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0xaa);
    expect(decodePacket(body)).toMatchObject({
      payloadType: 2,
      oem: Uint8Array.of(1, 2, 3, 4, 5, 6),
      sessionId: 9,
      sequence: 8,
      payload: Uint8Array.of(0xaa),
    });
  });
});

test('IPMI messages survive a round trip, and one wrong byte is noticed', () => {
  const message = fc.record({
    rsAddr: byte,
    netFn: fc.integer({ min: 0, max: 63 }),
    rsLun: fc.integer({ min: 0, max: 3 }),
    rqAddr: byte,
    rqSeq: fc.integer({ min: 0, max: 63 }),
    rqLun: fc.integer({ min: 0, max: 3 }),
    cmd: byte,
    data: fc.uint8Array({ maxLength: 60 }),
  });
  fc.assert(
    fc.property(message, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
      const bytes = encodeMessage(value);
      expect(decodeMessage(bytes)).toEqual(value);
      const wrong = Uint8Array.from(bytes);
      wrong[at % bytes.length] = (wrong[at % bytes.length] as number) ^ flip;
      expect(() => decodeMessage(wrong)).toThrow(DecodeError);
    }),
  );
});

test('a response turns addresses and LUNs round', () => {
  const request = {
    rsAddr: 0x20,
    netFn: 6,
    rsLun: 1,
    rqAddr: 0x81,
    rqSeq: 5,
    rqLun: 2,
    cmd: 1,
    data: Uint8Array.of(9),
  };
  expect(decodeMessage(encodeResponse(request, Uint8Array.of(0, 7)))).toEqual({
    ...request,
    rsAddr: 0x81,
    rqAddr: 0x20,
    netFn: 7,
    rsLun: 2,
    rqLun: 1,
    data: Uint8Array.of(0, 7),
  });
});

test('RAKP 1 takes a name as long as it says, or in a field of 16 bytes', () => {
  const head = [1, 0, 0, 0, 4, 3, 2, 1, ...Array(16).fill(7), 0x14, 0, 0];
  const expected = { tag: 1, managedSystemSessionId: 0x01020304, role: 0x14, nameLength: 2 };
  const name = Uint8Array.of(0x61, 0x62);
  expect(decodeRakp1(Uint8Array.of(...head, 2, 0x61, 0x62))).toMatchObject({ ...expected, userName: name });
  const padded = Uint8Array.of(...head, 2, 0x61, 0x62, ...Array(14).fill(0));
  expect(decodeRakp1(padded)).toMatchObject({ ...expected, userName: name });
  expect(() => decodeRakp1(Uint8Array.of(...padded, 0))).toThrow(DecodeError);
  expect(() => decodeRakp1(Uint8Array.of(...head, 3, 0x61, 0x62))).toThrow(DecodeError);
});

test('an IPMI message has seven bytes at least, also where the checksums of fewer are right', () => {
  const six = Uint8Array.of(0x20, 0x18, 0xc8, 0x81, 0x04, 0x7b);
  expect(() => decodeMessage(six)).toThrow('IPMI message: need 7 bytes, 6 given');
  expect(decodeMessage(Uint8Array.of(0x20, 0x18, 0xc8, 0x81, 0x04, 0x01, 0x7a)).data).toHaveLength(0);
});

test('RMCP+ packets are told by their authentication type, and are as long as they say', () => {
  const body = encodePacket({
    ...{ payloadType: 0, encrypted: false, sessionId: 1, sequence: 1 },
    payload: Uint8Array.of(1, 2, 3),
  }).subarray(4);
  expect(decodePacket(body).payload).toHaveLength(3);
  const other = Uint8Array.from(body);
  other[0] = 2;
  expect(() => decodePacket(other)).toThrow('authentication type 2, not 6');
  expect(() => decodePacket(Uint8Array.of(6))).toThrow(DecodeError);
  expect(() => decodePacket(Uint8Array.from([...body, 0]))).toThrow(
    'RMCP+ payload: ends at 15, 16 bytes given',
  );
  expect(() => decodePacket(body.subarray(0, 14))).toThrow('RMCP+ payload: ends at 15, 14 bytes given');
  expect(() => decodePacket(body.subarray(0, 11))).toThrow('RMCP+ session header: need 12 bytes, 11 given');
  // Behind a payload that is authenticated stands its trailer; in front of its end nothing may be missing.
  const signed = (bytes: readonly number[]) => {
    const copy = Uint8Array.from(bytes);
    copy[1] = 0x40;
    return copy;
  };
  expect(decodePacket(signed([...body, 0, 0])).trailerLength).toBe(2);
  expect(() => decodePacket(signed([...body.subarray(0, 14)]))).toThrow('ends at 15, 14 bytes given');
});

test('RAKP 1 has nothing behind its name, or behind the 16 bytes of its field', () => {
  const rakp1 = (nameLength: number, behind: number) =>
    Uint8Array.from([...Buffer.alloc(24), 4, 0, 0, nameLength, ...Buffer.alloc(behind, 97)]);
  expect(decodeRakp1(rakp1(16, 16)).userName).toHaveLength(16);
  expect(() => decodeRakp1(rakp1(16, 17))).toThrow('1 bytes too many');
  expect(() => decodeRakp1(rakp1(16, 15))).toThrow(DecodeError);
  expect(decodeRakp1(rakp1(5, 16)).userName).toHaveLength(5);
  expect(() => decodeRakp1(rakp1(5, 17))).toThrow('12 bytes too many');
  expect(decodeRakp1(rakp1(0, 0)).userName).toHaveLength(0);
  // Too long a name has an answer of its own, whatever comes of it.
  for (const behind of [0, 17, 40]) expect(decodeRakp1(rakp1(17, behind))).toMatchObject({ nameLength: 17 });
});
