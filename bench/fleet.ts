/**
 * So many BMCs in one process, each with a machine in memory and a LAN channel on an address of its own. All of the
 * product's own classes. Its machines stay off until somebody powers them on, so that a BMC has nothing to do before it is
 * first spoken to; it is made by the first datagram, and is no more than a socket until then. State is kept in memory: how
 * fast a disk is, is not what is measured.
 *
 *   fleet.js COUNT PORT
 */
import { Bmc } from '../src/bmc/bmc.ts';
import { serialNumberOf } from '../src/bmc/identity.ts';
import { memoryStore } from '../src/bmc/store.ts';
import { ipmiCommands } from '../src/ipmi/commands/commands.ts';
import { IpmiState } from '../src/ipmi/ipmi-state.ts';
import { IpmiLan, type IpmiLanOptions } from '../src/ipmi/lan.ts';
import { SolService } from '../src/ipmi/sol/sol-service.ts';
import { systemClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/log.ts';
import { systemRandom } from '../src/lib/random.ts';
import { FakeMachine } from '../src/machine/fake/fake-machine.ts';
import { hostNetwork } from '../src/network/host-network.ts';
import { fleetAddress, fleetPassword, fleetUser } from './fleet-addresses.ts';

const [count, port] = process.argv.slice(2).map(Number);
if (!count || !port) throw new Error('usage: fleet.js COUNT PORT');
const [clock, random, log] = [systemClock, systemRandom(), silentLogger];

interface Parts {
  readonly bmc: Bmc;
  readonly state: IpmiState;
  readonly sol: SolService;
}

function make(address: string, index: number): Parts {
  const uuid = `4c1f6e0a-52f1-4b7e-9a43-${index.toString(16).padStart(12, '0')}`;
  const bmc = new Bmc({
    machine: new FakeMachine({ clock }),
    identity: {
      uuid,
      serialNumber: serialNumberOf(uuid),
      manufacturer: 'qemu-bmc',
      product: 'QEMU Virtual Server',
      firmwareVersion: '1.0.0',
    },
    users: [{ name: fleetUser, password: fleetPassword, limit: 'administrator' }],
    lan: { network: hostNetwork(address) },
    restorePolicy: 'always-off',
    softOffTimeoutMs: 120_000,
    store: memoryStore(),
    clock,
    random,
    log,
  });
  const { sol: settings, events, users, console } = bmc;
  const state = new IpmiState(bmc);
  const sol = new SolService({ console, settings, events, users, clock, log, replayBytes: 0 });
  bmc.start({ powerReturned: true, powerOn: false }).catch((error: unknown) => {
    process.stderr.write(`${address}: ${String(error)}\n`);
    process.exit(1);
  });
  return { bmc, state, sol };
}

/** What a LAN channel is made of: made when the first datagram asks for it. */
class Lazily implements IpmiLanOptions {
  readonly log = log;
  readonly commands = ipmiCommands;
  readonly address: string;
  readonly port = Number(port);
  readonly ipmi15 = true;
  readonly maxSessions = 64;
  readonly #index: number;
  #made: Parts | undefined;

  constructor(index: number) {
    this.address = fleetAddress(index);
    this.#index = index;
  }

  get bmc(): Bmc {
    return this.#parts.bmc;
  }

  get state(): IpmiState {
    return this.#parts.state;
  }

  get sol(): SolService {
    return this.#parts.sol;
  }

  get #parts(): Parts {
    this.#made ??= make(this.address, this.#index);
    return this.#made;
  }
}

await Promise.all(Array.from({ length: count }, (_, index) => new IpmiLan(new Lazily(index)).start()));
process.stdout.write(`ready ${port} after ${performance.now().toFixed(0)} ms\n`);
process.once('SIGTERM', () => process.exit(0));
