/**
 * What a hostile guest can do to the rest: it floods the serial port or the system interface, and LAN clients are timed
 * meanwhile. QEMU's ends of both sockets are played here; the BMC is a process of its own (guest-flood-bmc.ts).
 */
import { createSocket } from 'node:dgram';
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { BmcPacket, ConsolePacket } from '../src/ipmi/sol/packet.ts';
import { decode, encode } from '../src/lib/codec.ts';
import { frame } from '../tests/support/in-band-bench.ts';
import { seededRandom } from '../tests/support/seeded-random.ts';
import { UdpConsole } from '../tests/support/udp-console.ts';
import type { Bench } from './bench.ts';
import { quantile } from './http-load.ts';
import { type Contender, inRounds } from './rounds.ts';
import { scratchFolder, Target } from './target.ts';

/** Of the serial port, as fast as nobody types. */
const serialBytesPerSecond = 10e6;
/** In a row, with nobody to read it. */
const serialVolumeBytes = 100e6;
/** Of the disk, for all that is kept of it; and of memory, above what it was. */
const mostLogMb = 50;
const mostGrownMb = 64;
/** Until one that reads slowly has got past what was there before the first loss, and comes to the mark. */
const slowReaderSeconds = 5;
const messagesPerSecond = 50_000;
/** In all rounds together at least, and at once. */
const hostileBytes = 1e7;
const hostilePiece = 64 * 1024;
const pauseMs = 5;

/** Both sockets as QEMU has them, and the BMC behind. */
class Guest {
  readonly target: Target;
  readonly serial: Socket;
  /** As QEMU writes it. */
  readonly serialLog: SerialLog;
  readonly systemInterface: Socket;
  /** Bytes that came back over the system interface. */
  answeredBytes = 0;
  readonly #server: Server;
  readonly #remove: () => void;

  static async start(): Promise<Guest> {
    const { path, remove } = scratchFolder();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(`${path}/serial.sock`, resolve));
    const connected = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const target = await Target.start({
      name: 'BMC',
      command: ['guest-flood-bmc.ts', path],
      ready: /ready (\d+)/,
    });
    const systemInterface = connect(`${path}/ipmi.sock`);
    await new Promise((resolve) => systemInterface.once('connect', resolve));
    const serialLog = new SerialLog(`${path}/serial.log`);
    return new Guest(target, await connected, serialLog, systemInterface, server, remove);
  }

  private constructor(
    target: Target,
    serial: Socket,
    serialLog: SerialLog,
    systemInterface: Socket,
    server: Server,
    remove: () => void,
  ) {
    this.target = target;
    this.serial = serial;
    this.serialLog = serialLog;
    this.systemInterface = systemInterface;
    this.#server = server;
    this.#remove = remove;
    systemInterface.on('data', ({ length }) => {
      this.answeredBytes += length;
    });
    serial.resume();
  }

  async stop(): Promise<void> {
    await this.target.stop();
    this.serial.destroy();
    this.serialLog.close();
    this.systemInterface.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#remove();
  }
}

