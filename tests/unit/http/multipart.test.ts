import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boundaryOf,
  type FormPart,
  filePart,
  formParts,
  MultipartError,
} from '../../../src/http/multipart.ts';

async function* inPieces(text: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < text.length; at += size) yield text.subarray(at, at + size);
}

const body = (text: string, size = text.length) => inPieces(Buffer.from(text, 'latin1'), size);

async function read({ bytes }: FormPart): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

/** @param passedOver which parts are not read */
async function all(form: AsyncIterable<Uint8Array>, passedOver: readonly number[] = []) {
  const found: (readonly [name: string | undefined, file: string | undefined, text: string | undefined])[] =
    [];
  for await (const part of formParts(form, 'edge')) {
    const text = passedOver.includes(found.length) ? undefined : await read(part);
    found.push([part.name, part.fileName, text]);
  }
  return found;
}

const part = (headers: string, text: string) => `--edge\r\n${headers}\r\n\r\n${text}\r\n`;
const named = (name: string, text: string) => part(`Content-Disposition: form-data; name=${name}`, text);

describe('a boundary', () => {
  it.each([
    ['multipart/form-data; boundary=edge', 'edge'],
    ['Multipart/Form-Data;charset=utf-8; Boundary="an edge"; x=y', 'an edge'],
    [`multipart/form-data; boundary=${'b'.repeat(70)}`, 'b'.repeat(70)],
    [`multipart/form-data; boundary="${'b'.repeat(71)}"`, undefined],
    ['multipart/form-data; boundary=""', undefined],
    ['multipart/form-data; boundary=', undefined],
    ['multipart/form-data', undefined],
    ['multipart/mixed; boundary=edge', undefined],
    ['application/json', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('of %s is %s', (contentType, boundary) => {
    expect(boundaryOf(contentType)).toBe(boundary);
  });
});

describe('the parts of a form', () => {
  it('arrive byte for byte, however the body is cut', async () => {
    const bytes = fc.uint8Array({ maxLength: 60 }).map((each) => Buffer.from(each).toString('latin1'));
    // Beginnings of a delimiter, too.
    const tricky = fc.constantFrom(
      '',
      '\r',
      '\r\n',
      '\r\n-',
      '\r\n--',
      '\r\n--edg',
      '--edge',
      '\r\n\r\n',
      '--',
    );
    const text = fc.tuple(bytes, tricky, bytes).map((each) => each.join(''));
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 40 }),
        async (texts, size) => {
          fc.pre(texts.every((each) => !`\r\n${each}`.includes('\r\n--edge')));
          const form = `preamble${texts.map((each, index) => `\r\n--edge\r\nContent-Disposition: form-data; name="n${index}"\r\n\r\n${each}`).join('')}\r\n--edge--\r\nepilogue`;
          expect(await all(body(form, size))).toEqual(
            texts.map((each, index) => [`n${index}`, undefined, each]),
          );
        },
      ),
    );
  });

  it('may be passed over unread, the others arrive', async () => {
    const form = `${named('a', '1')}${named('b', '2')}${named('c', '3')}--edge--`;
    for (const size of [1, 7, 1000]) {
      expect(await all(body(form, size), [0, 2])).toEqual([
        ['a', undefined, undefined],
        ['b', undefined, '2'],
        ['c', undefined, undefined],
      ]);
    }
  });

  it.each([
    ['Content-Disposition: form-data; name="a \\"b\\" \\\\c"; filename="x;y.iso"', 'a "b" \\c', 'x;y.iso'],
    [
      'content-type: text/plain\r\nCONTENT-DISPOSITION: form-data; FILENAME=x.iso; NAME=plain',
      'plain',
      'x.iso',
    ],
    ['Content-Disposition: form-data; filename="only"', undefined, 'only'],
    ['Content-Disposition: form-data; name=""', '', undefined],
    ['Content-Disposition: form-data', undefined, undefined],
    ['Content-Type: text/plain', undefined, undefined],
  ])('are named as their headers say: %s', async (headers, name, fileName) => {
    expect(await all(body(`${part(headers, 'text')}--edge--`))).toEqual([[name, fileName, 'text']]);
  });

  it('need no headers', async () => {
    expect(await all(body('--edge\r\n\r\ntext\r\n--edge--'))).toEqual([[undefined, undefined, 'text']]);
  });

  it('are none in an empty form', async () => {
    expect(await all(body('--edge--'))).toEqual([]);
  });

  it.each([
    ['no delimiter', 'nothing of the kind'],
    ['no end of the headers', '--edge\r\nContent-Disposition: form-data'],
    ['no delimiter behind a part', '--edge\r\n\r\ntext'],
    ['no end of the form', '--edge\r\n\r\ntext\r\n--edge'],
    ['nothing at all', ''],
  ])('are refused with %s', async (_, form) => {
    for (const size of [1, 1000]) {
      await expect(all(body(form, size))).rejects.toThrow(MultipartError);
      await expect(all(body(form, size), [0])).rejects.toThrow('ends in the middle of a part');
    }
  });

  it('are refused with headers of more than 8 KiB, and held no longer', async () => {
    let taken = 0;
    async function* endless() {
      yield Buffer.from('--edge\r\nX: ');
      for (;;) {
        taken += 1024;
        yield Buffer.alloc(1024, 'x');
      }
    }
    await expect(all(endless())).rejects.toThrow('the headers of a part are too long');
    expect(taken).toBeLessThanOrEqual(9 * 1024);
    expect(await all(body(`${part(`X: ${'x'.repeat(8000)}`, 'text')}--edge--`, 512))).toHaveLength(1);
  });

  it('have headers of 8,192 bytes, their line ends included, and of not one more', async () => {
    const withHeaders = async function* (bytes: number) {
      // What is held behind the delimiter: a line end, and the line.
      yield Buffer.from(`--edge\r\nX: ${'x'.repeat(bytes - 5)}`);
      yield Buffer.from('\r\n\r\ntext\r\n--edge--');
    };
    expect(await all(withHeaders(8192))).toEqual([[undefined, undefined, 'text']]);
    await expect(all(withHeaders(8193))).rejects.toThrow('the headers of a part are too long');
  });

  it('come in pieces with something in them', async () => {
    const form = `${named('a', 'x'.repeat(100))}${named('b', '')}--edge--`;
    for (let size = 1; size < 40; size++) {
      for await (const { bytes } of formParts(body(form, size), 'edge')) {
        for await (const piece of bytes) expect(piece.length).toBeGreaterThan(0);
      }
    }
  });

  it('are sixteen at the most', async () => {
    const form = (count: number) => `${named('a', '1').repeat(count)}--edge--`;
    expect(await all(body(form(16)))).toHaveLength(16);
    await expect(all(body(form(17)))).rejects.toThrow('more than 16 parts');
  });
});

describe('the file of a form', () => {
  const file = part('Content-Disposition: form-data; name=f; filename=x.iso', 'an image');

  it('is the first part with a file name', async () => {
    const found = await filePart(body(`${named('a', '1')}${file}${named('b', '2')}--edge--`, 5), 'edge');
    expect([found.name, found.fileName, await read(found)]).toEqual(['f', 'x.iso', 'an image']);
  });

  it('is missed in a form without any', async () => {
    await expect(filePart(body(`${named('a', '1')}--edge--`), 'edge')).rejects.toThrow('no file in the form');
  });
});
