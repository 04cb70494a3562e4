/**
 * Hostile datagrams for a whole BMC without sockets: valid packets of every kind, changed at some place, and packets
 * of sessions that are wrong only inside, below the right signature and the right encryption. What is watched: errors
 * nobody caught, sessions that must live on, what comes back and how much of it, memory.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { command } from '../../src/ipmi/commands/command.ts';
import { ipmiCommands } from '../../src/ipmi/commands/commands.ts';
import { rest } from '../../src/lib/codec.ts';
import { type IpmiClient, ipmiRequest, plainPacket, v15Packet } from './ipmi-client.ts';
import { V15Client } from './ipmi-v15-client.ts';
import { LanBench } from './lan-bench.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';

export interface FuzzOutcome {
  readonly datagrams: number;
  readonly replies: number;
  /** Of what was dropped, by its reason; and of what was served. */
  readonly counters: Readonly<Record<string, number>>;
  /** The login of a newcomer right after. */
  readonly loginMs: number;
  /** What is in use after, above what was before, garbage collected both times. */
  readonly grownBytes: number;
}

/** Administrator's commands that end sessions, change who may log in or what is on offer: no fault if they do. */
const ofConsequence =
  /^(Set User|Set Channel|Close Session|Activate Session|Cold Reset|Warm Reset|Set LAN|Set Session Priv|Set Payload|Suspend|Set SOL|Deactivate Payload|Set User Payload|Master|Set System Info|Send Message|Set Power|Set DCMI|Activate\/Deactivate|Manufact|Set Management Controller)/;
const kept = new Set(
  ipmiCommands.definitions
    .filter(({ name }) => ofConsequence.test(name))
    .map(({ netFn, cmd }) => (netFn << 8) | cmd),
);
/** One simulated millisecond for so many datagrams: 20,000 a second. */
const datagramsPerMs = 20;
/** Longer answers fit into no client’s buffers. */
const longestReply = 320;
const warmUp = 20_000;

const probeNumbers = { netFn: 0x30, cmd: 1 } as const;

