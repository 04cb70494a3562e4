/** Serial-over-LAN against ipmi_sim: the same strict remote console on both, the same guest behind their serial ports. */
import { createSocket } from 'node:dgram';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { BmcPacket, ConsolePacket, solHeaderBytes } from '../src/ipmi/sol/packet.ts';
import { systemClock } from '../src/lib/clock.ts';
import { decode } from '../src/lib/codec.ts';
import { LossyProxy } from '../tests/support/lossy-proxy.ts';
import { freeTcpPort, freeUdpPort } from '../tests/support/processes.ts';
import { UdpConsole } from '../tests/support/udp-console.ts';
import { StrictClient } from '../tests/unit/ipmi/sol/strict-client.ts';
import type { Bench } from './bench.ts';
import { builtBench } from './built.ts';
import { quantile } from './http-load.ts';
import { type Contender, inRounds } from './rounds.ts';
import { scratchFolder, Target } from './target.ts';

const user = 'admin';
const password = 'bench-password';
const host = '127.0.0.1';
/** A guest that waits when so much of what it said has not been seen: neither side may lose a byte for being flooded. */
const windowBytes = 64 * 1024;
const keys = 200;
const pasteBytes = 64 * 1024;
const lossPercent = 2;
/** At least: ipmi_sim pauses for a second after each loss. */
const lossySeconds = 4;
const limitMs = 60_000;
/** Of what is typed; long enough for a busy machine, so that nothing is sent twice for being slow. */
const retryMs = 250;
/** ipmi_sim sends again after a second. */
const quietMs = 1500;
/** As many packets of the console's are told of with an error. */
const toldPackets = 24;

export const sol: Bench = {
  name: 'sol',
  title: `SOL: output without end, ${keys} keys echoed, a paste of ${pasteBytes / 1024} KiB, output with ${lossPercent} % of datagrams lost each way`,
  async run({ rounds, seconds }) {
    const sides: Side[] = [];
    try {
      sides.push(await Side.start('qemu-bmc', startOwn));
      // It sends what has come meanwhile along with what it sends again.
      sides.push(await Side.start('ipmi_sim', startIpmiSim, { resentMayGrow: true }));
      const contenders: Contender[] = sides.map((side) => ({
        name: side.name,
        measure: async () => ({
          ...(await side.flood(seconds)),
          ...(await side.echo()),
          ...(await side.paste()),
          ...(await side.floodWithLoss(Math.max(seconds, lossySeconds))),
        }),
      }));
      return { figures: await inRounds(contenders, rounds), ratiosOf: 'qemu-bmc', against: ['ipmi_sim'] };
    } finally {
      await Promise.all(sides.map((side) => side.stop()));
    }
  },
};

interface Guest {
  /** Where a BMC finds the serial port. */
  readonly tcpPort: number;
  readonly unixSocket: string;
}

interface Started {
  readonly target: Target;
  readonly port: number;
}

async function startOwn({ unixSocket }: Guest): Promise<Started> {
  const port = await freeUdpPort();
  const args = [builtBench('sol-bmc'), String(port), unixSocket, user, password];
  const target = await Target.start({
    name: 'qemu-bmc',
    program: process.execPath,
    command: args,
    ready: /ready/,
  });
  return { target, port };
}

const ipmiSim = '/usr/bin/ipmi_sim';

