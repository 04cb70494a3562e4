/**
 * A small RMCP+ remote console of our own, for tests. It shares nothing with the BMC's code: headers, keys and
 * codes are made here from the specification with node:crypto, so that a mistake cannot hide by being made twice.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';

/** Sends one datagram and returns what came back at once. */
export type Exchange = (datagram: Uint8Array) => Uint8Array[];

export interface ClientOptions {
  readonly user?: string;
  readonly password?: string;
  readonly kg?: string;
  readonly suite?: number;
  /** Level in Open Session; 0 asks for the highest. */
  readonly openLevel?: number;
  /** Role byte of RAKP 1. */
  readonly role?: number;
}

export interface IpmiReply {
  readonly completionCode: number;
  readonly data: Buffer;
}

const algorithms: Record<number, readonly [number, number, number]> = {
  1: [1, 0, 0],
  2: [1, 1, 0],
  3: [1, 1, 1],
  6: [2, 0, 0],
  7: [2, 2, 0],
  8: [2, 2, 1],
  11: [2, 3, 0],
  12: [2, 3, 1],
  15: [3, 0, 0],
  16: [3, 4, 0],
  17: [3, 4, 1],
};
const hashes = ['', 'sha1', 'md5', 'sha256'];
const checkLengths = [0, 12, 16, 16];

function le32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

function sum(bytes: Uint8Array): number {
  return bytes.reduce((total, byte) => (total + byte) & 0xff, 0);
}

/** An IPMI request as LAN carries it. */
export function ipmiRequest(netFn: number, cmd: number, data: readonly number[], rqSeq = 1, lun = 0): Buffer {
  const head = [0x20, (netFn << 2) | lun];
  const tail = [0x81, rqSeq << 2, cmd, ...data];
  return Buffer.from([
    ...head,
    -sum(Uint8Array.from(head)) & 0xff,
    ...tail,
    -sum(Uint8Array.from(tail)) & 0xff,
  ]);
}

/** RMCP+ packet without session protection. */
export function plainPacket(payloadType: number, payload: Uint8Array, sessionId = 0, sequence = 0): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(payload.length);
  const head = Buffer.from([6, 0, 0xff, 7, 6, payloadType]);
  return Buffer.concat([head, le32(sessionId), le32(sequence), length, payload]);
}

export function v15Packet(payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([6, 0, 0xff, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, payload.length]), payload]);
}

/** The payload of an unprotected RMCP+ packet. */
export function plainPayload(datagram: Uint8Array): Buffer {
  return Buffer.from(datagram.subarray(16));
}

export class IpmiClient {
  readonly exchange: Exchange;
  readonly options: Required<Omit<ClientOptions, 'kg'>> & { kg: string | undefined };
  readonly consoleSid = 0xa0a2a3a4;
  readonly rm = randomBytes(16);
  managedSid = 0;
  rc: Buffer = Buffer.alloc(16);
  guid: Buffer = Buffer.alloc(16);
  k1: Buffer = Buffer.alloc(0);
  k2: Buffer = Buffer.alloc(0);
  sequence = 0;
  rqSeq = 0;
  #sik: Buffer = Buffer.alloc(0);

  constructor(exchange: Exchange, options: ClientOptions = {}) {
    this.exchange = exchange;
    this.options = {
      user: options.user ?? 'admin',
      password: options.password ?? 'password',
      kg: options.kg,
      suite: options.suite ?? 17,
      openLevel: options.openLevel ?? 4,
      role: options.role ?? 0x14,
    };
  }

