/** Reads the bodies of requests: whole, within limits for one and for all that are being read; or as they come. */
import type { IncomingMessage } from 'node:http';
import type { HttpLimits } from './limits.ts';
import { HttpRefusal } from './refusal.ts';

export class BodyReader {
  readonly #bytesInAll: number;
  readonly #requestMs: number;
  readonly #pieceMs: number;
  #held = 0;

  constructor({ bodyBytesInAll, requestMs, pieceMs }: BodyLimits) {
    this.#bytesInAll = bodyBytesInAll;
    this.#requestMs = requestMs;
    this.#pieceMs = pieceMs;
  }

  /**
   * @param limit in bytes; a body that says it is longer is not read at all
   * @param invite called right before reading, once it is clear that the body may come
   * @throws {HttpRefusal} 413 when it is too long, 408 when it takes too long, 503 when too much is being read
   * @throws {ClientGone} when the client has gone before the end
   */
  read(request: IncomingMessage, limit: number, invite: () => void): Promise<Uint8Array> {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    if (encoding === undefined && (length === undefined || length === '0')) return Promise.resolve(noBody);
    if (length !== undefined && Number(length) > limit) return Promise.reject(new HttpRefusal(413));
    invite();
    return this.#collect(request, limit);
  }

  /**
   * A body of any length, a piece at a time: nothing is read ahead of whoever takes it.
   * @param invite called when the first piece is asked for
   * @throws {HttpRefusal} 408 when no piece comes in time @throws {ClientGone} when the client has gone before the end
   */
  async *stream(request: IncomingMessage, invite: () => void): AsyncIterable<Uint8Array> {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    if (encoding === undefined && (length === undefined || length === '0')) return;
    invite();
    const pieces = request[Symbol.asyncIterator]();
    try {
      for (;;) {
        const piece = await this.#inTime(pieces.next());
        if (piece.done) return;
        yield piece.value as Buffer;
      }
    } catch (error) {
      throw error instanceof HttpRefusal ? error : new ClientGone();
    }
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new HttpRefusal(408)), this.#pieceMs);
      work.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  #collect(request: IncomingMessage, limit: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const timer = setTimeout(() => finish(() => reject(new HttpRefusal(408))), this.#requestMs);
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        request.off('data', take).off('end', whole).off('close', gone);
        this.#held -= bytes;
        settle();
      };
      const take = (chunk: Buffer) => {
        bytes += chunk.length;
        this.#held += chunk.length;
        if (bytes > limit) finish(() => reject(new HttpRefusal(413)));
        else if (this.#held > this.#bytesInAll) finish(() => reject(new HttpRefusal(503)));
        else chunks.push(chunk);
      };
      const whole = () => finish(() => resolve(Buffer.concat(chunks, bytes)));
      const gone = () => finish(() => reject(new ClientGone()));
      request.on('data', take).once('end', whole).once('close', gone);
      // What comes of it besides is told by `close`.
      request.on('error', () => undefined);
    });
  }
}

const noBody = new Uint8Array();

type BodyLimits = Pick<HttpLimits, 'bodyBytesInAll' | 'requestMs' | 'pieceMs'>;

/** The client has left in the middle of its request: nobody is there to be answered. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';

  constructor() {
    super('the client has gone in the middle of its request');
  }
}
