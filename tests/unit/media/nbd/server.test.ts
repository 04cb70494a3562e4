/** The NBD server with real clients (qemu-img, qemu-io, nbdinfo) and with those that misbehave. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/lib/log.ts';
import { NbdServer } from '../../../../src/media/nbd/server.ts';
import { run } from '../../../support/processes.ts';

const content = Buffer.alloc(5 * 1024 * 1024 + 512, 0);
for (let i = 0; i < content.length; i += 4) content.writeUInt32LE(i, i);

let dir: string;
let path: string;
let server: NbdServer | undefined;
const sockets: Socket[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-nbd-'));
  path = join(dir, 'image.nbd');
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.close();
  server = undefined;
  rmSync(dir, { recursive: true, force: true });
});

type Read = (offset: number, length: number) => Promise<Buffer>;
const readContent: Read = (offset, length) => Promise.resolve(content.subarray(offset, offset + length));

async function serve(read: Read = readContent): Promise<void> {
  server = new NbdServer({ sizeBytes: content.length, read }, silentLogger);
  await server.listen(path);
}

/** Sends all of it, and collects what comes until the server hangs up or `wanted` bytes are here. */
async function say(words: Buffer, wanted = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const socket = connect(path);
  sockets.push(socket);
  socket.write(words);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    if (Buffer.concat(chunks).length >= wanted) break;
  }
  return Buffer.concat(chunks);
}

function option(number: number, data = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(16);
  head.write('IHAVEOPT', 'latin1');
  head.writeUInt32BE(number, 8);
  head.writeUInt32BE(data.length, 12);
  return Buffer.concat([head, data]);
}
const flags = Buffer.from([0, 0, 0, 3]);
const exportName = Buffer.concat([flags, option(1)]);

function request(command: number, offset: bigint, length: number, handle = 7n): Buffer {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt32BE(0x25609513, 0);
  bytes.writeUInt16BE(command, 6);
  bytes.writeBigUInt64BE(handle, 8);
  bytes.writeBigUInt64BE(offset, 16);
  bytes.writeUInt32BE(length, 24);
  return bytes;
}
/** Greeting and the facts of the export. */
const preludeBytes = 18 + 10;

describe('a real client', () => {
  const uri = () => `nbd+unix:///?socket=${path}`;

  it('qemu-img reads each byte as it is', async () => {
    await serve();
    const file = join(dir, 'same.img');
    writeFileSync(file, content);
    const { code, stdout } = await run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', uri(), file]);
    expect([code, stdout.trim()]).toEqual([0, 'Images are identical.']);
  });

  it('qemu-io is told of a read that fails, goes on with others, and cannot write', async () => {
    await serve((offset, length) =>
      offset < 65_536 ? Promise.reject(new Error('unreadable')) : readContent(offset, length),
    );
    const io = async (...commands: string[]) =>
      (await run('qemu-io', ['-r', '-f', 'raw', ...commands.flatMap((each) => ['-c', each]), uri()])).stdout;
    expect(await io('read 0 512', 'read 1M 3M')).toMatch(
      /read failed: Input\/output error[\s\S]*read 3145728\/3145728/,
    );
    const written = await run('qemu-io', ['-f', 'raw', '-c', 'write 1M 512', uri()]);
    expect(written.stdout + written.stderr).toMatch(/Permission denied|not permitted/);
  });

  const hasNbdinfo = spawnSync('nbdinfo', ['--version']).status === 0;
  it.skipIf(!hasNbdinfo)(
    `nbdinfo finds one read-only export${hasNbdinfo ? '' : ' [skipped: package libnbd-bin]'}`,
    async () => {
      await serve();
      const { stdout } = await run('nbdinfo', ['--json', uri()]);
      expect(JSON.parse(stdout)).toMatchObject({
        protocol: 'newstyle-fixed',
        exports: [{ 'export-size': content.length, is_read_only: true, can_multi_conn: true }],
      });
      expect(JSON.parse((await run('nbdinfo', ['--list', '--json', uri()])).stdout).exports).toHaveLength(1);
      expect((await run('nbdinfo', [`nbd+unix:///other?socket=${path}`])).code).not.toBe(0);
    },
  );
});

