/**
 * Bytes through Serial-over-LAN on real sockets: a BMC, a bad network before it, and a remote console that follows the
 * specification to the letter (strict-client.ts), all in this process.
 */
import { createSocket, type Socket } from 'node:dgram';
import { ConsoleHub } from '../../src/bmc/console.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { ScriptedConsole } from '../unit/ipmi/sol/scripted-console.ts';
import { StrictClient } from '../unit/ipmi/sol/strict-client.ts';
import { BmcOnLan } from './bmc-on-lan.ts';
import { IpmiClient, type IpmiReply, ipmiRequest, readReply } from './ipmi-client.ts';
import { LossyProxy } from './lossy-proxy.ts';
import { until } from './processes.ts';

export interface SolTransferOptions {
  /** Bytes from the host to the console, and the other way. */
  readonly spoken: Uint8Array;
  readonly typed: Uint8Array;
  readonly seed: number;
  /** Percentages of all datagrams, each way. */
  readonly drop?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
  readonly limitMs: number;
}

export interface SolTransferOutcome {
  /** As they arrived. */
  readonly shown: Uint8Array;
  readonly taken: Uint8Array;
  /** From the first byte until all had arrived. */
  readonly ms: number;
  readonly network: LossyProxy['counters'];
}

const retryMs = 60;
const handshakeTries = 200;
/** The host reads and writes as fast as a fast serial port: so much at once. */
const hostPieceBytes = 4096;

export async function solTransfer(options: SolTransferOptions): Promise<SolTransferOutcome> {
  const host = new ScriptedConsole();
  const hub = new ConsoleHub(host, systemClock);
  await hub.start();
  const bmc = await BmcOnLan.start({ console: hub });
  const { address, port } = bmc.lan.address;
  const { seed, drop, duplicate, reorder, limitMs } = options;
  const proxy = new LossyProxy({
    address: '127.0.0.2',
    target: { address, port },
    seed,
    ...(drop !== undefined && { drop }),
    ...(duplicate !== undefined && { duplicate }),
    ...(reorder !== undefined && { reorder }),
  });
  await proxy.start();
  const socket = createSocket('udp4');
  let spokenBytes = 0;
  const speaker = setInterval(() => speak(), 1);
  const failures: Error[] = [];
  let console: StrictClient | undefined;
  const speak = () => {
    // Never more than the ring of the console holds: what is lost there is no fault of the network.
    if (!console || spokenBytes - console.shown.length > hostPieceBytes * 4) return;
    const piece = options.spoken.subarray(spokenBytes, spokenBytes + hostPieceBytes);
    spokenBytes += piece.length;
    if (piece.length > 0) host.say(piece);
  };
  try {
    const remote = new UdpConsole(socket, port, '127.0.0.2');
    await remote.login();
    await remote.command(0x06, 0x3b, [4]);
    const activated = await remote.command(0x06, 0x48, [1, 1, 0xc0, 0, 0, 0]);
    if (activated.completionCode !== 0) throw new Error(`Activate Payload: ${activated.completionCode}`);
    const strict = new StrictClient((packet) => remote.sendSol(packet), systemClock, { retryMs: 15 });
    remote.onSol = (packet) => {
      try {
        strict.receive(packet);
      } catch (error) {
        failures.push(error as Error);
      }
    };
    console = strict;
    const start = performance.now();
    strict.type(options.typed);
    await until(
      'all bytes have arrived',
      () => {
        if (failures[0]) throw failures[0];
        return strict.shown.length >= options.spoken.length && host.taken.length >= options.typed.length;
      },
      limitMs,
    );
    return {
      shown: Uint8Array.from(strict.shown),
      taken: Uint8Array.from(host.taken),
      ms: performance.now() - start,
      network: { ...proxy.counters },
    };
  } finally {
    clearInterval(speaker);
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    await proxy.stop();
    hub.stop();
    await bmc.stop();
  }
}

/** {@link IpmiClient} on a socket: sends again what is not answered. */
class UdpConsole {
  onSol: ((packet: Uint8Array) => void) | undefined;
  readonly #socket: Socket;
  readonly #client: IpmiClient;
  readonly #port: number;
  readonly #address: string;
  #arrived: ((datagram: Uint8Array) => void) | undefined;
  /** Session sequence numbers seen: each packet of the BMC counts once. */
  readonly #seen = new Set<number>();
  #closed = false;

  constructor(socket: Socket, port: number, address: string) {
    this.#socket = socket;
    this.#port = port;
    this.#address = address;
    this.#client = new IpmiClient(() => []);
    socket.on('message', (datagram) => this.#receive(datagram));
    socket.once('close', () => {
      this.#closed = true;
    });
  }

  /** From a client whose timers may still run when the transfer is over. */
  sendSol(packet: Uint8Array): void {
    if (!this.#closed) this.#send(this.#client.seal(packet, { payloadType: 1 }));
  }

  /** @throws when the network never lets it through */
  async login(): Promise<void> {
    const client = this.#client;
    const step = async (
      payloadType: number,
      make: () => Uint8Array,
      take: (reply: Uint8Array) => unknown,
    ) => {
      const reply = await this.#ask(make, (datagram) => datagram[5] === payloadType);
      const outcome = take(reply);
      if (outcome !== 0) throw new Error(`login: ${payloadType.toString(16)}h says ${outcome}`);
    };
    const [open, rakp1, rakp3] = [
      client.openRequest(1),
      client.rakp1.bind(client, 2),
      client.rakp3.bind(client, 3),
    ];
    await step(
      0x11,
      () => open,
      (reply) => client.takeOpenResponse(reply),
    );
    await step(
      0x13,
      () => rakp1(),
      (reply) => client.takeRakp2(reply),
    );
    await step(
      0x15,
      () => rakp3(),
      (reply) => client.takeRakp4(reply),
    );
  }

  async command(netFn: number, cmd: number, data: readonly number[]): Promise<IpmiReply> {
    const client = this.#client;
    client.rqSeq = (client.rqSeq + 1) % 64;
    const reply = await this.#ask(
      () => client.seal(ipmiRequest(netFn, cmd, data, client.rqSeq)),
      // Not a late one to an earlier request.
      (datagram) => (client.unseal(datagram).payload[4] ?? 0) >> 2 === client.rqSeq,
    );
    return readReply(client.unseal(reply).payload);
  }

  #send(datagram: Uint8Array): void {
    this.#socket.send(datagram, this.#port, this.#address);
  }

  async #ask(make: () => Uint8Array, isReply: (datagram: Uint8Array) => boolean): Promise<Uint8Array> {
    for (let left = handshakeTries; left > 0; left--) {
      const reply = await new Promise<Uint8Array | undefined>((resolve) => {
        const timer = setTimeout(() => resolve(undefined), retryMs);
        this.#arrived = (datagram) => {
          if (!isReply(datagram)) return;
          clearTimeout(timer);
          resolve(datagram);
        };
        this.#send(make());
      });
      this.#arrived = undefined;
      if (reply) return reply;
    }
    throw new Error('no answer');
  }

  #receive(datagram: Buffer): void {
    const payloadType = (datagram[5] ?? 0) & 0x3f;
    if (payloadType !== 1) {
      this.#arrived?.(datagram);
      return;
    }
    const { sequence, payload } = this.#client.unseal(datagram);
    if (this.#seen.has(sequence)) return;
    this.#seen.add(sequence);
    this.onSol?.(payload);
  }
}