/** @throws {Error} where it is not installed */
async function startIpmiSim({ tcpPort }: Guest, folder: string): Promise<Started> {
  if (!existsSync(ipmiSim)) throw new Error('ipmi_sim is not there\napt-get install openipmi');
  const port = await freeUdpPort();
  mkdirSync(`${folder}/sim`);
  const lan = [
    'name "bench"',
    'set_working_mc 0x20',
    'startlan 1',
    `addr ${host} ${port}`,
    'priv_limit admin',
    ...['callback', 'user', 'operator', 'admin'].map((level) => `allowed_auths_${level} md5`),
    'guid a123456789abcdefa123456789abcdef',
    'endlan',
    `sol "tcp:${host}:${tcpPort}" 115200`,
    `user 2 true "${user}" "${password}" admin 10`,
    '',
  ];
  writeFileSync(`${folder}/sim.conf`, lan.join('\n'));
  const machine = [
    'mc_setbmc 0x20',
    'mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02',
    'mc_enable 0x20',
  ];
  writeFileSync(`${folder}/sim.emu`, `${machine.join('\n')}\n`);
  const target = await Target.start({
    name: 'ipmi_sim',
    program: ipmiSim,
    command: ['-n', '-c', `${folder}/sim.conf`, '-f', `${folder}/sim.emu`, '-s', `${folder}/sim`],
    ready: /^/,
  });
  const entry = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  await until('ipmi_sim listens', () => readFileSync('/proc/net/udp', 'latin1').includes(entry));
  return { target, port };
}

/** One BMC with a guest behind its serial port. */
class Side {
  readonly name: string;
  readonly #servers: readonly Server[];
  readonly #target: Target;
  readonly #port: number;
  readonly #folder: { remove(): void };
  readonly #resentMayGrow: boolean;
  /** Of the bad network: each round has another. */
  #seed = 0;
  /**
   * Of the packet that the console has sent last. ipmi_sim 2.0.33 remembers it longer than the session: a next console that
   * begins with the same number is taken for one that repeats itself, and its characters are answered for but not delivered.
   */
  #lastSequence = 0;
  #serial: Socket | undefined;
  /** What the guest does with what it is sent. */
  #typed: (bytes: Buffer) => void = () => undefined;

  static async start(
    name: string,
    startBmc: (guest: Guest, folder: string) => Promise<Started>,
    { resentMayGrow = false }: { readonly resentMayGrow?: boolean } = {},
  ): Promise<Side> {
    const folder = scratchFolder();
    const guest = { tcpPort: await freeTcpPort(), unixSocket: `${folder.path}/serial` };
    let side: Side | undefined;
    let early: Socket | undefined;
    const connected = (socket: Socket) => {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      if (side) side.#connected(socket);
      else early = socket;
    };
    const servers = [createServer(connected), createServer(connected)] as const;
    await Promise.all([
      new Promise<void>((resolve) => servers[0].listen(guest.tcpPort, host, resolve)),
      new Promise<void>((resolve) => servers[1].listen(guest.unixSocket, resolve)),
    ]);
    const { target, port } = await startBmc(guest, folder.path).catch((error: unknown) => {
      for (const server of servers) server.close();
      folder.remove();
      throw error;
    });
    side = new Side({ name, servers, target, port, folder, resentMayGrow });
    if (early) side.#connected(early);
    return side;
  }

  private constructor(options: {
    readonly name: string;
    readonly servers: readonly Server[];
    readonly target: Target;
    readonly port: number;
    readonly folder: { remove(): void };
    readonly resentMayGrow: boolean;
  }) {
    this.name = options.name;
    this.#servers = options.servers;
    this.#target = options.target;
    this.#port = options.port;
    this.#folder = options.folder;
    this.#resentMayGrow = options.resentMayGrow;
  }

  #connected(socket: Socket): void {
    this.#serial = socket;
    socket.on('data', (bytes: Buffer) => this.#typed(bytes));
  }

  async stop(): Promise<void> {
    await this.#target.stop();
    for (const server of this.#servers) server.close();
    this.#serial?.destroy();
    this.#folder.remove();
  }

  async flood(seconds: number): Promise<Record<string, number>> {
    const cpu = this.#target.cpuMs;
    const bytesPerSecond = await this.#session(host, async (console) => {
      const rate = await this.#pour(console, seconds);
      await console.quiet();
      return rate;
    });
    return {
      'flood bytes/s': bytesPerSecond,
      'flood CPU ms/MB': (this.#target.cpuMs - cpu) / ((bytesPerSecond * seconds) / 1e6),
    };
  }

