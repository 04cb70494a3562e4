/**
 * Our side of the Serial-over-LAN benchmarks: a BMC on a LAN port, with a serial port that is a unix socket, as QEMU's is.
 *
 *   sol-bmc.js PORT SERIAL-SOCKET USER PASSWORD
 */
import { Bmc } from '../src/bmc/bmc.ts';
import { ConsoleHub } from '../src/bmc/console.ts';
import { memoryStore } from '../src/bmc/store.ts';
import { ipmiCommands } from '../src/ipmi/commands/commands.ts';
import { IpmiState } from '../src/ipmi/ipmi-state.ts';
import { IpmiLan } from '../src/ipmi/lan.ts';
import { SolService } from '../src/ipmi/sol/sol-service.ts';
import { systemClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/log.ts';
import { systemRandom } from '../src/lib/random.ts';
import { FakeMachine } from '../src/machine/fake/fake-machine.ts';
import { SerialConsole } from '../src/machine/qemu/serial-console.ts';

const [port = '', serialSocket = '', name = '', password = ''] = process.argv.slice(2);
const [clock, log] = [systemClock, silentLogger];
const serial = new SerialConsole(`${serialSocket}.log`, () => undefined);
const console = new ConsoleHub(serial, clock);
await console.start();
const bmc = new Bmc({
  machine: new FakeMachine({ clock }),
  identity: {
    uuid: '4c1f6e0a-52f1-4b7e-9a43-0123456789ab',
    serialNumber: 'QB0123456789',
    manufacturer: 'qemu-bmc',
    product: 'QEMU Virtual Server',
    firmwareVersion: '1.0.0',
  },
  users: [{ name, password, limit: 'administrator' }],
  restorePolicy: 'always-off',
  softOffTimeoutMs: 120_000,
  store: memoryStore(),
  clock,
  random: systemRandom(),
  log,
});
const { sol: settings, events, users } = bmc;
const lan = new IpmiLan({
  bmc,
  state: new IpmiState(bmc),
  sol: new SolService({ console, settings, events, users, clock, log, replayBytes: 0 }),
  commands: ipmiCommands,
  address: '127.0.0.1',
  port: Number(port),
});
await serial.attach(serialSocket, { adopting: false });
await lan.start();
await bmc.start({ powerReturned: true, powerOn: false });
process.stdout.write(`ready ${port}\n`);
process.once('SIGTERM', () => process.exit(0));
