/**
 * The end of a connection whose client may be in the middle of sending. If the socket were closed at once, what still
 * comes would be answered by a reset, on which the client loses our last answer before it has read it: RFC 9112 §9.6. So
 * the answer goes out, then our side ends, and what comes is thrown away, seen by no parser, until the client ends too, or
 * costs us too much: in time, in bytes, or in connections that end like this.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface LingerLimits {
  /** From our last answer to the end, at the most. */
  readonly lingerMs: number;
  /** How long a client may send nothing meanwhile. */
  readonly lingerSilentMs: number;
  /** What is thrown away of one client's. */
  readonly lingerBytes: number;
  /** Connections at once that end like this: the oldest makes room for the next one. */
  readonly lingering: number;
}

export class Lingering {
  readonly #limits: LingerLimits;
  /** Oldest first. */
  readonly #sockets = new Set<Duplex>();

  constructor(limits: LingerLimits) {
    this.#limits = limits;
  }

  /** Whether it has had its last answer. */
  has(socket: Duplex): boolean {
    return this.#sockets.has(socket);
  }

  /** To be called before an answer that has `Connection: close` while its request is still coming. */
  afterAnswer(socket: Socket): void {
    // What Node ends a connection with once its last answer has been written.
    socket.destroySoon = () => this.end(socket);
  }

  /** @param lastWords to be sent before */
  end(socket: Duplex, lastWords = ''): void {
    if (socket.destroyed || this.has(socket)) return;
    const { lingerMs, lingerSilentMs, lingerBytes, lingering } = this.#limits;
    const [oldest] = this.#sockets;
    if (oldest && this.#sockets.size >= lingering) oldest.destroy();
    this.#sockets.add(socket);

    const cutOff = () => socket.destroy();
    const deadline = setTimeout(cutOff, lingerMs);
    const silence = setTimeout(cutOff, lingerSilentMs);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      clearTimeout(deadline);
      clearTimeout(silence);
    });
    let bytes = 0;
    // The parser would make requests of what follows, and carry them out.
    socket.removeAllListeners('data');
    socket.on('data', ({ length }: Uint8Array) => {
      bytes += length;
      if (bytes > lingerBytes) cutOff();
      else silence.refresh();
    });
    socket.end(lastWords);
    socket.resume();
    // The parser may have stopped the connection behind the stream's back, which believes that it is reading.
    socket._read(0);
  }
}
