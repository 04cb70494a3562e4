/**
 * Asks an HTTPS server the same thing again and again over connections that stay open, one request at a time on each,
 * and checks every answer byte by byte. It writes requests made beforehand and looks for the end of an answer by its
 * length, so that it costs a fraction of what any server does.
 */
import { connect, type TLSSocket } from 'node:tls';

export interface HttpLoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds, sorted. */
  readonly latencies: Float64Array;
}

/** The product lets one address have no more. */
const connectionsPerAddress = 16;
let sources = 0;

/** Where the next connection is made from, of all loads of this process. */
function sourceAddress(): string {
  return `127.0.0.${2 + (Math.floor(sources++ / connectionsPerAddress) % 250)}`;
}

const headEnd = Buffer.from('\r\n\r\n');

export class HttpLoad {
  readonly #request: Buffer;
  readonly #connections: Connection[] = [];
  /** What every answer is to be. */
  #expected: Buffer | undefined;

  static async open(options: HttpLoadOptions): Promise<HttpLoad> {
    const load = new HttpLoad(options);
    for (let i = 0; i < options.connections; i++) {
      const localAddress = sourceAddress();
      load.#connections.push(await Connection.open(options.port, localAddress));
    }
    return load;
  }

  private constructor({ path, headers = {} }: HttpLoadOptions) {
    const lines = Object.entries({ host: 'localhost', ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    this.#request = Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  }

  /** One answer's body. Those that follow have to be the same. */
  async first(): Promise<Buffer> {
    const [connection] = this.#connections;
    if (!connection) throw new Error('a load without connections');
    const body = Buffer.from(await connection.ask(this.#request));
    this.#expected = body;
    return body;
  }

  /** @throws {Error} for an answer that is not 200 or not the expected body */
  async run(seconds: number): Promise<LoadResult> {
    const expected = this.#expected ?? (await this.first());
    const latencies: number[] = [];
    const begin = performance.now();
    const end = begin + seconds * 1000;
    await Promise.all(
      this.#connections.map((connection) =>
        connection.repeat(this.#request, end, (body, ms) => {
          if (!expected.equals(body)) throw new Error(`another answer: ${body.toString().slice(0, 200)}`);
          latencies.push(ms);
        }),
      ),
    );
    return {
      requests: latencies.length,
      seconds: (performance.now() - begin) / 1000,
      latencies: Float64Array.from(latencies).sort(),
    };
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }
}

class Connection {
  readonly #socket: TLSSocket;
  #received: Buffer = Buffer.alloc(0);
  #answered: ((body: Buffer) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  static open(port: number, localAddress: string): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const options = { port, host: '127.0.0.1', localAddress, rejectUnauthorized: false } as const;
      const socket: TLSSocket = connect(options, () => resolve(new Connection(socket)));
      socket.once('error', reject);
    });
  }

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('error', (error) => this.#failed?.(error));
    socket.on('close', () => this.#failed?.(new Error('the server has closed the connection')));
  }

  ask(request: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(request);
    });
  }

  /** Without a promise for each request: at its end one for all. */
  repeat(request: Buffer, end: number, check: (body: Buffer, ms: number) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      let sent = performance.now();
      this.#failed = reject;
      this.#answered = (body) => {
        const now = performance.now();
        try {
          check(body, now - sent);
        } catch (error) {
          return reject(error);
        }
        if (now >= end) return resolve();
        sent = now;
        this.#socket.write(request);
      };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    const at = this.#received.indexOf(headEnd);
    if (at < 0) return;
    const head = this.#received.toString('latin1', 0, at);
    const [, length] = /^content-length: (\d+)$/im.exec(head) ?? [];
    const from = at + headEnd.length;
    if (length === undefined || !head.startsWith('HTTP/1.1 200')) {
      this.#failed?.(new Error(`not the answer that was expected: ${head}`));
      return;
    }
    if (this.#received.length < from + Number(length)) return;
    const body = this.#received.subarray(from, from + Number(length));
    this.#received = this.#received.subarray(from + Number(length));
    this.#answered?.(body);
  }
}

/** @param sorted rising @param share 0 to 1 */
export function quantile(sorted: Float64Array, share: number): number {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  if (value === undefined) throw new Error('a quantile of nothing');
  return value;
}
