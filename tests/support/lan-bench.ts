/** A BMC's LAN channel on the bench: a real core with a machine that does nothing, no sockets, a scripted clock. */
import type { PrivilegeLevel } from '../../src/bmc/actor.ts';
import { Bmc } from '../../src/bmc/bmc.ts';
import type { Machine, MachineHardware } from '../../src/bmc/machine.ts';
import type { NetworkControl, NetworkState } from '../../src/bmc/management-network.ts';
import { memoryStore, type Store } from '../../src/bmc/store.ts';
import type { User } from '../../src/bmc/user.ts';
import type { UserSpec } from '../../src/bmc/user-seeds.ts';
import type { SendTrap } from '../../src/ipmi/alerting.ts';
import { appCommands } from '../../src/ipmi/commands/app.ts';
import { channelCommands } from '../../src/ipmi/commands/channel.ts';
import type { CommandDefinition } from '../../src/ipmi/commands/command.ts';
import { CommandRegistry } from '../../src/ipmi/commands/registry.ts';
import { sessionCommands } from '../../src/ipmi/commands/session.ts';
import { userCommands } from '../../src/ipmi/commands/user.ts';
import { IpmiState } from '../../src/ipmi/ipmi-state.ts';
import { LanFace, type LanFaceOptions } from '../../src/ipmi/lan-face.ts';
import type { RemoteAddress } from '../../src/ipmi/session/link.ts';
import { SolService } from '../../src/ipmi/sol/sol-service.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { type Random, systemRandom } from '../../src/lib/random.ts';
import { FakeFirmware } from '../../src/machine/fake/fake-firmware.ts';
import { FakeScreen } from '../../src/machine/fake/fake-screen.ts';
import { type ClientOptions, type Exchange, IpmiClient } from './ipmi-client.ts';
import { ScriptedClock } from './scripted-clock.ts';

export const benchUuid = '12345678-9abc-4def-8123-456789abcdef';

const idleHardware: MachineHardware = {
  cpus: 1,
  sockets: 1,
  threadsPerCore: 1,
  memoryMb: 512,
  firmware: 'bios',
  secureBoot: false,
  serialRedirection: true,
  networkBoot: true,
  tpm: false,
  bootOrder: [],
};

/** A machine that is off and stays so. */
const idleMachine: Machine = {
  running: false,
  hardware: idleHardware,
  configured: idleHardware,
  inventory: { processors: [], memory: [], drives: [], nics: [], tpm: undefined, pci: [] },
  bootDevices: [],
  bootEntries: [],
  firmware: new FakeFirmware(() => undefined),
  changeMedium: async () => undefined,
  nics: [],
  nicCounters: () => undefined,
  telemetry: async () => undefined,
  console: {
    receive: () => undefined,
    send: () => 0,
    drained: () => undefined,
    sendBreak: () => undefined,
    connected: false,
    connection: () => undefined,
    history: async () => new Uint8Array(),
  },
  screen: new FakeScreen(() => false),
  on: () => () => undefined,
  setUpBy: () => undefined,
  open: async () => undefined,
  close: async () => undefined,
  powerOn: async () => undefined,
  forceOff: async () => undefined,
  pressPowerButton: async () => undefined,
  reset: async () => undefined,
  pause: async () => undefined,
  resume: async () => undefined,
  diagnosticInterrupt: async () => undefined,
  setBootOverride: () => undefined,
};

export type BenchOptions = Partial<Omit<LanFaceOptions, 'bmc' | 'commands'>> & {
  readonly commands?: readonly CommandDefinition[];
  readonly random?: Random;
  readonly store?: Store;
  /** Off and staying so unless given; then it is opened by `bmc.start`. */
  readonly machine?: (clock: Clock) => Machine;
  readonly users?: readonly UserSpec[];
  readonly kg?: Uint8Array;
  readonly network?: () => Promise<NetworkState>;
  readonly networkControl?: NetworkControl;
  readonly channelLimit?: PrivilegeLevel;
  /** How alerts leave. */
  readonly sendTrap?: SendTrap;
};

/** Who changes things in the name of the test. */
export const bench = { name: 'bench', face: 'bmc' } as const;

export const ownCommands = [...appCommands, ...channelCommands, ...sessionCommands, ...userCommands];

export class LanBench {
  readonly clock = new ScriptedClock();
  readonly bmc: Bmc;
  readonly face: LanFace;
  readonly registry: CommandRegistry;
  /** What the face sent that no exchange has fetched. */
  readonly sent: { datagram: Uint8Array; remote: RemoteAddress }[] = [];
  readonly link = {
    localPort: 623,
    send: (datagram: Uint8Array, remote: RemoteAddress) => void this.sent.push({ datagram, remote }),
  };

  constructor(options: BenchOptions = {}) {
    this.bmc = new Bmc({
      machine: options.machine?.(this.clock) ?? idleMachine,
      identity: {
        uuid: benchUuid,
        serialNumber: 'QB0',
        manufacturer: 'qemu-bmc',
        product: 'bench',
        firmwareVersion: '1.23.4',
      },
      lan: {
        ...(options.kg && { kg: options.kg }),
        ...(options.network && { network: options.network }),
        ...(options.networkControl && { networkControl: options.networkControl }),
      },
      users: options.users ?? [
        { name: 'admin', password: 'password', limit: 'administrator' },
        { name: 'oper', password: 'operator-20-bytes-xy', limit: 'operator' },
        { name: 'user', password: 'u', limit: 'user' },
        { name: 'caller', password: 'c', limit: 'callback' },
        { name: 'gone', password: 'g', limit: 'administrator', enabled: false },
      ],
      restorePolicy: 'always-off',
      softOffTimeoutMs: 1000,
      store: options.store ?? memoryStore(),
      clock: this.clock,
      random: options.random ?? systemRandom(),
      log: silentLogger,
    });
    if (options.channelLimit) this.bmc.lan.setAccess({ limit: options.channelLimit }, bench);
    const { console, sol: settings, events, users } = this.bmc;
    this.registry = new CommandRegistry(options.commands ?? ownCommands);
    this.face = new LanFace({
      state: new IpmiState(this.bmc, options.sendTrap ? { sendTrap: options.sendTrap } : {}),
      sol: new SolService({
        console,
        settings,
        events,
        users,
        clock: this.clock,
        log: silentLogger,
        replayBytes: 0,
      }),
      ...options,
      bmc: this.bmc,
      commands: this.registry,
    });
  }

  /** Datagrams from this address go in, and what comes out at once comes back. */
  from(address = '192.0.2.1', port = 40000): Exchange {
    return (datagram) => {
      this.sent.length = 0;
      this.face.receive(datagram, { address, port }, this.link);
      return this.sent.splice(0).map((sent) => sent.datagram);
    };
  }

  client(options: ClientOptions = {}, exchange = this.from()): IpmiClient {
    return new IpmiClient(exchange, options);
  }

  /** A client that is logged in, at this level. @throws when it cannot */
  loggedIn(options: ClientOptions = {}, level = 0, exchange = this.from()): IpmiClient {
    const client = this.client(options, exchange);
    const outcome = client.login();
    if (outcome !== 'ok') throw new Error(`login: ${outcome}`);
    if (level > 2) client.command(6, 0x3b, [level]);
    return client;
  }

  /** Replaces what the BMC knows of a user, as later commands will. */
  changeUser(id: number, change: Partial<User> | undefined): void {
    const { users } = this.bmc;
    const original = users.get.bind(users);
    const before = original(id);
    users.get = (wanted) => {
      if (wanted !== id) return original(wanted);
      return before && change ? { ...before, ...change } : undefined;
    };
  }
}
