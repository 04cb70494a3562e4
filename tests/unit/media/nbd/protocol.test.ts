/** The NBD codec: what real peers send, and what nobody should. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeClientFlags,
  decodeInfoRequest,
  decodeOptionHeader,
  decodeRequest,
  encodeExportInfo,
  encodeOldExport,
  encodeOptionReply,
  encodeSimpleReply,
  greeting,
  NbdError,
  NbdProtocolError,
} from '../../../../src/media/nbd/protocol.ts';

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

describe('what the server says', () => {
  it('is laid out as the protocol has it', () => {
    expect(greeting).toEqual(hex('4e42444d41474943 49484156454f5054 0003'));
    expect(encodeOptionReply(7, 1)).toEqual(hex('0003e889045565a9 00000007 00000001 00000000'));
    expect(encodeExportInfo(0x1_0000_0200)).toEqual(hex('0000 0000000100000200 0103'));
    expect(encodeSimpleReply(0x1122334455667788n, NbdError.io)).toEqual(
      hex('67446698 00000005 1122334455667788'),
    );
    expect(encodeOldExport(512, true)).toHaveLength(10);
    expect(encodeOldExport(512, false)).toHaveLength(134);
  });
});

describe('what clients send', () => {
  it('is understood', () => {
    expect(decodeClientFlags(hex('00000003'))).toEqual({ noZeroes: true });
    expect(decodeClientFlags(hex('00000001'))).toEqual({ noZeroes: false });
    expect(decodeOptionHeader(hex('49484156454f5054 00000007 00000006'))).toEqual({
      option: 7,
      dataBytes: 6,
    });
    expect(decodeInfoRequest(hex('00000003 616263 0002 0000 0003'))).toEqual({ name: 'abc' });
    expect(decodeRequest(hex('25609513 0000 0000 1122334455667788 0000000000000800 00001000'))).toEqual({
      command: 0,
      handle: 0x1122334455667788n,
      offset: 0x800n,
      length: 0x1000,
    });
  });

  it('is refused when it is not NBD', () => {
    expect(() => decodeClientFlags(hex('00000000'))).toThrow(NbdProtocolError);
    expect(() => decodeClientFlags(hex('00000007'))).toThrow(NbdProtocolError);
    expect(() => decodeOptionHeader(Buffer.alloc(16))).toThrow(NbdProtocolError);
    expect(() => decodeRequest(Buffer.alloc(28))).toThrow(NbdProtocolError);
  });

  it('about an export is either sound or not, whatever its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const asked = decodeInfoRequest(Buffer.from(bytes));
        expect(asked === undefined || typeof asked.name === 'string').toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.nat(5), (name, count) => {
        const text = Buffer.from(name);
        const data = Buffer.alloc(4 + text.length + 2 + 2 * count);
        data.writeUInt32BE(text.length, 0);
        text.copy(data, 4);
        data.writeUInt16BE(count, 4 + text.length);
        expect(decodeInfoRequest(data)).toEqual({ name: text.toString() });
        expect(decodeInfoRequest(data.subarray(1))).not.toEqual({ name });
      }),
    );
  });
});