  get #algorithms(): readonly [number, number, number] {
    const found = algorithms[this.options.suite];
    if (!found) throw new Error(`suite ${this.options.suite}`);
    return found;
  }

  #hmac(key: Uint8Array | string, ...parts: Uint8Array[]): Buffer {
    const hmac = createHmac(hashes[this.#algorithms[0]] ?? '', key);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  }

  get #nameAndRole(): Buffer {
    return Buffer.concat([
      Buffer.from([this.options.role, this.options.user.length]),
      Buffer.from(this.options.user),
    ]);
  }

  openRequest(tag = 0): Buffer {
    const records = this.#algorithms.flatMap((algorithm, type) => [type, 0, 0, 8, algorithm, 0, 0, 0]);
    const head = Buffer.from([tag, this.options.openLevel, 0, 0]);
    return plainPacket(0x10, Buffer.concat([head, le32(this.consoleSid), Buffer.from(records)]));
  }

  rakp1(tag = 0): Buffer {
    return plainPacket(
      0x12,
      Buffer.concat([
        Buffer.from([tag, 0, 0, 0]),
        le32(this.managedSid),
        this.rm,
        Buffer.from([this.options.role, 0, 0, this.options.user.length]),
        Buffer.from(this.options.user),
      ]),
    );
  }

  rakp3Code(): Buffer {
    return this.#hmac(this.options.password, this.rc, le32(this.consoleSid), this.#nameAndRole);
  }

  rakp3(tag = 0, status = 0, code: Uint8Array = this.rakp3Code()): Buffer {
    return plainPacket(
      0x14,
      Buffer.concat([
        Buffer.from([tag, status, 0, 0]),
        le32(this.managedSid),
        status === 0 ? code : Buffer.of(),
      ]),
    );
  }

  /** Takes in an Open Session Response. @returns its status */
  takeOpenResponse(datagram: Uint8Array): number {
    const payload = plainPayload(datagram);
    if (payload[1] === 0) this.managedSid = payload.readUInt32LE(8);
    return payload[1] as number;
  }

  /** @returns the status of RAKP 2; 'bad code' when the BMC does not know our password */
  takeRakp2(datagram: Uint8Array): number | 'bad code' {
    const payload = plainPayload(datagram);
    if (payload[1] !== 0) return payload[1] as number;
    this.rc = payload.subarray(8, 24);
    this.guid = payload.subarray(24, 40);
    const expected = this.#hmac(
      this.options.password,
      le32(this.consoleSid),
      le32(this.managedSid),
      this.rm,
      this.rc,
      this.guid,
      this.#nameAndRole,
    );
    return expected.equals(payload.subarray(40)) ? 0 : 'bad code';
  }

  /** @returns the status of RAKP 4; 'bad code' when the BMC has another key */
  takeRakp4(datagram: Uint8Array): number | 'bad code' {
    const payload = plainPayload(datagram);
    if (payload[1] !== 0) return payload[1] as number;
    const { password, kg } = this.options;
    this.#sik = this.#hmac(kg ?? password, this.rm, this.rc, this.#nameAndRole);
    this.k1 = this.#hmac(this.#sik, Buffer.alloc(20, 1));
    this.k2 = this.#hmac(this.#sik, Buffer.alloc(20, 2));
    const expected = this.#hmac(this.#sik, this.rm, le32(this.managedSid), this.guid);
    const length = checkLengths[this.#algorithms[0]] ?? 0;
    return expected.subarray(0, length).equals(payload.subarray(8)) ? 0 : 'bad code';
  }

  /** The whole login. @returns where it ended: the message's name with its status, or 'ok' */
  login(): string {
    const [opened] = this.exchange(this.openRequest());
    if (!opened) return 'open: silence';
    const openStatus = this.takeOpenResponse(opened);
    if (openStatus !== 0) return `open: ${openStatus}`;
    const [rakp2] = this.exchange(this.rakp1());
    if (!rakp2) return 'rakp2: silence';
    const rakp2Status = this.takeRakp2(rakp2);
    if (typeof rakp2Status === 'number' && rakp2Status !== 0) return `rakp2: ${rakp2Status}`;
    const [rakp4] = this.exchange(this.rakp3());
    if (!rakp4) return 'rakp4: silence';
    const rakp4Status = this.takeRakp4(rakp4);
    return rakp4Status === 0 ? 'ok' : `rakp4: ${rakp4Status}`;
  }

  /** A request protected as the suite demands, or as said. */
  seal(
    payload: Uint8Array,
    how: {
      payloadType?: number;
      sequence?: number;
      encrypt?: boolean;
      authenticate?: boolean;
      sid?: number;
    } = {},
  ): Buffer {
    const [, integrity, confidentiality] = this.#algorithms;
    const encrypt = how.encrypt ?? confidentiality === 1;
    const authenticate = how.authenticate ?? integrity !== 0;
    this.sequence = how.sequence ?? this.sequence + 1;
    const sealed = encrypt ? this.#encrypt(payload) : payload;
    const type = (how.payloadType ?? 0) | (encrypt ? 0x80 : 0) | (authenticate ? 0x40 : 0);
    const packet = plainPacket(type, sealed, how.sid ?? this.managedSid, this.sequence);
    return authenticate ? this.sign(packet) : packet;
  }

  /** Puts the trailer behind a packet. */
  sign(packet: Uint8Array): Buffer {
    const pad = (4 - ((packet.length - 4 + 2) % 4)) % 4;
    const covered = Buffer.concat([packet.subarray(4), Buffer.alloc(pad, 0xff), Buffer.from([pad, 7])]);
    return Buffer.concat([packet.subarray(0, 4), covered, this.#authCode(covered)]);
  }

  #authCode(covered: Uint8Array): Buffer {
    const integrity = this.#algorithms[1];
    if (integrity === 3) {
      const password = Buffer.alloc(20);
      password.write(this.options.password, 'latin1');
      return createHash('md5').update(password).update(covered).update(password).digest();
    }
    const hash = ['', 'sha1', 'md5', '', 'sha256'][integrity] ?? '';
    return createHmac(hash, this.k1)
      .update(covered)
      .digest()
      .subarray(0, integrity === 1 ? 12 : 16);
  }

  #encrypt(payload: Uint8Array): Buffer {
    const pad = (16 - ((payload.length + 1) % 16)) % 16;
    const padding = Buffer.from([...Array(pad).keys()].map((i) => i + 1));
    const iv = randomBytes(16);
    const cipher = createCipheriv('aes-128-cbc', this.k2.subarray(0, 16), iv).setAutoPadding(false);
    return Buffer.concat([
      iv,
      cipher.update(Buffer.concat([payload, padding, Buffer.of(pad)])),
      cipher.final(),
    ]);
  }

  /** Opens a packet from the BMC, checking everything. */
  unseal(datagram: Uint8Array): { payloadType: number; sequence: number; sid: number; payload: Buffer } {
    const bytes = Buffer.from(datagram);
    const type = bytes[5] as number;
    const end = 16 + bytes.readUInt16LE(14);
    let payload = bytes.subarray(16, end);
    if ((type & 0x40) !== 0) {
      const codeLength = this.#algorithms[1] === 1 ? 12 : 16;
      const covered = bytes.subarray(4, bytes.length - codeLength);
      if (covered.length % 4 !== 0) throw new Error('trailer is not aligned');
      if (!this.#authCode(covered).equals(bytes.subarray(bytes.length - codeLength))) {
        throw new Error('wrong authentication code');
      }
    } else if (bytes.length !== end) throw new Error('bytes behind an unauthenticated payload');
    if ((type & 0x80) !== 0) {
      const decipher = createDecipheriv('aes-128-cbc', this.k2.subarray(0, 16), payload.subarray(0, 16));
      const plain = decipher.setAutoPadding(false).update(payload.subarray(16));
      const pad = plain[plain.length - 1] as number;
      for (let i = 0; i < pad; i++) {
        if (plain[plain.length - 1 - pad + i] !== i + 1) throw new Error('wrong padding');
      }
      payload = plain.subarray(0, plain.length - 1 - pad);
    }
    return {
      payloadType: type & 0x3f,
      sequence: bytes.readUInt32LE(10),
      sid: bytes.readUInt32LE(6),
      payload: Buffer.from(payload),
    };
  }

  /** One command. @returns undefined when nothing came back */
  command(netFn: number, cmd: number, data: readonly number[] = []): IpmiReply | undefined {
    this.rqSeq = (this.rqSeq + 1) % 64;
    const [datagram] = this.exchange(this.seal(ipmiRequest(netFn, cmd, data, this.rqSeq)));
    return datagram && readReply(this.unseal(datagram).payload);
  }
}

/** @throws when a checksum is wrong */
export function readReply(message: Uint8Array): IpmiReply {
  if (sum(message.subarray(0, 3)) !== 0 || sum(message.subarray(3)) !== 0) throw new Error('wrong checksum');
  return { completionCode: message[6] as number, data: Buffer.from(message.subarray(7, -1)) };
}
