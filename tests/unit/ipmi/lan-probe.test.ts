import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { probeLan } from '../../../src/ipmi/lan-probe.ts';
import { IpmiServer } from '../../support/ipmi-server.ts';
import { freeUdpPort } from '../../support/processes.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A UDP server with answers of its own, given the datagram. */
async function answering(answers: (datagram: Buffer) => readonly Uint8Array[]): Promise<number> {
  const socket: Socket = createSocket('udp4');
  closing.push(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  socket.on('message', (datagram, { port, address }) => {
    for (const answer of answers(datagram)) socket.send(answer, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket.address().port;
}

const probe = (port: number, timeoutMs = 1_500) => probeLan({ address: '127.0.0.1', port }, timeoutMs);
const pong = Buffer.from('0600ff06000011be40000010000011be00000000810000000000000000', 'hex').subarray(0, 28);
/** An Open Session Response with a status, to the session ID of a request. */
const refusal = (request: Buffer, status: number) =>
  Buffer.concat([
    Buffer.from('0600ff07061100000000000000000800', 'hex'),
    Buffer.from([0, status, 0, 0]),
    request.subarray(20, 24),
  ]);
const isPing = (datagram: Buffer) => datagram[3] === 0x06;

describe('asking whether a BMC is there', () => {
  it('a BMC of ours answers both questions, and a login afterwards works', async () => {
    const server = await IpmiServer.start();
    closing.push(() => server.stop());
    expect(await probe(server.port)).toEqual({ present: true, openSession: 0 });
  });

  it('nobody there is no answer to either, in the time given', async () => {
    const started = performance.now();
    expect(await probe(await freeUdpPort(), 300)).toEqual({ present: false, openSession: undefined });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('somebody who answers the ping alone is told apart', async () => {
    const port = await answering((datagram) => (isPing(datagram) ? [pong] : []));
    expect(await probe(port, 500)).toEqual({ present: true, openSession: undefined });
  });

  it('a refused session is told by its status', async () => {
    const port = await answering((datagram) => [isPing(datagram) ? pong : refusal(datagram, 0x01)]);
    expect(await probe(port)).toEqual({ present: true, openSession: 1 });
  });

  it('answers to somebody else, of another kind or broken are passed over', async () => {
    const port = await answering((datagram) => {
      if (isPing(datagram)) return [Buffer.from([6]), Buffer.from('hello'), pong];
      const foreign = refusal(datagram, 0x00);
      foreign.writeUInt8(foreign.readUInt8(20) ^ 0xff, 20);
      return [foreign, refusal(datagram, 0x00).subarray(0, 18)];
    });
    expect(await probe(port, 500)).toEqual({ present: true, openSession: undefined });
  });

  it('the waiting ends early when it is told to', async () => {
    const started = performance.now();
    await probeLan({ address: '127.0.0.1', port: await freeUdpPort() }, 30_000, () => true);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
