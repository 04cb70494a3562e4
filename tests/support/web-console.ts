/** A client of the browser console's WebSockets, as a browser or a script is one. */
import { request } from 'node:https';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { until } from './processes.ts';

export interface WebReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: what a client reads out of JSON is checked by the test that reads it
  readonly body: any;
}

/** One request over HTTPS. */
export function ask(
  port: number,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Readonly<Record<string, string>>; body?: unknown } = {},
): Promise<WebReply> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        rejectUnauthorized: false,
        agent: false,
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          const bytes = Buffer.concat(parts);
          const isJson = response.headers['content-type']?.startsWith('application/json');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            bytes,
            body: isJson && bytes.length > 0 ? JSON.parse(bytes.toString('utf8')) : undefined,
          });
        });
        response.on('error', reject);
      },
    );
    asked.on('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const actions = '/redfish/v1/Systems/1/Actions/Oem/QemuBmcComputerSystem';
export const consoleProtocols = { serial: 'qemu-bmc.serial.v1', screen: 'qemu-bmc.screen.v1' } as const;
export type ConsoleKind = keyof typeof consoleProtocols;

/** A session's token. */
export async function logIn(port: number, name = 'admin', password = 'password') {
  const { status, headers } = await ask(port, 'POST', '/redfish/v1/SessionService/Sessions', {
    body: { UserName: name, Password: password },
  });
  if (status !== 201) throw new Error(`login of ${name}: ${status}`);
  return { token: String(headers['x-auth-token']), uri: String(headers.location) };
}

/** The address of a console, good for one connection. */
export async function ticketFor(
  port: number,
  kind: ConsoleKind,
  headers: Readonly<Record<string, string>>,
  mode?: 'ReadOnly',
): Promise<string> {
  const action = kind === 'serial' ? 'OpenSerialConsole' : 'OpenGraphicalConsole';
  const { status, body } = await ask(port, 'POST', `${actions}.${action}`, {
    headers,
    body: mode === undefined ? {} : { Mode: mode },
  });
  if (status !== 200) throw new Error(`${action}: ${status} ${JSON.stringify(body)}`);
  return body.Uri;
}

type Control = Readonly<Record<string, unknown>> & { readonly type: string };

/** A console that is open. */
export class WebConsole {
  readonly controls: Control[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  /** All bytes so far, and how many of them a test has looked at. */
  #parts: Buffer[] = [];
  #length = 0;
  readonly #socket: WebSocket;

  static async open(
    port: number,
    kind: ConsoleKind,
    headers: Readonly<Record<string, string>>,
    { mode, origin }: { mode?: 'ReadOnly'; origin?: string } = {},
  ): Promise<WebConsole> {
    const uri = await ticketFor(port, kind, headers, mode);
    const socket = new WebSocket(`wss://127.0.0.1:${port}${uri}`, consoleProtocols[kind], {
      rejectUnauthorized: false,
      ...(origin !== undefined && { origin }),
    });
    const console = new WebConsole(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    return console;
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data, isBinary) => {
      const bytes = data as Buffer;
      if (!isBinary) {
        this.controls.push(JSON.parse(bytes.toString('utf8')) as Control);
        return;
      }
      this.#parts.push(bytes);
      this.#length += bytes.length;
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString('utf8') };
    });
    socket.on('error', () => undefined);
  }

  get received(): number {
    return this.#length;
  }

  get bytes(): Buffer {
    const all = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = [all];
    return all;
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }

  /** Forgets what has come. */
  clear(): void {
    this.#parts = [];
    this.#length = 0;
  }

  send(data: Uint8Array | string): void {
    this.#socket.send(typeof data === 'string' ? Buffer.from(data, 'latin1') : data, { binary: true });
  }

  tell(message: Control): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** The latest control message of this type. */
  last(type: string): Control | undefined {
    return this.controls.findLast((each) => each.type === type);
  }

  expectControl(type: string, fits: (message: Control) => boolean = () => true, timeoutMs = 5000) {
    return until(
      `a control message ${type}`,
      () => this.controls.find((each) => each.type === type && fits(each)),
      timeoutMs,
    );
  }

  expectText(wanted: string, timeoutMs = 10_000): Promise<true> {
    return until(
      `the text ${JSON.stringify(wanted)}`,
      () => this.text.includes(wanted) || undefined,
      timeoutMs,
    );
  }

  /** Resolves when the other side has closed. */
  async ended(timeoutMs = 5000): Promise<{ readonly code: number; readonly reason: string }> {
    return until('the console is closed', () => this.closed, timeoutMs);
  }

  close(): void {
    this.#socket.close();
  }
}

export interface Opening {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The client's address; 127.0.0.1 unless given. */
  readonly from?: string;
}

/** A connection on which a test writes frames by the byte. */
export class RawConsole {
  readonly socket: TLSSocket;
  ended = false;
  received = 0;
  #text = '';

  /** @returns the connection and the status of its answer */
  static async open(
    port: number,
    { path, headers, from = '127.0.0.1' }: Opening,
  ): Promise<{ raw: RawConsole; status: number }> {
    const options = { host: '127.0.0.1', port, localAddress: from, rejectUnauthorized: false } as const;
    const socket = connectTls(options);
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', () => resolve());
      socket.once('error', reject);
    });
    const raw = new RawConsole(socket);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    const status = await until('an answer', () => {
      if (raw.ended && raw.#text === '') return 0;
      return /^HTTP\/1\.1 (\d{3}) /.exec(raw.#text)?.[1];
    });
    return { raw, status: Number(status) };
  }

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.length;
      if (this.#text.length < 4096) this.#text += bytes.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
    });
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Headers that open a WebSocket. */
export function opening(
  port: number,
  kind: ConsoleKind,
  headers: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    host: `127.0.0.1:${port}`,
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-protocol': consoleProtocols[kind],
    ...headers,
  };
}

/** A client's frame. @param length as its header claims; that of the payload unless given */
export function frame(
  opcode: number,
  payload: Uint8Array = new Uint8Array(0),
  {
    last = true,
    masked = true,
    length = payload.length,
  }: { last?: boolean; masked?: boolean; length?: number } = {},
): Buffer {
  const mask = masked ? 0x80 : 0;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65536 ? 4 : 10);
  head.writeUInt8((last ? 0x80 : 0) | opcode, 0);
  if (length < 126) head.writeUInt8(mask | length, 1);
  else if (length < 65536) {
    head.writeUInt8(mask | 126, 1);
    head.writeUInt16BE(length, 2);
  } else {
    head.writeUInt8(mask | 127, 1);
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat([head, ...(masked ? [Buffer.alloc(4)] : []), payload]);
}
