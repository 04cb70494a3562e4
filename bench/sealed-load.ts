/**
 * In-session requests as fast as BMCs answer: sealed before the clock starts, each answer checked after it has stopped, so
 * that the generator does little more than send and count.
 */
import { createSocket, type Socket } from 'node:dgram';
import { ipmiRequest, readReply } from '../tests/support/ipmi-client.ts';
import { UdpConsole } from '../tests/support/udp-console.ts';

export interface SealedLoadOptions {
  /** One session on each; the same BMC may be there several times. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

interface Remote {
  readonly address: string;
  readonly socket: Socket;
  readonly console: UdpConsole;
}

export interface SealedLoadOutcome {
  readonly requests: number;
  readonly seconds: number;
}

/** Few enough for the generator to be quick, and one for each session of a single BMC. */
const socketCount = 4;
const silenceMs = 5000;
const suite = 3;

export class SealedLoad {
  readonly #port: number;
  readonly #sockets: readonly Socket[];
  readonly #remotes: Remote[] = [];

  /** Logs in everywhere. @throws {Error} when somebody does not let us in */
  static async open(options: SealedLoadOptions): Promise<SealedLoad> {
    const load = new SealedLoad(options.port);
    try {
      await Promise.all(load.#sockets.map((socket, index) => load.#login(socket, index, options)));
    } catch (error) {
      load.close();
      throw error;
    }
    return load;
  }

  private constructor(port: number) {
    this.#port = port;
    this.#sockets = Array.from({ length: socketCount }, () =>
      createSocket({
        type: 'udp4',
        recvBufferSize: 1 << 20,
        lookup: (host, _options, done) => done(null, host, 4),
      }),
    );
  }

  /** One after the other: a console listens to the whole socket while it logs in. */
  async #login(socket: Socket, index: number, options: SealedLoadOptions): Promise<void> {
    const { addresses, port, user, password } = options;
    for (const address of addresses.filter((_, at) => at % socketCount === index)) {
      const console = new UdpConsole(socket, { address, port, login: { user, password, suite } });
      await console.login();
      socket.removeAllListeners();
      this.#remotes.push({ address, socket, console });
    }
  }

  /**
   * Get Device ID, in each session the same number of times.
   * @param outstanding on the way at once, all sessions together
   * @throws {Error} for an answer that is wrong, or that does not come
   */
  async run(requests: number, outstanding: number): Promise<SealedLoadOutcome> {
    const queue: { readonly remote: Remote; readonly datagram: Buffer }[] = [];
    for (let n = 0; queue.length < requests; n++) {
      for (const remote of this.#remotes) {
        const message = ipmiRequest(6, 1, [], n % 64);
        queue.push({ remote, datagram: remote.console.client.seal(message) });
      }
    }
    const replies: { readonly socket: Socket; readonly address: string; readonly datagram: Buffer }[] = [];
    const seconds = await new Promise<number>((resolve, reject) => {
      let sent = 0;
      const send = () => {
        const next = queue[sent];
        if (!next) return;
        sent++;
        next.remote.socket.send(next.datagram, this.#port, next.remote.address);
      };
      let heard = 0;
      const watch = setInterval(() => {
        if (replies.length > heard) heard = replies.length;
        else {
          clearInterval(watch);
          reject(new Error(`silence after ${heard} of ${queue.length} answers`));
        }
      }, silenceMs);
      const start = performance.now();
      for (const socket of this.#sockets) {
        socket.on('message', (datagram, { address }) => {
          // The last answer of a login comes again where the console says nothing for a while: it was sealing here.
          if (payloadTypeOf(datagram) !== 0) return;
          replies.push({ socket, address, datagram });
          if (replies.length < queue.length) return send();
          clearInterval(watch);
          resolve((performance.now() - start) / 1000);
        });
      }
      for (let n = 0; n < outstanding; n++) send();
    });
    for (const socket of this.#sockets) socket.removeAllListeners();
    const byPlace = new Map(this.#remotes.map((remote) => [remote.socket, new Map<string, Remote>()]));
    for (const remote of this.#remotes) byPlace.get(remote.socket)?.set(remote.address, remote);
    for (const { socket, address, datagram } of replies) {
      const remote = byPlace.get(socket)?.get(address);
      if (!remote) throw new Error(`an answer from ${address}, where nobody was asked`);
      const { completionCode, data } = readReply(remote.console.client.unseal(datagram).payload);
      if (completionCode !== 0 || data.length < 11) throw new Error(`${address}: ${completionCode}`);
    }
    return { requests: queue.length, seconds };
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }
}

/** 0 for IPMI messages. IPMI 2.0 Table 13-16 */
function payloadTypeOf(datagram: Uint8Array): number | undefined {
  const type = datagram[5];
  return type === undefined ? undefined : type & 0x3f;
}