export class DatagramFuzz {
  readonly #random: SeededRandom;
  readonly #bench: LanBench;
  readonly #errors: unknown[] = [];
  readonly #standing: IpmiClient;
  #runs = 0;
  #answered = 0;
  #insiders: { readonly user: IpmiClient; readonly admin: IpmiClient; readonly old: V15Client } | undefined;
  #strangers: readonly IpmiClient[] = [];
  #source = 0;
  #recorded: Uint8Array[] = [];
  /** Whether the datagram at hand is one of a session, or was. */
  #isInside = false;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    const probe = command({
      ...probeNumbers,
      name: 'Probe',
      privilege: 'administrator',
      spec: 'test',
      request: rest,
      response: rest,
      handle: () => Uint8Array.of(++this.#runs & 0xff),
    });
    this.#bench = new LanBench({ commands: [...ipmiCommands.definitions, probe], ipmi15: true });
    this.#bench.bmc.log.error = (...args: unknown[]) => void this.#errors.push(args);
    this.#standing = this.#bench.loggedIn({}, 4, this.#bench.from('198.51.100.1'));
    this.#renew();
  }

  /** @throws {Error} as soon as something is wrong, with the number of the datagram */
  async run(datagrams: number): Promise<FuzzOutcome> {
    const stray = (error: unknown) => void this.#errors.push(error);
    process.on('uncaughtException', stray).on('unhandledRejection', stray);
    try {
      await this.#play(0, Math.min(warmUp, datagrams));
      this.#rest();
      const before = bytesInUse();
      await this.#play(warmUp, datagrams);
      const loginMs = this.#newcomer();
      const counters = { ...this.#bench.face.counters };
      this.#rest();
      const grownBytes = bytesInUse() - before;
      return { datagrams, replies: this.#answered, counters, loginMs, grownBytes };
    } finally {
      process.off('uncaughtException', stray).off('unhandledRejection', stray);
    }
  }

  async #play(from: number, to: number): Promise<void> {
    for (let i = from; i < to; i++) {
      if (i % datagramsPerMs === 0) this.#bench.clock.advance(1);
      if (i % 2000 === 0) {
        this.#renew();
        // Rejections of commands that answer late show themselves now.
        await new Promise((resolve) => setImmediate(resolve));
        this.#check(i);
      }
      const datagram = this.#datagram();
      const answers = this.#send(datagram, i);
      // Nobody can have ours answer more than was asked, or talk to another one of ours without end.
      const isPong = answers[0]?.[3] === 6;
      if (!this.#isInside && !isPong && total(answers) > 2 * datagram.length) {
        throw new Error(`datagram ${i}: ${datagram.length} bytes are answered by ${total(answers)}`);
      }
      for (const answer of answers) {
        if (this.#bench.from('198.51.100.3', 623)(answer).length > 0) {
          throw new Error(`datagram ${i}: an answer is answered`);
        }
      }
    }
    this.#check(to);
  }

  #send(datagram: Uint8Array, at: number): readonly Uint8Array[] {
    const random = this.#random;
    const port = random(50) === 0 ? 0 : 1024 + random(4);
    const address = random(3) === 0 ? '192.0.2.9' : `203.0.${random(113)}.${random(250)}`;
    const replies = this.#bench.from(address, port)(datagram);
    this.#answered += replies.length;
    for (const reply of replies) {
      if (reply.length > longestReply) throw new Error(`datagram ${at}: an answer of ${reply.length} bytes`);
    }
    if (replies.length > 1) throw new Error(`datagram ${at}: ${replies.length} answers`);
    if (port === 0 && replies.length > 0) throw new Error(`datagram ${at}: an answer to port 0`);
    return replies;
  }

  #check(at: number): void {
    if (this.#errors.length > 0) {
      throw new Error(`datagram ${at}: uncaught ${JSON.stringify(this.#errors[0], describe)}`);
    }
    const before = this.#runs;
    const { netFn, cmd } = probeNumbers;
    const reply = this.#standing.command(netFn, cmd);
    if (reply?.completionCode !== 0 || this.#runs !== before + 1) {
      throw new Error(`datagram ${at}: the standing session does not work any more`);
    }
  }

  /** @returns how long it took, in milliseconds */
  #newcomer(): number {
    const start = performance.now();
    this.#bench.loggedIn({}, 4, this.#bench.from('198.51.100.2'));
    return performance.now() - start;
  }

  /** As long a silence that nothing of handshakes, sessions and records is left but the standing session. */
  #rest(): void {
    this.#insiders = undefined;
    this.#strangers = [];
    this.#recorded = [];
    for (let s = 0; s < 3700; s += 30) {
      this.#bench.clock.advance(30_000);
      this.#standing.command(6, 1);
    }
    this.#renew();
  }

  /** New sessions to send rubbish in, and new handshakes. */
  #renew(): void {
    const source = () => this.#bench.from(`10.0.${(++this.#source >> 8) & 255}.${this.#source & 255}`);
    for (const { managedSid } of this.#insiders ? [this.#insiders.user, this.#insiders.admin] : []) {
      const sid = [managedSid & 255, (managedSid >>> 8) & 255, (managedSid >>> 16) & 255, managedSid >>> 24];
      this.#standing.command(6, 0x3c, sid);
    }
    const old = this.#insiders?.old;
    if (old) {
      const id = old.sessionId;
      this.#standing.command(6, 0x3c, [id & 255, (id >>> 8) & 255, (id >>> 16) & 255, id >>> 24]);
    }
    const bench = this.#bench;
    this.#insiders = {
      user: bench.loggedIn({ user: 'user', password: 'u', openLevel: 0, role: 0x10 }, 0, source()),
      admin: bench.loggedIn({}, 4, source()),
      old: new V15Client(source(), { user: 'user', password: 'u', level: 2 }).login(),
    };
    const activated = this.#insiders.admin.command(6, 0x48, [1, 1, 0xc0, 0, 0, 0]);
    if (activated?.completionCode !== 0) throw new Error(`SOL: ${activated?.completionCode}`);
    this.#strangers = [3, 17].map((suite) => {
      const client = bench.client({ suite }, bench.from('192.0.2.9', 1024));
      const [opened] = client.exchange(client.openRequest(this.#random(256)));
      if (opened) client.takeOpenResponse(opened);
      return client;
    });
  }

  #datagram(): Uint8Array {
    const random = this.#random;
    this.#isInside = false;
    if (random(12) === 0) return this.#noise(random(100));
    if (random(12) === 0 && this.#recorded.length > 0) {
      // What was seen before, as it was or changed.
      this.#isInside = true;
      const again = this.#recorded[random(this.#recorded.length)] ?? this.#noise(4);
      return random(2) === 0 ? again : this.#mutated(again);
    }
    const sealed = random(2) === 0;
    this.#isInside = sealed;
    if (sealed && random(8) !== 0) return this.#recording(this.#sealed());
    const counted = this.#insiders;
    const numbers = counted && [counted.user.sequence, counted.admin.sequence, counted.old.sequence];
    const mutated = this.#mutated(this.#recording(sealed ? this.#sealed() : this.#open()));
    // A number that no BMC has seen is used again: else all that follows would lie outside the window.
    if (counted && numbers) {
      [counted.user.sequence = 0, counted.admin.sequence = 0, counted.old.sequence = 0] = numbers;
    }
    return mutated;
  }

  #recording(datagram: Buffer): Buffer {
    if (this.#recorded.length < 64) this.#recorded.push(datagram);
    else this.#recorded[this.#random(64)] = datagram;
    return datagram;
  }

  /** A sound packet outside of sessions. */
  #open(): Buffer {
    const random = this.#random;
    const stranger = this.#strangers[random(this.#strangers.length)];
    if (!stranger) throw new Error('nobody to send as');
    switch (random(9)) {
      case 0:
        return Buffer.from([6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, random(256), 0, 0]);
      case 1:
        return v15Packet(ipmiRequest(6, 0x38, [0x8e, random(8)]));
      case 2:
        return v15Packet(ipmiRequest(6, 0x39, [2, ...this.#noise(16)]));
      case 3:
        return plainPacket(0, ipmiRequest(6, 0x54, [0x0e, 0, 0x80 + random(64)]));
      case 4:
        return stranger.openRequest(random(256));
      case 5:
        return stranger.rakp1(random(256));
      case 6:
        return stranger.rakp3(random(256), random(3) === 0 ? random(20) : 0, this.#noise(random(40)));
      case 7:
        return plainPacket(random(64), this.#noise(random(60)), this.#standing.managedSid, 1 + random(40));
      default:
        return random(2) === 0 ? v15Packet(this.#insideOf(false)) : plainPacket(0, this.#insideOf(false));
    }
  }

  /** A packet of a session, sealed with its keys; rubbish may be inside. */
  #sealed(): Buffer {
    const random = this.#random;
    const insiders = this.#insiders;
    if (!insiders) throw new Error('nobody to send as');
    const { user, admin, old } = insiders;
    switch (random(8)) {
      case 0:
        return old.packet(this.#insideOf(false), old.next(), random(16) === 0 ? 0 : 2);
      case 1:
        return random(4) === 0
          ? old.activateRequest(random(6))
          : old.packet(this.#noise(random(200)), old.next());
      case 2:
        return user.seal(this.#noise(random(300)), { payloadType: random(4) === 0 ? random(64) : 0 });
      case 3:
      case 4: {
        // SOL: sequence, acknowledgement, count, operations, characters.
        const sol = [random(16), random(16), random(256), random(256)];
        const data = Buffer.concat([Buffer.from(sol), this.#noise(random(280))]);
        return admin.seal(data.subarray(0, 1 + random(data.length)), {
          payloadType: 1,
          encrypt: random(8) !== 0,
        });
      }
      case 5:
        return admin.seal(this.#insideOf(true));
      case 6: {
        // The signature is right, the ciphertext, its padding or its length is not.
        const packet = user.seal(this.#noise(random(60)));
        const end = 16 + packet.readUInt16LE(14);
        return user.sign(this.#mutated(packet.subarray(16, end), packet.subarray(0, 16)));
      }
      default: {
        if (random(40) !== 0) return user.seal(this.#insideOf(false), { encrypt: random(10) !== 0 });
        const { sequence } = user;
        const jumped = user.seal(this.#insideOf(false), { sequence: random(2 ** 32) });
        user.sequence = sequence;
        return jumped;
      }
    }
  }

  /** An IPMI message that is wrong somewhere, or asks for anything at all. */
  #insideOf(careful: boolean): Buffer {
    const random = this.#random;
    const known = ipmiCommands.definitions[random(ipmiCommands.definitions.length)];
    for (;;) {
      const [netFn, cmd] =
        known && random(4) !== 0 ? [known.netFn, known.cmd] : [random(64) & 0x3e, random(256)];
      const group = known?.group === undefined ? [] : [known.group];
      const body = [...group, ...this.#noise(random(4) === 0 ? random(200) : random(12))];
      const message = ipmiRequest(netFn, cmd, body, random(64), random(12) === 0 ? random(4) : 0);
      const sent = random(3) === 0 ? this.#mutated(message) : message;
      const asked = (((sent[1] ?? 0) >> 2) << 8) | (sent[5] ?? 0);
      if (!careful || !(kept.has(asked) || asked === ((probeNumbers.netFn << 8) | probeNumbers.cmd)))
        return sent;
    }
  }

  #noise(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) bytes[i] = this.#random(256);
    return bytes;
  }

  /** @param head bytes before it that stay as they are */
  #mutated(bytes: Uint8Array, head: Uint8Array = Buffer.of()): Buffer {
    return Buffer.concat([head, this.#changed(Buffer.from(bytes))]);
  }

  #changed(changed: Buffer): Buffer {
    const random = this.#random;
    for (let n = random(3); n >= 0; n--) {
      if (changed.length === 0) break;
      const at = random(changed.length);
      const bit = 1 << random(8);
      changed[at] = random(2) === 0 ? random(256) : (changed[at] ?? 0) ^ bit;
    }
    switch (random(10)) {
      case 0:
        return changed.subarray(0, random(changed.length + 1));
      case 1:
        return Buffer.concat([changed, Buffer.alloc(random(40), random(256))]);
      case 2: {
        const at = random(changed.length + 1);
        return Buffer.concat([changed.subarray(0, at), this.#noise(random(5)), changed.subarray(at)]);
      }
      case 3:
        return Buffer.concat([changed, changed]);
      default:
        return changed;
    }
  }
}

function total(datagrams: readonly Uint8Array[]): number {
  return datagrams.reduce((bytes, { length }) => bytes + length, 0);
}

/** After collecting garbage. */
export function bytesInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function describe(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.stack : value;
}
