/** Sends each datagram back by node:dgram, at its cheapest: what Node takes of a UDP server that does nothing. */
import { createSocket } from 'node:dgram';

const socket = createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) });
socket.on('message', (datagram, { port, address }) => socket.send(datagram, port, address));
socket.bind(0, '127.0.0.1', () => {
  socket.setRecvBufferSize(4 * 1024 * 1024);
  process.stdout.write(`ready ${socket.address().port}\n`);
});