/** QEMU's log of the serial port, which the BMC keeps short. */
class SerialLog {
  readonly #path: string;
  readonly #file: number;
  #mostBytes = 0;

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, 'a');
  }

  /** What there was of it at the most, since the last time it was asked for. */
  takeMost(): number {
    const most = this.#mostBytes;
    this.#mostBytes = 0;
    return most;
  }

  write(bytes: Uint8Array): void {
    writeSync(this.#file, bytes);
    const old = statSync(`${this.#path}.old`, { throwIfNoEntry: false })?.size ?? 0;
    this.#mostBytes = Math.max(this.#mostBytes, statSync(this.#path).size + old);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** One session that asks for the device ID again and again. @returns how long each answer took, rising */
async function askFor(port: number, seconds: number): Promise<Float64Array> {
  const socket = createSocket('udp4');
  try {
    const remote = new UdpConsole(socket, { address: '127.0.0.1', port, retryMs: 1000 });
    await remote.login();
    const latencies: number[] = [];
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      const started = performance.now();
      const { completionCode } = await remote.command(6, 1, []);
      latencies.push(performance.now() - started);
      if (completionCode !== 0) throw new Error(`Get Device ID: ${completionCode}`);
      await sleep(pauseMs);
    }
    await remote.leave();
    return Float64Array.from(latencies).sort();
  } finally {
    socket.close();
  }
}

/** Writes at a pace until it is told to end. @returns what was written, and how long the socket took nothing at most */
function flood(socket: Socket, piece: () => Uint8Array, piecesPerSecond: number) {
  const started = performance.now();
  let [pieces, bytes, longestBlockMs] = [0, 0, 0];
  let blockedSince: number | undefined;
  const blockEnds = () => {
    if (blockedSince === undefined) return;
    longestBlockMs = Math.max(longestBlockMs, performance.now() - blockedSince);
    blockedSince = undefined;
  };
  socket.on('drain', blockEnds);
  const timer = setInterval(() => {
    const due = ((performance.now() - started) * piecesPerSecond) / 1000;
    while (pieces < due && blockedSince === undefined) {
      const next = piece();
      pieces++;
      bytes += next.length;
      if (!socket.write(next)) blockedSince = performance.now();
    }
  }, 1);
  return {
    end() {
      clearInterval(timer);
      socket.off('drain', blockEnds);
      blockEnds();
      const seconds = (performance.now() - started) / 1000;
      return { pieces, bytes, longestBlockMs, seconds };
    },
  };
}

/** What its client does: reads nothing, or acknowledges one packet a second. */
type Reader = 'slow' | 'dead';

/** A remote console of SOL that reads slowly. @returns what it was shown, for as long as it goes on */
async function slowReader(port: number, reader: Reader) {
  const socket = createSocket('udp4');
  const remote = new UdpConsole(socket, { address: '127.0.0.1', port, retryMs: 1000 });
  await remote.login();
  await remote.command(6, 0x3b, [4]);
  const { completionCode } = await remote.command(6, 0x48, [1, 1, 0xc0, 0, 0, 0]);
  if (completionCode !== 0) throw new Error(`Activate Payload: ${completionCode}`);
  let shown = '';
  let overruns = 0;
  let latest: BmcPacket | undefined;
  let acknowledged = 0;
  remote.onSol = (bytes) => {
    const packet = decode(BmcPacket, bytes, 'SOL packet');
    if (packet.sequence !== 0) latest = packet;
  };
  const timer = setInterval(() => {
    if (reader === 'dead' || !latest || latest.sequence === acknowledged) return;
    acknowledged = latest.sequence;
    shown += Buffer.from(latest.data).toString('latin1');
    if (latest.status.overrun) overruns++;
    const quiet = {
      ...{ nack: false, ring: false, break: false, ctsPause: false, dropDcdDsr: false },
      ...{ flushInbound: false, flushOutbound: false },
    };
    const data = new Uint8Array();
    const answer = { sequence: 0, acknowledged, acceptedCount: latest.data.length, status: quiet, data };
    remote.sendSol(encode(ConsolePacket, answer));
  }, 1000);
  return {
    async end() {
      clearInterval(timer);
      await remote.leave();
      socket.close();
      return { shown, overruns };
    },
  };
}

export const serialFlood: Bench = {
  name: 'serial-flood',
  title: `the guest says ${serialBytesPerSecond / 1e6} MB/s on its serial port; answers to another client meanwhile`,
  async run({ rounds, seconds }) {
    const guest = await Guest.start();
    try {
      const line = Buffer.from(`${'0123456789abcdef'.repeat(255)} the line\r\n`);
      const said = () => {
        guest.serialLog.write(line);
        return line;
      };
      const contender = (
        name: string,
        reader: Reader | undefined,
        floods: boolean,
        leastSeconds = 0,
      ): Contender => ({
        name,
        async measure() {
          const sol = reader && (await slowReader(guest.target.port, reader));
          const beforeKb = guest.target.residentKb;
          const cpu = guest.target.cpuMs;
          const serial = floods && flood(guest.serial, said, serialBytesPerSecond / line.length);
          const latencies = await askFor(guest.target.port, Math.max(seconds, leastSeconds));
          const busyMs = guest.target.cpuMs - cpu;
          const grownKb = guest.target.residentKb - beforeKb;
          const sent = serial ? serial.end() : undefined;
          const seen = await sol?.end();
          if (reader === 'slow' && floods && !/\[console: \d+ bytes lost\]/.test(seen?.shown ?? '')) {
            throw new Error('no mark of what was lost');
          }
          const logMb = guest.serialLog.takeMost() / 1e6;
          if (logMb > mostLogMb) throw new Error(`${logMb.toFixed(0)} MB of logs`);
          const grownMb = grownKb / 1024;
          if (grownMb > mostGrownMb) throw new Error(`memory has grown by ${grownMb.toFixed(0)} MB`);
          return {
            'MB said': (sent?.bytes ?? 0) / 1e6,
            'MB of logs at the most': logMb,
            'MB/s': sent ? sent.bytes / 1e6 / sent.seconds : 0,
            'guest blocked at most ms': sent?.longestBlockMs ?? 0,
            answers: latencies.length,
            'answer p50 ms': quantile(latencies, 0.5),
            'answer p99 ms': quantile(latencies, 0.99),
            'BMC CPU s': busyMs / 1000,
            'RSS grown MB': grownMb,
            'RSS MB': guest.target.residentKb / 1024,
            'packets with a loss': seen?.overruns ?? 0,
          };
        },
      });
      return {
        figures: await inRounds(
          [
            contender('quiet', undefined, false),
            contender('nobody reads', undefined, true, serialVolumeBytes / serialBytesPerSecond),
            contender('one acknowledgement a second', 'slow', true, slowReaderSeconds),
            contender('a dead client', 'dead', true),
          ],
          rounds,
        ),
      };
    } finally {
      await guest.stop();
    }
  },
};

export const inBandFlood: Bench = {
  name: 'in-band-flood',
  title: `the guest sends ${messagesPerSecond} messages a second, or noise, to the system interface; answers to LAN clients`,
  async run({ rounds, seconds }) {
    const guest = await Guest.start();
    try {
      const random = seededRandom(20261122);
      const noise = () => Uint8Array.from({ length: hostilePiece }, () => random(256));
      const messages = Array.from({ length: 256 }, (_, id) =>
        Uint8Array.from(frame(id, 6, 1 + (id & 7), id & 1 ? [] : [0x0e])),
      );
      let next = 0;
      const message = () => messages[next++ & 255] ?? new Uint8Array();
      /** Half of it sound frames, so that the noise is not all one frame that is too long. */
      const pieces = Array.from({ length: 16 }, () => Buffer.concat([noise(), ...messages]));
      const piece = () => pieces[next++ & 15] ?? new Uint8Array();
      const noisePerSecond = Math.ceil(hostileBytes / hostilePiece / seconds);
      const contender = (name: string, what: (() => Uint8Array) | undefined, perSecond = 0): Contender => ({
        name,
        async measure() {
          const { target } = guest;
          const before = { cpu: target.cpuMs, kb: target.residentKb, answered: guest.answeredBytes };
          const flooding = what && flood(guest.systemInterface, what, perSecond);
          const latencies = await askFor(target.port, seconds);
          const sent = flooding?.end();
          return {
            'pieces/s': sent ? sent.pieces / sent.seconds : 0,
            'MB sent': (sent?.bytes ?? 0) / 1e6,
            'KB answered': (guest.answeredBytes - before.answered) / 1e3,
            answers: latencies.length,
            'answer p50 ms': quantile(latencies, 0.5),
            'answer p99 ms': quantile(latencies, 0.99),
            'BMC CPU s': (target.cpuMs - before.cpu) / 1000,
            'RSS grown MB': (target.residentKb - before.kb) / 1024,
            'RSS MB': target.residentKb / 1024,
          };
        },
      });
      const figures = await inRounds(
        [
          contender('quiet', undefined),
          contender('messages', message, messagesPerSecond),
          contender('noise', piece, noisePerSecond),
        ],
        rounds,
      );
      return { figures };
    } finally {
      await guest.stop();
    }
  },
};
