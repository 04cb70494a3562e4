/** A remote console of our own on a socket: what is not answered is sent again. */
import type { Socket } from 'node:dgram';
import { type ClientOptions, IpmiClient, type IpmiReply, ipmiRequest, readReply } from './ipmi-client.ts';

const usualRetryMs = 60;
const usualTries = 200;
/** By so many others a SOL packet may be overtaken. */
const latestOrder = 7;

export interface UdpConsoleOptions {
  /** Of the BMC. */
  readonly address: string;
  readonly port: number;
  readonly login?: ClientOptions;
  /** How long it waits for an answer before it asks again, and how often it asks. */
  readonly retryMs?: number;
  readonly tries?: number;
}

export class UdpConsole {
  /** How often something was asked once more. */
  askedAgain = 0;
  onSol: ((packet: Uint8Array) => void) | undefined;
  readonly #socket: Socket;
  readonly #client: IpmiClient;
  readonly #options: UdpConsoleOptions;
  #arrived: ((datagram: Uint8Array) => void) | undefined;
  /** Session sequence numbers seen: each packet of the BMC counts once. */
  readonly #seen = new Set<number>();
  #newest = 0;
  #closed = false;

  /** @param socket the caller's, who closes it */
  constructor(socket: Socket, options: UdpConsoleOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#client = new IpmiClient(() => [], options.login);
    const { address, port } = options;
    socket.on('message', (datagram, from) => {
      if (from.address === address && from.port === port) this.#receive(datagram);
    });
    socket.once('close', () => {
      this.#closed = true;
    });
  }

  /** Its keys and numbers, for who sends by itself. */
  get client(): IpmiClient {
    return this.#client;
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

  /** Closes the session, without waiting for an answer: it may get lost, and there is nobody to ask again. */
  async leave(): Promise<void> {
    const { address, port } = this.#options;
    const packet = this.#client.seal(ipmiRequest(6, 0x3c, this.#sessionId));
    await new Promise((resolve) => this.#socket.send(packet, port, address, resolve));
  }

  /** Close Session, with its answer: the BMC need not keep it until it runs out of time. */
  async closeSession(): Promise<void> {
    const { completionCode } = await this.command(6, 0x3c, this.#sessionId);
    if (completionCode !== 0) throw new Error(`Close Session: ${completionCode}`);
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

  get #sessionId(): number[] {
    const { managedSid: id } = this.#client;
    return [id & 255, (id >>> 8) & 255, (id >>> 16) & 255, id >>> 24];
  }

  #send(datagram: Uint8Array): void {
    this.#socket.send(datagram, this.#options.port, this.#options.address);
  }

  async #ask(make: () => Uint8Array, isReply: (datagram: Uint8Array) => boolean): Promise<Uint8Array> {
    const { retryMs = usualRetryMs, tries = usualTries } = this.#options;
    for (let tried = 0; tried < tries; tried++) {
      if (tried > 0) this.askedAgain++;
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
    this.#newest = Math.max(this.#newest, sequence);
    // SOL's own numbers come round after 15: of one so late they do not say whether it is old or new.
    if (this.#newest - sequence > latestOrder) return;
    this.onSol?.(payload);
  }
}
