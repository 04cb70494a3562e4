import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { QmpClient, QmpCommandError, QmpConnectionError } from '../../../../src/machine/qmp/client.ts';
import type { QmpEvent } from '../../../../src/machine/qmp/commands.ts';

interface Command {
  readonly execute: string;
  readonly arguments: Record<string, unknown>;
  readonly id: number;
}

/** A QMP server that does as the test says. */
class FakeQmp {
  readonly dir = mkdtempSync(join(tmpdir(), 'qmp-test-'));
  readonly path = join(this.dir, 'qmp.sock');
  readonly commands: Command[] = [];
  socket: Socket | undefined;
  /** @returns false to leave the command without the usual empty answer */
  answer: (command: Command) => boolean = () => true;
  greeting: string = '{"QMP": {"version": {}, "capabilities": []}}\r\n';
  #server: Server | undefined;

  async listen(): Promise<this> {
    const server = createServer((socket) => {
      this.socket = socket;
      socket.on('error', () => undefined);
      if (this.greeting) socket.write(this.greeting);
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
        for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
          const command = JSON.parse(text.slice(0, end)) as Command;
          text = text.slice(end + 1);
          this.commands.push(command);
          if (this.answer(command)) this.send({ return: {}, id: command.id });
        }
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
    return this;
  }

  send(message: unknown): void {
    this.socket?.write(`${JSON.stringify(message)}\r\n`);
  }

  close(): void {
    this.socket?.destroy();
    this.#server?.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const servers: FakeQmp[] = [];
const clients: QmpClient[] = [];

function fake(): Promise<FakeQmp> {
  const server = new FakeQmp();
  servers.push(server);
  return server.listen();
}

async function connectTo(server: FakeQmp, options: Parameters<typeof QmpClient.connect>[1] = {}) {
  const client = await QmpClient.connect(server.path, options);
  clients.push(client);
  return client;
}

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  for (const server of servers.splice(0)) server.close();
});

describe('QMP client', () => {
  test('waits for the greeting, negotiates, and gives each command an id of its own', async () => {
    const server = await fake();
    const client = await connectTo(server);
    await Promise.all([client.execute('cont'), client.execute('stop')]);
    expect(server.commands.map(({ execute }) => execute)).toEqual(['qmp_capabilities', 'cont', 'stop']);
    expect(new Set(server.commands.map(({ id }) => id)).size).toBe(3);
  });

  test('puts messages together from pieces of any size', async () => {
    const server = await fake();
    const client = await connectTo(server);
    server.answer = ({ execute, id }) => {
      if (execute !== 'query-name') return true;
      const bytes = Buffer.from(`${JSON.stringify({ return: { name: 'Größe – 尺' }, id })}\r\n`);
      for (const byte of bytes) server.socket?.write(Buffer.from([byte]));
      return false;
    };
    expect(await client.execute('query-name')).toEqual({ name: 'Größe – 尺' });
  });

  test('takes several messages from one piece and matches answers that come in another order', async () => {
    const server = await fake();
    const client = await connectTo(server);
    const ids: number[] = [];
    server.answer = ({ id }) => {
      ids.push(id);
      if (ids.length === 2) {
        server.socket?.write(
          ids
            .reverse()
            .map((each) => `{"return":{"name":"${each}"},"id":${each}}\n`)
            .join(''),
        );
      }
      return false;
    };
    const names = await Promise.all([client.execute('query-name'), client.execute('query-name')]);
    expect(names.map(({ name }) => Number(name))).toEqual([...ids].sort((a, b) => a - b));
  });

  test('passes on the events it knows, with their data, and ignores others', async () => {
    const server = await fake();
    const client = await connectTo(server);
    const events: QmpEvent[] = [];
    client.on((event) => events.push(event));
    server.send({ event: 'RTC_CHANGE', data: { offset: 1 }, timestamp: {} });
    server.send({ event: 'RESET', data: { guest: true, reason: 'guest-reset' }, timestamp: {} });
    server.send({ event: 'toString', data: {} });
    await client.execute('cont');
    expect(events).toEqual([{ event: 'RESET', data: { guest: true, reason: 'guest-reset' } }]);
  });

  test("turns QEMU's refusal into an error with its class", async () => {
    const server = await fake();
    const client = await connectTo(server);
    server.answer = ({ id }) => {
      server.send({ error: { class: 'GenericError', desc: 'not now' }, id });
      return false;
    };
    const refusal = client.execute('cont');
    await expect(refusal).rejects.toBeInstanceOf(QmpCommandError);
    await expect(refusal).rejects.toMatchObject({ errorClass: 'GenericError', message: 'QMP cont: not now' });
  });

  test('gives up on an answer that does not come, and drops it when it comes late', async () => {
    const server = await fake();
    const client = await connectTo(server);
    server.answer = ({ execute }) => execute !== 'stop';
    await expect(client.execute('stop', {}, { timeoutMs: 30 })).rejects.toThrow('no answer within 30 ms');
    server.send({ return: {}, id: server.commands.at(-1)?.id });
    await client.execute('cont');
    expect(client.isOpen).toBe(true);
  });

  test('gives up on a greeting that does not come', async () => {
    const server = await fake();
    server.greeting = '';
    await expect(connectTo(server, { timeoutMs: 30 })).rejects.toThrow('no greeting within 30 ms');
  });

  test('a closed connection ends all that waits, once, and everything after it', async () => {
    const server = await fake();
    const client = await connectTo(server);
    server.answer = () => false;
    let closes = 0;
    client.onClose(() => closes++);
    const waiting = [client.execute('cont'), client.execute('stop')];
    const settled = Promise.allSettled(waiting);
    await new Promise((resolve) => setTimeout(resolve, 20));
    server.socket?.destroy();
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(client.execute('cont')).rejects.toBeInstanceOf(QmpConnectionError);
    expect(closes).toBe(1);
    expect(client.isOpen).toBe(false);
  });

  test.each([
    ['half JSON', '{"return": {}, "id\n'],
    ['a line without end', 'x'.repeat(5000)],
  ])('%s ends the connection', async (_, bytes) => {
    const server = await fake();
    const client = await connectTo(server, { maxLineBytes: 4096 });
    const closed = new Promise<Error>((resolve) => client.onClose(resolve));
    server.socket?.write(bytes);
    expect(await closed).toBeInstanceOf(QmpConnectionError);
  });

  test('a reply of 100 MB ends the connection before it is held, and a new one works', async () => {
    const server = await fake();
    const client = await connectTo(server);
    const closed = new Promise<Error>((resolve) => client.onClose(resolve));
    const part = Buffer.alloc(1024 * 1024, 0x78);
    server.answer = () => {
      server.socket?.write('{"return": {"name": "');
      for (let n = 0; n < 100; n++) server.socket?.write(part);
      server.socket?.write('"}, "id": 2}\n');
      return false;
    };
    const before = process.memoryUsage().arrayBuffers;
    await expect(client.execute('query-name')).rejects.toThrow(/more than 16777216 bytes/);
    expect((await closed).message).toMatch(/more than 16777216 bytes/);
    // The server's own copy of what it sends is one part; ours stays below the bound and a piece.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(48 * 1024 * 1024);
    server.answer = () => true;
    await (await connectTo(server)).execute('cont');
  });

  test('100,000 events do not keep an answer or a timer from its turn', async () => {
    const server = await fake();
    const client = await connectTo(server);
    let events = 0;
    client.on(() => {
      events++;
    });
    const event = `${JSON.stringify({ event: 'RESET', data: { guest: true, reason: 'guest-reset' } })}\n`;
    server.answer = ({ execute, id }) => {
      if (execute !== 'stop') return true;
      for (let n = 0; n < 100; n++) server.socket?.write(event.repeat(1000));
      server.send({ return: {}, id });
      return false;
    };
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await client.execute('stop');
    clearInterval(timer);
    expect(events).toBe(100_000);
    expect(turns).toBeGreaterThan(5);
    expect(client.isOpen).toBe(true);
  });

  test('values that are no objects are ignored', async () => {
    const server = await fake();
    const client = await connectTo(server);
    server.socket?.write('[1]\n"x"\nnull\n7\n{}\n\n');
    await client.execute('cont');
    expect(client.isOpen).toBe(true);
  });

  test('sends no command that is not in the table', async () => {
    const server = await fake();
    const client = await connectTo(server);
    for (const command of ['human-monitor-command', 'toString', '__proto__']) {
      await expect(client.execute(command as 'cont')).rejects.toThrow('allowed');
    }
    expect(server.commands).toHaveLength(1);
  });

  test('nothing that listens is an error at once', async () => {
    await expect(QmpClient.connect('/nonexistent/qmp.sock')).rejects.toBeInstanceOf(QmpConnectionError);
  });
});
