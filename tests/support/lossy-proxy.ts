/**
 * A bad network between a client and a BMC: a UDP proxy that drops, doubles and reorders datagrams, each way, by a
 * seed. It listens on the same port as the BMC on another address of 127.0.0.0/8, because ipmitool refuses SOL on
 * any port but the session's.
 */
import { createSocket, type Socket } from 'node:dgram';

export interface LossyProxyOptions {
  /** Where clients connect to, such as 127.0.0.2. */
  readonly address: string;
  readonly target: { readonly address: string; readonly port: number };
  readonly seed: number;
  /** Percentages of all datagrams. */
  readonly drop?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
  /** How long a reordered datagram stays behind. */
  readonly reorderMs?: number;
}

export class LossyProxy {
  readonly counters = { passed: 0, dropped: 0, duplicated: 0, reordered: 0 };
  readonly #options: LossyProxyOptions;
  readonly #front: Socket = createSocket('udp4');
  /** One socket towards the BMC for each client address. */
  readonly #backs = new Map<string, Socket>();
  #state: number;
  #stopped = false;

  constructor(options: LossyProxyOptions) {
    this.#options = options;
    this.#state = options.seed | 1;
  }

  async start(): Promise<void> {
    const { address, target } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#front.once('error', reject);
      this.#front.bind(target.port, address, resolve);
    });
    this.#front.on('message', (datagram, client) => {
      const back = this.#backFor(client.address, client.port);
      this.#pass(() => back.send(datagram, target.port, target.address));
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const socket of [this.#front, ...this.#backs.values()]) {
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    }
  }

  #backFor(address: string, port: number): Socket {
    const key = `${address}:${port}`;
    let back = this.#backs.get(key);
    if (!back) {
      back = createSocket('udp4');
      back.on('message', (datagram) => this.#pass(() => this.#front.send(datagram, port, address)));
      // A client that has gone answers with "unreachable", which is nobody's fault.
      back.on('error', () => undefined);
      this.#backs.set(key, back);
    }
    return back;
  }

  #pass(send: () => void): void {
    const { drop = 0, duplicate = 0, reorder = 0, reorderMs = 5 } = this.#options;
    if (this.#chance(drop)) {
      this.counters.dropped++;
      return;
    }
    const twice = this.#chance(duplicate);
    if (twice) this.counters.duplicated++;
    const deliver = () => {
      if (this.#stopped) return;
      this.counters.passed++;
      send();
      if (twice) send();
    };
    if (this.#chance(reorder)) {
      this.counters.reordered++;
      setTimeout(deliver, reorderMs);
    } else {
      deliver();
    }
  }

  #chance(percent: number): boolean {
    // Xorshift, 32 bits: the same seed gives the same network.
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32 < percent / 100;
  }
}
