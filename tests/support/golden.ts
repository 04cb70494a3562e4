/**
 * Golden recordings: what a real client and our BMC said to each other, and the means to say it again. The BMC's
 * time and randomness are scripted, the client's are in its packets, so a replay gives the same bytes.
 *
 * Time moves in ticks of {@link tickMs}. While recording, the ticks follow the real clock; each packet notes how
 * many milliseconds of ticks went before it, and a replay lets as many pass.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Bmc } from '../../src/bmc/bmc.ts';
import { memoryStore } from '../../src/bmc/store.ts';
import type { UserSpec } from '../../src/bmc/user-seeds.ts';
import { ipmiCommands } from '../../src/ipmi/commands/commands.ts';
import { IpmiState } from '../../src/ipmi/ipmi-state.ts';
import { LanFace } from '../../src/ipmi/lan-face.ts';
import { SolService } from '../../src/ipmi/sol/sol-service.ts';
import { silentLogger } from '../../src/lib/log.ts';
import type { Random } from '../../src/lib/random.ts';
import { FakeMachine } from '../../src/machine/fake/fake-machine.ts';
import { ScriptedClock } from './scripted-clock.ts';

export const tickMs = 5;
/** rmcpping and ipmiping know no other port; a loopback address of its own keeps it apart from other BMCs. */
export const goldenAddress = '127.6.2.3';
export const goldenPort = 623;
export const goldenUsers: readonly UserSpec[] = [
  { name: 'admin', password: 'password', limit: 'administrator' },
  { name: 'operator', password: '20-byte-password-xyz', limit: 'operator' },
  { name: 'reader', password: 'reader', limit: 'user' },
];

export interface GoldenPacket {
  /** Milliseconds of ticks since the packet before. */
  readonly waitMs: number;
  /** Seen from the BMC. */
  readonly direction: 'in' | 'out';
  /** Address and port of the client. */
  readonly peer: string;
  readonly hex: string;
}

export interface GoldenCommand {
  readonly client: string;
  /** First line of what the client says of itself. */
  readonly version: string;
  readonly command: string;
  readonly exitCode: number;
  readonly output: readonly string[];
}

/** How the BMC is set up for a recording. */
export interface GoldenSetup {
  readonly port: number;
  readonly users: readonly UserSpec[];
  /** Turns two-key login on. */
  readonly kg?: string;
  /** Of {@link SeededRandom}. */
  readonly seed: string;
}

export interface Recording {
  readonly name: string;
  readonly commands: readonly GoldenCommand[];
  readonly bmc: GoldenSetup;
  /** Every random byte that the BMC drew, in order. */
  readonly random: string;
  readonly packets: readonly GoldenPacket[];
}

/** SHA-256 of the seed and a counter, block after block. */
export class SeededRandom implements Random {
  readonly #seed: string;
  readonly #drawn: Buffer[] = [];
  #blocks = 0;
  #rest = Buffer.alloc(0);

  constructor(seed: string) {
    this.#seed = seed;
  }

  bytes(length: number): Uint8Array {
    while (this.#rest.length < length) {
      const block = createHash('sha256')
        .update(`${this.#seed} ${this.#blocks++}`)
        .digest();
      this.#rest = Buffer.concat([this.#rest, block]);
    }
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    this.#drawn.push(bytes);
    return Uint8Array.from(bytes);
  }

  /** All bytes given out so far, in hex. */
  get drawn(): string {
    return Buffer.concat(this.#drawn).toString('hex');
  }
}

export interface GoldenBmc {
  readonly face: LanFace;
  readonly clock: ScriptedClock;
  readonly random: SeededRandom;
  stop(): Promise<void>;
}

/** A new BMC, the same each time, whose machine is off. */
export async function startGoldenBmc({ users, kg, seed }: GoldenSetup): Promise<GoldenBmc> {
  const clock = new ScriptedClock();
  const random = new SeededRandom(seed);
  const log = silentLogger;
  const bmc = new Bmc({
    machine: new FakeMachine({ clock }),
    identity: {
      uuid: '4c1f6e0a-52f1-4b7e-9a43-0123456789ab',
      serialNumber: 'QB0',
      manufacturer: 'qemu-bmc',
      product: 'golden',
      firmwareVersion: '1.23.4',
    },
    users,
    lan: kg === undefined ? {} : { kg: Buffer.from(kg) },
    restorePolicy: 'always-off',
    softOffTimeoutMs: 1000,
    store: memoryStore(),
    clock,
    random,
    log,
  });
  await bmc.start({ powerReturned: true, powerOn: false });
  const { console, sol: settings, events } = bmc;
  const face = new LanFace({
    bmc,
    state: new IpmiState(bmc),
    sol: new SolService({ console, settings, events, users: bmc.users, clock, log, replayBytes: 0 }),
    commands: ipmiCommands,
  });
  return {
    face,
    clock,
    random,
    stop: async () => {
      face.stop();
      await bmc.stop();
    },
  };
}

/** Packets in order, with the time between them. */
export class Tape {
  readonly packets: GoldenPacket[] = [];
  #waitMs = 0;