  async floodWithLoss(seconds: number): Promise<Record<string, number>> {
    const proxy = new LossyProxy({
      address: '127.0.0.2',
      target: { address: host, port: this.#port },
      seed: ++this.#seed,
      drop: lossPercent,
    });
    await proxy.start();
    try {
      const rate = await this.#session('127.0.0.2', (console) => this.#pour(console, seconds));
      // What was not fetched is not to be in the next session's way. ipmi_sim may need minutes for it through this network.
      await this.#session(host, (console) => console.quiet());
      return { [`bytes/s at ${lossPercent} % loss`]: rate };
    } finally {
      await proxy.stop();
    }
  }

  /** The guest says one character for each that it hears. */
  async echo(): Promise<Record<string, number>> {
    this.#typed = (bytes) => void this.#serial?.write(bytes);
    const times: number[] = [];
    await this.#session(host, async (console) => {
      for (let key = 0; key < keys; key++) {
        const before = console.shown.length;
        const start = performance.now();
        console.type(Uint8Array.of(0x61 + (key % 26)));
        await console.arrived(() => console.shown.length > before);
        times.push(performance.now() - start);
        if (console.shown[before] !== 0x61 + (key % 26)) throw new Error('a wrong echo');
        // Somebody who types: what was said before is acknowledged, and nothing is under way.
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });
    const sorted = Float64Array.from(times).sort();
    return { 'key echo p50 ms': quantile(sorted, 0.5), 'key echo p99 ms': quantile(sorted, 0.99) };
  }

  /** The guest reads, and says nothing. */
  async paste(): Promise<Record<string, number>> {
    const text = pattern(0, pasteBytes);
    const heard: Buffer[] = [];
    let count = 0;
    let done: () => void = () => undefined;
    const all = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.#typed = (bytes) => {
      heard.push(bytes);
      count += bytes.length;
      if (count >= pasteBytes) done();
    };
    const ms = await this.#session(host, async (console) => {
      const start = performance.now();
      console.type(text);
      await within('the paste', all);
      const took = performance.now() - start;
      if (!Buffer.concat(heard).equals(text)) throw new Error('not what was pasted');
      return took;
    });
    return { 'paste bytes/s': (1000 * pasteBytes) / ms };
  }

  /** @returns bytes a second, each of which was looked at; what is under way at the end does not count */
  async #pour(console: BenchConsole, seconds: number): Promise<number> {
    this.#typed = () => undefined;
    let said = 0;
    const pour = () => {
      while (said - console.shown.length < windowBytes) {
        this.#serial?.write(pattern(said, 4096));
        said += 4096;
      }
    };
    console.afterEach = pour;
    const start = performance.now();
    pour();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const shown = console.shown.length;
    const rate = (1000 * shown) / (performance.now() - start);
    console.afterEach = () => undefined;
    if (!Buffer.from(console.shown).equals(pattern(0, console.shown.length)))
      throw new Error('not what was said');
    return rate;
  }

  /** @throws {Error} that names this side, and tells the packets before it */
  async #session<T>(address: string, work: (console: BenchConsole) => Promise<T>): Promise<T> {
    const socket = createSocket({
      type: 'udp4',
      recvBufferSize: 1 << 20,
      lookup: (name, _options, done) => done(null, name, 4),
    });
    let console: BenchConsole | undefined;
    try {
      const remote = new UdpConsole(socket, {
        address,
        port: this.#port,
        login: { user, password, suite: 3 },
      });
      await remote.login();
      await remote.command(0x06, 0x3b, [4]);
      const { completionCode, data } = await remote.command(0x06, 0x48, [1, 1, 0xc0, 0, 0, 0]);
      if (completionCode !== 0) throw new Error(`Activate Payload: ${completionCode}`);
      console = new BenchConsole(remote, {
        // What it takes at once, header included. IPMI 2.0 Table 24-2
        packetBytes: Math.min(255, data.readUInt16LE(4) - solHeaderBytes),
        sequence: this.#lastSequence,
        resentMayGrow: this.#resentMayGrow,
      });
      const outcome = await Promise.race([work(console), console.failed]);
      this.#lastSequence = console.sequence;
      await remote.command(0x06, 0x49, [1, 1, 0, 0, 0, 0]);
      await remote.closeSession();
      return outcome;
    } catch (error) {
      const before = console ? `; the packets before:\n${console.told()}` : '';
      throw new Error(`${this.name}: ${(error as Error).message}${before}`, { cause: error });
    } finally {
      socket.close();
    }
  }
}

