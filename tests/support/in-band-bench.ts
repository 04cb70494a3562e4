/**
 * A BMC as its host sees it: a real core with a machine in memory, and a guest's side of the system interface of our
 * own, which shares nothing with the BMC's reading and writing of frames.
 */
import { Bmc } from '../../src/bmc/bmc.ts';
import type { HostAccessPolicy } from '../../src/bmc/host-access.ts';
import type { Store } from '../../src/bmc/store.ts';
import { memoryStore } from '../../src/bmc/store.ts';
import { ipmiCommands } from '../../src/ipmi/commands/commands.ts';
import { SystemInterface } from '../../src/ipmi/in-band/system-interface.ts';
import { IpmiState } from '../../src/ipmi/ipmi-state.ts';
import { LanFace } from '../../src/ipmi/lan-face.ts';
import { SolService } from '../../src/ipmi/sol/sol-service.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { FakeMachine } from '../../src/machine/fake/fake-machine.ts';
import { ScriptedClock } from './scripted-clock.ts';

export interface InBandBenchOptions {
  readonly policy?: HostAccessPolicy;
  readonly store?: Store;
  readonly running?: boolean;
}

/** What the guest gets: a reply's completion code and data. */
export type InBandReply = readonly number[];

export class InBandBench {
  readonly clock = new ScriptedClock();
  readonly machine: FakeMachine;
  readonly bmc: Bmc;
  readonly state: IpmiState;
  readonly systemInterface: SystemInterface;
  readonly guest: KcsGuest;

  constructor({ policy = 'full', store = memoryStore(), running = true }: InBandBenchOptions = {}) {
    this.machine = new FakeMachine({ clock: this.clock, running });
    this.bmc = new Bmc({ ...bmcOptions(this.clock), machine: this.machine, store, hostAccess: policy });
    this.state = new IpmiState(this.bmc);
    this.systemInterface = new SystemInterface({
      bmc: this.bmc,
      state: this.state,
      commands: ipmiCommands,
      lan: lanContext(this.bmc, this.state),
    });
    this.guest = new KcsGuest(this.systemInterface);
  }

  static async started(options: InBandBenchOptions = {}): Promise<InBandBench> {
    const bench = new InBandBench(options);
    await bench.bmc.start({ powerReturned: false, powerOn: false });
    return bench;
  }

  /** Lets what waits for promises, the power queue above all, go on. */
  readonly settle = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  };
}

export function bmcOptions(clock: Clock) {
  return {
    identity: {
      uuid: '12345678-9abc-4def-8123-456789abcdef',
      serialNumber: 'QB0',
      manufacturer: 'qemu-bmc',
      product: 'bench',
      firmwareVersion: '1.23.4',
    },
    users: [{ name: 'admin', password: 'password', limit: 'administrator' as const }],
    restorePolicy: 'always-off' as const,
    softOffTimeoutMs: 1000,
    clock,
    random: systemRandom(),
    log: silentLogger,
  };
}

export function lanContext(bmc: Bmc, state: IpmiState) {
  const { console, sol: settings, events, users, clock, log } = bmc;
  const sol = new SolService({ console, settings, events, users, clock, log, replayBytes: 0 });
  return new LanFace({ bmc, state, commands: ipmiCommands, sol }).context(623);
}

/** QEMU and the guest behind it. */
export class KcsGuest {
  /** Opcodes that came, the version's argument left out. */
  readonly opcodes: number[] = [];
  readonly replies: { id: number; netFn: number; lun: number; cmd: number; body: number[] }[] = [];
  readonly #link: { receive(bytes: Uint8Array): void; disconnect(): void };
  #buffer: number[] = [];
  #id = 0;

  constructor(systemInterface: SystemInterface) {
    this.#link = systemInterface.connect((bytes) => this.#take(bytes));
  }

  /** Bytes as they are. */
  write(...bytes: number[]): void {
    this.#link.receive(Uint8Array.from(bytes));
  }

  post(netFn: number, cmd: number, data: readonly number[] = [], lun = 0): number {
    this.#id = (this.#id + 1) & 0xff;
    this.write(...frame(this.#id, netFn, cmd, data, lun));
    return this.#id;
  }

  /** A command that is answered at once. */
  command(netFn: number, cmd: number, ...data: number[]): InBandReply {
    const id = this.post(netFn, cmd, data);
    return this.replyTo(id);
  }

  /** A command whose answer takes a moment. */
  async slowCommand(netFn: number, cmd: number, ...data: number[]): Promise<InBandReply> {
    const id = this.post(netFn, cmd, data);
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    return this.replyTo(id);
  }

  replyTo(id: number): InBandReply {
    const reply = this.replies.find((each) => each.id === id);
    if (!reply) throw new Error(`no reply to ${id}`);
    return reply.body;
  }

  disconnect(): void {
    this.#link.disconnect();
  }

  #take(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte !== 0xa0 && byte !== 0xa1) {
        this.#buffer.push(byte);
        continue;
      }
      const plain: number[] = [];
      for (let i = 0; i < this.#buffer.length; i++) {
        const each = this.#buffer[i] as number;
        plain.push(each === 0xaa ? (this.#buffer[++i] as number) - 0x10 : each);
      }
      this.#buffer = [];
      if (byte === 0xa1) {
        this.opcodes.push(plain[0] as number);
        continue;
      }
      if (plain.reduce((sum, each) => sum + each, 0) % 256 !== 0) throw new Error('wrong checksum');
      const [id = 0, netFnLun = 0, cmd = 0, ...body] = plain.slice(0, -1);
      this.replies.push({ id, netFn: netFnLun >> 2, lun: netFnLun & 3, cmd, body });
    }
  }
}

export function frame(id: number, netFn: number, cmd: number, data: readonly number[], lun = 0): number[] {
  const plain = [id, (netFn << 2) | lun, cmd, ...data];
  const sum = plain.reduce((total, each) => total + each, 0);
  return [
    ...[...plain, -sum & 0xff].flatMap((each) =>
      [0xa0, 0xa1, 0xaa].includes(each) ? [0xaa, each + 0x10] : [each],
    ),
    0xa0,
  ];
}
