/**
 * One QMP connection to one QEMU over its unix socket: greeting, capabilities, commands matched to answers by
 * id, events. A connection that closes is not reopened here, and nothing is said about QEMU's life: a closed
 * socket may mean that QEMU ended, or only that the connection did.
 */
import { connect, type Socket } from 'node:net';
import { Emitter } from '../../lib/emitter.ts';
import { isKnownEvent, type QmpCommand, type QmpCommands, type QmpEvent, qmpCommands } from './commands.ts';

/** Above the 5 s for which a blocking command of QEMU's own may hold the monitor. */
export const qmpTimeoutMs = 10_000;
/** No answer to a command of ours comes near it. */
const maxLineBytes = 16 * 1024 * 1024;

/** QEMU refused a command. */
export class QmpCommandError extends Error {
  override readonly name = 'QmpCommandError';
  /** QEMU's error class, such as `GenericError`. */
  readonly errorClass: string;

  constructor(command: string, errorClass: string, description: string) {
    super(`QMP ${command}: ${description}`);
    this.errorClass = errorClass;
  }
}

/** The connection failed, closed, or an answer did not come in time. */
export class QmpConnectionError extends Error {
  override readonly name = 'QmpConnectionError';
}

export interface QmpConnectOptions {
  /** Bound of the whole connecting, greeting and capabilities included. */
  readonly timeoutMs?: number;
  /** Bound of one line from QEMU. */
  readonly maxLineBytes?: number;
}

interface Pending {
  readonly command: QmpCommand;
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

type Arguments<C extends QmpCommand> = QmpCommands[C]['arguments'];
type ExecuteArguments<C extends QmpCommand> =
  Record<string, never> extends Arguments<C>
    ? [given?: Arguments<C>, options?: { timeoutMs?: number }]
    : [given: Arguments<C>, options?: { timeoutMs?: number }];

export class QmpClient {
  readonly #socket: Socket;
  readonly #maxLineBytes: number;
  readonly #events = new Emitter<QmpEvent>();
  readonly #closed = new Emitter<Error>();
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #partial: Buffer[] = [];
  #partialBytes = 0;
  #greeted: (() => void) | undefined;
  #closeReason: Error | undefined;

  private constructor(socket: Socket, lineBytes: number) {
    this.#socket = socket;
    this.#maxLineBytes = lineBytes;
  }

  /**
   * Connects and negotiates. No event is lost after this resolves if the listener is added at once.
   * @throws {QmpConnectionError} when nothing listens, or no greeting came in time (QEMU serves one client only)
   */
  static async connect(path: string, options: QmpConnectOptions = {}): Promise<QmpClient> {
    const timeoutMs = options.timeoutMs ?? qmpTimeoutMs;
    const startedAt = performance.now();
    const socket = connect({ path });
    const client = new QmpClient(socket, options.maxLineBytes ?? maxLineBytes);
    await client.#greeting(timeoutMs);
    const left = Math.max(1, timeoutMs - (performance.now() - startedAt));
    await client.execute('qmp_capabilities', {}, { timeoutMs: left }).catch((error: unknown) => {
      client.close();
      throw error;
    });
    return client;
  }

  get isOpen(): boolean {
    return this.#closeReason === undefined;
  }

  on(listener: (event: QmpEvent) => void): () => void {
    return this.#events.on(listener);
  }

  /** Called once, when the connection is gone for whatever reason, after all pending commands were rejected. */
  onClose(listener: (reason: Error) => void): () => void {
    return this.#closed.on(listener);
  }

  /**
   * @throws {QmpCommandError} when QEMU refuses
   * @throws {QmpConnectionError} when the connection closes first or no answer comes in time
   */
  execute<C extends QmpCommand>(
    command: C,
    ...[given, options]: ExecuteArguments<C>
  ): Promise<QmpCommands[C]['return']> {
    if (!Object.hasOwn(qmpCommands, command)) {
      return Promise.reject(new QmpConnectionError(`QMP ${String(command)}: not among the allowed commands`));
    }
    if (this.#closeReason) return Promise.reject(this.#closeReason);
    const id = this.#nextId++;
    const timeoutMs = options?.timeoutMs ?? qmpTimeoutMs;
    return new Promise<QmpCommands[C]['return']>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new QmpConnectionError(`QMP ${command}: no answer within ${Math.round(timeoutMs)} ms`));
      }, timeoutMs);
      this.#pending.set(id, { command, resolve: (value) => resolve(value as never), reject, timer });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: given ?? {}, id })}\n`);
    });
  }

  close(): void {
    this.#end(new QmpConnectionError('QMP: closed by us'));
  }

  #greeting(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#end(new QmpConnectionError(`QMP: no greeting within ${Math.round(timeoutMs)} ms`)),
        timeoutMs,
      );
      const stopListening = this.onClose((reason) => {
        clearTimeout(timer);
        reject(reason);
      });
      this.#greeted = () => {
        clearTimeout(timer);
        stopListening();
        this.#greeted = undefined;
        resolve();
      };
      this.#socket.on('data', (chunk) => this.#take(chunk as Buffer));
      this.#socket.on('error', (cause) =>
        this.#end(new QmpConnectionError(`QMP: ${cause.message}`, { cause })),
      );
      this.#socket.on('close', () => this.#end(new QmpConnectionError('QMP: connection closed')));
    });
  }

  #take(chunk: Buffer): void {
    let rest = chunk;
    for (;;) {
      if (this.#closeReason) return;
      const end = rest.indexOf(0x0a);
      if (end < 0) break;
      this.#partial.push(rest.subarray(0, end));
      const line = Buffer.concat(this.#partial).toString('utf8');
      this.#partial = [];
      this.#partialBytes = 0;
      rest = rest.subarray(end + 1);
      this.#line(line);
    }
    if (rest.length === 0) return;
    this.#partial.push(rest);
    this.#partialBytes += rest.length;
    if (this.#partialBytes > this.#maxLineBytes) {
      this.#end(new QmpConnectionError(`QMP: a line of more than ${this.#maxLineBytes} bytes`));
    }
  }

  #line(line: string): void {
    if (line.trim() === '') return;
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      this.#end(new QmpConnectionError(`QMP: not JSON: ${JSON.stringify(line.slice(0, 80))}`));
      return;
    }
    if (!isRecord(message)) return;
    if ('QMP' in message) {
      this.#greeted?.();
    } else if (isKnownEvent(message.event)) {
      this.#events.emit({ event: message.event, data: message.data } as QmpEvent);
    } else if (typeof message.id === 'number') {
      this.#answer(message.id, message);
    }
  }

  #answer(id: number, message: Record<string, unknown>): void {
    const pending = this.#pending.get(id);
    // An answer after its time-out is of no use to anyone.
    if (!pending) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    if (isRecord(message.error)) {
      const { class: errorClass, desc } = message.error;
      pending.reject(new QmpCommandError(pending.command, String(errorClass), String(desc)));
    } else {
      pending.resolve(message.return);
    }
  }

  #end(reason: Error): void {
    if (this.#closeReason) return;
    this.#closeReason = reason;
    this.#socket.destroy();
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(reason);
    }
    this.#pending.clear();
    this.#closed.emit(reason);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
