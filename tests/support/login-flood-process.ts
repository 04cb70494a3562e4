/** The process of login-flood.ts: `ADDRESS PORT SOURCES`. */
import { createSocket, type Socket } from 'node:dgram';
import { IpmiClient } from './ipmi-client.ts';
import { challengeEvery, type FloodCount, type FloodPace } from './login-flood.ts';

const [address = '', port = 0, sources = 1] = process.argv
  .slice(2)
  .map((word, i) => (i > 0 ? Number(word) : word));
const openRequest = new IpmiClient(() => []).openRequest();
/** Where a packet has the tag and the console's session ID: new ones make a new handshake of it. */
const [tagAt, sessionIdAt] = [16, 20];

let perSecond = 0;
let paceSince = 0;
let sentSince = 0;
let sent = 0;
let opened = 0;

function open(source: string): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) });
  socket.on('message', (answer) => {
    // An Open Session Response that says yes.
    if (answer[5] !== 0x11 || answer[17] !== 0 || opened++ % challengeEvery !== 0) return;
    const client = new IpmiClient(() => []);
    client.takeOpenResponse(answer);
    send(socket, client.rakp1());
  });
  // The BMC may be gone.
  socket.on('error', () => undefined);
  return new Promise((resolve) => socket.bind(0, source, () => resolve(socket)));
}

function send(socket: Socket, packet: Uint8Array): void {
  socket.send(packet, Number(port), String(address));
  sent++;
  sentSince++;
}

const sockets: Socket[] = [];
for (let i = 0; i < Number(sources); i++) sockets.push(await open(`127.7.${i >> 8}.${i & 255}`));

let next = 0;
setInterval(() => {
  const due = ((performance.now() - paceSince) * perSecond) / 1000;
  while (sentSince < due) {
    const socket = sockets[next++ % sockets.length];
    if (!socket) return;
    const packet = Buffer.from(openRequest);
    packet[tagAt] = next & 255;
    packet.writeUInt32LE(1 + (next % 0xffffffff), sessionIdAt);
    send(socket, packet);
  }
}, 1);

const say = (message: FloodCount) => process.send?.(message);
process.on('message', (pace: FloodPace) => {
  ({ perSecond } = pace);
  paceSince = performance.now();
  sentSince = 0;
  say({ sent });
});
process.on('disconnect', () => process.exit());
say({ sent });
