import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RfbError, RfbFilter } from '../../../../src/http/sockets/rfb-filter.ts';

const hello = Buffer.concat([Buffer.from('RFB 003.008\n'), Buffer.of(1), Buffer.of(0)]);
/** What passes of it: the screen is always shared. */
const passedHello = Buffer.concat([Buffer.from('RFB 003.008\n'), Buffer.of(1), Buffer.of(1)]);

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const fixed = (type: number, length: number) =>
  bytes(length - 1).map((rest) => Buffer.concat([Buffer.of(type), rest]));
const u16 = (value: number) => Buffer.of(value >> 8, value & 0xff);
const i32 = (value: number) => {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
};

type Message = { readonly bytes: Buffer; readonly acts: boolean; readonly never?: boolean };
const shown = fc
  .oneof(
    fixed(0, 20),
    fc
      .integer({ min: 0, max: 128 })
      .chain((count) => bytes(4 * count).map((rest) => Buffer.concat([Buffer.of(2, 0), u16(count), rest]))),
    fixed(3, 10),
    fixed(150, 10),
    fc
      .integer({ min: 0, max: 64 })
      .chain((count) =>
        bytes(count).map((rest) => Buffer.concat([Buffer.of(248, 0, 0, 0, 0, 0, 0, 0, count), rest])),
      ),
  )
  .map((each): Message => ({ bytes: each, acts: false }));
const acting = fc
  .oneof(
    fixed(4, 8),
    fixed(5, 6),
    fc
      .tuple(fc.integer({ min: 0, max: 3000 }), fc.boolean())
      .chain(([length, extended]) =>
        bytes(length).map((text) =>
          Buffer.concat([Buffer.of(6, 0, 0, 0), i32(extended ? -length : length), text]),
        ),
      ),
    fc
      .integer({ min: 0, max: 4 })
      .chain((screens) =>
        bytes(16 * screens).map((rest) => Buffer.concat([Buffer.of(251, 0, 4, 0, 3, 0, screens, 0), rest])),
      ),
    bytes(10).map((rest) => Buffer.concat([Buffer.of(255, 0), rest])),
  )
  .map((each): Message => ({ bytes: each, acts: true }));
const refused = fc
  .oneof(
    bytes(3).map((rest) => Buffer.concat([Buffer.of(250), rest])),
    fc.constantFrom(0, 1).map((operation) => Buffer.concat([Buffer.of(255, 1), u16(operation)])),
    bytes(6).map((rest) => Buffer.concat([Buffer.of(255, 1, 0, 2), rest])),
  )
  .map((each): Message => ({ bytes: each, acts: false, never: true }));
const conversation = fc.array(fc.oneof(shown, acting, refused), { maxLength: 30 });

/** The bytes in pieces of these lengths, over and over. */
function pieces(all: Buffer, lengths: readonly number[]): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0, i = 0; at < all.length; i++) {
    const length = lengths[i % lengths.length] ?? 1;
    parts.push(all.subarray(at, at + length));
    at += length;
  }
  return parts;
}

describe('what a viewer says to the screen', () => {
  it('passes whole for who has keyboard and mouse, and without all that acts for who has not, however it is cut', () => {
    fc.assert(
      fc.property(
        conversation,
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        fc.boolean(),
        (messages, cuts, mayAct) => {
          const filter = new RfbFilter(() => mayAct);
          const all = Buffer.concat([hello, ...messages.map((each) => each.bytes)]);
          let most = 0;
          const passed = pieces(all, cuts).map((piece) => {
            const out = filter.pass(piece);
            most = Math.max(most, filter.heldBytes);
            return out;
          });
          const wanted = messages
            .filter(({ acts, never }) => !never && (mayAct || !acts))
            .map((each) => each.bytes);
          expect(Buffer.concat(passed)).toEqual(Buffer.concat([passedHello, ...wanted]));
          expect(most).toBeLessThan(4200);
          expect(filter.heldBytes).toBe(0);
        },
      ),
    );
  });

  it('is decided at each message: one that began before the change goes as it began', () => {
    let mayAct = true;
    const filter = new RfbFilter(() => mayAct);
    filter.pass(hello);
    const text = Buffer.concat([Buffer.of(6, 0, 0, 0), i32(4), Buffer.from('text')]);
    const first = filter.pass(text.subarray(0, 9));
    mayAct = false;
    expect(Buffer.concat([first, filter.pass(text.subarray(9))])).toEqual(text);
    expect(filter.pass(text)).toHaveLength(0);
    expect(filter.pass(Buffer.of(4, 1, 0, 0, 0, 0, 0, 97))).toHaveLength(0);
  });

  it('never throws anything but its own refusal, and holds little, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), fc.boolean(), (noise, greeted) => {
        const filter = new RfbFilter(() => false);
        try {
          if (greeted) filter.pass(hello);
          filter.pass(noise);
        } catch (error) {
          expect(error).toBeInstanceOf(RfbError);
        }
        expect(filter.heldBytes).toBeLessThan(4200);
      }),
    );
  });

  it.each([
    ['another version', Buffer.from('RFB 003.003\n')],
    ['a password', Buffer.concat([Buffer.from('RFB 003.008\n'), Buffer.of(2)])],
    ['a message that nobody knows', Buffer.concat([hello, Buffer.of(99)])],
    ['too many encodings', Buffer.concat([hello, Buffer.of(2, 0, 0xff, 0xff)])],
    ['a clipboard of 2 GiB', Buffer.concat([hello, Buffer.of(6, 0, 0, 0, 0x80, 0, 0, 0)])],
    ['a long fence', Buffer.concat([hello, Buffer.of(248, 0, 0, 0, 0, 0, 0, 0, 65)])],
    ['a QEMU message that nobody knows', Buffer.concat([hello, Buffer.of(255, 7)])],
  ])('is refused with %s', (_, said) => {
    expect(() => new RfbFilter(() => true).pass(said)).toThrow(RfbError);
  });
});
