/**
 * A viewer for VNC servers: RFB 3.8 (RFC 6143), without authentication, raw encoding only. It takes pictures of the
 * screen and presses no keys.
 */
import { connect, type Socket } from 'node:net';
import type { Picture } from './picture.ts';

const securityTypeNone = 1;
const encodingRaw = 0;
/** The server tells a new size of the screen instead of hiding what does not fit. RFC 6143 §7.8.2 */
const encodingDesktopSize = -223;

/** Little-endian pixels of 32 bits, 0x00RRGGBB. RFC 6143 §7.4 */
const pixelFormat = Buffer.from([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);
const bytesPerPixel = 4;

export type RfbServer = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * Connects, takes one picture of the whole screen, and leaves.
 * @throws {Error} when the server speaks something else, wants a password, or takes longer than `timeoutMs`
 */
export async function screenshot(server: RfbServer, timeoutMs = 10_000): Promise<Picture> {
  const socket = connect(server);
  const timer = setTimeout(
    () => socket.destroy(new Error(`RFB: no picture within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await viewOnce(socket);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

async function viewOnce(socket: Socket): Promise<Picture> {
  const input = new Input(socket);
  const version = (await input.take(12)).toString('latin1');
  if (!/^RFB 003\.\d{3}\n$/.test(version))
    throw new Error(`RFB: expected a version, got ${JSON.stringify(version)}`);
  if (version < 'RFB 003.008\n') throw new Error(`RFB: version 3.8 wanted, got ${version.trim()}`);
  socket.write('RFB 003.008\n');

  const count = (await input.take(1)).readUInt8();
  if (count === 0) throw new Error(`RFB: refused: ${await input.text()}`);
  const types = await input.take(count);
  if (!types.includes(securityTypeNone))
    throw new Error(`RFB: no security type without a password among ${[...types]}`);
  socket.write(Buffer.of(securityTypeNone));
  const result = (await input.take(4)).readUInt32BE();
  if (result !== 0) throw new Error(`RFB: security result ${result}: ${await input.text()}`);

  const shared = 1;
  socket.write(Buffer.of(shared));
  const init = await input.take(24);
  let [width, height] = [init.readUInt16BE(0), init.readUInt16BE(2)];
  await input.take(init.readUInt32BE(20)); // the desktop's name

  socket.write(Buffer.concat([Buffer.of(0, 0, 0, 0), pixelFormat]));
  socket.write(setEncodings([encodingRaw, encodingDesktopSize]));
  let canvas = new Canvas(width, height);
  socket.write(updateRequest(width, height));
  for (;;) {
    const type = (await input.take(1)).readUInt8();
    switch (type) {
      case 0: {
        const rectangles = (await input.take(3)).readUInt16BE(1);
        for (let i = 0; i < rectangles; i++) {
          const head = await input.take(12);
          const [x, y, w, h] = [0, 2, 4, 6].map((at) => head.readUInt16BE(at)) as [
            number,
            number,
            number,
            number,
          ];
          const encoding = head.readInt32BE(8);
          if (encoding === encodingDesktopSize) {
            [width, height] = [w, h];
            canvas = new Canvas(width, height);
            socket.write(updateRequest(width, height));
          } else if (encoding === encodingRaw) {
            canvas.draw(x, y, w, h, await input.take(w * h * bytesPerPixel));
          } else {
            throw new Error(`RFB: encoding ${encoding}, which nobody asked for`);
          }
        }
        if (canvas.complete) return canvas.picture();
        break;
      }
      case 1: // SetColourMapEntries: not for true colour, but allowed
        await input.take((await input.take(5)).readUInt16BE(3) * 6);
        break;
      case 2: // Bell
        break;
      case 3: // ServerCutText
        await input.take((await input.take(7)).readUInt32BE(3));
        break;
      default:
        throw new Error(`RFB: unknown message ${type}`);
    }
  }
}

function setEncodings(encodings: readonly number[]): Buffer {
  const message = Buffer.alloc(4 + 4 * encodings.length);
  message.writeUInt8(2);
  message.writeUInt16BE(encodings.length, 2);
  for (const [i, encoding] of encodings.entries()) message.writeInt32BE(encoding, 4 + 4 * i);
  return message;
}

/** The whole screen, changed or not. */
function updateRequest(width: number, height: number): Buffer {
  const message = Buffer.alloc(10);
  message.writeUInt8(3);
  message.writeUInt16BE(width, 6);
  message.writeUInt16BE(height, 8);
  return message;
}

/** The screen, as far as the server has sent it. */
class Canvas {
  readonly #width: number;
  readonly #height: number;
  readonly #rgb: Buffer;
  readonly #drawn: Uint8Array;
  #missing: number;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#rgb = Buffer.alloc(width * height * 3);
    this.#drawn = new Uint8Array(width * height);
    this.#missing = width * height;
  }

  get complete(): boolean {
    return this.#missing === 0;
  }

  draw(x: number, y: number, width: number, height: number, pixels: Buffer): void {
    if (x + width > this.#width || y + height > this.#height) {
      throw new Error(`RFB: rectangle ${width}x${height} at ${x},${y} on ${this.#width}x${this.#height}`);
    }
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const from = (row * width + column) * bytesPerPixel;
        const place = (y + row) * this.#width + x + column;
        this.#rgb.writeUIntBE(pixels.readUIntLE(from, 3), place * 3, 3);
        if (this.#drawn[place] === 0) {
          this.#drawn[place] = 1;
          this.#missing--;
        }
      }
    }
  }

  picture(): Picture {
    return { width: this.#width, height: this.#height, rgb: this.#rgb };
  }
}

/** What has come from a socket, by the byte. */
class Input {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  /** @throws {Error} when the other side leaves before */
  async take(count: number): Promise<Buffer> {
    const chunks = [this.#rest];
    let have = this.#rest.length;
    while (have < count) {
      const { value, done } = await this.#chunks.next();
      if (done) throw new Error(`RFB: connection closed, ${count - have} bytes early`);
      chunks.push(value);
      have += value.length;
    }
    const all = Buffer.concat(chunks);
    this.#rest = all.subarray(count);
    return all.subarray(0, count);
  }

  /** A reason: its length, then itself. */
  async text(): Promise<string> {
    return (await this.take((await this.take(4)).readUInt32BE())).toString('utf8');
  }
}