  /** One tick of the clock: what it brings about comes behind it. */
  tick(clock: ScriptedClock): void {
    this.#waitMs += tickMs;
    clock.advance(tickMs);
  }

  add(direction: 'in' | 'out', peer: string, datagram: Uint8Array): void {
    const hex = Buffer.from(datagram).toString('hex');
    this.packets.push({ waitMs: this.#waitMs, direction, peer, hex });
    this.#waitMs = 0;
  }
}

/** Lets promises and immediates run that have nothing to wait for. */
async function settle(): Promise<void> {
  for (let round = 0; round < 5; round++) await new Promise((resolve) => setImmediate(resolve));
}

/** Says the client's part again to a new BMC. @returns both parts, as they came out, and the random bytes drawn */
export async function replay(
  recording: Recording,
  setup: GoldenSetup = recording.bmc,
): Promise<{ packets: readonly GoldenPacket[]; random: string }> {
  const { face, clock, random, stop } = await startGoldenBmc(setup);
  const tape = new Tape();
  const link = {
    localPort: setup.port,
    send: (datagram: Uint8Array, { address, port }: { address: string; port: number }) =>
      tape.add('out', `${address}:${port}`, datagram),
  };
  for (const { waitMs, direction, peer, hex } of recording.packets) {
    for (let waited = 0; waited < waitMs; waited += tickMs) {
      tape.tick(clock);
      await settle();
    }
    if (direction === 'out') continue;
    const datagram = Buffer.from(hex, 'hex');
    const [address = '', port] = peer.split(':');
    tape.add('in', peer, datagram);
    face.receive(datagram, { address, port: Number(port) }, link);
    await settle();
  }
  const { drawn } = random;
  await stop();
  return { packets: tape.packets, random: drawn };
}

const recordingsFolder = join(import.meta.dirname, '..', 'golden', 'recordings');

export function recordingPath(name: string): string {
  return join(recordingsFolder, `${name}.json`);
}

/** All recordings, by name. */
export function readRecordings(): Recording[] {
  return readdirSync(recordingsFolder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(recordingsFolder, file), 'utf8')));
}

/** As JSON with one packet a line, so that a difference shows which packet changed. */
export function formatRecording({ packets, ...head }: Recording): string {
  const lines = packets.map((packet) => `    ${JSON.stringify(packet)}`);
  const opening = JSON.stringify(head, undefined, 2).replace(/\n}$/, '');
  return `${opening},\n  "packets": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

/** A frame for {@link encodePcap}. */
export interface Frame {
  readonly direction: 'in' | 'out';
  /** Port of the client. */
  readonly port: number;
  /** Tells exchanges apart: becomes part of the BMC's address, 0 to 65,535. */
  readonly exchange: number;
  readonly datagram: Uint8Array;
}

/** A capture in the classic format: Ethernet, IPv4, UDP port 623 at the BMC's end, a millisecond from frame to frame. */
export function encodePcap(frames: readonly Frame[]): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(0xffff, 16);
  head.writeUInt32LE(1, 20);
  const records = frames.map((frame, index) => {
    const data = ethernetFrame(frame);
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_767_225_600 + Math.floor(index / 1000), 0);
    record.writeUInt32LE((index % 1000) * 1000, 4);
    record.writeUInt32LE(data.length, 8);
    record.writeUInt32LE(data.length, 12);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, ...records]);
}

function ethernetFrame({ direction, port, exchange, datagram }: Frame): Buffer {
  const bmc = { mac: [2, 0, 0, 0, 0, 1], ip: [10, 1, exchange >> 8, exchange & 0xff], port: 623 };
  const client = { mac: [2, 0, 0, 0, 0, 2], ip: [10, 2, 0, 1], port };
  const [from, to] = direction === 'in' ? [client, bmc] : [bmc, client];
  const ethernet = Buffer.from([...to.mac, ...from.mac, 0x08, 0x00]);
  const ip = Buffer.from([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, ...from.ip, ...to.ip]);
  ip.writeUInt16BE(20 + 8 + datagram.length, 2);
  ip.writeUInt16BE(ipChecksum(ip), 10);
  // A UDP checksum of 0 says that there is none.
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(from.port, 0);
  udp.writeUInt16BE(to.port, 2);
  udp.writeUInt16BE(8 + datagram.length, 4);
  return Buffer.concat([ethernet, ip, udp, datagram]);
}

function ipChecksum(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
