/** Logins beside a flood of handshakes that nobody ends, over real sockets. How fast: `npm run bench -- login-flood`. */
import { createSocket } from 'node:dgram';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { halfOpenCapacity } from '../../src/ipmi/session/half-open.ts';
import { BmcOnLan } from '../support/bmc-on-lan.ts';
import { LoginFlood } from '../support/login-flood.ts';
import { until } from '../support/processes.ts';
import { UdpConsole } from '../support/udp-console.ts';

/** Gentle: a test is not to depend on what else the machine does. */
const perSecond = 1000;
const floodSize = 2000;
const logins = 30;

let server: BmcOnLan;
beforeAll(async () => {
  server = await BmcOnLan.start();
});
afterAll(() => server.stop());

test.each([
  { sources: 1, from: 'one source' },
  { sources: 500, from: '500 sources' },
])('every login succeeds while others from $from are begun and not ended', async ({ sources }) => {
  const { address, port } = server.lan.address;
  const flood = await LoginFlood.start({ address, port, sources });
  try {
    const before = server.lan.counters.received;
    await flood.pace(perSecond);
    await until('the flood comes in', () => server.lan.counters.received > before + 100);
    for (let login = 0; login < logins; login++) {
      const socket = createSocket('udp4');
      const remote = new UdpConsole(socket, { address, port });
      await remote.login();
      expect((await remote.command(6, 1, [])).completionCode).toBe(0);
      await remote.leave();
      socket.close();
      if (login % 10 === 0) expect(await server.ipmitool('mc', 'info')).toMatchObject({ code: 0 });
      expect(server.lan.halfOpenCount).toBeLessThanOrEqual(halfOpenCapacity);
    }
    await until('enough has come', () => server.lan.counters.received - before > floodSize);
    expect(server.lan.halfOpenCount).toBeGreaterThan(50);
  } finally {
    await flood.stop();
  }
  // Nothing stays of it.
  await until('all handshakes are forgotten', () => server.lan.halfOpenCount === 0, 30_000);
  await until('all sessions are closed', () => server.lan.sessions().length === 0);
});
