/** Pictures of a screen: as PNG for people, as text for tests. */
import { readFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Three bytes a pixel, line by line from the top. */
  readonly rgb: Buffer;
}

/** The picture in PNG's 8-bit RGB form, not interlaced. */
export function png({ width, height, rgb }: Picture): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8); // bits a sample, colour type RGB
  const lines = Array.from({ length: height }, (_, y) =>
    Buffer.concat([Buffer.of(0), rgb.subarray(y * width * 3, (y + 1) * width * 3)]),
  );
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(lines))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const result = Buffer.alloc(body.length + 8);
  result.writeUInt32BE(data.length, 0);
  body.copy(result, 4);
  result.writeUInt32BE(crc32(body), body.length + 4);
  return result;
}

/** Pixels that are not black. */
export function litPixels({ rgb }: Picture): number {
  let count = 0;
  for (let at = 0; at < rgb.length; at += 3) if (rgb.readUIntBE(at, 3) !== 0) count++;
  return count;
}

const columns = 80;
const glyphWidth = 8;
const glyphHeight = 16;
/** The letter A in the font of VGA text modes, by which the font is found in the video BIOS. */
const letterA = Buffer.from('000010386cc6c6fec6c6c6c600000000', 'hex');

/**
 * Reads a VGA text screen of 80 columns, as firmware and Linux show it, glyph by glyph with the video BIOS' own font.
 * What is no visible ASCII character of that font reads as `?`.
 * @param videoBios file with the font in it
 * @returns lines without blanks at their ends
 * @throws {Error} when the picture is not of a text mode
 */
export function screenText(
  { width, height, rgb }: Picture,
  videoBios = '/usr/share/seabios/vgabios-stdvga.bin',
): string[] {
  // Text modes have cells 8 or 9 pixels wide.
  const cellWidth = width / columns;
  if (![8, 9].includes(cellWidth) || height % glyphHeight !== 0)
    throw new Error(`${width}x${height} is no text screen`);
  const characters = fontCharacters(videoBios);
  const lit = (x: number, y: number, background: number) =>
    rgb.readUIntBE((y * width + x) * 3, 3) !== background;
  return Array.from({ length: height / glyphHeight }, (_, row) => {
    let line = '';
    for (let column = 0; column < columns; column++) {
      const [left, top] = [column * cellWidth, row * glyphHeight];
      // The upper right corner belongs to no letter.
      const background = rgb.readUIntBE((top * width + left + glyphWidth - 1) * 3, 3);
      const glyph = Buffer.alloc(glyphHeight);
      for (let y = 0; y < glyphHeight; y++) {
        let bits = 0;
        for (let x = 0; x < glyphWidth; x++) bits = bits * 2 + (lit(left + x, top + y, background) ? 1 : 0);
        glyph[y] = bits;
      }
      line += characters.get(glyph.toString('hex')) ?? '?';
    }
    return line.trimEnd();
  });
}

function fontCharacters(videoBios: string): ReadonlyMap<string, string> {
  const rom = readFileSync(videoBios);
  const start = rom.indexOf(letterA) - 'A'.charCodeAt(0) * glyphHeight;
  if (start < 0) throw new Error(`${videoBios}: no font of text modes in it`);
  const characters = new Map<string, string>();
  for (let code = 0x20; code < 0x7f; code++) {
    const glyph = rom.subarray(start + code * glyphHeight, start + (code + 1) * glyphHeight);
    characters.set(glyph.toString('hex'), String.fromCharCode(code));
  }
  return characters;
}