describe('the socket', () => {
  it('takes the place of one that an earlier life has left, for owner and group alone', async () => {
    writeFileSync(path, 'left over');
    await serve();
    const { mode } = statSync(path);
    expect([(mode & 0o170000) === 0o140000, mode & 0o777]).toEqual([true, 0o660]);
  });
});

describe('a client that misbehaves', () => {
  it('is left when what it sends is no NBD', async () => {
    await serve();
    expect(await say(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toHaveLength(18);
    expect(await say(Buffer.concat([flags, Buffer.alloc(16, 1)]))).toHaveLength(18);
    expect(await say(Buffer.concat([exportName, Buffer.alloc(28, 1)]))).toHaveLength(preludeBytes);
    expect(await say(Buffer.concat([flags, option(1, Buffer.from('other'))]))).toHaveLength(18);
  });

  it('gets an error for what is not in the export, too long, or unknown, and is served on', async () => {
    await serve();
    const bad = [
      request(0, BigInt(content.length), 1),
      request(0, 0xffff_ffff_ffff_ffffn, 512),
      request(0, 0n, 0),
      request(0, 0n, 0xffff_ffff),
      request(9, 0n, 512),
      request(4, 0n, 512),
      Buffer.concat([request(1, 0n, 512), Buffer.alloc(512)]),
    ];
    const wanted = preludeBytes + 16 * bad.length + 16 + 8;
    const answer = await say(Buffer.concat([exportName, ...bad, request(0, 1024n, 8, 9n)]), wanted);
    const replies = answer.subarray(preludeBytes);
    const errors = bad.map((_, i) => replies.readUInt32BE(16 * i + 4));
    expect(errors).toEqual([22, 22, 22, 75, 1, 1, 1]);
    expect(replies.subarray(16 * bad.length + 16)).toEqual(content.subarray(1024, 1032));
  });

  it('gets an answer to each option, however odd', async () => {
    await serve();
    const odd = [
      option(8),
      option(99, Buffer.alloc(10)),
      option(3, Buffer.alloc(4)),
      option(7),
      option(6, Buffer.alloc(70_000)),
    ];
    const answer = await say(Buffer.concat([flags, ...odd, option(2)]));
    const types = odd.map((_, i) => answer.readUInt32BE(18 + 20 * i + 12));
    expect(types).toEqual([0x80000001, 0x80000001, 0x80000003, 0x80000003, 0x80000009]);
  });

  it('has no more than 16 requests looked at at once', async () => {
    let most = 0;
    let now = 0;
    const waiting: (() => void)[] = [];
    await serve(async (offset, length) => {
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        // The last of them lets all go.
        if (waiting.length === 16) for (const go of waiting.splice(0)) go();
        else if (offset >= 16 * 512) resolve();
      });
      now--;
      return readContent(offset, length);
    });
    const many = Array.from({ length: 40 }, (_, i) => request(0, BigInt(i * 512), 512, BigInt(i)));
    const answer = await say(Buffer.concat([exportName, ...many]), preludeBytes + 40 * 528);
    expect(answer).toHaveLength(preludeBytes + 40 * 528);
    expect(most).toBe(16);
  });

  it('that goes away in the middle harms nobody', async () => {
    await serve();
    const socket = connect(path);
    sockets.push(socket);
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    socket.write(Buffer.concat([exportName, request(0, 0n, 1024 * 1024)]));
    socket.destroy();
    expect(await say(Buffer.concat([exportName, request(0, 0n, 4)]), preludeBytes + 20)).toHaveLength(
      preludeBytes + 20,
    );
  });
});
