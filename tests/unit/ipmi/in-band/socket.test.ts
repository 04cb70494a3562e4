import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ipmiCommands } from '../../../../src/ipmi/commands/commands.ts';
import { InBand } from '../../../../src/ipmi/in-band.ts';
import { frame, InBandBench, lanContext } from '../../../support/in-band-bench.ts';

const getSystemGuid = Buffer.from(frame(1, 6, 0x37, []));
let dir: string;
let socketPath: string;
let inBand: InBand;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'qemu-bmc-kcs-'));
  socketPath = join(dir, 'ipmi.sock');
  const { bmc, state } = new InBandBench();
  const lan = lanContext(bmc, state);
  inBand = new InBand({ bmc, state, commands: ipmiCommands, lan, socketPath });
});

afterEach(async () => {
  await inBand.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Connects, asks, and hands over what came until an answer was complete. */
function ask(): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let got = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('data', (bytes) => {
      got = Buffer.concat([got, bytes]);
      if (!got.includes(0xa0)) return;
      socket.destroy();
      resolve(got);
    });
    socket.write(getSystemGuid);
  });
}

test('serves a QEMU on a socket that its owner and group alone can open, in place of a stale one', async () => {
  writeFileSync(socketPath, 'left behind');
  await inBand.start();
  expect(statSync(socketPath).mode & 0o777).toBe(0o660);
  const answer = await ask();
  expect([...answer.subarray(0, 3)]).toEqual([0xff, 0x01, 0xa1]);
  expect([...answer.subarray(3, 7)]).toEqual([1, 0x1c, 0x37, 0]);
});

test('serves again after a restart', async () => {
  await inBand.start();
  await ask();
  await inBand.stop();
  await expect(ask()).rejects.toThrow();
  await inBand.start();
  expect((await ask()).length).toBeGreaterThan(16);
});

test('lets go of a peer that asks and never reads', async () => {
  await inBand.start();
  const socket = connect(socketPath);
  socket.pause();
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  const many = Buffer.concat(Array.from({ length: 2_000 }, () => getSystemGuid));
  const timer = setInterval(() => socket.write(many), 5);
  await gone;
  clearInterval(timer);
  expect(inBand.systemInterface.connected).toBe(false);
});
