/** A small IPMI 1.5 remote console of our own, made from the specification without the BMC's code. */
import { createHash } from 'node:crypto';
import { type Exchange, type IpmiReply, ipmiRequest, readReply, v15Packet } from './ipmi-client.ts';

export interface V15ClientOptions {
  readonly user?: string;
  readonly password?: string;
  readonly level?: number;
  /** The number we want the BMC's first packet to have. */
  readonly firstOutbound?: number;
}

function le32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

export interface V15Opened {
  readonly authType: number;
  readonly sequence: number;
  readonly sessionId: number;
  readonly message: Buffer;
}

export class V15Client {
  readonly exchange: Exchange;
  readonly options: Required<V15ClientOptions>;
  sessionId = 0;
  challenge: Buffer = Buffer.alloc(16);
  sequence = 0;
  rqSeq = 0;
  authType = 2;
  /** Numbers of the BMC's packets, in the order of coming. */
  readonly received: number[] = [];

  constructor(exchange: Exchange, options: V15ClientOptions = {}) {
    this.exchange = exchange;
    this.options = {
      user: options.user ?? 'admin',
      password: options.password ?? 'password',
      level: options.level ?? 4,
      firstOutbound: options.firstOutbound ?? 0x1000,
    };
  }

  #code(sequence: number, message: Uint8Array, sessionId = this.sessionId): Buffer {
    const key = Buffer.alloc(16);
    key.write(this.options.password, 'latin1');
    return createHash('md5')
      .update(Buffer.concat([key, le32(sessionId), message, le32(sequence), key]))
      .digest();
  }

  packet(message: Uint8Array, sequence: number, authType = this.authType): Buffer {
    const head = Buffer.concat([
      Buffer.from([6, 0, 0xff, 7, authType]),
      le32(sequence),
      le32(this.sessionId),
    ]);
    const code = authType === 0 ? Buffer.alloc(0) : this.#code(sequence, message);
    return Buffer.concat([head, code, Buffer.of(message.length), message]);
  }

  /** Opens a packet of the BMC's, checking its code. */
  open(datagram: Uint8Array): V15Opened {
    const bytes = Buffer.from(datagram);
    const [authType = 0] = bytes.subarray(4);
    const start = authType === 0 ? 13 : 29;
    const message = bytes.subarray(start + 1);
    if (bytes[start] !== message.length) throw new Error('wrong length');
    const [sequence, sessionId] = [bytes.readUInt32LE(5), bytes.readUInt32LE(9)];
    if (authType !== 0 && !this.#code(sequence, message, sessionId).equals(bytes.subarray(13, 29))) {
      throw new Error('wrong authentication code');
    }
    return { authType, sequence, sessionId, message };
  }

  /** @returns the completion code; undefined for silence */
  getChallenge(authType = 2): number | undefined {
    const name = Buffer.alloc(16);
    name.write(this.options.user, 'latin1');
    const [datagram] = this.exchange(v15Packet(ipmiRequest(6, 0x39, [authType, ...name])));
    if (!datagram) return undefined;
    const { completionCode, data } = readReply(this.open(datagram).message);
    if (completionCode === 0) {
      this.sessionId = data.readUInt32LE(0);
      this.challenge = data.subarray(4);
    }
    return completionCode;
  }

  activateRequest(authType = 2): Buffer {
    const { level, firstOutbound } = this.options;
    return this.packet(
      ipmiRequest(6, 0x3a, [authType, level, ...this.challenge, ...le32(firstOutbound)], 2),
      0,
      2,
    );
  }

  /** @returns the completion code; undefined for silence */
  activate(request = this.activateRequest()): number | undefined {
    const [datagram] = this.exchange(request);
    if (!datagram) return undefined;
    const { message, sequence } = this.open(datagram);
    const { completionCode, data } = readReply(message);
    if (completionCode === 0) {
      this.received.push(sequence);
      this.authType = data[0] as number;
      this.sessionId = data.readUInt32LE(1);
      this.sequence = data.readUInt32LE(5);
    }
    return completionCode;
  }

  /** Takes the next number. */
  next(): number {
    const sequence = this.sequence;
    this.sequence = sequence === 0xffffffff ? 1 : sequence + 1;
    return sequence;
  }

  command(
    netFn: number,
    cmd: number,
    data: readonly number[] = [],
    authType?: number,
  ): IpmiReply | undefined {
    this.rqSeq = (this.rqSeq + 1) % 64;
    const message = ipmiRequest(netFn, cmd, data, this.rqSeq);
    const [datagram] = this.exchange(this.packet(message, this.next(), authType));
    if (!datagram) return undefined;
    const opened = this.open(datagram);
    this.received.push(opened.sequence);
    return readReply(opened.message);
  }

  /** @throws when it cannot */
  login(): this {
    const outcome = [this.getChallenge(), this.activate()];
    if (outcome.some((code) => code !== 0)) throw new Error(`login: ${outcome}`);
    return this;
  }
}
