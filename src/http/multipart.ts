/**
 * The parts of a `multipart/form-data` body, as they come: nothing but the headers of a part is ever held. RFC 7578,
 * RFC 2046 §5.1.
 */

export interface FormPart {
  /** Of the field; undefined where the client gives it none. */
  readonly name: string | undefined;
  /** As the client names the file; undefined for what is no file. */
  readonly fileName: string | undefined;
  /** Read once, and wholly before anything else of the body. Ends with an error when the body ends before the part. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** The body is no multipart body, or holds no file. */
export class MultipartError extends Error {
  override readonly name = 'MultipartError';
}

const maxHeaderBytes = 8 * 1024;
const maxParts = 16;

/** @returns undefined for another content type, or one without a boundary */
export function boundaryOf(contentType = ''): string | undefined {
  if (!/^multipart\/form-data\s*;/i.test(contentType)) return undefined;
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? [];
  return quoted ?? plain;
}

/** The first part that has a file name; fields before it are passed over, what follows is not read. @throws {MultipartError} */
export async function filePart(body: AsyncIterable<Uint8Array>, boundary: string): Promise<FormPart> {
  for await (const part of formParts(body, boundary)) if (part.fileName !== undefined) return part;
  throw new MultipartError('no file in the form');
}

/** Each is to be read wholly, or not at all: then it is passed over. @throws {MultipartError} */
export async function* formParts(body: AsyncIterable<Uint8Array>, boundary: string): AsyncIterable<FormPart> {
  const reader = new Reader(body);
  // The first delimiter is one as well, but for the line end before it.
  reader.putBack(Buffer.from('\r\n'));
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  await reader.skipTo(delimiter);
  for (let parts = 0; ; parts++) {
    const headers = (await reader.takeTo(Buffer.from('\r\n\r\n'), maxHeaderBytes)).toString('utf8');
    if (headers.startsWith('--')) return;
    if (parts === maxParts) throw new MultipartError(`more than ${maxParts} parts`);
    const disposition = /^content-disposition:(.*)$/im.exec(headers)?.[1] ?? '';
    let isRead = false;
    const bytes = reader.until(delimiter);
    yield {
      name: parameterOf(disposition, 'name'),
      fileName: parameterOf(disposition, 'filename'),
      bytes: (async function* () {
        for await (const piece of bytes) yield piece;
        isRead = true;
      })(),
    };
    if (!isRead) for await (const _ of bytes);
  }
}

function parameterOf(disposition: string, name: string): string | undefined {
  const pattern = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;]+))`, 'i');
  const [, quoted, plain] = pattern.exec(disposition) ?? [];
  return quoted?.replace(/\\(.)/g, '$1') ?? plain;
}

class Reader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#pieces = body[Symbol.asyncIterator]();
  }

  putBack(bytes: Buffer): void {
    this.#held = Buffer.concat([bytes, this.#held]);
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#pieces.next();
    if (done) throw new MultipartError('the form ends in the middle of a part');
    this.#held = this.#held.length === 0 ? Buffer.from(value) : Buffer.concat([this.#held, value]);
  }

  async takeTo(end: Buffer, limit: number): Promise<Buffer> {
    for (;;) {
      // The last delimiter has no headers behind it.
      if (this.#held.subarray(0, 2).toString('latin1') === '--') return this.#held.subarray(0, 2);
      const at = this.#held.indexOf(end);
      if (at >= 0) {
        const taken = this.#held.subarray(0, at);
        this.#held = this.#held.subarray(at + end.length);
        return taken;
      }
      if (this.#held.length > limit) throw new MultipartError('the headers of a part are too long');
      await this.#more();
    }
  }

  async skipTo(end: Buffer): Promise<void> {
    for await (const _ of this.until(end));
  }

  /** What comes before `end`; afterwards the reader is behind it. */
  async *until(end: Buffer): AsyncIterable<Uint8Array> {
    for (;;) {
      const at = this.#held.indexOf(end);
      if (at >= 0) {
        const last = this.#held.subarray(0, at);
        this.#held = this.#held.subarray(at + end.length);
        if (last.length > 0) yield last;
        return;
      }
      // The end may have begun in what is held.
      const safe = this.#held.length - end.length + 1;
      if (safe > 0) {
        const bytes = this.#held.subarray(0, safe);
        this.#held = this.#held.subarray(safe);
        yield bytes;
      }
      await this.#more();
    }
  }
}