interface KeptPacket {
  readonly ms: number;
  readonly sent: boolean;
  readonly bytes: Uint8Array;
}

/** {@link StrictClient} on a session. */
class BenchConsole extends StrictClient {
  afterEach: () => void = () => undefined;
  /** Rejects when the BMC does what it must not. */
  readonly failed: Promise<never>;
  readonly #packets: KeptPacket[];
  #waiting: { readonly holds: () => boolean; readonly resolve: () => void } | undefined;

  constructor(
    remote: UdpConsole,
    options: {
      readonly packetBytes: number;
      readonly sequence: number;
      readonly resentMayGrow: boolean;
    },
  ) {
    const packets: KeptPacket[] = [];
    const keep = (sent: boolean, bytes: Uint8Array) => {
      packets.push({ ms: performance.now(), sent, bytes });
      if (packets.length > 2 * toldPackets) packets.splice(0, toldPackets);
    };
    const send = (packet: Uint8Array) => {
      keep(true, packet);
      remote.sendSol(packet);
    };
    super(send, systemClock, { retryMs, ...options });
    this.#packets = packets;
    this.failed = new Promise((_, reject) => {
      remote.onSol = (packet) => {
        keep(false, packet);
        try {
          this.receive(packet);
        } catch (error) {
          reject(error);
          return;
        }
        this.afterEach();
        if (this.#waiting?.holds()) this.#waiting.resolve();
      };
    });
    // Whoever works with it races against it; nobody does any more when it is over.
    this.failed.catch(() => undefined);
  }

  /** The latest packets, a line each. */
  told(): string {
    return this.#packets
      .slice(-toldPackets)
      .map(({ ms, sent, bytes }) => {
        const packet = sent
          ? decode(ConsolePacket, bytes, 'SOL packet')
          : decode(BmcPacket, bytes, 'SOL packet');
        const bits = Object.entries(packet.status).flatMap(([name, set]) => (set ? [name] : []));
        return [
          `${ms.toFixed(1)} ms ${sent ? 'sent' : 'came'}: ${packet.sequence} with ${packet.data.length} characters,`,
          `acknowledges ${packet.acceptedCount} of ${packet.acknowledged}`,
          ...bits,
        ].join(' ');
      })
      .join('\n');
  }

  /** Reads on until nothing more comes. */
  async quiet(): Promise<void> {
    for (let before = -1; before !== this.shown.length; ) {
      before = this.shown.length;
      await new Promise((resolve) => setTimeout(resolve, quietMs));
    }
  }

  async arrived(holds: () => boolean): Promise<void> {
    if (holds()) return;
    const waiting = new Promise<void>((resolve) => {
      this.#waiting = { holds, resolve };
    });
    await within('what the guest said', waiting);
  }
}

/** The same bytes at the same places of each stream. */
function pattern(from: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (Math.imul(from + i, 2654435761) >>> 13) & 0xff;
  return bytes;
}

async function within(what: string, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${limitMs / 1000} s`)), limitMs);
  });
  await Promise.race([done, limit]);
  clearTimeout(timer);
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
