/**
 * Serves one read-only export at a UNIX socket. Reads may take their time and overtake each other; each is answered, by
 * its bytes or by an error. How long one may take is for the reader to say.
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../../lib/log.ts';
import {
  clientFlagsBytes,
  decodeClientFlags,
  decodeInfoRequest,
  decodeOptionHeader,
  decodeRequest,
  encodeBlockSizeInfo,
  encodeExportInfo,
  encodeOldExport,
  encodeOptionReply,
  encodeSimpleReply,
  greeting,
  NbdCommand,
  NbdError,
  type NbdErrorCode,
  NbdOption,
  NbdProtocolError,
  NbdReplyType,
  type NbdRequest,
  optionHeaderBytes,
  requestBytes,
  unnamedExport,
} from './protocol.ts';
import { SocketReader } from './socket-reader.ts';

export interface NbdExport {
  readonly sizeBytes: number;
  /** @returns `length` bytes; the range is inside the export @throws {Error} when they cannot be had */
  read(offset: number, length: number): Promise<Buffer>;
}

const largestReadBytes = 2 * 1024 * 1024;
/** Of one connection; more are not looked at. QEMU has up to 16 on their way. */
const mostRequests = 16;
const mostConnections = 8;
const negotiationMs = 10_000;
const mostOptions = 64;
const largestOptionBytes = 64 * 1024;

export class NbdServer {
  readonly #export: NbdExport;
  readonly #log: Logger;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(served: NbdExport, log: Logger) {
    this.#export = served;
    this.#log = log;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = mostConnections;
  }

  /** @param path of the socket; what an earlier life has left there is replaced @throws {Error} when it cannot be made */
  async listen(path: string): Promise<void> {
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(path, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#server.on('error', (error) => this.#log.warn({ err: error }, 'image socket'));
    // Whatever the umask says: the machine may be another user's of our group.
    chmodSync(path, 0o660);
  }

  /** Ends all connections. The socket's file goes, too. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', (error) => this.#log.debug({ err: error }, 'image connection'));
    socket.on('close', () => this.#sockets.delete(socket));
    this.#converse(socket)
      .catch((error: unknown) => this.#log.debug({ err: error }, 'image connection given up'))
      .finally(() => socket.destroy());
  }

  async #converse(socket: Socket): Promise<void> {
    const reader = new SocketReader(socket);
    const patience = setTimeout(() => socket.destroy(), negotiationMs);
    try {
      if (!(await this.#negotiate(socket, reader))) return;
    } finally {
      clearTimeout(patience);
    }
    await this.#serve(socket, reader);
  }

  /** @returns whether the export may be read now */
  async #negotiate(socket: Socket, reader: SocketReader): Promise<boolean> {
    socket.write(greeting);
    const flags = await reader.take(clientFlagsBytes);
    if (!flags) return false;
    const { noZeroes } = decodeClientFlags(flags);
    for (let count = 0; count < mostOptions; count++) {
      const header = await reader.take(optionHeaderBytes);
      if (!header) return false;
      const { option, dataBytes } = decodeOptionHeader(header);
      const reply = (type: number, data?: Buffer) => socket.write(encodeOptionReply(option, type, data));
      if (dataBytes > largestOptionBytes) {
        if (!(await reader.skip(dataBytes))) return false;
        reply(NbdReplyType.tooBig);
        continue;
      }
      const data = await reader.take(dataBytes);
      if (!data) return false;
      const { sizeBytes } = this.#export;
      switch (option) {
        case NbdOption.exportName:
          // An unknown name can only be answered by hanging up.
          if (data.length > 0) return false;
          socket.write(encodeOldExport(sizeBytes, noZeroes));
          return true;
        case NbdOption.abort:
          reply(NbdReplyType.ack);
          return false;
        case NbdOption.list:
          if (data.length > 0) {
            reply(NbdReplyType.invalid);
            break;
          }
          reply(NbdReplyType.server, unnamedExport);
          reply(NbdReplyType.ack);
          break;
        case NbdOption.info:
        case NbdOption.go: {
          const asked = decodeInfoRequest(data);
          if (!asked) reply(NbdReplyType.invalid);
          else if (asked.name !== '') reply(NbdReplyType.unknown);
          else {
            reply(NbdReplyType.info, encodeExportInfo(sizeBytes));
            reply(NbdReplyType.info, encodeBlockSizeInfo(largestReadBytes));
            reply(NbdReplyType.ack);
            if (option === NbdOption.go) return true;
          }
          break;
        }
        default:
          reply(NbdReplyType.unsupported);
      }
    }
    throw new NbdProtocolError('negotiates without end');
  }

  async #serve(socket: Socket, reader: SocketReader): Promise<void> {
    const underWay = new Set<Promise<void>>();
    for (;;) {
      const header = await reader.take(requestBytes);
      if (!header) return;
      const request = decodeRequest(header);
      if (request.command === NbdCommand.disconnect) {
        await Promise.all(underWay);
        socket.end();
        return;
      }
      if (request.command === NbdCommand.write && !(await reader.skip(request.length))) return;
      const answered = this.#answer(request)
        .then((reply) => sent(socket, reply))
        .finally(() => underWay.delete(answered));
      underWay.add(answered);
      if (underWay.size >= mostRequests) await Promise.race(underWay);
    }
  }

  /** Never fails. @returns the reply, and the bytes that follow it */
  async #answer({ command, handle, offset, length }: NbdRequest): Promise<readonly Buffer[]> {
    const refuse = (error: NbdErrorCode) => [encodeSimpleReply(handle, error)];
    if (command === NbdCommand.flush) return refuse(NbdError.none);
    if (command !== NbdCommand.read) return refuse(NbdError.notPermitted);
    if (length > largestReadBytes) return refuse(NbdError.overflow);
    if (length === 0 || offset + BigInt(length) > BigInt(this.#export.sizeBytes))
      return refuse(NbdError.invalid);
    try {
      const bytes = await this.#export.read(Number(offset), length);
      return [encodeSimpleReply(handle, NbdError.none), bytes];
    } catch (error) {
      this.#log.debug({ err: error, offset: Number(offset), length }, 'read of an image failed');
      return refuse(NbdError.io);
    }
  }
}

/** Settles when the client has taken it, or has gone. */
function sent(socket: Socket, parts: readonly Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    socket.cork();
    parts.forEach((part, i) => {
      if (i < parts.length - 1) socket.write(part);
      else socket.write(part, () => resolve());
    });
    socket.uncork();
  });
}
