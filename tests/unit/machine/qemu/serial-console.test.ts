import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SerialConsole } from '../../../../src/machine/qemu/serial-console.ts';
import { eventually } from '../../../support/qemu.ts';

let dir: string;
let log: string;
let path: string;
let server: Server;
let qemu: Socket | undefined;
let onConnect: (socket: Socket) => void;
let console_: SerialConsole;
let output: string;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'serial-test-'));
  log = join(dir, 'serial.log');
  path = join(dir, 'serial.sock');
  onConnect = () => undefined;
  server = createServer((socket) => {
    qemu = socket;
    socket.on('error', () => undefined);
    onConnect(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  console_ = new SerialConsole(log, () => undefined);
  output = '';
  console_.receive((bytes) => {
    output += Buffer.from(bytes).toString('latin1');
  });
});

afterEach(() => {
  console_.detach();
  qemu?.destroy();
  qemu = undefined;
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

/** As QEMU does: to the log and to whoever is connected. */
function guestWrites(text: string): void {
  appendFileSync(log, text);
  qemu?.write(text);
}

describe('serial console', () => {
  test('tells of its connection, and a closed one ends it', async () => {
    const states: boolean[] = [];
    console_.connection((connected) => states.push(connected));
    await console_.attach(path, { adopting: false });
    await eventually(() => qemu !== undefined, 'connection', 1000);
    qemu?.destroy();
    await eventually(() => !console_.connected, 'end', 1000);
    expect(states).toEqual([true, false]);
    expect(console_.send(Buffer.from('x'))).toBe(0);
  });

  test('takes a bounded amount while nobody reads, and says when there is room', async () => {
    await console_.attach(path, { adopting: false });
    await eventually(() => qemu !== undefined, 'connection', 1000);
    qemu?.pause();
    let drained = 0;
    console_.drained(() => drained++);
    let taken = 0;
    for (let offered = 0; offered < 10_000_000; offered += 1024) {
      const count = console_.send(new Uint8Array(1024).fill(0x2e));
      taken += count;
      if (count < 1024) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    // The kernel's socket buffer holds some 200 KiB of it.
    expect(taken).toBeLessThan(1_000_000);
    let read = 0;
    qemu?.on('data', (chunk) => {
      read += chunk.length;
    });
    qemu?.resume();
    await eventually(() => read === taken, 'all bytes', 5000);
    expect(drained).toBe(1);
    expect(console_.send(Buffer.from('x'))).toBe(1);
  });

  test('what was said before an adoption is history, what comes after is output, and nothing is both', async () => {
    writeFileSync(log, 'said before\n');
    // While it accepts us, QEMU writes to the log and to our connection.
    onConnect = () => guestWrites('and meanwhile\n');
    const attached = console_.attach(path, { adopting: true });
    await attached;
    const history = Buffer.from(await console_.history(1000)).toString();
    guestWrites('said after\n');
    await eventually(() => output.endsWith('said after\n'), 'output', 1000);
    expect(history + output).toBe('said before\nand meanwhile\nsaid after\n');
    expect(await console_.history(1000)).toHaveLength(0);
  });

  test('history is the last part, no more than asked for', async () => {
    writeFileSync(log, 'x'.repeat(1000) + 'y'.repeat(10));
    await console_.attach(path, { adopting: true });
    expect(Buffer.from(await console_.history(10)).toString()).toBe('y'.repeat(10));
  });

  test('a log grown beyond 8 MiB is cut, its last 256 KiB stay part of the history', async () => {
    const tail = Buffer.alloc(256 * 1024, 'tail ');
    writeFileSync(log, Buffer.concat([Buffer.alloc(8 * 1024 * 1024 + 1), tail]));
    await console_.attach(path, { adopting: true });
    expect(readFileSync(log)).toHaveLength(0);
    expect(readFileSync(`${log}.old`).equals(tail)).toBe(true);
    guestWrites('new');
    await eventually(() => output === 'new', 'output', 1000);
    await console_.attach(path, { adopting: true });
    const history = Buffer.from(await console_.history(1024 * 1024));
    expect(history.equals(Buffer.concat([tail.subarray(3), Buffer.from('new')]))).toBe(true);
  });

  test('a flood cuts the log while it runs', async () => {
    writeFileSync(log, Buffer.alloc(8 * 1024 * 1024 + 1));
    await console_.attach(path, { adopting: false });
    expect(readFileSync(log)).toHaveLength(0);
    writeFileSync(log, Buffer.alloc(8 * 1024 * 1024 + 1));
    await eventually(() => qemu !== undefined, 'connection', 1000);
    qemu?.write(Buffer.alloc(300 * 1024, 'z'));
    await eventually(() => output.length === 300 * 1024, 'output', 5000);
    expect(readFileSync(log)).toHaveLength(0);
  });
});
